package site_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/postgres/pgtest"
	"igny8.com/accounts/internal/site"
)

// over is when what is deleted at now can no longer be restored.
var over = now.AddDate(0, 0, 30)

// full adds a site with everything that a site can have, and so many sync events.
func (a *tenant) full(events int) gid.Site {
	a.t.Helper()
	id := a.site("Full", new(health))
	catalogue := entries(a.t, a.db, health)
	a.sector(id, catalogue[0])
	a.lost(a.sector(id, catalogue[1]))
	a.grant(id, a.person(account.Editor))
	old, next := a.key(id), a.key(id)
	exec(a.t, a.db, `UPDATE igny8_site_api_keys SET rotated_to = ? WHERE id = ?`, next.Key.ID, old.Key.ID)
	exec(a.t, a.db, `INSERT INTO igny8_wordpress_connections (tenant_id, site_id, url, username, sealed, key_id, connected_at, updated_at)
		VALUES (?, ?, 'https://old.example.com', 'admin', '\x01', 'k', ?, ?)`, a.id, id, now, now)
	exec(a.t, a.db, `INSERT INTO igny8_sync_events (tenant_id, site_id, kind, direction, outcome, items, external_id, fingerprint,
			actor_kind, occurred_at, created_at)
		SELECT ?, ?, 'publish', 'to_site', 'succeeded', 1, 'e-' || n, '\x01', 'system', ?, ? FROM generate_series(1, ?) n`,
		a.id, id, now, now, events)
	exec(a.t, a.db, `INSERT INTO igny8_credit_accounts (tenant_id) VALUES (?) ON CONFLICT DO NOTHING`, a.id)
	exec(a.t, a.db, `INSERT INTO igny8_credit_transactions (tenant_id, seq, type, amount, balance_after, site_id, actor_kind, idempotency_key, created_at)
		VALUES (?, ?, 'deduction', -1, 0, ?, 'system', ?, ?)`, a.id, serial.Add(1), id, fmt.Sprint(id), now)
	return id
}

// gone deletes a site by the command, at now.
func (a *tenant) gone(id gid.Site) gid.Site {
	a.t.Helper()
	if _, err := site.Delete(a.ctx(), a.db.App, a.owner, now, id); err != nil {
		a.t.Fatal(err)
	}
	return id
}

// content counts what a site has, table by table.
func content(tb testing.TB, db *pgtest.DB, id gid.Site) string {
	tb.Helper()
	var found string
	err := db.Admin.NewRaw(`SELECT concat_ws(' ',
		(SELECT count(*) FROM igny8_sectors WHERE site_id = ?0), (SELECT count(*) FROM igny8_site_user_access WHERE site_id = ?0),
		(SELECT count(*) FROM igny8_site_api_keys WHERE site_id = ?0),
		(SELECT count(*) FROM igny8_api_key_directory d WHERE EXISTS (
			SELECT FROM igny8_site_api_keys k WHERE k.id = d.key_id AND k.site_id = ?0)),
		(SELECT count(*) FROM igny8_wordpress_connections WHERE site_id = ?0), (SELECT count(*) FROM igny8_sync_events WHERE site_id = ?0),
		(SELECT count(*) FROM igny8_credit_transactions WHERE site_id = ?0))`, id).Scan(tb.Context(), &found)
	if err != nil {
		tb.Fatal(err)
	}
	return found
}

func purge(tb testing.TB, db *pgtest.DB, at time.Time) int {
	tb.Helper()
	n, err := site.Purge(tb.Context(), db.App, at)
	if err != nil {
		tb.Fatal(err)
	}
	return n
}

