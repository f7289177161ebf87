package site_test

import (
	"strings"
	"testing"
	"time"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/change"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres/pgtest"
	"igny8.com/accounts/internal/site"
)

func TestAddSector_TakesTheCataloguesNameUnlessAnotherIsGiven(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a := newTenant(t, db, growth)
	catalogue := entries(t, db, garden)
	editor := a.person(account.Editor)
	id := a.site("S", new(garden))
	a.grant(id, editor)

	first, err := site.AddSector(a.ctx(), db.App, editor, now, site.NewSector{SiteID: id, IndustrySectorID: catalogue[0].ID})
	if err != nil {
		t.Fatal(err)
	}
	if first.Name != catalogue[0].Name || first.SiteID != id || first.TenantID != a.id || !first.Active || !first.CreatedAt.Equal(now) {
		t.Errorf("added %+v", first)
	}
	second, err := site.AddSector(a.ctx(), db.App, editor, now, site.NewSector{SiteID: id, IndustrySectorID: catalogue[1].ID, Name: new(" Aaa ")})
	if err != nil || second.Name != "Aaa" {
		t.Fatalf("added %+v: %v", second, err)
	}
	found, err := site.SectorsBySites(a.ctx(), db.App, site.ReachOf(editor), []gid.Site{id})
	if err != nil || len(found) != 2 || found[0].ID != second.ID || found[1].ID != first.ID || found[0].IndustrySectorID != catalogue[1].ID {
		t.Errorf("the site has the sectors %v: %v", found, err)
	}
	events := a.events()
	want := `sector.added {"name": "Aaa", "siteId": "` + gid.Format(id) + `", "industrySectorId": "` + gid.Format(catalogue[1].ID) + `"}`
	if len(events) != 2 || events[1] != want {
		t.Errorf("the audit log has %q, want %q", events, want)
	}
}

func TestAddSector_RefusesWhatTheSiteCannotTake(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a := newTenant(t, db, growth)
	mine, others := entries(t, db, health), entries(t, db, garden)
	id, bare := a.site("S", new(health)), a.site("Bare", nil)
	a.sector(id, mine[0])
	exec(t, db, `UPDATE igny8_industry_sectors SET is_active = false WHERE id = ?`, mine[1].ID)
	closed := a.site("Closed", new(gid.Industry(3)))
	exec(t, db, `UPDATE igny8_industries SET is_active = false WHERE id = 3`)

	for _, test := range []struct {
		in   site.NewSector
		want []string
	}{
		{site.NewSector{SiteID: id, IndustrySectorID: 999_999}, []string{"NOT_FOUND at industrySectorId"}},
		{site.NewSector{SiteID: id, IndustrySectorID: others[0].ID}, []string{"INVALID at industrySectorId"}},
		{site.NewSector{SiteID: id, IndustrySectorID: mine[1].ID}, []string{"INVALID at industrySectorId"}},
		{site.NewSector{SiteID: closed, IndustrySectorID: entries(t, db, 3)[0].ID}, []string{"INVALID at industrySectorId"}},
		{site.NewSector{SiteID: id, IndustrySectorID: mine[0].ID}, []string{"TAKEN at industrySectorId"}},
		{site.NewSector{SiteID: bare, IndustrySectorID: mine[0].ID}, []string{"INVALID_STATE at siteId"}},
		{site.NewSector{SiteID: id, IndustrySectorID: mine[2].ID, Name: new(" ")}, []string{"REQUIRED at name"}},
		{
			site.NewSector{SiteID: id, IndustrySectorID: mine[0].ID, Name: new(strings.Repeat("n", 101))},
			[]string{"TAKEN at industrySectorId", "TOO_LONG at name"},
		},
	} {
		_, err := site.AddSector(a.ctx(), db.App, a.owner, now, test.in)
		wants(t, err, test.want...)
	}
	if n := count(t, db, `SELECT count(*) FROM igny8_sectors`); n != 1 || len(a.events()) != 0 {
		t.Errorf("%d sectors and %d events, want the fixture's alone", n, len(a.events()))
	}
}

