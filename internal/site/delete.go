package site

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/audit"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres"
)

// Delete takes away a site that the actor reaches, and with it its sectors, and gives it as it was with
// the time until which it can be restored: as many days as the account says. From the next request on its
// API keys open nothing. It no longer counts towards the plan's limit, and its slug is free. Operations
// that run for it go on: credits held for them can still be captured and released. Fault: NOT_FOUND at
// siteId.
func Delete(ctx context.Context, db bun.IDB, actor account.Actor, now time.Time, id gid.Site) (*Site, error) {
	var gone *Site
	err := postgres.InTx(ctx, db, func(ctx context.Context, tx bun.Tx) error {
		acct, err := account.Lock(ctx, tx, actor.AccountID())
		if err != nil {
			return err
		}
		if gone, err = lockSite(ctx, tx, ReachOf(actor), id); err != nil {
			return err
		}
		restoreUntil := now.AddDate(0, 0, acct.DeletionRetentionDays)
		gone.UpdatedAt, gone.DeletedAt, gone.DeletedBy, gone.RestoreUntil = now, &now, actor.MemberID(), &restoreUntil
		_, err = tx.NewUpdate().Model(gone).Column("updated_at", "deleted_at", "deleted_by", "restore_until").WherePK().Exec(ctx)
		if err != nil {
			return fmt.Errorf("delete site: %w", err)
		}
		return audit.Record(ctx, tx, acct.ID, actor.By(acct.ID), now, audit.On("site.deleted", "site", gone.ID).From(gone.facts()))
	})
	if err != nil {
		return nil, err
	}
	return gone, nil
}
