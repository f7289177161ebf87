package billing

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/audit"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres"
)

// CancelSubscription ends the agreement with the period or the trial that runs, or at once where none does. Said
// again, it changes nothing. Errors: TOO_LONG, INVALID_STATE where it is cancelled already.
func (o Office) CancelSubscription(
	ctx context.Context, db bun.IDB, actor account.Actor, now time.Time, reason string,
) (*Subscription, error) {
	if reason = strings.TrimSpace(reason); reason != "" {
		if f := fault.CheckText(reason, reasonField, 500); f != nil {
			return nil, f
		}
	}
	return o.onSubscription(ctx, db, actor, now, func(ctx context.Context, tx bun.Tx, a *agreement) error {
		switch {
		case a.account.System:
			return fault.New(fault.InvalidState, "a system account is not cancelled")
		case a.account.Status == account.Cancelled:
			return fault.New(fault.InvalidState, "the subscription is cancelled already")
		case a.subscription.CancelAtPeriodEnd:
			return nil
		}
		by := actor.By(a.account.ID)
		if a.account.Status != account.Trial && a.subscription.Status != ActiveSubscription {
			change := audit.On("subscription.cancelled", "subscription", a.subscription.ID).To(map[string]any{"at": now, reasonField: reason})
			if err := audit.Record(ctx, tx, a.account.ID, by, now, change); err != nil {
				return err
			}
			return a.cancel(ctx, tx, "", now)
		}
		a.subscription.CancelAtPeriodEnd, a.subscription.PendingPlanID = true, nil
		if err := a.write(ctx, tx, now); err != nil {
			return err
		}
		change := audit.On("subscription.cancellation_scheduled", "subscription", a.subscription.ID).
			To(map[string]any{"at": a.last().End, reasonField: reason})
		return audit.Record(ctx, tx, a.account.ID, by, now, change)
	})
}

// ResumeSubscription takes a cancellation back that has not taken effect, and, where the plan is to be kept, a
// change of plan that has not either. Said again, it changes nothing. Errors: INVALID_STATE where the
// cancellation has.
func (o Office) ResumeSubscription(
	ctx context.Context, db bun.IDB, actor account.Actor, now time.Time, keepPlan bool,
) (*Subscription, error) {
	return o.onSubscription(ctx, db, actor, now, func(ctx context.Context, tx bun.Tx, a *agreement) error {
		if a.account.Status == account.Cancelled {
			return fault.New(fault.InvalidState, "the cancellation has taken effect; a payment brings the account back")
		}
		changes := keepPlan && a.subscription.PendingPlanID != nil
		if !a.subscription.CancelAtPeriodEnd && !changes {
			return nil
		}
		a.subscription.CancelAtPeriodEnd, a.resumes = false, true
		if changes {
			a.subscription.PendingPlanID = nil
		}
		if err := a.write(ctx, tx, now); err != nil {
			return err
		}
		change := audit.On("subscription.resumed", "subscription", a.subscription.ID)
		return audit.Record(ctx, tx, a.account.ID, actor.By(a.account.ID), now, change)
	})
}

// onSubscription changes the actor's agreement and returns the subscription.
func (o Office) onSubscription(
	ctx context.Context, db bun.IDB, actor account.Actor, now time.Time,
	change func(context.Context, bun.Tx, *agreement) error,
) (subscription *Subscription, err error) {
	err = postgres.InTx(ctx, db, func(ctx context.Context, tx bun.Tx) error {
		a, err := o.open(ctx, tx, actor.AccountID(), &now)
		if err != nil {
			return err
		}
		if err := change(ctx, tx, a); err != nil {
			return err
		}
		subscription = a.subscription
		return a.close(ctx, tx)
	})
	if err != nil {
		return nil, err
	}
	return subscription, nil
}

// WithdrawPayment takes a payment back that waits. Said again, it changes nothing. Errors: NOT_FOUND,
// INVALID_STATE where somebody decided on it, it was declared as sent, or a part of it came.
func (o Office) WithdrawPayment(
	ctx context.Context, db bun.IDB, actor account.Actor, now time.Time, id gid.Payment,
) (*Payment, error) {
	var payment *Payment
	err := postgres.InTx(ctx, db, func(ctx context.Context, tx bun.Tx) error {
		a, err := o.open(ctx, tx, actor.AccountID(), &now)
		if err != nil {
			return err
		}
		if payment, err = lockPayment(ctx, tx, a.account.ID, id); err != nil {
			return err
		}
		switch {
		case payment.Status == Withdrawn:
			return nil
		case payment.Status != Pending:
			return fault.New(fault.InvalidState, "this payment is %s", payment.Status).At("paymentId")
		case payment.DeclaredAt != nil:
			return fault.New(fault.InvalidState, "this payment was declared as sent; write to us").At("paymentId")
		case payment.HeldMinor > 0:
			return fault.New(fault.InvalidState, "a part of this payment was received; write to us").At("paymentId")
		}
		payment.Status, payment.UpdatedAt = Withdrawn, now
		if _, err := tx.NewUpdate().Model(payment).WherePK().Column("status", "updated_at").Exec(ctx); err != nil {
			return fmt.Errorf("withdraw payment: %w", err)
		}
		if err := o.unpaid(ctx, tx, a, payment, "The payment was withdrawn.", now, now); err != nil {
			return err
		}
		if err := o.settle(ctx, tx, a, now); err != nil {
			return err
		}
		change := audit.On("payment.withdrawn", "payment", payment.ID)
		if err := audit.Record(ctx, tx, a.account.ID, actor.By(a.account.ID), now, change); err != nil {
			return err
		}
		if err := o.tellStaff(ctx, tx, a, withdrawnToStaff(o, a, payment), now); err != nil {
			return err
		}
		return a.close(ctx, tx)
	})
	if err != nil {
		return nil, err
	}
	return payment, nil
}
