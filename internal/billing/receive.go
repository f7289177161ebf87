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

// StripeReceipt is money that Stripe received for one payment.
type StripeReceipt struct {
	// IntentID is Stripe's id of the payment intent.
	IntentID string
	Amount   money.Money
	At       time.Time
}

// ReceiveFromStripe confirms a payment that waits by money that Stripe received for it, as a transfer's confirmation
// does. Said again, it returns the payment and writes nothing. Errors: NOT_FOUND, INVALID_STATE, AMOUNT_MISMATCH,
// CURRENCY_MISMATCH, EXTERNAL_REFERENCE_USED.
func (o Office) ReceiveFromStripe(
	ctx context.Context, db bun.IDB, of PaymentKey, now time.Time, in StripeReceipt, reviewed Reviewed,
) (*Payment, error) {
	var payment *Payment
	err := postgres.InTx(postgres.WithTenant(ctx, int64(of.Tenant)), db, func(ctx context.Context, tx bun.Tx) error {
		a, err := o.open(ctx, tx, of.Tenant, &now)
		if err != nil {
			return err
		}
		if payment, err = lockPayment(ctx, tx, of.Tenant, of.Payment); err != nil {
			return err
		}
		if payment.Method == Stripe && payment.ExternalPaymentID != nil && *payment.ExternalPaymentID == in.IntentID {
			return nil
		}
		if err := (Confirm{Amount: in.Amount}).fits(payment); err != nil {
			return err
		}
		if err := a.mayReturn(reviewed); err != nil {
			return err
		}
		payment.Method = Stripe
		if _, err := tx.NewUpdate().Model(payment).WherePK().Column("method").Exec(ctx); err != nil {
			return fmt.Errorf("note how it was paid: %w", err)
		}
		if err := o.confirm(ctx, tx, a, payment, received(in.IntentID, in.At, reviewed), now); err != nil {
			return err
		}
		return a.close(ctx, tx)
	})
	if err != nil {
		return nil, err
	}
	return payment, nil
}

// PaidByStripe finds the payment that an invoice or a payment intent of Stripe became. Errors: NOT_FOUND.
func PaidByStripe(ctx context.Context, db bun.IDB, externalID string) (PaymentKey, error) {
	var found []struct {
		TenantID  gid.Account `bun:"tenant_id"`
		PaymentID gid.Payment `bun:"payment_id"`
	}
	err := db.NewRaw(`SELECT tenant_id, payment_id FROM igny8_external_payments WHERE method = ? AND external_id = ?`,
		Stripe, externalID).Scan(ctx, &found)
	if err != nil {
		return PaymentKey{}, fmt.Errorf("find what was paid: %w", err)
	}
	if len(found) == 0 {
		return PaymentKey{}, fault.New(fault.NotFound, "nothing was paid by %s", externalID)
	}
	return PaymentKey{Tenant: found[0].TenantID, Payment: found[0].PaymentID}, nil
}
