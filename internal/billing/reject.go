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

// RejectPayment refuses a payment that waits for a decision. An account that waited for it alone is
// suspended. Said again with the same reason, it returns the payment and writes nothing. Errors:
// REQUIRED, TOO_LONG, NOT_FOUND, OWN_PAYMENT, INVALID_STATE.
func RejectPayment(
	ctx context.Context, db bun.IDB, staff account.Actor, now time.Time, id gid.Payment, reason string,
) (*Payment, error) {
	reason = strings.TrimSpace(reason)
	if f := fault.CheckText(reason, "reason", 500); f != nil {
		return nil, f
	}
	tenant, err := payer(ctx, db, staff, id)
	if err != nil {
		return nil, err
	}
	var payment *Payment
	err = postgres.InTx(postgres.WithTenant(ctx, int64(tenant)), db, func(ctx context.Context, tx bun.Tx) error {
		payer, err := account.Lock(ctx, tx, tenant)
		if err != nil {
			return at(err, "paymentId")
		}
		if payment, err = lockPayment(ctx, tx, tenant, id); err != nil {
			return err
		}
		if payment.Status == Rejected && *payment.RejectionReason == reason {
			return nil
		}
		if payment.Status != Pending {
			return fault.New(fault.InvalidState, "this payment is %s", payment.Status).At("paymentId")
		}
		payment.Status, payment.RejectionReason = Rejected, &reason
		payment.DecidedAt, payment.DecidedBy, payment.UpdatedAt = &now, &staff.User.ID, now
		_, err = tx.NewUpdate().Model(payment).WherePK().
			Column("status", "rejection_reason", "decided_at", "decided_by", "updated_at").Exec(ctx)
		if err != nil {
			return fmt.Errorf("reject payment: %w", err)
		}
		if err := suspendUnpaid(ctx, tx, payer, now); err != nil {
			return err
		}
		change := audit.On("payment.rejected", "payment", id).
			To(map[string]any{"reason": reason, "status": payer.Status})
		return audit.Record(ctx, tx, tenant, staff.By(tenant), now, change)
	})
	if err != nil {
		return nil, err
	}
	return payment, nil
}

// suspendUnpaid suspends an account that waits for a payment when no declared one is left to wait for.
func suspendUnpaid(ctx context.Context, tx bun.Tx, payer *account.Account, now time.Time) error {
	if payer.Status != account.PendingPayment {
		return nil
	}
	waiting, err := scoped(tx, payer.ID, &[]*Payment{}).
		Where("payment.status = ?", Pending).Where("payment.declared_at IS NOT NULL").Exists(ctx)
	if err != nil {
		return fmt.Errorf("look for waiting payments: %w", err)
	}
	if waiting {
		return nil
	}
	if payer.Status, err = payer.Status.Move(account.PaymentFailed); err != nil {
		return err
	}
	payer.StatusReason, payer.UpdatedAt = "The payment was rejected.", now
	_, err = tx.NewUpdate().Model(payer).WherePK().Column("status", "status_reason", "updated_at").Exec(ctx)
	if err != nil {
		return fmt.Errorf("suspend account: %w", err)
	}
	return nil
}
