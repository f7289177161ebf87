package wordpress_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
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
	"igny8.com/accounts/internal/vault"
	"igny8.com/accounts/internal/wordpress"
)

// now is the time of all commands here.
var now = time.Date(2026, 3, 31, 9, 30, 0, 123456000, time.UTC)

const (
	address  = "https://www.example.com"
	username = "editor"
	// password is as WordPress shows it; bare is what is kept of it.
	password = "abcd EFGH 1234 ijkl MNOP 5678"
	bare     = "abcdEFGH1234ijklMNOP5678"
)

// loopback is what the tests' own WordPresses are reached by.
var loopback = wordpress.Config{
	AllowHTTP: true, AnyPort: true, Allowed: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")},
}

// strict is loopback without the one thing that production must not allow.
var strict = wordpress.Config{AllowHTTP: true, AnyPort: true}

var serial atomic.Int64

// tenant is an account in a test's database, with an owner.
type tenant struct {
	t     testing.TB
	db    *pgtest.DB
	id    gid.Account
	owner account.Actor
}

func newTenant(tb testing.TB, db *pgtest.DB) *tenant {
	tb.Helper()
	a := &tenant{t: tb, db: db}
	err := db.Admin.NewRaw(`INSERT INTO igny8_tenants (name, slug, plan_id, status) VALUES ('Tenant', ?, 4, 'active') RETURNING id`,
		fmt.Sprintf("tenant-%d", serial.Add(1))).Scan(tb.Context(), &a.id)
	if err != nil {
		tb.Fatalf("insert account: %v", err)
	}
	a.owner = a.person(account.Owner)
	return a
}

// ctx is the context of a request for the account.
func (a *tenant) ctx() context.Context { return postgres.WithTenant(a.t.Context(), int64(a.id)) }

func (a *tenant) person(role account.Role) account.Actor {
	a.t.Helper()
	u := &account.User{TenantID: a.id, Email: fmt.Sprintf("p%d@example.com", serial.Add(1)), Role: role}
	err := a.db.Admin.NewRaw(`INSERT INTO igny8_users (tenant_id, email, role) VALUES (?, ?, ?) RETURNING id`, a.id, u.Email, role).
		Scan(a.t.Context(), &u.ID)
	if err != nil {
		a.t.Fatalf("insert user: %v", err)
	}
	return account.Actor{User: u, Account: &account.Account{ID: a.id}, Plan: &plan.Plan{}}
}

// key is an API key of the site; no row of it is needed here.
func (a *tenant) key(s gid.Site) account.Actor {
	return account.Actor{
		Key:     &account.Key{TenantID: a.id, ID: gid.APIKey(serial.Add(1)), SiteID: s, Scopes: []account.Scope{account.Sync}},
		Account: &account.Account{ID: a.id}, Plan: &plan.Plan{},
	}
}

func (a *tenant) site() gid.Site {
	a.t.Helper()
	var id gid.Site
	err := a.db.Admin.NewRaw(`INSERT INTO igny8_sites (tenant_id, name, slug) VALUES (?, 'Site', ?) RETURNING id`,
		a.id, fmt.Sprintf("site-%d", serial.Add(1))).Scan(a.t.Context(), &id)
	if err != nil {
		a.t.Fatalf("insert site: %v", err)
	}
	return id
}

func (a *tenant) grant(s gid.Site, to account.Actor) {
	a.t.Helper()
	exec(a.t, a.db, `INSERT INTO igny8_site_user_access (tenant_id, site_id, user_id) VALUES (?, ?, ?)`, a.id, s, to.User.ID)
}

func (a *tenant) remove(s gid.Site) {
	a.t.Helper()
	exec(a.t, a.db, `UPDATE igny8_sites SET deleted_at = now(), restore_until = now() + interval '14 days' WHERE tenant_id = ? AND id = ?`, a.id, s)
}