func TestAddSector_StopsAtFive(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a := newTenant(t, db, growth)
	catalogue := entries(t, db, health)
	id := a.site("S", new(health))
	var last *site.Sector
	for i := range site.MaxSectors {
		var err error
		if last, err = site.AddSector(a.ctx(), db.App, a.owner, now, site.NewSector{SiteID: id, IndustrySectorID: catalogue[i].ID}); err != nil {
			t.Fatal(err)
		}
	}
	sixth := site.NewSector{SiteID: id, IndustrySectorID: catalogue[5].ID}
	_, err := site.AddSector(a.ctx(), db.App, a.owner, now, sixth)
	wants(t, err, "PLAN_LIMIT_REACHED at siteId")
	if f := fault.Of(err); len(f) != 1 || f[0].Details["limit"] != 5 || f[0].Details["used"] != 5 {
		t.Errorf("the fault has the details %v", f)
	}
	if _, err := site.RemoveSector(a.ctx(), db.App, a.owner, now, last.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := site.AddSector(a.ctx(), db.App, a.owner, now, sixth); err != nil {
		t.Errorf("after one was removed: %v", err)
	}
}

func TestAddSector_StopsAtFiveUnderFiftyAtOnce(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, pgtest.WithMaxConns(16))
	a := newTenant(t, db, growth)
	catalogue := entries(t, db, health)
	id := a.site("S", new(health))
	got := tally(t, race(50, func(i int) error {
		entry := catalogue[i%len(catalogue)]
		_, err := site.AddSector(a.ctx(), db.App, a.owner, now, site.NewSector{SiteID: id, IndustrySectorID: entry.ID})
		return err
	}))
	if got["ok"] != 5 || got["TAKEN"]+got["PLAN_LIMIT_REACHED"] != 45 {
		t.Errorf("50 at once on a site for 5: %v", got)
	}
	if n := count(t, db, `SELECT count(DISTINCT industry_sector_id) FROM igny8_sectors WHERE site_id = ?`, id); n != 5 {
		t.Errorf("%d different sectors were written", n)
	}
}

func TestAddSector_GivesASectorToOneOfTwentyAtOnce(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, pgtest.WithMaxConns(16))
	a := newTenant(t, db, growth)
	entry := entries(t, db, health)[0]
	id := a.site("S", new(health))
	got := tally(t, race(20, func(int) error {
		_, err := site.AddSector(a.ctx(), db.App, a.owner, now, site.NewSector{SiteID: id, IndustrySectorID: entry.ID})
		return err
	}))
	if got["ok"] != 1 || got["TAKEN"] != 19 {
		t.Errorf("20 at once for one sector: %v", got)
	}
}

// To change a site's industry and to add a sector of the old one exclude each other, whichever
// comes first.
func TestAddSector_NeverMeetsAChangeOfIndustry(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, pgtest.WithMaxConns(16))
	a := newTenant(t, db, enterprise)
	entry := entries(t, db, health)[0]
	for range 10 {
		id := a.site("S", new(health))
		got := tally(t, race(2, func(i int) error {
			if i == 0 {
				_, err := site.AddSector(a.ctx(), db.App, a.owner, now, site.NewSector{SiteID: id, IndustrySectorID: entry.ID})
				return err
			}
			_, err := site.Update(a.ctx(), db.App, a.owner, now, site.Changes{SiteID: id, Industry: change.To(garden)})
			return err
		}))
		if got["ok"] != 1 || got["INVALID"]+got["INVALID_STATE"] != 1 {
			t.Errorf("a sector and another industry at once: %v", got)
		}
	}
}

