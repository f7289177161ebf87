package credit

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/plan"
	"igny8.com/accounts/internal/postgres"
)

// movement is one change of an account's credits, alone or in a group, and what came of it.
type movement struct {
	waiting

	now            time.Time
	operation, key string
	fingerprint    string
	// actor passes the account's gate again behind the lock; nil for staff's own commands.
	actor *account.Actor
	// What do needs to have been read, beyond the account, its grants and the key.
	costs  Operation
	site   *gid.Site
	hold   *gid.CreditHold
	refund *gid.CreditTransaction
	// do judges and applies it on the book. It is not called for a key that was used before, and may be
	// called again on another book where the first one came to nothing.
	do func(ctx context.Context, b *book) (*Result, error)

	// result or err is what came of it: err is a refusal.
	result *Result
	err    error
}

// needed adds up what the movements of a group need.
func needed(group []*movement) needs {
	n := needs{earliest: group[0].now, latest: group[0].now}
	for _, m := range group {
		if m.now.Before(n.earliest) {
			n.earliest = m.now
		}
		if m.now.After(n.latest) {
			n.latest = m.now
		}
		n.keys = append(n.keys, requestKey{m.operation, m.key})
		if m.costs != "" {
			n.operations = append(n.operations, m.costs)
		}
		if m.site != nil {
			n.sites = append(n.sites, *m.site)
		}
		if m.hold != nil {
			n.holds = append(n.holds, *m.hold)
		}
		if m.refund != nil {
			n.refunds = append(n.refunds, *m.refund)
		}
		switch m.operation {
		case opReserve:
			n.holdIDs++
		case opRelease:
		default:
			n.lineIDs++
		}
	}
	n.distinct()
	return n
}

// performAll runs a group of movements of one account in one transaction. The error is one that none of
// them is answerable for, and then nothing was written, unless it is the commit's.
func performAll(ctx context.Context, db bun.IDB, tenant gid.Account, group []*movement) error {
	return postgres.InTrips(ctx, db, func(ctx context.Context, t postgres.Trips) error {
		return perform(ctx, t, tenant, group)
	})
}

// perform applies movements one after the other behind the account's lock, and writes them together: three
// trips to Postgres for those that move credits, however many they are. Each is told in its result or err
// what became of it; one that is refused leaves no trace in what follows.
func perform(ctx context.Context, t postgres.Trips, tenant gid.Account, group []*movement) error {
	b, err := open(ctx, t, tenant, needed(group), false)
	if err != nil {
		return err
	}
	for _, m := range group {
		m.result, m.err = nil, nil
		begun := b.begin(m.now)
		result, err := b.apply(ctx, m)
		switch {
		case err == nil:
			m.result = result
		case len(fault.Of(err)) > 0:
			b.abandon(begun)
			m.err = err
		default:
			return err
		}
	}
	if !b.dirty() {
		return nil
	}
	kept, err := b.flush(ctx)
	if err != nil {
		return err
	}
	for _, m := range group {
		if m.result != nil && m.result.Transaction != nil {
			if metadata, there := kept[m.result.Transaction.ID]; there {
				m.result.Transaction.Metadata = metadata
			}
		}
	}
	return nil
}

// apply is one movement: it passes the gate, is recalled where it was asked for before, and else done.
func (b *book) apply(ctx context.Context, m *movement) (*Result, error) {
	if err := b.admit(m); err != nil {
		return nil, err
	}
	if first, err := b.recall(ctx, m); err != nil || first != nil {
		return first, err
	}
	if _, err := b.sweep(ctx); err != nil {
		return nil, err
	}
	result, err := m.do(ctx, b)
	if err != nil {
		return nil, err
	}
	b.watch()
	result.Credits = b.state
	result = result.copied()
	b.remember(m, result)
	return result.copied(), nil
}

// admit judges the account's status and plan as they are behind the lock: a suspension that was committed
// while a movement waited refuses it. Errors: NOT_FOUND, and those of the gate.
func (b *book) admit(m *movement) error {
	if m.actor == nil {
		return nil
	}
	if b.owner.Deleted {
		return fault.New(fault.NotFound, "there is no such account")
	}
	now := b.current(*m.actor)
	if err := now.Gate(account.Write); err != nil {
		return fmt.Errorf("enter: %w", err)
	}
	return nil
}

// current is the actor on the account and plan as they are behind the lock.
func (b *book) current(actor account.Actor) account.Actor {
	acct := account.Account{ID: b.tenant}
	if actor.Account != nil {
		acct = *actor.Account
	}
	acct.Status = b.owner.Status
	on := plan.Plan{}
	if actor.Plan != nil {
		on = *actor.Plan
	}
	p := b.owner.Plan
	on.Slug, on.Name, on.Features, on.Active = p.Slug, p.Name, p.Features, p.Active
	actor.Account, actor.Plan = &acct, &on
	return actor
}
