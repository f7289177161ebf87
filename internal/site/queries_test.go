package site_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/change"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/page"
	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/postgres/pgtest"
	"igny8.com/accounts/internal/site"
)

// seen is all that somebody sees through every read of the package, asked for everything.
type seen struct {
	ByIDs, Listed, Counted, BySites, BySectorIDs int
	// Grants as their sites and as their people have them, and what can be restored.
	BySite, ByUser, Removed, Deleted int
}

func look(
	tb testing.TB, ctx context.Context, db bun.IDB, reach site.Reach, sites []gid.Site, sectors []gid.Sector, users []gid.User,
) seen {
	tb.Helper()
	byIDs, err1 := site.ByIDs(ctx, db, reach, sites)
	list, err2 := site.List(ctx, db, reach, site.Filter{}, site.Order{}, page.Args{First: new(100)})
	bySites, err3 := site.SectorsBySites(ctx, db, reach, sites)
	bySectorIDs, err4 := site.SectorsByIDs(ctx, db, reach, sectors)
	bySite, err5 := site.AccessBySites(ctx, db, reach, sites)
	byUser, err6 := site.AccessByUsers(ctx, db, reach, users)
	removed, err7 := site.RemovedSectorsBySites(ctx, db, reach, now, sites)
	deleted, err8 := site.Deleted(ctx, db, reach, now, page.Args{First: new(100)})
	if err := errors.Join(err1, err2, err3, err4, err5, err6, err7, err8); err != nil {
		tb.Fatal(err)
	}
	total, err := list.TotalCount(ctx)
	totalDeleted, err2 := deleted.TotalCount(ctx)
	if err != nil || err2 != nil || totalDeleted != len(deleted.Edges) {
		tb.Fatalf("%v, %v; %d deleted sites of %d", err, err2, len(deleted.Edges), totalDeleted)
	}
	return seen{
		ByIDs: len(byIDs), Listed: len(list.Edges), Counted: total, BySites: len(bySites), BySectorIDs: len(bySectorIDs),
		BySite: len(bySite), ByUser: len(byUser), Removed: len(removed), Deleted: totalDeleted,
	}
}

// The same answers with row-level security and, as the superuser, without it: the select alone must
// keep accounts apart.
func TestReads_ShowWhatIsInReachAlone(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	catalogue := entries(t, db, health)
	a, b := newTenant(t, db, enterprise), newTenant(t, db, enterprise)
	sites, sectors := make([]gid.Site, 0, 6), make([]gid.Sector, 0, 12)
	for _, owner := range []*tenant{a, b} {
		for i := range 3 {
			id := owner.site(fmt.Sprintf("Site %d", i), new(health))
			sites, sectors = append(sites, id), append(sectors, owner.sector(id, catalogue[0]))
			lost := owner.sector(id, catalogue[1])
			owner.lost(lost)
			sectors = append(sectors, lost)
		}
	}
	// Of a's three sites the first is granted to one of the editors, the last, granted too, is deleted.
	admin, granted, ungranted, viewer := a.person(account.Admin), a.person(account.Editor), a.person(account.Editor), a.person(account.Viewer)
	a.grant(sites[0], granted)
	a.grant(sites[0], viewer)
	a.grant(sites[2], granted)
	a.remove(sites[2])
	b.remove(sites[5])
	key, keyOfDeleted := a.key(sites[1]), a.key(sites[2])
	// A grant of somebody who was removed is nobody's.
	former := a.person(account.Editor)
	a.grant(sites[0], former)
	exec(t, db, `UPDATE igny8_users SET deleted_at = now(), restore_until = now() WHERE id = ?`, former.User.ID)
	// A grant of another account with the same numbers opens nothing here.
	forged := ungranted
	exec(t, db, `INSERT INTO igny8_users (tenant_id, id, email, role) VALUES (?, ?, 'forged@example.com', 'editor')`, b.id, ungranted.User.ID)
	exec(t, db, `INSERT INTO igny8_site_user_access (tenant_id, site_id, user_id) VALUES (?, ?, ?)`, b.id, sites[3], ungranted.User.ID)

	users := []gid.User{admin.User.ID, granted.User.ID, ungranted.User.ID, viewer.User.ID, former.User.ID}
	for _, test := range []struct {
		name  string
		actor account.Actor
		want  seen
	}{
		{"owner", a.owner, seen{2, 2, 2, 2, 2, 2, 2, 2, 1}},
		{"admin", admin, seen{2, 2, 2, 2, 2, 2, 2, 2, 1}},
		{"editor with a grant", granted, seen{1, 1, 1, 1, 1, 2, 2, 1, 0}},
		{"viewer with a grant", viewer, seen{1, 1, 1, 1, 1, 2, 2, 1, 0}},
		{"editor without a grant", forged, seen{}},
		{"owner of the other account", b.owner, seen{2, 2, 2, 2, 2, 1, 1, 2, 1}},
		{"key of a site", key, seen{1, 1, 1, 1, 1, 0, 0, 1, 0}},
		{"key of a deleted site", keyOfDeleted, seen{}},
		{"nobody", account.Actor{}, seen{}},
	} {
		reach := site.ReachOf(test.actor)
		ctx := postgres.WithTenant(t.Context(), int64(reach.Tenant))
		if got := look(t, ctx, db.App, reach, sites, sectors, users); got != test.want {
			t.Errorf("%s sees %+v, want %+v", test.name, got, test.want)
		}
		if got := look(t, t.Context(), db.Admin, reach, sites, sectors, users); got != test.want {
			t.Errorf("without row-level security, %s sees %+v, want %+v", test.name, got, test.want)
		}
	}

	// The wall by itself: a reach that was forged shows nothing beyond the connection's account.
	wide := site.Reach{Tenant: b.id, All: true}
	if got := look(t, a.ctx(), db.App, wide, sites, sectors, users); got != (seen{}) {
		t.Errorf("a's connection shows b's %+v", got)
	}
	if got := look(t, t.Context(), db.App, wide, sites, sectors, users); got != (seen{}) {
		t.Errorf("a connection of no account shows %+v", got)
	}
	if n, err := site.Count(a.ctx(), db.App, a.id); err != nil || n != 2 {
		t.Errorf("the plan counts %d sites of a, want the 2 that are not deleted: %v", n, err)
	}
}

