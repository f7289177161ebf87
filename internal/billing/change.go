package billing

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/enum"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/money"
	"igny8.com/accounts/internal/period"
	"igny8.com/accounts/internal/plan"
)

// ChangeKind is what kind of change a move to a plan is for an account, as it stands.
type ChangeKind string

// The kinds.
const (
	// ChangeStart begins to pay: nothing that was paid for runs. It takes effect with the payment.
	ChangeStart ChangeKind = "start"
	// ChangeUpgrade moves to a dearer plan with the payment of the difference.
	ChangeUpgrade ChangeKind = "upgrade"
	// ChangeDowngrade moves to a cheaper plan when what is paid for ends.
	ChangeDowngrade ChangeKind = "downgrade"
	// ChangeFree moves to the free plan, at once where nothing that was paid for runs.
	ChangeFree ChangeKind = "free"
	// ChangeKeep stays on the plan, and takes a scheduled change back.
	ChangeKeep ChangeKind = "keep"
)

// MarshalGQL writes the enum value.
func (k ChangeKind) MarshalGQL(w io.Writer) { enum.Marshal(w, k) }

// UnmarshalGQL reads the enum value.
func (k *ChangeKind) UnmarshalGQL(v any) error { return enum.Unmarshal(k, v) }

// PendingPlanChange is a change of plan that waits for the end of what is paid for.
type PendingPlanChange struct {
	Plan        *plan.Plan
	EffectiveAt time.Time
}

// Misfit is something that an account has more of than a plan allows. It stays; no more can be added.
type Misfit struct {
	// What is SITES or USERS.
	What        MisfitKind
	Limit, Used int
}

// MisfitKind is what an account has more of than a plan allows.
type MisfitKind string

// What plans limit.
const (
	TooManySites MisfitKind = "sites"
	TooManyUsers MisfitKind = "users"
)

// MarshalGQL writes the enum value.
func (k MisfitKind) MarshalGQL(w io.Writer) { enum.Marshal(w, k) }

// UnmarshalGQL reads the enum value.
func (k *MisfitKind) UnmarshalGQL(v any) error { return enum.Unmarshal(k, v) }

// PlanChange says what a move to a plan means, before anyone agrees.
type PlanChange struct {
	Tenant gid.Account
	Kind   ChangeKind
	FromID gid.Plan
	ToID   gid.Plan
	// EffectiveAt is when the plan changes: now stands for the payment's confirmation where one is due.
	EffectiveAt time.Time
	// PaidUntil is the end of what is paid for afterwards; nil where nothing is.
	PaidUntil *time.Time
	// Price is of the time that is bought, Credited the unused part of what was paid before, Balance what the
	// account has with us and goes towards it. What is due is the price less what is credited, with tax, less
	// the balance.
	// Tax is on the price less what is credited, at the account's rate.
	Price, Credited, Tax, Balance, Due money.Money
	// Returned comes to the account's balance, besides its tax, where more was paid for a time than it costs on the
	// new plan.
	Returned money.Money
	// Credits is how many credits come as it takes effect.
	Credits int64
	// Misfits are what no longer fits.
	Misfits []Misfit

	converted []conversion
}

// conversion is one period, or the rest of one, that moves to another plan.
type conversion struct {
	period *SubscriptionPeriod
	// was is the plan that it was paid for.
	was  gid.Plan
	from time.Time
	// price is of the new plan, unused what was paid for the same time before.
	price, unused int64
	credits       int64
}

// credited is what of the unused part goes towards the new price, returned the rest of it.
func (v conversion) credited() int64 { return min(v.price, v.unused) }
func (v conversion) returned() int64 { return v.unused - v.credited() }

// running says whether time that was paid for, or given, runs or lies ahead: no trial, no free period, none
// that lapsed.
func (a *agreement) running(now time.Time) bool {
	last := a.last()
	return last.Kind.bought() && last.End.After(now) && (a.subscription.Status == ActiveSubscription || a.account.System)
}

// bought says whether periods of the kind were paid for, assigned, or carried over.
func (k PeriodKind) bought() bool {
	return k == PaidPeriod || k == AssignedPeriod || k == OpeningPeriod
}

// price is what a month of a plan costs the account.
func (a *agreement) price(p *plan.Plan) money.Money {
	if s := a.subscription; a.agreedOn(p.ID) {
		return money.Money{Minor: *s.AgreedMinor, Currency: *s.AgreedCurrency}
	}
	return p.Price()
}

// agreedOn says whether staff agreed on a price of the account's own for a plan, which it is on still.
func (a *agreement) agreedOn(id gid.Plan) bool {
	return a.subscription.AgreedMinor != nil && a.last().Kind.bought() && a.last().PlanID == id
}

// leave gives up a price that was agreed on, where what follows the last period is another plan.
func (a *agreement) leave(next gid.Plan) {
	if a.last().PlanID != next {
		a.subscription.AgreedMinor, a.subscription.AgreedCurrency = nil, nil
	}
}

