package doctor_test

import (
	"context"
	"fmt"
	"strconv"
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
	receive(t, db)
	return db
}

// receive lets account 5 have a payment that is confirmed by two receipts, of which the second is too much and credited, and one of
// which a part came.
func receive(t *testing.T, db *pgtest.DB) {
	t.Helper()
	for _, statement := range []string{
		`INSERT INTO igny8_payments (tenant_id, id, method, status, plan_id, months, amount_minor, net_minor, currency, reference, requested_by, expires_at,
			external_payment_id, received_on, decided_at, held_minor, held_since)
		 SELECT 5, n, 'bank_transfer', CASE n WHEN 901 THEN 'confirmed' ELSE 'pending' END, 1, 1, 8900, 8900, 'USD', 'R' || n, 1, now(), 'B2', current_date, localtimestamp,
			CASE n WHEN 902 THEN 300 ELSE 0 END, CASE n WHEN 902 THEN now() END FROM generate_series(901, 902) AS n`,
		`INSERT INTO igny8_invoices (tenant_id, number, payment_id, total_minor, net_minor, taxable_minor, currency, issued_at) VALUES (5, 'R', 901, 0, 0, 0, 'USD', now())`,
		`INSERT INTO igny8_invoice_lines (tenant_id, invoice_id, position, description, period_start, period_end, amount_minor)
		 SELECT 5, id, 1, '', now(), localtimestamp, 0 FROM igny8_invoices WHERE number = 'R'`,
		`INSERT INTO igny8_external_payments (method, external_id, tenant_id, payment_id) VALUES
			('bank_transfer', 'B1', 5, 901), ('bank_transfer', 'B2', 5, 901), ('bank_transfer', 'B3', 5, 902)`,
		`INSERT INTO igny8_balance_transactions (tenant_id, seq, type, amount_minor, balance_after, currency, payment_id, created_at)
		 VALUES (5, 1, 'excess', 1100, 1100, 'USD', 901, now())`,
		`INSERT INTO igny8_receipts (tenant_id, id, payment_id, external_id, amount_minor, used_minor, currency, received_on, status, recorded_by, created_at)
		 VALUES (5, 701, 901, 'B1', 4000, 4000, 'USD', current_date, 'used', 1, now()), (5, 703, 902, 'B3', 300, 0, 'USD', current_date, 'held', 1, now())`,
		`INSERT INTO igny8_receipts (tenant_id, id, payment_id, external_id, amount_minor, used_minor, currency, received_on, status, recorded_by, created_at,
			decided_by, decided_at, reason, balance_seq)
		 VALUES (5, 702, 901, 'B2', 6000, 4900, 'USD', current_date, 'credited', 1, now(), 1, now(), 'r', 1)`,
	} {
		if _, err := db.Admin.NewRaw(statement).Exec(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
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
			`SELECT 'igny8_payments ' || id FROM igny8_payments WHERE reference = 'R'`,
		},
		"an assigned period that costs something and has no payment": {
			`UPDATE igny8_subscription_periods SET kind = 'assigned', price_minor = 5000 WHERE tenant_id = 5`,
			"period.payment", `SELECT 'igny8_subscription_periods ' || max(id) FROM igny8_subscription_periods WHERE tenant_id = 5`,
		},
		"held money that no receipt has": {
			`UPDATE igny8_payments SET held_minor = held_minor + 1 WHERE id = 902`, "receipt.held", `SELECT 'igny8_payments 902'`,
		},
		"a receipt that nobody holds": {
			`UPDATE igny8_payments SET held_minor = 0, held_since = NULL WHERE id = 902`, "receipt.held", `SELECT 'igny8_payments 902'`,
		},
		"a receipt that gave less": {`UPDATE igny8_receipts SET used_minor = 4800 WHERE id = 702`, "receipt.used", `SELECT 'igny8_payments 901'`},
		"a receipt used for what waits": {
			`UPDATE igny8_receipts SET used_minor = 200 WHERE id = 703; UPDATE igny8_payments SET held_minor = 100 WHERE id = 902`,
			"receipt.used", `SELECT 'igny8_payments 902'`,
		},
		"a receipt in another currency": {`UPDATE igny8_receipts SET currency = 'EUR' WHERE id = 703`, "receipt.money", `SELECT 'igny8_receipts 703'`},
		"a bank's id that is free":      {`DELETE FROM igny8_external_payments WHERE external_id = 'B3'`, "receipt.reference", `SELECT 'igny8_payments 902'`},
		"a credit of more than was over": {
			`UPDATE igny8_balance_transactions SET amount_minor = 1101 WHERE tenant_id = 5`, "receipt.balance", `SELECT 'igny8_receipts 702'`,
		},
		"a credit without its line": {`DELETE FROM igny8_balance_transactions WHERE tenant_id = 5`, "receipt.balance", `SELECT 'igny8_receipts 702'`},
		"no subscription":           {`DELETE FROM igny8_subscriptions WHERE tenant_id = 5`, "account.subscription", `SELECT 'igny8_tenants 5'`},
		"no ledger":                 {`DELETE FROM igny8_credit_accounts WHERE tenant_id = 5`, "credits.owner", `SELECT 'igny8_tenants 5'`},
		"no owner":                  {`UPDATE igny8_users SET role = 'viewer' WHERE tenant_id = 5`, "account.owner", `SELECT 'igny8_tenants 5'`},
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

// What staff assigned may be paid for, wait for it, cost nothing, or have cost nothing because it was not paid for.
func TestExamine_FindsNothingWrongWithWhatStaffAssigned(t *testing.T) {
	t.Parallel()
	db := loaded(t)
	for status, price := range map[string]int{"confirmed": 5000, "pending": 5000, "expired": 0, "": 0} {
		set := `UPDATE igny8_subscription_periods SET kind = 'assigned', price_minor = ` + strconv.Itoa(price) + ` WHERE tenant_id = 5`
		if status != "" {
			set = `INSERT INTO igny8_payments (tenant_id, method, status, plan_id, months, amount_minor, net_minor, currency, reference, instructions,
				requested_by, expires_at, purpose) SELECT 5, 'bank_transfer', 'pending', 1, 1, 5000, 5000, 'USD', 'R-` + status + `', '', min(id), now(), 'assignment'
				FROM igny8_users WHERE tenant_id = 5;
				SET session_replication_role = replica; ALTER TABLE igny8_payments DISABLE TRIGGER ALL;
				UPDATE igny8_payments SET status = '` + status + `', external_payment_id = 'X', received_on = now(), decided_at = now(), decided_by = requested_by
				WHERE reference = 'R-` + status + `'; RESET session_replication_role; ` + set + `;
				UPDATE igny8_subscription_periods SET payment_id = (SELECT id FROM igny8_payments WHERE reference = 'R-` + status + `') WHERE tenant_id = 5`
		}
		if _, err := db.Admin.Pool.Exec(t.Context(), set); err != nil {
			t.Fatal(err)
		}
		for _, p := range examine(t, db.App).Problems {
			if p.Check == "period.payment" {
				t.Errorf("%q: %s", status, p)
			}
		}
	}
}
