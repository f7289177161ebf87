package billing_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/billing"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/page"
	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/postgres/pgtest"
)

// yearsOfPayments are 100,000 payments of 5,000 accounts, two of which deleted in a hundred, over two years: 90,000 are
// confirmed, 4,000 of the last six weeks wait, the others ended otherwise. Of some money is held, and some wait for a
// second approval. ?0 is the instant that they lead up to.
var yearsOfPayments = []string{
	`SET LOCAL session_replication_role = replica`, // no foreign keys
	`INSERT INTO igny8_tenants (id, name, slug, plan_id, status, created_at, deleted_at, restore_until)
		SELECT 1000 + i, 'Account ' || i, 'account-' || i, (SELECT min(id) FROM igny8_plans), 'active', ?0,
			CASE WHEN i % 100 < 2 THEN ?0::timestamptz END, CASE WHEN i % 100 < 2 THEN ?0::timestamptz END
		FROM generate_series(0, 4999) AS i`,
	`INSERT INTO igny8_payments (tenant_id, id, method, status, plan_id, months, amount_minor, net_minor, currency, reference, requested_by,
			expires_at, declared_at, external_payment_id, received_on, decided_at, rejection_reason, created_at, held_minor, held_since)
		SELECT 1000 + i % 5000, i, CASE WHEN i % 4 = 0 AND status = 'confirmed' THEN 'stripe' ELSE 'bank_transfer' END, status, (SELECT min(id) FROM igny8_plans), 1,
			8900, 8900, 'USD', 'ref-' || i, 1, asked + interval '14 days', CASE WHEN i % 5 < 3 AND NOT (i % 4 = 0 AND status = 'confirmed') THEN asked + interval '1 day' END,
			'bank-' || i, asked::date, asked, 'no', asked, CASE WHEN held THEN 100 ELSE 0 END, CASE WHEN held THEN asked + interval '2 days' END
		FROM (SELECT i, status, ?0::timestamptz - (100001 - i) * interval '10 minutes' AS asked,
				CASE status WHEN 'pending' THEN i % 13 = 0 WHEN 'confirmed' THEN i % 180 = 0 WHEN 'expired' THEN i % 20 = 0 ELSE false END AS held
			FROM (SELECT i, CASE
					WHEN i > 94000 THEN CASE WHEN i % 3 = 0 THEN 'confirmed' ELSE 'pending' END
					WHEN i % 47 = 0 THEN 'expired' WHEN i % 47 = 1 THEN 'rejected' WHEN i % 94 = 2 THEN 'withdrawn' WHEN i % 94 = 49 THEN 'refunded'
					ELSE 'confirmed' END AS status
				FROM generate_series(1, 100000) AS i) AS a) AS b`,
	`INSERT INTO igny8_payment_approvals (tenant_id, payment_id, kind, external_id, received_on, ends_time, refunded_minor, amount_minor, currency, approved_by, created_at)
		SELECT tenant_id, id, CASE WHEN refund THEN 'refund' ELSE 'confirmation' END, CASE WHEN NOT refund THEN 'b' END, CASE WHEN NOT refund THEN created_at::date END,
			CASE WHEN refund THEN false END, CASE WHEN refund THEN 0 END, 8900, 'USD', 1, created_at + interval '1 hour'
		FROM (SELECT *, id % 90 = 0 AND status = 'confirmed' AS refund FROM igny8_payments WHERE id % 30 = 0 OR (status = 'pending' AND id % 97 = 0)) AS p`,
}

// BenchmarkQueue is the first page of the staff's queue, of each filter alone and of all of them together, on years of
// payments: ns/op is a page. Before it measures, no combination of filters and orders may read all payments.
func BenchmarkQueue(b *testing.B) {
	db := pgtest.New(b)
	yearsOld(b, db)
	if n, of := rowsIn(b, db, "status = 'confirmed'"), rowsIn(b, db, "true"); n != 90_000 || of != 100_000 {
		b.Fatalf("%d of %d are confirmed", n, of)
	}
	ctx := postgres.WithStaff(b.Context())
	walksIndexes(ctx, b, db)
	for _, axis := range axes() {
		for _, o := range orders() {
			for _, part := range axis {
				f := billing.QueueFilter{}
				part.set(&f)
				b.Run(part.name+"/"+o.name, func(b *testing.B) {
					for b.Loop() {
						firstPage(ctx, b, db, f, o.by)
					}
				})
			}
		}
	}
	for _, o := range orders() {
		b.Run("all/"+o.name, func(b *testing.B) {
			for b.Loop() {
				firstPage(ctx, b, db, billing.QueueFilter{}, o.by)
			}
		})
	}
}

