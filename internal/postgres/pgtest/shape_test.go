package pgtest_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/postgres/pgtest"
)

func TestShape_TellsStatementsApartByTheirTextAndNotByTheirValues(t *testing.T) {
	t.Parallel()
	for want, statements := range map[string][]string{
		`SELECT * FROM igny8_x WHERE (tenant_id = ?) AND (name = ?) LIMIT ?`: {
			"SELECT * FROM igny8_x WHERE (tenant_id = 30)  AND (name = 'a''b') LIMIT 21",
			"SELECT * FROM igny8_x\n\tWHERE (tenant_id = 4) AND (name = '7') LIMIT 2",
		},
		`SELECT * FROM s WHERE id IN (?)`:             {"SELECT * FROM s WHERE id IN (1)", "SELECT * FROM s WHERE id IN (1, 2, -3)"},
		`SELECT * FROM s WHERE (a, b) IN ((?))`:       {"SELECT * FROM s WHERE (a, b) IN ((1, 2))", "SELECT * FROM s WHERE (a, b) IN ((1, 2), (3, 4))"},
		`SELECT * FROM s WHERE a = $1 AND "t2".b > ?`: {`SELECT * FROM s WHERE a = $1 AND "t2".b > 1.5`},
		`SELECT ?::bigint, now()`:                     {"SELECT 5::bigint, now()", "SELECT '5'::bigint, now()"},
	} {
		for _, statement := range statements {
			if got := pgtest.Shape(statement); got != want {
				t.Errorf("%s\n got %s\nwant %s", statement, got, want)
			}
		}
	}
}

func TestWatchTenantPredicates_DropsThoseOfOneShapeAlone(t *testing.T) {
	t.Parallel()
	db := newThings(t)
	arrangeThings(t, db)
	watched, predicates := pgtest.WatchTenantPredicates(t, db.Admin)
	ctx := postgres.WithTenant(t.Context(), 1)
	// One through bun, one through the pool that is prepared and used again, one without the condition.
	byID := func() int64 {
		n, err := watched.NewSelect().Model((*thing)(nil)).Where("tenant_id = ?", 1).Where("id = ?", 5).Count(ctx)
		must(t, err)
		return n
	}
	all := func() (n int64) {
		must(t, watched.Pool.QueryRow(ctx, "SELECT count(*) FROM things WHERE tenant_id = $1", pgx.QueryExecModeCacheStatement, 1).Scan(&n))
		return n
	}
	total := func() (n int64) {
		must(t, watched.Pool.QueryRow(ctx, "SELECT count(*) FROM things").Scan(&n))
		return n
	}
	const first, second = `SELECT count(*) FROM "things" AS "thing" WHERE (tenant_id = ?) AND (id = ?)`, `SELECT count(*) FROM things WHERE tenant_id = $1`
	own, everything := all(), total()
	if byID() != 1 || own >= everything {
		t.Fatalf("%d of %d things are tenant 1's", own, everything)
	}
	if diff := cmp.Diff([]string{first, second}, predicates.Take()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if found := predicates.Take(); len(found) > 0 {
		t.Errorf("told twice: %v", found)
	}
	for _, c := range []struct {
		dropped           string
		wantID, wantCount int64
	}{{first, 2, own}, {second, 1, everything}, {"", 1, own}} {
		predicates.Drop(c.dropped)
		if gotID, got := byID(), all(); gotID != c.wantID || got != c.wantCount {
			t.Errorf("without the condition of %q: %d, %d; want %d, %d", c.dropped, gotID, got, c.wantID, c.wantCount)
		}
	}
	predicates.Owners()
	var things []thing
	must(t, watched.NewSelect().Model(&things).Where("id = 5").Scan(ctx))
	if diff := cmp.Diff([]int64{1, 2}, predicates.Owners()); diff != "" {
		t.Errorf("whose rows were read (-want +got):\n%s", diff)
	}
}

func TestCopy_HasAllThatTheFrozenDatabaseHas(t *testing.T) {
	t.Parallel()
	db := newThings(t)
	arrangeThings(t, db)
	var want []thing
	must(t, db.Admin.NewSelect().Model(&want).Order("tenant_id", "id").Scan(t.Context()))
	db.Freeze(t)
	for range 2 {
		again := pgtest.Copy(t, db)
		var got []thing
		must(t, again.Admin.NewSelect().Model(&got).Order("tenant_id", "id").Scan(t.Context()))
		if diff := cmp.Diff(want, got); diff != "" || len(got) == 0 {
			t.Errorf("%d things (-want +got):\n%s", len(got), diff)
		}
		// Each is its own.
		_, err := again.App.NewDelete().Model((*thing)(nil)).Where("TRUE").Exec(postgres.WithTenant(t.Context(), 1))
		must(t, err)
	}
}
