package staff

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/gid"
)

// scoped starts every read of impersonations: those of one account.
func scoped(db bun.IDB, tenant gid.Account, imps *[]*account.Impersonation) *bun.SelectQuery {
	return db.NewSelect().Model(imps).Where("impersonation.tenant_id = ?", tenant)
}

// ImpersonationsByIDs reads impersonations of one account, in no order.
func ImpersonationsByIDs(
	ctx context.Context, db bun.IDB, tenant gid.Account, ids []gid.Impersonation,
) ([]*account.Impersonation, error) {
	imps := []*account.Impersonation{}
	if err := scoped(db, tenant, &imps).Where("impersonation.id IN (?)", bun.List(ids)).Scan(ctx); err != nil {
		return nil, fmt.Errorf("read impersonations: %w", err)
	}
	return imps, nil
}

// openOf is what the actor acts for the account under, or did until its time was over; nil where there is
// nothing that has not been ended.
func openOf(ctx context.Context, tx bun.Tx, actor account.Actor, tenant gid.Account) (*account.Impersonation, error) {
	open := []*account.Impersonation{}
	err := scoped(tx, tenant, &open).Where("impersonation.staff_tenant = ?", actor.User.TenantID).
		Where("impersonation.staff_id = ?", actor.User.ID).Where("impersonation.ended_at IS NULL").Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("read open impersonations: %w", err)
	}
	if len(open) == 0 {
		return nil, nil
	}
	return open[0], nil
}
