package billing

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/audit"
	"igny8.com/accounts/internal/credit"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/period"
	"igny8.com/accounts/internal/postgres"
)

// MaxAdvance is how far a test clock goes at once.
const MaxAdvance = 366 * 24 * time.Hour

// mostStops bounds at how many instants something happens within one advance.
const mostStops = 10_000

// NewClock makes a sandbox of an account.
type NewClock struct {
	AccountID gid.Account
	// FrozenAt is where the clock stands then; nil for now. It is not before now, and MaxAdvance after it at most.
	FrozenAt       *time.Time
	IdempotencyKey string
}

const clockOperation = "createTestClock"

// CreateClock gives an account a clock of its own, for good: from then on it lives by that, and what it has is a
// sandbox's. It must have paid nothing so far. The same key and input do nothing again, but finish an advance that
// was broken off. Errors: FORBIDDEN where test clocks are not allowed, REQUIRED, TOO_LONG, NOT_FOUND and
// INVALID_STATE at accountId, INVALID at frozenAt, IDEMPOTENCY_CONFLICT.
func (o Office) CreateClock(ctx context.Context, db bun.IDB, staff account.Actor, now time.Time, in NewClock) (*account.Account, error) {
	if err := o.clocksAllowed(); err != nil {
		return nil, err
	}
	if f := fault.CheckIdempotencyKey(in.IdempotencyKey); f != nil {
		return nil, f
	}
	var facts []byte
	if in.FrozenAt != nil {
		frozen := period.Instant(*in.FrozenAt)
		in.FrozenAt, facts = &frozen, fingerprint(frozen.UnixMicro())
	} else {
		facts = fingerprint(nil)
	}
	called := now
	err := postgres.InTx(postgres.WithTenant(ctx, int64(in.AccountID)), db, func(ctx context.Context, tx bun.Tx) error {
		now := called
		a, err := o.open(ctx, tx, in.AccountID, &now)
		if err != nil {
			return at(err, "accountId")
		}
		_, replayed, err := recallAny(ctx, tx, in.AccountID, clockOperation, in.IdempotencyKey, facts)
		if err != nil || replayed {
			return err
		}
		if err := a.fitForClock(ctx, tx); err != nil {
			return err
		}
		if in.FrozenAt != nil && (in.FrozenAt.Before(now) || in.FrozenAt.After(now.Add(MaxAdvance))) {
			return fault.New(fault.Invalid, "not before now, and at most 366 days ahead").At("frozenAt")
		}
		if err := setClock(ctx, tx, a.account, now); err != nil {
			return err
		}
		if err := remember(ctx, tx, &remembered{
			TenantID: in.AccountID, Operation: clockOperation, Key: in.IdempotencyKey, Fingerprint: facts, CreatedAt: now,
		}); err != nil {
			return err
		}
		change := audit.On("test_clock.created", "account", in.AccountID).To(map[string]any{"now": now})
		if err := audit.Record(ctx, tx, in.AccountID, staff.By(in.AccountID), called, change); err != nil {
			return err
		}
		return a.close(ctx, tx)
	})
	if err != nil {
		return nil, err
	}
	to := time.Time{}
	if in.FrozenAt != nil {
		to = *in.FrozenAt
	}
	return o.advance(ctx, db, in.AccountID, to)
}

// fitForClock says whether the account can be a sandbox: nothing real hangs on it. Errors: INVALID_STATE at accountId.
func (a *agreement) fitForClock(ctx context.Context, tx bun.Tx) error {
	refuse := func(why string) error { return fault.New(fault.InvalidState, "%s", why).At("accountId") }
	switch {
	case a.account.System:
		return refuse("a system account lives by the real time")
	case a.account.ClockAt != nil:
		return refuse("this account has a test clock")
	}
	known, err := a.knownToStripe(ctx, tx)
	if err != nil {
		return err
	}
	if known {
		return refuse("this account is known to Stripe, which lives by the real time")
	}
	paid, err := tx.NewSelect().Model((*Payment)(nil)).Where("tenant_id = ?", a.account.ID).
		Where("status IN (?, ?, ?)", Confirmed, Refunded, Disputed).Where("amount_minor > 0").Exists(ctx)
	if err != nil {
		return fmt.Errorf("look for payments: %w", err)
	}
	if paid {
		return refuse("this account has paid; a sandbox is one that never did")
	}
	return nil
}

