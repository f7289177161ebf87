package site_test

import (
	"slices"
	"strings"
	"testing"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/change"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres/pgtest"
	"igny8.com/accounts/internal/site"
)

func TestUpdate_ChangesWhatIsGivenAndTellsTheAuditLog(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a := newTenant(t, db, growth)
	id := a.site("Old", new(health))
	editor := a.person(account.Editor)
	a.grant(id, editor)

	updated, err := site.Update(a.ctx(), db.App, editor, now, site.Changes{SiteID: id, Name: change.To(" New "), Slug: change.To("new")})
	if err != nil {
		t.Fatal(err)
	}
	if updated.Name != "New" || updated.Slug != "new" || updated.Domain != "old.example.com" || *updated.IndustryID != health ||
		!updated.UpdatedAt.Equal(now) || updated.CreatedAt.Equal(now) {
		t.Errorf("updated to %+v", updated)
	}
	updated, err = site.Update(a.ctx(), db.App, a.owner, now, site.Changes{
		SiteID: id, Domain: change.To("HTTPS://Shop.example.com/x"), Industry: change.ToNull[gid.Industry](), Active: change.To(false),
	})
	if err != nil {
		t.Fatal(err)
	}
	found, err := site.ByIDs(a.ctx(), db.App, site.ReachOf(a.owner), []gid.Site{id})
	if err != nil || len(found) != 1 {
		t.Fatalf("found %d sites: %v", len(found), err)
	}
	for _, s := range []*site.Site{updated, found[0]} {
		if s.Name != "New" || s.Slug != "new" || s.Domain != "shop.example.com" || s.IndustryID != nil || s.Active || s.Status != site.Inactive {
			t.Errorf("the site is %+v", s)
		}
	}
	events := a.events()
	if len(events) != 2 || !strings.HasPrefix(events[0], `site.updated {"name": "Old", "slug": "fixture-`) ||
		!strings.HasSuffix(events[0], ` {"name": "New", "slug": "new"}`) ||
		events[1] != `site.updated {"active": true, "domain": "old.example.com", "status": "active", "industryId": "ind_1"} `+
			`{"active": false, "domain": "shop.example.com", "status": "inactive", "industryId": null}` {
		t.Errorf("the audit log has %q", events)
	}
}

func TestUpdate_WritesNothingWhereNothingChanges(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a := newTenant(t, db, growth)
	id := a.site("Same", new(health))
	a.sector(id, entries(t, db, health)[0])
	const version = `SELECT xmin::text::bigint FROM igny8_sites WHERE id = ?`
	before := count(t, db, version, id)
	// To name the industry that a site with sectors has is no change either, even one no longer offered.
	exec(t, db, `UPDATE igny8_industries SET is_active = false WHERE id = ?`, health)
	for _, in := range []site.Changes{
		{SiteID: id},
		{
			SiteID: id, Name: change.To(" Same"), Domain: change.To("http://old.example.com"), Active: change.To(true),
			Industry: change.To(health),
		},
	} {
		updated, err := site.Update(a.ctx(), db.App, a.owner, now, in)
		if err != nil || updated.Name != "Same" || updated.UpdatedAt.Equal(now) {
			t.Errorf("updated to %+v: %v", updated, err)
		}
	}
	if count(t, db, version, id) != before || len(a.events()) != 0 {
		t.Error("a change that changes nothing was written")
	}
}

func TestUpdate_TellsNullFromAbsent(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a := newTenant(t, db, growth)
	id := a.site("S", new(health))
	_, err := site.Update(a.ctx(), db.App, a.owner, now, site.Changes{
		SiteID: id, Name: change.ToNull[string](), Domain: change.ToNull[string](), Slug: change.ToNull[string](), Active: change.ToNull[bool](),
	})
	wants(t, err, "REQUIRED at name", "REQUIRED at domain", "REQUIRED at slug", "REQUIRED at active")
	updated, err := site.Update(a.ctx(), db.App, a.owner, now, site.Changes{SiteID: id, Industry: change.ToNull[gid.Industry]()})
	if err != nil || updated.IndustryID != nil {
		t.Errorf("updated to %+v: %v", updated, err)
	}
}

