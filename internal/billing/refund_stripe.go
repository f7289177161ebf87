package billing

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/money"
	"igny8.com/accounts/internal/postgres"
)

// StripeRefund is a refund of Stripe as it is there now.
type StripeRefund struct {
	ID     string
	Amount money.Money
	// Failed says that the money did not go back after all.
	Failed bool
	// PushID is the push that made it; 0 where somebody made it at Stripe.
	PushID int64
}

// stripeRefund is a refund of Stripe that was counted.
type stripeRefund struct {
	bun.BaseModel `bun:"table:igny8_stripe_refunds,alias:stripe_refund"`

	TenantID    gid.Account    `bun:"tenant_id,pk"`
	RefundID    string         `bun:"refund_id,pk"`
	PaymentID   gid.Payment    `bun:"payment_id"`
	AmountMinor int64          `bun:"amount_minor"`
	Currency    money.Currency `bun:"currency"`
	CreatedAt   time.Time      `bun:"created_at"`
}

// RefundFromStripe counts money that went back through Stripe, once for each of its refunds, with all that follows
// from a refund. One that we had Stripe make was counted when it was asked for. Errors: NOT_FOUND; INVALID_STATE,
// INVALID and CURRENCY_MISMATCH where it cannot be counted, or was and failed afterwards.
func (o Office) RefundFromStripe(ctx context.Context, db bun.IDB, of PaymentKey, now time.Time, in StripeRefund) error {
	return postgres.InTx(postgres.WithTenant(ctx, int64(of.Tenant)), db, func(ctx context.Context, tx bun.Tx) error {
		a, err := o.open(ctx, tx, of.Tenant, &now)
		if err != nil {
			return err
		}
		payment, err := lockPayment(ctx, tx, of.Tenant, of.Payment)
		if err != nil {
			return err
		}
		counted, err := tx.NewSelect().Model((*stripeRefund)(nil)).Where("tenant_id = ?", of.Tenant).Where("refund_id = ?", in.ID).Exists(ctx)
		if err != nil {
			return fmt.Errorf("look for a refund of Stripe: %w", err)
		}
		switch {
		case in.Failed && counted:
			return fault.New(fault.InvalidState, "a refund of %s that was counted did not reach the customer", in.Amount)
		case in.Failed, counted:
			return nil
		}
		ours, err := begun(ctx, tx, of, in.PushID)
		if err != nil {
			return err
		}
		if !ours {
			if payment.Status != Confirmed {
				return fault.New(fault.InvalidState, "this payment is %s", payment.Status)
			}
			back := Refund{PaymentID: payment.ID, Amount: &in.Amount, Reason: "Refunded through Stripe."}
			if err := o.refund(ctx, tx, a, payment, back, now); err != nil {
				return err
			}
		}
		row := &stripeRefund{
			TenantID: of.Tenant, RefundID: in.ID, PaymentID: of.Payment, AmountMinor: in.Amount.Minor, Currency: in.Amount.Currency, CreatedAt: now,
		}
		if _, err := tx.NewInsert().Model(row).Returning("NULL").Exec(ctx); err != nil {
			return fmt.Errorf("count a refund of Stripe: %w", err)
		}
		return a.close(ctx, tx)
	})
}

// begun says whether a push of ours has Stripe give back of the payment.
func begun(ctx context.Context, tx bun.Tx, of PaymentKey, push int64) (bool, error) {
	if push == 0 {
		return false, nil
	}
	is, err := tx.NewSelect().Model((*Push)(nil)).Where("tenant_id = ?", of.Tenant).Where("id = ?", push).
		Where("kind = ?", PushRefund).Where("payment_id = ?", of.Payment).Exists(ctx)
	if err != nil {
		return false, fmt.Errorf("look for what made a refund: %w", err)
	}
	return is, nil
}
