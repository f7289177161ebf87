package auth_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"igny8.com/accounts/internal/apikey"
	"igny8.com/accounts/internal/auth"
	"igny8.com/accounts/internal/postgres/pgtest"
)

func TestAuthenticate_TakesKeysForNobodysWithoutAVault(t *testing.T) {
	t.Parallel()
	p := newPartners(t, func(cfg *auth.Config) { cfg.Vault = nil })
	ctx, statements := pgtest.CountQueries(t.Context())
	if actor := p.actor(t, withKey(t, p.keys[0]).WithContext(ctx)); !nobody(actor) || statements.N() != 0 {
		t.Errorf("%+v after %q", actor, statements.Statements())
	}
}

func TestAuthenticate_TakesLegacyKeysInOneLookUp(t *testing.T) {
	t.Parallel()
	p := newPartners(t)
	const value = "3f9c2b7e-legacy-key-of-wordpress"
	key, err := apikey.Import(t.Context(), p.db.App, p.vault, p.clock.Now(), p.owner.AccountID(), p.of[1], value)
	if err != nil {
		t.Fatal(err)
	}
	if actor := p.as(t, value); actor.Key == nil || actor.Key.ID != key.ID || !actor.Key.Legacy {
		t.Fatalf("%+v", actor.Key)
	}
	for guess, most := range map[string]int{value: 1, value + "x": 1, value[1:]: 1, strings.ToUpper(value): 1} {
		ctx, statements := pgtest.CountQueries(t.Context())
		actor := p.actor(t, withKey(t, guess).WithContext(ctx))
		if (actor.Key != nil) != (guess == value) || statements.N() != most {
			t.Errorf("%s: %+v after %q", guess, actor.Key, statements.Statements())
		}
	}
	if _, err := apikey.Revoke(p.ctx(t), p.db.App, p.owner, p.clock.Now(), key.ID); err != nil {
		t.Fatal(err)
	}
	if !nobody(p.as(t, value)) {
		t.Error("a revoked legacy key works")
	}
}

// What cannot be written about a key's use costs no request its answer, nor the next ones their time.
func TestAuthenticate_SucceedsThoughTheUseCannotBeWritten(t *testing.T) {
	t.Parallel()
	var logged bytes.Buffer
	p := newPartners(t, func(cfg *auth.Config) { cfg.Logger = slog.New(slog.NewTextHandler(&logged, nil)) })
	p.exec(t, `REVOKE UPDATE ON igny8_site_api_keys FROM igny8_app`)
	for i, want := range []int{3, 2} {
		ctx, statements := pgtest.CountQueries(t.Context())
		if p.actor(t, withKey(t, p.keys[i]).WithContext(ctx)).Key == nil {
			t.Error("the request was refused")
		}
		if statements.N() != want {
			t.Errorf("request %d: %d statements: %q", i, statements.N(), statements.Statements())
		}
	}
	if text := logged.String(); strings.Count(text, "the use of an API key was not written") != 1 || strings.Contains(text, p.keys[0][24:56]) {
		t.Errorf("logged: %s", text)
	}
	p.exec(t, `GRANT UPDATE ON igny8_site_api_keys TO igny8_app`)
	p.clock.Advance(10 * time.Second)
	p.as(t, p.keys[0])
	var used bool
	p.scan(t, &used, `SELECT last_used_at IS NOT NULL FROM igny8_site_api_keys WHERE id = $1`, p.made.ID)
	if !used {
		t.Error("the use is not written later either")
	}
}

// A table that cannot be written at the moment must not hold up who only notes a use.
func TestAuthenticate_WaitsALittleWhileForTheUseToBeWritten(t *testing.T) {
	t.Parallel()
	p := newPartners(t)
	tx, err := p.db.Admin.Pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }()
	if _, err := tx.Exec(t.Context(), "LOCK TABLE igny8_site_api_keys IN SHARE MODE"); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if p.as(t, p.keys[0]).Key == nil {
		t.Error("the request was refused")
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("the request took %s", took)
	}
}

func TestMiddleware_AnswersUnavailableWhenTheDatabaseCannotBeAskedForAKey(t *testing.T) {
	t.Parallel()
	var logged bytes.Buffer
	p := newPartners(t, func(cfg *auth.Config) { cfg.Logger = slog.New(slog.NewTextHandler(&logged, nil)) })
	p.as(t, p.keys[0]) // and from then on one statement
	for _, c := range []struct{ key, statement int }{{0, 1}, {1, 1}, {1, 2}} {
		r := withKey(t, p.keys[c.key])
		ctx, killer := pgtest.KillBefore(t, r.Context(), c.statement)
		w := httptest.NewRecorder()
		p.auth.Middleware(http.HandlerFunc(p.mySites)).ServeHTTP(w, r.WithContext(ctx))
		if _, fired := killer.Fired(); !fired || w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), `"code":"UNAVAILABLE"`) {
			t.Errorf("killed before statement %d: %d %s", c.statement, w.Code, w.Body)
		}
	}
	if strings.Contains(logged.String(), p.keys[0][24:56]) {
		t.Errorf("logged: %s", logged.String())
	}
}

func BenchmarkAuthenticate_ByKey(b *testing.B) {
	p := newPartners(b)
	r := httptest.NewRequestWithContext(b.Context(), http.MethodPost, "/graphql", nil)
	r.Header.Set("X-API-Key", p.keys[0])
	b.ReportAllocs()
	for b.Loop() {
		if actor, err := p.auth.Authenticate(r); err != nil || actor.Key == nil {
			b.Fatal(actor, err)
		}
	}
}
