package site_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/page"
	"igny8.com/accounts/internal/postgres/pgtest"
	"igny8.com/accounts/internal/site"
)

// reaches says whether the actor finds the site, by its id, in the list and in its count alike.
func (a *tenant) reaches(actor account.Actor, id gid.Site) bool {
	a.t.Helper()
	found, err1 := site.ByIDs(a.ctx(), a.db.App, site.ReachOf(actor), []gid.Site{id})
	list, err2 := site.List(a.ctx(), a.db.App, site.ReachOf(actor), site.Filter{}, site.Order{}, page.Args{First: new(100)})
	if err1 != nil || err2 != nil {
		a.t.Fatal(err1, err2)
	}
	total, err := list.TotalCount(a.ctx())
	if err != nil {
		a.t.Fatal(err)
	}
	listed := slices.ContainsFunc(list.Nodes(), func(s *site.Site) bool { return s.ID == id })
	if listed != (len(found) == 1) || total != len(list.Edges) {
		a.t.Errorf("found %d, listed %v, %d of %d", len(found), listed, len(list.Edges), total)
	}
	return listed
}

func TestGrantAccess_OpensASiteAndRevokeAccessShutsIt(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a := newTenant(t, db, enterprise)
	id, other := a.site("S", nil), a.site("Other", nil)
	admin := a.person(account.Admin)
	for _, role := range []account.Role{account.Editor, account.Viewer} {
		somebody := a.person(role)
		before := len(a.events())
		opened, err := site.GrantAccess(a.ctx(), db.App, admin, now, id, somebody.User.ID)
		if err != nil || opened.ID != id {
			t.Fatalf("%+v: %v", opened, err)
		}
		if !a.reaches(somebody, id) || a.reaches(somebody, other) {
			t.Errorf("%s reaches %v and, without a grant, %v", role, a.reaches(somebody, id), a.reaches(somebody, other))
		}
		granted, err := site.AccessByUsers(a.ctx(), db.App, site.ReachOf(admin), []gid.User{somebody.User.ID})
		if err != nil || len(granted) != 1 || granted[0].SiteID != id || granted[0].UserID != somebody.User.ID ||
			granted[0].Tenant() != a.id || *granted[0].GrantedBy != admin.User.ID || !granted[0].GrantedAt.Equal(now) {
			t.Errorf("granted %+v: %v", granted, err)
		}
		shut, err := site.RevokeAccess(a.ctx(), db.App, admin, now, id, somebody.User.ID)
		if err != nil || shut.ID != id || a.reaches(somebody, id) {
			t.Errorf("%s still reaches it after %+v: %v", role, shut, err)
		}
		want := []string{
			fmt.Sprintf(`site.access_granted {"userId": %q}`, gid.Format(somebody.User.ID)),
			fmt.Sprintf(`site.access_revoked {"userId": %q}`, gid.Format(somebody.User.ID)),
		}
		if got := a.events()[before:]; !slices.Equal(got, want) {
			t.Errorf("the audit log has %q, want %q", got, want)
		}
	}
}

func TestGrantAccess_WritesOnceHoweverOftenItIsAsked(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, pgtest.WithMaxConns(16))
	a := newTenant(t, db, growth)
	id, viewer := a.site("S", nil), a.person(account.Viewer)
	for _, change := range []func() error{
		func() error {
			_, err := site.GrantAccess(a.ctx(), db.App, a.owner, now, id, viewer.User.ID)
			return err
		},
		func() error {
			_, err := site.RevokeAccess(a.ctx(), db.App, a.owner, now, id, viewer.User.ID)
			return err
		},
	} {
		before := len(a.events())
		if got := tally(t, race(20, func(int) error { return change() })); got["ok"] != 20 {
			t.Errorf("20 at once: %v", got)
		}
		after := snapshot(t, db)
		if n := len(a.events()) - before; n != 1 {
			t.Errorf("20 at once left %d events", n)
		}
		if err := change(); err != nil || !slices.Equal(after, snapshot(t, db)) {
			t.Errorf("once more wrote: %v", err)
		}
	}
}

// A grant to somebody who reaches every site anyway is kept for when they no longer do.
func TestGrantAccess_KeepsWhatCountsOnceTheRoleIsLess(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a := newTenant(t, db, growth)
	id, admin := a.site("S", nil), a.person(account.Admin)
	if _, err := site.GrantAccess(a.ctx(), db.App, a.owner, now, id, admin.User.ID); err != nil {
		t.Fatal(err)
	}
	admin.User.Role = account.Viewer
	if !a.reaches(admin, id) {
		t.Error("the grant was lost with the role")
	}
}

func TestGrantAccess_ByStaffWhoActForTheAccountIsNobodysOfIt(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a, system := newTenant(t, db, growth), newTenant(t, db, enterprise)
	id, viewer := a.site("S", nil), a.person(account.Viewer)
	staff := system.person(account.Developer)
	staff.Account, staff.Plan = a.owner.Account, a.owner.Plan
	staff.Impersonation = &account.Impersonation{TenantID: a.id, ID: 1, StaffTenant: system.id, StaffID: staff.User.ID}
	exec(t, db, `INSERT INTO igny8_impersonations (tenant_id, id, staff_tenant, staff_id, session_id, reason, created_at, expires_at)
		VALUES (?, 1, ?, ?, 1, 'help', ?, ?)`, a.id, system.id, staff.User.ID, now, now.AddDate(0, 0, 1))
	if _, err := site.GrantAccess(a.ctx(), db.App, staff, now, id, viewer.User.ID); err != nil {
		t.Fatal(err)
	}
	granted, err := site.AccessBySites(a.ctx(), db.App, site.ReachOf(a.owner), []gid.Site{id})
	if err != nil || len(granted) != 1 || granted[0].GrantedBy != nil {
		t.Errorf("granted %+v: %v", granted, err)
	}
	if n := count(t, db, `SELECT count(*) FROM igny8_audit_events WHERE tenant_id = ? AND actor_kind = 'staff' AND impersonation_id = 1`, a.id); n != 1 {
		t.Errorf("%d events tell of it", n)
	}
}

