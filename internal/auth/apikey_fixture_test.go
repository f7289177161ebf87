package auth_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/apikey"
	"igny8.com/accounts/internal/auth"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/page"
	"igny8.com/accounts/internal/plan"
	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/site"
	"igny8.com/accounts/internal/vault"
)

// partners is a fixture with an account that has two sites, each with keys.
type partners struct {
	*fixture

	vault *vault.Vault
	pair  string
	owner account.Actor
	// of are the sites, and keys one key of each that may read sites.
	of   [2]gid.Site
	keys [2]string
	// made is the row of the first key.
	made *account.Key
}

func newPartners(tb testing.TB, change ...func(*auth.Config)) *partners {
	tb.Helper()
	p := &partners{pair: vault.Generate()}
	p.vault = mustVault(tb, p.pair)
	p.fixture = newFixture(tb, append([]func(*auth.Config){func(cfg *auth.Config) { cfg.Vault = p.vault }}, change...)...)
	ann := p.person(tb, "ann@example.com")
	p.owner = account.Actor{
		User:    &account.User{TenantID: ann.account, ID: ann.id, Role: account.Owner},
		Account: &account.Account{ID: ann.account}, Plan: &plan.Plan{},
	}
	for i := range p.of {
		p.scan(tb, &p.of[i], `INSERT INTO igny8_sites (tenant_id, name, slug) VALUES ($1, 'Site', $2) RETURNING id`, ann.account, fmt.Sprintf("site-%d", i))
		key, secret := p.newKey(tb, p.of[i], nil)
		p.keys[i] = secret
		if i == 0 {
			p.made = key
		}
	}
	return p
}

func mustVault(tb testing.TB, pairs ...string) *vault.Vault {
	tb.Helper()
	v, err := vault.Parse(strings.Join(pairs, ","))
	if err != nil {
		tb.Fatal(err)
	}
	return v
}

// ctx is the context of a request of the account.
func (p *partners) ctx(tb testing.TB) context.Context {
	tb.Helper()
	return postgres.WithTenant(tb.Context(), int64(p.owner.AccountID()))
}

func (p *partners) newKey(tb testing.TB, of gid.Site, expires *time.Time) (*account.Key, string) {
	tb.Helper()
	key, secret, err := apikey.Create(p.ctx(tb), p.db.App, p.vault, p.owner, p.clock.Now(),
		apikey.NewKey{SiteID: of, Name: "WordPress", Scopes: []account.Scope{account.SitesRead}, ExpiresAt: expires})
	if err != nil {
		tb.Fatal(err)
	}
	return key, secret
}

// withKey is a request with an API key.
func withKey(t *testing.T, key string) *http.Request {
	t.Helper()
	r := request(t, "")
	r.Header["X-Api-Key"] = []string{key}
	return r
}

// as is the actor of a key.
func (p *partners) as(t *testing.T, key string) account.Actor {
	t.Helper()
	return p.actor(t, withKey(t, key))
}

// mySites answers with the sites that whoever makes the request reaches.
func (p *partners) mySites(w http.ResponseWriter, r *http.Request) {
	actor := account.ActorFrom(r.Context())
	if err := actor.Enter(account.Door{Minimum: account.Viewer, For: account.Read, Key: account.SitesRead}); err != nil {
		http.Error(w, err.Error(), http.StatusForbidden)
		return
	}
	sites, err := site.List(r.Context(), p.db.App, site.ReachOf(actor), site.Filter{}, site.Order{Field: site.ByCreatedAt}, page.Args{})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	ids := []gid.Site{}
	for _, s := range sites.Nodes() {
		ids = append(ids, s.ID)
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"role": actor.Role(), "sites": ids})
}

// asks is the answer of mySites behind the middleware.
func (p *partners) asks(t *testing.T, r *http.Request) string {
	t.Helper()
	w := httptest.NewRecorder()
	p.auth.Middleware(http.HandlerFunc(p.mySites)).ServeHTTP(w, r)
	return strings.TrimSpace(w.Body.String())
}
