package billing

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/live"
)

// lockPayment reads a payment of the account, which its caller is about to change, and holds it. Errors:
// NOT_FOUND.
func lockPayment(ctx context.Context, tx bun.Tx, tenant gid.Account, id gid.Payment) (*Payment, error) {
	payments := []*Payment{}
	if err := scoped(tx, tenant, &payments).Where("payment.id = ?", id).For("UPDATE").Scan(ctx); err != nil {
		return nil, fmt.Errorf("lock payment: %w", err)
	}
	if len(payments) == 0 {
		return nil, paymentNotFound()
	}
	return payments[0], notify(ctx, tx, payments[0])
}

// notify tells those who watch a payment to look at it again once the transaction is committed. They see for
// themselves what became of it.
func notify(ctx context.Context, tx bun.Tx, p *Payment) error {
	return live.Notify(ctx, tx, live.Topic{Account: p.TenantID, Kind: live.Payment, Subject: int64(p.ID)})
}