// knownToStripe says whether Stripe knows the account, or is about to: a page to pay on may be asked for just now.
func (a *agreement) knownToStripe(ctx context.Context, tx bun.Tx) (bool, error) {
	if a.account.StripeCustomerID != nil || a.subscription.StripeSubscriptionID != nil {
		return true, nil
	}
	var known bool
	err := tx.NewRaw(`SELECT EXISTS (SELECT FROM igny8_stripe_customers WHERE tenant_id = ?0)
		OR EXISTS (SELECT FROM igny8_stripe_checkouts WHERE tenant_id = ?0 AND status NOT IN ('failed', 'expired'))`, a.account.ID).Scan(ctx, &known)
	if err != nil {
		return false, fmt.Errorf("look for an account at Stripe: %w", err)
	}
	return known, nil
}

// AdvanceClock moves an account's test clock forwards, and does all that falls due on the way, each thing at its own
// instant. One that was broken off goes on when it is said again. Errors: FORBIDDEN where test clocks are not
// allowed, NOT_FOUND and INVALID_STATE at accountId, INVALID at to.
func (o Office) AdvanceClock(
	ctx context.Context, db bun.IDB, staff account.Actor, now time.Time, id gid.Account, to time.Time,
) (*account.Account, error) {
	if err := o.clocksAllowed(); err != nil {
		return nil, err
	}
	to = period.Instant(to)
	err := postgres.InTx(postgres.WithTenant(ctx, int64(id)), db, func(ctx context.Context, tx bun.Tx) error {
		acct, err := account.Lock(ctx, tx, id)
		if err != nil {
			return at(err, "accountId")
		}
		if acct.ClockAt == nil {
			return fault.New(fault.InvalidState, "this account has no test clock").At("accountId")
		}
		from := acct.Now(now)
		switch {
		case to.Before(from):
			return fault.New(fault.Invalid, "the clock stands at %s and goes forwards alone", from.Format(time.RFC3339)).At("to")
		case to.After(from.Add(MaxAdvance)):
			return fault.New(fault.Invalid, "at most 366 days at once: until %s", from.Add(MaxAdvance).Format(time.RFC3339)).At("to")
		case to.Equal(from):
			return nil
		}
		change := audit.On("test_clock.advanced", "account", id).From(map[string]any{"now": from}).To(map[string]any{"now": to})
		return audit.Record(ctx, tx, id, staff.By(id), now, change)
	})
	if err != nil {
		return nil, err
	}
	return o.advance(ctx, db, id, to)
}

func (o Office) clocksAllowed() error {
	if o.TestClocks {
		return nil
	}
	return fault.New(fault.Forbidden, "test clocks are not allowed on this server")
}

// advance lets an account's clock stop at each instant at which something falls due, until it stands at to or later.
func (o Office) advance(ctx context.Context, db bun.IDB, tenant gid.Account, to time.Time) (*account.Account, error) {
	for range mostStops {
		var acct *account.Account
		var there bool
		err := postgres.InTx(postgres.WithTenant(ctx, int64(tenant)), db, func(ctx context.Context, tx bun.Tx) (err error) {
			acct, there, err = o.tick(ctx, tx, tenant, to)
			return err
		})
		if err != nil {
			return nil, err
		}
		if there {
			return acct, nil
		}
	}
	return nil, fmt.Errorf("advance a test clock: more than %d stops", mostStops)
}

