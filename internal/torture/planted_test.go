//go:build linux

package torture_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/audit"
	"igny8.com/accounts/internal/credit"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/plan"
	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/postgres/pgtest"
)

// TestExamine_SeesWhatIsPlanted breaks an account's rows behind the ledger's back, one way at a time, as
// losing or repeating a movement would.
func TestExamine_SeesWhatIsPlanted(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		plant string
		seen  func(*findings) bool
	}{
		"nothing": {
			"SELECT 1", (*findings).clean,
		},
		"a line is gone": {
			"DELETE FROM igny8_credit_transactions WHERE idempotency_key = 'spend:k-0'",
			func(f *findings) bool { return len(f.lost) == 1 && len(f.unsound) > 0 },
		},
		"the newest movement is gone with all that it did": {
			`WITH parts AS (DELETE FROM igny8_credit_transaction_grants AS p USING igny8_credit_transactions AS t
			                WHERE t.id = p.transaction_id AND t.idempotency_key = 'spend:k-2'),
			      line AS (DELETE FROM igny8_credit_transactions WHERE idempotency_key = 'spend:k-2' RETURNING amount),
			      request AS (DELETE FROM igny8_credit_requests WHERE key = 'k-2'),
			      grants AS (UPDATE igny8_credit_grants SET remaining = remaining - line.amount FROM line)
			 UPDATE igny8_credit_accounts SET balance = balance - line.amount, last_seq = last_seq - 1 FROM line`,
			func(f *findings) bool { return len(f.lost) == 1 && f.duplicated == 0 },
		},
		"a line says something else": {
			"UPDATE igny8_credit_transactions SET balance_after = balance_after + 1 WHERE idempotency_key = 'spend:k-1'",
			func(f *findings) bool { return len(f.lost) == 1 && len(f.unsound) > 0 },
		},
		"a movement happened twice": {
			`INSERT INTO igny8_credit_transactions (tenant_id, seq, type, amount, balance_after, operation, description, actor_kind, idempotency_key, created_at)
			 SELECT tenant_id, seq + 1, type, amount, balance_after + amount, operation, description, actor_kind, idempotency_key || ' again', created_at
			 FROM igny8_credit_transactions WHERE idempotency_key = 'spend:k-2'`,
			func(f *findings) bool { return len(f.lost) == 0 && f.duplicated == 1 },
		},
		"credits were held twice": {
			`INSERT INTO igny8_credit_holds (tenant_id, operation, quantity, amount, unit_credits, unit_size, actor_kind, created_at, expires_at)
			 SELECT tenant_id, operation, quantity, amount, unit_credits, unit_size, actor_kind, created_at, expires_at FROM igny8_credit_holds`,
			func(f *findings) bool { return len(f.lost) == 0 && f.duplicated == 1 },
		},
		"a hold is gone": {
			"DELETE FROM igny8_credit_holds",
			func(f *findings) bool { return len(f.lost) == 1 && len(f.unsound) > 0 },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := pgtest.New(t)
			id, movements := moved(t, db)
			conn, err := db.Admin.Pool.Acquire(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Release()
			// Without triggers and foreign keys, as nothing but a broken disk goes about.
			for _, statement := range []string{"SET session_replication_role = replica", c.plant, "RESET session_replication_role"} {
				if _, err := conn.Exec(t.Context(), statement); err != nil {
					t.Fatalf("%s: %v", statement, err)
				}
			}
			f, err := examine(t.Context(), db.Admin, id, movements)
			if err != nil || !c.seen(f) {
				t.Errorf("%s, %v", f, err)
			}
		})
	}
}

