package pgtest_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/postgres/pgtest"
)

func TestCountQueries_CountsTheContextsStatementsEachWayTheyAreSent(t *testing.T) {
	t.Parallel()
	db := newThings(t).App
	ctx, counter := pgtest.CountQueries(postgres.WithTenant(t.Context(), 1))

	must(t, db.NewRaw("SELECT 1").Scan(ctx, new(int)))
	must(t, db.Pool.QueryRow(ctx, "SELECT 2").Scan(new(int)))
	must(t, postgres.InTx(ctx, db, func(ctx context.Context, tx bun.Tx) error {
		return tx.NewRaw("SELECT 3").Scan(ctx, new(int))
	}))
	batch := &pgx.Batch{}
	batch.Queue("SELECT 4")
	batch.Queue("SELECT 5")
	must(t, db.Pool.SendBatch(ctx, batch).Close())
	_, err := db.Pool.CopyFrom(ctx, pgx.Identifier{"plain"}, []string{"id"}, pgx.CopyFromRows([][]any{{7}}))
	must(t, err)
	// Not those of other contexts, and not the scope that they are given.
	must(t, db.NewRaw("SELECT 6").Scan(postgres.WithTenant(t.Context(), 2), new(int)))

	want := []string{
		"SELECT 1", "SELECT 2", "begin isolation level read committed", "SELECT 3", "commit",
		"SELECT 4", "SELECT 5", `COPY "plain"`,
	}
	if diff := cmp.Diff(want, counter.Statements()); diff != "" {
		t.Errorf("statements (-want +got):\n%s", diff)
	}
	if counter.N() != len(want) {
		t.Errorf("%d statements, want %d", counter.N(), len(want))
	}
	counter.Reset()
	if counter.N() != 0 {
		t.Errorf("%d statements after the reset", counter.N())
	}
}

func TestCountQueries_ContextsNest(t *testing.T) {
	t.Parallel()
	db := newThings(t).App
	outer, all := pgtest.CountQueries(t.Context())
	left, some := pgtest.CountQueries(outer)
	right, others := pgtest.CountQueries(outer)
	for _, ctx := range []context.Context{outer, left, left, right} {
		must(t, db.NewRaw("SELECT 1").Scan(ctx, new(int)))
	}
	if all.N() != 4 || some.N() != 2 || others.N() != 1 {
		t.Errorf("counted %d, %d, %d; want 4, 2, 1", all.N(), some.N(), others.N())
	}
}

func TestCountPool_CountsWhateverTheContext(t *testing.T) {
	t.Parallel()
	tracer, counter := pgtest.CountPool()
	db := newThings(t, pgtest.WithTracer(tracer)).App
	counter.Reset() // opening the pool pings
	ctx, contextual := pgtest.CountQueries(t.Context())
	must(t, db.NewRaw("SELECT 1").Scan(ctx, new(int)))
	must(t, db.NewRaw("SELECT 2").Scan(t.Context(), new(int)))
	if counter.N() != 2 || contextual.N() != 1 {
		t.Errorf("the pool counted %q, the context %q", counter.Statements(), contextual.Statements())
	}
}

// Two rows in one transaction: killed anywhere, both are there or none, and which of the two is
// known to the caller, for a commit that was never sent did not happen.
func TestKillBefore_EndsTheSessionBeforeEachStatementInTurn(t *testing.T) {
	t.Parallel()
	db := newThings(t)
	scope := postgres.WithTenant(t.Context(), 1)
	var killed []string
	for n := 1; ; n++ {
		ctx, killer := pgtest.KillBefore(t, scope, n)
		err := postgres.InTx(ctx, db.App, func(ctx context.Context, tx bun.Tx) error {
			for row := range 2 {
				if _, err := tx.NewRaw("INSERT INTO things VALUES (1, ?)", 10*n+row).Exec(ctx); err != nil {
					return err
				}
			}
			return nil
		})
		statement, fired := killer.Fired()
		rows := 0
		must(t, db.Admin.NewRaw("SELECT count(*) FROM things WHERE id BETWEEN ? AND ?", 10*n, 10*n+9).Scan(t.Context(), &rows))
		if !fired {
			if err != nil || rows != 2 {
				t.Errorf("nothing was killed, yet %d rows and %v", rows, err)
			}
			break
		}
		if err == nil || rows != 0 {
			t.Errorf("killed before %q: %d rows, error %v", statement, rows, err)
		}
		killed = append(killed, strings.Fields(statement)[0])
	}
	if diff := cmp.Diff([]string{"begin", "INSERT", "INSERT", "commit"}, killed); diff != "" {
		t.Errorf("killed before (-want +got):\n%s", diff)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
