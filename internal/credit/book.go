package credit

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"igny8.com/accounts/internal/audit"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/live"
)

// book is one account's credits behind their lock: whoever has it is alone with them until the
// transaction ends.
type book struct {
	tx     bun.Tx
	now    time.Time
	tenant gid.Account
	state  *Account
	// grants are those with something left, in the order in which they burn.
	grants []*Grant
	// watched is what else the account's row says, and used the use that is not written yet.
	watched *watched
	used    []*usageDay
}

// lock opens the book. skip returns nil where somebody else has it, instead of waiting.
func lock(ctx context.Context, tx bun.Tx, tenant gid.Account, now time.Time, skip bool) (*book, error) {
	rows := []*watched{}
	mode := "UPDATE"
	if skip {
		mode = "UPDATE SKIP LOCKED"
	}
	if err := tx.NewSelect().Model(&rows).Where("tenant_id = ?", tenant).For(mode).Scan(ctx); err != nil {
		return nil, fmt.Errorf("lock ledger: %w", err)
	}
	if len(rows) == 0 {
		if skip {
			return nil, nil
		}
		return nil, fmt.Errorf("lock ledger: account %d has none", tenant)
	}
	return &book{tx: tx, now: now, tenant: tenant, state: &rows[0].Account, watched: rows[0]}, nil
}

// open reads the grants and closes what is over.
func (b *book) open(ctx context.Context) (swept, error) {
	b.grants = []*Grant{}
	err := b.tx.NewSelect().Model(&b.grants).Where("tenant_id = ?", b.tenant).Where("remaining > 0").
		OrderExpr("priority, expires_at NULLS LAST, granted_at, id").For("NO KEY UPDATE").Scan(ctx)
	if err != nil {
		return swept{}, fmt.Errorf("lock grants: %w", err)
	}
	return b.sweep(ctx)
}

// swept is how much a sweep closed.
type swept struct{ holds, grants int }

// sweep closes the holds and then the grants whose time is over.
//
// What was set aside stays usable by whoever set it aside: an expired grant keeps as much as is held by
// open holds that are older than its end, for their capture alone. The rest of it expires as a line.
func (b *book) sweep(ctx context.Context) (swept, error) {
	var done swept
	var err error
	if done.holds, err = b.expireHolds(ctx); err != nil {
		return done, err
	}
	done.grants, err = b.expireGrants(ctx)
	return done, err
}

func (b *book) expireHolds(ctx context.Context) (int, error) {
	if b.state.Held == 0 {
		return 0, nil
	}
	var amounts []int64
	err := b.tx.NewRaw(`UPDATE igny8_credit_holds SET status = 'expired', closed_at = expires_at
		WHERE tenant_id = ? AND status = 'open' AND expires_at <= ? RETURNING amount`, b.tenant, b.now).Scan(ctx, &amounts)
	if err != nil {
		return 0, fmt.Errorf("expire holds: %w", err)
	}
	for _, amount := range amounts {
		b.state.Held -= amount
	}
	return len(amounts), nil
}

func (b *book) expireGrants(ctx context.Context) (int, error) {
	var over []*Grant
	for _, g := range b.grants {
		if g.over(b.now) {
			over = append(over, g)
		}
	}
	if len(over) == 0 {
		return 0, nil
	}
	slices.SortStableFunc(over, func(a, b *Grant) int { return a.ExpiresAt.Compare(*b.ExpiresAt) })
	holds := []*Hold{}
	if b.state.Held > 0 {
		err := b.tx.NewSelect().Model(&holds).Column("amount", "created_at").
			Where("hold.tenant_id = ?", b.tenant).Where("hold.status = 'open'").Scan(ctx)
		if err != nil {
			return 0, fmt.Errorf("read open holds: %w", err)
		}
	}
	var kept int64
	expired := 0
	for _, g := range over {
		var older int64
		for _, h := range holds {
			if h.CreatedAt.Before(*g.ExpiresAt) {
				older += h.Amount
			}
		}
		keep := min(g.Remaining, max(older-kept, 0))
		kept += keep
		if lost := g.Remaining - keep; lost > 0 {
			expired++
			if err := b.expire(ctx, g, lost); err != nil {
				return 0, err
			}
		}
	}
	return expired, nil
}

func (b *book) expire(ctx context.Context, g *Grant, lost int64) error {
	line := &Transaction{
		Type: Expiration, Description: "Unused credits expired", ActorKind: audit.System,
		// A grant can expire in more than one piece, each in a line of its own.
		IdempotencyKey: fmt.Sprintf("expire:%d:%d", g.ID, b.state.LastSeq+1),
	}
	g.Remaining -= lost
	return b.write(ctx, line, []move{{g, -lost}})
}