func TestPurge_RemovesWhatCannotBeRestoredAndNothingElse(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a, b := newTenant(t, db, enterprise), newTenant(t, db, enterprise)
	live, due, dueThere, recent := a.full(3), a.gone(a.full(3)), b.gone(b.full(3)), a.full(3)
	if _, err := site.Delete(a.ctx(), db.App, a.owner, now.Add(time.Microsecond), recent); err != nil {
		t.Fatal(err)
	}
	directory := count(t, db, `SELECT count(*) FROM igny8_api_key_directory`)
	before := snapshot(t, db)
	if n := purge(t, db, over.Add(-time.Microsecond)); n != 0 || !slices.Equal(snapshot(t, db), before) {
		t.Errorf("before the time, %d were purged", n)
	}
	if n := purge(t, db, over); n != 2 {
		t.Errorf("%d were purged, want the 2 that are due", n)
	}
	for id, want := range map[gid.Site]string{live: "2 1 2 2 1 3 1", recent: "2 1 2 2 1 3 1", due: "0 0 0 0 0 0 1", dueThere: "0 0 0 0 0 0 1"} {
		if got := content(t, db, id); got != want {
			t.Errorf("site %d has %q, want %q", id, got, want)
		}
	}
	if n := count(t, db, `SELECT count(*) FROM igny8_api_key_directory`); n != directory-4 {
		t.Errorf("the directory of keys has %d entries of %d", n, directory)
	}
	var row string
	err := db.Admin.NewRaw(`SELECT concat_ws(' ', name, slug, '[' || domain || ']', industry_id, status, is_active, purged_at = ?) FROM igny8_sites WHERE id = ?`, over, due).
		Scan(t.Context(), &row)
	if want := fmt.Sprintf("(deleted) deleted-%d [] inactive f t", due); err != nil || row != want {
		t.Errorf("the site's row says %q, want %q: %v", row, want, err)
	}
	var by string
	err = db.Admin.NewRaw(`SELECT string_agg(concat_ws(' ', tenant_id, subject_id, actor_kind, before, after), ',' ORDER BY subject_id)
		FROM igny8_audit_events WHERE action = 'site.purged'`).Scan(t.Context(), &by)
	if want := fmt.Sprintf("%d %d system,%d %d system", a.id, due, b.id, dueThere); err != nil || by != want {
		t.Errorf("the log says %q, want %q: %v", by, want, err)
	}
	after := snapshot(t, db)
	if n := purge(t, db, over); n != 0 || !slices.Equal(snapshot(t, db), after) {
		t.Errorf("again, %d were purged", n)
	}
	// Nothing brings it back, whatever a server's clock says.
	_, err = site.Restore(a.ctx(), db.App, a.owner, now, due)
	wants(t, err, "NOT_FOUND at siteId")
	_, err = db.App.NewRaw(`UPDATE igny8_sites SET deleted_at = NULL, restore_until = NULL WHERE tenant_id = ? AND id = ?`, a.id, due).Exec(a.ctx())
	if !postgres.Violates(err, "igny8_sites_purged_check") {
		t.Errorf("the database lets it come back: %v", err)
	}
}

func TestPurge_RemovesSectorsThatWereRemovedLongAgo(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a := newTenant(t, db, growth)
	catalogue := entries(t, db, health)
	id := a.site("S", new(health))
	live, due, recent := a.sector(id, catalogue[0]), a.sector(id, catalogue[1]), a.sector(id, catalogue[2])
	for sector, at := range map[gid.Sector]time.Time{due: now, recent: now.Add(time.Microsecond)} {
		if _, err := site.RemoveSector(a.ctx(), db.App, a.owner, at, sector); err != nil {
			t.Fatal(err)
		}
	}
	if n := purge(t, db, over.Add(-time.Microsecond)); n != 0 {
		t.Errorf("%d were purged before the time", n)
	}
	if n := purge(t, db, over); n != 1 {
		t.Errorf("%d were purged, want 1", n)
	}
	left := []gid.Sector{}
	if err := db.Admin.NewRaw(`SELECT id FROM igny8_sectors ORDER BY id`).Scan(t.Context(), &left); err != nil || !slices.Equal(left, []gid.Sector{live, recent}) {
		t.Errorf("left are %v: %v", left, err)
	}
	if !a.reaches(a.owner, id) {
		t.Error("the site went too")
	}
}

// However much there is, each transaction removes a bounded part of it, and all of it goes in one run.
func TestPurge_GoesStepByStep(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a := newTenant(t, db, enterprise)
	id := a.gone(a.full(2500))
	exec(t, db, `INSERT INTO igny8_sectors (tenant_id, site_id, industry_id, industry_sector_id, name, deleted_at, restore_until)
		SELECT ?, ?, 1, 1, 'S', ?, ? FROM generate_series(1, 1500)`, a.id, id, now, over)
	ctx, counter := pgtest.CountQueries(t.Context())
	n, err := site.Purge(ctx, db.App, over)
	if err != nil || n != 1501 || content(t, db, id) != "0 0 0 0 0 0 1" {
		t.Errorf("%d were purged, left are %q: %v", n, content(t, db, id), err)
	}
	steps := 0
	for _, statement := range counter.Statements() {
		if strings.Contains(statement, "igny8_purge_sites") {
			steps++
		}
	}
	if steps != 3 {
		t.Errorf("it took %d steps", steps)
	}
}

func TestPurge_CountsEachOnceWhileEightRunAtOnce(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, pgtest.WithMaxConns(16))
	sites := make([]gid.Site, 0, 12)
	for range 12 {
		a := newTenant(t, db, enterprise)
		sites = append(sites, a.gone(a.full(1)))
	}
	counts := make([]int, 8)
	for _, err := range race(8, func(i int) (err error) {
		counts[i], err = site.Purge(t.Context(), db.App, over)
		return err
	}) {
		if err != nil {
			t.Error(err)
		}
	}
	total := purge(t, db, over) // what all of them met locked, if any
	for _, n := range counts {
		total += n
	}
	if events := count(t, db, `SELECT count(*) FROM igny8_audit_events WHERE action = 'site.purged'`); total != 12 || events != 12 {
		t.Errorf("%d were counted and %d events written for 12 sites", total, events)
	}
	for _, id := range sites {
		if got := content(t, db, id); got != "0 0 0 0 0 0 1" {
			t.Errorf("site %d still has %q", id, got)
		}
	}
}

