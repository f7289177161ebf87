package billing

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/audit"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/plan"
	"igny8.com/accounts/internal/postgres"
)

// ChangePlan asks for another plan.
type ChangePlan struct {
	PlanSlug string
	// Months is how many are paid for where the change begins to pay; an upgrade keeps what is paid for.
	Months         int
	IdempotencyKey string
}

const changeOperation = "changePlan"

// errOnlyLooked rolls a preview's transaction back.
var errOnlyLooked = errors.New("only looked")

// PreviewPlanChange says what a move to a plan means for the account, and changes nothing. Errors: INVALID,
// PLAN_UNAVAILABLE, INVALID_STATE.
func (o Office) PreviewPlanChange(
	ctx context.Context, db bun.IDB, actor account.Actor, now time.Time, slug string, months int,
) (*PlanChange, error) {
	if f := checkMonths(months); f != nil {
		return nil, f
	}
	var change *PlanChange
	// The preview is reckoned by what runs when it is agreed to: on the state that settling leads to, which is
	// given up again.
	err := postgres.InTx(ctx, db, func(ctx context.Context, tx bun.Tx) error {
		a, err := o.open(ctx, tx, actor.AccountID(), &now)
		if err != nil {
			return err
		}
		if change, err = a.quote(ctx, tx, slug, months, now); err != nil {
			return err
		}
		return errOnlyLooked
	})
	if !errors.Is(err, errOnlyLooked) {
		return nil, err
	}
	return change, nil
}

// quote is a change with all that it says.
func (a *agreement) quote(ctx context.Context, tx bun.Tx, slug string, months int, now time.Time) (*PlanChange, error) {
	to, err := plan.BySlug(ctx, tx, slug)
	if err != nil {
		return nil, err
	}
	for _, p := range a.chain {
		if _, err := a.plan(ctx, tx, p.PlanID); err != nil {
			return nil, err
		}
	}
	change, err := a.change(ctx, tx, to, months, now)
	if err != nil {
		return nil, err
	}
	a.plans[to.ID] = to
	if err := change.fit(ctx, tx, to); err != nil {
		return nil, err
	}
	return change, nil
}

// Change moves the account to another plan: at once to the free one where nothing that was paid for runs, when
// what is paid for ends to a cheaper one, and with the payment that it returns to a dearer one. Asking for the plan
// that the account is on takes a scheduled change back. The same key and input return the same payment again.
// Errors: REQUIRED, TOO_LONG, INVALID, PLAN_UNAVAILABLE, INVALID_STATE, IDEMPOTENCY_CONFLICT.
func (o Office) Change(
	ctx context.Context, db bun.IDB, actor account.Actor, now time.Time, in ChangePlan,
) (payment *Payment, change *PlanChange, err error) {
	var faults fault.List
	faults.Add(fault.CheckIdempotencyKey(in.IdempotencyKey))
	faults.Add(checkMonths(in.Months))
	if err := faults.Err(); err != nil {
		return nil, nil, err
	}
	tenant, facts := actor.AccountID(), fingerprint(in.PlanSlug, in.Months)
	err = postgres.InTx(ctx, db, func(ctx context.Context, tx bun.Tx) error {
		payment, change = nil, nil
		a, err := o.open(ctx, tx, tenant, &now)
		if err != nil {
			return err
		}
		known, replayed, err := recallAny(ctx, tx, tenant, changeOperation, in.IdempotencyKey, facts)
		if err != nil {
			return err
		}
		if replayed {
			if known != 0 {
				payment, err = lockPayment(ctx, tx, tenant, known)
			}
			return err
		}
		if change, err = a.quote(ctx, tx, in.PlanSlug, in.Months, now); err != nil {
			return err
		}
		if payment, err = o.carryOut(ctx, tx, a, actor, change, in.Months, now); err != nil {
			return err
		}
		subject := gid.Payment(0)
		if payment != nil {
			subject = payment.ID
		}
		if err := remember(ctx, tx, &remembered{
			TenantID: tenant, Operation: changeOperation, Key: in.IdempotencyKey,
			Fingerprint: facts, SubjectID: subject, CreatedAt: now,
		}); err != nil {
			return err
		}
		if err := o.settle(ctx, tx, a, now); err != nil {
			return err
		}
		return a.close(ctx, tx)
	})
	if err != nil {
		return nil, nil, err
	}
	return payment, change, nil
}

