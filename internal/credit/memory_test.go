package credit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/plan"
	"igny8.com/accounts/internal/postgres"
)

// Memory is one account's rows in memory, behind the same statements as Postgres's: all of this package's own
// code runs on it, from the reading of the book to the text and rows of what is written. It knows those
// statements by their parts' names, and refuses what the tables' constraints refuse.
type Memory struct {
	Tenant gid.Account

	state    watched
	grants   []*Grant
	holds    []*Hold
	lines    []*Transaction
	parts    []*part
	requests []*request
	debts    []*debtChange
	keys     map[string]bool
	ids      int64
}

// NewMemory is an account with nothing.
func NewMemory(tenant gid.Account) *Memory {
	return &Memory{Tenant: tenant, state: watched{Account: Account{TenantID: tenant}}, keys: map[string]bool{}}
}

// Perform runs a group in the order given.
func (m *Memory) Perform(ctx context.Context, group []*Movement) error {
	return perform(ctx, m, m.Tenant, group)
}

// Give grants credits as Add does.
func (m *Memory) Give(ctx context.Context, g *Grant, now time.Time) error {
	b, err := open(ctx, m, m.Tenant, needs{earliest: now, latest: now, lineIDs: 1, grantIDs: 1}, false)
	if err != nil {
		return err
	}
	granted, err := b.issue(ctx, g)
	if err != nil {
		return err
	}
	line := &Transaction{Type: Type(g.Kind), IdempotencyKey: fmt.Sprint("given:", g.ID)}
	if err := b.write(ctx, line, []move{granted}); err != nil {
		return err
	}
	if err := b.payDebt(ctx, g); err != nil {
		return err
	}
	b.watch()
	_, err = b.flush(ctx)
	return err
}

// Sweep closes what is over, as the jobs do.
func (m *Memory) Sweep(ctx context.Context, now time.Time) error {
	b, err := open(ctx, m, m.Tenant, needs{earliest: now, latest: now}, true)
	if err != nil {
		return err
	}
	if done, err := b.sweep(ctx); err != nil || done == (swept{}) {
		return err
	}
	_, err = b.flush(ctx)
	return err
}

// String is the account as the model writes itself.
func (m *Memory) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "balance %d held %d seq %d debt %d grants", m.state.Balance, m.state.Held, m.state.LastSeq, m.state.Debt)
	for _, g := range m.grants {
		fmt.Fprintf(&b, " %d", g.Remaining)
	}
	b.WriteString(" holds")
	for _, h := range m.holds {
		fmt.Fprintf(&b, " %s", h.Status)
	}
	return b.String()
}

// Verify adds it all up.
func (m *Memory) Verify() error {
	var ledger, left, held int64
	for i, l := range m.lines {
		ledger += l.Amount
		if l.Seq != int64(i+1) || l.BalanceAfter != ledger {
			return fmt.Errorf("line %d of %d: seq %d, balance after %d", i+1, ledger, l.Seq, l.BalanceAfter)
		}
	}
	moved, of := map[gid.Grant]int64{}, map[gid.CreditTransaction]int64{}
	for _, p := range m.parts {
		moved[p.GrantID] += p.Amount
		of[p.TransactionID] += p.Amount
	}
	for _, g := range m.grants {
		left += g.Remaining
		if moved[g.ID] != g.Remaining {
			return fmt.Errorf("grant %d has %d left, and its lines make it %d", g.ID, g.Remaining, moved[g.ID])
		}
	}
	for _, l := range m.lines {
		if of[l.ID] != l.Amount {
			return fmt.Errorf("line %d is of %d, and its parts of %d", l.Seq, l.Amount, of[l.ID])
		}
	}
	for _, h := range m.holds {
		if h.Status == HoldOpen {
			held += h.Amount
		}
	}
	var owed int64
	for i, c := range m.debts {
		if owed += c.Amount; c.DebtAfter != owed || owed < 0 || (c.Amount > 0) != (c.TransactionID == nil) {
			return fmt.Errorf("change %d of a debt of %d: %+v", i+1, owed, c)
		}
	}
	if owed != m.state.Debt {
		return fmt.Errorf("%+v: the debts add up to %d", m.state.Account, owed)
	}
	if s := m.state; s.Balance != ledger || s.Balance != left || s.Held != held || s.LastSeq != int64(len(m.lines)) || held > left {
		return fmt.Errorf("%+v: the ledger is of %d, the grants of %d, the holds of %d", s.Account, ledger, left, held)
	}
	return nil
}