// yearsOld makes them.
func yearsOld(b *testing.B, db *pgtest.DB) {
	b.Helper()
	err := postgres.InTx(b.Context(), db.Admin, func(ctx context.Context, tx bun.Tx) error {
		for _, statement := range yearsOfPayments {
			if _, err := tx.NewRaw(statement, paid).Exec(ctx); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	if _, err := db.Admin.NewRaw(`VACUUM ANALYZE`).Exec(b.Context()); err != nil {
		b.Fatal(err)
	}
}

func rowsIn(b *testing.B, db *pgtest.DB, where string) (n int) {
	b.Helper()
	if err := db.Admin.NewRaw(`SELECT count(*) FROM igny8_payments WHERE `+where).Scan(b.Context(), &n); err != nil {
		b.Fatal(err)
	}
	return n
}

func firstPage(ctx context.Context, b *testing.B, db *pgtest.DB, f billing.QueueFilter, o billing.QueueOrder) {
	b.Helper()
	if _, err := billing.Queue(ctx, db.App, f, o, paid, page.Args{First: new(20)}); err != nil {
		b.Fatal(err)
	}
}

type queueFilter struct {
	name string
	set  func(*billing.QueueFilter)
}

type queueOrder struct {
	name string
	by   billing.QueueOrder
}

func orders() []queueOrder {
	return []queueOrder{
		{"waiting", billing.QueueOrder{}},
		{"waiting-desc", billing.QueueOrder{Descending: true}},
		{"asked", billing.QueueOrder{Field: billing.ByAskedAt}},
		{"asked-desc", billing.QueueOrder{Field: billing.ByAskedAt, Descending: true}},
	}
}

// axes are the filters, and of each what can be asked for.
func axes() [][]queueFilter {
	all := [][]queueFilter{}
	add := func(of ...queueFilter) { all = append(all, of) }
	status := []queueFilter{}
	for _, s := range []billing.PaymentStatus{billing.Pending, billing.Confirmed, billing.Rejected, billing.Disputed} {
		status = append(status, queueFilter{string(s), func(f *billing.QueueFilter) { f.Status = &s }})
	}
	add(status...)
	add(queueFilter{"stripe", func(f *billing.QueueFilter) { f.Method = new(billing.Stripe) }},
		queueFilter{"transfer", func(f *billing.QueueFilter) { f.Method = new(billing.BankTransfer) }})
	add(queueFilter{"account", func(f *billing.QueueFilter) { f.AccountID = new(gid.Account(1007)) }})
	add(queueFilter{"reference", func(f *billing.QueueFilter) { f.Reference = new(billing.Reference(1007, 95007)) }})
	for name, flag := range map[string]func(*billing.QueueFilter) **bool{
		"declared": func(f *billing.QueueFilter) **bool { return &f.Declared },
		"held":     func(f *billing.QueueFilter) **bool { return &f.Held },
		"approval": func(f *billing.QueueFilter) **bool { return &f.AwaitsApproval },
	} {
		add(queueFilter{name, func(f *billing.QueueFilter) { *flag(f) = new(true) }},
			queueFilter{"not-" + name, func(f *billing.QueueFilter) { *flag(f) = new(false) }})
	}
	add(queueFilter{"waiting-before", func(f *billing.QueueFilter) { f.WaitingBefore = new(paid.AddDate(0, 0, -20)) }})
	add(queueFilter{"created-before", func(f *billing.QueueFilter) { f.CreatedBefore = new(paid.AddDate(0, 0, -30)) }})
	add(queueFilter{"older", func(f *billing.QueueFilter) { f.OlderThanDays = new(10) }})
	return all
}

// walksIndexes fails where up to three filters together read all payments, or take long, in any order.
func walksIndexes(ctx context.Context, b *testing.B, db *pgtest.DB) {
	b.Helper()
	const most, longest = 3, 50 * time.Millisecond
	type combination struct {
		name string
		n    int
		f    billing.QueueFilter
	}
	all := []combination{{}}
	for _, axis := range axes() {
		for _, c := range all {
			for _, part := range axis {
				if c.n == most {
					break
				}
				more := combination{c.name + " " + part.name, c.n + 1, c.f}
				part.set(&more.f)
				all = append(all, more)
			}
		}
	}
	var slowest time.Duration
	n, slow := 0, ""
	for _, c := range all {
		if c.f.Method != nil && *c.f.Method == billing.Stripe && c.f.Declared != nil && *c.f.Declared {
			continue // nobody declares what Stripe collects, and to find none is to walk all of a status
		}
		for _, o := range orders() {
			counted, sent := pgtest.CountQueries(ctx)
			took := longest + 1
			for range 3 { // something else may have been on
				begun := time.Now()
				firstPage(counted, b, db, c.f, o.by)
				if took = min(took, time.Since(begun)); took <= longest {
					break
				}
			}
			n++
			if took > slowest {
				slowest, slow = took, c.name+" by "+o.name
			}
			plan := explained(ctx, b, db, sent.Statements()[0])
			if strings.Contains(plan, "Seq Scan on igny8_payments ") || took > longest {
				b.Errorf("%s by %s took %s:\n%s", c.name, o.name, took, plan)
			}
		}
	}
	b.Logf("of %d combinations and orders the slowest, of%s, took %s", n, slow, slowest)
}

func explained(ctx context.Context, b *testing.B, db *pgtest.DB, statement string) string {
	b.Helper()
	var lines []string
	if err := db.App.NewRaw("EXPLAIN "+statement).Scan(ctx, &lines); err != nil {
		b.Fatal(err)
	}
	return strings.Join(lines, "\n")
}