// tick moves the clock to the next instant at which something falls due, and does it: what is over expires before
// what begins comes, as they meet at a boundary. The state that a stop leaves behind is whole, wherever it ends.
func (o Office) tick(ctx context.Context, tx bun.Tx, tenant gid.Account, to time.Time) (acct *account.Account, there bool, err error) {
	acct, err = account.Lock(ctx, tx, tenant)
	if err != nil {
		return nil, false, at(err, "accountId")
	}
	now := acct.Now(to)
	if !now.Before(to) {
		return acct, true, nil
	}
	if now, err = nextStop(ctx, tx, tenant, now, to); err != nil {
		return nil, false, err
	}
	if err := setClock(ctx, tx, acct, now); err != nil {
		return nil, false, err
	}
	a, err := read(ctx, tx, acct, now)
	if err != nil {
		return nil, false, err
	}
	if err := credit.Sweep(ctx, tx, tenant, now); err != nil {
		return nil, false, err
	}
	if err := o.settle(ctx, tx, a, now); err != nil {
		return nil, false, err
	}
	if err := a.close(ctx, tx); err != nil {
		return nil, false, err
	}
	return acct, false, credit.TellLow(ctx, tx, o.Mail, acct, now)
}

// nextStop is the first instant from now on at which something falls due, to at the latest. A hold closes as of its
// own end whenever it is swept, so it is waited for only where it keeps a grant that is over.
func nextStop(ctx context.Context, tx bun.Tx, tenant gid.Account, now, to time.Time) (time.Time, error) {
	var stop time.Time
	err := tx.NewRaw(`SELECT greatest(?1, least(?2,
			(SELECT due_at FROM igny8_subscriptions WHERE tenant_id = ?0),
			(SELECT min(expires_at) FROM igny8_credit_grants WHERE tenant_id = ?0 AND remaining > 0 AND expires_at > ?1),
			(SELECT min(expires_at) FROM igny8_credit_holds WHERE tenant_id = ?0 AND status = 'open' AND EXISTS (
				SELECT FROM igny8_credit_grants WHERE tenant_id = ?0 AND remaining > 0 AND expires_at <= ?1))))`,
		tenant, now, to).Scan(ctx, &stop)
	if err != nil {
		return time.Time{}, fmt.Errorf("look for what is due next: %w", err)
	}
	return period.Instant(stop), nil
}

func setClock(ctx context.Context, tx bun.Tx, acct *account.Account, now time.Time) error {
	acct.ClockAt = &now
	if _, err := tx.NewUpdate().Model(acct).WherePK().Column("clock_at").Exec(ctx); err != nil {
		return fmt.Errorf("set a test clock: %w", err)
	}
	return nil
}

// nowOf is what an account takes for now, for what is judged before its lock is asked for. Where no clocks are allowed
// nothing is read.
func (o Office) nowOf(ctx context.Context, db bun.IDB, tenant gid.Account, now time.Time) (time.Time, error) {
	if !o.TestClocks {
		return now, nil
	}
	return clockOf(ctx, db.NewSelect().TableExpr("igny8_tenants AS a").Where("a.id = ?", tenant), now)
}

// today is nowOf the account that a payment is of.
func (o Office) today(ctx context.Context, db bun.IDB, id gid.Payment, now time.Time) (time.Time, error) {
	if !o.TestClocks {
		return now, nil
	}
	return clockOf(ctx, db.NewSelect().TableExpr("igny8_tenants AS a").
		Join("JOIN igny8_payments AS p ON p.tenant_id = a.id").Where("p.id = ?", id), now)
}

func clockOf(ctx context.Context, q *bun.SelectQuery, now time.Time) (time.Time, error) {
	var clocks []time.Time
	if err := q.Column("a.clock_at").Where("a.clock_at IS NOT NULL").Scan(postgres.WithStaff(ctx), &clocks); err != nil {
		return time.Time{}, fmt.Errorf("read a test clock: %w", err)
	}
	if len(clocks) == 0 {
		return now, nil
	}
	return clocks[0].UTC(), nil
}

// Sandboxes says whether any account of the database is on a test clock.
func Sandboxes(ctx context.Context, db bun.IDB) (bool, error) {
	var found bool
	err := db.NewRaw("SELECT EXISTS (SELECT FROM igny8_tenants WHERE clock_at IS NOT NULL)").Scan(postgres.WithStaff(ctx), &found)
	if err != nil {
		return false, fmt.Errorf("look for test clocks: %w", err)
	}
	return found, nil
}
