package schema_test

import (
	"flag"
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/postgres/cluster"
	"igny8.com/accounts/internal/postgres/pgtest"
	"igny8.com/accounts/internal/postgres/schema"
	"igny8.com/accounts/migrations"
)

const file = "../../../migrations/schema.sql"

var update = flag.Bool("update", false, "write migrations/schema.sql anew")

func TestSchemaFile_IsWhatTheMigrationsMake(t *testing.T) {
	t.Parallel()
	migrated := pgtest.New(t)
	want := dump(t, migrated)
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	committed, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}

	// Versions of Postgres write the same schema differently, so the file is compared with what
	// this version makes of it.
	loaded := pgtest.New(t, pgtest.WithMigrations(none{}))
	exec(t, loaded, "SET ROLE "+postgres.OwnerRole+";\n"+string(committed))
	if diff := cmp.Diff(dump(t, loaded), want); diff != "" {
		t.Errorf("migrations/schema.sql is not what the migrations make; run this test with -update (-file +migrations):\n%s", diff)
	}
}

// Only the version that wrote the file can be asked to write it again to the letter.
func TestSchemaFile_IsTheDumpToTheLetter(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	var major int
	if err := db.Admin.NewRaw("SELECT current_setting('server_version_num')::int / 10000").Scan(t.Context(), &major); err != nil {
		t.Fatal(err)
	}
	if major != cluster.MinMajor {
		t.Logf("the file was written by Postgres %d; this one is %d", cluster.MinMajor, major)
		return
	}
	committed, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(committed), dump(t, db)); diff != "" && !*update {
		t.Errorf("migrations/schema.sql is stale; run this test with -update (-file +dump):\n%s", diff)
	}
}

func TestMigrations_DownLeaveNothingAndUpAgainMakesTheSame(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	before := dump(t, db)
	cfg := postgres.Config{URL: db.URL(cluster.Superuser)}

	down, err := postgres.MigrateDown(t.Context(), cfg, migrations.FS, 0)
	if err != nil {
		t.Fatal(err)
	}
	if len(down) == 0 {
		t.Fatal("no migration was taken back")
	}
	if left := objects(t, db); len(left) > 0 {
		t.Errorf("down leaves %v", left)
	}
	up, err := postgres.MigrateUp(t.Context(), cfg, migrations.FS)
	if err != nil {
		t.Fatal(err)
	}
	if len(up) != len(down) {
		t.Errorf("up again applied %v after down took back %v", up, down)
	}
	if diff := cmp.Diff(before, dump(t, db)); diff != "" {
		t.Errorf("up, down, up is not up (-first +second):\n%s", diff)
	}
}

// Each step has to be undone by its own down file, not only all of them together.
func TestMigrations_EachStepIsUndoneByItsOwnDown(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	cfg := postgres.Config{URL: db.URL(cluster.Superuser)}
	var pages []string // the schema before each step was taken back, newest first
	for {
		page := dump(t, db)
		down, err := postgres.MigrateDown(t.Context(), cfg, migrations.FS, 1)
		if err != nil {
			t.Fatal(err)
		}
		if len(down) == 0 {
			break
		}
		pages = append(pages, page)
	}
	names, err := fs.Glob(migrations.FS, "*.up.sql")
	if err != nil {
		t.Fatal(err)
	}
	for i := range names {
		if _, err := postgres.MigrateUp(t.Context(), cfg, first(names[:i+1])); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(pages[len(pages)-1-i], dump(t, db)); diff != "" {
			t.Errorf("after %s, down and up again differ (-before +after):\n%s", names[i], diff)
		}
	}
}

// first shows the product's steps up to some step, and the rest of the files as they are.
type first []string

func (f first) Open(name string) (fs.File, error) { return migrations.FS.Open(name) }

func (f first) ReadDir(name string) ([]fs.DirEntry, error) {
	all, err := fs.ReadDir(migrations.FS, name)
	var some []fs.DirEntry
	for _, entry := range all {
		for _, up := range f {
			if entry.Name() == up || entry.Name() == strings.Replace(up, ".up.", ".down.", 1) {
				some = append(some, entry)
			}
		}
	}
	return some, err
}

// none is a set of no steps.
type none struct{}

func (none) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

func (none) ReadDir(string) ([]fs.DirEntry, error) { return nil, nil }

func (none) Stat(string) (fs.FileInfo, error) { return fs.Stat(migrations.FS, ".") }

func dump(t *testing.T, db *pgtest.DB) string {
	t.Helper()
	page, err := schema.Dump(t.Context(), db.URL(cluster.Superuser))
	if err != nil {
		t.Fatal(err)
	}
	return page
}

func exec(t *testing.T, db *pgtest.DB, statements string) {
	t.Helper()
	if _, err := db.Admin.Pool.Exec(t.Context(), statements); err != nil {
		t.Fatal(err)
	}
}

// objects are what stands in the schema public, but for what an extension brought and the table
// of migrations.
func objects(t *testing.T, db *pgtest.DB) []string {
	t.Helper()
	const query = `
WITH found AS (
    SELECT 'pg_class'::regclass AS catalog, oid, relname::text AS name FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relname NOT LIKE 'igny8\_migrations%'
    UNION ALL
    SELECT 'pg_proc'::regclass, oid, proname::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    UNION ALL
    SELECT 'pg_type'::regclass, oid, typname::text FROM pg_type
    WHERE typnamespace = 'public'::regnamespace AND typname NOT LIKE '%igny8\_migrations%'
)
SELECT name FROM found
WHERE NOT EXISTS (SELECT FROM pg_depend WHERE classid = catalog AND objid = found.oid AND deptype = 'e')
ORDER BY name`
	var names []string
	if err := db.Admin.NewRaw(query).Scan(t.Context(), &names); err != nil {
		t.Fatal(err)
	}
	return names
}
