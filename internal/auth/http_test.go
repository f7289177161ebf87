package auth_test

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
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/auth"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/plan"
	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/postgres/pgtest"
)

// whoami answers with who makes the request and whose rows its statements see.
func whoami(w http.ResponseWriter, r *http.Request) {
	actor := account.ActorFrom(r.Context())
	tenant, _ := postgres.Tenant(r.Context())
	answer := map[string]any{"scope": tenant, "origin": actor.Origin}
	if err := actor.Enter(account.Door{Minimum: account.Viewer, For: account.Read}); err != nil {
		answer["error"] = err.Error()
	} else {
		answer["user"], answer["account"], answer["role"] = actor.User.ID, actor.Account.ID, actor.User.Role
	}
	_ = json.NewEncoder(w).Encode(answer)
}

// answer is the whole answer of a server behind the middleware, headers included.
func answer(t *testing.T, f *fixture, r *http.Request) string {
	t.Helper()
	w := httptest.NewRecorder()
	f.auth.Middleware(http.HandlerFunc(whoami)).ServeHTTP(w, r)
	var text strings.Builder
	if err := w.Result().Write(&text); err != nil {
		t.Fatal(err)
	}
	if w.Header().Get("Set-Cookie") != "" {
		t.Errorf("a cookie was set: %s", text.String())
	}
	return text.String()
}

func TestMiddleware_NeverCountsACookie(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ann := f.person(t, "ann@example.com")
	system := f.person(t, "dev@example.com")
	f.exec(t, `UPDATE igny8_users SET role = 'developer' WHERE tenant_id = $1`, system.account)
	tenant, staff := f.logIn(t, ann).AccessToken, f.logIn(t, system).AccessToken
	withCookies := func(r *http.Request) *http.Request {
		for _, name := range []string{"Authorization", "access_token", "sessionid", "token", "jwt"} {
			r.AddCookie(&http.Cookie{Name: name, Value: staff})
			r.AddCookie(&http.Cookie{Name: name, Value: "Bearer " + staff})
		}
		return r
	}
	alone := answer(t, f, request(t, tenant))
	if !strings.Contains(alone, `"role":"owner"`) {
		t.Fatalf("the tenant's token alone answers %s", alone)
	}
	if got := answer(t, f, withCookies(request(t, tenant))); got != alone {
		t.Errorf("with a staff member's cookie:\n%s\nwithout:\n%s", got, alone)
	}
	if got, nobody := answer(t, f, withCookies(request(t, ""))), answer(t, f, request(t, "")); got != nobody {
		t.Errorf("a cookie alone:\n%s\nnothing:\n%s", got, nobody)
	}
}

func TestMiddleware_GivesTheRequestItsActorAndTheScopeOfTheirAccount(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ann := f.person(t, "ann@example.com")
	token := f.logIn(t, ann).AccessToken
	for given, want := range map[string]string{
		token: fmt.Sprintf(`"account":%d,"origin":{"IP":"192.0.2.1","UserAgent":"","RequestID":"req-1"},"role":"owner","scope":%[1]d,"user":%d}`, ann.account, ann.id),
		"":    `"origin":{"IP":"192.0.2.1","UserAgent":"","RequestID":"req-1"},"scope":0}`,
	} {
		r := request(t, given)
		// Whatever scope the request came with is not its actor's.
		if got := answer(t, f, r.WithContext(postgres.WithTenant(r.Context(), 987_654))); !strings.Contains(got, want) {
			t.Errorf("answered %s, want %s", got, want)
		}
	}
}

