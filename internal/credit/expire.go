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

// byRealTime leaves accounts on a test clock to it.
const byRealTime = `tenant_id NOT IN (SELECT id FROM igny8_tenants WHERE clock_at IS NOT NULL)`

// ExpireHolds closes the holds of all accounts whose time is over, and says how many. Each is closed
// once, by whoever comes first: this or the account's next movement. An account whose ledger is locked
// is left to whoever has it and to the next run. It is repeatable at any time.
func ExpireHolds(ctx context.Context, db bun.IDB, now time.Time) (int, error) {
	done, err := expire(ctx, db, now, `SELECT DISTINCT tenant_id FROM igny8_credit_holds
		WHERE status = 'open' AND expires_at <= ?0 AND tenant_id > ?1 AND `+byRealTime+` ORDER BY tenant_id LIMIT ?2`)
	return done.holds, err
}

// ExpireGrants writes off what is left on the grants of all accounts whose time is over, each as a
// ledger line, and says how many lines that took. What open holds keep of a grant expires when they
// close. It is repeatable at any time.
func ExpireGrants(ctx context.Context, db bun.IDB, now time.Time) (int, error) {
	done, err := expire(ctx, db, now, `SELECT DISTINCT tenant_id FROM igny8_credit_grants
		WHERE remaining > 0 AND expires_at <= ?0 AND tenant_id > ?1 AND `+byRealTime+` ORDER BY tenant_id LIMIT ?2`)
	return done.grants, err
}

// expire sweeps the accounts that due finds, each in a transaction of its own, as that account.
func expire(ctx context.Context, db bun.IDB, now time.Time, due string) (swept, error) {
	var total swept
	err := eachDue(ctx, func(after gid.Account) (tenants []gid.Account, err error) {
		err = db.NewRaw(due, now, after, dueBatch).Scan(postgres.WithStaff(ctx), &tenants)
		return tenants, err //nolint:wrapcheck // the caller says what for
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

// Sweep closes an account's holds and writes off its grants whose time is over, in the caller's transaction.
func Sweep(ctx context.Context, tx bun.Tx, tenant gid.Account, now time.Time) error {
	_, err := sweep(ctx, postgres.Joined(tx), tenant, now, false)
	return err
}

func sweepOne(ctx context.Context, db bun.IDB, tenant gid.Account, now time.Time) (swept, error) {
	var done swept
	err := postgres.InTrips(postgres.WithTenant(ctx, int64(tenant)), db, func(ctx context.Context, t postgres.Trips) (err error) {
		done, err = sweep(ctx, t, tenant, now, true)
		return err
	})
	return done, err
}

// sweep closes what is over for an account. skip leaves one whose ledger somebody else has.
func sweep(ctx context.Context, t postgres.Trips, tenant gid.Account, now time.Time, skip bool) (swept, error) {
	b, err := open(ctx, t, tenant, needs{earliest: now, latest: now}, skip)
	if err != nil || b == nil {
		return swept{}, err
	}
	done, err := b.sweep(ctx)
	if err != nil || done == (swept{}) {
		return done, err
	}
	b.watch()
	_, err = b.flush(ctx)
	return done, err
}
