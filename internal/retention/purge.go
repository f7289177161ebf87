package retention

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"igny8.com/accounts/internal/audit"
	"igny8.com/accounts/internal/billing"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres"
)

const (
	// foundAtOnce is how many accounts one look for what is due finds.
	foundAtOnce = 100
	// rowsAtOnce is how many rows one transaction of a purge touches where there can be many.
	rowsAtOnce = 1000
	// peopleAtOnce is how many people are purged in one transaction.
	peopleAtOnce = 100
)

// Purge removes for good what is left of accounts, and of people who were removed from one, whose time to
// be restored is over, and says how many accounts and people that were. Ledger, payments, invoices and the
// log stay without personal data.
//
// It is repeatable and safe beside others of its kind; one that was interrupted is continued by the next.
// One account's failure does not keep it from the others: all are told in the error, joined. Nothing is
// purged before its time is over by the database's clock too.
func Purge(ctx context.Context, db bun.IDB, now time.Time) (int, error) {
	accounts, err := purgeAccounts(ctx, db, now)
	people, errPeople := purgePeople(ctx, db, now)
	return accounts + people, errors.Join(err, errPeople)
}

func purgeAccounts(ctx context.Context, db bun.IDB, now time.Time) (int, error) {
	return each(ctx, func(last gid.Account) ([]gid.Account, error) {
		var due []gid.Account
		err := db.NewRaw(`SELECT id FROM igny8_tenants
			WHERE deleted_at IS NOT NULL AND restore_until <= ? AND purged_at IS NULL AND id > ? ORDER BY id LIMIT ?`,
			now, last, foundAtOnce).Scan(postgres.WithStaff(ctx), &due)
		return due, wrap("look for what is to be purged", err)
	}, func(tenant gid.Account) (int, error) { return purgeAccount(ctx, db, tenant, now) })
}

func purgePeople(ctx context.Context, db bun.IDB, now time.Time) (int, error) {
	return each(ctx, func(last gid.Account) ([]gid.Account, error) {
		var due []gid.Account
		err := db.NewRaw(`SELECT igny8_accounts_with_people_over(?, ?, ?)`, now, last, foundAtOnce).Scan(ctx, &due)
		return due, wrap("look for what is to be purged", err)
	}, func(tenant gid.Account) (int, error) { return purgePeopleOf(ctx, db, tenant, now) })
}

// each purges what find finds after one account, until it finds nothing.
func each(
	ctx context.Context, find func(last gid.Account) ([]gid.Account, error), purge func(gid.Account) (int, error),
) (int, error) {
	var done int
	var failed []error
	var last gid.Account
	for {
		due, err := find(last)
		if err != nil {
			return done, errors.Join(append(failed, err)...)
		}
		for _, tenant := range due {
			n, err := purge(tenant)
			done += n
			if err != nil {
				failed = append(failed, fmt.Errorf("purge %s: %w", gid.Format(tenant), err))
			}
			if ctx.Err() != nil {
				return done, errors.Join(failed...)
			}
		}
		if len(due) < foundAtOnce {
			return done, errors.Join(failed...)
		}
		last = due[len(due)-1]
	}
}

// purgeAccount does the parts of an account's end, each in transactions of its own, and then says that it
// is done with: 1, or 0 where somebody else is at it.
func purgeAccount(ctx context.Context, db bun.IDB, tenant gid.Account, now time.Time) (int, error) {
	ctx = postgres.WithTenant(ctx, int64(tenant))
	var begun *bool
	if err := db.NewRaw(`SELECT igny8_purge_account(?)`, tenant).Scan(ctx, &begun); err != nil || begun == nil {
		return 0, wrap("remove who it was", err)
	}
	if err := db.NewRaw(`SELECT igny8_purge_invoices(?)`, tenant).Scan(ctx, &begun); err != nil || begun == nil {
		return 0, wrap("remove who it was from invoices", err)
	}
	if err := db.NewRaw(`SELECT igny8_purge_receipts(?)`, tenant).Scan(ctx, &begun); err != nil || begun == nil {
		return 0, wrap("remove the words of receipts", err)
	}
	if forgotten, err := forgetAtStripe(ctx, db, tenant, now); err != nil || !forgotten {
		return 0, wrap("remove what leads to people at Stripe", err)
	}
	for _, part := range []struct {
		what, query string
	}{
		{"remove sync events", `SELECT igny8_purge_sync_events(?0, ?2)`},
		{"scrub the ledger", `SELECT igny8_purge_ledger(?0, ?1, ?2)`},
		{"scrub the log", `SELECT igny8_purge_audit(?0, ?1, ?2)`},
	} {
		var last int64
		for {
			var next *int64
			if err := db.NewRaw(part.query, tenant, last, rowsAtOnce).Scan(ctx, &next); err != nil || next == nil {
				return 0, wrap(part.what, err)
			}
			if *next == 0 {
				break
			}
			last = *next
		}
	}
	done := 0
	err := postgres.InTx(ctx, db, func(ctx context.Context, tx bun.Tx) error {
		done = 0
		var finished *bool
		if err := tx.NewRaw(`SELECT igny8_purge_finish(?)`, tenant).Scan(ctx, &finished); err != nil {
			return wrap("finish", err)
		}
		if finished == nil || !*finished {
			return nil
		}
		done = 1
		return audit.Record(ctx, tx, tenant, audit.By{Kind: audit.System}, now, audit.On("account.purged", accountSubject, tenant))
	})
	return done, err
}

// forgetAtStripe removes what leads to people at Stripe, and leaves the wish that they are forgotten there too, for
// which nothing here waits. It says false where somebody else is at it.
func forgetAtStripe(ctx context.Context, db bun.IDB, tenant gid.Account, now time.Time) (forgotten bool, err error) {
	err = postgres.InTx(ctx, db, func(ctx context.Context, tx bun.Tx) error {
		var customers []string
		err := tx.NewRaw(`SELECT gone IS NOT NULL, coalesce(gone, '{}') FROM igny8_purge_stripe(?) AS gone`, tenant).
			Scan(ctx, &forgotten, pgdialect.Array(&customers))
		if err != nil {
			return fmt.Errorf("forget customers: %w", err)
		}
		return billing.ForgetCustomers(ctx, tx, tenant, customers, now)
	})
	return forgotten, err
}

func purgePeopleOf(ctx context.Context, db bun.IDB, tenant gid.Account, now time.Time) (int, error) {
	ctx = postgres.WithTenant(ctx, int64(tenant))
	for total := 0; ; {
		var ids []gid.User
		err := postgres.InTx(ctx, db, func(ctx context.Context, tx bun.Tx) error {
			ids = nil
			err := tx.NewRaw(`SELECT igny8_purge_people(?, ?, ?)`, tenant, now, peopleAtOnce).Scan(ctx, &ids)
			if err != nil || len(ids) == 0 {
				return wrap("remove people", err)
			}
			names := make([]string, len(ids))
			for i, id := range ids {
				names[i] = gid.Format(id)
			}
			return audit.Record(ctx, tx, tenant, audit.By{Kind: audit.System}, now,
				audit.On("members.purged", accountSubject, tenant).To(map[string]any{"members": names}))
		})
		if err != nil {
			return total, err
		}
		if total += len(ids); len(ids) < peopleAtOnce {
			return total, nil
		}
	}
}

func wrap(what string, err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}
