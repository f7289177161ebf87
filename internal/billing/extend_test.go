package billing

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/period"
)

func at0(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t
}

func history(kind PeriodKind, start, end string, plan gid.Plan) *SubscriptionPeriod {
	return &SubscriptionPeriod{Kind: kind, Start: at0(start), End: at0(end), PlanID: plan}
}

func TestExtend_StartsAtTheFirstPayment(t *testing.T) {
	t.Parallel()
	now := at0("2026-01-31T09:00:00Z")
	e := extend(nil, history(TrialPeriod, "2026-01-25T00:00:00Z", "2026-02-08T00:00:00Z", 7), 2, now, true)
	if e.cutLast == nil || !e.cutLast.Equal(now) || e.lapsed != nil || !e.anchor.Equal(now) {
		t.Errorf("%+v", e)
	}
	if len(e.paid) != 2 || !e.paid[0].Start.Equal(now) || !e.paid[0].End.Equal(at0("2026-02-28T09:00:00Z")) ||
		!e.paid[1].End.Equal(at0("2026-03-31T09:00:00Z")) {
		t.Errorf("%v", e.paid)
	}
}

func TestExtend_NamesTheTimeAfterATrialThatNobodyPaidFor(t *testing.T) {
	t.Parallel()
	now := at0("2026-03-01T00:00:00Z")
	e := extend(nil, history(TrialPeriod, "2026-01-25T00:00:00Z", "2026-02-08T00:00:00Z", 7), 1, now, true)
	if e.cutLast != nil || e.lapsed == nil || !e.lapsed.Start.Equal(at0("2026-02-08T00:00:00Z")) || !e.lapsed.End.Equal(now) {
		t.Errorf("%+v", e)
	}
}

func TestExtend_RenewsByTheAnchor(t *testing.T) {
	t.Parallel()
	anchor := at0("2026-01-31T00:00:00Z")
	last := history(PaidPeriod, "2026-01-31T00:00:00Z", "2026-02-28T00:00:00Z", 2)
	for name, now := range map[string]string{
		"early": "2026-02-10T00:00:00Z", "at the end": "2026-02-28T00:00:00Z", "in the grace time": "2026-03-06T23:59:59Z",
	} {
		e := extend(&anchor, last, 1, at0(now), true)
		if e.cutLast != nil || e.lapsed != nil || !e.anchor.Equal(anchor) ||
			!e.paid[0].Start.Equal(last.End) || !e.paid[0].End.Equal(at0("2026-03-31T00:00:00Z")) {
			t.Errorf("%s: %+v", name, e)
		}
	}
}

func TestExtend_StartsAnewAfterTheGraceTime(t *testing.T) {
	t.Parallel()
	anchor, now := at0("2026-01-31T00:00:00Z"), at0("2026-03-07T00:00:00Z")
	last := history(PaidPeriod, "2026-01-31T00:00:00Z", "2026-02-28T00:00:00Z", 2)
	e := extend(&anchor, last, 1, now, true)
	if e.lapsed == nil || !e.lapsed.Start.Equal(last.End) || !e.lapsed.End.Equal(now) || !e.anchor.Equal(now) ||
		!e.paid[0].Start.Equal(now) {
		t.Errorf("%+v", e)
	}
}

// Whoever cancelled and comes back within the grace time does not pay for the days between.
func TestExtend_StartsAnewAfterAnAgreementThatWasEnded(t *testing.T) {
	t.Parallel()
	anchor, now := at0("2026-01-31T00:00:00Z"), at0("2026-03-02T00:00:00Z")
	last := history(PaidPeriod, "2026-01-31T00:00:00Z", "2026-02-28T00:00:00Z", 2)
	e := extend(&anchor, last, 1, now, false)
	if e.lapsed == nil || !e.paid[0].Start.Equal(now) {
		t.Errorf("%+v", e)
	}
}

