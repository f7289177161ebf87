package credit

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/page"
)

// Filter says which ledger lines to list; conditions are joined by and.
type Filter struct {
	Type      *Type
	Operation *Operation
	Site      *gid.Site
	// From is the first instant, To the first one beyond.
	From, To *time.Time
}

// scoped starts every read of the ledger: the lines of one account.
func scoped(db bun.IDB, tenant gid.Account, lines *[]*Transaction) *bun.SelectQuery {
	return db.NewSelect().Model(lines).Where("line.tenant_id = ?", tenant)
}

// List pages through an account's ledger, newest first.
func List(ctx context.Context, db bun.IDB, tenant gid.Account, f Filter, args page.Args) (*Connection, error) {
	w, err := args.Window(1)
	if err != nil {
		return nil, err
	}
	lines := []*Transaction{}
	q := f.apply(scoped(db, tenant, &lines))
	q, err = page.Apply(q, w, page.Key{Column: "line.seq", Value: new(int64), Descending: true})
	if err != nil {
		return nil, err
	}
	if err := q.Scan(ctx); err != nil {
		return nil, fmt.Errorf("list ledger: %w", err)
	}
	return page.New(w, lines,
		func(t *Transaction) []any { return []any{t.Seq} },
		page.Counter(func() *bun.SelectQuery { return f.apply(scoped(db, tenant, &[]*Transaction{})) }),
	), nil
}

func (f Filter) apply(q *bun.SelectQuery) *bun.SelectQuery {
	if f.Type != nil {
		q = q.Where("line.type = ?", *f.Type)
	}
	if f.Operation != nil {
		q = q.Where("line.operation = ?", *f.Operation)
	}
	if f.Site != nil {
		q = q.Where("line.site_id = ?", *f.Site)
	}
	if f.From != nil {
		q = q.Where("line.created_at >= ?", *f.From)
	}
	if f.To != nil {
		q = q.Where("line.created_at < ?", *f.To)
	}
	return q
}

// TransactionsByIDs reads ledger lines of one account, in no order.
func TransactionsByIDs(ctx context.Context, db bun.IDB, tenant gid.Account, ids []gid.CreditTransaction) ([]*Transaction, error) {
	lines := []*Transaction{}
	if err := scoped(db, tenant, &lines).Where("line.id IN (?)", bun.List(ids)).Scan(ctx); err != nil {
		return nil, fmt.Errorf("read ledger lines: %w", err)
	}
	return lines, nil
}

// Accounts reads the state of accounts' credits, in no order.
func Accounts(ctx context.Context, db bun.IDB, tenants []gid.Account) ([]*Account, error) {
	states := []*Account{}
	if err := db.NewSelect().Model(&states).Where("tenant_id IN (?)", bun.List(tenants)).Scan(ctx); err != nil {
		return nil, fmt.Errorf("read credits: %w", err)
	}
	return states, nil
}

// Left reads the grants of accounts that have something left, in the order in which they burn.
func Left(ctx context.Context, db bun.IDB, tenants []gid.Account) ([]*Grant, error) {
	grants := []*Grant{}
	err := db.NewSelect().Model(&grants).
		Where("tenant_id IN (?)", bun.List(tenants)).Where("remaining > 0").
		OrderExpr("priority, expires_at NULLS LAST, granted_at, id").Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("read grants: %w", err)
	}
	return grants, nil
}

// GrantsByIDs reads grants of one account, in no order.
func GrantsByIDs(ctx context.Context, db bun.IDB, tenant gid.Account, ids []gid.Grant) ([]*Grant, error) {
	grants := []*Grant{}
	err := db.NewSelect().Model(&grants).Where("tenant_id = ?", tenant).Where("id IN (?)", bun.List(ids)).Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("read grants: %w", err)
	}
	return grants, nil
}

// LineGrant is how much of a ledger line came in by a grant or, where negative, went from it.
type LineGrant struct {
	bun.BaseModel `bun:"table:igny8_credit_transaction_grants,alias:part"`

	TenantID      gid.Account           `bun:"tenant_id"`
	TransactionID gid.CreditTransaction `bun:"transaction_id"`
	GrantID       gid.Grant             `bun:"grant_id"`
	Amount        int64                 `bun:"amount"`
	// Grant is as it is now.
	Grant *Grant `bun:"-"`
}

// Tenant is the account whose ledger the line is in.
func (l *LineGrant) Tenant() gid.Account { return l.TenantID }

// GrantsOfLines reads which grants ledger lines of one account touched: line by line, and a line's grants in
// the order in which they burn. The amounts of a line add up to its own.
func GrantsOfLines(ctx context.Context, db bun.IDB, tenant gid.Account, lines []gid.CreditTransaction) ([]*LineGrant, error) {
	touched := []*LineGrant{}
	if len(lines) == 0 {
		return touched, nil
	}
	err := db.NewSelect().Model(&touched).
		Join("JOIN igny8_credit_grants AS g ON g.tenant_id = part.tenant_id AND g.id = part.grant_id").
		Where("part.tenant_id = ?", tenant).Where("part.transaction_id IN (?)", bun.List(lines)).
		OrderExpr("part.transaction_id, g.priority, g.expires_at NULLS LAST, g.granted_at, g.id").Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the grants of ledger lines: %w", err)
	}
	ids := make([]gid.Grant, len(touched))
	for i, l := range touched {
		ids[i] = l.GrantID
	}
	grants, err := GrantsByIDs(ctx, db, tenant, ids)
	if err != nil {
		return nil, err
	}
	byID := make(map[gid.Grant]*Grant, len(grants))
	for _, g := range grants {
		byID[g.ID] = g
	}
	for _, l := range touched {
		l.Grant = byID[l.GrantID]
	}
	return touched, nil
}
