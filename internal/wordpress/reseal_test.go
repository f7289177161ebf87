package wordpress_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres/pgtest"
	"igny8.com/accounts/internal/vault"
	"igny8.com/accounts/internal/wordpress"
)

// opens counts the connections that the vault opens with its current key, and all others.
func opens(tb testing.TB, db *pgtest.DB, v *vault.Vault) (current, others int) {
	tb.Helper()
	rows := []*wordpress.Connection{}
	if err := db.Admin.NewSelect().Model(&rows).Scan(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	for _, row := range rows {
		plain, err := v.Open(row.Sealed, row.KeyID, fmt.Sprintf("wordpress/%d/%d/%s", row.TenantID, row.SiteID, row.URL))
		if err == nil && string(plain) == bare && row.KeyID == v.Current() {
			current++
		} else {
			others++
		}
	}
	return current, others
}

// many connects n sites of the account, past the commands.
func (a *tenant) many(v *vault.Vault, n int) {
	a.t.Helper()
	rows := make([]*wordpress.Connection, n)
	for i := range rows {
		rows[i] = &wordpress.Connection{
			TenantID: a.id, SiteID: a.site(), URL: address, Username: username, ConnectedAt: now, UpdatedAt: now,
		}
		rows[i].Sealed, rows[i].KeyID = v.Seal([]byte(bare), fmt.Sprintf("wordpress/%d/%d/%s", a.id, rows[i].SiteID, address))
	}
	if _, err := a.db.Admin.NewInsert().Model(&rows).Exec(a.t.Context()); err != nil {
		a.t.Fatal(err)
	}
}

func TestReseal_SealsAllAccountsPasswordsWithTheCurrentKey(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	old, older, fresh := vault.Generate(), vault.Generate(), vault.Generate()
	a, b, gone, empty := newTenant(t, db), newTenant(t, db), newTenant(t, db), newTenant(t, db)
	a.many(keys(t, old), 205) // three batches
	b.many(keys(t, older), 1)
	b.many(keys(t, fresh), 1)
	gone.many(keys(t, old), 2)
	exec(t, db, `UPDATE igny8_tenants SET deleted_at = now(), restore_until = now() WHERE id = ?`, gone.id)
	exec(t, db, `UPDATE igny8_sites SET deleted_at = now(), restore_until = now() WHERE tenant_id = ?`, gone.id)
	_ = empty
	// One whose key is lost, and one that was moved from another row, in the midst of a batch.
	a.many(keys(t), 1)
	exec(t, db, `UPDATE igny8_wordpress_connections SET sealed = (SELECT sealed FROM igny8_wordpress_connections WHERE tenant_id = ?0 ORDER BY site_id LIMIT 1)
		WHERE tenant_id = ?0 AND site_id = (SELECT site_id FROM igny8_wordpress_connections WHERE tenant_id = ?0 ORDER BY site_id OFFSET 50 LIMIT 1)`, a.id)
	v := keys(t, fresh, old, older)
	done, err := wordpress.Reseal(t.Context(), db.App, v)
	if err != nil || done != (wordpress.Report{Resealed: 207, Left: 2}) {
		t.Errorf("%+v, %v", done, err)
	}
	if current, others := opens(t, db, keys(t, fresh)); current != 208 || others != 2 {
		t.Errorf("%d open with the new key alone, %d do not", current, others)
	}
	if n := count(t, db, `SELECT count(*) FROM igny8_wordpress_connections WHERE updated_at <> ? OR username <> ? OR url <> ?`, now, username, address); n != 0 {
		t.Errorf("%d rows changed in more than their seal", n)
	}
	ctx, counter := pgtest.CountQueries(t.Context())
	if again, err := wordpress.Reseal(ctx, db.App, v); err != nil || again != (wordpress.Report{Left: 2}) {
		t.Errorf("again: %+v, %v", again, err)
	}
	// Accounts; a read an account; for the one with rows, the batch between begin and commit, and a last read.
	if n := counter.N(); n > 1+6+4 {
		t.Errorf("%d statements: %q", n, counter.Statements())
	}
}

func TestReseal_GoesOnWhereItWasInterrupted(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a, b := newTenant(t, db), newTenant(t, db)
	current := vault.Generate()
	a.many(keys(t, current), 3)
	b.many(keys(t, current), 2)
	for n := 1; n < 100; n++ {
		before := current
		current = vault.Generate()
		v := keys(t, current, before)
		ctx, killer := pgtest.KillBefore(t, t.Context(), n)
		_, err := wordpress.Reseal(ctx, db.App, v)
		statement, fired := killer.Fired()
		if fired && err == nil {
			t.Errorf("killed before %q, and nobody was told", statement)
		}
		if _, err := wordpress.Reseal(t.Context(), db.App, v); err != nil {
			t.Fatal(err)
		}
		if good, bad := opens(t, db, keys(t, current)); good != 5 || bad != 0 {
			t.Fatalf("killed before %q: %d of 5 are sealed anew", statement, good)
		}
		if !fired {
			if n < 10 {
				t.Errorf("only %d statements", n-1)
			}
			return
		}
	}
	t.Error("it does not end")
}

func TestReseal_IsSafeBesideItselfAndConnect(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, pgtest.WithMaxConns(8))
	a := newTenant(t, db)
	old, fresh := vault.Generate(), vault.Generate()
	v := keys(t, fresh, old)
	for round := range 5 {
		sites := make([]gid.Site, 10)
		stale := wordpress.New(keys(t, old, fresh), wordpress.Config{})
		for i := range sites {
			sites[i] = a.site()
			a.connect(stale, sites[i], address)
		}
		b := wordpress.New(v, wordpress.Config{})
		for i, err := range race(13, func(i int) error {
			if i >= len(sites) {
				_, err := wordpress.Reseal(t.Context(), db.App, v)
				return err
			}
			_, err := b.Connect(a.ctx(), db.App, a.owner, now.Add(time.Minute), wordpress.NewConnection{
				SiteID: sites[i], URL: address + "/moved", Username: username, ApplicationPassword: password,
			})
			return err
		}) {
			if err != nil {
				t.Errorf("%d: %v", i, err)
			}
		}
		if current, others := opens(t, db, keys(t, fresh)); current != 10*(round+1) || others != 0 {
			t.Errorf("round %d: %d open with the new key, %d do not", round, current, others)
		}
		if n := count(t, db, `SELECT count(*) FROM igny8_wordpress_connections WHERE url = ?`, address); n != 0 {
			t.Errorf("round %d: %d connections fell back", round, n)
		}
	}
}

// A connection that is replaced after Reseal has looked for it and before it has sealed it.
func TestReseal_LeavesTheLastWordToConnect(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a := newTenant(t, db)
	old, fresh := vault.Generate(), vault.Generate()
	s, v := a.site(), keys(t, fresh, old)
	a.connect(wordpress.New(keys(t, old, fresh), wordpress.Config{}), s, address)
	tx, err := db.App.BeginTx(a.ctx(), nil)
	if err != nil {
		t.Fatal(err)
	}
	made, err := wordpress.New(v, wordpress.Config{}).Connect(a.ctx(), tx, a.owner, now, wordpress.NewConnection{
		SiteID: s, URL: address + "/moved", Username: username, ApplicationPassword: password,
	})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := wordpress.Reseal(t.Context(), db.App, v)
		done <- err
	}()
	waitForLocks(t, db, 1)
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(made, a.row(s)); diff != "" {
		t.Errorf("the row (-connected +kept):\n%s", diff)
	}
}

func TestReseal_StopsWhenItIsToldTo(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	newTenant(t, db).many(keys(t), 1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := wordpress.Reseal(ctx, db.App, keys(t)); err == nil {
		t.Error("it went on")
	}
}