func TestUpdate_TellsAllFaultsAtOnce(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a := newTenant(t, db, growth)
	id, other := a.site("S", new(health)), a.site("Other", nil)
	exec(t, db, `UPDATE igny8_sites SET slug = 'other' WHERE id = ?`, other)
	exec(t, db, `UPDATE igny8_sites SET status = 'suspended', is_active = false WHERE id = ?`, id)
	exec(t, db, `UPDATE igny8_industries SET is_active = false WHERE id = ?`, garden)
	for _, test := range []struct {
		in   site.Changes
		want []string
	}{
		{
			site.Changes{Name: change.To(""), Domain: change.To("localhost"), Slug: change.To("other"), Industry: change.To(gid.Industry(999)), Active: change.To(true)},
			[]string{"REQUIRED at name", "INVALID at domain", "TAKEN at slug", "NOT_FOUND at industryId", "INVALID_STATE at active"},
		},
		{
			site.Changes{Name: change.To(strings.Repeat("a", 101)), Slug: change.To("-"), Industry: change.To(garden)},
			[]string{"TOO_LONG at name", "INVALID at slug", "INVALID at industryId"},
		},
	} {
		test.in.SiteID = id
		_, err := site.Update(a.ctx(), db.App, a.owner, now, test.in)
		wants(t, err, test.want...)
	}
	if len(a.events()) != 0 {
		t.Error("a refused change left an event")
	}
}

func TestUpdate_KeepsTheIndustryOfASiteWithSectors(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a := newTenant(t, db, growth)
	id := a.site("S", new(health))
	sector := a.sector(id, entries(t, db, health)[0])
	for _, in := range []change.Field[gid.Industry]{change.To(garden), change.ToNull[gid.Industry]()} {
		_, err := site.Update(a.ctx(), db.App, a.owner, now, site.Changes{SiteID: id, Industry: in})
		wants(t, err, "INVALID_STATE at industryId")
	}
	if _, err := site.RemoveSector(a.ctx(), db.App, a.owner, now, sector); err != nil {
		t.Fatal(err)
	}
	// A sector that was removed is absent here too.
	for _, in := range []change.Field[gid.Industry]{change.To(garden), change.ToNull[gid.Industry]()} {
		if _, err := site.Update(a.ctx(), db.App, a.owner, now, site.Changes{SiteID: id, Industry: in}); err != nil {
			t.Errorf("after the sector was removed: %v", err)
		}
	}
}

func TestUpdate_LeavesASuspendedSiteSuspended(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a := newTenant(t, db, growth)
	id := a.site("S", nil)
	exec(t, db, `UPDATE igny8_sites SET status = 'suspended' WHERE id = ?`, id)
	updated, err := site.Update(a.ctx(), db.App, a.owner, now, site.Changes{SiteID: id, Active: change.To(false), Name: change.To("T")})
	if err != nil || updated.Status != site.Suspended || updated.Active || updated.Name != "T" {
		t.Errorf("updated to %+v: %v", updated, err)
	}
}

func TestUpdate_GivesASlugToOneOfTwentyAtOnce(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, pgtest.WithMaxConns(16))
	a := newTenant(t, db, enterprise)
	ids := make([]gid.Site, 20)
	for i := range ids {
		ids[i] = a.site("S", nil)
	}
	got := tally(t, race(20, func(i int) error {
		_, err := site.Update(a.ctx(), db.App, a.owner, now, site.Changes{SiteID: ids[i], Slug: change.To("mine")})
		return err
	}))
	if got["ok"] != 1 || got["TAKEN"] != 19 {
		t.Errorf("20 at once for one slug: %v", got)
	}
}

