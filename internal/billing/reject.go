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
// suspended; what came in for it stays held. Said again with the same reason, it returns the payment and writes nothing. Errors:
// REQUIRED, TOO_LONG, NOT_FOUND, OWN_PAYMENT, INVALID_STATE.
func (o Office) RejectPayment(
	ctx context.Context, db bun.IDB, staff account.Actor, now time.Time, id gid.Payment, reason string,
) (*Payment, error) {
	reason = strings.TrimSpace(reason)
	if f := fault.CheckText(reason, reasonField, 500); f != nil {
		return nil, f
	}
	tenant, err := payer(ctx, db, staff, id)
	if err != nil {
		return nil, err
	}
	var payment *Payment
	err = postgres.InTx(postgres.WithTenant(ctx, int64(tenant)), db, func(ctx context.Context, tx bun.Tx) error {
		a, err := o.open(ctx, tx, tenant, &now)
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
		if err := o.unpaid(ctx, tx, a, payment, "The payment was rejected.", now, now); err != nil {
			return err
		}
		if err := o.settle(ctx, tx, a, now); err != nil {
			return err
		}
		after := a.standing()
		after[reasonField] = reason
		change := audit.On("payment.rejected", "payment", id).To(after)
		if err := audit.Record(ctx, tx, tenant, staff.By(tenant), now, change); err != nil {
			return err
		}
		if err := o.tellBoth(ctx, tx, a, paymentRejected(o, a, payment), rejectedToStaff(o, a, payment), now); err != nil {
			return err
		}
		return a.close(ctx, tx)
	})
	if err != nil {
		return nil, err
	}
	return payment, nil
}
