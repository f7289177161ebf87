package pgtest_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/postgres/pgtest"
)

type thing struct {
	bun.BaseModel `bun:"table:things,alias:thing"`

	TenantID int64 `bun:",pk"`
	ID       int64 `bun:",pk"`
}

// lookUps are the ways in which domain code names the rows of tenant 1. Each has its own
// condition on the account, and the id that both tenants have.
var lookUps = map[string]func(bun.IDB) *bun.SelectQuery{
	"model and column": func(db bun.IDB) *bun.SelectQuery {
		return db.NewSelect().Model((*thing)(nil)).Where("thing.tenant_id = ?", 1).Where("thing.id = ?", 5)
	},
	"bare column": func(db bun.IDB) *bun.SelectQuery {
		return db.NewSelect().Model((*thing)(nil)).Where("tenant_id = ? AND id = ?", 1, 5)
	},
	"idents": func(db bun.IDB) *bun.SelectQuery {
		return db.NewSelect().Model((*thing)(nil)).Where("?TableAlias.? = ?", bun.Ident("tenant_id"), 1).Where("id = 5")
	},
	"one key": func(db bun.IDB) *bun.SelectQuery {
		return db.NewSelect().Model(&thing{TenantID: 1, ID: 5}).WherePK()
	},
	"many keys": func(db bun.IDB) *bun.SelectQuery {
		return db.NewSelect().Model(&[]*thing{{TenantID: 1, ID: 5}, {TenantID: 1, ID: 6}}).WherePK()
	},
	"list": func(db bun.IDB) *bun.SelectQuery {
		return db.NewSelect().Model((*thing)(nil)).Where("tenant_id IN (?)", bun.List([]int64{1, 404})).Where("id = 5")
	},
	"tuples": func(db bun.IDB) *bun.SelectQuery {
		return db.NewSelect().Model((*thing)(nil)).Where("(tenant_id, id) IN ?", bun.Tuple([][]int64{{1, 5}, {1, 6}}))
	},
	"sub-select": func(db bun.IDB) *bun.SelectQuery {
		return db.NewSelect().TableExpr("(SELECT tenant_id, id FROM things WHERE tenant_id = 1) AS thing").Where("id = 5")
	},
}

func TestWithoutTenantPredicate_LeavesTheDatabasesOwnWallAlone(t *testing.T) {
	t.Parallel()
	db := newThings(t)
	arrangeThings(t, db)
	app, admin := pgtest.WithoutTenantPredicate(t, db.App), pgtest.WithoutTenantPredicate(t, db.Admin)
	mine, theirs := postgres.WithTenant(t.Context(), 1), postgres.WithTenant(t.Context(), 2)
	for name, query := range lookUps {
		for what, c := range map[string]struct {
			db   bun.IDB
			want int64
		}{
			"scoped, no policies":     {db.Admin, 1},
			"not scoped, no policies": {admin, 2},
		} {
			if got, err := query(c.db).Count(mine); err != nil || got != c.want {
				t.Errorf("%s, %s: %d rows, %v; want %d", name, what, got, err, c.want)
			}
		}
		// Row-level security alone: asked for tenant 1's row in the scope of tenant 2.
		var got []thing
		err := query(app).ColumnExpr("tenant_id, id").Scan(theirs, &got)
		if diff := cmp.Diff([]thing{{TenantID: 2, ID: 5}}, got); err != nil || diff != "" {
			t.Errorf("%s: row-level security alone: %v %s", name, err, diff)
		}
	}
}

func TestWithoutTenantPredicate_WorksInTransactionsAndForWrites(t *testing.T) {
	t.Parallel()
	db := newThings(t)
	arrangeThings(t, db)
	admin := pgtest.WithoutTenantPredicate(t, db.Admin)
	tx, err := admin.BeginTx(t.Context(), nil)
	must(t, err)
	result, err := tx.NewDelete().Model((*thing)(nil)).Where("tenant_id = 1").Where("id = 5").Exec(t.Context())
	must(t, err)
	if n, err := result.RowsAffected(); err != nil || n != 2 {
		t.Errorf("%d rows deleted, %v; want both tenants'", n, err)
	}
	must(t, tx.Rollback())

	app := pgtest.WithoutTenantPredicate(t, db.App)
	result, err = app.NewDelete().Model((*thing)(nil)).Where("tenant_id = 1").Where("id = 5").
		Exec(postgres.WithTenant(t.Context(), 2))
	must(t, err)
	if n, err := result.RowsAffected(); err != nil || n != 1 {
		t.Errorf("%d rows deleted, %v; want the scope's own", n, err)
	}
	var left []int64
	must(t, db.Admin.NewRaw("SELECT tenant_id FROM things").Scan(t.Context(), &left))
	if diff := cmp.Diff([]int64{1}, left); diff != "" {
		t.Errorf("tenants left (-want +got):\n%s", diff)
	}
}
