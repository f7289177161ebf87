package period_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"igny8.com/accounts/internal/period"
)

func TestAround_FindsTheOneMonthThatAnInstantLiesIn(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		anchor, instant := drawInstant(t), drawInstant(t)
		k := period.Around(anchor, instant)
		if month := period.Chain(anchor, k, 1)[0]; !month.Contains(instant) {
			t.Fatalf("%s is not in month %d of %s: %v", instant, k, anchor, month)
		}
	})
}

func TestYears_ReturnToTheLeapDay(t *testing.T) {
	t.Parallel()
	years := period.Year.Chain(at("2024-02-29T12:00:00Z"), 0, 5)
	for i, want := range []string{"2024-02-29", "2025-02-28", "2026-02-28", "2027-02-28", "2028-02-29"} {
		if got := years[i].Start.Format(time.DateOnly); got != want {
			t.Errorf("year %d starts on %s, want %s", i, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		anchor, n := drawInstant(t), rapid.IntRange(1, 10).Draw(t, "n")
		chain := period.Year.Chain(anchor, 0, n)
		for i, p := range chain {
			if !p.Start.Equal(period.Boundary(anchor, 12*i)) || i > 0 && !p.Start.Equal(chain[i-1].End) {
				t.Fatalf("year %d of %s is %v", i, anchor, p)
			}
		}
	})
}

// However often a period is cut, and wherever, what its parts cost adds up to its price, no part costs less
// than nothing, and a later cut never makes what was used before cheaper.
func TestUsed_PartsAddUpExactly(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		start := drawInstant(t)
		length := rapid.Int64Range(2, 400*24*3600*1e6).Draw(t, "length")
		rest := period.Period{Start: start, End: start.Add(time.Duration(length) * time.Microsecond)}
		price := rapid.Int64Range(0, 1<<50).Draw(t, "price")
		var sum int64
		left := price
		for range rapid.IntRange(0, 6).Draw(t, "cuts") {
			span := rest.End.Sub(rest.Start).Microseconds()
			if span < 2 {
				break
			}
			cut := rest.Start.Add(time.Duration(rapid.Int64Range(1, span-1).Draw(t, "cut")) * time.Microsecond)
			used, unused := rest.Used(left, cut), rest.Unused(left, cut)
			if used < 0 || unused < 0 || used+unused != left {
				t.Fatalf("%d is parted into %d and %d", left, used, unused)
			}
			if given := rest.Left(left, cut); given > unused || given < unused-1 {
				t.Fatalf("%d of %d are left, %d unused", given, left, unused)
			}
			if earlier := rest.Used(left, cut.Add(-time.Microsecond)); earlier > used {
				t.Fatalf("%d are used before %d are", earlier, used)
			}
			sum, left, rest.Start = sum+used, unused, cut
		}
		if sum+left != price {
			t.Fatalf("the parts add up to %d of %d", sum+left, price)
		}
	})
}

func TestUsed_IsNothingBeforeAndEverythingAfter(t *testing.T) {
	t.Parallel()
	p := period.Period{Start: at("2026-01-01T00:00:00Z"), End: at("2026-02-01T00:00:00Z")}
	for instant, want := range map[string]int64{
		"2025-12-31T00:00:00Z": 0, "2026-01-01T00:00:00Z": 0, "2026-01-16T12:00:00Z": 50, "2026-02-01T00:00:00Z": 100, "2026-03-01T00:00:00Z": 100,
	} {
		if got := p.Used(100, at(instant)); got != want {
			t.Errorf("at %s %d are used, want %d", instant, got, want)
		}
		if got := p.Left(100, at(instant)); got != 100-want {
			t.Errorf("at %s %d are left, want %d", instant, got, 100-want)
		}
	}
}

// The boundaries are the same rows wherever the server stands: this test runs itself again in each zone.
func TestBoundaries_AreTheSameInEveryTimeZone(t *testing.T) {
	t.Parallel()
	const inner = "IGNY8_PERIODS_OF"
	if os.Getenv(inner) != "" {
		anchor := time.Unix(at("2026-01-30T23:30:00Z").Unix(), 0) // in the zone of the process
		for k := range 40 {
			os.Stdout.WriteString(period.Boundary(anchor, k).Format(time.RFC3339Nano) + "\n")
		}
		return
	}
	told := map[string]bool{}
	for _, zone := range []string{"UTC", "Asia/Karachi", "America/New_York", "Pacific/Apia"} {
		if _, err := time.LoadLocation(zone); err != nil {
			t.Fatal(err)
		}
		again := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
		again.Env = append(os.Environ(), "TZ="+zone, inner+"=1")
		out, err := again.Output()
		if err != nil {
			t.Fatal(err)
		}
		rows := strings.TrimSpace(string(out))
		if n := strings.Count(rows, "Z\n"); n < 39 {
			t.Fatalf("%s: %d rows in UTC:\n%s", zone, n, rows)
		}
		told[strings.Split(rows, "PASS")[0]] = true
	}
	if len(told) != 1 {
		t.Errorf("the boundaries are told in %d ways", len(told))
	}
}

// Told in whatever zone, an instant has the same boundaries, to the microsecond.
func TestBoundary_IsTheSameForAnInstantToldInAnyZone(t *testing.T) {
	t.Parallel()
	var zones []*time.Location
	for _, name := range []string{"Asia/Karachi", "America/New_York", "Pacific/Apia"} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		zones = append(zones, zone)
	}
	rapid.Check(t, func(t *rapid.T) {
		anchor, k := drawInstant(t), rapid.IntRange(-120, 600).Draw(t, "k")
		want := period.Boundary(anchor, k)
		for _, zone := range zones {
			if got := period.Boundary(anchor.In(zone), k); !got.Equal(want) || got.Location() != time.UTC {
				t.Fatalf("boundary %d of %s is %s, of the same instant in %s %s", k, anchor, want, zone, got)
			}
		}
	})
}
