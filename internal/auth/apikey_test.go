package auth_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/apikey"
	"igny8.com/accounts/internal/auth"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/plan"
	"igny8.com/accounts/internal/postgres/pgtest"
	"igny8.com/accounts/internal/site"
	"igny8.com/accounts/internal/vault"
)

func TestMiddleware_LetsAKeySeeItsOneSiteAsAutomation(t *testing.T) {
	t.Parallel()
	p := newPartners(t)
	for i, key := range p.keys {
		if got, want := p.asks(t, withKey(t, key)), fmt.Sprintf(`{"role":"system_bot","sites":[%d]}`, p.of[i]); got != want {
			t.Errorf("key %d answers %s, want %s", i, got, want)
		}
	}
	token := p.logIn(t, person{email: "ann@example.com"}).AccessToken
	if got, want := p.asks(t, request(t, token)), fmt.Sprintf(`{"role":"owner","sites":[%d,%d]}`, p.of[0], p.of[1]); got != want {
		t.Errorf("the owner answers %s, want %s", got, want)
	}
	for _, door := range []account.Door{
		{Minimum: account.Viewer, For: account.Read},
		{Minimum: account.Viewer, For: account.Write, Key: account.Credits},
	} {
		wantCode(t, p.as(t, p.keys[0]).Enter(door), "FORBIDDEN")
	}
}

func TestAuthenticate_ReadsEverythingOfAKeyInOneStatement(t *testing.T) {
	t.Parallel()
	p := newPartners(t)
	p.exec(t, `UPDATE igny8_tenants SET status_reason = 'because', billing_email = 'bills@example.com', billing_address = '{"city": "Lahore"}' WHERE id = $1`,
		p.owner.AccountID())
	expiring, secret := p.newKey(t, p.of[0], new(p.clock.Now().Add(time.Hour)))
	if _, _, err := apikey.Rotate(p.ctx(t), p.db.App, p.vault, p.owner, p.clock.Now(), expiring.ID, new(time.Minute)); err != nil {
		t.Fatal(err)
	}
	// The first use also looks the key up and is noted.
	first, count := pgtest.CountQueries(t.Context())
	if _, err := p.auth.Authenticate(withKey(t, secret).WithContext(first)); err != nil || count.N() != 3 {
		t.Errorf("first %d statements: %q, %v", count.N(), count.Statements(), err)
	}
	ctx, statements := pgtest.CountQueries(t.Context())
	got, err := p.auth.Authenticate(withKey(t, secret).WithContext(ctx))
	if err != nil {
		t.Fatal(err)
	}
	if statements.N() != 1 {
		t.Errorf("%d statements: %q", statements.N(), statements.Statements())
	}
	accounts, err := account.ByIDs(p.ctx(t), p.db.App, []gid.Account{p.owner.AccountID()})
	if err != nil {
		t.Fatal(err)
	}
	plans, err := plan.ByIDs(p.ctx(t), p.db.App, []gid.Plan{accounts[0].PlanID})
	if err != nil {
		t.Fatal(err)
	}
	keys, err := apikey.ByIDs(p.ctx(t), p.db.App, site.ReachOf(p.owner), []gid.APIKey{expiring.ID})
	if err != nil {
		t.Fatal(err)
	}
	want := account.Actor{Key: keys[0], Account: accounts[0], Plan: plans[0], Origin: account.Origin{IP: "192.0.2.1", RequestID: home.RequestID}}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreTypes(bun.BaseModel{}), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("what bun reads (-) and the actor (+):\n%s", diff)
	}
	if got.Key.LastUsedAt == nil || got.Key.RotatedTo == nil || got.Key.Hash != nil {
		t.Errorf("the actor's key is %+v", got.Key)
	}
}

func TestAuthenticate_SeesAtTheNextRequestWhatBecameOfAKey(t *testing.T) {
	t.Parallel()
	p := newPartners(t)
	one, key := p.of[0], p.keys[0]
	tenant := p.owner.AccountID()
	for name, c := range map[string]struct{ change, undo string }{
		"revoked":         {`UPDATE igny8_site_api_keys SET revoked_at = now() WHERE site_id = $1`, `UPDATE igny8_site_api_keys SET revoked_at = NULL WHERE site_id = $1`},
		"expired now":     {`UPDATE igny8_site_api_keys SET expires_at = '2026-11-22 09:30:00.123456+00' WHERE site_id = $1`, `UPDATE igny8_site_api_keys SET expires_at = NULL WHERE site_id = $1`},
		"site deleted":    {`UPDATE igny8_sites SET deleted_at = now(), restore_until = now() WHERE id = $1`, `UPDATE igny8_sites SET deleted_at = NULL, restore_until = NULL WHERE id = $1`},
		"account deleted": {`UPDATE igny8_tenants SET deleted_at = now(), restore_until = now() WHERE id = (SELECT tenant_id FROM igny8_sites WHERE id = $1)`, `UPDATE igny8_tenants SET deleted_at = NULL, restore_until = NULL WHERE id = (SELECT tenant_id FROM igny8_sites WHERE id = $1)`},
	} {
		if p.as(t, key).Key == nil {
			t.Fatalf("%s: the key does not work before", name)
		}
		p.exec(t, c.change, one)
		if !nobody(p.as(t, key)) {
			t.Errorf("%s: the key works", name)
		}
		if got, want := p.asks(t, withKey(t, key)), p.asks(t, request(t, "")); got != want {
			t.Errorf("%s: answers %s, nobody gets %s", name, got, want)
		}
		p.exec(t, c.undo, one)
	}
	p.exec(t, `UPDATE igny8_site_api_keys SET expires_at = '2026-11-22 09:30:00.123457+00' WHERE site_id = $1`, one)
	if p.as(t, key).Key == nil {
		t.Error("a key is refused before it expires")
	}
	// The commands of this service reach the next request too.
	if _, err := apikey.Revoke(p.ctx(t), p.db.App, p.owner, p.clock.Now(), p.made.ID); err != nil {
		t.Fatal(err)
	}
	if !nobody(p.as(t, key)) || p.as(t, p.keys[1]).Key == nil {
		t.Errorf("account %d: the wrong keys work after one was revoked", tenant)
	}
}

