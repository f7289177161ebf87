package billing

import (
	"time"

	"igny8.com/accounts/internal/period"
)

// extension is what a confirmed payment does to an account's periods.
type extension struct {
	// cutLast is the new end of the period that runs now; nil where it keeps its own.
	cutLast *time.Time
	// lapsed is the time that nobody paid for; nil where there is none.
	lapsed *period.Period
	anchor time.Time
	paid   []period.Period
}

// extend says how months paid and confirmed at the instant now continue the history that ends with last. The
// agreement goes on, without a gap, until the grace time after its end is over, unless it was ended before.
func extend(anchor *time.Time, last *SubscriptionPeriod, months int, now time.Time, goesOn bool) extension {
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
		return e
	case PaidPeriod, AssignedPeriod, OpeningPeriod:
	}

	if now.After(last.End) && !goesOn || !now.Before(last.End.Add(Grace)) {
		return extension{
			lapsed: &period.Period{Start: last.End, End: now},
			anchor: now, paid: period.Chain(now, 0, months),
		}
	}
	from, k := last.End, 0
	if anchor != nil {
		if i, ok := period.Index(*anchor, last.End); ok {
			from, k = *anchor, i
		}
	}
	return extension{anchor: from, paid: period.Chain(from, k, months)}
}

// extend is what months paid and confirmed now do to the agreement's periods.
func (a *agreement) extend(months int, now time.Time) extension {
	s := a.subscription.Status
	return extend(a.subscription.Anchor, a.last(), months, now, s == ActiveSubscription || s == PastDue || a.account.System)
}