func TestReachOf_IsTheAccountsOnlyFromAdminUp(t *testing.T) {
	t.Parallel()
	for role, want := range map[account.Role]bool{
		account.Viewer: false, account.Editor: false, account.Admin: true, account.Owner: true, account.Developer: true,
		account.SystemBot: false,
	} {
		actor := account.Actor{User: &account.User{ID: 7, Role: role}, Account: &account.Account{ID: 5}}
		if got := site.ReachOf(actor); got != (site.Reach{Tenant: 5, User: 7, All: want}) {
			t.Errorf("%s has the reach %+v", role, got)
		}
	}
}

// An API key reaches the site that it belongs to, by name and not by number: neither another's, nor its
// own among others.
func TestReachOf_IsTheOneSiteOfAKey(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a, b := newTenant(t, db, enterprise), newTenant(t, db, enterprise)
	entry := entries(t, db, health)[0]
	other, own, foreign := a.site("Other", new(health)), a.site("Own", new(health)), b.site("Foreign", new(health))
	a.sector(other, entry)
	sector := a.sector(own, entry)
	key := a.key(own)
	reach := site.ReachOf(key)
	if reach != (site.Reach{Tenant: a.id, Only: own}) {
		t.Fatalf("the key has the reach %+v", reach)
	}
	sites, err := site.ByIDs(a.ctx(), db.App, reach, []gid.Site{other, own, foreign})
	if err != nil || len(sites) != 1 || sites[0].ID != own {
		t.Errorf("by ids it finds %+v: %v", sites, err)
	}
	list, err := site.List(a.ctx(), db.App, reach, site.Filter{}, site.Order{}, page.Args{})
	if err != nil || len(list.Edges) != 1 || list.Nodes()[0].ID != own {
		t.Errorf("it lists %+v: %v", list, err)
	}
	sectors, err := site.SectorsBySites(a.ctx(), db.App, reach, []gid.Site{other, own, foreign})
	if err != nil || len(sectors) != 1 || sectors[0].ID != sector {
		t.Errorf("it finds the sectors %+v: %v", sectors, err)
	}
	// What changes a site is held to the same.
	_, err = site.Update(a.ctx(), db.App, key, now, site.Changes{SiteID: other, Name: change.To("N")})
	wants(t, err, "NOT_FOUND at siteId")
	_, err = site.Delete(a.ctx(), db.App, key, now, other)
	wants(t, err, "NOT_FOUND at siteId")
}

