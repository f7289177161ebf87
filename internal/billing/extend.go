package billing

import (
	"time"

	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/period"
)

// Grace is how long after a period's end a renewal still continues it without a gap.
const Grace = 7 * 24 * time.Hour

// extension is what a confirmed payment does to an account's periods.
type extension struct {
	// cutLast is the new end of the period that runs now; nil where it keeps its own.
	cutLast *time.Time
	// lapsed is the time that nobody paid for; nil where there is none.
	lapsed *period.Period
	anchor time.Time
	paid   []period.Period
}

// extend says how months paid and confirmed at the instant now continue the history that ends with
// last. Errors: INVALID_STATE where a period of another plan is still running or paid for, because
// changing plans there needs the unused part to be settled.
func extend(anchor *time.Time, last *SubscriptionPeriod, plan gid.Plan, months int, now time.Time) (extension, error) {
	switch last.Kind {
	case TrialPeriod, FreePeriod, LapsedPeriod:
		if !now.After(last.Start) {
			// No period is empty: one that began this very instant keeps the least there is.
			now = last.Start.Add(time.Microsecond)
		}
		e := extension{anchor: now, paid: period.Chain(now, 0, months)}
		switch {
		case now.Before(last.End):
			e.cutLast = &now
		case now.After(last.End):
			e.lapsed = &period.Period{Start: last.End, End: now}
		}
		return e, nil
	case PaidPeriod, AssignedPeriod, OpeningPeriod:
	}

	if !now.Before(last.End.Add(Grace)) {
		return extension{
			lapsed: &period.Period{Start: last.End, End: now},
			anchor: now, paid: period.Chain(now, 0, months),
		}, nil
	}
	if last.PlanID != plan {
		return extension{}, fault.New(fault.InvalidState, "another plan is paid for until %s", last.End.Format(time.DateOnly))
	}
	from, k := last.End, 0
	if anchor != nil {
		if i, ok := period.Index(*anchor, last.End); ok {
			from, k = *anchor, i
		}
	}
	return extension{anchor: from, paid: period.Chain(from, k, months)}, nil
}
