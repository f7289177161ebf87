package credit

import (
	"context"
	"fmt"
	"slices"
	"time"

	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres"
)

// book is one account's credits behind their lock: whoever has it is alone with them until the
// transaction ends. It is read once, changed in memory, and written once, by flush.
type book struct {
	// reading is what was read besides what the book changes, and pending what is to be written.
	reading
	pending

	t      postgres.Trips
	tenant gid.Account
	// now is the time of the movement that is under way.
	now   time.Time
	state *Account
	// watched is what else the account's row says.
	watched *watched
	// grants are those with something left, in the order in which they burn; known are these and all others
	// that were read or issued, so that each is here once.
	grants []*Grant
	known  map[gid.Grant]*Grant
	// holds are those that were read or made, as they are now, and before those that were read, as they were.
	holds  map[gid.CreditHold]*Hold
	before map[gid.CreditHold]Hold
	// undo takes back what the movement under way changed on grants and holds, last first.
	undo []func()
}

// pending is what a book has not written yet.
type pending struct {
	lines   []*Transaction
	parts   []*part
	issued  []*Grant
	touched map[gid.Grant]bool
	made    []*Hold
	closed  map[gid.CreditHold]bool
	answers []*request
	used    []usageDay
	alerts  []*alert
	debts   []*debtChange
}

// lockStatement takes the account's lock. It is in the same trip as what is read behind it, which sees what
// was committed by then.
func (b *book) lockStatement(skip, found *bool) postgres.Statement {
	text := `SELECT balance, held, last_seq, debt, has_budgets, low_below, low_since FROM igny8_credit_accounts
		WHERE tenant_id = $1 FOR NO KEY UPDATE`
	if *skip {
		text += " SKIP LOCKED"
	}
	w := b.watched
	return postgres.Statement{
		SQL: text, Args: []any{int64(b.tenant)},
		Scan: postgres.ScanOne(found, &w.Balance, &w.Held, &w.LastSeq, &w.Debt, &w.HasBudgets, &w.LowBelow, &w.LowSince),
	}
}

// open locks an account's credits and reads what is needed of them. skip returns nil where somebody else has
// the lock, instead of waiting.
func open(ctx context.Context, t postgres.Trips, tenant gid.Account, needed needs, skip bool) (*book, error) {
	b := &book{
		t: t, tenant: tenant, now: needed.latest, watched: &watched{Account: Account{TenantID: tenant}},
		known: map[gid.Grant]*Grant{}, holds: map[gid.CreditHold]*Hold{}, before: map[gid.CreditHold]Hold{},
		pending: pending{touched: map[gid.Grant]bool{}, closed: map[gid.CreditHold]bool{}},
	}
	b.state = &b.watched.Account
	var found bool
	var raw []byte
	if err := t.Send(ctx, b.lockStatement(&skip, &found), needed.statement(tenant, &raw)); err != nil {
		return nil, fmt.Errorf("lock and read ledger: %w", err)
	}
	if !found && skip {
		return nil, nil
	}
	if !found {
		return nil, fmt.Errorf("lock ledger: account %d: %w", tenant, errNoLedger)
	}
	if err := b.take(raw); err != nil {
		return nil, err
	}
	return b, nil
}

// keep changes what is left on a grant, and where it stands among those that burn.
func (b *book) keep(g *Grant, remaining int64) {
	was := g.Remaining
	b.undo = append(b.undo, func() { b.put(g, was) })
	b.put(g, remaining)
	b.touched[g.ID] = true
}

func (b *book) put(g *Grant, remaining int64) {
	g.Remaining = remaining
	i, there := slices.BinarySearchFunc(b.grants, g, burnsBefore)
	switch {
	case remaining > 0 && !there:
		b.grants = slices.Insert(b.grants, i, g)
	case remaining == 0 && there:
		b.grants = slices.Delete(b.grants, i, i+1)
	}
}

// burnsBefore is the order in which grants burn.
func burnsBefore(a, b *Grant) int {
	switch {
	case a.Priority != b.Priority:
		return a.Priority - b.Priority
	case a.ExpiresAt == nil && b.ExpiresAt != nil:
		return 1
	case a.ExpiresAt != nil && b.ExpiresAt == nil:
		return -1
	}
	if a.ExpiresAt != nil {
		if d := a.ExpiresAt.Compare(*b.ExpiresAt); d != 0 {
			return d
		}
	}
	if d := a.GrantedAt.Compare(b.GrantedAt); d != 0 {
		return d
	}
	return int(a.ID - b.ID)
}

// endsBefore is the order in which grants that end do.
func endsBefore(a, b *Grant) int { return a.ExpiresAt.Compare(*b.ExpiresAt) }

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

// burn takes credits from the grants. A capture takes first what expired grants kept for the holds, from the
// one that ended first on: later ends are what younger holds have. Nothing else takes from them.
func (b *book) burn(amount int64, capture bool) ([]move, error) {
	var moves []move
	take := func(from []*Grant) {
		for _, g := range from {
			n := min(g.Remaining, amount)
			if n == 0 {
				continue
			}
			b.keep(g, g.Remaining-n)
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
		slices.SortStableFunc(kept, endsBefore)
		take(kept)
	}
	take(live)
	if amount > 0 {
		return nil, fmt.Errorf("account %d: the grants hold %d credits less than its balance", b.tenant, amount)
	}
	return moves, nil
}

// issue adds a grant to the book's account, whole, and is the move that its line tells of. The
// caller says its kind, amount, expiry and what it is for.
func (b *book) issue(ctx context.Context, g *Grant) (move, error) {
	id, err := b.grantIDs.next(ctx, b.t)
	if err != nil {
		return move{}, err
	}
	g.ID, g.TenantID, g.Priority, g.GrantedAt = gid.Grant(id), b.tenant, g.Kind.Priority(), b.now
	b.known[g.ID] = g
	b.issued = append(b.issued, g)
	b.keep(g, g.Amount)
	b.watched.granted(g)
	return move{g, g.Amount}, nil
}

// write appends a line with its moves, whose grants already say what is left on them. What the line's
// amount and place are follows from the moves and the book.
func (b *book) write(ctx context.Context, line *Transaction, moves []move) error {
	id, err := b.lineIDs.next(ctx, b.t)
	if err != nil {
		return err
	}
	line.ID, line.TenantID, line.Seq, line.CreatedAt, line.Amount = gid.CreditTransaction(id), b.tenant, b.state.LastSeq+1, b.now, 0
	for _, m := range moves {
		line.Amount += m.amount
		b.parts = append(b.parts, &part{TenantID: b.tenant, TransactionID: line.ID, GrantID: m.grant.ID, Amount: m.amount})
	}
	line.BalanceAfter = b.state.Balance + line.Amount
	if line.Metadata == nil {
		line.Metadata = noMetadata
	}
	b.lines = append(b.lines, line)
	b.state.Balance, b.state.LastSeq = line.BalanceAfter, line.Seq
	b.use(line)
	return nil
}

// mark is where a movement began.
type mark struct {
	watched watched
	pending pending
}

// begin starts a movement: what it changes until the next begin is taken back by abandon.
func (b *book) begin(now time.Time) mark {
	b.now, b.undo = now, nil
	m := mark{watched: *b.watched, pending: b.pending}
	m.pending.used = slices.Clone(b.used)
	return m
}

// abandon takes back all that was changed since begin. What it touched may stay marked as such: it is
// written as it was.
func (b *book) abandon(m mark) {
	for _, take := range slices.Backward(b.undo) {
		take()
	}
	b.undo = nil
	*b.watched, b.pending = m.watched, m.pending
}
