package graph

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/auth"
	"igny8.com/accounts/internal/billing"
	"igny8.com/accounts/internal/gqlhttp"
	"igny8.com/accounts/internal/live"
	"igny8.com/accounts/internal/mail"
	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/postgres/pgtest"
	"igny8.com/accounts/internal/stripe"
	"igny8.com/accounts/internal/stripe/stripetest"
	"igny8.com/accounts/internal/throttle"
	"igny8.com/accounts/internal/vault"
	"igny8.com/accounts/internal/wordpress"
)

const password = "violet-harbour-41-lantern"

// api is a server of the whole API on a database of its own.
type api struct {
	t     testing.TB
	db    *pgtest.DB
	url   string
	clock *clock
	log   *bytes.Buffer
	// resolver and the schema with its doors are what the server is made of.
	resolver *Resolver
	schema   Config
	// fake is the Stripe that is asked.
	fake *stripetest.Fake
}

// clock is the server's time, which a test sets forward. It never shows the same instant twice, so that
// what takes one reading for another is seen.
type clock struct{ nanos atomic.Int64 }

func (c *clock) now() time.Time          { return time.Unix(0, c.nanos.Add(int64(time.Millisecond))).UTC() }
func (c *clock) forward(d time.Duration) { c.nanos.Add(int64(d)) }
func (c *clock) day(days int) string     { return c.now().AddDate(0, 0, days).Format(time.DateOnly) }

func instantOf(tb testing.TB, s any) time.Time {
	tb.Helper()
	at, err := time.Parse(time.RFC3339Nano, fmt.Sprint(s))
	if err != nil {
		tb.Fatal(err)
	}
	return at
}

// option changes how the API under test is put together.
type option func(r *Resolver, schema *Config, middleware *func(http.Handler) http.Handler)

func serve(tb testing.TB, options ...option) *api {
	tb.Helper()
	db := pgtest.New(tb)
	return serveOn(tb, db, options...)
}

func serveOn(tb testing.TB, db *pgtest.DB, options ...option) *api {
	tb.Helper()
	a := &api{t: tb, db: db, clock: &clock{}, log: &bytes.Buffer{}}
	a.clock.nanos.Store(time.Now().UnixNano())
	seed, err := auth.GenerateKey()
	if err != nil {
		tb.Fatal(err)
	}
	keys, err := auth.ParseKeys(seed)
	if err != nil {
		tb.Fatal(err)
	}
	hasher, err := auth.NewHasher(auth.Cost{MemoryKiB: 1024, Iterations: 1})
	if err != nil {
		tb.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(&lockedWriter{w: a.log}, nil))
	sealing, err := vault.Parse(vault.Generate())
	if err != nil {
		tb.Fatal(err)
	}
	box := &mail.Box{Vault: sealing, App: "https://app.test"}
	authority, err := auth.New(db.App, auth.Config{
		Keys: keys, RefreshSecret: bytes.Repeat([]byte("refresh!secret"), 3), Issuer: "https://accounts.test", Audience: "accounts",
		Hasher: hasher, Clock: a.clock.now, Logger: log, Mail: box, Vault: sealing,
	})
	if err != nil {
		tb.Fatal(err)
	}
	policy := throttle.DefaultPolicy()
	policy.Disabled = true
	gate, err := throttle.NewGate(throttle.NewMemory(), policy)
	if err != nil {
		tb.Fatal(err)
	}
	inFlight, err := throttle.NewInFlight(1000, 1000)
	if err != nil {
		tb.Fatal(err)
	}
	r := &Resolver{
		Mail: box, Vault: sealing, Gate: gate, InFlight: inFlight, Wake: func() {}, WordPress: wordpress.New(sealing, wordpress.Config{}), Hub: live.NewHub(),
		DB: db.App, Auth: authority, Hasher: hasher, Log: log, Clock: a.clock.now, TestClocks: true,
		Seller: billing.Party{Name: "IGNY8 Ltd", Address: "1 Long Lane", TaxID: "GB123456789"}, PublicURL: "https://accounts.example.com",
		Bank: billing.BankDetails{Instructions: "Account 12345678 at the Test Bank.", Deadline: 14 * 24 * time.Hour},
	}
	a.fake = stripetest.New(tb, a.clock.now())
	r.Stripe = stripe.New(stripe.Config{SecretKey: stripetest.Key, WebhookSecrets: []string{stripetest.Secret}, APIURL: a.fake.URL}, db.App, r.office(), log)
	schema, middleware := r.schema(), authority.Middleware
	for _, o := range options {
		o(r, &schema, &middleware)
	}
	a.resolver, a.schema = r, schema
	// Who watches here is told how things are when they begin, and of no change: see watch for that.
	beginning := r.Live(gqlhttp.LiveConfig{LiveLimits: gqlhttp.LiveLimits{Recheck: time.Hour, AccountStreams: 1000}})
	server := httptest.NewServer(middleware(handler(r, schema, gqlhttp.Config{Timeout: 30 * time.Second, Live: beginning})))
	tb.Cleanup(func() {
		server.Close()
		if tb.Failed() {
			tb.Logf("the server's log:\n%s", a.log)
		}
	})
	a.url = server.URL
	return a
}

