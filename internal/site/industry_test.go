package site_test

import (
	"slices"
	"strings"
	"testing"

	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres/pgtest"
	"igny8.com/accounts/internal/site"
	"igny8.com/accounts/internal/slug"
)

func TestIndustries_AreTheCatalogueByName(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	ctx := t.Context()
	industries, err := site.Industries(ctx, db.App)
	if err != nil {
		t.Fatal(err)
	}
	if len(industries) < 14 || !slices.IsSortedFunc(industries, func(a, b *site.Industry) int { return strings.Compare(a.Name, b.Name) }) {
		t.Errorf("%d industries, or not by name", len(industries))
	}
	names := map[string]gid.Industry{}
	ids := make([]gid.Industry, 0, len(industries))
	for _, i := range industries {
		names[i.Name] = i.ID
		ids = append(ids, i.ID)
		if i.Slug != slug.Make(i.Name, "", 60) || i.Description == "" {
			t.Errorf("the industry %+v", i)
		}
	}
	if names["Healthcare & Medical"] != health || names["Home & Garden"] != garden {
		t.Errorf("the industries of today are %v", names)
	}
	sectors, err := site.SectorsOfIndustries(ctx, db.App, ids)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.IsSortedFunc(sectors, func(a, b *site.IndustrySector) int { return strings.Compare(a.Name, b.Name) }) {
		t.Error("the sectors are not by name")
	}
	has := map[gid.Industry]int{}
	for _, s := range sectors {
		has[s.IndustryID]++
		if s.Slug != slug.Make(s.Name, "", 60) || s.Description == "" {
			t.Errorf("the sector %+v", s)
		}
	}
	for _, i := range industries {
		if has[i.ID] < site.MaxSectors {
			t.Errorf("%s has %d sectors, so that a site cannot fill its %d", i.Name, has[i.ID], site.MaxSectors)
		}
	}
}

func TestIndustries_LeaveOutInactiveOnesThatIDsStillFind(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	ctx := t.Context()
	gone := entries(t, db, health)[0]
	exec(t, db, `UPDATE igny8_industries SET is_active = false WHERE id = ?`, garden)
	exec(t, db, `UPDATE igny8_industry_sectors SET is_active = false WHERE id = ?`, gone.ID)

	industries, err := site.Industries(ctx, db.App)
	if err != nil || slices.ContainsFunc(industries, func(i *site.Industry) bool { return i.ID == garden }) {
		t.Errorf("an inactive industry is listed: %v", err)
	}
	sectors, err := site.SectorsOfIndustries(ctx, db.App, []gid.Industry{health})
	if err != nil || len(sectors) == 0 || slices.ContainsFunc(sectors, func(s *site.IndustrySector) bool { return s.ID == gone.ID }) {
		t.Errorf("an inactive sector is listed among %d: %v", len(sectors), err)
	}
	if found, err := site.IndustriesByIDs(ctx, db.App, []gid.Industry{garden, 999}); err != nil || len(found) != 1 || found[0].Active {
		t.Errorf("found %v: %v", found, err)
	}
	if found, err := site.IndustrySectorsByIDs(ctx, db.App, []gid.IndustrySector{gone.ID, 999_999}); err != nil || len(found) != 1 || found[0].Active {
		t.Errorf("found %v: %v", found, err)
	}
}

func TestIndustries_LeaveTheirSequencesBeyondTheirIDs(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	exec(t, db, `INSERT INTO igny8_industries (slug, name) VALUES ('new', 'New')`)
	exec(t, db, `INSERT INTO igny8_industry_sectors (industry_id, slug, name) VALUES (1, 'new', 'New')`)
}

func TestReads_OfNothingFindNothing(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a := newTenant(t, db, growth)
	a.sector(a.site("S", new(health)), entries(t, db, health)[0])
	reach := site.ReachOf(a.owner)
	sites, err1 := site.ByIDs(a.ctx(), db.App, reach, nil)
	sectors, err2 := site.SectorsByIDs(a.ctx(), db.App, reach, nil)
	ofSites, err3 := site.SectorsBySites(a.ctx(), db.App, reach, nil)
	ofIndustries, err4 := site.SectorsOfIndustries(a.ctx(), db.App, nil)
	if n := len(sites) + len(sectors) + len(ofSites) + len(ofIndustries); n != 0 || err1 != nil || err2 != nil || err3 != nil || err4 != nil {
		t.Errorf("%d rows for no ids: %v %v %v %v", n, err1, err2, err3, err4)
	}
}
