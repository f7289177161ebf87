package credit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres"
)

const (
	// dueBatch is how many accounts one look for what is due finds.
	dueBatch = 500
	// mostFailures is how many accounts may fail at one look: what stops that many is not theirs, and each
	// may take as long as a statement may.
	mostFailures = 20
)

// ExpireHolds closes the holds of all accounts whose time is over, and says how many. Each is closed
// once, by whoever comes first: this or the account's next movement. An account whose ledger is locked
// is left to whoever has it and to the next run. It is repeatable at any time.
func ExpireHolds(ctx context.Context, db bun.IDB, now time.Time) (int, error) {
	done, err := expire(ctx, db, now, `SELECT DISTINCT tenant_id FROM igny8_credit_holds
		WHERE status = 'open' AND expires_at <= ?0 AND tenant_id > ?1 ORDER BY tenant_id LIMIT ?2`)
	return done.holds, err
}

// ExpireGrants writes off what is left on the grants of all accounts whose time is over, each as a
// ledger line, and says how many lines that took. What open holds keep of a grant expires when they
// close. It is repeatable at any time.
func ExpireGrants(ctx context.Context, db bun.IDB, now time.Time) (int, error) {
	done, err := expire(ctx, db, now, `SELECT DISTINCT tenant_id FROM igny8_credit_grants
		WHERE remaining > 0 AND expires_at <= ?0 AND tenant_id > ?1 ORDER BY tenant_id LIMIT ?2`)
	return done.grants, err
}

// expire sweeps the accounts that due finds, each in a transaction of its own, as that account.
func expire(ctx context.Context, db bun.IDB, now time.Time, due string) (swept, error) {
	var total swept
	err := eachDue(ctx, func(after gid.Account) (tenants []gid.Account, err error) {
		err = db.NewRaw(due, now, after, dueBatch).Scan(postgres.WithStaff(ctx), &tenants)
		return tenants, err
	}, func(tenant gid.Account) error {
		done, err := sweepOne(ctx, db, tenant, now)
		if err != nil {
			return err
		}
		total.holds += done.holds
		total.grants += done.grants
		return nil
	})
	return total, err
}

// eachDue calls do with every account that look finds, some at a time, by id. One that fails keeps no other
// waiting: their errors come together, and what fails for very many is given up until the next time.
func eachDue(
	ctx context.Context, look func(after gid.Account) ([]gid.Account, error), do func(tenant gid.Account) error,
) error {
	var failed []error
	var last gid.Account
	for {
		tenants, err := look(last)
		if err != nil {
			return errors.Join(append(failed, fmt.Errorf("look for what is due: %w", err))...)
		}
		for _, tenant := range tenants {
			if err := do(tenant); err != nil {
				failed = append(failed, fmt.Errorf("account %s: %w", gid.Format(tenant), err))
			}
			if len(failed) >= mostFailures || ctx.Err() != nil {
				return errors.Join(append(failed, ctx.Err())...)
			}
		}
		if len(tenants) < dueBatch {
			return errors.Join(failed...)
		}
		last = tenants[len(tenants)-1]
	}
}

func sweepOne(ctx context.Context, db bun.IDB, tenant gid.Account, now time.Time) (swept, error) {
	var done swept
	err := postgres.InTrips(postgres.WithTenant(ctx, int64(tenant)), db, func(ctx context.Context, t postgres.Trips) error {
		done = swept{}
		b, err := open(ctx, t, tenant, needs{earliest: now, latest: now}, true)
		if err != nil || b == nil {
			return err
		}
		if done, err = b.sweep(ctx); err != nil || done == (swept{}) {
			return err
		}
		b.watch()
		_, err = b.flush(ctx)
		return err
	})
	return done, err
}
