package billing_test

import (
	"context"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/billing"
	"igny8.com/accounts/internal/mail"
	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/postgres/pgtest"
	"igny8.com/accounts/internal/signup"
	"igny8.com/accounts/internal/vault"
)

var (
	start = time.Date(2026, 1, 17, 8, 0, 0, 0, time.UTC)
	paid  = time.Date(2026, 1, 31, 7, 0, 0, 0, time.UTC) // an hour before the trial ends
	// paid is an hour before the trial ends.
	office = billing.Office{
		Bank: billing.BankDetails{Instructions: "Account 12345678", Deadline: 14 * 24 * time.Hour},
		Mail: &mail.Box{Vault: newVault(), App: "https://app.test"},
	}
)

func newVault() *vault.Vault {
	v, err := vault.Parse(vault.Generate())
	if err != nil {
		panic(err)
	}
	return v
}

// house is a database with a member of staff.
type house struct {
	*pgtest.DB
	t     *testing.T
	staff account.Actor
}

func build(t *testing.T) *house {
	t.Helper()
	h := &house{DB: pgtest.New(t, pgtest.WithMaxConns(8)), t: t}
	h.staff = h.open("staff")
	h.staff.User.Role = account.Developer
	return h
}

// open signs an account up and is its owner.
func (h *house) open(name string) account.Actor {
	h.t.Helper()
	in := signup.Request{Email: name + "@example.com", Name: name, PasswordHash: "kept"}
	var owner *account.User
	opened, err := signup.Run(h.t.Context(), h.App, in, account.Origin{}, start,
		func(_ context.Context, _ bun.Tx, u *account.User) error { owner = u; return nil })
	if err != nil {
		h.t.Fatal(err)
	}
	return account.Actor{User: owner, Account: opened}
}

func as(ctx context.Context, a account.Actor) context.Context {
	return postgres.WithTenant(ctx, int64(a.AccountID()))
}

func (h *house) request(owner account.Actor, plan string, months int, key string) *billing.Payment {
	h.t.Helper()
	p, err := office.RequestTransfer(as(h.t.Context(), owner), h.App, owner, paid,
		billing.Request{PlanSlug: plan, Months: months, IdempotencyKey: key})
	if err != nil {
		h.t.Fatal(err)
	}
	return p
}

func facts(p *billing.Payment, externalID string) billing.Confirm {
	return billing.Confirm{
		PaymentID: p.ID, ExternalPaymentID: externalID, Amount: p.Amount(), ReceivedOn: paid.Truncate(24 * time.Hour),
		IdempotencyKey: "confirm " + externalID,
	}
}

func (h *house) confirm(ctx context.Context, in billing.Confirm, at time.Time) error {
	_, err := office.ConfirmPayment(as(ctx, h.staff), h.App, h.staff, at, in)
	return err
}

func count(t *testing.T, db *pgtest.DB, query string, args ...any) int {
	t.Helper()
	var n int
	if err := db.Admin.NewRaw(query, args...).Scan(t.Context(), &n); err != nil {
		t.Fatal(err)
	}
	return n
}

// trace is all that confirming may change in an account, in one line of text.
func (h *house) trace(a account.Actor) string {
	h.t.Helper()
	var s string
	err := h.Admin.NewRaw(`
		SELECT concat_ws(' ', a.status, p.slug,
			(SELECT string_agg(kind || ':' || start_at || '-' || end_at, ',' ORDER BY start_at) FROM igny8_subscription_periods WHERE tenant_id = a.id),
			(SELECT string_agg(seq || '=' || amount || '=' || balance_after, ',' ORDER BY seq) FROM igny8_credit_transactions WHERE tenant_id = a.id),
			(SELECT string_agg(kind || ':' || remaining, ',' ORDER BY id) FROM igny8_credit_grants WHERE tenant_id = a.id),
			(SELECT balance FROM igny8_credit_accounts WHERE tenant_id = a.id),
			(SELECT string_agg(status, ',' ORDER BY id) FROM igny8_payments WHERE tenant_id = a.id),
			(SELECT count(*) FROM igny8_invoices WHERE tenant_id = a.id), (SELECT count(*) FROM igny8_invoice_lines WHERE tenant_id = a.id),
			(SELECT count(*) FROM igny8_external_payments WHERE tenant_id = a.id), (SELECT count(*) FROM igny8_audit_events WHERE tenant_id = a.id),
			(SELECT count(*) FROM igny8_idempotency_keys WHERE tenant_id = a.id), s.status, s.anchor, s.external_payment_id)
		FROM igny8_tenants a JOIN igny8_plans p ON p.id = a.plan_id JOIN igny8_subscriptions s ON s.tenant_id = a.id
		WHERE a.id = ?`, a.AccountID()).Scan(h.t.Context(), &s)
	if err != nil {
		h.t.Fatal(err)
	}
	return s
}

func (h *house) exec(statement string, args ...any) {
	h.t.Helper()
	if _, err := h.Admin.NewRaw(statement, args...).Exec(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
}

// killed runs a command again and again, the session ended before its first, second … statement, until it gets
// through. It must have written nothing before that; killed says how often it was ended.
func (h *house) killed(name string, a account.Actor, run func(context.Context) error) int {
	h.t.Helper()
	before := h.trace(a) + h.rows()
	for n := 1; ; n++ {
		ctx, killer := pgtest.KillBefore(h.t, h.t.Context(), n)
		err := run(as(ctx, h.staff))
		statement, fired := killer.Fired()
		if !fired {
			if err != nil {
				h.t.Fatalf("%s: %v", name, err)
			}
			return n - 1
		}
		if after := h.trace(a) + h.rows(); err == nil || after != before {
			h.t.Fatalf("%s, killed before %q: %v\n%s\nbefore:\n%s", name, statement, err, after, before)
		}
	}
}
