package billing

import (
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/period"
	"igny8.com/accounts/internal/plan"
)

// How long things wait.
const (
	// Grace is how long after a period's end a renewal still continues it without a gap.
	Grace = 7 * 24 * time.Hour
	// Review is how long after its deadline a payment that was declared still waits for staff.
	Review = 14 * 24 * time.Hour
	// Collection is how long after a period's end Stripe may be at work on its renewal.
	Collection = 6 * time.Hour
	// RenewalNotice is how long before a period's end the owner is asked to renew.
	RenewalNotice = 7 * 24 * time.Hour
)

// reminders are when the owner is told that the trial ends: so many days before.
var reminders = []struct {
	kind noticeKind
	days int
}{{trialIn7, 7}, {trialIn3, 3}, {trialIn1, 1}}

// noticeKind is what a letter that falls due is about.
type noticeKind string

const (
	trialIn7    noticeKind = "trial_7"
	trialIn3    noticeKind = "trial_3"
	trialIn1    noticeKind = "trial_1"
	renewalSoon noticeKind = "renewal"
)

// noticeKey names one letter: what it is about, and the instant that it announces.
type noticeKey struct {
	Kind noticeKind
	At   time.Time
}

// notice is a letter that was written.
type notice struct {
	bun.BaseModel `bun:"table:igny8_billing_notices,alias:notice"`

	TenantID  gid.Account `bun:"tenant_id,pk"`
	Kind      noticeKind  `bun:"kind,pk"`
	For       time.Time   `bun:"for_at,pk"`
	CreatedAt time.Time   `bun:"created_at"`
}

// in makes instants comparable: a time.Time carries a location that says nothing.
func (k noticeKey) in() noticeKey { return noticeKey{k.Kind, period.Instant(k.At)} }

// eventKind is what falls due, in the order in which things that fall due at one instant are done.
type eventKind int

const (
	paymentExpires eventKind = iota
	noticeDue
	trialEnds
	periodEnds
	graceEnds
	periodBegins
)

// event is one thing that falls due at an instant.
type event struct {
	kind    eventKind
	at      time.Time
	period  *SubscriptionPeriod
	payment *Payment
	notice  noticeKey
}

// before says whether e is done before o.
func (e event) before(o event) bool {
	if e.at.Equal(o.at) {
		return e.kind < o.kind
	}
	return e.at.Before(o.at)
}

// next is what falls due first; false where nothing ever does unless somebody acts. It is a function of the
// agreement alone: however late it is asked, the events come one by one, each at its own instant.
func (a *agreement) next() (first event, found bool) {
	offer := func(e event) {
		if !found || e.before(first) {
			first, found = e, true
		}
	}
	for _, p := range a.unbegun {
		offer(event{kind: periodBegins, at: p.Start, period: p})
	}
	for _, p := range a.pending {
		offer(event{kind: paymentExpires, at: p.deadline(), payment: p})
	}
	last := a.last()
	switch {
	case a.account.System:
		// The house's own accounts neither end nor are reminded.
	case a.account.Status == account.Trial:
		for _, r := range reminders {
			key := noticeKey{r.kind, last.End}
			if at := last.End.AddDate(0, 0, -r.days); at.After(last.Start) && !a.noticed[key.in()] && !a.subscription.CancelAtPeriodEnd {
				offer(event{kind: noticeDue, at: at, notice: key})
			}
		}
		offer(event{kind: trialEnds, at: last.End})
	case a.subscription.Status == PastDue:
		offer(event{kind: graceEnds, at: last.End.Add(Grace)})
	case a.subscription.Status == ActiveSubscription:
		key := noticeKey{renewalSoon, last.End}
		if a.renewable() && !a.noticed[key.in()] {
			offer(event{kind: noticeDue, at: last.End.Add(-RenewalNotice), notice: key})
		}
		offer(event{kind: periodEnds, at: last.End.Add(a.collecting())})
	}
	return first, found
}

// collecting is how long after a period's end Stripe may still be at work on its renewal, as it always is: it leaves
// an invoice open for an hour before it collects it. Nothing is past due meanwhile.
func (a *agreement) collecting() time.Duration {
	if a.subscription.StripeSubscriptionID == nil || a.subscription.CancelAtPeriodEnd || a.followedByFree() {
		return 0
	}
	return Collection
}

// renewable says whether what follows the last period has to be asked and paid for.
func (a *agreement) renewable() bool {
	return !a.subscription.CancelAtPeriodEnd && !a.followedByFree() && a.subscription.StripeSubscriptionID == nil
}

// followedByFree says whether a free period follows the last one.
func (a *agreement) followedByFree() bool {
	if a.subscription.PendingPlanID != nil {
		return a.plans[*a.subscription.PendingPlanID].Slug == plan.Free
	}
	return a.last().Kind == FreePeriod
}

// deadline is when a payment that waits expires: one that was declared waits for its review too.
func (p *Payment) deadline() time.Time {
	if p.DeclaredAt != nil {
		return p.ExpiresAt.Add(Review)
	}
	return p.ExpiresAt
}

// planAfter is the plan that follows the last period.
func (a *agreement) planAfter() gid.Plan {
	if a.subscription.PendingPlanID != nil {
		return *a.subscription.PendingPlanID
	}
	return a.last().PlanID
}
