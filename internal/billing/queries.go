package billing

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/page"
)

// scoped starts every read of an account's payments.
func scoped(db bun.IDB, tenant gid.Account, payments *[]*Payment) *bun.SelectQuery {
	return db.NewSelect().Model(payments).Where("payment.tenant_id = ?", tenant)
}

// Subscriptions reads the subscriptions of accounts, in no order.
func Subscriptions(ctx context.Context, db bun.IDB, tenants []gid.Account) ([]*Subscription, error) {
	rows := []*Subscription{}
	if err := db.NewSelect().Model(&rows).Where("tenant_id IN (?)", bun.List(tenants)).Scan(ctx); err != nil {
		return nil, fmt.Errorf("read subscriptions: %w", err)
	}
	return rows, nil
}

// CurrentPeriods reads, for each account, the period that runs at the instant now, or at what the account takes
// for it, or the one that ended last.
func CurrentPeriods(ctx context.Context, db bun.IDB, tenants []gid.Account, now time.Time) ([]*SubscriptionPeriod, error) {
	rows := []*SubscriptionPeriod{}
	err := db.NewSelect().Model(&rows).DistinctOn("tenant_id").
		Where("tenant_id IN (?)", bun.List(tenants)).
		Where("start_at <= coalesce((SELECT clock_at FROM igny8_tenants AS a WHERE a.id = period.tenant_id), ?)", now).
		OrderExpr("tenant_id, start_at DESC").Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("read current periods: %w", err)
	}
	return rows, nil
}

// Periods pages through an account's history of periods, newest first.
func Periods(ctx context.Context, db bun.IDB, tenant gid.Account, args page.Args) (*PeriodConnection, error) {
	w, err := args.Window(1)
	if err != nil {
		return nil, err
	}
	rows := []*SubscriptionPeriod{}
	scope := func(q *bun.SelectQuery) *bun.SelectQuery { return q.Where("period.tenant_id = ?", tenant) }
	q, err := page.Apply(scope(db.NewSelect().Model(&rows)), w,
		page.Key{Column: "period.start_at", Value: new(time.Time), Descending: true})
	if err != nil {
		return nil, err
	}
	if err := q.Scan(ctx); err != nil {
		return nil, fmt.Errorf("list periods: %w", err)
	}
	return page.New(w, rows,
		func(p *SubscriptionPeriod) []any { return []any{p.Start} },
		page.Counter(func() *bun.SelectQuery { return scope(db.NewSelect().Model((*SubscriptionPeriod)(nil))) }),
	), nil
}

// PeriodsByIDs reads periods of one account, in no order.
func PeriodsByIDs(ctx context.Context, db bun.IDB, tenant gid.Account, ids []gid.Period) ([]*SubscriptionPeriod, error) {
	rows := []*SubscriptionPeriod{}
	err := db.NewSelect().Model(&rows).Where("tenant_id = ?", tenant).Where("id IN (?)", bun.List(ids)).Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("read periods: %w", err)
	}
	return rows, nil
}

// PaymentsByIDs reads payments of one account, in no order.
func PaymentsByIDs(ctx context.Context, db bun.IDB, tenant gid.Account, ids []gid.Payment) ([]*Payment, error) {
	rows := []*Payment{}
	if err := scoped(db, tenant, &rows).Where("payment.id IN (?)", bun.List(ids)).Scan(ctx); err != nil {
		return nil, fmt.Errorf("read payments: %w", err)
	}
	return rows, nil
}

// PaymentsByKeys reads payments of accounts, in no order.
func PaymentsByKeys(ctx context.Context, db bun.IDB, keys []PaymentKey) ([]*Payment, error) {
	rows := []*Payment{}
	if err := db.NewSelect().Model(&rows).Where("(tenant_id, id) IN (?)", bun.List(tuples(keys))).Scan(ctx); err != nil {
		return nil, fmt.Errorf("read payments: %w", err)
	}
	return rows, nil
}

// Payments pages through an account's payments, newest first; all of them where status is nil.
func Payments(ctx context.Context, db bun.IDB, tenant gid.Account, status *PaymentStatus, args page.Args) (*PaymentConnection, error) {
	return listPayments(ctx, args, true, func(rows *[]*Payment) *bun.SelectQuery {
		q := scoped(db, tenant, rows)
		if status != nil {
			q = q.Where("payment.status = ?", *status)
		}
		return q
	})
}

func listPayments(
	ctx context.Context, args page.Args, newestFirst bool, query func(*[]*Payment) *bun.SelectQuery,
) (*PaymentConnection, error) {
	return pagePayments(ctx, args, query, func(p *Payment) []any { return []any{p.CreatedAt, int64(p.ID)} },
		page.Key{Column: "payment.created_at", Value: new(time.Time), Descending: newestFirst},
		page.Key{Column: "payment.id", Value: new(int64), Descending: newestFirst})
}

// pagePayments pages through payments by keys; key gives those of a row.
func pagePayments(
	ctx context.Context, args page.Args, query func(*[]*Payment) *bun.SelectQuery, key func(*Payment) []any, keys ...page.Key,
) (*PaymentConnection, error) {
	w, err := args.Window(len(keys))
	if err != nil {
		return nil, err
	}
	rows := []*Payment{}
	q, err := page.Apply(query(&rows), w, keys...)
	if err != nil {
		return nil, err
	}
	if err := q.Scan(ctx); err != nil {
		return nil, fmt.Errorf("list payments: %w", err)
	}
	return page.New(w, rows, key, page.Counter(func() *bun.SelectQuery { return query(&[]*Payment{}) })), nil
}

// PaymentKey names a payment among those of all accounts.
type PaymentKey struct {
	Tenant  gid.Account
	Payment gid.Payment
}