// What cannot be reached answers like what never was, to the byte.
func TestCommands_AnswerAlikeForAllThatIsOutOfReach(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a, b := newTenant(t, db, growth), newTenant(t, db, growth)
	entry := entries(t, db, health)[0]
	editor := a.person(account.Editor)
	ungranted, deleted, foreign := a.site("U", new(health)), a.site("D", new(health)), b.site("F", new(health))
	sites := map[string]gid.Site{"ungranted": ungranted, "deleted": deleted, "foreign": foreign, "never made": 1 << 60}
	removed := a.sector(ungranted, entry)
	exec(t, db, `UPDATE igny8_sectors SET deleted_at = now(), restore_until = now() WHERE id = ?`, removed)
	sectors := map[string]gid.Sector{
		"on an ungranted site": a.sector(ungranted, entry), "on a deleted site": a.sector(deleted, entry),
		"foreign": b.sector(foreign, entry), "removed": removed, "never made": 1 << 60,
	}
	a.grant(deleted, editor)
	a.remove(deleted)

	before := snapshot(t, db)
	for name, id := range sites {
		_, err := site.Update(a.ctx(), db.App, editor, now, site.Changes{SiteID: id, Name: change.To("Mine")})
		wants(t, err, "NOT_FOUND at siteId")
		if err.Error() != "NOT_FOUND at siteId: there is no such site" {
			t.Errorf("Update, %s: %v", name, err)
		}
		_, err = site.AddSector(a.ctx(), db.App, editor, now, site.NewSector{SiteID: id, IndustrySectorID: entry.ID})
		wants(t, err, "NOT_FOUND at siteId")
		if err.Error() != "NOT_FOUND at siteId: there is no such site" {
			t.Errorf("AddSector, %s: %v", name, err)
		}
	}
	for name, id := range sectors {
		_, err := site.RemoveSector(a.ctx(), db.App, editor, now, id)
		wants(t, err, "NOT_FOUND at sectorId")
		if err.Error() != "NOT_FOUND at sectorId: there is no such sector" {
			t.Errorf("RemoveSector, %s: %v", name, err)
		}
	}
	if after := snapshot(t, db); !slices.Equal(before, after) {
		t.Errorf("the refusals wrote: %q, before %q", after, before)
	}
}

// Every command waits for its account before it looks at anything: what was true before it waited
// does not count.
func TestCommands_TakeTheAccountFirst(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, pgtest.WithMaxConns(24))
	a := newTenant(t, db, enterprise)
	catalogue := entries(t, db, health)
	id, deleted := a.site("S", new(health)), a.site("D", nil)
	a.remove(deleted)
	sector, removed := a.sector(id, catalogue[0]), a.sector(id, catalogue[2])
	a.lost(removed)
	editor := a.person(account.Editor)
	closing, err := db.Admin.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = closing.Rollback() }()
	_, err = closing.NewRaw(`UPDATE igny8_tenants SET deleted_at = now(), restore_until = now() WHERE id = ?`, a.id).Exec(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	commands := []func() error{
		func() error {
			_, err := site.Create(a.ctx(), db.App, a.owner, now, site.NewSite{Name: "S", Domain: "example.com"})
			return err
		},
		func() error {
			_, err := site.Update(a.ctx(), db.App, a.owner, now, site.Changes{SiteID: id, Name: change.To("T")})
			return err
		},
		func() error {
			_, err := site.AddSector(a.ctx(), db.App, a.owner, now, site.NewSector{SiteID: id, IndustrySectorID: catalogue[1].ID})
			return err
		},
		func() error {
			_, err := site.RemoveSector(a.ctx(), db.App, a.owner, now, sector)
			return err
		},
		func() error {
			_, err := site.UpdateSector(a.ctx(), db.App, a.owner, now, site.SectorChanges{SectorID: sector, Name: change.To("T")})
			return err
		},
		func() error { _, err := site.RestoreSector(a.ctx(), db.App, a.owner, now, removed); return err },
		func() error { _, err := site.Delete(a.ctx(), db.App, a.owner, now, id); return err },
		func() error { _, err := site.Restore(a.ctx(), db.App, a.owner, now, deleted); return err },
		func() error {
			_, err := site.GrantAccess(a.ctx(), db.App, a.owner, now, id, editor.User.ID)
			return err
		},
		func() error {
			_, err := site.RevokeAccess(a.ctx(), db.App, a.owner, now, id, editor.User.ID)
			return err
		},
	}
	errs := make(chan error)
	for _, command := range commands {
		go func() { errs <- command() }()
	}
	waitForLocks(t, db, len(commands))
	if err := closing.Commit(); err != nil {
		t.Fatal(err)
	}
	for range commands {
		wants(t, <-errs, "NOT_FOUND")
	}
	if len(a.events()) != 0 {
		t.Error("a command on a closed account was written")
	}
}

// snapshot is everything that commands of this package can write.
func snapshot(tb testing.TB, db *pgtest.DB) []string {
	tb.Helper()
	rows := []string{}
	err := db.Admin.NewRaw(`
		SELECT s::text FROM igny8_sites s UNION ALL SELECT s::text FROM igny8_sectors s
		UNION ALL SELECT s::text FROM igny8_site_user_access s UNION ALL SELECT s::text FROM igny8_audit_events s ORDER BY 1`).
		Scan(tb.Context(), &rows)
	if err != nil {
		tb.Fatal(err)
	}
	return rows
}
