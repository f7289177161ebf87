package doctor_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/credit"
	"igny8.com/accounts/internal/demo"
	"igny8.com/accounts/internal/doctor"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/plan"
	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/postgres/pgtest"
)

var now = time.Date(2026, 3, 31, 9, 30, 0, 0, time.UTC)

// loaded is a database with the demo state and, in account 5, a spend, an open hold and a captured one.
func loaded(t *testing.T) *pgtest.DB {
	t.Helper()
	db := pgtest.New(t)
	hash := func(_ context.Context, password string) (string, error) { return "hash of " + password, nil }
	if err := demo.Load(t.Context(), db.Admin, hash, now); err != nil {
		t.Fatal(err)
	}
	var user gid.User
	if err := db.Admin.NewRaw(`SELECT min(id) FROM igny8_users WHERE tenant_id = 5`).Scan(t.Context(), &user); err != nil {
		t.Fatal(err)
	}
	actor := account.Actor{
		User: &account.User{TenantID: 5, ID: user}, Account: &account.Account{ID: 5}, Plan: &plan.Plan{},
	}
	ctx := postgres.WithTenant(t.Context(), 5)
	later := now.Add(time.Hour)
	_, err := credit.Spend(ctx, db.App, actor, later, nil, credit.Spending{Operation: credit.Clustering, IdempotencyKey: "k"})
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"open", "captured"} {
		r, err := credit.Reserve(ctx, db.App, actor, later, nil,
			credit.Reservation{Operation: credit.Clustering, Quantity: 1, IdempotencyKey: key})
		if err != nil {
			t.Fatal(err)
		}
		if key == "captured" {
			_, err = credit.CaptureHold(ctx, db.App, actor, later, credit.Capture{HoldID: r.Hold.ID, IdempotencyKey: key})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	return db
}

func examine(t *testing.T, db *postgres.DB) *doctor.Report {
	t.Helper()
	r, err := doctor.Examine(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestExamine_SeesTheSameThroughTheServicesRoleAsThroughAnAdministrators(t *testing.T) {
	t.Parallel()
	db := loaded(t)
	ours, all := examine(t, db.App), examine(t, db.Admin)
	if !ours.OK() {
		t.Errorf("the demo state is not sound: %s", ours.Text())
	}
	if ours.Text() != all.Text() {
		t.Errorf("the service sees\n%s\nan administrator\n%s", ours.Text(), all.Text())
	}
	var accounts, lines int64
	if err := db.Admin.NewRaw(`SELECT (SELECT count(*) FROM igny8_tenants), (SELECT count(*) FROM igny8_credit_transactions)`).
		Scan(t.Context(), &accounts, &lines); err != nil {
		t.Fatal(err)
	}
	if int64(ours.Accounts) != accounts || ours.Lines != lines {
		t.Errorf("%d accounts, %d lines; want %d, %d", ours.Accounts, ours.Lines, accounts, lines)
	}
	for _, want := range []string{"starter", "developer", "deduction", "open", "credits", "subscriptions", "0 problems"} {
		if !strings.Contains(ours.Text(), want) {
			t.Errorf("the report does not say %q:\n%s", want, ours.Text())
		}
	}
}

// Each fault is planted past every wall, and named.
func TestExamine_FindsWhatIsPlanted(t *testing.T) {
	t.Parallel()
	const line = `tenant_id = 5 AND seq = 100`
	for name, c := range map[string]struct {
		fault string
		// row is a query for the name of the row that must be told.
		check, row string
	}{
		"a changed amount": {
			`UPDATE igny8_credit_transactions SET amount = amount - 1 WHERE ` + line, "ledger.balance_after",
			`SELECT 'igny8_credit_transactions ' || id FROM igny8_credit_transactions WHERE ` + line,
		},
		"a changed part": {
			`UPDATE igny8_credit_transaction_grants SET amount = amount - 1
			 WHERE transaction_id = (SELECT id FROM igny8_credit_transactions WHERE ` + line + `)`, "ledger.parts",
			`SELECT 'igny8_credit_transactions ' || id FROM igny8_credit_transactions WHERE ` + line,
		},
		"a missing line": {
			`DELETE FROM igny8_credit_transactions WHERE ` + line, "ledger.seq",
			`SELECT 'igny8_credit_transactions ' || id FROM igny8_credit_transactions WHERE tenant_id = 5 AND seq = 101`,
		},
		"a missing newest line": {
			`DELETE FROM igny8_credit_transactions WHERE tenant_id = 5 AND seq = (SELECT max(seq) FROM igny8_credit_transactions WHERE tenant_id = 5)`,
			"balance.seq", `SELECT 'igny8_credit_accounts 5'`,
		},
		"a grant off by one": {
			`UPDATE igny8_credit_grants SET remaining = remaining + 1 WHERE tenant_id = 5`, "grant.remaining",
			`SELECT 'igny8_credit_grants ' || min(id) FROM igny8_credit_grants WHERE tenant_id = 5`,
		},
		"a grant's amount": {
			`UPDATE igny8_credit_grants SET amount = amount + 1 WHERE tenant_id = 5`, "grant.amount",
			`SELECT 'igny8_credit_grants ' || min(id) FROM igny8_credit_grants WHERE tenant_id = 5`,
		},
		"a balance": {`UPDATE igny8_credit_accounts SET balance = balance + 1 WHERE tenant_id = 5`, "balance.ledger", `SELECT 'igny8_credit_accounts 5'`},
		"what is held": {
			`UPDATE igny8_credit_accounts SET held = held + 1 WHERE tenant_id = 5`, "balance.held", `SELECT 'igny8_credit_accounts 5'`,
		},
		"a hold without owner": {
			`UPDATE igny8_credit_holds SET actor_id = 987654321 WHERE status = 'open'`, "hold.owner",
			`SELECT 'igny8_credit_holds ' || id FROM igny8_credit_holds WHERE status = 'open'`,
		},
		"a hold of no account": {
			`UPDATE igny8_credit_holds SET tenant_id = 987654321 WHERE status = 'open'`, "account.exists", `SELECT 'igny8_tenants 987654321'`,
		},
		"a captured hold without its line": {
			`UPDATE igny8_credit_holds SET transaction_id = 987654321 WHERE status = 'captured'`, "hold.captured",
			`SELECT 'igny8_credit_holds ' || id FROM igny8_credit_holds WHERE status = 'captured'`,
		},
		"a refund of too much": {
			`UPDATE igny8_credit_transactions SET type = 'refund', amount = 1000, refunds_id = (SELECT max(id) FROM igny8_credit_transactions WHERE tenant_id = 5)
			 WHERE ` + line, "refund.total", `SELECT 'igny8_credit_transactions ' || max(id) FROM igny8_credit_transactions WHERE tenant_id = 5`,
		},
		"a day's use": {
			`UPDATE igny8_credit_usage_days SET deducted = deducted + 1 WHERE tenant_id = 5 AND operation = ''`, "usage.day",
			`SELECT format('igny8_credit_usage_days %s, site 0, no operation', day) FROM igny8_credit_usage_days WHERE tenant_id = 5 AND operation = '' LIMIT 1`,
		},
		"a period gap": {
			`INSERT INTO igny8_subscription_periods (tenant_id, kind, plan_id, start_at, end_at, previous_end)
			 SELECT 5, 'free', plan_id, max(end_at) + interval '1 day', max(end_at) + interval '2 days', max(end_at) + interval '1 day'
			 FROM igny8_subscription_periods WHERE tenant_id = 5 GROUP BY plan_id`, "period.chain",
			`SELECT 'igny8_subscription_periods ' || max(id) FROM igny8_subscription_periods`,
		},
		"a paid period that nobody paid": {
			`ALTER TABLE igny8_subscription_periods DROP CONSTRAINT igny8_subscription_periods_check2; UPDATE igny8_subscription_periods SET kind = 'paid' WHERE tenant_id = 5`,
			"period.payment", `SELECT 'igny8_subscription_periods ' || max(id) FROM igny8_subscription_periods WHERE tenant_id = 5`,
		},
		"a debt": {`UPDATE igny8_credit_accounts SET debt = debt + 1 WHERE tenant_id = 5`, "debt.sum", `SELECT 'igny8_credit_accounts 5'`},
		"money that went back without a credit note": {
			`INSERT INTO igny8_payments (tenant_id, method, status, plan_id, months, net_minor, amount_minor, refunded_minor, currency, reference, requested_by, expires_at)
			 VALUES (5, 'bank_transfer', 'pending', 2, 1, 8900, 8900, 100, 'USD', 'R', 1, now())`, "refund.notes",
			`SELECT 'igny8_payments ' || max(id) FROM igny8_payments WHERE tenant_id = 5`,
		},
		"no subscription": {`DELETE FROM igny8_subscriptions WHERE tenant_id = 5`, "account.subscription", `SELECT 'igny8_tenants 5'`},
		"no ledger":       {`DELETE FROM igny8_credit_accounts WHERE tenant_id = 5`, "credits.owner", `SELECT 'igny8_tenants 5'`},
		"no owner":        {`UPDATE igny8_users SET role = 'viewer' WHERE tenant_id = 5`, "account.owner", `SELECT 'igny8_tenants 5'`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := loaded(t)
			// Neither triggers nor foreign keys stop whoever says so.
			if _, err := db.Admin.Pool.Exec(t.Context(), `SET session_replication_role = replica; `+c.fault+`; RESET session_replication_role`); err != nil {
				t.Fatal(err)
			}
			var row string
			if err := db.Admin.NewRaw(c.row).Scan(t.Context(), &row); err != nil {
				t.Fatal(err)
			}
			for role, handle := range map[string]*postgres.DB{"service": db.App, "administrator": db.Admin} {
				r := examine(t, handle)
				found := false
				for _, p := range r.Problems {
					found = found || p.Check == c.check && p.Row == row
				}
				if !found {
					t.Errorf("%s: %s is not told of %s:\n%s", role, c.check, row, fmt.Sprint(r.Problems))
				}
			}
		})
	}
}
