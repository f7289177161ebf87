package wordpress_test

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres/pgtest"
	"igny8.com/accounts/internal/site"
	"igny8.com/accounts/internal/vault"
	"igny8.com/accounts/internal/wordpress"
)

func TestCheck_AsksForWhatIsInReachAlone(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a, other := newTenant(t, db), newTenant(t, db)
	p, b := newPress(t, nil), wordpress.New(keys(t), loopback)
	foreign, ungranted, bareSite := other.site(), a.site(), a.site()
	other.connect(b, foreign, p.URL)
	a.connect(b, ungranted, p.URL)
	editor := a.person(account.Editor)
	nothing := func(context.Context, *wordpress.Client) error {
		t.Error("a client was made")
		return nil
	}
	for name, c := range map[string]struct {
		actor account.Actor
		site  gid.Site
	}{
		"another account's": {a.owner, foreign}, "not granted": {editor, ungranted}, "not connected": {a.owner, bareSite}, "never was": {a.owner, 1 << 60},
	} {
		for _, conn := range []*pgtest.DB{{App: db.App}, {App: db.Admin}} {
			_, err := b.Check(a.ctx(), conn.App, c.actor, now, c.site)
			if got := faults(t, err); len(got) != 1 || got[0] != "NOT_FOUND at siteId" {
				t.Errorf("%s: %v", name, err)
			}
			err = b.Use(a.ctx(), conn.App, site.ReachOf(c.actor), c.site, nothing)
			if got := faults(t, err); len(got) != 1 || got[0] != "NOT_FOUND at siteId" {
				t.Errorf("%s, used: %v", name, err)
			}
		}
	}
	if p.hits.Load() != 0 {
		t.Error("a site was asked")
	}
}

func TestUse_SpeaksAsTheUserAndTellsNobodyThePassword(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a := newTenant(t, db)
	var seen []string
	p := newPress(t, func(w http.ResponseWriter, r *http.Request) {
		name, given, _ := r.BasicAuth()
		seen = append(seen, strings.Join([]string{
			r.Method, r.URL.String(), name, given, r.Header.Get("Content-Type"), r.Header.Get("Cookie"), strconv.FormatInt(r.ContentLength, 10),
		}, " "))
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "1", Path: "/"})
		w.WriteHeader(http.StatusCreated)
	})
	b, s := wordpress.New(keys(t), loopback), a.site()
	a.connect(b, s, p.URL+"/blog")
	err := b.Use(a.ctx(), db.App, site.ReachOf(a.owner), s, func(ctx context.Context, c *wordpress.Client) error {
		if text := fmt.Sprintf("%v %+v %#v", c, *c, c); strings.Contains(text, bare) {
			t.Errorf("a print tells the password: %s", text)
		}
		for _, body := range [][]byte{[]byte(`{"title":"x"}`), nil} {
			answer, err := c.Do(ctx, http.MethodPost, "/wp-json/wp/v2/posts", map[string][]string{"a": {"b c"}}, body)
			if err != nil || answer.Status != http.StatusCreated {
				t.Errorf("%v, %v", answer, err)
			}
		}
		p.Close()
		_, err := c.Do(ctx, http.MethodGet, "/wp-json/", nil, nil)
		if err == nil || strings.Contains(err.Error(), bare) {
			t.Errorf("a site that is gone: %v", err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"POST /blog/wp-json/wp/v2/posts?a=b+c editor " + bare + " application/json  13",
		"POST /blog/wp-json/wp/v2/posts?a=b+c editor " + bare + "   0",
	}
	if fmt.Sprint(seen) != fmt.Sprint(want) {
		t.Errorf("the site saw %q, want %q", seen, want)
	}
}

func TestUse_OpensNoSealThatWasMoved(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a, thief := newTenant(t, db), newTenant(t, db)
	p, b := newPress(t, nil), wordpress.New(keys(t), loopback)
	s, mine := a.site(), thief.site()
	a.connect(b, s, p.URL)
	thief.connect(b, mine, p.URL)
	exec(t, db, `UPDATE igny8_wordpress_connections SET sealed = (SELECT sealed FROM igny8_wordpress_connections WHERE site_id = ?) WHERE site_id = ?`, s, mine)
	exec(t, db, `UPDATE igny8_wordpress_connections SET url = url || '/evil' WHERE site_id = ?`, s)
	for _, c := range []struct {
		a *tenant
		s gid.Site
	}{{thief, mine}, {a, s}} {
		_, err := b.Check(c.a.ctx(), db.App, c.a.owner, now, c.s)
		if err == nil || !strings.Contains(err.Error(), vault.ErrBroken.Error()) {
			t.Errorf("a moved seal: %v", err)
		}
		wants(t, err)
	}
	if p.hits.Load() != 0 {
		t.Error("a site was asked")
	}
}
