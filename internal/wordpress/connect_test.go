package wordpress_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres/pgtest"
	"igny8.com/accounts/internal/site"
	"igny8.com/accounts/internal/vault"
	"igny8.com/accounts/internal/wordpress"
)

func TestConnect_KeepsThePasswordSealedForItsRowAndAddress(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a := newTenant(t, db)
	s, v := a.site(), keys(t)
	b := wordpress.New(v, wordpress.Config{})
	made := a.connect(b, s, " HTTPS://WWW.Example.com:443/blog/ ")

	want := &wordpress.Connection{
		TenantID: a.id, SiteID: s, URL: "https://www.example.com/blog", Username: username, Sealed: made.Sealed, KeyID: v.Current(),
		ConnectedBy: &a.owner.User.ID, ConnectedAt: now, UpdatedAt: now,
	}
	if diff := cmp.Diff(want, made); diff != "" {
		t.Errorf("connected (-want +got):\n%s", diff)
	}
	row := a.row(s)
	if !bytes.Equal(row.Sealed, made.Sealed) || bytes.Contains(row.Sealed, []byte(bare[:6])) {
		t.Errorf("the row keeps %q", row.Sealed)
	}
	identity := fmt.Sprintf("wordpress/%d/%d/https://www.example.com/blog", a.id, s)
	if plain, err := v.Open(row.Sealed, row.KeyID, identity); err != nil || string(plain) != bare {
		t.Errorf("the seal opens as %q, %v", plain, err)
	}
	for name, other := range map[string]string{
		"site":    fmt.Sprintf("wordpress/%d/%d/https://www.example.com/blog", a.id, s+1),
		"account": fmt.Sprintf("wordpress/%d/%d/https://www.example.com/blog", a.id+1, s),
		"address": fmt.Sprintf("wordpress/%d/%d/https://www.example.org/blog", a.id, s),
	} {
		if _, err := v.Open(row.Sealed, row.KeyID, other); !errors.Is(err, vault.ErrBroken) {
			t.Errorf("for another %s: %v", name, err)
		}
	}
	all := fmt.Sprintf("%+v %v", *made, a.events())
	if strings.Contains(all, bare[:8]) || strings.Contains(all, password[:9]) {
		t.Errorf("the password is told: %s", all)
	}
}

