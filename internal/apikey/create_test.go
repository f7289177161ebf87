package apikey_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/apikey"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres/pgtest"
)

func TestCreate_MakesAKeyThatOpensAndKeepsItsSecretNowhere(t *testing.T) {
	t.Parallel()
	v, _ := newVault(t)
	a := newTenant(t, pgtest.New(t), v)
	expires := now.Add(time.Hour)
	key, secret := a.create(func(in *apikey.NewKey) {
		in.Name = "  My plugin "
		in.Scopes = []account.Scope{account.Sync, account.Credits}
		in.ExpiresAt = new(expires.Add(999).In(time.FixedZone("", 3600)))
	})
	if key.Name != "My plugin" || !key.ExpiresAt.Equal(expires) || *key.Prefix() != secret[:len("igny8_live_")+12] || key.StatusAt(now) != account.KeyActive {
		t.Errorf("made %+v", key)
	}
	want := fmt.Sprintf(`{"id": %d, "name": "My plugin", "scopes": ["sync", "credits"], "site_id": %d, "is_legacy": false, "tenant_id": %d, `+
		`"created_at": "2026-03-31T09:30:00.123456+00:00", "created_by": %d, "expires_at": "2026-03-31T10:30:00.123456+00:00", `+
		`"revoked_at": null, "revoked_by": null, "rotated_to": null, "last_used_at": null}`, key.ID, a.site, a.id, a.owner.User.ID)
	if diff := cmp.Diff(want, a.row(key.ID)); diff != "" {
		t.Errorf("row (-want +got):\n%s", diff)
	}
	events := []string{fmt.Sprintf(`api_key.created api_key %d by user {"name": "My plugin", "scopes": ["sync", "credits"], "siteId": %q, "expiresAt": "2026-03-31T10:30:00.123456Z"}`,
		key.ID, gid.Format(a.site))}
	if diff := cmp.Diff(events, a.events()); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	if found := a.opens(v, secret, now); found == nil || found.ID != key.ID {
		t.Errorf("the secret opens %+v", found)
	}

	var everything string
	a.scan(&everything, `SELECT concat((SELECT jsonb_agg(to_jsonb(k)) FROM igny8_site_api_keys k), (SELECT jsonb_agg(to_jsonb(d)) FROM igny8_api_key_directory d),
		(SELECT jsonb_agg(to_jsonb(e)) FROM igny8_audit_events e))`)
	told, err := json.Marshal(key)
	if err != nil {
		t.Fatal(err)
	}
	hidden := secret[len(secret)-38:]
	for _, text := range []string{everything, string(told), fmt.Sprintf("%+v", key)} {
		if strings.Contains(text, hidden) || strings.Contains(text, hidden[:32]) {
			t.Errorf("the secret is kept in %s", text)
		}
	}
	if key.Hash != nil || key.HashKeyID != "" {
		t.Error("the key comes with its hash")
	}
}