func TestMiddleware_ReadsOneAuthorizationHeaderAndNothingElse(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	token := f.logIn(t, f.person(t, "ann@example.com")).AccessToken
	nobody := answer(t, f, request(t, ""))
	somebody := answer(t, f, request(t, token))
	for name, c := range map[string]struct {
		change func(r *http.Request)
		good   bool
	}{
		"bearer in small letters": {func(r *http.Request) { r.Header.Set("Authorization", "bearer "+token) }, true},
		"bearer in capitals":      {func(r *http.Request) { r.Header.Set("Authorization", "BEARER "+token) }, true},
		"two spaces":              {func(r *http.Request) { r.Header.Set("Authorization", "Bearer  "+token) }, true},
		"no scheme":               {func(r *http.Request) { r.Header.Set("Authorization", token) }, false},
		"no space":                {func(r *http.Request) { r.Header.Set("Authorization", "Bearer"+token) }, false},
		"a tab":                   {func(r *http.Request) { r.Header.Set("Authorization", "Bearer\t"+token) }, false},
		"no token":                {func(r *http.Request) { r.Header.Set("Authorization", "Bearer ") }, false},
		"Basic":                   {func(r *http.Request) { r.Header.Set("Authorization", "Basic "+token) }, false},
		"JWT":                     {func(r *http.Request) { r.Header.Set("Authorization", "JWT "+token) }, false},
		"the header twice": {func(r *http.Request) {
			r.Header["Authorization"] = []string{"Bearer " + token, "Bearer " + token}
		}, false},
		"an empty one beside it": {func(r *http.Request) {
			r.Header["Authorization"] = []string{"", "Bearer " + token}
		}, false},
		"another header": {func(r *http.Request) {
			for _, h := range []string{"Proxy-Authorization", "X-Authorization", "X-Access-Token", "X-Forwarded-Authorization", "X-Api-Key"} {
				r.Header.Set(h, "Bearer "+token)
			}
		}, false},
		"the query": {func(r *http.Request) {
			r.URL.RawQuery = "access_token=" + token + "&token=" + token + "&authorization=Bearer%20" + token
		}, false},
		"the body": {func(r *http.Request) {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Body = io.NopCloser(strings.NewReader("access_token=" + token))
		}, false},
		"the user of the URL": {func(r *http.Request) { r.URL.User = nil; r.Host = token + "@example.com" }, false},
	} {
		r := request(t, "")
		c.change(r)
		want := nobody
		if c.good {
			want = somebody
		}
		if got := answer(t, f, r); got != want {
			t.Errorf("%s:\n%s\nwant:\n%s", name, got, want)
		}
	}
}

func TestAuthenticate_ReadsEverythingInOneStatementAsTheDatabaseHasIt(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ann := f.person(t, "ann@example.com")
	f.exec(t, `UPDATE igny8_users SET email_verified_at = now(), restore_until = NULL WHERE tenant_id = $1`, ann.account)
	f.exec(t, `UPDATE igny8_tenants SET status_reason = 'because', billing_email = 'bills@example.com', billing_address = '{"city": "Lahore"}',
		stripe_customer_id = 'cus_1', is_system = true, deletion_retention_days = 30 WHERE id = $1`, ann.account)
	token := f.logIn(t, ann).AccessToken

	ctx, statements := pgtest.CountQueries(t.Context())
	got, err := f.auth.Authenticate(request(t, token).WithContext(ctx))
	if err != nil {
		t.Fatal(err)
	}
	if statements.N() != 1 {
		t.Errorf("%d statements: %q", statements.N(), statements.Statements())
	}

	inside := postgres.WithTenant(t.Context(), int64(ann.account))
	users, err := account.UsersByIDs(inside, f.db.App, ann.account, []gid.User{ann.id})
	if err != nil {
		t.Fatal(err)
	}
	accounts, err := account.ByIDs(inside, f.db.App, []gid.Account{ann.account})
	if err != nil {
		t.Fatal(err)
	}
	plans, err := plan.ByIDs(inside, f.db.App, []gid.Plan{accounts[0].PlanID})
	if err != nil {
		t.Fatal(err)
	}
	users[0].PasswordHash = nil // stays in the database
	accounts[0].System = true   // which a model's select may leave out
	want := account.Actor{
		User: users[0], Account: accounts[0], Plan: plans[0], SessionID: got.SessionID,
		Origin: account.Origin{IP: "192.0.2.1", RequestID: home.RequestID},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreTypes(bun.BaseModel{}), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("what bun reads (-) and the actor (+):\n%s", diff)
	}
	if got.SessionID == 0 {
		t.Error("the actor has no session")
	}
}

