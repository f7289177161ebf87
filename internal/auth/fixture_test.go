package auth_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/auth"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/mail"
	"igny8.com/accounts/internal/postgres/pgtest"
	"igny8.com/accounts/internal/vault"
)

const (
	issuer   = "https://accounts.test"
	audience = "igny8-api"
	password = "a fine long password"
)

// home is where a fixture's people are unless a test says otherwise.
var home = account.Origin{IP: "203.0.113.7", UserAgent: "curl/8", RequestID: "req-1"}

// seeds of the fixture's two signing keys.
var (
	seedOne = []byte("first signing key for tests, 32b")
	seedTwo = []byte("other signing key for tests, 32b")
)

func keysText() string {
	return "k1:" + base64.RawURLEncoding.EncodeToString(seedOne) + ",k2:" + base64.RawURLEncoding.EncodeToString(seedTwo)
}

func mustKeys(tb testing.TB, text string) *auth.Keys {
	tb.Helper()
	keys, err := auth.ParseKeys(text)
	if err != nil {
		tb.Fatal(err)
	}
	return keys
}

var cheap = sync.OnceValue(func() *auth.Hasher {
	h, err := auth.NewHasher(auth.Cost{MemoryKiB: 1024, Iterations: 1})
	if err != nil {
		panic(err)
	}
	return h
})

var passwordHash = sync.OnceValue(func() string {
	hash, err := cheap().Hash(context.Background(), password)
	if err != nil {
		panic(err)
	}
	return hash
})

// clock is a time that moves when a test says so.
type clock struct{ at atomic.Pointer[time.Time] }

func (c *clock) Now() time.Time { return *c.at.Load() }

func (c *clock) Advance(d time.Duration) {
	next := c.Now().Add(d)
	c.at.Store(&next)
}

type fixture struct {
	db    *pgtest.DB
	auth  *auth.Authority
	clock *clock
	box   *mail.Box
}

func newFixture(tb testing.TB, change ...func(*auth.Config)) *fixture {
	tb.Helper()
	return newFixtureOn(tb, pgtest.New(tb), change...)
}

func newFixtureOn(tb testing.TB, db *pgtest.DB, change ...func(*auth.Config)) *fixture {
	tb.Helper()
	seal, err := vault.Parse(vault.Generate())
	if err != nil {
		tb.Fatal(err)
	}
	f := &fixture{db: db, clock: &clock{}, box: &mail.Box{Vault: seal, App: "https://app.igny8.test"}}
	start := time.Date(2026, 11, 22, 9, 30, 0, 123_456_000, time.UTC)
	f.clock.at.Store(&start)
	cfg := auth.Config{
		Keys: mustKeys(tb, keysText()), RefreshSecret: []byte("a secret for refresh tokens, in tests"),
		Issuer: issuer, Audience: audience, Hasher: cheap(), Clock: f.clock.Now, Mail: f.box,
		RequestID: func(context.Context) string { return home.RequestID },
	}
	for _, c := range change {
		c(&cfg)
	}
	if f.auth, err = auth.New(f.db.App, cfg); err != nil {
		tb.Fatal(err)
	}
	return f
}

type person struct {
	account gid.Account
	id      gid.User
	email   string
}

// person makes an account on trial with its owner, past all that signing up would do.
func (f *fixture) person(tb testing.TB, email string) person {
	tb.Helper()
	p := person{email: email}
	f.scan(tb, &p.account, `INSERT INTO igny8_tenants (name, slug, plan_id, status)
		SELECT $1, 'a' || currval('igny8_tenants_id_seq'), id, 'trial' FROM igny8_plans, (SELECT nextval('igny8_tenants_id_seq')) n
		WHERE slug = 'free-trial' RETURNING id`, email)
	f.member(tb, &p, account.Owner)
	f.exec(tb, `UPDATE igny8_tenants SET owner_id = $2 WHERE id = $1`, p.account, p.id)
	return p
}

// colleague adds a person to another's account.
func (f *fixture) colleague(t *testing.T, of person, email string, role account.Role) person {
	t.Helper()
	p := person{account: of.account, email: email}
	f.member(t, &p, role)
	return p
}

