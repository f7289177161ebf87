package apikey_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/apikey"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/plan"
	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/postgres/pgtest"
	"igny8.com/accounts/internal/vault"
)

// now is the time of all commands here.
var now = time.Date(2026, 3, 31, 9, 30, 0, 123456000, time.UTC)

const growth gid.Plan = 4

var serial atomic.Int64

// newVault makes a vault of new keys, the first of which seals; texts are the pairs of older ones.
func newVault(tb testing.TB, older ...string) (*vault.Vault, string) {
	tb.Helper()
	pair := vault.Generate()
	return mustVault(tb, append([]string{pair}, older...)...), pair
}

func mustVault(tb testing.TB, pairs ...string) *vault.Vault {
	tb.Helper()
	v, err := vault.Parse(strings.Join(pairs, ","))
	if err != nil {
		tb.Fatal(err)
	}
	return v
}

// tenant is an account in a test's database, with an owner and a site.
type tenant struct {
	t     testing.TB
	db    *pgtest.DB
	vault *vault.Vault
	id    gid.Account
	slug  string
	site  gid.Site
	owner account.Actor
}

func newTenant(tb testing.TB, db *pgtest.DB, v *vault.Vault) *tenant {
	tb.Helper()
	a := &tenant{t: tb, db: db, vault: v, slug: fmt.Sprintf("tenant-%d", serial.Add(1))}
	err := db.Admin.NewRaw(`INSERT INTO igny8_tenants (name, slug, plan_id, status) VALUES ('Tenant', ?, ?, 'active') RETURNING id`,
		a.slug, growth).Scan(tb.Context(), &a.id)
	if err != nil {
		tb.Fatalf("insert account: %v", err)
	}
	a.exec(`INSERT INTO igny8_slug_directory (slug, tenant_id) VALUES (?, ?)`, a.slug, a.id)
	a.owner = a.person(account.Owner)
	a.site = a.newSite()
	return a
}

// ctx is the context of a request for the account.
func (a *tenant) ctx() context.Context { return postgres.WithTenant(a.t.Context(), int64(a.id)) }

func (a *tenant) person(role account.Role) account.Actor {
	a.t.Helper()
	u := &account.User{TenantID: a.id, Email: fmt.Sprintf("p%d@example.com", serial.Add(1)), Role: role}
	a.scan(&u.ID, `INSERT INTO igny8_users (tenant_id, email, role) VALUES (?, ?, ?) RETURNING id`, a.id, u.Email, role)
	return account.Actor{User: u, Account: &account.Account{ID: a.id, PlanID: growth}, Plan: &plan.Plan{ID: growth}}
}

// newSite adds a site past all rules.
func (a *tenant) newSite() gid.Site {
	a.t.Helper()
	var id gid.Site
	a.scan(&id, `INSERT INTO igny8_sites (tenant_id, name, slug) VALUES (?, 'Site', ?) RETURNING id`, a.id, fmt.Sprintf("site-%d", serial.Add(1)))
	return id
}

func (a *tenant) remove(s gid.Site) {
	a.t.Helper()
	a.exec(`UPDATE igny8_sites SET deleted_at = now(), restore_until = now() WHERE tenant_id = ? AND id = ?`, a.id, s)
}

func (a *tenant) grant(s gid.Site, to account.Actor) {
	a.t.Helper()
	a.exec(`INSERT INTO igny8_site_user_access (tenant_id, site_id, user_id) VALUES (?, ?, ?)`, a.id, s, to.User.ID)
}

// usual is a key as most tests want one.
func (a *tenant) usual() apikey.NewKey {
	return apikey.NewKey{SiteID: a.site, Name: "WordPress", Scopes: []account.Scope{account.SitesRead, account.Sync}}
}

// create makes a key, as the usual one with changes.
func (a *tenant) create(change ...func(*apikey.NewKey)) (*account.Key, string) {
	a.t.Helper()
	in := a.usual()
	for _, c := range change {
		c(&in)
	}
	key, secret, err := apikey.Create(a.ctx(), a.db.App, a.vault, a.owner, now, in)
	if err != nil {
		a.t.Fatalf("create: %v", err)
	}
	return key, secret
}

