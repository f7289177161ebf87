package staff_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/plan"
	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/postgres/pgtest"
	"igny8.com/accounts/internal/staff"
)

var now = time.Date(2026, 11, 22, 9, 30, 0, 123_456_000, time.UTC)

// house is a database with a system account, in which staff are.
type house struct {
	*pgtest.DB
	t      *testing.T
	system gid.Account
	jane   account.Actor
}

func build(t *testing.T) *house {
	t.Helper()
	h := &house{DB: pgtest.New(t, pgtest.WithMaxConns(8)), t: t}
	h.system = h.account("Operations", "active", "enterprise")
	h.exec(`UPDATE igny8_tenants SET is_system = true WHERE id = ?`, h.system)
	h.jane = h.person(h.system, "jane@igny8.example", account.Developer)
	return h
}

// account opens an account past all that signing up would do.
func (h *house) account(name, status, plan string) gid.Account {
	h.t.Helper()
	var id gid.Account
	h.scan(&id, `INSERT INTO igny8_tenants (name, slug, plan_id, status, status_reason, created_at)
		SELECT ?, 'a' || currval('igny8_tenants_id_seq'), id, ?, 'before', ?
		FROM igny8_plans, (SELECT nextval('igny8_tenants_id_seq')) AS next WHERE slug = ? RETURNING id`, name, status, now, plan)
	return id
}

// person adds somebody to an account, signed in.
func (h *house) person(tenant gid.Account, email string, role account.Role) account.Actor {
	h.t.Helper()
	u := &account.User{TenantID: tenant, Email: email, Name: strings.Split(email, "@")[0], Role: role}
	h.scan(&u.ID, `INSERT INTO igny8_users (tenant_id, email, name, role) VALUES (?, ?, ?, ?) RETURNING id`, tenant, email, u.Name, role)
	h.exec(`INSERT INTO igny8_login_directory (email, tenant_id, user_id) VALUES (?, ?, ?)`, email, tenant, u.ID)
	a := account.Actor{
		User: u, Account: &account.Account{ID: tenant, Status: account.Active}, Plan: &plan.Plan{Active: true},
		Origin: account.Origin{IP: "203.0.113.7", UserAgent: "curl/8", RequestID: "req-1"},
	}
	h.scan(&a.SessionID, `INSERT INTO igny8_sessions (tenant_id, user_id, token_hash, expires_at) VALUES (?, ?, '\x00', ?) RETURNING id`,
		tenant, u.ID, now.Add(time.Hour))
	return a
}

// as is the context of a request of the actor's.
func (h *house) as(a account.Actor) context.Context {
	return postgres.WithTenant(h.t.Context(), int64(a.AccountID()))
}

// forStaff is the context of an operation of staff.
func (h *house) forStaff() context.Context { return postgres.WithStaff(h.as(h.jane)) }

func (h *house) exec(statement string, args ...any) {
	h.t.Helper()
	if _, err := h.Admin.NewRaw(statement, args...).Exec(h.t.Context()); err != nil {
		h.t.Fatalf("%s: %v", statement, err)
	}
}

func (h *house) scan(into any, query string, args ...any) {
	h.t.Helper()
	if err := h.Admin.NewRaw(query, args...).Scan(h.t.Context(), into); err != nil {
		h.t.Fatalf("%s: %v", query, err)
	}
}

func (h *house) text(query string, args ...any) string {
	h.t.Helper()
	var s string
	h.scan(&s, query, args...)
	return s
}

// log is an account's events, oldest first.
func (h *house) log(tenant gid.Account) string {
	h.t.Helper()
	return h.text(`SELECT coalesce(string_agg(concat_ws(' ', action, subject_type, before, after, actor_kind, actor_id, impersonation_id, ip), E'\n' ORDER BY id), '')
		FROM igny8_audit_events WHERE tenant_id = ?`, tenant)
}

// everything is all that commands here may change in an account.
func (h *house) everything(tenant gid.Account) string {
	h.t.Helper()
	return h.text(`SELECT concat_ws(E'\n', (SELECT t::text FROM igny8_tenants t WHERE id = ?0),
		(SELECT string_agg(i::text, ',' ORDER BY id) FROM igny8_impersonations i WHERE tenant_id = ?0),
		(SELECT string_agg(e::text, ',' ORDER BY id) FROM igny8_audit_events e WHERE tenant_id = ?0))`, tenant)
}

const reason = "Ticket 4711: the plugin fails"

// begin opens an impersonation of 15 minutes and is who acts under it.
func (h *house) begin(by account.Actor, tenant gid.Account) account.Actor {
	h.t.Helper()
	imp, err := staff.Impersonate(h.as(by), h.App, by, now, staff.Impersonating{AccountID: tenant, Reason: reason, Minutes: 15})
	if err != nil {
		h.t.Fatal(err)
	}
	return h.under(by, imp)
}

// under is staff under an impersonation, as signing in would make them out.
func (h *house) under(by account.Actor, imp *account.Impersonation) account.Actor {
	h.t.Helper()
	accounts, err := account.ByIDs(h.t.Context(), h.Admin, []gid.Account{imp.TenantID})
	if err != nil || len(accounts) != 1 {
		h.t.Fatalf("%v, %v", accounts, err)
	}
	by.Account, by.Impersonation = accounts[0], imp
	return by
}

// told are the faults of an error: code and field each.
func told(err error) []string {
	faults := []string{}
	for _, f := range fault.Of(err) {
		faults = append(faults, fmt.Sprintf("%s %s", f.Code, strings.Join(f.Field, ".")))
	}
	return faults
}

func want(t *testing.T, err error, faults ...string) {
	t.Helper()
	if diff := cmp.Diff(faults, told(err)); diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func ids(c *staff.AccountConnection) []gid.Account {
	found := []gid.Account{}
	for _, a := range c.Nodes() {
		found = append(found, a.ID)
	}
	return found
}
