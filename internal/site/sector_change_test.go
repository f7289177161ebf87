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
	"igny8.com/accounts/internal/postgres/pgtest"
	"igny8.com/accounts/internal/site"
)

func TestUpdateSector_ChangesWhatIsGivenAndTellsTheAuditLog(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a := newTenant(t, db, growth)
	entry := entries(t, db, health)[0]
	id := a.site("S", new(health))
	sector := a.sector(id, entry)
	editor := a.person(account.Editor)
	a.grant(id, editor)

	updated, err := site.UpdateSector(a.ctx(), db.App, editor, now, site.SectorChanges{SectorID: sector, Name: change.To(" New "), Active: change.To(false)})
	if err != nil {
		t.Fatal(err)
	}
	found, err := site.SectorsByIDs(a.ctx(), db.App, site.ReachOf(editor), []gid.Sector{sector})
	if err != nil || len(found) != 1 {
		t.Fatalf("found %d: %v", len(found), err)
	}
	for _, s := range []*site.Sector{updated, found[0]} {
		if s.ID != sector || s.Name != "New" || s.Active || s.Status != site.Inactive || !s.UpdatedAt.Equal(now) || s.IndustrySectorID != entry.ID {
			t.Errorf("the sector is %+v", s)
		}
	}
	if _, err := site.UpdateSector(a.ctx(), db.App, editor, now, site.SectorChanges{SectorID: sector, Active: change.To(true)}); err != nil {
		t.Fatal(err)
	}
	want := []string{
		`sector.updated {"name": "` + entry.Name + `", "active": true, "status": "active"} {"name": "New", "active": false, "status": "inactive"}`,
		`sector.updated {"active": false, "status": "inactive"} {"active": true, "status": "active"}`,
	}
	if got := a.events(); !slices.Equal(got, want) {
		t.Errorf("the audit log has %q, want %q", got, want)
	}
	before := snapshot(t, db)
	for _, in := range []site.SectorChanges{{SectorID: sector}, {SectorID: sector, Name: change.To("New"), Active: change.To(true)}} {
		if _, err := site.UpdateSector(a.ctx(), db.App, editor, now.Add(time.Hour), in); err != nil {
			t.Error(err)
		}
	}
	if !slices.Equal(snapshot(t, db), before) {
		t.Error("no change was written")
	}
}

func TestUpdateSector_RefusesWhatIsWrongOrOutOfReach(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a, b := newTenant(t, db, growth), newTenant(t, db, growth)
	catalogue := entries(t, db, health)
	id, deleted := a.site("S", new(health)), a.site("D", new(health))
	sector, lost, unseen := a.sector(id, catalogue[0]), a.sector(id, catalogue[1]), a.sector(deleted, catalogue[0])
	foreign := b.sector(b.site("F", new(health)), catalogue[0])
	a.lost(lost)
	a.remove(deleted)
	before := snapshot(t, db)

	_, err := site.UpdateSector(a.ctx(), db.App, a.owner, now, site.SectorChanges{SectorID: sector, Name: change.ToNull[string](), Active: change.ToNull[bool]()})
	wants(t, err, "REQUIRED at name", "REQUIRED at active")
	for text, want := range map[string]string{" ": "REQUIRED at name", "a\nb": "INVALID at name", strings.Repeat("é", 101): "TOO_LONG at name"} {
		_, err := site.UpdateSector(a.ctx(), db.App, a.owner, now, site.SectorChanges{SectorID: sector, Name: change.To(text), Active: change.To(false)})
		wants(t, err, want)
	}
	for _, id := range []gid.Sector{lost, unseen, foreign, 999999} {
		_, err := site.UpdateSector(a.ctx(), db.App, a.owner, now, site.SectorChanges{SectorID: id, Name: change.To("N")})
		wants(t, err, "NOT_FOUND at sectorId")
		_, err = site.UpdateSector(t.Context(), db.Admin, a.owner, now, site.SectorChanges{SectorID: id, Name: change.To("N")})
		wants(t, err, "NOT_FOUND at sectorId")
	}
	_, err = site.UpdateSector(a.ctx(), db.App, a.person(account.Editor), now, site.SectorChanges{SectorID: sector, Name: change.To("N")})
	wants(t, err, "NOT_FOUND at sectorId")
	if !slices.Equal(snapshot(t, db), before) {
		t.Error("the refusals wrote")
	}
}

