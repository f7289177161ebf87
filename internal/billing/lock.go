package billing

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/gid"
)

// lockPayment reads a payment of the account and holds it. Errors: NOT_FOUND.
func lockPayment(ctx context.Context, tx bun.Tx, tenant gid.Account, id gid.Payment) (*Payment, error) {
	payments := []*Payment{}
	if err := scoped(tx, tenant, &payments).Where("payment.id = ?", id).For("UPDATE").Scan(ctx); err != nil {
		return nil, fmt.Errorf("lock payment: %w", err)
	}
	if len(payments) == 0 {
		return nil, paymentNotFound()
	}
	return payments[0], nil
}