func TestRemoveSector_TakesItAwayUntilItIsRestored(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a := newTenant(t, db, growth)
	entry := entries(t, db, health)[0]
	id := a.site("S", new(health))
	gone := a.sector(id, entry)
	reach := site.ReachOf(a.owner)

	left, err := site.RemoveSector(a.ctx(), db.App, a.owner, now, gone)
	if err != nil || left.ID != id || left.UpdatedAt.Equal(now) {
		t.Fatalf("left %+v: %v", left, err)
	}
	var row struct {
		DeletedAt, RestoreUntil time.Time
		DeletedBy               gid.User
	}
	if err := db.Admin.NewRaw(`SELECT deleted_at, restore_until, deleted_by FROM igny8_sectors WHERE id = ?`, gone).Scan(t.Context(), &row); err != nil {
		t.Fatal(err)
	}
	if !row.DeletedAt.Equal(now) || !row.RestoreUntil.Equal(now.AddDate(0, 0, 30)) || row.DeletedBy != a.owner.User.ID {
		t.Errorf("the row says %+v", row)
	}
	bySite, err := site.SectorsBySites(a.ctx(), db.App, reach, []gid.Site{id})
	if err != nil || len(bySite) != 0 {
		t.Errorf("the site still has %d sectors: %v", len(bySite), err)
	}
	byID, err := site.SectorsByIDs(a.ctx(), db.App, reach, []gid.Sector{gone})
	if err != nil || len(byID) != 0 {
		t.Errorf("the id still answers: %v", err)
	}
	_, err = site.RemoveSector(a.ctx(), db.App, a.owner, now, gone)
	wants(t, err, "NOT_FOUND at sectorId")
	if _, err := site.AddSector(a.ctx(), db.App, a.owner, now, site.NewSector{SiteID: id, IndustrySectorID: entry.ID}); err != nil {
		t.Errorf("the sector cannot be added again: %v", err)
	}
	events := a.events()
	if len(events) != 2 || !strings.HasPrefix(events[0], `sector.removed {"name": `) {
		t.Errorf("the audit log has %q", events)
	}
}

func TestRemoveSector_SucceedsOnceOfTwentyAtOnce(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, pgtest.WithMaxConns(16))
	a := newTenant(t, db, growth)
	id := a.site("S", new(health))
	gone := a.sector(id, entries(t, db, health)[0])
	got := tally(t, race(20, func(int) error {
		_, err := site.RemoveSector(a.ctx(), db.App, a.owner, now, gone)
		return err
	}))
	if got["ok"] != 1 || got["NOT_FOUND"] != 19 || len(a.events()) != 1 {
		t.Errorf("20 at once: %v, %d events", got, len(a.events()))
	}
}

// The database holds a live sector to its site's industry by itself, and lets go of a removed one
// until it is restored.
func TestSchema_TiesLiveSectorsToTheirSitesIndustry(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a, b := newTenant(t, db, growth), newTenant(t, db, growth)
	entry := entries(t, db, health)[0]
	id, foreign := a.site("S", new(health)), b.site("F", new(health))
	sector := a.sector(id, entry)
	refused := func(query string, args ...any) {
		t.Helper()
		if _, err := db.Admin.NewRaw(query, args...).Exec(t.Context()); err == nil || !strings.Contains(err.Error(), "foreign key") {
			t.Errorf("%s: %v", query, err)
		}
	}
	move := `UPDATE igny8_sites SET industry_id = ? WHERE id = ?`
	remove := `UPDATE igny8_sectors SET deleted_at = now(), restore_until = now() WHERE id = ?`
	restore := `UPDATE igny8_sectors SET deleted_at = NULL, restore_until = NULL WHERE id = ?`
	insert := `INSERT INTO igny8_sectors (tenant_id, site_id, industry_id, industry_sector_id, name, deleted_at, restore_until)
		VALUES (?, ?, ?, ?, 'n', ?, ?)`

	refused(move, garden, id)
	exec(t, db, remove, sector)
	exec(t, db, move, garden, id)
	refused(restore, sector)
	exec(t, db, move, health, id)
	exec(t, db, restore, sector)

	refused(insert, a.id, foreign, entry.IndustryID, entry.ID, nil, nil)
	refused(insert, a.id, foreign, entry.IndustryID, entry.ID, now, now)
	refused(insert, a.id, id, garden, entries(t, db, health)[1].ID, nil, nil)
	refused(insert, a.id, id, garden, entries(t, db, garden)[0].ID, nil, nil)
}
