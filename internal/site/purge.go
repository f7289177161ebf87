package site

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/audit"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres"
)

// Sizes of a purge's steps: how many accounts one look finds, and how many rows of a kind one transaction
// removes, so that none holds an account's lock for long.
const (
	purgeAccounts = 500
	purgeRows     = 1000
)

// Purge removes for good what can no longer be restored at the instant now, in all accounts, and says how
// many sites and removed sectors that were. Of a site everything goes: its sectors, grants, API keys,
// WordPress connection and sync events; its row stays without its name, slug, domain and industry, because
// lines of the ledger refer to it.
//
// The database removes nothing before its own clock says so too. It is repeatable at any time and safe
// beside others of its kind. An account that somebody has locked is left to the next run; one that fails
// does not keep the others waiting.
func Purge(ctx context.Context, db *postgres.DB, now time.Time) (int, error) {
	var total int
	var last gid.Account
	var failures []error
	for {
		// Nobody but the database sees what is due in every account: it tells the accounts' numbers alone.
		var tenants []gid.Account
		err := db.NewRaw(`SELECT tenant_id FROM igny8_purge_due(?, ?, ?) AS tenant_id`, now, last, purgeAccounts).Scan(ctx, &tenants)
		if err != nil {
			return total, errors.Join(append(failures, fmt.Errorf("look for sites to purge: %w", err))...)
		}
		for _, tenant := range tenants {
			n, err := purgeAccount(ctx, db, tenant, now)
			total += n
			if err != nil {
				failures = append(failures, fmt.Errorf("purge sites of account %d: %w", tenant, err))
			}
			if ctx.Err() != nil {
				return total, errors.Join(failures...)
			}
		}
		if len(tenants) < purgeAccounts {
			return total, errors.Join(failures...)
		}
		last = tenants[len(tenants)-1]
	}
}

// purgeAccount purges what is due in one account, as that account, step by step.
func purgeAccount(ctx context.Context, db *postgres.DB, tenant gid.Account, now time.Time) (int, error) {
	total := 0
	for {
		var step purgeStep
		err := postgres.InTx(postgres.WithTenant(ctx, int64(tenant)), db, func(ctx context.Context, tx bun.Tx) error {
			step = purgeStep{}
			return step.run(ctx, tx, tenant, now)
		})
		if err != nil {
			return total, err
		}
		total += len(step.Sites) + step.Sectors
		if !step.More {
			return total, nil
		}
	}
}

// purgeStep is what one transaction of a purge did.
type purgeStep struct {
	// Sites are those that are done with.
	Sites []int64 `bun:"sites,array"`
	// Sectors is how many went that had been removed from sites.
	Sectors int  `bun:"sectors"`
	More    bool `bun:"more"`
}

func (s *purgeStep) run(ctx context.Context, tx bun.Tx, tenant gid.Account, now time.Time) error {
	// Not account.Lock: what an account deleted goes also while the account itself is deleted.
	var locked []gid.Account
	err := tx.NewRaw(`SELECT id FROM igny8_tenants WHERE id = ? FOR NO KEY UPDATE SKIP LOCKED`, tenant).Scan(ctx, &locked)
	if err != nil {
		return fmt.Errorf("lock account: %w", err)
	}
	if len(locked) == 0 {
		return nil
	}
	if err := tx.NewRaw(`SELECT sites, sectors, more FROM igny8_purge_sites(?, ?, ?)`, tenant, now, purgeRows).Scan(ctx, s); err != nil {
		return fmt.Errorf("purge sites: %w", err)
	}
	for _, id := range s.Sites {
		purged := audit.On("site.purged", "site", gid.Site(id))
		if err := audit.Record(ctx, tx, tenant, audit.By{Kind: audit.System}, now, purged); err != nil {
			return err
		}
	}
	return nil
}
