package demo_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"igny8.com/accounts/internal/demo"
	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/postgres/pgtest"
)

// now has nanoseconds, which the database does not keep, and a day that the next month lacks.
var now = time.Date(2027, time.January, 31, 12, 30, 15, 123456789, time.UTC)

func hash(_ context.Context, password string) (string, error) { return "hash of " + password, nil }

// loaded is a new database with the demo state.
func loaded(t *testing.T) *pgtest.DB {
	t.Helper()
	db := pgtest.New(t)
	if err := demo.Load(t.Context(), db.Admin, hash, now); err != nil {
		t.Fatal(err)
	}
	return db
}

// rows reads every row of a query as one line of text, its columns joined by " | ".
func rows(t *testing.T, ctx context.Context, db *postgres.DB, query string) []string {
	t.Helper()
	result, err := db.Pool.Query(ctx, query)
	if err != nil {
		t.Fatal(err)
	}
	defer result.Close()
	var lines []string
	for result.Next() {
		values, err := result.Values()
		if err != nil {
			t.Fatal(err)
		}
		columns := make([]string, len(values))
		for i, v := range values {
			if at, ok := v.(time.Time); ok {
				v = at.UTC().Format(time.RFC3339Nano)
			}
			columns[i] = fmt.Sprint(v)
		}
		lines = append(lines, strings.Join(columns, " | "))
	}
	if err := result.Err(); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return lines
}

// check compares what the superuser reads, past all policies.
func check(t *testing.T, db *pgtest.DB, query string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, rows(t, t.Context(), db.Admin, query)); diff != "" {
		t.Errorf("%s\n(-want +got)\n%s", query, diff)
	}
}

// contents is a digest of each table.
func contents(t *testing.T, db *pgtest.DB) []string {
	t.Helper()
	return rows(t, t.Context(), db.Admin, `
		SELECT tablename, md5(query_to_xml(format('SELECT * FROM %I AS t ORDER BY t::text', tablename), true, false, '')::text)
		FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename`)
}

// scalar reads one number.
func scalar(t *testing.T, ctx context.Context, db *postgres.DB, query string, args ...any) int64 {
	t.Helper()
	var n int64
	if err := db.Pool.QueryRow(ctx, query, args...).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}