func TestList_FiltersAndCountsWhenAsked(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a := newTenant(t, db, enterprise)
	for i := range 6 {
		industry := new(health)
		if i%3 == 0 {
			industry = new(garden)
		}
		id := a.site(fmt.Sprint("S", i), industry)
		if i%2 == 0 {
			exec(t, db, `UPDATE igny8_sites SET status = 'inactive' WHERE id = ?`, id)
		}
	}
	for _, test := range []struct {
		filter site.Filter
		want   []string
	}{
		{site.Filter{}, []string{"S0", "S1", "S2", "S3", "S4", "S5"}},
		{site.Filter{Status: new(site.Inactive)}, []string{"S0", "S2", "S4"}},
		{site.Filter{IndustryID: new(garden)}, []string{"S0", "S3"}},
		{site.Filter{IndustryID: new(health), Status: new(site.Active)}, []string{"S1", "S5"}},
		{site.Filter{Status: new(site.Suspended)}, nil},
	} {
		ctx, counter := pgtest.CountQueries(a.ctx())
		list, err := site.List(ctx, db.App, site.ReachOf(a.owner), test.filter, site.Order{}, page.Args{First: new(1)})
		if err != nil {
			t.Fatal(err)
		}
		if counter.N() != 1 {
			t.Errorf("a page took the statements %q", counter.Statements())
		}
		total, err := list.TotalCount(ctx)
		if err != nil || total != len(test.want) || counter.N() != 2 {
			t.Errorf("%+v counts %d, want %d: %v", test.filter, total, len(test.want), err)
		}
		list, err = site.List(ctx, db.App, site.ReachOf(a.owner), test.filter, site.Order{}, page.Args{})
		if err != nil {
			t.Fatal(err)
		}
		names := make([]string, 0, len(test.want))
		for _, s := range list.Nodes() {
			names = append(names, s.Name)
		}
		if !slices.Equal(names, test.want) {
			t.Errorf("%+v lists %q, want %q", test.filter, names, test.want)
		}
	}
}

func TestList_RefusesWhatAsksForNoPage(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a := newTenant(t, db, enterprise)
	a.site("S", nil)
	cursor := func(json string) *string { return new(base64.RawURLEncoding.EncodeToString([]byte(json))) }
	for _, test := range []struct {
		field site.OrderField
		args  page.Args
	}{
		{site.ByName, page.Args{First: new(0)}},
		{site.ByName, page.Args{First: new(101)}},
		{site.ByName, page.Args{Last: new(-1)}},
		{site.ByName, page.Args{First: new(1), Last: new(1)}},
		{site.ByName, page.Args{After: new("!")}},
		{site.ByName, page.Args{After: cursor(`["a"]`)}},
		{site.ByName, page.Args{After: cursor(`["a", 1, 2]`)}},
		{site.ByName, page.Args{After: cursor(`[1, 1]`)}},
		{site.ByName, page.Args{After: cursor(`["a", "b"]`)}},
		{site.ByName, page.Args{After: cursor(`["a\u0000", 1]`)}},
		{site.ByName, page.Args{After: cursor(`["a", 9223372036854775808]`)}},
		{site.ByCreatedAt, page.Args{Before: cursor(`["a", 1]`)}},
		{site.ByCreatedAt, page.Args{After: cursor(`["0000-01-01T00:00:00Z", 1]`)}},
	} {
		_, err := site.List(a.ctx(), db.App, site.ReachOf(a.owner), site.Filter{}, site.Order{Field: test.field}, test.args)
		if !fault.Is(err, fault.BadUserInput) {
			t.Errorf("%+v by %s: %v", test.args, test.field, err)
		}
	}
	// What JSON and Postgres both allow finds its place in the list.
	for field, json := range map[site.OrderField]string{
		site.ByName: `["'; DROP TABLE igny8_sites; --\\?", 1]`, site.ByCreatedAt: `["0001-01-01T00:00:00Z", -1]`,
	} {
		list, err := site.List(a.ctx(), db.App, site.ReachOf(a.owner), site.Filter{}, site.Order{Field: field}, page.Args{After: cursor(json)})
		if err != nil || len(list.Edges) != 1 {
			t.Errorf("after %s: %v", json, err)
		}
	}
}