type lockedWriter struct {
	w  io.Writer
	mu sync.Mutex
}

func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

// raw posts an operation and returns the body as it came.
func (a *api) raw(ctx context.Context, token, query string, variables map[string]any) string {
	a.t.Helper()
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		a.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.url, bytes.NewReader(body))
	if err != nil {
		a.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		a.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		a.t.Fatal(err)
	}
	if cookies := resp.Header.Values("Set-Cookie"); len(cookies) > 0 {
		a.t.Errorf("cookies were set: %v", cookies)
	}
	return string(text)
}

// answer is what came back.
type answer struct {
	t      testing.TB
	text   string
	Data   map[string]any
	Errors []struct {
		Message    string
		Path       []any
		Extensions map[string]any
	}
}

func (a *api) do(token, query string, variables map[string]any) *answer {
	a.t.Helper()
	ans := &answer{t: a.t, text: a.raw(a.t.Context(), token, query, variables)}
	if err := json.Unmarshal([]byte(ans.text), ans); err != nil {
		a.t.Fatalf("%v in %s", err, ans.text)
	}
	return ans
}

// get reads a value of data by a dotted path; list elements by number.
func (ans *answer) get(path string) any {
	ans.t.Helper()
	var v any = ans.Data
	for part := range strings.SplitSeq(path, ".") {
		switch x := v.(type) {
		case map[string]any:
			v = x[part]
		case []any:
			var i int
			if _, err := fmt.Sscan(part, &i); err != nil || i >= len(x) {
				ans.t.Fatalf("no %s in %s", path, ans.text)
			}
			v = x[i]
		default:
			ans.t.Fatalf("no %s in %s", path, ans.text)
		}
	}
	return v
}

func (ans *answer) want(path string, value any) *answer {
	ans.t.Helper()
	if got := ans.get(path); fmt.Sprint(got) != fmt.Sprint(value) {
		ans.t.Errorf("%s is %v, want %v; in %s", path, got, value, ans.text)
	}
	return ans
}

func (ans *answer) ok() *answer {
	ans.t.Helper()
	if len(ans.Errors) > 0 {
		ans.t.Fatalf("errors: %s", ans.text)
	}
	return ans
}

// refused checks that the one top-level error has the code.
func (ans *answer) refused(code string) *answer {
	ans.t.Helper()
	if len(ans.Errors) != 1 || ans.Errors[0].Extensions["code"] != code {
		ans.t.Errorf("want %s, got %s", code, ans.text)
	}
	return ans
}

// session is somebody who is signed in.
type session struct {
	*api
	token, refresh string
}