// Whatever the history ends with and whenever the money comes: what follows starts where the
// history ends, has no gap and no overlap, and n months are n periods.
func TestExtend_ContinuesTheChain(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		start := at0("2024-01-01T00:00:00Z").Add(time.Duration(rapid.Int64Range(0, 3*365*24*3600).Draw(t, "start")) * time.Second)
		last := &SubscriptionPeriod{
			Kind: rapid.SampledFrom([]PeriodKind{
				TrialPeriod, FreePeriod, LapsedPeriod, PaidPeriod, AssignedPeriod, OpeningPeriod,
			}).Draw(t, "kind"),
			PlanID: 2, Start: start,
			End: start.Add(time.Duration(rapid.Int64Range(1, 40*24*3600).Draw(t, "length")) * time.Second),
		}
		var anchor *time.Time
		if rapid.Bool().Draw(t, "anchored") {
			anchor = &start
		}
		now := start.Add(time.Duration(rapid.Int64Range(1, 90*24*3600).Draw(t, "now")) * time.Second)
		months := rapid.IntRange(1, MaxMonths).Draw(t, "months")
		e := extend(anchor, last, months, now, true)
		end := last.End
		if e.cutLast != nil {
			if !e.cutLast.After(last.Start) || e.cutLast.After(last.End) {
				t.Fatalf("cut to %s", e.cutLast)
			}
			end = *e.cutLast
		}
		if e.lapsed != nil {
			if !e.lapsed.Start.Equal(end) || !e.lapsed.Start.Before(e.lapsed.End) {
				t.Fatalf("lapse %v after %s", e.lapsed, end)
			}
			end = e.lapsed.End
		}
		if len(e.paid) != months {
			t.Fatalf("%d periods for %d months", len(e.paid), months)
		}
		for i, p := range e.paid {
			if !p.Start.Equal(end) || !p.Start.Before(p.End) {
				t.Fatalf("period %d is %v after %s", i, p, end)
			}
			end = p.End
		}
		if months, length := months, end.Sub(e.paid[0].Start); length < time.Duration(months)*27*24*time.Hour {
			t.Fatalf("%d months in %s", months, length)
		}
	})
}

func TestShare_AddsUpExactly(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		total, n := rapid.Int64Range(1, 1<<40).Draw(t, "total"), rapid.IntRange(1, MaxMonths).Draw(t, "n")
		sum, least, most := int64(0), total, int64(0)
		for i := range n {
			part := share(total, n, i)
			sum, least, most = sum+part, min(least, part), max(most, part)
		}
		if sum != total || most-least > 1 {
			t.Fatalf("%d in %d parts: sum %d, from %d to %d", total, n, sum, least, most)
		}
	})
}

func TestReference_CatchesAMistypedDigitAndTwoThatChangedPlaces(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		tenant := gid.Account(rapid.Int64Range(1, 1e7).Draw(t, "tenant"))
		payment := gid.Payment(rapid.Int64Range(1, 1e9).Draw(t, "payment"))
		right := Reference(tenant, payment)
		digits := []byte(right[len("IGNY8-") : len(right)-2])
		i := rapid.IntRange(0, len(digits)-1).Draw(t, "i")
		if digits[i] == '-' {
			return
		}
		check := right[len(right)-1]
		wrong := rapid.ByteRange('0', '9').Draw(t, "wrong")
		if wrong != digits[i] {
			old := digits[i]
			digits[i] = wrong
			if checkLetter(string(digits)) == check {
				t.Fatalf("%s with %q for %q", right, wrong, old)
			}
			digits[i] = old
		}
		if i > 0 && digits[i-1] != '-' && digits[i-1] != digits[i] {
			digits[i-1], digits[i] = digits[i], digits[i-1]
			if checkLetter(string(digits)) == check {
				t.Fatalf("%s with two digits changed", right)
			}
		}
	})
}

// Renewed early n times by a month, or once by n months: the same n periods, whenever the payments came.
func TestExtend_RenewsAsOftenAsItIsPaidFor(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		anchor := at0("2024-01-01T00:00:00Z").Add(time.Duration(rapid.Int64Range(0, 3*365*24*3600).Draw(t, "anchor")) * time.Second)
		n := rapid.IntRange(1, MaxMonths).Draw(t, "n")
		first := period.Chain(anchor, 0, 1)[0]
		last := &SubscriptionPeriod{Kind: PaidPeriod, PlanID: 2, Start: first.Start, End: first.End}
		once := extend(&anchor, last, n, first.Start, true)
		for i := range n {
			now := last.End.Add(-time.Duration(rapid.Int64Range(1, 40*24*3600).Draw(t, "early")) * time.Second)
			e := extend(&anchor, last, 1, now, true)
			if len(e.paid) != 1 || e.lapsed != nil || e.cutLast != nil || !e.anchor.Equal(anchor) || e.paid[0] != once.paid[i] {
				t.Fatalf("renewal %d is %+v, want %v", i, e, once.paid[i])
			}
			last = &SubscriptionPeriod{Kind: PaidPeriod, PlanID: 2, Start: e.paid[0].Start, End: e.paid[0].End}
		}
	})
}