func (a *tenant) rotate(id gid.APIKey, overlap *time.Duration, at time.Time) (*account.Key, string, error) {
	return apikey.Rotate(a.ctx(), a.db.App, a.vault, a.owner, at, id, overlap)
}

func (a *tenant) exec(query string, args ...any) {
	a.t.Helper()
	if _, err := a.db.Admin.NewRaw(query, args...).Exec(a.t.Context()); err != nil {
		a.t.Fatalf("%s: %v", query, err)
	}
}

func (a *tenant) scan(into any, query string, args ...any) {
	a.t.Helper()
	if err := a.db.Admin.NewRaw(query, args...).Scan(a.t.Context(), into); err != nil {
		a.t.Fatalf("%s: %v", query, err)
	}
}

// row is a key's whole row as JSON, but for what is never the same twice.
func (a *tenant) row(id gid.APIKey) string {
	a.t.Helper()
	var row string
	a.scan(&row, `SELECT (to_jsonb(k) - 'hash' - 'hash_key_id' - 'public_id')::text FROM igny8_site_api_keys k WHERE tenant_id = ? AND id = ?`, a.id, id)
	return row
}

// written is how many keys, entries and events the account has.
func (a *tenant) written() string {
	a.t.Helper()
	var n string
	a.scan(&n, `SELECT concat_ws(' ', (SELECT count(*) FROM igny8_site_api_keys WHERE tenant_id = ?0),
		(SELECT count(*) FROM igny8_api_key_directory WHERE tenant_id = ?0), (SELECT count(*) FROM igny8_audit_events WHERE tenant_id = ?0))`, a.id)
	return n
}

// events are the account's audit events, oldest first.
func (a *tenant) events() []string {
	a.t.Helper()
	events := []string{}
	a.scan(&events, `SELECT concat_ws(' ', action, subject_type, subject_id, 'by', actor_kind, before::text, after::text)
		FROM igny8_audit_events WHERE tenant_id = ? ORDER BY id`, a.id)
	return events
}

// opens finds the key that a text opens at a time, as a request does, and notes its use; nil for none.
func (a *tenant) opens(v *vault.Vault, text string, at time.Time) *account.Key {
	a.t.Helper()
	presented, ok := apikey.Read(text)
	if !ok {
		return nil
	}
	lookups, err := presented.Lookups(v)
	if err != nil {
		a.t.Fatal(err)
	}
	keys := []*account.Key{}
	err = a.db.App.NewSelect().Model(&keys).Where("(tenant_id, id) IN (SELECT tenant_id, key_id FROM igny8_api_key_directory WHERE lookup = ANY (?))",
		"{"+strings.Join(lookups, ",")+"}").Scan(a.ctx())
	if err != nil {
		a.t.Fatal(err)
	}
	for _, key := range keys {
		status := key.StatusAt(at)
		if status == account.KeyRevoked || status == account.KeyExpired {
			continue
		}
		if fits, err := presented.Fits(v, key); err != nil || !fits {
			continue
		}
		if err := apikey.Used(a.ctx(), a.db.App, v, at, key, presented); err != nil {
			a.t.Fatal(err)
		}
		return key
	}
	return nil
}

// wants checks that err is exactly these faults, each "CODE at field" or "CODE".
func wants(tb testing.TB, err error, want ...string) {
	tb.Helper()
	got := []string{}
	for _, f := range fault.Of(err) {
		s := string(f.Code)
		if len(f.Field) > 0 {
			s += " at " + strings.Join(f.Field, ".")
		}
		got = append(got, s)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		tb.Errorf("got the error %v, want %q", err, want)
	}
}

// race calls fn n times at once and counts the calls by the code of their fault, successes as "ok".
func race(tb testing.TB, n int, fn func() error) map[string]int {
	tb.Helper()
	errs := make([]error, n)
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			<-start
			errs[i] = fn()
		})
	}
	close(start)
	wg.Wait()
	counts := map[string]int{}
	for _, err := range errs {
		switch faults := fault.Of(err); {
		case err == nil:
			counts["ok"]++
		case len(faults) == 1:
			counts[string(faults[0].Code)]++
		default:
			tb.Errorf("not one fault: %v", err)
		}
	}
	return counts
}