func (s *session) do(query string, variables map[string]any) *answer {
	s.t.Helper()
	return s.api.do(s.token, query, variables)
}

const signUpMutation = `mutation($in: SignUpInput!) { signUp(input: $in) {
	session { accessToken refreshToken expiresAt } userErrors { message field code } } }`

func (a *api) signUp(email, name string) *session {
	a.t.Helper()
	ans := a.do("", signUpMutation, map[string]any{"in": map[string]any{"email": email, "password": password, "name": name}}).ok()
	if ans.get("signUp.session") == nil {
		a.t.Fatalf("not signed up: %s", ans.text)
	}
	return &session{a, ans.get("signUp.session.accessToken").(string), ans.get("signUp.session.refreshToken").(string)}
}

const logInMutation = `mutation($in: LogInInput!) { logIn(input: $in) {
	session { accessToken refreshToken expiresAt } userErrors { message field code } } }`

func (a *api) logIn(email string) *session {
	a.t.Helper()
	ans := a.do("", logInMutation, map[string]any{"in": map[string]any{"email": email, "password": password}}).ok()
	if ans.get("logIn.session") == nil {
		a.t.Fatalf("not signed in: %s", ans.text)
	}
	return &session{a, ans.get("logIn.session.accessToken").(string), ans.get("logIn.session.refreshToken").(string)}
}

// staff signs up an account and makes its owner a member of staff, as only the database can.
func (a *api) staff() *session {
	a.t.Helper()
	s := a.signUp("staff@example.com", "Staff Member")
	a.exec(`UPDATE igny8_users SET role = 'developer' WHERE email = 'staff@example.com'`)
	return s
}

// exec changes the database past all walls.
func (a *api) exec(statement string, args ...any) {
	a.t.Helper()
	if _, err := a.db.Admin.NewRaw(statement, args...).Exec(a.t.Context()); err != nil {
		a.t.Fatal(err)
	}
}

// scan reads the database past all walls.
func scan[T any](a *api, query string, args ...any) T {
	a.t.Helper()
	var v T
	if err := a.db.Admin.NewRaw(query, args...).Scan(a.t.Context(), &v); err != nil {
		a.t.Fatal(err)
	}
	return v
}

// member adds a person of the role to the session's account, who signs in with the same password.
func (s *session) member(email string, role account.Role) *session {
	s.t.Helper()
	id := s.accountNumber()
	s.exec(`WITH person AS (
			INSERT INTO igny8_users (tenant_id, email, name, role, password_hash)
			SELECT tenant_id, ?, 'Member', ?, password_hash FROM igny8_users WHERE tenant_id = ? AND role IN ('owner', 'developer') LIMIT 1
			RETURNING tenant_id, id, email)
		INSERT INTO igny8_login_directory (email, tenant_id, user_id) SELECT email, tenant_id, id FROM person`, email, role, id)
	return s.logIn(email)
}

func (s *session) accountID() string {
	s.t.Helper()
	return s.do(`{ viewer { account { id } } }`, nil).ok().get("viewer.account.id").(string)
}

func (s *session) accountNumber() int64 {
	s.t.Helper()
	var n int64
	if _, err := fmt.Sscanf(s.accountID(), "acct_%d", &n); err != nil {
		s.t.Fatal(err)
	}
	return n
}

func (a *api) setPlan(s *session, slug string) {
	a.t.Helper()
	a.exec(`UPDATE igny8_tenants SET plan_id = (SELECT id FROM igny8_plans WHERE slug = ?) WHERE id = ?`, slug, s.accountNumber())
}

func input(fields map[string]any) map[string]any { return map[string]any{"in": fields} }

// withDB lets the API read and write through another database handle.
func withDB(db *postgres.DB) option {
	return func(r *Resolver, _ *Config, _ *func(http.Handler) http.Handler) { r.DB = db }
}
