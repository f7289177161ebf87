package site_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/change"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/page"
	"igny8.com/accounts/internal/postgres/pgtest"
	"igny8.com/accounts/internal/site"
)

func TestDelete_TakesTheSiteAwayUntilItIsRestored(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a := newTenant(t, db, starter)
	id := a.site("Shop", new(health))
	sector := a.sector(id, entries(t, db, health)[0])
	admin, editor := a.person(account.Admin), a.person(account.Editor)
	a.grant(id, editor)
	reach := site.ReachOf(a.owner)

	gone, err := site.Delete(a.ctx(), db.App, admin, now, id)
	if err != nil {
		t.Fatal(err)
	}
	var row site.Site
	if err := db.Admin.NewSelect().Model(&row).Where("id = ?", id).Scan(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, s := range []*site.Site{gone, &row} {
		if s.ID != id || s.Name != "Shop" || !s.UpdatedAt.Equal(now) || !s.DeletedAt.Equal(now) || *s.DeletedBy != admin.User.ID ||
			!s.RestoreUntil.Equal(now.AddDate(0, 0, 30)) {
			t.Errorf("the site is %+v", s)
		}
	}
	if a.reaches(a.owner, id) || a.reaches(editor, id) {
		t.Error("the site is still there")
	}
	bySite, err1 := site.SectorsBySites(a.ctx(), db.App, reach, []gid.Site{id})
	byID, err2 := site.SectorsByIDs(a.ctx(), db.App, reach, []gid.Sector{sector})
	if err1 != nil || err2 != nil || len(bySite)+len(byID) != 0 {
		t.Errorf("its sectors are still there: %v, %v", err1, err2)
	}
	// Nothing can be done on it, as on one that never was.
	_, err = site.Delete(a.ctx(), db.App, a.owner, now, id)
	wants(t, err, "NOT_FOUND at siteId")
	_, err = site.Update(a.ctx(), db.App, a.owner, now, site.Changes{SiteID: id, Name: change.To("N")})
	wants(t, err, "NOT_FOUND at siteId")
	_, err = site.AddSector(a.ctx(), db.App, a.owner, now, site.NewSector{SiteID: id, IndustrySectorID: entries(t, db, health)[1].ID})
	wants(t, err, "NOT_FOUND at siteId")
	_, err = site.RemoveSector(a.ctx(), db.App, a.owner, now, sector)
	wants(t, err, "NOT_FOUND at sectorId")

	later := now.AddDate(0, 0, 30).Add(-time.Microsecond)
	back, err := site.Restore(a.ctx(), db.App, admin, later, id)
	if err != nil {
		t.Fatal(err)
	}
	row = site.Site{}
	if err := db.Admin.NewSelect().Model(&row).Where("id = ?", id).Scan(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, s := range []*site.Site{back, &row} {
		if s.ID != id || s.Name != "Shop" || s.Slug != gone.Slug || *s.IndustryID != health || !s.UpdatedAt.Equal(later) ||
			s.DeletedAt != nil || s.DeletedBy != nil || s.RestoreUntil != nil {
			t.Errorf("the site came back as %+v", s)
		}
	}
	if !a.reaches(a.owner, id) || !a.reaches(editor, id) {
		t.Error("the site or its grant did not come back")
	}
	if byID, err := site.SectorsByIDs(a.ctx(), db.App, reach, []gid.Sector{sector}); err != nil || len(byID) != 1 {
		t.Errorf("its sector did not come back: %v", err)
	}
	events := a.events()
	facts := `{"name": "Shop", "slug": "` + gone.Slug + `", "active": true, "domain": "old.example.com", "status": "active", "industryId": "ind_1"}`
	if !slices.Equal(events, []string{"site.deleted " + facts, "site.restored " + facts}) {
		t.Errorf("the audit log has %q", events)
	}
}

func TestDelete_IsRefusedForWhatIsOutOfReach(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a, b := newTenant(t, db, growth), newTenant(t, db, growth)
	own, foreign, goneThere := a.site("S", nil), b.site("F", nil), b.site("G", nil)
	gone := a.site("D", nil)
	b.remove(goneThere)
	a.remove(gone)
	editor := a.person(account.Editor)
	a.grant(gone, editor)
	before := snapshot(t, db)
	for _, id := range []gid.Site{foreign, goneThere, 999999} {
		_, err := site.Delete(a.ctx(), db.App, a.owner, now, id)
		wants(t, err, "NOT_FOUND at siteId")
		_, err = site.Restore(a.ctx(), db.App, a.owner, now, id)
		wants(t, err, "NOT_FOUND at siteId")
		// The select and not only the wall keeps accounts apart.
		_, err = site.Delete(t.Context(), db.Admin, a.owner, now, id)
		wants(t, err, "NOT_FOUND at siteId")
		_, err = site.Restore(t.Context(), db.Admin, a.owner, now, id)
		wants(t, err, "NOT_FOUND at siteId")
	}
	_, err := site.Delete(a.ctx(), db.App, editor, now, own)
	wants(t, err, "NOT_FOUND at siteId")
	_, err = site.Restore(a.ctx(), db.App, a.owner, now, own)
	wants(t, err, "NOT_FOUND at siteId")
	_, err = site.Restore(a.ctx(), db.App, editor, now, gone)
	wants(t, err, "NOT_FOUND at siteId")
	if after := snapshot(t, db); !slices.Equal(after, before) {
		t.Errorf("the refusals wrote: %q, before %q", after, before)
	}
}

func TestRestore_EndsAtRestoreUntil(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a := newTenant(t, db, growth)
	id := a.site("S", nil)
	gone, err := site.Delete(a.ctx(), db.App, a.owner, now, id)
	if err != nil {
		t.Fatal(err)
	}
	_, err = site.Restore(a.ctx(), db.App, a.owner, *gone.RestoreUntil, id)
	wants(t, err, "NOT_FOUND at siteId")
	list, err := site.Deleted(a.ctx(), db.App, site.ReachOf(a.owner), *gone.RestoreUntil, page.Args{})
	if err != nil || len(list.Edges) != 0 {
		t.Errorf("it is listed at its restore_until: %v", err)
	}
}

func TestRestore_StaysWithinThePlansLimit(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a := newTenant(t, db, starter)
	id := a.site("S", nil)
	if _, err := site.Delete(a.ctx(), db.App, a.owner, now, id); err != nil {
		t.Fatal(err)
	}
	newer, err := site.Create(a.ctx(), db.App, a.owner, now, site.NewSite{Name: "Newer", Domain: "example.com"})
	if err != nil {
		t.Fatalf("the deleted site still counts: %v", err)
	}
	before := snapshot(t, db)
	_, err = site.Restore(a.ctx(), db.App, a.owner, now, id)
	wants(t, err, "PLAN_LIMIT_REACHED")
	if f := fault.Of(err); len(f) != 1 || f[0].Details["limit"] != 1 || f[0].Details["used"] != 1 {
		t.Errorf("the fault has the details %v", f)
	}
	if !slices.Equal(snapshot(t, db), before) {
		t.Error("the refusal wrote")
	}
	if _, err := site.Delete(a.ctx(), db.App, a.owner, now, newer.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := site.Restore(a.ctx(), db.App, a.owner, now, id); err != nil {
		t.Errorf("with room again: %v", err)
	}
}

func TestRestore_FindsAFreeSlugWhereItsOwnIsTaken(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a := newTenant(t, db, enterprise)
	made := make([]gid.Site, 0, 3)
	for range 3 {
		s, err := site.Create(a.ctx(), db.App, a.owner, now, site.NewSite{Name: "Other name", Domain: "example.com", Slug: new("shop")})
		if err != nil {
			t.Fatal(err)
		}
		made = append(made, s.ID)
		if _, err := site.Delete(a.ctx(), db.App, a.owner, now, s.ID); err != nil {
			t.Fatal(err)
		}
	}
	for i, want := range []string{"shop", "shop-2", "shop-3"} {
		back, err := site.Restore(a.ctx(), db.App, a.owner, now, made[i])
		if err != nil || back.Slug != want {
			t.Errorf("site %d came back as %q, want %q: %v", i, back.Slug, want, err)
		}
		found, err := site.ByIDs(a.ctx(), db.App, site.ReachOf(a.owner), made[i:i+1])
		if err != nil || len(found) != 1 || found[0].Slug != want {
			t.Errorf("it reads %+v: %v", found, err)
		}
	}
	events := a.events()
	if last := events[len(events)-1]; !strings.HasPrefix(last, `site.restored {"slug": "shop"} {"name": "Other name", "slug": "shop-3"`) {
		t.Errorf("the audit log ends with %q", last)
	}
}

func TestDeleted_ListsTheNewestFirstAndCountsWhenAsked(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a := newTenant(t, db, enterprise)
	var want []gid.Site
	for i := range 5 {
		id := a.site("S", nil)
		if _, err := site.Delete(a.ctx(), db.App, a.owner, now.Add(time.Duration(i/2)*time.Microsecond), id); err != nil {
			t.Fatal(err)
		}
		want = slices.Insert(want, 0, id)
	}
	a.site("There", nil)
	var got []gid.Site
	args := page.Args{First: new(2)}
	for {
		ctx, counter := pgtest.CountQueries(a.ctx())
		list, err := site.Deleted(ctx, db.App, site.ReachOf(a.owner), now, args)
		if err != nil || counter.N() != 1 {
			t.Fatalf("a page took %q: %v", counter.Statements(), err)
		}
		if total, err := list.TotalCount(ctx); err != nil || total != 5 {
			t.Errorf("it counts %d: %v", total, err)
		}
		for _, s := range list.Nodes() {
			got = append(got, s.ID)
		}
		if args.After = list.PageInfo.EndCursor; !list.PageInfo.HasNextPage || len(got) > len(want) {
			break
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("listed %v, want %v", got, want)
	}
	_, err := site.Deleted(a.ctx(), db.App, site.ReachOf(a.owner), now, page.Args{After: new("!")})
	if !fault.Is(err, fault.BadUserInput) {
		t.Errorf("a cursor that is none: %v", err)
	}
}
