package pgtest_test

import (
	"testing"
	"testing/fstest"

	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/postgres/cluster"
	"igny8.com/accounts/internal/postgres/pgtest"
)

// things is a schema of its own, so that these tests do not depend on the product's.
var things = fstest.MapFS{"0001_things.tx.up.sql": {Data: []byte(`
create table things (tenant_id bigint not null, id bigint not null, primary key (tenant_id, id));
alter table things enable row level security;
alter table things force row level security;
create policy tenant on things using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::bigint);
grant select, insert, update, delete on things to igny8_app;
create table plain (id bigint);
grant insert on plain to igny8_app;
`)}}

func newThings(t *testing.T, opts ...pgtest.Option) *pgtest.DB {
	t.Helper()
	return pgtest.New(t, append([]pgtest.Option{pgtest.WithMigrations(things)}, opts...)...)
}

// arrangeThings gives two tenants a thing of the same id.
func arrangeThings(t *testing.T, db *pgtest.DB) {
	t.Helper()
	_, err := db.Admin.NewRaw("INSERT INTO things VALUES (1, 5), (2, 5)").Exec(t.Context())
	must(t, err)
}

func TestNew_HasTheProductsMigrations(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	var plans int
	must(t, db.App.NewRaw("SELECT count(*) FROM igny8_plans").Scan(t.Context(), &plans))
	if plans == 0 {
		t.Error("there are no plans, which the migrations bring")
	}
}

func TestNew_AppIsBoundByPoliciesAndAdminIsNot(t *testing.T) {
	t.Parallel()
	db := newThings(t)
	arrangeThings(t, db)
	for name, c := range map[string]struct {
		db   *postgres.DB
		want int64
	}{"app": {db.App, 0}, "admin": {db.Admin, 2}} {
		if got, err := c.db.NewSelect().Table("things").Count(t.Context()); err != nil || got != c.want {
			t.Errorf("%s sees %d things, %v; want %d", name, got, err, c.want)
		}
	}
	own, err := postgres.Open(t.Context(), postgres.Config{URL: db.URL(postgres.AppRole)})
	must(t, err)
	defer own.Close()
	var user, database string
	must(t, own.NewRaw("SELECT session_user, current_database()").Scan(t.Context(), &user, &database))
	if user != postgres.AppRole || database != db.Name {
		t.Errorf("URL leads to %s as %s", database, user)
	}
}

func TestNew_TestsDoNotSeeEachOther(t *testing.T) {
	t.Parallel()
	first, second := newThings(t), newThings(t)
	arrangeThings(t, first)
	if got, err := second.Admin.NewSelect().Table("things").Count(t.Context()); err != nil || got != 0 {
		t.Errorf("the second database has %d things of the first, %v", got, err)
	}
}

func TestNew_DropsTheDatabaseWhenTheTestEnds(t *testing.T) { //nolint:tparallel // the inner test's end is what is tested
	t.Parallel()
	outer := newThings(t)
	var name string
	var stray *postgres.DB
	t.Run("inner", func(t *testing.T) {
		inner := newThings(t)
		name = inner.Name
		// A pool that the test forgot must not keep the database alive.
		var err error
		stray, err = postgres.Open(t.Context(), postgres.Config{URL: inner.URL(postgres.AppRole)})
		must(t, err)
	})
	defer stray.Close()
	var there bool
	must(t, outer.Admin.NewRaw("SELECT EXISTS (SELECT FROM pg_database WHERE datname = ?)", name).Scan(t.Context(), &there))
	if name == "" || there {
		t.Errorf("the database %q outlived its test", name)
	}
}

func TestURL_LeadsTheSuperuserToTheSameDatabase(t *testing.T) {
	t.Parallel()
	db := newThings(t)
	admin, err := postgres.Open(t.Context(), postgres.Config{URL: db.URL(cluster.Superuser)})
	must(t, err)
	defer admin.Close()
	var super bool
	must(t, admin.NewRaw("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").Scan(t.Context(), &super))
	if !super {
		t.Error("the superuser's URL leads to somebody else")
	}
}