func (f *fixture) member(tb testing.TB, p *person, role account.Role) {
	tb.Helper()
	f.scan(tb, &p.id, `INSERT INTO igny8_users (tenant_id, email, name, role, password_hash)
		VALUES ($1, $2, 'Somebody', $3, $4) RETURNING id`, p.account, p.email, role, passwordHash())
	f.exec(tb, `INSERT INTO igny8_login_directory (email, tenant_id, user_id) VALUES ($1, $2, $3)`, p.email, p.account, p.id)
}

// exec and scan go past all policies: they arrange and assert.
func (f *fixture) exec(tb testing.TB, sql string, args ...any) {
	tb.Helper()
	if _, err := f.db.Admin.Pool.Exec(tb.Context(), sql, args...); err != nil {
		tb.Fatalf("%s: %v", sql, err)
	}
}

func (f *fixture) scan(tb testing.TB, into any, sql string, args ...any) {
	tb.Helper()
	if err := f.db.Admin.Pool.QueryRow(tb.Context(), sql, args...).Scan(into); err != nil {
		tb.Fatalf("%s: %v", sql, err)
	}
}

func (f *fixture) logIn(tb testing.TB, p person) *auth.Session {
	tb.Helper()
	s, err := f.auth.LogIn(tb.Context(), p.email, password, home)
	if err != nil {
		tb.Fatalf("log %s in: %v", p.email, err)
	}
	return s
}

func (f *fixture) refresh(t *testing.T, token string) *auth.Session {
	t.Helper()
	s, err := f.auth.Refresh(t.Context(), token, home)
	if err != nil {
		t.Fatalf("refresh: %v", err)
	}
	return s
}

func (f *fixture) actor(t *testing.T, r *http.Request) account.Actor {
	t.Helper()
	actor, err := f.auth.Authenticate(r)
	if err != nil {
		t.Fatalf("authenticate: %v", err)
	}
	return actor
}

// signedIn is the actor of an access token, who must be somebody.
func (f *fixture) signedIn(t *testing.T, accessToken string) account.Actor {
	t.Helper()
	actor := f.actor(t, request(t, accessToken))
	if !actor.SignedIn() {
		t.Fatal("the access token signs nobody in")
	}
	return actor
}

// request is a request with an access token, or with none where it is empty.
func request(t *testing.T, accessToken string) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/graphql", strings.NewReader(`{}`))
	if accessToken != "" {
		r.Header.Set("Authorization", "Bearer "+accessToken)
	}
	return r
}

func wantCode(t *testing.T, err error, code fault.Code, field ...string) {
	t.Helper()
	faults := fault.Of(err)
	if len(faults) != 1 || faults[0].Code != code || fmt.Sprint(faults[0].Field) != fmt.Sprint(field) {
		t.Fatalf("error %v, want %s at %v", err, code, field)
	}
}

// auditEvents are the actions of an account's events, oldest first.
func (f *fixture) auditEvents(t *testing.T, tenant gid.Account) []string {
	t.Helper()
	var actions []string
	f.scan(t, &actions, `SELECT coalesce(array_agg(action || coalesce(' ' || (after->>'reason'), '') || ' by ' || actor_kind ORDER BY id), '{}')
		FROM igny8_audit_events WHERE tenant_id = $1`, tenant)
	return actions
}

// untilWaiting waits until a statement of the application waits for a lock.
func (f *fixture) untilWaiting(t *testing.T) {
	t.Helper()
	tick, patience := time.NewTicker(time.Millisecond), time.After(10*time.Second)
	defer tick.Stop()
	for {
		var waiting bool
		f.scan(t, &waiting, `SELECT EXISTS (SELECT FROM pg_stat_activity
			WHERE datname = current_database() AND usename = 'igny8_app' AND wait_event_type = 'Lock')`)
		if waiting {
			return
		}
		select {
		case <-tick.C:
		case <-patience:
			t.Fatal("nothing waits for a lock")
		}
	}
}