func TestCreate_RefusesWhatIsWrongAndWritesNothing(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	v, _ := newVault(t)
	a, other := newTenant(t, db, v), newTenant(t, db, v)
	gone := a.newSite()
	a.remove(gone)
	editor := a.person(account.Editor)
	all := []account.Scope{account.SitesRead, account.Credits, account.Sync}
	at := func(t time.Time) *time.Time { return &t }
	for name, c := range map[string]struct {
		change func(*apikey.NewKey)
		want   []string
		actor  *account.Actor
	}{
		"another's site":      {change: func(in *apikey.NewKey) { in.SiteID = other.site }, want: []string{"NOT_FOUND at siteId"}},
		"a deleted site":      {change: func(in *apikey.NewKey) { in.SiteID = gone }, want: []string{"NOT_FOUND at siteId"}},
		"no site":             {change: func(in *apikey.NewKey) { in.SiteID = 987_654 }, want: []string{"NOT_FOUND at siteId"}},
		"a site not granted":  {change: func(*apikey.NewKey) {}, want: []string{"NOT_FOUND at siteId"}, actor: &editor},
		"no name":             {change: func(in *apikey.NewKey) { in.Name = " " }, want: []string{"REQUIRED at name"}},
		"a long name":         {change: func(in *apikey.NewKey) { in.Name = strings.Repeat("é", 101) }, want: []string{"TOO_LONG at name"}},
		"two lines":           {change: func(in *apikey.NewKey) { in.Name = "a\nb" }, want: []string{"INVALID at name"}},
		"no scopes":           {change: func(in *apikey.NewKey) { in.Scopes = nil }, want: []string{"INVALID at scopes"}},
		"a scope twice":       {change: func(in *apikey.NewKey) { in.Scopes = []account.Scope{account.Sync, account.Credits, account.Sync} }, want: []string{"INVALID at scopes"}},
		"any":                 {change: func(in *apikey.NewKey) { in.Scopes = []account.Scope{account.AnyScope} }, want: []string{"INVALID at scopes"}},
		"a scope made up":     {change: func(in *apikey.NewKey) { in.Scopes = []account.Scope{"admin"} }, want: []string{"INVALID at scopes"}},
		"expired":             {change: func(in *apikey.NewKey) { in.ExpiresAt = at(now) }, want: []string{"INVALID at expiresAt"}},
		"in less than a tick": {change: func(in *apikey.NewKey) { in.ExpiresAt = at(now.Add(999)) }, want: []string{"INVALID at expiresAt"}},
		"beyond five years":   {change: func(in *apikey.NewKey) { in.ExpiresAt = at(now.AddDate(5, 0, 0).Add(time.Microsecond)) }, want: []string{"INVALID at expiresAt"}},
		"all of it": {
			change: func(in *apikey.NewKey) { *in = apikey.NewKey{ExpiresAt: at(now)} },
			want:   []string{"NOT_FOUND at siteId", "REQUIRED at name", "INVALID at scopes", "INVALID at expiresAt"},
		},
	} {
		in := a.usual()
		c.change(&in)
		actor := a.owner
		if c.actor != nil {
			actor = *c.actor
		}
		key, secret, err := apikey.Create(a.ctx(), db.App, v, actor, now, in)
		t.Run(name, func(t *testing.T) { t.Parallel(); wants(t, err, c.want...) })
		if key != nil || secret != "" {
			t.Errorf("%s: a key was given", name)
		}
	}
	if a.written() != "0 0 0" || other.written() != "0 0 0" {
		t.Errorf("written: %s; %s", a.written(), other.written())
	}
	a.create(func(in *apikey.NewKey) {
		in.Name, in.Scopes, in.ExpiresAt = strings.Repeat("é", 100), all, at(now.AddDate(5, 0, 0))
	})
}

func TestCreate_KeepsTheLimitOfASiteUnderRaces(t *testing.T) {
	t.Parallel()
	v, _ := newVault(t)
	a := newTenant(t, pgtest.New(t, pgtest.WithMaxConns(8)), v)
	got := race(t, 40, func() error {
		_, _, err := apikey.Create(a.ctx(), a.db.App, v, a.owner, now, a.usual())
		return err
	})
	if want := map[string]int{"ok": 20, "PLAN_LIMIT_REACHED": 20}; !cmp.Equal(got, want) {
		t.Fatalf("%v, want %v", got, want)
	}
	_, _, err := apikey.Create(a.ctx(), a.db.App, v, a.owner, now, a.usual())
	wants(t, err, "PLAN_LIMIT_REACHED at siteId")
	if f := fault.Of(err)[0]; f.Details["limit"] != 20 || f.Details["used"] != 20 {
		t.Errorf("details %v", f.Details)
	}
	// Another site has room; so has this one once keys expire, are revoked or make way for others.
	a.create(func(in *apikey.NewKey) { in.SiteID = a.newSite() })
	keys, err := apikey.BySites(a.ctx(), a.db.App, reach(a.owner), now, []gid.Site{a.site})
	if err != nil || len(keys) != 20 {
		t.Fatalf("%d keys, %v", len(keys), err)
	}
	if _, err := apikey.Revoke(a.ctx(), a.db.App, a.owner, now, keys[0].ID); err != nil {
		t.Fatal(err)
	}
	a.create(func(in *apikey.NewKey) { in.ExpiresAt = new(now.Add(time.Minute)) })
	if _, _, err := a.rotate(keys[1].ID, nil, now); err != nil {
		t.Errorf("a full site's key does not rotate: %v", err)
	}
	_, _, err = apikey.Create(a.ctx(), a.db.App, v, a.owner, now, a.usual())
	wants(t, err, "PLAN_LIMIT_REACHED at siteId")
	if _, _, err = apikey.Create(a.ctx(), a.db.App, v, a.owner, now.Add(time.Minute), a.usual()); err != nil {
		t.Errorf("an expired key takes room: %v", err)
	}
}