func TestAuthenticate_SeesAtTheNextRequestWhatChanged(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ann := f.person(t, "ann@example.com")
	for name, c := range map[string]struct {
		sql  string
		seen func(account.Actor) bool
	}{
		"role": {`UPDATE igny8_users SET role = 'viewer' WHERE tenant_id = $1`, func(a account.Actor) bool { return a.User.Role == account.Viewer }},
		"status": {
			`UPDATE igny8_tenants SET status = 'suspended' WHERE id = $1`,
			func(a account.Actor) bool { return a.Account.Status == account.Suspended },
		},
		"plan":            {`UPDATE igny8_tenants SET plan_id = 4 WHERE id = $1`, func(a account.Actor) bool { return a.Plan.Slug == "growth" }},
		"user deleted":    {`UPDATE igny8_users SET deleted_at = now(), restore_until = now() WHERE tenant_id = $1`, nobody},
		"account deleted": {`UPDATE igny8_tenants SET deleted_at = now(), restore_until = now() WHERE id = $1`, nobody},
		"session revoked": {`UPDATE igny8_sessions SET revoked_at = now(), revoked_reason = 'role' WHERE tenant_id = $1`, nobody},
		"session over":    {`UPDATE igny8_sessions SET expires_at = '2026-11-22 09:30:00.123456+00' WHERE tenant_id = $1`, nobody},
	} {
		f.exec(t, `UPDATE igny8_users SET role = 'owner', deleted_at = NULL, restore_until = NULL WHERE tenant_id = $1`, ann.account)
		f.exec(t, `UPDATE igny8_tenants SET status = 'trial', plan_id = 7, deleted_at = NULL, restore_until = NULL WHERE id = $1`, ann.account)
		token := f.logIn(t, ann).AccessToken
		if c.seen(f.signedIn(t, token)) {
			t.Errorf("%s: seen before it changed", name)
		}
		f.exec(t, c.sql, ann.account)
		if !c.seen(f.actor(t, request(t, token))) {
			t.Errorf("%s: not seen at the next request", name)
		}
	}
}

func nobody(a account.Actor) bool {
	return !a.SignedIn() && a.Account == nil && a.Plan == nil && a.SessionID == 0
}

func TestMiddleware_AnswersUnavailableWhenTheDatabaseCannotBeAsked(t *testing.T) {
	t.Parallel()
	var logged bytes.Buffer
	f := newFixture(t, func(cfg *auth.Config) { cfg.Logger = slog.New(slog.NewTextHandler(&logged, nil)) })
	token := f.logIn(t, f.person(t, "ann@example.com")).AccessToken
	for accept, mediaType := range map[string]string{
		"": "application/json; charset=utf-8",
		"application/graphql-response+json, application/json;q=0.9": "application/graphql-response+json; charset=utf-8",
	} {
		r := request(t, token)
		r.Header.Set("Accept", accept)
		ctx, _ := pgtest.KillBefore(t, r.Context(), 1)
		w := httptest.NewRecorder()
		f.auth.Middleware(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			t.Error("the request went on, as nobody's")
		})).ServeHTTP(w, r.WithContext(ctx))
		if w.Code != http.StatusServiceUnavailable || w.Header().Get("Content-Type") != mediaType || w.Header().Get("Retry-After") != "1" {
			t.Errorf("answered %d with %v", w.Code, w.Header())
		}
		const want = `{"errors":[{"message":"we cannot tell who you are at the moment: try again","extensions":{"code":"UNAVAILABLE","retryable":true}}]}`
		if got := w.Body.String(); got != want {
			t.Errorf("body %s, want %s", got, want)
		}
	}
	if !strings.Contains(logged.String(), "request not authenticated") || strings.Contains(logged.String(), token) {
		t.Errorf("logged: %s", logged.String())
	}
	f.signedIn(t, token)
}

func TestAuthenticate_KeepsOfAUserAgentWhatCanBeShown(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(cfg *auth.Config) { cfg.ClientIP = func(*http.Request) string { return "198.51.100.4" } })
	for given, want := range map[string]string{
		"Mozilla/5.0 (Ünïcode)":        "Mozilla/5.0 (Ünïcode)",
		"curl\x00\x1b[31m/8\xff\xfe\n": "curl[31m/8",
		strings.Repeat("é", 5000):      strings.Repeat("é", 256),
	} {
		r := request(t, "")
		r.Header.Set("User-Agent", given)
		actor := f.actor(t, r)
		if got := actor.Origin; got != (account.Origin{IP: "198.51.100.4", UserAgent: want, RequestID: home.RequestID}) {
			t.Errorf("origin %+v", got)
		}
	}
}

// The bound on a request's own time must reach the statement that finds its actor.
func TestAuthenticate_WaitsForTheDatabaseNoLongerThanTheRequest(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	token := f.logIn(t, f.person(t, "ann@example.com")).AccessToken
	tx, err := f.db.Admin.Pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(t.Context()) }()
	if _, err := tx.Exec(t.Context(), "LOCK TABLE igny8_sessions IN ACCESS EXCLUSIVE MODE"); err != nil {
		t.Fatal(err)
	}
	r := request(t, token)
	ctx, cancel := context.WithTimeout(r.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := f.auth.Authenticate(r.WithContext(ctx)); err == nil {
		t.Error("an actor was found although the sessions were locked")
	}
}
