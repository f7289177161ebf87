package credit_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/audit"
	"igny8.com/accounts/internal/credit"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/plan"
	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/postgres/pgtest"
)

// now is when things happen here unless a test says otherwise.
var now = time.Date(2026, 3, 31, 9, 30, 0, 123456000, time.UTC)

var serial atomic.Int64

// tenant is an account in a test's database, with an owner and an empty ledger.
type tenant struct {
	t     testing.TB
	db    *pgtest.DB
	id    gid.Account
	owner account.Actor
}

func newTenant(tb testing.TB, db *pgtest.DB) *tenant {
	tb.Helper()
	a := &tenant{t: tb, db: db}
	a.scan(&a.id, `INSERT INTO igny8_tenants (name, slug, plan_id, status) VALUES ('Tenant', ?, 2, 'active') RETURNING id`,
		fmt.Sprintf("tenant-%d", serial.Add(1)))
	var user gid.User
	a.scan(&user, `INSERT INTO igny8_users (tenant_id, email, role) VALUES (?, ?, 'owner') RETURNING id`,
		a.id, fmt.Sprintf("p%d@example.com", serial.Add(1)))
	a.owner = ownerOf(a.id, user)
	a.in(func(ctx context.Context, tx bun.Tx) error { return credit.Open(ctx, tx, a.id) })
	return a
}

// ownerOf is an account's owner as they were when they entered.
func ownerOf(id gid.Account, user gid.User) account.Actor {
	return account.Actor{
		User: &account.User{TenantID: id, ID: user, Role: account.Owner}, Account: &account.Account{ID: id},
		Plan: &plan.Plan{Slug: "starter", Name: "Starter", Features: []plan.Feature{plan.AIWriter, plan.ImageGen}},
	}
}

func (a *tenant) ctx() context.Context { return postgres.WithTenant(a.t.Context(), int64(a.id)) }

// in runs fn in a transaction of the account.
func (a *tenant) in(fn func(ctx context.Context, tx bun.Tx) error) {
	a.t.Helper()
	if err := postgres.InTx(a.ctx(), a.db.App, fn); err != nil {
		a.t.Fatal(err)
	}
}

// give grants credits; expires is nil for never.
func (a *tenant) give(kind credit.Kind, amount int64, at time.Time, expires *time.Time) {
	a.t.Helper()
	a.in(func(ctx context.Context, tx bun.Tx) error {
		_, err := credit.Add(ctx, tx, credit.Incoming{
			Tenant: a.id, Kind: kind, Amount: amount, ExpiresAt: expires, By: audit.By{Kind: audit.System}, At: at,
			IdempotencyKey: fmt.Sprintf("given:%d", serial.Add(1)),
		})
		return err
	})
}

func (a *tenant) scan(into any, query string, args ...any) {
	a.t.Helper()
	if err := a.db.Admin.NewRaw(query, args...).Scan(a.t.Context(), into); err != nil {
		a.t.Fatal(err)
	}
}

func (a *tenant) exec(query string, args ...any) {
	a.t.Helper()
	if _, err := a.db.Admin.NewRaw(query, args...).Exec(a.t.Context()); err != nil {
		a.t.Fatal(err)
	}
}

func (a *tenant) state() *credit.Account {
	a.t.Helper()
	states, err := credit.Accounts(a.ctx(), a.db.App, []gid.Account{a.id})
	if err != nil || len(states) != 1 {
		a.t.Fatalf("%v, %v", states, err)
	}
	return states[0]
}

// left is what is left on each grant, in the order of their ids.
func (a *tenant) left() string {
	a.t.Helper()
	var s string
	a.scan(&s, `SELECT coalesce(string_agg(remaining::text, ' ' ORDER BY id), '') FROM igny8_credit_grants WHERE tenant_id = ?`, a.id)
	return s
}

// rows counts all rows that movements write.
func (a *tenant) rows() string {
	a.t.Helper()
	var s string
	a.scan(&s, `SELECT concat_ws(' ', (SELECT count(*) FROM igny8_credit_transactions WHERE tenant_id = ?0),
		(SELECT count(*) FROM igny8_credit_transaction_grants WHERE tenant_id = ?0), (SELECT count(*) FROM igny8_credit_holds WHERE tenant_id = ?0),
		(SELECT count(*) FROM igny8_credit_requests WHERE tenant_id = ?0), (SELECT count(*) FROM igny8_audit_events WHERE tenant_id = ?0),
		(SELECT c::text FROM igny8_credit_accounts c WHERE tenant_id = ?0),
		(SELECT md5(string_agg(g::text, '' ORDER BY id)) FROM igny8_credit_grants g WHERE tenant_id = ?0))`, a.id)
	return s
}

// sound fails the test where the ledger does not add up.
func (a *tenant) sound() {
	a.t.Helper()
	v, err := credit.Verify(a.ctx(), a.db.App, a.id)
	if err != nil {
		a.t.Fatal(err)
	}
	for _, p := range v.Problems {
		a.t.Errorf("account %d: %s", a.id, p)
	}
}

func anySite(context.Context, gid.Site) (bool, error) { return true, nil }

func (a *tenant) spend(at time.Time, op credit.Operation, quantity int64, key string) (*credit.Result, error) {
	return credit.Spend(a.ctx(), a.db.App, a.owner, at, anySite,
		credit.Spending{Operation: op, Quantity: &quantity, IdempotencyKey: key})
}

func (a *tenant) reserve(at time.Time, op credit.Operation, quantity int64, key string) (*credit.Result, error) {
	return credit.Reserve(a.ctx(), a.db.App, a.owner, at, anySite,
		credit.Reservation{Operation: op, Quantity: quantity, IdempotencyKey: key})
}

func (a *tenant) capture(at time.Time, id gid.CreditHold, quantity *int64, key string) (*credit.Result, error) {
	return credit.CaptureHold(a.ctx(), a.db.App, a.owner, at, credit.Capture{HoldID: id, Quantity: quantity, IdempotencyKey: key})
}

func (a *tenant) release(at time.Time, id gid.CreditHold, key string) (*credit.Result, error) {
	return credit.ReleaseHold(a.ctx(), a.db.App, a.owner, at, credit.Release{HoldID: id, IdempotencyKey: key})
}

func (a *tenant) refund(at time.Time, id gid.CreditTransaction, amount *int64, key string) (*credit.Result, error) {
	return credit.RefundLine(a.ctx(), a.db.App, a.owner, at,
		credit.Refunding{TransactionID: id, Amount: amount, Reason: "it failed", IdempotencyKey: key})
}

// did returns what a command that had to succeed did.
func did(tb testing.TB, r *credit.Result, err error) *credit.Result {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

// refused checks the code and the field of a refusal.
func refused(tb testing.TB, err error, code fault.Code, field string) *fault.Error {
	tb.Helper()
	faults := fault.Of(err)
	if len(faults) != 1 || faults[0].Code != code || fmt.Sprint(faults[0].Field) != "["+field+"]" {
		tb.Fatalf("%v, want %s at %s", err, code, field)
	}
	return faults[0]
}
