package site_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres/pgtest"
	"igny8.com/accounts/internal/site"
)

func TestDeleteAndRestore_SucceedOnceOfTwentyAtOnce(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, pgtest.WithMaxConns(16))
	a := newTenant(t, db, enterprise)
	id := a.site("S", nil)
	for i, change := range []func() error{
		func() error { _, err := site.Delete(a.ctx(), db.App, a.owner, now, id); return err },
		func() error { _, err := site.Restore(a.ctx(), db.App, a.owner, now, id); return err },
	} {
		got := tally(t, race(20, func(int) error { return change() }))
		if got["ok"] != 1 || got["NOT_FOUND"] != 19 || len(a.events()) != i+1 {
			t.Errorf("20 at once: %v, %d events", got, len(a.events()))
		}
	}
}

// Whatever is deleted, restored and created at once, the account never has more sites than its plan
// allows: a watcher looks all the while, and no two sites share a slug.
func TestSites_KeepThePlansLimitWhileFiftyDeleteRestoreAndCreate(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, pgtest.WithMaxConns(32))
	a := newTenant(t, db, growth) // 3
	live, gone := make([]gid.Site, 0, 3), make([]gid.Site, 0, 10)
	for range 3 {
		live = append(live, a.site("S", nil))
	}
	for range 10 {
		id := a.site("D", nil)
		a.remove(id)
		gone = append(gone, id)
	}
	most := func() int {
		return count(t, db, `SELECT count(*) FROM igny8_sites WHERE tenant_id = ? AND deleted_at IS NULL`, a.id)
	}
	done, watched := make(chan struct{}), make(chan int)
	go func() {
		highest := 0
		for {
			highest = max(highest, most())
			select {
			case <-done:
				watched <- highest
				return
			default:
			}
		}
	}()
	var deleted, opened atomic.Int64
	got := tally(t, race(50, func(i int) error {
		var err error
		switch i % 3 {
		case 0:
			if _, err = site.Delete(a.ctx(), db.App, a.owner, now, live[i/3%len(live)]); err == nil {
				deleted.Add(1)
			}
		case 1:
			if _, err = site.Restore(a.ctx(), db.App, a.owner, now, gone[i/3%len(gone)]); err == nil {
				opened.Add(1)
			}
		default:
			_, err = site.Create(a.ctx(), db.App, a.owner, now, site.NewSite{Name: "New", Domain: "example.com", Slug: new(fmt.Sprint("n-", i))})
			if err == nil {
				opened.Add(1)
			}
		}
		return err
	}))
	close(done)
	if highest := <-watched; highest > 3 {
		t.Errorf("there were %d sites of 3 at a time", highest)
	}
	if got["ok"]+got["NOT_FOUND"]+got["PLAN_LIMIT_REACHED"] != 50 || deleted.Load() != 3 {
		t.Errorf("50 at once: %v, %d deleted", got, deleted.Load())
	}
	if n := most(); n != 3-int(deleted.Load())+int(opened.Load()) {
		t.Errorf("%d sites are left of 3, %d deleted, %d opened", n, deleted.Load(), opened.Load())
	}
}

// A sector that is added while its site is deleted goes with the site or is refused; it never shows
// without it, and comes back with it.
func TestDelete_TakesTheSectorThatIsAddedAtOnceAlong(t *testing.T) {
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
			_, err := site.Delete(a.ctx(), db.App, a.owner, now, id)
			return err
		}))
		if got["ok"]+got["NOT_FOUND"] != 2 || got["ok"] == 0 {
			t.Errorf("at once: %v", got)
		}
		added := got["ok"] - 1
		sectors, err := site.SectorsBySites(a.ctx(), db.App, site.ReachOf(a.owner), []gid.Site{id})
		if err != nil || len(sectors) != 0 {
			t.Errorf("the deleted site shows %d sectors: %v", len(sectors), err)
		}
		if _, err := site.Restore(a.ctx(), db.App, a.owner, now, id); err != nil {
			t.Fatal(err)
		}
		sectors, err = site.SectorsBySites(a.ctx(), db.App, site.ReachOf(a.owner), []gid.Site{id})
		if err != nil || len(sectors) != added {
			t.Errorf("%d sectors came back of %d: %v", len(sectors), added, err)
		}
	}
}

func TestRestoreSector_NeverFillsASiteBeyondItsSectors(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, pgtest.WithMaxConns(16))
	a := newTenant(t, db, growth)
	catalogue := entries(t, db, health)
	id := a.site("S", new(health))
	lost := make([]gid.Sector, 0, 16)
	for i := range 16 {
		s := a.sector(id, catalogue[i%8])
		a.lost(s)
		lost = append(lost, s)
	}
	got := tally(t, race(32, func(i int) error {
		if i < 16 {
			_, err := site.RestoreSector(a.ctx(), db.App, a.owner, now, lost[i])
			return err
		}
		_, err := site.AddSector(a.ctx(), db.App, a.owner, now, site.NewSector{SiteID: id, IndustrySectorID: catalogue[i%8].ID})
		return err
	}))
	there, err := site.SectorsBySites(a.ctx(), db.App, site.ReachOf(a.owner), []gid.Site{id})
	if err != nil || len(there) != site.MaxSectors || got["ok"] != site.MaxSectors || got["TAKEN"]+got["PLAN_LIMIT_REACHED"] != 32-site.MaxSectors {
		t.Errorf("32 at once: %v, %d sectors: %v", got, len(there), err)
	}
	distinct := map[gid.IndustrySector]bool{}
	for _, s := range there {
		distinct[s.IndustrySectorID] = true
	}
	if len(distinct) != len(there) {
		t.Errorf("the site has a sector twice: %v", there)
	}
}

// Somebody who is let in and shut out at once by many is in the end what the audit log says last.
func TestAccess_EndsAsTheLogSays(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, pgtest.WithMaxConns(16))
	a := newTenant(t, db, growth)
	id, viewer := a.site("S", nil), a.person(account.Viewer)
	got := tally(t, race(40, func(i int) error {
		change := site.GrantAccess
		if i%2 == 1 {
			change = site.RevokeAccess
		}
		_, err := change(a.ctx(), db.App, a.owner, now, id, viewer.User.ID)
		return err
	}))
	events := a.events()
	if got["ok"] != 40 || a.reaches(viewer, id) != (len(events)%2 == 1) {
		t.Errorf("40 at once: %v, reaches %v after %q", got, a.reaches(viewer, id), events)
	}
	for i, event := range events {
		want := "site.access_granted"
		if i%2 == 1 {
			want = "site.access_revoked"
		}
		if event[:len(want)] != want {
			t.Errorf("event %d is %q, want %s", i, event, want)
		}
	}
}
