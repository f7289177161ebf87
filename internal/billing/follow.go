package billing

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/audit"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/money"
	"igny8.com/accounts/internal/postgres"
)

// StripeSubscription is a subscription at Stripe as it is there now.
type StripeSubscription struct {
	ID, CustomerID string
	// Status is Stripe's word.
	Status string
	// Cancelling says that it ends with the period that it is paid for.
	Cancelling bool
	// Requested says that it ended because somebody asked for that, and not because it was not paid.
	Requested bool
	PlanSlug  string
	// Amount is what a period costs, with tax.
	Amount    money.Money
	PeriodEnd *time.Time
}

// Stripe's words for where a subscription stands.
const (
	subscriptionIncomplete = "incomplete"
	subscriptionLapsed     = "incomplete_expired"
	subscriptionCancelled  = "canceled"
)

// ErrOvertaken says that what was fetched of Stripe is older than what is known by now: it has to be fetched again.
var ErrOvertaken = errors.New("what Stripe said was overtaken")

// StripeVersion is how often a subscription of Stripe was looked at; 0 for never. It is read before the subscription is
// fetched, so that FollowSubscription knows whether somebody fetched a newer state meanwhile. It reads in the scope of
// staff, because whose the subscription is may not be known yet.
func StripeVersion(ctx context.Context, db bun.IDB, id string) (int64, error) {
	var versions []int64
	err := db.NewSelect().Model((*Collector)(nil)).Column("version").Where("subscription_id = ?", id).
		Scan(postgres.WithStaff(postgres.WithTenant(ctx, 0)), &versions)
	if err != nil {
		return 0, fmt.Errorf("read how often a subscription of Stripe was looked at: %w", err)
	}
	if len(versions) == 0 {
		return 0, nil
	}
	return versions[0], nil
}

// readCollector is a subscription as it was seen last; one without a version where it was not.
func readCollector(ctx context.Context, db bun.IDB, tenant gid.Account, id string) (*Collector, error) {
	seen := new(Collector)
	err := db.NewSelect().Model(seen).Where("tenant_id = ?", tenant).Where("subscription_id = ?", id).Scan(ctx)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("read a subscription of Stripe: %w", err)
	}
	seen.TenantID, seen.SubscriptionID = tenant, id
	return seen, nil
}

// FollowSubscription brings the agreement to what changed of a Stripe subscription since it was seen last: that it
// collects for the account, that it will end with what is paid for or will not any more, that it is over. What we
// want Stripe to do and is not done yet is not overruled. It counts from the first invoice of it on that was counted.
// Errors: ErrOvertaken, NOT_FOUND, INVALID_STATE where another subscription collects for the account.
func (o Office) FollowSubscription(
	ctx context.Context, db bun.IDB, tenant gid.Account, now time.Time, in StripeSubscription, version int64,
) error {
	return postgres.InTx(postgres.WithTenant(ctx, int64(tenant)), db, func(ctx context.Context, tx bun.Tx) error {
		a, err := o.open(ctx, tx, tenant, &now)
		if err != nil {
			return err
		}
		seen, err := readCollector(ctx, tx, tenant, in.ID)
		if err != nil {
			return err
		}
		if seen.Version != version {
			return ErrOvertaken
		}
		uncounted, err := a.uncounted(ctx, tx, in.ID)
		if err != nil {
			return err
		}
		if uncounted {
			in = in.uncounted()
		}
		ours, err := a.wishes(ctx, tx, in.ID)
		if err != nil {
			return err
		}
		if ours.aboutEnd() {
			in.Cancelling = seen.Cancelling // ours comes
		}
		if err := o.follow(ctx, tx, a, *seen, in, ours, now); err != nil {
			return err
		}
		if err := seen.write(ctx, tx, in, now); err != nil {
			return err
		}
		return a.close(ctx, tx)
	})
}

// uncounted is the subscription while no invoice of it was counted: it does not collect yet, or will not ever.
func (in StripeSubscription) uncounted() StripeSubscription {
	if in.Status == subscriptionCancelled || in.Status == subscriptionLapsed {
		in.Status = subscriptionLapsed
	} else {
		in.Status = subscriptionIncomplete
	}
	in.Cancelling = false
	return in
}

