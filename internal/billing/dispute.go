package billing

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/audit"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/postgres"
)

// Dispute marks a confirmed payment whose payer's bank wants the money back, and tells staff. Nothing else changes
// until it is resolved; said again it changes nothing. Errors: NOT_FOUND, INVALID_STATE at paymentId.
func (o Office) Dispute(ctx context.Context, db bun.IDB, of PaymentKey, now time.Time) (*Payment, error) {
	return o.disputing(ctx, db, of, now, func(ctx context.Context, tx bun.Tx, a *agreement, p *Payment) error {
		if p.Status == Disputed {
			return nil
		}
		if p.Status != Confirmed {
			return fault.New(fault.InvalidState, "this payment is %s", p.Status).At("paymentId")
		}
		if err := p.stand(ctx, tx, Disputed, "payment.disputed", now); err != nil {
			return err
		}
		return o.tellStaff(ctx, tx, a, note{
			kind: "payment_disputed", subject: "Disputed: " + p.Reference + " over " + p.Amount().String(),
			text: fmt.Sprintf("The payment %s of the account %s over %s is disputed. The account goes on as it is until that is resolved.\n",
				p.Reference, a.account.Name, p.Amount()),
		}, now)
	})
}

// ResolveDispute ends a dispute: a payment that was won is confirmed again, one that was lost is refunded as a
// whole. Said again it changes nothing. Errors: NOT_FOUND, INVALID_STATE at paymentId.
func (o Office) ResolveDispute(ctx context.Context, db bun.IDB, of PaymentKey, won bool, now time.Time) (*Payment, error) {
	return o.disputing(ctx, db, of, now, func(ctx context.Context, tx bun.Tx, a *agreement, p *Payment) error {
		switch {
		case p.Status == Disputed && won:
			return p.stand(ctx, tx, Confirmed, "payment.dispute_won", now)
		case p.Status == Disputed:
			return o.refund(ctx, tx, a, p, Refund{PaymentID: p.ID, Reason: "The dispute was lost."}, now)
		case p.Status == Confirmed && won || p.Status == Refunded && !won:
			return nil
		default:
			return fault.New(fault.InvalidState, "this payment is %s", p.Status).At("paymentId")
		}
	})
}

func (o Office) disputing(
	ctx context.Context, db bun.IDB, of PaymentKey, now time.Time, do func(context.Context, bun.Tx, *agreement, *Payment) error,
) (*Payment, error) {
	var payment *Payment
	err := postgres.InTx(postgres.WithTenant(ctx, int64(of.Tenant)), db, func(ctx context.Context, tx bun.Tx) error {
		a, err := o.open(ctx, tx, of.Tenant, &now)
		if err != nil {
			return at(err, "paymentId")
		}
		if payment, err = lockPayment(ctx, tx, of.Tenant, of.Payment); err != nil {
			return err
		}
		if err := do(ctx, tx, a, payment); err != nil {
			return err
		}
		return a.close(ctx, tx)
	})
	if err != nil {
		return nil, err
	}
	return payment, nil
}

// stand moves a payment to a status and nothing else.
func (p *Payment) stand(ctx context.Context, tx bun.Tx, status PaymentStatus, action string, now time.Time) error {
	before := map[string]any{"status": p.Status}
	p.Status, p.UpdatedAt = status, now
	if _, err := tx.NewUpdate().Model(p).WherePK().Column("status", "updated_at").Exec(ctx); err != nil {
		return fmt.Errorf("write a payment's status: %w", err)
	}
	change := audit.On(action, "payment", p.ID).From(before).To(map[string]any{"status": status})
	return audit.Record(ctx, tx, p.TenantID, audit.By{Kind: audit.System}, now, change)
}
