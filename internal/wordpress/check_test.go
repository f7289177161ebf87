package wordpress_test

import (
	"context"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres/pgtest"
	"igny8.com/accounts/internal/site"
	"igny8.com/accounts/internal/vault"
	"igny8.com/accounts/internal/wordpress"
)

// check runs Check and gives the problem, "" for none; what is answered must be what is kept.
func check(a *tenant, b *wordpress.Bridge, s gid.Site) wordpress.Problem {
	a.t.Helper()
	checked, err := b.Check(a.ctx(), a.db.App, a.owner, now, s)
	if err != nil {
		a.t.Fatalf("check: %v", err)
	}
	row := a.row(s)
	if row.CheckedAt == nil || !row.CheckedAt.Equal(now) || !checked.CheckedAt.Equal(now) || !row.UpdatedAt.Equal(row.ConnectedAt) {
		a.t.Errorf("checked at %v, kept %v", checked.CheckedAt, row.CheckedAt)
	}
	var answered, kept wordpress.Problem
	if checked.CheckError != nil {
		answered = *checked.CheckError
	}
	if row.CheckError != nil {
		kept = *row.CheckError
	}
	if answered != kept {
		a.t.Errorf("answered %q, kept %q", answered, kept)
	}
	return kept
}

func TestCheck_TellsWhatTheSiteAnswered(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a := newTenant(t, db)
	cfg := loopback
	cfg.Timeout = 20 * time.Second // for a busy machine; none of these waits
	b := wordpress.New(keys(t), cfg)
	answers := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = fmt.Fprint(w, body)
		}
	}
	for name, c := range map[string]struct {
		handler http.HandlerFunc
		path    string
		want    wordpress.Problem
	}{
		"a WordPress":                {nil, "", ""},
		"a WordPress below a path":   {nil, "/blog", ""},
		"a password it refuses":      {answers(401, `{"code":"incorrect_password"}`), "", wordpress.PasswordRefused},
		"a wall before it":           {answers(403, `<html>`), "", wordpress.PasswordRefused},
		"no API":                     {answers(404, `{"code":"rest_no_route"}`), "", wordpress.NoWordPress},
		"a page":                     {answers(200, `<html>hello</html>`), "", wordpress.NoWordPress},
		"an object without an id":    {answers(200, `{"name":"x"}`), "", wordpress.NoWordPress},
		"an id that is none":         {answers(200, `{"id":0}`), "", wordpress.NoWordPress},
		"a list":                     {answers(200, `[{"id":1}]`), "", wordpress.NoWordPress},
		"a redirect without a place": {answers(301, ``), "", wordpress.Redirected},
		"maintenance":                {answers(503, ``), "", wordpress.SiteFailed},
		"too much asked":             {answers(429, ``), "", wordpress.SiteFailed},
		"an answer without an end": {func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				if _, err := fmt.Fprint(w, strings.Repeat(`{"id":1,`, 4096)); err != nil {
					return
				}
			}
		}, "", wordpress.NoWordPress},
		"headers without an end": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Long", strings.Repeat("x", 1<<17))
		}, "", wordpress.NotReachable},
		"no HTTP": {func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err == nil {
				_, _ = conn.Write([]byte("220 mail.example.com ESMTP\r\n"))
				_ = conn.Close()
			}
		}, "", wordpress.NotReachable},
	} {
		p, s := newPress(t, c.handler), a.site()
		a.connect(b, s, p.URL+c.path)
		if got := check(a, b, s); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
		if p.hits.Load() != 1 {
			t.Errorf("%s: asked %d times", name, p.hits.Load())
		}
	}
	if events := a.events(); strings.Contains(strings.Join(events, ""), "check") {
		t.Errorf("a check is in the audit log: %v", events)
	}
}