// InvoiceKey names an invoice among those of all accounts.
type InvoiceKey struct {
	Tenant  gid.Account
	Invoice gid.Invoice
}

// Key names the payment.
func (p *Payment) Key() PaymentKey { return PaymentKey{p.TenantID, p.ID} }

// Key names the invoice.
func (i *Invoice) Key() InvoiceKey { return InvoiceKey{i.TenantID, i.ID} }

// PaymentKey names the payment that the invoice bills.
func (i *Invoice) PaymentKey() PaymentKey { return PaymentKey{i.TenantID, i.PaymentID} }

// InvoiceKey names the invoice that the line is of.
func (l *InvoiceLine) InvoiceKey() InvoiceKey { return InvoiceKey{l.TenantID, l.InvoiceID} }

// InvoicesByPayments reads the invoices of payments, without credit notes, in no order.
func InvoicesByPayments(ctx context.Context, db bun.IDB, keys []PaymentKey) ([]*Invoice, error) {
	rows := []*Invoice{}
	err := db.NewSelect().Model(&rows).Where("kind = ?", Bill).Where("(tenant_id, payment_id) IN (?)", bun.List(tuples(keys))).Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("read invoices: %w", err)
	}
	return rows, nil
}

// InvoicesByIDs reads invoices of one account, in no order.
func InvoicesByIDs(ctx context.Context, db bun.IDB, tenant gid.Account, ids []gid.Invoice) ([]*Invoice, error) {
	rows := []*Invoice{}
	err := db.NewSelect().Model(&rows).Where("tenant_id = ?", tenant).Where("id IN (?)", bun.List(ids)).Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("read invoices: %w", err)
	}
	return rows, nil
}

// Invoices pages through an account's invoices and credit notes, newest first; all of them where kind is nil.
func Invoices(ctx context.Context, db bun.IDB, tenant gid.Account, kind *InvoiceKind, args page.Args) (*InvoiceConnection, error) {
	w, err := args.Window(2)
	if err != nil {
		return nil, err
	}
	query := func(rows *[]*Invoice) *bun.SelectQuery {
		q := db.NewSelect().Model(rows).Where("invoice.tenant_id = ?", tenant)
		if kind != nil {
			q = q.Where("invoice.kind = ?", *kind)
		}
		return q
	}
	rows := []*Invoice{}
	q, err := page.Apply(query(&rows), w,
		page.Key{Column: "invoice.issued_at", Value: new(time.Time), Descending: true},
		page.Key{Column: "invoice.id", Value: new(int64), Descending: true})
	if err != nil {
		return nil, err
	}
	if err := q.Scan(ctx); err != nil {
		return nil, fmt.Errorf("list invoices: %w", err)
	}
	return page.New(w, rows,
		func(i *Invoice) []any { return []any{i.IssuedAt, int64(i.ID)} },
		page.Counter(func() *bun.SelectQuery { return query(&[]*Invoice{}) }),
	), nil
}

// LinesOfInvoices reads the lines of invoices, in their order.
func LinesOfInvoices(ctx context.Context, db bun.IDB, keys []InvoiceKey) ([]*InvoiceLine, error) {
	rows := []*InvoiceLine{}
	err := db.NewSelect().Model(&rows).ColumnExpr("line.*").ColumnExpr("invoice.currency").
		Join("JOIN igny8_invoices AS invoice ON invoice.tenant_id = line.tenant_id AND invoice.id = line.invoice_id").
		Where("(line.tenant_id, line.invoice_id) IN (?)", bun.List(tuples(keys))).
		OrderExpr("line.invoice_id, line.position").Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("read invoice lines: %w", err)
	}
	return rows, nil
}

// tuples writes keys as bun's rows of values.
func tuples[K PaymentKey | InvoiceKey](keys []K) []bun.TupleValues {
	rows := make([]bun.TupleValues, len(keys))
	for i, key := range keys {
		switch k := any(key).(type) {
		case PaymentKey:
			rows[i] = bun.Tuple([]int64{int64(k.Tenant), int64(k.Payment)})
		case InvoiceKey:
			rows[i] = bun.Tuple([]int64{int64(k.Tenant), int64(k.Invoice)})
		}
	}
	return rows
}

// Horizon is how far an account's history of periods reaches.
type Horizon struct {
	Tenant gid.Account `bun:"tenant_id"`
	// PaidUntil is the end of the last period, PlanUntil the end of the last one of a plan that another one was
	// chosen to follow; nil where none was.
	PaidUntil time.Time  `bun:"paid_until"`
	PlanUntil *time.Time `bun:"plan_until"`
}

// Horizons reads how far accounts' histories reach, in no order.
func Horizons(ctx context.Context, db bun.IDB, tenants []gid.Account) ([]*Horizon, error) {
	rows := []*Horizon{}
	err := db.NewRaw(`SELECT s.tenant_id, max(p.end_at) AS paid_until,
			max(p.end_at) FILTER (WHERE p.plan_id <> s.pending_plan_id) AS plan_until
		FROM igny8_subscriptions AS s JOIN igny8_subscription_periods AS p ON p.tenant_id = s.tenant_id
		WHERE s.tenant_id IN (?) GROUP BY s.tenant_id`, bun.List(tenants)).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("read how far periods reach: %w", err)
	}
	return rows, nil
}

// Balances reads the newest change of what accounts have with us in money, in no order; nothing for one that
// never had anything.
func Balances(ctx context.Context, db bun.IDB, tenants []gid.Account) ([]*BalanceTransaction, error) {
	rows := []*BalanceTransaction{}
	err := db.NewSelect().Model(&rows).DistinctOn("tenant_id").Where("tenant_id IN (?)", bun.List(tenants)).
		OrderExpr("tenant_id, seq DESC").Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("read balances: %w", err)
	}
	return rows, nil
}