func TestMiddleware_HoldsKeysToTheGateOfTheAccount(t *testing.T) {
	t.Parallel()
	p := newPartners(t)
	p.exec(t, `UPDATE igny8_plans SET is_active = true`)
	for status, want := range map[string]string{
		"trial": "sites", "active": "sites", "pending_payment": "sites",
		"suspended": "ACCOUNT_SUSPENDED", "cancelled": "ACCOUNT_CANCELLED",
	} {
		p.exec(t, `UPDATE igny8_tenants SET status = $2 WHERE id = $1`, p.owner.AccountID(), status)
		if got := p.asks(t, withKey(t, p.keys[0])); !strings.Contains(got, want) {
			t.Errorf("%s: answers %s, want %s", status, got, want)
		}
		write := account.Door{Minimum: account.Editor, For: account.Write, Key: account.SitesRead}
		if err := p.as(t, p.keys[0]).Enter(write); (err == nil) != (status == "trial" || status == "active") {
			t.Errorf("%s: writing gives %v", status, err)
		}
	}
}

func TestMiddleware_RefusesKeysFromTheCommitOfASuspensionOn(t *testing.T) {
	t.Parallel()
	p := newPartners(t)
	committed := make(chan struct{}) // closed once the suspension's commit has returned
	type outcome struct {
		after bool // the request began after the commit
		ok    bool
	}
	outcomes := make(chan outcome, 1<<16)
	enough := make(chan struct{}, 1<<16)
	stop := make(chan struct{})
	workers := make(chan struct{})
	const load = 8
	for i := range load {
		go func() {
			defer func() { workers <- struct{}{} }()
			for {
				select {
				case <-stop:
					return
				default:
				}
				o := outcome{}
				select {
				case <-committed:
					o.after = true
				default:
				}
				w := httptest.NewRecorder()
				r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/graphql", nil)
				r.Header.Set("X-API-Key", p.keys[i%2])
				p.auth.Middleware(http.HandlerFunc(p.mySites)).ServeHTTP(w, r)
				o.ok = w.Code == http.StatusOK
				outcomes <- o
				enough <- struct{}{}
			}
		}()
	}
	await := func(n int) {
		for range n {
			<-enough
		}
	}
	await(100)
	p.exec(t, `UPDATE igny8_tenants SET status = 'suspended' WHERE id = $1`, p.owner.AccountID())
	close(committed)
	await(500)
	close(stop)
	for range load {
		<-workers
	}
	close(outcomes)
	before, after := 0, 0
	for o := range outcomes {
		switch {
		case o.after && o.ok:
			t.Fatal("a request that began after the suspension succeeded")
		case o.after:
			after++
		case o.ok:
			before++
		}
	}
	if before < 50 || after < 100 {
		t.Errorf("%d requests succeeded before, %d were refused after: no load", before, after)
	}
}

func TestAuthenticate_NotesTheUseOfAKeyOnceAMinute(t *testing.T) {
	t.Parallel()
	p := newPartners(t)
	for _, c := range []struct {
		later      time.Duration
		statements int
	}{{0, 3}, {time.Second, 1}, {time.Minute, 2}, {0, 1}} {
		p.clock.Advance(c.later)
		ctx, statements := pgtest.CountQueries(t.Context())
		if actor, err := p.auth.Authenticate(withKey(t, p.keys[0]).WithContext(ctx)); err != nil || actor.Key == nil {
			t.Fatal(actor, err)
		}
		if statements.N() != c.statements {
			t.Errorf("%s later: %d statements: %q", c.later, statements.N(), statements.Statements())
		}
	}
	var used time.Time
	p.scan(t, &used, `SELECT last_used_at FROM igny8_site_api_keys WHERE id = $1`, p.made.ID)
	if want := p.clock.Now(); !used.Equal(want) {
		t.Errorf("used at %s, want %s", used, want)
	}
}

func TestAuthenticate_KeepsKeysOfAnOlderVaultKeyUntilItIsTakenAway(t *testing.T) {
	t.Parallel()
	p := newPartners(t)
	newer := vault.Generate()
	with := func(pairs ...string) *partners {
		q := *p
		f := *p.fixture
		q.fixture = &f
		var err error
		f.auth, err = auth.New(p.db.App, auth.Config{
			Keys: mustKeys(t, keysText()), RefreshSecret: []byte("a secret for refresh tokens, in tests"),
			Issuer: issuer, Audience: audience, Hasher: cheap(), Clock: p.clock.Now, Vault: mustVault(t, pairs...),
		})
		if err != nil {
			t.Fatal(err)
		}
		return &q
	}
	if !nobody(with(newer).as(t, p.keys[0])) {
		t.Error("a key works without the vault's key that it is hashed with")
	}
	if with(newer, p.pair).as(t, p.keys[0]).Key == nil {
		t.Fatal("a key does not work beside a newer key of the vault")
	}
	if with(newer).as(t, p.keys[0]).Key == nil || !nobody(with(newer).as(t, p.keys[1])) {
		t.Error("use alone moves a key to the newer one")
	}
}
