//go:build unix

package pgtest

import (
	"context"
	"testing"

	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/postgres/cluster"
)

// Freeze closes the pools of a database that was arranged, so that Copy can copy it. Nothing can be read
// from or written to it any more.
func (db *DB) Freeze(tb testing.TB) {
	tb.Helper()
	db.App.Close()
	db.Admin.Close()
	// A connection that was closed is gone when Postgres has noticed.
	if _, err := shared.admin.Exec(tb.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1`, db.Name); err != nil {
		tb.Fatalf("freeze the database: %v", err)
	}
}

// Copy makes a database with all that a frozen one has, its sequences included, and drops it when the
// test ends.
func Copy(tb testing.TB, of *DB) *DB {
	tb.Helper()
	db := &DB{Name: "igny8_t_" + random()}
	if err := shared.clone(tb.Context(), db.Name, of.Name); err != nil {
		tb.Fatalf("copy a test database: %v", err)
	}
	tb.Cleanup(func() {
		// The test's context has ended by now.
		if err := shared.drop(context.Background(), db.Name); err != nil {
			tb.Errorf("drop the test database: %v", err)
		}
	})
	db.App = open(tb, postgres.Config{URL: db.URL(postgres.AppRole), Tracer: Tracer()})
	db.Admin = open(tb, postgres.Config{URL: db.URL(cluster.Superuser)})
	return db
}