// Neither an account that somebody works on nor one that fails keeps the others waiting, and both get
// their turn.
func TestPurge_LeavesWhatItCannotDoToTheNextRun(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	busy, broken, deleted, last := newTenant(t, db, growth), newTenant(t, db, growth), newTenant(t, db, growth), newTenant(t, db, growth)
	for _, a := range []*tenant{busy, broken, deleted, last} {
		a.gone(a.site("S", nil))
	}
	exec(t, db, `UPDATE igny8_tenants SET deleted_at = now(), restore_until = now() + interval '1 day' WHERE id = ?`, deleted.id)
	exec(t, db, `CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''broken''; END'`)
	exec(t, db, fmt.Sprintf(`CREATE TRIGGER broken BEFORE UPDATE ON igny8_sites FOR EACH ROW WHEN (new.tenant_id = %d) EXECUTE FUNCTION broken()`, broken.id))
	holder, err := db.Admin.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = holder.Rollback() }()
	if _, err := holder.NewRaw(`SELECT FROM igny8_tenants WHERE id = ? FOR NO KEY UPDATE`, busy.id).Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	n, err := site.Purge(ctx, db.App, over)
	if n != 2 || err == nil || !strings.Contains(err.Error(), fmt.Sprintf("account %d", broken.id)) {
		t.Errorf("%d were purged: %v", n, err)
	}
	if err := holder.Rollback(); err != nil {
		t.Fatal(err)
	}
	exec(t, db, `DROP TRIGGER broken ON igny8_sites`)
	if n := purge(t, db, over); n != 2 {
		t.Errorf("%d were purged by the next run", n)
	}
}

// At the very end of a site's time, it is either restored or purged: never both, never half.
func TestPurge_AndRestoreExcludeEachOther(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, pgtest.WithMaxConns(16))
	for range 8 {
		a := newTenant(t, db, enterprise)
		id := a.gone(a.full(1))
		purged := 0
		errs := race(2, func(i int) (err error) {
			if i == 0 {
				purged, err = site.Purge(t.Context(), db.App, over)
				return err
			}
			_, err = site.Restore(a.ctx(), db.App, a.owner, over.Add(-time.Microsecond), id)
			return err
		})
		if errs[0] != nil {
			t.Fatal(errs[0])
		}
		want := "0 0 0 0 0 0 1"
		if errs[1] == nil {
			want = "2 1 2 2 1 1 1"
		} else {
			wants(t, errs[1], "NOT_FOUND at siteId")
		}
		if got := content(t, db, id); got != want || a.reaches(a.owner, id) != (errs[1] == nil) || purged != 0 != (errs[1] != nil) {
			t.Errorf("restored with %v, %d purged, and it has %q", errs[1], purged, got)
		}
	}
}

// The database lets the application remove nothing by itself, nothing before its time, and nothing of
// another account; and what it finds in all accounts, it shows to nobody.
func TestSchema_LetsNobodyPurgeBeforeTheTimeOrElsewhere(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a, b := newTenant(t, db, enterprise), newTenant(t, db, enterprise)
	early, dueThere := a.full(1), b.gone(b.full(1))
	a.remove(early) // two weeks from the real now
	for _, table := range []string{"igny8_sites", "igny8_sectors", "igny8_site_api_keys", "igny8_sync_events"} {
		_, err := db.App.NewRaw(`DELETE FROM ` + table).Exec(a.ctx())
		if err == nil || !strings.Contains(err.Error(), "permission denied") {
			t.Errorf("the application can remove from %s: %v", table, err)
		}
	}
	before := snapshot(t, db)
	for _, id := range []gid.Account{a.id, b.id} {
		var sites int
		err := db.App.NewRaw(`SELECT cardinality(sites) FROM igny8_purge_sites(?, ?, 1000)`, id, now.AddDate(100, 0, 0)).Scan(a.ctx(), &sites)
		if err != nil || sites != 0 {
			t.Errorf("%d sites of account %d were purged: %v", sites, id, err)
		}
	}
	if !slices.Equal(snapshot(t, db), before) || content(t, db, early) != "2 1 2 2 1 1 1" || content(t, db, dueThere) != "2 1 2 2 1 1 1" {
		t.Errorf("the calls removed something: %q, %q", content(t, db, early), content(t, db, dueThere))
	}
	due := []gid.Account{}
	err := db.App.NewRaw(`SELECT tenant_id FROM igny8_purge_due(?, 0, 10) AS tenant_id`, now.AddDate(100, 0, 0)).Scan(t.Context(), &due)
	if err != nil || !slices.Equal(due, []gid.Account{b.id}) {
		t.Errorf("due are %v: %v", due, err)
	}
	for name, ctx := range map[string]context.Context{"staff": postgres.WithStaff(t.Context()), "nobody": t.Context()} {
		var rows int
		err := db.App.NewRaw(`SELECT (SELECT count(*) FROM igny8_sites) + (SELECT count(*) FROM igny8_sectors)`).Scan(ctx, &rows)
		if err != nil || rows != 0 {
			t.Errorf("%s sees %d rows: %v", name, rows, err)
		}
	}
}
