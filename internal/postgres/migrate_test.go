package postgres_test

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/postgres/cluster"
	"igny8.com/accounts/internal/postgres/pgtest"
)

// newEmpty is a database without any step, not even the table of migrations.
func newEmpty(t *testing.T) *pgtest.DB {
	t.Helper()
	db := pgtest.New(t, pgtest.WithMigrations(fstest.MapFS{}))
	arrange(t, db, "DROP TABLE igny8_migrations")
	return db
}

// state is the applied steps' names, as the application sees them.
func state(t *testing.T, db *pgtest.DB, files fstest.MapFS) string {
	t.Helper()
	steps, err := postgres.Migrations(t.Context(), db.App.DB, files)
	if err != nil {
		t.Fatal(err)
	}
	var applied []string
	for _, step := range steps {
		if step.Applied() {
			if age := time.Since(step.AppliedAt); age < -time.Minute || age > time.Hour {
				t.Errorf("%s was applied at %s", step.Name, step.AppliedAt)
			}
			applied = append(applied, step.Name)
		}
	}
	return fmt.Sprintf("%d of %d: %s", len(applied), len(steps), strings.Join(applied, " "))
}

// tables are the names of the notes' tables that exist.
func tables(t *testing.T, db *pgtest.DB) string {
	t.Helper()
	var names string
	err := db.Admin.NewRaw(`SELECT coalesce(string_agg(relname || ' of ' || pg_get_userbyid(relowner), ', ' ORDER BY relname), '') FROM pg_class
		WHERE relkind = 'r' AND relname IN ('igny8_notes', 'igny8_labels')`).Scan(t.Context(), &names)
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestMigrate_GoesUpAndDownStepByStep(t *testing.T) {
	t.Parallel()
	db := newEmpty(t)
	ctx := t.Context()
	expect := func(wantState, wantTables string) {
		t.Helper()
		if got := state(t, db, notes); got != wantState {
			t.Errorf("state %q, want %q", got, wantState)
		}
		if got := tables(t, db); got != wantTables {
			t.Errorf("tables %q, want %q", got, wantTables)
		}
	}
	const (
		both     = "2 of 2: 0001_notes 0002_labels"
		bothMade = "igny8_labels of igny8_owner, igny8_notes of igny8_owner"
	)
	expect("0 of 2: ", "")

	up, err := postgres.MigrateUp(ctx, admin(db), notes)
	if diff := cmp.Diff([]string{"0001_notes", "0002_labels"}, up); err != nil || diff != "" {
		t.Fatalf("up: %v %s", err, diff)
	}
	expect(both, bothMade)
	if up, err := postgres.MigrateUp(ctx, admin(db), notes); err != nil || len(up) != 0 {
		t.Errorf("up again: %v, %v", up, err)
	}
	expect(both, bothMade)

	down, err := postgres.MigrateDown(ctx, admin(db), notes, 1)
	if diff := cmp.Diff([]string{"0002_labels"}, down); err != nil || diff != "" {
		t.Fatalf("down one: %v %s", err, diff)
	}
	expect("1 of 2: 0001_notes", "igny8_notes of igny8_owner")

	if up, err := postgres.MigrateUp(ctx, admin(db), notes); err != nil || len(up) != 1 {
		t.Errorf("up after down: %v, %v", up, err)
	}
	down, err = postgres.MigrateDown(ctx, admin(db), notes, 0)
	if diff := cmp.Diff([]string{"0002_labels", "0001_notes"}, down); err != nil || diff != "" {
		t.Fatalf("down all: %v %s", err, diff)
	}
	expect("0 of 2: ", "")
	if down, err := postgres.MigrateDown(ctx, admin(db), notes, 3); err != nil || len(down) != 0 {
		t.Errorf("down from nothing: %v, %v", down, err)
	}
}

func TestMigrate_FailedStepLeavesNothingAndIsToldByName(t *testing.T) {
	t.Parallel()
	db := newEmpty(t)
	broken := fstest.MapFS{
		"0001_notes.tx.up.sql": notes["0001_notes.tx.up.sql"],
		"0002_labels.tx.up.sql": {Data: []byte(
			"create table igny8_labels (name text);\n--bun:split\ninsert into igny8_nowhere values (1);\n")},
	}
	up, err := postgres.MigrateUp(t.Context(), admin(db), broken)
	if codeOf(err) != "42P01" || !strings.Contains(err.Error(), "0002") || len(up) != 1 {
		t.Errorf("applied %v, then %v", up, err)
	}
	if got := state(t, db, notes); got != "1 of 2: 0001_notes" {
		t.Errorf("state %q", got)
	}
	if got := tables(t, db); got != "igny8_notes of igny8_owner" {
		t.Errorf("tables %q", got)
	}
	if _, err := postgres.MigrateUp(t.Context(), admin(db), notes); err != nil {
		t.Errorf("up after the step was mended: %v", err)
	}
}

func TestMigrate_RefusesToTakeBackAStepWithoutADownFile(t *testing.T) {
	t.Parallel()
	db := newEmpty(t)
	oneWay := fstest.MapFS{"0001_notes.tx.up.sql": notes["0001_notes.tx.up.sql"]}
	if _, err := postgres.MigrateUp(t.Context(), admin(db), oneWay); err != nil {
		t.Fatal(err)
	}
	if _, err := postgres.MigrateDown(t.Context(), admin(db), oneWay, 1); err == nil || !strings.Contains(err.Error(), "0001_notes has no down file") {
		t.Errorf("down: %v", err)
	}
	if got := state(t, db, oneWay); got != "1 of 1: 0001_notes" {
		t.Errorf("state %q", got)
	}
}

func TestMigrate_RefusesADatabaseNewerThanTheProgram(t *testing.T) {
	t.Parallel()
	db := newNotes(t)
	older := fstest.MapFS{"0001_notes.tx.up.sql": notes["0001_notes.tx.up.sql"]}
	_, upErr := postgres.MigrateUp(t.Context(), admin(db), older)
	_, downErr := postgres.MigrateDown(t.Context(), admin(db), older, 1)
	_, readErr := postgres.Migrations(t.Context(), db.App.DB, older)
	for name, err := range map[string]error{"up": upErr, "down": downErr, "read": readErr} {
		if err == nil || !strings.Contains(err.Error(), "newer than this program") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Killed before any of its statements, a migration is applied and recorded or neither, and the
// next one finishes it.
func TestMigrate_KilledAnywhereIsFinishedByTheNext(t *testing.T) {
	t.Parallel()
	for n := 1; ; n++ {
		db := newEmpty(t)
		cfg := admin(db)
		cfg.Tracer = pgtest.Tracer()
		ctx, killer := pgtest.KillBefore(t, t.Context(), n)
		_, err := postgres.MigrateUp(ctx, cfg, notes)
		statement, fired := killer.Fired()
		if !fired {
			if err != nil {
				t.Errorf("nothing was killed, yet %v", err)
			}
			if n < 10 {
				t.Errorf("only %d statements were killed", n-1)
			}
			return
		}
		recorded := strings.Count(state(t, db, notes), "_")
		if made := strings.Count(tables(t, db), " of "); made != recorded {
			t.Errorf("killed before %q: %d steps made, %d recorded", statement, made, recorded)
		}
		if _, err := postgres.MigrateUp(t.Context(), admin(db), notes); err != nil {
			t.Errorf("killed before %q, then: %v", statement, err)
		}
		if got := state(t, db, notes); got != "2 of 2: 0001_notes 0002_labels" {
			t.Errorf("killed before %q, then %q", statement, got)
		}
	}
}

func TestMigrate_ServiceMayReadTheStateAndNothingElse(t *testing.T) {
	t.Parallel()
	db := newNotes(t)
	if got := state(t, db, notes); got != "2 of 2: 0001_notes 0002_labels" {
		t.Errorf("state %q", got)
	}
	for _, statement := range []string{
		`INSERT INTO igny8_migrations (id, name, group_id) VALUES (3, '0003', 3)`,
		`UPDATE igny8_migrations SET name = '0003'`, `DELETE FROM igny8_migrations`,
		`TRUNCATE igny8_migrations`, `DROP TABLE igny8_migrations`,
	} {
		if _, err := db.App.NewRaw(statement).Exec(t.Context()); codeOf(err) != "42501" {
			t.Errorf("%s: %v, want a refusal", statement, err)
		}
	}
}

func TestMigrate_RefusesAUserWhoIsNotTheOwner(t *testing.T) {
	t.Parallel()
	db := newEmpty(t)
	_, err := postgres.MigrateUp(t.Context(), postgres.Config{URL: db.URL(postgres.AppRole)}, notes)
	if codeOf(err) != "42501" || !strings.Contains(err.Error(), postgres.OwnerRole) {
		t.Errorf("up as the service: %v", err)
	}
}

// slow is a migration that takes long enough for others to find it under way.
var slow = fstest.MapFS{
	"0001_slow.tx.up.sql": {Data: []byte("create table igny8_slow (at timestamptz);\n--bun:split\nselect pg_sleep(0.3);\n")},
	"0002_slow.tx.up.sql": {Data: []byte("insert into igny8_slow values (now());\n--bun:split\nselect pg_sleep(0.1);\n")},
}

const migrateHelper = "IGNY8_TEST_MIGRATE_URL"

// TestHelperProcess_Migrate is the other process of the test below.
func TestHelperProcess_Migrate(t *testing.T) { //nolint:paralleltest // it is a process of its own
	url := os.Getenv(migrateHelper)
	if url == "" {
		return // an ordinary run of the tests
	}
	up, err := postgres.MigrateUp(t.Context(), postgres.Config{URL: url}, slow)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = fmt.Fprintf(os.Stdout, "applied=%d\n", len(up))
}

func TestMigrate_ProcessesThatStartAtOnceApplyEachStepOnce(t *testing.T) {
	t.Parallel()
	db := newEmpty(t)
	const processes = 4
	results := make(chan string, processes)
	for range processes {
		go func() {
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestHelperProcess_Migrate$", "-test.count=1")
			cmd.Env = append(os.Environ(), migrateHelper+"="+db.URL(cluster.Superuser))
			out, err := cmd.CombinedOutput()
			results <- fmt.Sprintf("%v %s", err, out)
		}()
	}
	applied := 0
	for range processes {
		result := <-results
		if !strings.HasPrefix(result, "<nil>") {
			t.Errorf("a process failed: %s", result)
		}
		for _, n := range []string{"applied=1", "applied=2"} {
			if strings.Contains(result, n) {
				applied += int(n[len(n)-1] - '0')
			}
		}
	}
	if applied != 2 {
		t.Errorf("%d steps were applied by %d processes, want 2", applied, processes)
	}
	var rows int
	if err := db.Admin.NewRaw("SELECT count(*) FROM igny8_slow").Scan(t.Context(), &rows); err != nil || rows != 1 {
		t.Errorf("the second step ran %d times, %v", rows, err)
	}
}