// carryOut does what a change asks for, and returns the payment that it waits for, nil where it waits for none.
func (o Office) carryOut(
	ctx context.Context, tx bun.Tx, a *agreement, actor account.Actor, c *PlanChange, months int, now time.Time,
) (*Payment, error) {
	if c.Kind == ChangeStart || c.Kind == ChangeUpgrade {
		purpose := ForPeriods
		if c.Kind == ChangeUpgrade {
			purpose, months = ForUpgrade, len(c.converted)
		}
		return o.ask(ctx, tx, a, actor, asked{
			purpose: purpose, plan: a.plans[c.ToID], months: months, net: c.Price, credited: c.Credited.Minor,
		}, now)
	}
	before := a.subscription.PendingPlanID
	a.resumes = true
	switch {
	case c.Kind == ChangeKeep:
		a.subscription.PendingPlanID, a.subscription.CancelAtPeriodEnd = nil, false
	case c.Kind == ChangeFree && !a.running(now):
		return nil, a.moveToFree(ctx, tx, actor, c.ToID, now)
	default:
		if _, err := a.plan(ctx, tx, c.ToID); err != nil {
			return nil, err
		}
		a.subscription.PendingPlanID, a.subscription.CancelAtPeriodEnd = &c.ToID, false
	}
	if err := a.write(ctx, tx, now); err != nil {
		return nil, err
	}
	scheduled := audit.On("plan.change_scheduled", "subscription", a.subscription.ID).
		From(map[string]any{"pendingPlanId": formatted(before)}).
		To(map[string]any{"pendingPlanId": formatted(a.subscription.PendingPlanID), "at": c.EffectiveAt})
	return nil, audit.Record(ctx, tx, a.account.ID, actor.By(a.account.ID), now, scheduled)
}

func formatted(id *gid.Plan) any {
	if id == nil {
		return nil
	}
	return gid.Format(*id)
}

// moveToFree puts an account for which nothing that was paid for runs on the free plan now.
func (a *agreement) moveToFree(ctx context.Context, tx bun.Tx, actor account.Actor, free gid.Plan, now time.Time) error {
	before := a.standing()
	if a.account.Status != account.Active {
		status, err := a.account.Status.Move(account.MovedToFree)
		if err != nil {
			return at(err, "planSlug")
		}
		a.account.Status, a.account.StatusReason = status, ""
	}
	from, err := a.cutLast(ctx, tx, now)
	if err != nil {
		return err
	}
	a.subscription.Anchor, a.subscription.Status = &from, ActiveSubscription
	a.subscription.PendingPlanID, a.subscription.CancelAtPeriodEnd = nil, false
	a.leave(free)
	if err := a.append(ctx, tx, now, a.freePeriod(from, free)); err != nil {
		return err
	}
	if err := a.write(ctx, tx, now); err != nil {
		return err
	}
	change := audit.On("plan.moved_to_free", "account", a.account.ID).From(before).
		To(a.standingOn(free))
	return audit.Record(ctx, tx, a.account.ID, actor.By(a.account.ID), now, change)
}

// cutLast lets the history end now: the period that runs is cut short, and time since the last one's end is
// written down as lapsed. It returns the instant at which the next period starts, which is now, or the least
// there is after the start of a period that began this very instant.
func (a *agreement) cutLast(ctx context.Context, tx bun.Tx, now time.Time) (time.Time, error) {
	last := a.last()
	if !now.After(last.Start) {
		now = last.Start.Add(time.Microsecond)
	}
	switch {
	case now.Before(last.End):
		last.End = now
		if _, err := tx.NewUpdate().Model(last).Column("end_at").WherePK().Exec(ctx); err != nil {
			return now, fmt.Errorf("end period: %w", err)
		}
	case now.After(last.End):
		lapsed := &SubscriptionPeriod{Kind: LapsedPeriod, PlanID: last.PlanID, Start: last.End, End: now}
		return now, a.append(ctx, tx, now, lapsed)
	}
	return now, nil
}
