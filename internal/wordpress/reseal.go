package wordpress

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/vault"
)

// Sizes of what is looked at in one go, in rows.
const (
	accountBatch = 500
	resealBatch  = 100
)

// Report is what Reseal did, in passwords.
type Report struct {
	// Resealed are sealed by the vault's current key now.
	Resealed int
	// Left do not open: their key is not in the vault, or the row was tampered with. While there are any,
	// no key may be given up.
	Left int
}

// Reseal seals the passwords of all accounts that other keys have sealed anew with the vault's current
// key, those of deleted accounts and sites included, because they can be restored. It is repeatable,
// goes on where one that was interrupted stopped, and is safe beside others of its kind and beside
// Connect. Run it when every server has the new key first; servers that do not would go on sealing with
// the old one.
//
// A seal is no fact about the connection, so no time and no audit event tells of it. On an error, the
// report says what was done until then.
func Reseal(ctx context.Context, db *postgres.DB, v *vault.Vault) (Report, error) {
	var total Report
	var last gid.Account
	for {
		var tenants []gid.Account
		err := db.NewRaw(`SELECT id FROM igny8_tenants WHERE id > ? ORDER BY id LIMIT ?`, last, accountBatch).
			Scan(postgres.WithStaff(ctx), &tenants)
		if err != nil {
			return total, fmt.Errorf("look for accounts: %w", err)
		}
		for _, tenant := range tenants {
			if err := resealAccount(ctx, db, v, tenant, &total); err != nil {
				return total, err
			}
		}
		if len(tenants) < accountBatch {
			return total, nil
		}
		last = tenants[len(tenants)-1]
	}
}

// resealAccount works through one account as that account, a batch a transaction.
func resealAccount(ctx context.Context, db *postgres.DB, v *vault.Vault, tenant gid.Account, total *Report) error {
	ctx = postgres.WithTenant(ctx, int64(tenant))
	stale := func(db bun.IDB, rows *[]*Connection, after gid.Site) *bun.SelectQuery {
		return db.NewSelect().Model(rows).Where("connection.tenant_id = ?", tenant).Where("connection.key_id <> ?", v.Current()).
			Where("connection.site_id > ?", after).OrderExpr("connection.site_id").Limit(resealBatch)
	}
	var last gid.Site
	for {
		// Most accounts have nothing to do, which one read tells.
		ahead := []*Connection{}
		if err := stale(db, &ahead, last).Column("site_id").Scan(ctx); err != nil {
			return fmt.Errorf("look for passwords to seal anew: %w", err)
		}
		if len(ahead) == 0 {
			return nil
		}
		var done Report
		err := postgres.InTx(ctx, db, func(ctx context.Context, tx bun.Tx) error {
			// The rows alone are locked: accounts that are deleted cannot be, and Connect, which holds
			// its account, waits here and then has the last word.
			rows := []*Connection{}
			err := stale(tx, &rows, last).Where("connection.site_id <= ?", ahead[len(ahead)-1].SiteID).For("UPDATE").Scan(ctx)
			if err != nil {
				return fmt.Errorf("lock passwords to seal anew: %w", err)
			}
			done, err = resealRows(ctx, tx, v, rows)
			return err
		})
		if err != nil {
			return err
		}
		total.Resealed += done.Resealed
		total.Left += done.Left
		last = ahead[len(ahead)-1].SiteID
	}
}

func resealRows(ctx context.Context, tx bun.Tx, v *vault.Vault, rows []*Connection) (Report, error) {
	fresh := make([]*Connection, 0, len(rows))
	for _, row := range rows {
		if who, err := row.open(v); err == nil {
			row.seal(v, who.password)
			fresh = append(fresh, row)
		}
	}
	done := Report{Resealed: len(fresh), Left: len(rows) - len(fresh)}
	if len(fresh) == 0 {
		return done, nil
	}
	if _, err := tx.NewUpdate().Model(&fresh).Column("sealed", "key_id").Bulk().Exec(ctx); err != nil {
		return Report{}, fmt.Errorf("keep passwords sealed anew: %w", err)
	}
	return done, nil
}
