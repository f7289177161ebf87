package site_test

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
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/plan"
	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/postgres/pgtest"
	"igny8.com/accounts/internal/site"
)

// now is the time of all commands here; what the fixtures insert is an hour older.
var now = time.Date(2026, 3, 31, 9, 30, 0, 123456000, time.UTC)

// Plans of the catalogue, and the number of sites that they allow.
const (
	starter    gid.Plan = 2 // 1
	growth     gid.Plan = 4 // 3
	enterprise gid.Plan = 6 // no limit
)

// Industries of the catalogue, and how many sectors they have at least.
const (
	health gid.Industry = 1 // 8
	garden gid.Industry = 2 // 8
)

var serial atomic.Int64

// tenant is an account in a test's database, with an owner.
type tenant struct {
	t     testing.TB
	db    *pgtest.DB
	id    gid.Account
	plan  gid.Plan
	owner account.Actor
}

func newTenant(tb testing.TB, db *pgtest.DB, p gid.Plan) *tenant {
	tb.Helper()
	a := &tenant{t: tb, db: db, plan: p}
	err := db.Admin.NewRaw(`INSERT INTO igny8_tenants (name, slug, plan_id, status, deletion_retention_days, created_at, updated_at)
		VALUES ('Tenant', ?, ?, 'active', 30, ?, ?) RETURNING id`,
		fmt.Sprintf("tenant-%d", serial.Add(1)), p, now.Add(-time.Hour), now.Add(-time.Hour)).Scan(tb.Context(), &a.id)
	if err != nil {
		tb.Fatalf("insert account: %v", err)
	}
	a.owner = a.person(account.Owner)
	return a
}

// ctx is the context of a request for the account.
func (a *tenant) ctx() context.Context { return postgres.WithTenant(a.t.Context(), int64(a.id)) }

// person adds somebody to the account.
func (a *tenant) person(role account.Role) account.Actor {
	a.t.Helper()
	u := &account.User{TenantID: a.id, Email: fmt.Sprintf("p%d@example.com", serial.Add(1)), Role: role}
	err := a.db.Admin.NewRaw(`INSERT INTO igny8_users (tenant_id, email, role) VALUES (?, ?, ?) RETURNING id`, a.id, u.Email, role).
		Scan(a.t.Context(), &u.ID)
	if err != nil {
		a.t.Fatalf("insert user: %v", err)
	}
	return account.Actor{User: u, Account: &account.Account{ID: a.id, PlanID: a.plan}, Plan: &plan.Plan{ID: a.plan}}
}

// site adds a site past all rules.
func (a *tenant) site(name string, industry *gid.Industry) gid.Site {
	a.t.Helper()
	var id gid.Site
	old := now.Add(-time.Hour)
	err := a.db.Admin.NewRaw(`INSERT INTO igny8_sites (tenant_id, name, slug, domain, industry_id, created_at, updated_at)
		VALUES (?, ?, ?, 'old.example.com', ?, ?, ?) RETURNING id`,
		a.id, name, fmt.Sprintf("fixture-%d", serial.Add(1)), industry, old, old).Scan(a.t.Context(), &id)
	if err != nil {
		a.t.Fatalf("insert site: %v", err)
	}
	return id
}

// sector adds a sector past all rules.
func (a *tenant) sector(s gid.Site, entry *site.IndustrySector) gid.Sector {
	a.t.Helper()
	var id gid.Sector
	err := a.db.Admin.NewRaw(`INSERT INTO igny8_sectors (tenant_id, site_id, industry_id, industry_sector_id, name)
		VALUES (?, ?, ?, ?, ?) RETURNING id`, a.id, s, entry.IndustryID, entry.ID, entry.Name).Scan(a.t.Context(), &id)
	if err != nil {
		a.t.Fatalf("insert sector: %v", err)
	}
	return id
}

func (a *tenant) grant(s gid.Site, to account.Actor) {
	a.t.Helper()
	exec(a.t, a.db, `INSERT INTO igny8_site_user_access (tenant_id, site_id, user_id) VALUES (?, ?, ?)`, a.id, s, to.User.ID)
}