// connect connects a site of the account to a WordPress.
func (a *tenant) connect(b *wordpress.Bridge, s gid.Site, url string) *wordpress.Connection {
	a.t.Helper()
	made, err := b.Connect(a.ctx(), a.db.App, a.owner, now, wordpress.NewConnection{
		SiteID: s, URL: url, Username: username, ApplicationPassword: password,
	})
	if err != nil {
		a.t.Fatalf("connect: %v", err)
	}
	return made
}

// row is the site's connection as it stands in the database; nil where there is none.
func (a *tenant) row(s gid.Site) *wordpress.Connection {
	a.t.Helper()
	rows := []*wordpress.Connection{}
	if err := a.db.Admin.NewSelect().Model(&rows).Where("tenant_id = ? AND site_id = ?", a.id, s).Scan(a.t.Context()); err != nil {
		a.t.Fatal(err)
	}
	if len(rows) == 0 {
		return nil
	}
	return rows[0]
}

// events are the account's audit events as "action before after", oldest first.
func (a *tenant) events() []string {
	a.t.Helper()
	events := []string{}
	err := a.db.Admin.NewRaw(`SELECT concat_ws(' ', action, subject_type, before::text, '→', after::text)
		FROM igny8_audit_events WHERE tenant_id = ? ORDER BY id`, a.id).Scan(a.t.Context(), &events)
	if err != nil {
		a.t.Fatal(err)
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

func keys(tb testing.TB, pairs ...string) *vault.Vault {
	tb.Helper()
	if len(pairs) == 0 {
		pairs = []string{vault.Generate()}
	}
	v, err := vault.Parse(strings.Join(pairs, ","))
	if err != nil {
		tb.Fatal(err)
	}
	return v
}

// wants checks that err is exactly these faults, each "CODE at field" or "CODE".
func wants(tb testing.TB, err error, want ...string) {
	tb.Helper()
	slices.Sort(want)
	if got := faults(tb, err); !slices.Equal(got, want) {
		tb.Errorf("got the error %v, want %q", err, want)
	}
}

// faults are the faults in err, sorted. None tells a password.
func faults(tb testing.TB, err error) []string {
	tb.Helper()
	var got []string
	for _, f := range fault.Of(err) {
		s := string(f.Code)
		if len(f.Field) > 0 {
			s += " at " + strings.Join(f.Field, ".")
		}
		got = append(got, s)
	}
	slices.Sort(got)
	if err != nil && (strings.Contains(err.Error(), bare[:8]) || strings.Contains(err.Error(), password[:9])) {
		tb.Errorf("the error tells the password: %v", err)
	}
	return got
}

// race calls fn n times at once and gives the errors of the calls.
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

// press is a WordPress on loopback that counts who comes.
type press struct {
	*httptest.Server

	hits atomic.Int64
}

// newPress starts a server that answers by handler; without one, as a WordPress that knows the password.
func newPress(tb testing.TB, handler http.HandlerFunc) *press {
	tb.Helper()
	return newPressOn(tb, "127.0.0.1:0", handler)
}

func newPressOn(tb testing.TB, listen string, handler http.HandlerFunc) *press {
	tb.Helper()
	if handler == nil {
		handler = aWordPress
	}
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		tb.Fatal(err)
	}
	p := &press{}
	p.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.hits.Add(1)
		handler(w, r)
	}))
	_ = p.Listener.Close()
	p.Listener = listener
	p.Start()
	tb.Cleanup(p.Close)
	return p
}

func aWordPress(w http.ResponseWriter, r *http.Request) {
	name, given, _ := r.BasicAuth()
	switch {
	case r.URL.Path != "/wp-json/wp/v2/users/me" && r.URL.Path != "/blog/wp-json/wp/v2/users/me":
		http.NotFound(w, r)
	case name != username || given != bare || r.URL.Query().Get("context") != "edit":
		w.WriteHeader(http.StatusUnauthorized)
	default:
		_, _ = fmt.Fprint(w, `{"id": 1, "username": "editor", "capabilities": {"edit_posts": true}}`)
	}
}