// follow does what changed.
func (o Office) follow(
	ctx context.Context, tx bun.Tx, a *agreement, seen Collector, in StripeSubscription, ours wishes, now time.Time,
) error {
	linked := a.subscription.StripeSubscriptionID
	switch in.Status {
	case subscriptionIncomplete, subscriptionLapsed:
		return nil
	case subscriptionCancelled:
		if linked != nil && *linked == in.ID {
			if err := a.collectedBy(ctx, tx, nil, now); err != nil {
				return err
			}
		}
		if seen.Status == subscriptionCancelled || seen.Cancelling || ours.aboutEnd() || !in.Requested || linked != nil && *linked != in.ID {
			return nil // it is known, or was to be expected, or is not the owner's wish
		}
		return o.ending(ctx, tx, a, true, now)
	}
	if ours.end() {
		return nil // it does not collect any more, whatever Stripe did before it was told
	}
	if linked != nil && *linked != in.ID {
		return fault.New(fault.InvalidState, "another subscription of Stripe collects for the account")
	}
	if linked == nil {
		if err := a.collectedBy(ctx, tx, &in.ID, now); err != nil {
			return err
		}
	}
	if in.Cancelling != seen.Cancelling {
		return o.ending(ctx, tx, a, in.Cancelling, now)
	}
	return nil
}

// ending is a cancellation that was made at Stripe, or taken back there.
func (o Office) ending(ctx context.Context, tx bun.Tx, a *agreement, ends bool, now time.Time) error {
	by := audit.By{Kind: audit.System}
	there := map[string]any{"reason": "at Stripe"}
	switch {
	case a.account.Status == account.Cancelled || a.account.System:
		return nil
	case ends && a.subscription.Status == PastDue:
		there["at"] = now
		change := audit.On("subscription.cancelled", "subscription", a.subscription.ID).To(there)
		if err := audit.Record(ctx, tx, a.account.ID, by, now, change); err != nil {
			return err
		}
		return a.cancel(ctx, tx, "", now)
	case a.subscription.Status != ActiveSubscription || a.subscription.CancelAtPeriodEnd == ends:
		return nil
	}
	change := audit.On("subscription.resumed", "subscription", a.subscription.ID).To(there)
	a.subscription.CancelAtPeriodEnd = ends
	if ends {
		a.subscription.PendingPlanID, there["at"] = nil, a.last().End
		change = audit.On("subscription.cancellation_scheduled", "subscription", a.subscription.ID).
			To(there)
	}
	if err := a.write(ctx, tx, now); err != nil {
		return err
	}
	return audit.Record(ctx, tx, a.account.ID, by, now, change)
}

// write keeps how a subscription was seen.
func (c *Collector) write(ctx context.Context, tx bun.Tx, in StripeSubscription, now time.Time) error {
	if c.Version == 0 {
		c.CreatedAt = now
	}
	c.CustomerID, c.Status, c.Cancelling, c.PlanSlug = in.CustomerID, in.Status, in.Cancelling, in.PlanSlug
	c.AmountMinor, c.Currency, c.PeriodEnd, c.SeenAt = in.Amount.Minor, in.Amount.Currency, in.PeriodEnd, now
	c.Version++
	_, err := tx.NewInsert().Model(c).On("CONFLICT (tenant_id, subscription_id) DO UPDATE").
		Set("customer_id = EXCLUDED.customer_id").Set("status = EXCLUDED.status").Set("cancelling = EXCLUDED.cancelling").
		Set("plan_slug = EXCLUDED.plan_slug").Set("amount_minor = EXCLUDED.amount_minor").Set("currency = EXCLUDED.currency").
		Set("period_end = EXCLUDED.period_end").Set("version = EXCLUDED.version").Set("seen_at = EXCLUDED.seen_at").
		Returning("NULL").Exec(ctx)
	if err != nil {
		return fmt.Errorf("write a subscription of Stripe: %w", err)
	}
	return nil
}