func TestCheck_ClosesWhatIsSlowOrGone(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a := newTenant(t, db)
	cfg := loopback
	cfg.Timeout = 100 * time.Millisecond
	b := wordpress.New(keys(t), cfg)
	slow := newPress(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	drip := newPress(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	gone := newPress(t, nil)
	gone.Close()
	for name, p := range map[string]*press{"slow": slow, "drip": drip, "gone": gone} {
		s := a.site()
		a.connect(b, s, p.URL)
		if got := check(a, b, s); got != wordpress.NotReachable {
			t.Errorf("%s: %q", name, got)
		}
	}
	// One who gave up learns nothing, and nothing is kept.
	cfg.Timeout = time.Minute
	patient, s := wordpress.New(keys(t), cfg), a.site()
	ctx, cancel := context.WithCancel(a.ctx())
	waiting := newPress(t, func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	})
	a.connect(patient, s, waiting.URL)
	if checked, err := patient.Check(ctx, db.App, a.owner, now, s); err == nil || checked != nil {
		t.Errorf("a check that was given up: %v, %v", checked, err)
	}
	if row := a.row(s); row.CheckedAt != nil || row.CheckError != nil {
		t.Errorf("kept %v, %v", row.CheckedAt, row.CheckError)
	}
}

func TestCheck_TrustsCertificatesOfItsRootsAlone(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a := newTenant(t, db)
	server := httptest.NewTLSServer(http.HandlerFunc(aWordPress))
	t.Cleanup(server.Close)
	server.Config.ErrorLog = nil
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	v := keys(t)
	here := names(t, func(int) []string { return []string{"127.0.0.1"} })
	for name, c := range map[string]struct {
		host  string
		roots *x509.CertPool
		want  wordpress.Problem
	}{
		"of its roots": {"example.com", roots, ""},
		"of others":    {"example.com", x509.NewCertPool(), wordpress.BadCertificate},
		"another's":    {"example.org", roots, wordpress.BadCertificate},
	} {
		b := wordpress.New(v, wordpress.Config{AnyPort: true, Allowed: loopback.Allowed, Resolver: here, Roots: c.roots, Timeout: 20 * time.Second})
		s := a.site()
		a.connect(b, s, "https://"+c.host+":"+port)
		if got := check(a, b, s); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// The pool has one connection, and the site needs it before it answers.
func TestCheck_HoldsNoConnectionWhileTheSiteTakesItsTime(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, pgtest.WithMaxConns(1))
	a := newTenant(t, db)
	s := a.site()
	cfg := loopback
	cfg.Timeout = 20 * time.Second
	b := wordpress.New(keys(t), cfg)
	held := make(chan error, 2)
	p := newPress(t, func(w http.ResponseWriter, r *http.Request) {
		_, err := wordpress.ConnectionsBySites(a.ctx(), db.App, site.ReachOf(a.owner), []gid.Site{s})
		if n := count(t, db, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'`); n != 0 {
			t.Errorf("%d transactions are open", n)
		}
		held <- err
		aWordPress(w, r)
	})
	a.connect(b, s, p.URL)
	if got := check(a, b, s); got != "" {
		t.Errorf("%q", got)
	}
	err := b.Use(a.ctx(), db.App, site.ReachOf(a.owner), s, func(ctx context.Context, c *wordpress.Client) error {
		_, err := c.Do(ctx, http.MethodGet, "/wp-json/wp/v2/users/me", nil, nil)
		return err
	})
	if err != nil {
		t.Error(err)
	}
	for range 2 {
		if err := <-held; err != nil {
			t.Error(err)
		}
	}
}

func TestCheck_KeepsNothingOfWhatWasReplacedMeanwhile(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a := newTenant(t, db)
	fresh, old := vault.Generate(), vault.Generate()
	cfg := loopback
	cfg.Timeout = 20 * time.Second
	b := wordpress.New(keys(t, old, fresh), cfg)
	for name, c := range map[string]struct {
		meanwhile func(s gid.Site, url string) error
		kept      bool
		want      []string
	}{
		"another password": {func(s gid.Site, url string) error {
			_, err := b.Connect(a.ctx(), db.App, a.owner, now, wordpress.NewConnection{
				SiteID: s, URL: url, Username: username, ApplicationPassword: strings.Repeat("x", 24),
			})
			return err
		}, false, nil},
		"another address": {func(s gid.Site, url string) error {
			_, err := b.Connect(a.ctx(), db.App, a.owner, now, wordpress.NewConnection{
				SiteID: s, URL: url + "/blog", Username: username, ApplicationPassword: password,
			})
			return err
		}, false, nil},
		"the same under another key": {func(gid.Site, string) error {
			_, err := wordpress.Reseal(t.Context(), db.App, keys(t, fresh, old))
			return err
		}, true, nil},
		"a later check": {func(s gid.Site, _ string) error {
			exec(t, db, `UPDATE igny8_wordpress_connections SET checked_at = ? WHERE site_id = ?`, now.Add(time.Hour), s)
			return nil
		}, false, nil},
		"nothing": {func(s gid.Site, _ string) error {
			return wordpress.Disconnect(a.ctx(), db.App, a.owner, now, s)
		}, false, []string{"NOT_FOUND at siteId"}},
	} {
		s := a.site()
		var p *press
		p = newPress(t, func(w http.ResponseWriter, r *http.Request) {
			if err := c.meanwhile(s, p.URL); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			aWordPress(w, r)
		})
		a.connect(b, s, p.URL)
		checked, err := b.Check(a.ctx(), db.App, a.owner, now, s)
		wants(t, err, c.want...)
		row := a.row(s)
		if got := row != nil && row.CheckedAt != nil && row.CheckedAt.Equal(now); got != c.kept {
			t.Errorf("%s: kept %v, want %v", name, got, c.kept)
		}
		if row != nil && checked.URL != row.URL {
			t.Errorf("%s: answered %s, kept %s", name, checked.URL, row.URL)
		}
	}
}