// change says what a move to a plan means for the account at the instant now. Errors: PLAN_UNAVAILABLE,
// INVALID_STATE, both at planSlug.
func (a *agreement) change(ctx context.Context, tx bun.Tx, to *plan.Plan, months int, now time.Time) (*PlanChange, error) {
	if to == nil || !to.SelfServe {
		return nil, fault.New(fault.PlanUnavailable, "there is no plan of this name that can be chosen").At("planSlug")
	}
	from, err := a.plan(ctx, tx, a.account.PlanID)
	if err != nil {
		return nil, err
	}
	if a.account.Status == account.Cancelled && to.Slug == plan.Free {
		return nil, fault.New(fault.InvalidState, "a cancelled account comes back with a payment").At("planSlug")
	}
	nothing := money.Money{Currency: to.Currency}
	c := &PlanChange{
		Tenant: a.account.ID, FromID: from.ID, ToID: to.ID, EffectiveAt: now,
		Price: nothing, Credited: nothing, Tax: nothing, Balance: nothing, Due: nothing, Returned: nothing,
	}
	last := a.last()
	running := a.running(now)
	switch {
	case to.PriceMinor == 0:
		c.Kind = ChangeFree
		if last.Kind == FreePeriod && last.End.After(now) {
			c.Kind = ChangeKeep
		}
		if running {
			c.EffectiveAt = last.End
		}
		c.Credits = to.IncludedCredits
	case !running:
		c.Kind, c.Price, c.Credits = ChangeStart, to.Price().Times(months), to.IncludedCredits
		ext := a.extend(months, now)
		c.EffectiveAt, c.PaidUntil = ext.paid[0].Start, &ext.paid[len(ext.paid)-1].End
	case to.ID == last.PlanID:
		c.Kind, c.PaidUntil = ChangeKeep, &last.End
	default:
		c.upgrade(a, from, to, now)
	}
	if c.Kind == ChangeUpgrade && a.assignmentWaits() {
		return nil, fault.New(fault.InvalidState, "the plan that was assigned is to be paid for first").At("planSlug")
	}
	c.due(a)
	return c, nil
}

// upgrade converts all that is paid for and costs less to the dearer plan; where there is nothing to convert the
// plan is a cheaper one, and follows.
func (c *PlanChange) upgrade(a *agreement, from, to *plan.Plan, now time.Time) {
	last := a.last()
	c.PaidUntil = &last.End
	for _, p := range a.chain {
		if !p.End.After(now) || !p.Kind.bought() || a.monthly(p) >= to.PriceMinor || p.PlanID == to.ID {
			continue
		}
		v := conversion{period: p, was: p.PlanID, from: p.Start, price: to.PriceMinor, unused: p.PriceMinor}
		if !p.Start.After(now) {
			// No part is empty: a period that began this very instant keeps the least there is.
			cut := latest(now, p.Start.Add(time.Microsecond))
			if !cut.Before(p.End) {
				continue // the least there is cannot be parted
			}
			whole := a.whole(p, cut)
			v.from, v.price, v.unused = cut, whole.Unused(to.PriceMinor, cut), p.Span().Unused(p.PriceMinor, cut)
			v.credits = max(0, whole.Left(to.IncludedCredits-from.IncludedCredits, cut))
			c.Credits = v.credits
		}
		c.converted = append(c.converted, v)
		c.Price.Minor += v.price
		c.Credited.Minor += v.credited()
		c.Returned.Minor += v.returned()
	}
	if len(c.converted) > 0 {
		c.Kind = ChangeUpgrade
		return
	}
	c.Kind, c.EffectiveAt, c.Credits = ChangeDowngrade, last.End, to.IncludedCredits
}

// monthly is what a month of the plan of a period costs.
func (a *agreement) monthly(p *SubscriptionPeriod) int64 {
	of := a.plans[p.PlanID]
	if of == nil {
		return 0
	}
	return a.price(of).Minor
}

// whole is the month that a period, or the rest of one, is of: the price of a month is parted over it.
func (a *agreement) whole(p *SubscriptionPeriod, t time.Time) period.Period {
	if a.subscription.Anchor == nil {
		return p.Span()
	}
	month := period.Chain(*a.subscription.Anchor, period.Around(*a.subscription.Anchor, t), 1)[0]
	if !month.End.Equal(p.End) {
		return p.Span()
	}
	return month
}

func (c *PlanChange) due(a *agreement) {
	c.Due.Minor = c.Price.Minor - c.Credited.Minor
	c.Tax.Minor = taxOn(c.Due.Minor, a.account.TaxRate)
	c.Due.Minor += c.Tax.Minor
	c.Balance.Minor = a.applicable(c.Due)
	c.Due.Minor -= c.Balance.Minor
}

// fit says what the account has more of than the plan allows.
func (c *PlanChange) fit(ctx context.Context, db bun.IDB, to *plan.Plan) error {
	var used struct{ Sites, Users int }
	err := db.NewRaw(`SELECT
		(SELECT count(*) FROM igny8_sites WHERE tenant_id = ?0 AND deleted_at IS NULL) AS sites,
		(SELECT count(*) FROM igny8_users WHERE tenant_id = ?0 AND deleted_at IS NULL) AS users`, c.Tenant).Scan(ctx, &used)
	if err != nil {
		return fmt.Errorf("count what a plan limits: %w", err)
	}
	c.Misfits = []Misfit{}
	if limit := to.SiteLimit(); limit != nil && used.Sites > *limit {
		c.Misfits = append(c.Misfits, Misfit{What: TooManySites, Limit: *limit, Used: used.Sites})
	}
	if limit := to.UserLimit(); limit != nil && used.Users > *limit {
		c.Misfits = append(c.Misfits, Misfit{What: TooManyUsers, Limit: *limit, Used: used.Users})
	}
	return nil
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