func TestRestoreSector_BringsItBackUntilItsTimeIsOver(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a := newTenant(t, db, growth)
	entry := entries(t, db, health)[0]
	id := a.site("S", new(health))
	sector := a.sector(id, entry)
	editor := a.person(account.Editor)
	a.grant(id, editor)
	removed := func(at time.Time) []*site.Sector {
		t.Helper()
		found, err := site.RemovedSectorsBySites(a.ctx(), db.App, site.ReachOf(editor), at, []gid.Site{id})
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	if _, err := site.RemoveSector(a.ctx(), db.App, editor, now, sector); err != nil {
		t.Fatal(err)
	}
	over := now.AddDate(0, 0, 30)
	if found := removed(over.Add(-time.Microsecond)); len(found) != 1 || found[0].ID != sector || !found[0].RestoreUntil.Equal(over) {
		t.Errorf("removed are %+v", found)
	}
	before := snapshot(t, db)
	_, err := site.RestoreSector(a.ctx(), db.App, editor, over, sector)
	wants(t, err, "NOT_FOUND at sectorId")
	if len(removed(over)) != 0 || !slices.Equal(snapshot(t, db), before) {
		t.Error("it is listed at its restore_until, or the refusal wrote")
	}
	// What the catalogue no longer lists stays with the site that had it.
	exec(t, db, `UPDATE igny8_industry_sectors SET is_active = false WHERE id = ?`, entry.ID)
	later := over.Add(-time.Microsecond)
	back, err := site.RestoreSector(a.ctx(), db.App, editor, later, sector)
	if err != nil || back.ID != sector || back.DeletedAt != nil || back.RestoreUntil != nil || !back.UpdatedAt.Equal(later) {
		t.Fatalf("back is %+v: %v", back, err)
	}
	there, err := site.SectorsBySites(a.ctx(), db.App, site.ReachOf(editor), []gid.Site{id})
	if err != nil || len(there) != 1 || there[0].ID != sector || there[0].DeletedBy != nil || len(removed(later)) != 0 {
		t.Errorf("there is %+v: %v", there, err)
	}
	_, err = site.RestoreSector(a.ctx(), db.App, editor, later, sector)
	wants(t, err, "NOT_FOUND at sectorId")
	events := a.events()
	if len(events) != 2 || events[1] != strings.Replace(events[0], "sector.removed", "sector.restored", 1) {
		t.Errorf("the audit log has %q", events)
	}
}

func TestRestoreSector_RefusesWhatTheSiteCannotTakeBack(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a, b := newTenant(t, db, enterprise), newTenant(t, db, growth)
	catalogue := entries(t, db, health)
	// lostOf makes a site that lost its first sector.
	lostOf := func(a *tenant) (gid.Site, gid.Sector) {
		id := a.site("S", new(health))
		s := a.sector(id, catalogue[0])
		a.lost(s)
		return id, s
	}
	moved, ofMoved := lostOf(a)
	exec(t, db, `UPDATE igny8_sites SET industry_id = ? WHERE id = ?`, garden, moved)
	bare, ofBare := lostOf(a)
	exec(t, db, `UPDATE igny8_sites SET industry_id = NULL WHERE id = ?`, bare)
	again, ofAgain := lostOf(a)
	a.sector(again, catalogue[0])
	full, ofFull := lostOf(a)
	for _, entry := range catalogue[1:6] {
		a.sector(full, entry)
	}
	deleted, ofDeleted := lostOf(a)
	a.remove(deleted)
	_, ofUngranted := lostOf(a)
	_, foreign := lostOf(b)
	before := snapshot(t, db)
	for id, want := range map[gid.Sector]string{
		ofMoved: "INVALID_STATE at sectorId", ofBare: "INVALID_STATE at sectorId", ofAgain: "TAKEN at sectorId",
		ofFull: "PLAN_LIMIT_REACHED at sectorId", ofDeleted: "NOT_FOUND at sectorId", foreign: "NOT_FOUND at sectorId", 999999: "NOT_FOUND at sectorId",
	} {
		_, err := site.RestoreSector(a.ctx(), db.App, a.owner, now, id)
		wants(t, err, want)
		if f := fault.Of(err); id == ofFull && (len(f) != 1 || f[0].Details["limit"] != 5 || f[0].Details["used"] != 5) {
			t.Errorf("the limit is told as %v", f)
		}
		_, err = site.RestoreSector(t.Context(), db.Admin, a.owner, now, id)
		wants(t, err, want)
	}
	_, err := site.RestoreSector(a.ctx(), db.App, a.person(account.Editor), now, ofUngranted)
	wants(t, err, "NOT_FOUND at sectorId")
	if !slices.Equal(snapshot(t, db), before) {
		t.Error("the refusals wrote")
	}
}