// remove deletes a site past all rules.
func (a *tenant) remove(s gid.Site) {
	a.t.Helper()
	exec(a.t, a.db, `UPDATE igny8_sites SET deleted_at = now(), restore_until = now() + interval '14 days' WHERE tenant_id = ? AND id = ?`, a.id, s)
}

// lost takes a sector off its site past all rules.
func (a *tenant) lost(s gid.Sector) {
	a.t.Helper()
	exec(a.t, a.db, `UPDATE igny8_sectors SET deleted_at = now(), restore_until = now() + interval '14 days' WHERE tenant_id = ? AND id = ?`, a.id, s)
}

// key adds an API key to a site, with the entry of the directory that it is found by.
func (a *tenant) key(s gid.Site) account.Actor {
	a.t.Helper()
	key := &account.Key{
		TenantID: a.id, SiteID: s, Name: "Key", PublicID: fmt.Sprintf("k%d", serial.Add(1)), Hash: []byte{1}, HashKeyID: "h",
		Scopes: []account.Scope{account.SitesRead, account.Credits, account.Sync}, CreatedAt: now.Add(-time.Hour),
	}
	if _, err := a.db.Admin.NewInsert().Model(key).Exec(a.t.Context()); err != nil {
		a.t.Fatalf("insert key: %v", err)
	}
	exec(a.t, a.db, `INSERT INTO igny8_api_key_directory (lookup, tenant_id, key_id) VALUES (?, ?, ?)`, key.PublicID, a.id, key.ID)
	return account.Actor{Key: key, Account: a.owner.Account, Plan: a.owner.Plan}
}

// events are the account's audit events as "action before after", oldest first.
func (a *tenant) events() []string {
	a.t.Helper()
	events := []string{}
	err := a.db.Admin.NewRaw(`SELECT concat_ws(' ', action, before::text, after::text) FROM igny8_audit_events WHERE tenant_id = ? ORDER BY id`, a.id).
		Scan(a.t.Context(), &events)
	if err != nil {
		a.t.Fatalf("read audit events: %v", err)
	}
	return events
}

func exec(tb testing.TB, db *pgtest.DB, query string, args ...any) {
	tb.Helper()
	if _, err := db.Admin.NewRaw(query, args...).Exec(tb.Context()); err != nil {
		tb.Fatalf("%s: %v", query, err)
	}
}

func count(tb testing.TB, db *pgtest.DB, query string, args ...any) int {
	tb.Helper()
	var n int
	if err := db.Admin.NewRaw(query, args...).Scan(tb.Context(), &n); err != nil {
		tb.Fatalf("%s: %v", query, err)
	}
	return n
}

// entries are the industry's sectors.
func entries(tb testing.TB, db *pgtest.DB, industry gid.Industry) []*site.IndustrySector {
	tb.Helper()
	found, err := site.SectorsOfIndustries(tb.Context(), db.App, []gid.Industry{industry})
	if err != nil || len(found) < 8 {
		tb.Fatalf("industry %d has %d sectors: %v", industry, len(found), err)
	}
	return found
}

// wants checks that err is exactly these faults, each "CODE at field" or "CODE".
func wants(tb testing.TB, err error, want ...string) {
	tb.Helper()
	faults := fault.Of(err)
	got := make([]string, 0, len(faults))
	for _, f := range faults {
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

// race calls fn n times at once and gives the errors of the calls, in no order.
func race(n int, fn func(i int) error) []error {
	errs := make([]error, n)
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			<-start
			errs[i] = fn(i)
		})
	}
	close(start)
	wg.Wait()
	return errs
}

// tally counts errors by their code, successes as "ok".
func tally(tb testing.TB, errs []error) map[string]int {
	tb.Helper()
	n := map[string]int{}
	for _, err := range errs {
		switch faults := fault.Of(err); {
		case err == nil:
			n["ok"]++
		case len(faults) == 1:
			n[string(faults[0].Code)]++
		default:
			tb.Errorf("not one fault: %v", err)
		}
	}
	return n
}

// waitForLocks returns when n sessions of the test's database wait for a lock.
func waitForLocks(tb testing.TB, db *pgtest.DB, n int) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if count(tb, db, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`) >= n {
			return
		}
		select {
		case <-ctx.Done():
			tb.Fatalf("fewer than %d came to wait for a lock", n)
		case <-tick.C:
		}
	}
}