// moved makes an account with three spends and a hold, and says what its client would have been told.
func moved(t *testing.T, db *pgtest.DB) (gid.Account, []*movement) {
	t.Helper()
	now := time.Now().UTC().Truncate(time.Microsecond)
	var id gid.Account
	var user gid.User
	row := db.Admin.Pool.QueryRow(t.Context(), `WITH a AS (
			INSERT INTO igny8_tenants (name, slug, plan_id, status) VALUES ('Tenant', 'tenant', 2, 'active') RETURNING id)
		INSERT INTO igny8_users (tenant_id, email, role) SELECT id, 'p@example.com', 'owner' FROM a RETURNING tenant_id, id`)
	if err := row.Scan(&id, &user); err != nil {
		t.Fatal(err)
	}
	ctx := postgres.WithTenant(t.Context(), int64(id))
	err := postgres.InTx(ctx, db.App, func(ctx context.Context, tx bun.Tx) error {
		if err := credit.Open(ctx, tx, id); err != nil {
			return err
		}
		_, err := credit.Add(ctx, tx, credit.Incoming{
			Tenant: id, Kind: credit.Purchase, Amount: 1_000, IdempotencyKey: "bought:1", By: audit.By{Kind: audit.System}, At: now,
		})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	owner := account.Actor{
		User: &account.User{TenantID: id, ID: user, Role: account.Owner}, Account: &account.Account{ID: id},
		Plan: &plan.Plan{Slug: "starter", Name: "Starter", Features: []plan.Feature{plan.AIWriter, plan.ImageGen}},
	}
	anySite := func(context.Context, gid.Site) (bool, error) { return true, nil }
	var movements []*movement
	note := func(command, key string, r *credit.Result, err error) {
		if err != nil {
			t.Fatal(err)
		}
		m := newMovement(command, key, nil)
		m.told = told{Balance: r.Credits.Balance, Held: r.Credits.Held}
		if l := r.Transaction; l != nil {
			m.told.Line, m.told.Seq, m.told.Amount, m.told.BalanceAfter = gid.Format(l.ID), l.Seq, l.Amount, l.BalanceAfter
		}
		if r.Hold != nil {
			m.told.Hold = gid.Format(r.Hold.ID)
		}
		movements = append(movements, m)
	}
	for i := range 3 {
		key := fmt.Sprintf("k-%d", i)
		r, err := credit.Spend(ctx, db.App, owner, now, anySite, credit.Spending{Operation: credit.Clustering, IdempotencyKey: key})
		note("spend", key, r, err)
	}
	r, err := credit.Reserve(ctx, db.App, owner, now, anySite, credit.Reservation{Operation: credit.Clustering, Quantity: 1, IdempotencyKey: "h"})
	note("reserve", "h", r, err)
	return id, movements
}

// TestMovement_TakesNoRefusalForAnAnswer is about what a client may count as told.
func TestMovement_TakesNoRefusalForAnAnswer(t *testing.T) {
	t.Parallel()
	m := newMovement("spend", "k", nil)
	const line = `{"spendCredits":{"transaction":{"id":"ctx_1","seq":2,"amount":-3,"balanceAfter":4},"credits":{"balance":4,"held":1},"userErrors":[]}}`
	if got, err := m.read([]byte(line)); err != nil || got != (told{Line: "ctx_1", Seq: 2, Amount: -3, BalanceAfter: 4, Balance: 4, Held: 1}) {
		t.Errorf("%+v, %v", got, err)
	}
	for _, refusal := range []string{
		``, `null`, `{}`, `{"spendCredits":null}`,
		`{"spendCredits":{"transaction":null,"credits":null,"userErrors":[{"code":"INSUFFICIENT_CREDITS","message":"no"}]}}`,
		strings.Replace(line, `"userErrors":[]`, `"userErrors":[{"code":"INVALID","message":"no"}]`, 1),
	} {
		if got, err := m.read([]byte(refusal)); err == nil {
			t.Errorf("%q is taken for %+v", refusal, got)
		}
	}
}

// TestReport_CountsStartsOfAHundred is about the figure that the promise is judged by.
func TestReport_CountsStartsOfAHundred(t *testing.T) {
	t.Parallel()
	r := &report{}
	for i := range 200 {
		r.ready = append(r.ready, time.Duration(200-i)*time.Millisecond)
	}
	got := []time.Duration{r.percentile(50), r.percentile(99), r.percentile(100)}
	if !slices.Equal(got, []time.Duration{100 * time.Millisecond, 198 * time.Millisecond, 200 * time.Millisecond}) {
		t.Errorf("%v", got)
	}
}
