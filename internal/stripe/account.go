package stripe

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/billing"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres"
)

// customer is whose a customer of Stripe is.
type customer struct {
	bun.BaseModel `bun:"table:igny8_stripe_customers,alias:customer"`

	CustomerID string      `bun:"customer_id,pk"`
	TenantID   gid.Account `bun:"tenant_id"`
	Livemode   bool        `bun:"livemode"`
	CreatedAt  time.Time   `bun:"created_at"`
}

// account says whose an object of Stripe is: its customer's, as it was noted when the customer was made; else the
// account's that the object names, where it began with a checkout that this account began. An object that names
// another account than its customer's is nobody's. Errors: errUnknown.
func (l look) account(ctx context.Context, customerID string, metadata map[string]string) (gid.Account, error) {
	named, hasName := accountIn(metadata)
	var found []gid.Account
	err := l.till.db.NewSelect().Model((*customer)(nil)).Column("tenant_id").Where("customer_id = ?", customerID).Scan(ctx, &found)
	if err != nil {
		return 0, fmt.Errorf("find whose a customer of Stripe is: %w", err)
	}
	switch {
	case len(found) > 0 && hasName && named != found[0]:
		return 0, fmt.Errorf("it names another account than its customer's: %w", errUnknown)
	case len(found) > 0:
		return found[0], nil
	case !hasName || customerID == "":
		return 0, errUnknown
	}
	checkout, err := strconv.ParseInt(metadata[billing.MetaCheckout], 10, 64)
	if err != nil {
		return 0, errUnknown
	}
	began, err := l.till.db.NewSelect().Model((*billing.Checkout)(nil)).Where("tenant_id = ?", named).Where("id = ?", checkout).
		Exists(postgres.WithTenant(ctx, int64(named)))
	if err != nil {
		return 0, fmt.Errorf("find the checkout that it began with: %w", err)
	}
	if !began {
		return 0, errUnknown
	}
	return named, l.till.noteCustomer(ctx, customerID, named, l.now)
}

// noteCustomer notes whose a customer of Stripe is. Said again, it changes nothing.
func (t *Till) noteCustomer(ctx context.Context, id string, tenant gid.Account, now time.Time) error {
	row := &customer{CustomerID: id, TenantID: tenant, Livemode: t.livemode, CreatedAt: now}
	if _, err := t.db.NewInsert().Model(row).On("CONFLICT (customer_id) DO NOTHING").Returning("NULL").Exec(ctx); err != nil {
		return fmt.Errorf("note whose a customer of Stripe is: %w", err)
	}
	return nil
}

func accountIn(metadata map[string]string) (gid.Account, bool) {
	id, err := gid.Parse[gid.Account](metadata[billing.MetaAccount])
	return id, err == nil
}
