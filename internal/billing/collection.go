package billing

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/audit"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/money"
	"igny8.com/accounts/internal/plan"
)

// collection is what the agreement means for the Stripe subscription that collects for the account.
type collection struct {
	// ends says that there is nothing to collect for any more, cancels that there will not be when what is paid for
	// ends.
	ends, cancels bool
	// plan is what the next period is of.
	plan gid.Plan
}

// collection is a function of the agreement alone, so that whatever command changes it, what Stripe has to do about it
// is found in one place.
func (a *agreement) collection() collection {
	c := collection{plan: a.planAfter()}
	switch kind := a.last().Kind; {
	case a.account.Status == account.Cancelled, kind == FreePeriod, kind == AssignedPeriod:
		c.ends = true
	case a.subscription.CancelAtPeriodEnd, a.followedByFree():
		c.cancels = true
	}
	return c
}

// tellStripe leaves what Stripe has to do because of what was changed since the agreement was read. What Stripe does
// by then anyway, as it was seen last, is not asked for.
//
// A subscription that was to end goes on only where somebody asked for that: a bank transfer takes a cancellation back
// here, but whoever pays by one has not asked Stripe to collect again.
func (a *agreement) tellStripe(ctx context.Context, tx bun.Tx) error {
	id := a.subscription.StripeSubscriptionID
	was, is := a.collected, a.collection()
	if id == nil || was == is && !a.stops {
		return nil
	}
	if is.ends && !was.ends || a.stops {
		if err := a.push(ctx, tx, &Push{Kind: PushEnd, SubscriptionID: id}, struct{}{}, a.readAt); err != nil {
			return err
		}
		return a.collectedBy(ctx, tx, nil, a.readAt)
	}
	seen, err := readCollector(ctx, tx, a.account.ID, *id)
	if err != nil {
		return err
	}
	if is.cancels != was.cancels && (is.cancels || a.resumes) {
		if err := a.wish(ctx, tx, PushCancel, *id, seen.known() && seen.Cancelling == is.cancels, CancelWish{is.cancels}); err != nil {
			return err
		}
	}
	again := was.cancels && a.resumes // what was wished before it was to end may be another plan
	if is.ends || is.cancels || is.plan == was.plan && !again {
		return nil
	}
	to, err := a.plan(ctx, tx, is.plan)
	if err != nil {
		return err
	}
	return a.wish(ctx, tx, PushPlan, *id, seen.known() && seen.PlanSlug == to.Slug, a.planWish(to))
}

// CancelWish is what a push of kind PushCancel wants.
type CancelWish struct {
	AtPeriodEnd bool `json:"atPeriodEnd"`
}

// PlanWish is what a push of kind PushPlan wants.
type PlanWish struct {
	Plan     string         `json:"plan"`
	Net      int64          `json:"net"`
	Currency money.Currency `json:"currency"`
	TaxRate  *int           `json:"taxRate"`
	// KeepNet leaves the price without tax as it was agreed on, where the subscription is of the plan by then.
	KeepNet bool `json:"keepNet,omitempty"`
}

// Tax is on the price.
func (w PlanWish) Tax() int64 { return taxOn(w.Net, w.TaxRate) }

func (a *agreement) planWish(to *plan.Plan) PlanWish {
	price := a.price(to)
	return PlanWish{Plan: to.Slug, Net: price.Minor, Currency: price.Currency, TaxRate: a.account.TaxRate}
}

// retax has Stripe charge the account's rate of tax from the next invoice on, also where that would come only after an
// end that is taken back. What was agreed on without tax stays.
func (a *agreement) retax(ctx context.Context, tx bun.Tx) error {
	follows := a.planAfter()
	if a.followedByFree() {
		follows = a.last().PlanID
	}
	to, err := a.plan(ctx, tx, follows)
	if err != nil {
		return err
	}
	wanted := a.planWish(to)
	wanted.KeepNet = true
	return a.push(ctx, tx, &Push{Kind: PushPlan, SubscriptionID: a.subscription.StripeSubscriptionID}, wanted, a.readAt)
}

// wish leaves a wish, unless Stripe does so by now and nothing else waits to be done about it.
func (a *agreement) wish(ctx context.Context, tx bun.Tx, kind PushKind, id string, isSo bool, wanted any) error {
	if isSo {
		ours, err := a.wishes(ctx, tx, id)
		if err != nil || ours.waiting(kind) == nil {
			return err
		}
	}
	return a.push(ctx, tx, &Push{Kind: kind, SubscriptionID: &id}, wanted, a.readAt)
}

// goesOn says whether Stripe will collect beyond what is paid for, once it was told what we want of it. A subscription
// that was to end there ends also where a transfer took the cancellation back here.
func (a *agreement) goesOn(ctx context.Context, tx bun.Tx) (bool, error) {
	id := a.subscription.StripeSubscriptionID
	if id == nil || a.subscription.CancelAtPeriodEnd {
		return false, nil
	}
	seen, err := readCollector(ctx, tx, a.account.ID, *id)
	if err != nil {
		return false, err
	}
	ours, err := a.wishes(ctx, tx, *id)
	if err != nil {
		return false, err
	}
	cancel := ours.waiting(PushCancel)
	if cancel == nil {
		return !seen.Cancelling, nil
	}
	var wanted CancelWish
	if err := json.Unmarshal(cancel.Wanted, &wanted); err != nil {
		return false, fmt.Errorf("read a push: %w", err)
	}
	return !wanted.AtPeriodEnd, nil
}

func (c *Collector) known() bool { return c.Version > 0 }

// StopCollecting has Stripe end the subscription that collects for a locked account, if there is one: for what ends
// an account beside its agreement. Nothing collects for it from then on.
func StopCollecting(ctx context.Context, tx bun.Tx, locked *account.Account, now time.Time) error {
	return onCollected(ctx, tx, locked, now, func(a *agreement, ctx context.Context, tx bun.Tx) error {
		a.stops = true
		return a.close(ctx, tx)
	})
}

// onCollected does something with the agreement of a locked account, where Stripe collects for it.
func onCollected(
	ctx context.Context, tx bun.Tx, locked *account.Account, now time.Time, do func(*agreement, context.Context, bun.Tx) error,
) error {
	collected := []*Subscription{}
	err := tx.NewSelect().Model(&collected).Column("tenant_id", "stripe_subscription_id").Where("tenant_id = ?", locked.ID).
		Where("stripe_subscription_id IS NOT NULL").Scan(ctx)
	if err != nil {
		return fmt.Errorf("find what collects for an account: %w", err)
	}
	if len(collected) == 0 {
		return nil
	}
	a, err := read(ctx, tx, locked, locked.Now(now))
	if err != nil {
		return err
	}
	return do(a, ctx, tx)
}

// collectedBy writes which subscription of Stripe collects for the account; nil for none any more.
func (a *agreement) collectedBy(ctx context.Context, tx bun.Tx, id *string, now time.Time) error {
	action, which := "subscription.stripe_began", id
	if id == nil {
		action, which = "subscription.stripe_ended", a.subscription.StripeSubscriptionID
	}
	a.subscription.StripeSubscriptionID, a.subscription.UpdatedAt = id, now
	if _, err := tx.NewUpdate().Model(a.subscription).WherePK().Column("stripe_subscription_id", "updated_at").Exec(ctx); err != nil {
		return fmt.Errorf("write what collects for an account: %w", err)
	}
	change := audit.On(action, "subscription", a.subscription.ID).To(map[string]any{"stripeSubscriptionId": *which})
	return audit.Record(ctx, tx, a.account.ID, audit.By{Kind: audit.System}, now, change)
}
