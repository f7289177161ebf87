package billing

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres"
)

// CheckoutOutcome is what became of a Checkout session.
type CheckoutOutcome struct {
	CheckoutID int64
	SessionID  string
	Status     CheckoutStatus
	// SubscriptionID is what began with it; nil for nothing.
	SubscriptionID *string
}

// CloseCheckout brings a checkout to what became of its session, and tells the owner where its money did not come.
// What is complete stays so. Errors: NOT_FOUND where the account began no such checkout.
func (o Office) CloseCheckout(ctx context.Context, db bun.IDB, tenant gid.Account, now time.Time, in CheckoutOutcome) (*Checkout, error) {
	var checkout *Checkout
	err := postgres.InTx(postgres.WithTenant(ctx, int64(tenant)), db, func(ctx context.Context, tx bun.Tx) error {
		a, err := o.open(ctx, tx, tenant, &now)
		if err != nil {
			return err
		}
		found := []*Checkout{}
		err = tx.NewSelect().Model(&found).Where("tenant_id = ?", tenant).Where("id = ?", in.CheckoutID).
			Where("session_id = ? OR session_id IS NULL", in.SessionID).For("UPDATE").Scan(ctx)
		if err != nil {
			return fmt.Errorf("read a checkout: %w", err)
		}
		if len(found) == 0 {
			return fault.New(fault.NotFound, "the account began no such checkout")
		}
		checkout = found[0]
		before := checkout.Status
		if before == CheckoutComplete || before == in.Status && checkout.SessionID != nil {
			return a.close(ctx, tx)
		}
		checkout.SessionID, checkout.Status, checkout.UpdatedAt = &in.SessionID, in.Status, now
		if in.SubscriptionID != nil {
			checkout.SubscriptionID = in.SubscriptionID
		}
		_, err = tx.NewUpdate().Model(checkout).WherePK().Column("session_id", "status", "subscription_id", "updated_at").Exec(ctx)
		if err != nil {
			return fmt.Errorf("close a checkout: %w", err)
		}
		if in.Status == CheckoutFailed {
			if err := o.tellOwner(ctx, tx, a, checkoutFailed(o, a), now); err != nil {
				return err
			}
		}
		return a.close(ctx, tx)
	})
	if err != nil {
		return nil, err
	}
	return checkout, nil
}

func checkoutFailed(o Office, a *agreement) note {
	return note{
		kind: "payment_failed", subject: "A payment for IGNY8 did not go through",
		text: fmt.Sprintf(`The payment that was begun for the IGNY8 account %s did not go through, and nothing
was charged. It can be begun again here:

%s
`, a.account.Name, o.Mail.App),
	}
}