func TestAccess_ChangesForNobodyAndNothingThatIsNotThere(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a, b := newTenant(t, db, growth), newTenant(t, db, growth)
	id, foreign, deleted := a.site("S", nil), b.site("F", nil), a.site("D", nil)
	a.remove(deleted)
	viewer, former, stranger := a.person(account.Viewer), a.person(account.Viewer), b.person(account.Viewer)
	editor := a.person(account.Editor)
	exec(t, db, `UPDATE igny8_users SET deleted_at = now(), restore_until = now() WHERE id = ?`, former.User.ID)
	a.grant(id, former)
	before := snapshot(t, db)
	for name, test := range map[string]struct {
		actor account.Actor
		site  gid.Site
		user  gid.User
		want  []string
	}{
		"no site":           {a.owner, 999999, viewer.User.ID, []string{"NOT_FOUND at siteId"}},
		"another's site":    {a.owner, foreign, viewer.User.ID, []string{"NOT_FOUND at siteId"}},
		"deleted site":      {a.owner, deleted, viewer.User.ID, []string{"NOT_FOUND at siteId"}},
		"ungranted site":    {editor, id, viewer.User.ID, []string{"NOT_FOUND at siteId"}},
		"nobody":            {a.owner, id, 999999, []string{"NOT_FOUND at userId"}},
		"another's person":  {a.owner, id, stranger.User.ID, []string{"NOT_FOUND at userId"}},
		"person removed":    {a.owner, id, former.User.ID, []string{"NOT_FOUND at userId"}},
		"neither is theirs": {a.owner, foreign, stranger.User.ID, []string{"NOT_FOUND at siteId", "NOT_FOUND at userId"}},
	} {
		for verb, change := range map[string]func() (*site.Site, error){
			"grant": func() (*site.Site, error) {
				return site.GrantAccess(a.ctx(), db.App, test.actor, now, test.site, test.user)
			},
			"revoke": func() (*site.Site, error) {
				return site.RevokeAccess(a.ctx(), db.App, test.actor, now, test.site, test.user)
			},
			// The select and not only the wall keeps accounts apart.
			"grant without row-level security": func() (*site.Site, error) {
				return site.GrantAccess(t.Context(), db.Admin, test.actor, now, test.site, test.user)
			},
		} {
			t.Log(name, verb)
			got, err := change()
			wants(t, err, test.want...)
			if got != nil {
				t.Errorf("%s, %s: gives %+v with an error", name, verb, got)
			}
		}
	}
	if after := snapshot(t, db); !slices.Equal(after, before) {
		t.Errorf("the refusals wrote: %q, before %q", after, before)
	}
}

func TestAccess_IsReadInOneStatementInOrder(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a := newTenant(t, db, enterprise)
	z, y := a.site("Z", nil), a.site("Y", nil)
	first, second := a.person(account.Editor), a.person(account.Viewer)
	exec(t, db, `UPDATE igny8_users SET email = 'b@example.com' WHERE id = ?`, first.User.ID)
	exec(t, db, `UPDATE igny8_users SET email = 'a@example.com' WHERE id = ?`, second.User.ID)
	for _, s := range []gid.Site{z, y} {
		a.grant(s, first)
		a.grant(s, second)
	}
	for name, test := range map[string]struct {
		read func(context.Context, bun.IDB) ([]*site.Access, error)
		want [][2]int64
	}{
		"of sites": {
			func(ctx context.Context, db bun.IDB) ([]*site.Access, error) {
				return site.AccessBySites(ctx, db, site.ReachOf(a.owner), []gid.Site{z, y})
			},
			[][2]int64{{int64(z), int64(second.User.ID)}, {int64(y), int64(second.User.ID)}, {int64(z), int64(first.User.ID)}, {int64(y), int64(first.User.ID)}},
		},
		"of people": {
			func(ctx context.Context, db bun.IDB) ([]*site.Access, error) {
				return site.AccessByUsers(ctx, db, site.ReachOf(a.owner), []gid.User{first.User.ID, second.User.ID})
			},
			[][2]int64{{int64(y), int64(first.User.ID)}, {int64(y), int64(second.User.ID)}, {int64(z), int64(first.User.ID)}, {int64(z), int64(second.User.ID)}},
		},
	} {
		ctx, counter := pgtest.CountQueries(a.ctx())
		grants, err := test.read(ctx, db.App)
		if err != nil || counter.N() != 1 {
			t.Fatalf("%s: %q, %v", name, counter.Statements(), err)
		}
		got := make([][2]int64, 0, len(grants))
		for _, g := range grants {
			got = append(got, [2]int64{int64(g.SiteID), int64(g.UserID)})
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}