// Send answers what the book asks.
func (m *Memory) Send(_ context.Context, statements ...postgres.Statement) error {
	for _, s := range statements {
		if err := s.Scan(m.answer(s)); err != nil {
			return err
		}
	}
	return nil
}

func (m *Memory) answer(s postgres.Statement) postgres.Rows {
	switch {
	case strings.Contains(s.SQL, "FOR NO KEY UPDATE"):
		w := m.state
		return &row{values: []any{w.Balance, w.Held, w.LastSeq, w.Debt, w.HasBudgets, w.LowBelow, w.LowSince}}
	case strings.HasPrefix(s.SQL, "SELECT h.tenant_id"):
		var open rowList
		for _, h := range m.where(func(h *Hold) bool { return h.Status == HoldOpen }) {
			open.rows = append(open.rows, &row{values: append([]any{int64(m.Tenant)}, asJSON(h).values...)})
		}
		return &open
	case strings.HasPrefix(s.SQL, "SELECT json_agg(nextval("):
		return asJSON(m.numbers(8))
	}
	read := map[string]any{"lines": m.lines}
	switch {
	case strings.Contains(s.SQL, "'owner'"):
	case strings.Contains(s.SQL, "'lineIds'"): // nothing but ids
		return asJSON(map[string]any{"lineIds": m.numbers(1), "grantIds": m.numbers(1)})
	default: // what was answered before
		read["holds"] = m.holds
		return asJSON(read)
	}
	read["lineIds"], read["holdIds"], read["grantIds"] = m.numbers(1), m.numbers(1), m.numbers(1)
	var o owner
	o.Status, o.Plan.Active, o.Plan.Features = account.Active, true, []plan.Feature{plan.AIWriter, plan.ImageGen}
	var left []*Grant
	for _, g := range m.grants {
		if g.Remaining > 0 {
			left = append(left, g)
		}
	}
	latest, _ := s.Args[1].(time.Time)
	read["owner"], read["grants"], read["asked"] = o, left, m.requests
	read["over"] = m.where(func(h *Hold) bool { return h.Status == HoldOpen && !h.ExpiresAt.After(latest) })
	if strings.Contains(s.SQL, "'holds'") {
		read["holds"] = m.holds
	}
	var sources []map[string]any
	given := []map[string]any{}
	for _, p := range m.parts {
		for _, g := range m.grants {
			if g.ID != p.GrantID {
				continue
			}
			raw, _ := json.Marshal(g)
			one := map[string]any{}
			_ = json.Unmarshal(raw, &one)
			one["transaction_id"], one["taken"] = p.TransactionID, -p.Amount
			sources = append(sources, one)
		}
	}
	totals := map[gid.CreditTransaction]int64{}
	for _, l := range m.lines {
		if l.RefundsID != nil {
			totals[*l.RefundsID] += l.Amount
		}
	}
	for id, total := range totals {
		given = append(given, map[string]any{"id": id, "given": total})
	}
	if strings.Contains(s.SQL, "'sources'") {
		read["sources"], read["given"] = sources, given
	} else {
		delete(read, "lines")
	}
	return asJSON(read)
}

func (m *Memory) where(is func(*Hold) bool) []*Hold {
	var holds []*Hold
	for _, h := range m.holds {
		if is(h) {
			holds = append(holds, h)
		}
	}
	return holds
}

func (m *Memory) numbers(n int) []int64 {
	ids := make([]int64, n)
	for i := range ids {
		m.ids++
		ids[i] = m.ids
	}
	return ids
}

