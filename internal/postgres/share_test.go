package postgres_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/postgres/pgtest"
)

// Two accounts, a note each, and a pool of four.
func newNeighbours(t *testing.T) (db *pgtest.DB, busy, neighbour context.Context) {
	t.Helper()
	db = newNotes(t)
	arrange(t, db, `insert into igny8_notes (tenant_id, body) values (1, 'busy'), (2, 'neighbour')`)
	return db, postgres.WithTenant(t.Context(), 1), postgres.WithTenant(t.Context(), 2)
}

// lockRow locks the busy account's row until the test or the caller lets go.
func lockRow(t *testing.T, db *pgtest.DB) (letGo func()) {
	t.Helper()
	tx, err := db.Admin.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.ExecContext(t.Context(), `select from igny8_notes where tenant_id = 1 for update`); err != nil {
		t.Fatal(err)
	}
	letGo = sync.OnceFunc(func() {
		if err := tx.Rollback(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(letGo)
	return letGo
}

// touch waits for the row of ctx's account.
func touch(ctx context.Context, db bun.IDB) error {
	return postgres.InTx(ctx, db, func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.ExecContext(ctx, `update igny8_notes set body = body`)
		return err
	})
}

// eventually waits until the condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-deadline:
			t.Fatalf("never happened: %s", what)
		case <-tick.C:
		}
	}
}

// waiters is how many statements wait for a lock in the database.
func waiters(t *testing.T, db *pgtest.DB) (n int) {
	t.Helper()
	err := db.Admin.Pool.QueryRow(t.Context(),
		`select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`).Scan(&n)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestShare_AnswersNeighboursOfAnAccountWhoseRowIsLockedByFiftyRequests(t *testing.T) {
	t.Parallel()
	const requests = 50
	db, busy, neighbour := newNeighbours(t)
	letGo := lockRow(t, db)
	var begun, ended atomic.Int32
	var all sync.WaitGroup
	for range requests {
		all.Go(func() {
			begun.Add(1)
			if err := touch(busy, db.App); err != nil {
				t.Error(err)
			}
			ended.Add(1)
		})
	}
	eventually(t, "the account waits for its row with all that it may hold", func() bool {
		return begun.Load() == requests && waiters(t, db) >= 2
	})

	ctx, cancel := context.WithTimeout(neighbour, 2*time.Second)
	defer cancel()
	slowest := time.Duration(0)
	for range 50 {
		started := time.Now()
		if err := db.App.NewSelect().Table("igny8_notes").ColumnExpr("1").Limit(1).Scan(ctx, new(int)); err != nil {
			t.Fatalf("the neighbour was not answered: %v", err)
		}
		slowest = max(slowest, time.Since(started))
	}
	t.Logf("the neighbour's slowest of 50 queries took %v", slowest)
	if n := ended.Load(); n != 0 {
		t.Fatalf("%d requests had their row: nothing was locked", n)
	}
	if n := waiters(t, db); n != 2 {
		t.Errorf("%d connections wait for the account's row, want half of the pool", n)
	}
	letGo()
	all.Wait()
	if n := ended.Load(); n != requests {
		t.Errorf("%d of %d requests ended", n, requests)
	}
}

// hold takes a connection and keeps it until the test ends; false when there is none to be had for a
// while that is long for a connection to be made.
func hold(t *testing.T, ctx context.Context, db *postgres.DB) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
	defer cancel()
	c, err := db.Conn(ctx)
	if err != nil {
		return false
	}
	t.Cleanup(func() { _ = c.Close() })
	return true
}

func TestShare_BoundsAnAccountAndNobodyElse(t *testing.T) {
	t.Parallel()
	db, busy, neighbour := newNeighbours(t)
	for name, ctx := range map[string]context.Context{"the account": busy, "the neighbour": neighbour} {
		for i := range 2 {
			if !hold(t, ctx, db.App) {
				t.Fatalf("%s does not get connection %d of its share", name, i+1)
			}
		}
		if hold(t, ctx, db.App) {
			t.Errorf("%s gets more than its share", name)
		}
	}
	if n := db.App.Pool.Stat().AcquiredConns(); n != 4 {
		t.Errorf("%d connections are held, want 4", n)
	}
}

func TestShare_IsAsLargeAsConfigured(t *testing.T) {
	t.Parallel()
	db := newNotes(t)
	for name, c := range map[string]struct {
		pool, configured int32
		want             int
	}{
		"half of the pool":            {8, 0, 4},
		"two at least":                {3, 0, 2},
		"as many as there are":        {1, 0, 1},
		"what the configuration says": {4, 3, 3},
	} {
		app := open(t, postgres.Config{URL: db.URL(postgres.AppRole), MaxConns: c.pool, TenantConns: c.configured})
		held := 0
		for hold(t, postgres.WithTenant(t.Context(), 1), app) {
			held++
		}
		if held != c.want {
			t.Errorf("%s: the account held %d connections, want %d", name, held, c.want)
		}
	}
}

// Whatever becomes of a connection, its share comes back.
func TestShare_ComesBackAfterFailures(t *testing.T) {
	t.Parallel()
	db, busy, _ := newNeighbours(t)
	busy, cancel := context.WithTimeout(busy, 20*time.Second)
	defer cancel()
	letGo := lockRow(t, db)
	failures := map[string]func(){
		"a server that hangs up": func() {
			if _, err := db.App.ExecContext(busy, `select pg_terminate_backend(pg_backend_pid())`); err == nil {
				t.Error("the connection survived its end")
			}
		},
		"a statement that fails": func() {
			if _, err := db.App.ExecContext(busy, `select 1/0`); err == nil {
				t.Error("1/0 is a number")
			}
		},
		"a deadline in the midst of a statement": func() {
			ctx, cancel := context.WithTimeout(busy, 20*time.Millisecond)
			defer cancel()
			if err := touch(ctx, db.App); !errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
				t.Errorf("a locked row was written: %v", err)
			}
		},
		"a panic in a transaction": func() {
			defer func() { _ = recover() }()
			_ = postgres.InTx(busy, db.App, func(context.Context, bun.Tx) error { panic("as planned") })
		},
		"a context that has ended": func() {
			ctx, cancel := context.WithCancel(busy)
			cancel()
			if err := touch(ctx, db.App); !errors.Is(err, context.Canceled) {
				t.Errorf("an ended context: %v", err)
			}
		},
	}
	for name, fail := range failures {
		for range 3 {
			fail()
		}
		ctx, cancel := context.WithTimeout(busy, 2*time.Second)
		if n, err := db.App.NewSelect().Table("igny8_notes").Count(ctx); err != nil || n != 1 {
			t.Errorf("after %s the account gets no connection: %d, %v", name, n, err)
		}
		cancel()
	}
	letGo()
}
