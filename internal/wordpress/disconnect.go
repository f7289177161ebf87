package wordpress

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/audit"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/site"
)

// Disconnect forgets a site's WordPress and the password to it, for good; WordPress itself still takes
// the password until it is revoked there. Fault: NOT_FOUND at siteId, also where the site is not
// connected.
func Disconnect(ctx context.Context, db bun.IDB, actor account.Actor, now time.Time, id gid.Site) error {
	return postgres.InTx(ctx, db, func(ctx context.Context, tx bun.Tx) error {
		acct, err := account.Lock(ctx, tx, actor.AccountID())
		if err != nil {
			return err
		}
		gone, err := find(ctx, tx, site.ReachOf(actor), id)
		if err != nil {
			return err
		}
		if _, err := tx.NewDelete().Model(gone).WherePK().Exec(ctx); err != nil {
			return fmt.Errorf("disconnect WordPress: %w", err)
		}
		return audit.Record(ctx, tx, acct.ID, actor.By(acct.ID), now,
			audit.On("wordpress.disconnected", "site", id).From(gone.facts()))
	})
}