var writes = regexp.MustCompile(`(\w+) AS \((?:INSERT|UPDATE)`)

// Commit does what the book writes.
func (m *Memory) Commit(_ context.Context, statements ...postgres.Statement) error {
	s := statements[0]
	args := s.Args[1:]
	next := func() any {
		arg := args[0]
		args = args[1:]
		return arg
	}
	rows := func(into any) {
		text, _ := next().(string)
		if err := json.Unmarshal([]byte(text), into); err != nil {
			panic(err)
		}
	}
	for _, name := range writes.FindAllStringSubmatch(s.SQL, -1) {
		switch name[1] {
		case "issued":
			var grants []*Grant
			rows(&grants)
			m.grants = append(m.grants, grants...)
		case "line":
			var lines []*Transaction
			rows(&lines)
			m.lines = append(m.lines, lines...)
			for _, l := range lines {
				if m.keys[l.IdempotencyKey] {
					return fmt.Errorf("the key %s is used twice", l.IdempotencyKey)
				}
				m.keys[l.IdempotencyKey] = true
			}
		case "part":
			var parts []*part
			rows(&parts)
			m.parts = append(m.parts, parts...)
		case "moved":
			ids, _ := next().([]int64)
			remaining, _ := next().([]int64)
			for i, id := range ids {
				for _, g := range m.grants {
					if int64(g.ID) == id {
						g.Remaining = remaining[i]
					}
				}
			}
		case "made":
			var holds []*Hold
			rows(&holds)
			m.holds = append(m.holds, holds...)
		case "changed":
			var holds []*Hold
			rows(&holds)
			for _, h := range holds {
				for _, old := range m.holds {
					if old.ID == h.ID {
						*old = *h
					}
				}
			}
		case "answer":
			var requests []*request
			rows(&requests)
			m.requests = append(m.requests, requests...)
		case "debt":
			var changes []*debtChange
			rows(&changes)
			m.debts = append(m.debts, changes...)
		default: // use and alerts are the database's tests' business
			next()
		}
	}
	const columns = 6
	if len(args) != columns {
		return fmt.Errorf("%d arguments are left of\n%s", len(args), s.SQL)
	}
	m.state.Balance, _ = args[0].(int64)
	m.state.Held, _ = args[1].(int64)
	m.state.LastSeq, _ = args[2].(int64)
	m.state.Debt, _ = args[3].(int64)
	m.state.LowBelow, _ = args[4].(int64)
	m.state.LowSince, _ = args[5].(*time.Time)
	if m.state.Held > m.state.Balance || m.state.Held < 0 {
		return errors.New("more is held than is there")
	}
	return nil
}

// row is one row of values, or of one JSON.
type row struct {
	values []any
	read   bool
}

func asJSON(v any) *row {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return &row{values: []any{raw}}
}

// Next is true once.
func (r *row) Next() bool {
	first := !r.read
	r.read = true
	return first
}

// Err is none.
func (*row) Err() error { return nil }

// Scan gives the values.
func (r *row) Scan(into ...any) error {
	for i, v := range r.values {
		switch to := into[i].(type) {
		case *int64:
			*to, _ = v.(int64)
		case *bool:
			*to, _ = v.(bool)
		case *[]byte:
			*to, _ = v.([]byte)
		case **time.Time:
			*to, _ = v.(*time.Time)
		default:
			return fmt.Errorf("%T is not read here", to)
		}
	}
	return nil
}

// rowList is several rows.
type rowList struct{ rows []*row }

// Next goes to the next one.
func (l *rowList) Next() bool {
	if len(l.rows) > 0 && l.rows[0].read {
		l.rows = l.rows[1:]
	}
	return len(l.rows) > 0 && l.rows[0].Next()
}

// Err is none.
func (*rowList) Err() error { return nil }

// Scan gives the values.
func (l *rowList) Scan(into ...any) error { return l.rows[0].Scan(into...) }
