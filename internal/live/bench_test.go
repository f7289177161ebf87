package live_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/audit"
	"igny8.com/accounts/internal/credit"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/live"
	"igny8.com/accounts/internal/plan"
	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/postgres/pgtest"
)

// BenchmarkSpend is what telling of each change costs those who spend, 16 at a time: not told at all, told
// by NOTIFY within the transaction, and announced. It says something only on a server that writes to a disk:
// IGNY8_TEST_CLUSTER names one.
func BenchmarkSpend(b *testing.B) {
	const clients = 16
	for _, accounts := range []int{1, 200} {
		for _, way := range []string{"silent", "notified", "announced"} {
			b.Run(fmt.Sprintf("%s/accounts=%d", way, accounts), func(b *testing.B) {
				db := pgtest.New(b, pgtest.WithMaxConns(clients))
				actors := make([]account.Actor, accounts)
				for i := range actors {
					actors[i] = spender(b, db, i)
				}
				if way == "announced" {
					ctx, stop := context.WithCancel(b.Context())
					var running sync.WaitGroup
					running.Go(func() { live.NewExchange(db.App, live.NewHub(), slog.New(slog.DiscardHandler)).Run(ctx) })
					b.Cleanup(func() { stop(); running.Wait() })
				}
				var next atomic.Int64
				var spending sync.WaitGroup
				b.ResetTimer()
				for range clients {
					spending.Go(func() {
						for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
							if err := spend(b.Context(), db, actors[n%int64(accounts)], n, way == "notified"); err != nil {
								b.Error(err)
								return
							}
						}
					})
				}
				spending.Wait()
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "spends/s")
			})
		}
	}
}

// spend spends two credits and sends as many statements whether it notifies or not.
func spend(ctx context.Context, db *pgtest.DB, actor account.Actor, n int64, notified bool) error {
	tenant := actor.AccountID()
	return postgres.InTx(postgres.WithTenant(ctx, int64(tenant)), db.App, func(ctx context.Context, tx bun.Tx) error {
		_, err := credit.Spend(ctx, tx, actor, time.Now().UTC().Truncate(time.Microsecond), nil, credit.Spending{
			Operation: credit.ImagePromptExtraction, IdempotencyKey: fmt.Sprintf("spend:%d", n),
		})
		if err != nil {
			return err
		}
		if notified {
			return live.Notify(ctx, tx, live.Topic{Account: tenant, Kind: live.Credits})
		}
		_, err = tx.NewRaw("SELECT 1").Exec(ctx)
		return err
	})
}

func spender(b *testing.B, db *pgtest.DB, i int) account.Actor {
	b.Helper()
	ctx := b.Context()
	a := &account.Account{}
	if err := db.Admin.NewRaw(`INSERT INTO igny8_tenants (name, slug, plan_id, status) VALUES ('Tenant', ?, 2, 'active') RETURNING id`,
		fmt.Sprintf("tenant-%d", i)).Scan(ctx, &a.ID); err != nil {
		b.Fatal(err)
	}
	u := &account.User{TenantID: a.ID, Role: account.Owner}
	if err := db.Admin.NewRaw(`INSERT INTO igny8_users (tenant_id, email, role) VALUES (?, ?, 'owner') RETURNING id`,
		a.ID, fmt.Sprintf("p%d@example.com", i)).Scan(ctx, &u.ID); err != nil {
		b.Fatal(err)
	}
	err := postgres.InTx(postgres.WithTenant(ctx, int64(a.ID)), db.App, func(ctx context.Context, tx bun.Tx) error {
		if err := credit.Open(ctx, tx, a.ID); err != nil {
			return err
		}
		_, err := credit.Add(ctx, tx, credit.Incoming{
			Tenant: a.ID, Kind: credit.Purchase, Amount: 100_000_000, By: audit.By{Kind: audit.System},
			At: time.Now().UTC().Truncate(time.Microsecond), IdempotencyKey: "given",
		})
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return account.Actor{
		User: u, Account: a,
		Plan: &plan.Plan{ID: gid.Plan(2), Slug: "starter", Name: "Starter", Features: []plan.Feature{plan.AIWriter, plan.ImageGen}},
	}
}