func TestConnect_TakesThePlaceOfWhatWasThere(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a := newTenant(t, db)
	s := a.site()
	b := wordpress.New(keys(t), wordpress.Config{})
	a.connect(b, s, address)
	exec(t, db, `UPDATE igny8_wordpress_connections SET checked_at = now(), check_error = 'no_wordpress' WHERE site_id = ?`, s)
	admin, later := a.person(account.Admin), now.Add(time.Hour)
	made, err := b.Connect(a.ctx(), db.App, admin, later, wordpress.NewConnection{
		SiteID: s, URL: address + "/new", Username: "other@example.com", ApplicationPassword: strings.Repeat("abcd\u00a0", 6),
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(made, a.row(s)); diff != "" {
		t.Errorf("the row (-answered +kept):\n%s", diff)
	}
	if made.CheckedAt != nil || made.CheckError != nil || !made.ConnectedAt.Equal(later) || *made.ConnectedBy != admin.User.ID {
		t.Errorf("answered %+v", made)
	}
	if err := wordpress.Disconnect(a.ctx(), db.App, a.owner, later, s); err != nil || a.row(s) != nil {
		t.Errorf("disconnect: %v, %v", err, a.row(s))
	}
	wants(t, wordpress.Disconnect(a.ctx(), db.App, a.owner, later, s), "NOT_FOUND at siteId")
	id := gid.Format(s)
	old := fmt.Sprintf(`{"url": "https://www.example.com", "siteId": %q, "username": "editor"}`, id)
	fresh := fmt.Sprintf(`{"url": "https://www.example.com/new", "siteId": %q, "username": "other@example.com"}`, id)
	want := []string{"wordpress.connected site → " + old, "wordpress.connected site " + old + " → " + fresh, "wordpress.disconnected site " + fresh + " →"}
	if diff := cmp.Diff(want, a.events()); diff != "" {
		t.Errorf("audit events (-want +got):\n%s", diff)
	}
}

func TestConnect_TellsAllThatIsWrongAndWritesNothing(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a, other := newTenant(t, db), newTenant(t, db)
	s, foreign, gone := a.site(), other.site(), a.site()
	a.remove(gone)
	editor := a.person(account.Editor)
	b := wordpress.New(keys(t), wordpress.Config{})
	good := wordpress.NewConnection{SiteID: s, URL: address, Username: username, ApplicationPassword: password}
	for name, c := range map[string]struct {
		change func(in *wordpress.NewConnection)
		actor  account.Actor
		want   []string
	}{
		"another account's site":  {func(in *wordpress.NewConnection) { in.SiteID = foreign }, a.owner, []string{"NOT_FOUND at siteId"}},
		"a deleted site":          {func(in *wordpress.NewConnection) { in.SiteID = gone }, a.owner, []string{"NOT_FOUND at siteId"}},
		"a site that never was":   {func(in *wordpress.NewConnection) { in.SiteID = 1 << 60 }, a.owner, []string{"NOT_FOUND at siteId"}},
		"a site not granted":      {func(*wordpress.NewConnection) {}, editor, []string{"NOT_FOUND at siteId"}},
		"a private address":       {func(in *wordpress.NewConnection) { in.URL = "https://10.0.0.1" }, a.owner, []string{"INVALID at url"}},
		"no address":              {func(in *wordpress.NewConnection) { in.URL = " " }, a.owner, []string{"REQUIRED at url"}},
		"a long address":          {func(in *wordpress.NewConnection) { in.URL = address + "/" + strings.Repeat("a", 300) }, a.owner, []string{"TOO_LONG at url"}},
		"no name":                 {func(in *wordpress.NewConnection) { in.Username = "\t" }, a.owner, []string{"REQUIRED at username"}},
		"a long name":             {func(in *wordpress.NewConnection) { in.Username = strings.Repeat("é", 101) }, a.owner, []string{"TOO_LONG at username"}},
		"a colon in the name":     {func(in *wordpress.NewConnection) { in.Username = "a:b" }, a.owner, []string{"INVALID at username"}},
		"a line end in the name":  {func(in *wordpress.NewConnection) { in.Username = "a\r\nb" }, a.owner, []string{"INVALID at username"}},
		"no password":             {func(in *wordpress.NewConnection) { in.ApplicationPassword = " \n" }, a.owner, []string{"REQUIRED at applicationPassword"}},
		"a user's own password":   {func(in *wordpress.NewConnection) { in.ApplicationPassword = "hunter2" }, a.owner, []string{"INVALID at applicationPassword"}},
		"a password with a dash":  {func(in *wordpress.NewConnection) { in.ApplicationPassword = "-" + bare[1:] }, a.owner, []string{"INVALID at applicationPassword"}},
		"a password cut short":    {func(in *wordpress.NewConnection) { in.ApplicationPassword = bare[:23] }, a.owner, []string{"INVALID at applicationPassword"}},
		"a password twice":        {func(in *wordpress.NewConnection) { in.ApplicationPassword = bare + bare }, a.owner, []string{"INVALID at applicationPassword"}},
		"a password in letters é": {func(in *wordpress.NewConnection) { in.ApplicationPassword = "é" + bare[2:] }, a.owner, []string{"INVALID at applicationPassword"}},
		"everything at once": {
			func(in *wordpress.NewConnection) {
				*in = wordpress.NewConnection{SiteID: foreign, URL: "http://x", Username: "", ApplicationPassword: bare + "!"}
			}, a.owner, []string{"NOT_FOUND at siteId", "INVALID at url", "REQUIRED at username", "INVALID at applicationPassword"},
		},
	} {
		in := good
		c.change(&in)
		made, err := b.Connect(a.ctx(), db.App, c.actor, now, in)
		if made != nil {
			t.Errorf("%s: connected", name)
		}
		slices.Sort(c.want)
		if got := faults(t, err); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	if n := count(t, db, `SELECT (SELECT count(*) FROM igny8_wordpress_connections) + (SELECT count(*) FROM igny8_audit_events)`); n != 0 {
		t.Errorf("refused commands wrote %d rows", n)
	}
}

// An account that was deleted since the request began changes no more.
func TestCommands_RefuseADeletedAccount(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a := newTenant(t, db)
	p, b, s := newPress(t, nil), wordpress.New(keys(t), loopback), a.site()
	before := a.connect(b, s, p.URL)
	exec(t, db, `UPDATE igny8_tenants SET deleted_at = now(), restore_until = now() WHERE id = ?`, a.id)
	_, err := b.Connect(a.ctx(), db.App, a.owner, now, wordpress.NewConnection{SiteID: s, URL: address, Username: username, ApplicationPassword: password})
	wants(t, err, "NOT_FOUND")
	_, err = b.Check(a.ctx(), db.App, a.owner, now, s)
	wants(t, err, "NOT_FOUND")
	wants(t, wordpress.Disconnect(a.ctx(), db.App, a.owner, now, s), "NOT_FOUND")
	_, err = wordpress.Record(a.ctx(), db.App, a.key(s), now, report("e-1"))
	wants(t, err, "NOT_FOUND")
	if diff := cmp.Diff(before, a.row(s)); diff != "" {
		t.Errorf("the connection changed:\n%s", diff)
	}
}

// The same answers with row-level security and, as the superuser, without it.
func TestConnectionsBySites_ShowsWhatIsInReachAlone(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a, other := newTenant(t, db), newTenant(t, db)
	b := wordpress.New(keys(t), wordpress.Config{})
	first, second, gone, foreign := a.site(), a.site(), a.site(), other.site()
	for _, s := range []gid.Site{first, second, gone} {
		a.connect(b, s, address)
	}
	other.connect(b, foreign, address)
	a.remove(gone)
	editor := a.person(account.Editor)
	a.grant(second, editor)
	a.grant(gone, editor)
	all := []gid.Site{first, second, gone, foreign}
	for name, c := range map[string]struct {
		actor account.Actor
		want  []gid.Site
	}{
		"owner": {a.owner, []gid.Site{first, second}}, "editor": {editor, []gid.Site{second}}, "key": {a.key(first), []gid.Site{first}},
		"nobody": {account.Actor{}, nil}, "a key of a deleted site": {a.key(gone), nil},
	} {
		for wall, conn := range map[string]*pgtest.DB{"policies": {App: db.App}, "the select": {App: db.Admin}} {
			found, err := wordpress.ConnectionsBySites(a.ctx(), conn.App, site.ReachOf(c.actor), all)
			if err != nil {
				t.Fatal(err)
			}
			var got []gid.Site
			for _, f := range found {
				got = append(got, f.SiteID)
			}
			slices.Sort(got)
			if !slices.Equal(got, c.want) {
				t.Errorf("%s by %s sees %v, want %v", name, wall, got, c.want)
			}
		}
	}
	wants(t, wordpress.Disconnect(a.ctx(), db.App, a.owner, now, foreign), "NOT_FOUND at siteId")
	wants(t, wordpress.Disconnect(a.ctx(), db.App, editor, now, first), "NOT_FOUND at siteId")
	wants(t, wordpress.Disconnect(a.ctx(), db.Admin, a.owner, now, foreign), "NOT_FOUND at siteId")
	if n := count(t, db, `SELECT count(*) FROM igny8_wordpress_connections`); n != 4 {
		t.Errorf("%d connections are left of 4", n)
	}
}
