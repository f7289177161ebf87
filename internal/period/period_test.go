package period_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"igny8.com/accounts/internal/period"
)

func at(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t
}

func TestBoundary_ClampsToTheMonthsEndAndReturnsToTheDay(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		anchor string
		k      int
		want   string
	}{
		{"2026-01-31T10:00:00Z", 1, "2026-02-28T10:00:00Z"},
		{"2026-01-31T10:00:00Z", 2, "2026-03-31T10:00:00Z"},
		{"2026-01-31T10:00:00Z", 3, "2026-04-30T10:00:00Z"},
		{"2028-01-30T00:00:00Z", 1, "2028-02-29T00:00:00Z"},
		{"2024-02-29T23:59:59Z", 12, "2025-02-28T23:59:59Z"},
		{"2024-02-29T23:59:59Z", 48, "2028-02-29T23:59:59Z"},
		{"2026-03-31T00:00:00Z", -1, "2026-02-28T00:00:00Z"},
		{"2026-12-15T00:00:00Z", 1, "2027-01-15T00:00:00Z"},
		// The same instant given in another zone has the same boundaries: UTC decides.
		{"2026-01-31T23:30:00-05:00", 1, "2026-03-01T04:30:00Z"},
	} {
		if got := period.Boundary(at(c.anchor), c.k); !got.Equal(at(c.want)) {
			t.Errorf("Boundary(%s, %d) = %s, want %s", c.anchor, c.k, got, c.want)
		}
	}
}

func drawInstant(t *rapid.T) time.Time {
	seconds := rapid.Int64Range(at("2000-01-01T00:00:00Z").Unix(), at("2090-01-01T00:00:00Z").Unix()).Draw(t, "seconds")
	return time.Unix(seconds, 0).UTC()
}

func TestBoundary_NeverDriftsFromTheAnchorsDay(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		anchor, k := drawInstant(t), rapid.IntRange(-600, 600).Draw(t, "k")
		b := period.Boundary(anchor, k)
		last := time.Date(b.Year(), b.Month()+1, 0, 0, 0, 0, 0, time.UTC).Day()
		if b.Day() != min(anchor.Day(), last) {
			t.Fatalf("boundary %d of %s falls on day %d", k, anchor, b.Day())
		}
		if months := (b.Year()-anchor.Year())*12 + int(b.Month()) - int(anchor.Month()); months != k {
			t.Fatalf("boundary %d of %s is %d months away", k, anchor, months)
		}
		if b.Hour() != anchor.Hour() || b.Minute() != anchor.Minute() || b.Second() != anchor.Second() {
			t.Fatalf("boundary %d of %s is at another time of day: %s", k, anchor, b)
		}
		if got, ok := period.Index(anchor, b); !ok || got != k {
			t.Fatalf("Index(%s, %s) = %d, %v, want %d", anchor, b, got, ok, k)
		}
		if _, ok := period.Index(anchor, b.Add(time.Microsecond)); ok {
			t.Fatalf("an instant after boundary %d counts as a boundary", k)
		}
	})
}

func TestChain_PutsEachInstantIntoOnePeriod(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		anchor, k := drawInstant(t), rapid.IntRange(0, 120).Draw(t, "k")
		n := rapid.IntRange(1, 24).Draw(t, "n")
		chain := period.Chain(anchor, k, n)
		if len(chain) != n {
			t.Fatalf("%d periods, want %d", len(chain), n)
		}
		span := chain[n-1].End.Sub(chain[0].Start)
		instant := chain[0].Start.Add(time.Duration(rapid.Int64Range(0, int64(span)-1).Draw(t, "offset")))
		count := 0
		for i, p := range chain {
			if i > 0 && !p.Start.Equal(chain[i-1].End) {
				t.Fatalf("period %d starts at %s, its predecessor ends at %s", i, p.Start, chain[i-1].End)
			}
			if p.Contains(instant) {
				count++
			}
		}
		if count != 1 {
			t.Fatalf("%s lies in %d periods", instant, count)
		}
	})
}

func TestDays_AreOf24Hours(t *testing.T) {
	t.Parallel()
	p := period.Days(at("2026-11-22T08:00:00Z"), 14)
	if !p.End.Equal(at("2026-12-06T08:00:00Z")) {
		t.Fatalf("14 days end at %s", p.End)
	}
	if p.Contains(p.End) || !p.Contains(p.Start) {
		t.Fatal("a period contains its start and not its end")
	}
}