// over says whether the grant's time is over.
func (g *Grant) over(now time.Time) bool { return g.ExpiresAt != nil && !g.ExpiresAt.After(now) }

// move is how much of a line goes to or comes from a grant.
type move struct {
	grant  *Grant
	amount int64
}

// afford refuses what is more than can be spent. Errors: INSUFFICIENT_CREDITS.
func (b *book) afford(required int64) error {
	available := b.state.Available()
	if required <= available {
		return nil
	}
	return fault.New(fault.InsufficientCredits, "this takes %d credits, and %d are available", required, available).
		With(requiredDetail, required).With(availableDetail, available)
}

// burn takes credits from the grants. A capture takes first what expired grants kept for the holds;
// nothing else takes from them.
func (b *book) burn(amount int64, capture bool) ([]move, error) {
	var moves []move
	take := func(from []*Grant) {
		for _, g := range from {
			n := min(g.Remaining, amount)
			if n == 0 {
				continue
			}
			g.Remaining -= n
			amount -= n
			moves = append(moves, move{g, -n})
		}
	}
	kept, live := []*Grant{}, []*Grant{}
	for _, g := range b.grants {
		if g.over(b.now) {
			kept = append(kept, g)
		} else {
			live = append(live, g)
		}
	}
	if capture {
		take(kept)
	}
	take(live)
	if amount > 0 {
		return nil, fmt.Errorf("account %d: the grants hold %d credits less than its balance", b.tenant, amount)
	}
	return moves, nil
}

// issue inserts a grant of the book's account, whole, and is the move that its line tells of. The
// caller says its kind, amount, expiry and what it is for.
func (b *book) issue(ctx context.Context, g *Grant) (move, error) {
	g.TenantID, g.Remaining, g.Priority, g.GrantedAt, g.issued = b.tenant, g.Amount, g.Kind.Priority(), b.now, true
	if _, err := b.tx.NewInsert().Model(g).Returning("id").Exec(ctx); err != nil {
		return move{}, fmt.Errorf("insert grant: %w", err)
	}
	b.watched.granted(g)
	return move{g, g.Amount}, nil
}

// write appends a line with its moves, whose grants already say what is left on them. What the line's
// amount and place are follows from the moves and the book.
func (b *book) write(ctx context.Context, line *Transaction, moves []move) error {
	line.TenantID, line.Seq, line.CreatedAt, line.Amount = b.tenant, b.state.LastSeq+1, b.now, 0
	for _, m := range moves {
		line.Amount += m.amount
	}
	line.BalanceAfter = b.state.Balance + line.Amount
	// The metadata is read back, so that the first answer and its replay are the same text.
	if _, err := b.tx.NewInsert().Model(line).Returning("id, metadata").Exec(ctx); err != nil {
		return fmt.Errorf("insert ledger line: %w", err)
	}
	parts := make([]*part, len(moves))
	var ids, remaining []int64
	for i, m := range moves {
		parts[i] = &part{TenantID: b.tenant, TransactionID: line.ID, GrantID: m.grant.ID, Amount: m.amount}
		if m.grant.issued {
			m.grant.issued = false // it was inserted with what is left on it; from now on it is like any other
			continue
		}
		ids, remaining = append(ids, int64(m.grant.ID)), append(remaining, m.grant.Remaining)
	}
	if _, err := b.tx.NewInsert().Model(&parts).Returning("NULL").Exec(ctx); err != nil {
		return fmt.Errorf("insert ledger parts: %w", err)
	}
	b.state.Balance, b.state.LastSeq = line.BalanceAfter, line.Seq
	b.use(line)
	if len(ids) == 0 {
		return nil
	}
	_, err := b.tx.NewRaw(`UPDATE igny8_credit_grants AS g SET remaining = d.remaining
		FROM unnest(?::bigint[], ?::bigint[]) AS d (id, remaining) WHERE g.tenant_id = ? AND g.id = d.id`,
		pgdialect.Array(ids), pgdialect.Array(remaining), b.tenant).Exec(ctx)
	if err != nil {
		return fmt.Errorf("update grants: %w", err)
	}
	return nil
}

// close writes the balances and, in the same statement, the use that they tell of.
func (b *book) close(ctx context.Context) error {
	if err := b.watch(ctx); err != nil {
		return err
	}
	update := b.tx.NewUpdate().Model(b.watched).Column("balance", "held", "last_seq", "low_below", "low_since").WherePK()
	if len(b.used) > 0 {
		update = update.With("used", b.tx.NewInsert().Model(&b.used).On(addUse))
	}
	if _, err := update.Exec(ctx); err != nil {
		return fmt.Errorf("update balance: %w", err)
	}
	b.used = nil
	live.Announce(ctx, live.Topic{Account: b.tenant, Kind: live.Credits})
	return nil
}
