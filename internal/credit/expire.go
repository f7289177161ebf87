package credit

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres"
)

// dueBatch is how many accounts one look for what is due finds.
const dueBatch = 500

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
	var last gid.Account
	for {
		var tenants []gid.Account
		if err := db.NewRaw(due, now, last, dueBatch).Scan(postgres.WithStaff(ctx), &tenants); err != nil {
			return total, fmt.Errorf("look for what is due: %w", err)
		}
		for _, tenant := range tenants {
			done, err := sweepOne(ctx, db, tenant, now)
			if err != nil {
				return total, err
			}
			total.holds += done.holds
			total.grants += done.grants
		}
		if len(tenants) < dueBatch {
			return total, nil
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
