package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"igny8.com/accounts/internal/auth"
	"igny8.com/accounts/internal/demo"
	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/postgres/cluster"
	"igny8.com/accounts/internal/postgres/pgtest"
	"igny8.com/accounts/migrations"
)

// cheapHasher makes hashes that protect nothing, quickly.
func cheapHasher(t *testing.T) *auth.Hasher {
	t.Helper()
	hasher, err := auth.NewHasher(auth.Cost{MemoryKiB: 1024, Iterations: 1})
	if err != nil {
		t.Fatal(err)
	}
	return hasher
}

// emptyDatabase is one without any step applied.
func emptyDatabase(t *testing.T) *pgtest.DB {
	t.Helper()
	return pgtest.New(t, pgtest.WithMigrations(fstest.MapFS{}))
}

func migrateEnv(db *pgtest.DB) map[string]string {
	return map[string]string{"DATABASE_URL": db.URL(cluster.Superuser)}
}

func steps(t *testing.T) int {
	t.Helper()
	entries, err := migrations.FS.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, entry := range entries {
		if strings.HasSuffix(entry.Name(), ".up.sql") {
			n++
		}
	}
	return n
}

func TestMigrate_GoesUpAndDownAndTellsWhereItIs(t *testing.T) {
	t.Parallel()
	db, all := emptyDatabase(t), steps(t)
	env := migrateEnv(db)
	must := func(want int, args ...string) result {
		got := command(t.Context(), env, append([]string{"migrate"}, args...)...)
		if got.code != want {
			t.Fatalf("migrate %v: %+v", args, got)
		}
		return got
	}
	if got := must(exitFailure, "status", "--check"); strings.Count(got.stdout, "pending") != all || len(got.problems(t)) != 1 {
		t.Errorf("before: %+v", got)
	}
	if got := must(exitOK, "up"); strings.Count(got.stdout, "applied 0") != all {
		t.Errorf("up: %+v", got)
	}
	if got := must(exitOK, "up"); !strings.Contains(got.stdout, "nothing to do") {
		t.Errorf("up again: %+v", got)
	}
	if got := must(exitOK, "status", "--check"); strings.Count(got.stdout, " applied ") != all {
		t.Errorf("after: %+v", got)
	}
	if got := must(exitOK, "down"); strings.Count(got.stdout, "took back") != 1 {
		t.Errorf("down: %+v", got)
	}
	if got := must(exitOK, "down", fmt.Sprintf("--steps=%d", all)); strings.Count(got.stdout, "took back") != all-1 {
		t.Errorf("down to the ground: %+v", got)
	}
	if got := must(exitOK, "down"); !strings.Contains(got.stdout, "nothing to do") {
		t.Errorf("down from the ground: %+v", got)
	}
}

func TestMigrateDown_LeavesAccountsAloneUnlessTold(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	if err := demo.Load(t.Context(), db.Admin, cheapHasher(t).Hash, time.Now()); err != nil {
		t.Fatal(err)
	}
	got := command(t.Context(), migrateEnv(db), "migrate", "down")
	if got.code != exitFailure || len(got.problems(t)) != 1 || !strings.Contains(got.stderr, "--lose-data") {
		t.Errorf("%+v", got)
	}
	if pending, err := pendingSteps(t.Context(), db.App); err != nil || len(pending) != 0 {
		t.Errorf("after the refusal %v are pending, %v", pending, err)
	}
	if got := command(t.Context(), migrateEnv(db), "migrate", "down", "--lose-data"); got.code != exitOK {
		t.Errorf("%+v", got)
	}
}

func TestMigrate_SaysWhatIsWrongWithTheLogin(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	for name, url := range map[string]string{
		"a login that may not become the owner": db.URL(postgres.AppRole),
		"nobody there":                          "postgres://127.0.0.1:1/igny8?connect_timeout=1",
		"not a URL":                             "postgres://igny8:hunter2@[::1/igny8",
	} {
		got := command(t.Context(), map[string]string{"DATABASE_URL": url}, "migrate", "up")
		if got.code != exitFailure || got.stderr == "" || strings.Contains(got.stderr, "hunter2") || strings.Contains(got.stderr, "goroutine") {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestPendingSteps_NamesWhatTheDatabaseLacks(t *testing.T) {
	t.Parallel()
	db := emptyDatabase(t)
	pending, err := pendingSteps(t.Context(), db.App)
	if err != nil || len(pending) != steps(t) || pending[0] != "0001_catalogue" {
		t.Errorf("%v, %v", pending, err)
	}
	if err := readiness(db.App)(t.Context()); err == nil || !strings.Contains(err.Error(), "0001_catalogue") {
		t.Errorf("readiness: %v", err)
	}
}

func TestReadiness_HoldsOnANewerSchema(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	ready := readiness(db.App)
	if err := ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	// A deployment has migrated, and this program is the one that goes.
	if _, err := db.Admin.Pool.Exec(t.Context(), "INSERT INTO igny8_migrations (name, group_id) VALUES ('9999', 1)"); err != nil {
		t.Fatal(err)
	}
	if err := ready(t.Context()); err != nil {
		t.Errorf("on a newer schema: %v", err)
	}
	if _, err := db.Admin.Pool.Exec(t.Context(), "DELETE FROM igny8_migrations WHERE name = '0003'"); err != nil {
		t.Fatal(err)
	}
	if err := ready(t.Context()); err == nil {
		t.Error("ready although a step is missing")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := ready(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("with a context that has ended: %v", err)
	}
}

// refusals are what serve says about a database, without what it always says about the tests' own
// server, which is fast and forgetful.
func refusals(t *testing.T, url string) []string {
	t.Helper()
	got := command(t.Context(), production(map[string]string{"DATABASE_URL": url, "IGNY8_ADDR": "127.0.0.1:0"}), "serve")
	if got.code != exitFailure {
		t.Fatalf("%+v", got)
	}
	var lines []string
	volatile := 0
	for _, line := range got.problems(t) {
		if strings.Contains(line, "fsync") || strings.Contains(line, "full_page_writes") || strings.Contains(line, "synchronous_commit") {
			volatile++
			continue
		}
		lines = append(lines, line)
	}
	if volatile != 3 {
		t.Errorf("of a forgetful server it says %+v", got)
	}
	return lines
}

func TestServe_RefusesASuperuser(t *testing.T) {
	t.Parallel()
	lines := refusals(t, pgtest.New(t).URL(cluster.Superuser))
	if len(lines) != 1 || !strings.Contains(lines[0], "superuser") {
		t.Errorf("%q", lines)
	}
}

func TestServe_RefusesPendingMigrations(t *testing.T) {
	t.Parallel()
	lines := refusals(t, emptyDatabase(t).URL(postgres.AppRole))
	if len(lines) != 1 || !strings.Contains(lines[0], "0001_catalogue") || !strings.Contains(lines[0], "igny8 migrate up") {
		t.Errorf("%q", lines)
	}
}

func TestServe_RefusesTheDemoState(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	if err := demo.Load(t.Context(), db.Admin, cheapHasher(t).Hash, time.Now()); err != nil {
		t.Fatal(err)
	}
	lines := refusals(t, db.URL(postgres.AppRole))
	if len(lines) != 1+len(demo.Emails()) || !strings.Contains(lines[0], "demo state") {
		t.Errorf("%q", lines)
	}
	for i, email := range demo.Emails() {
		if !strings.Contains(lines[i+1], "the user "+email+" has the demo password") {
			t.Errorf("line %d: %q", i+1, lines[i+1])
		}
	}
}

func TestServe_RefusesAccountsOnATestClock(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	_, err := db.Admin.NewRaw(`INSERT INTO igny8_tenants (name, slug, plan_id, status, clock_at) VALUES ('Sandbox', 'sandbox', 2, 'active', now())`).Exec(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	lines := refusals(t, db.URL(postgres.AppRole))
	if len(lines) != 1 || !strings.Contains(lines[0], "test clock") {
		t.Errorf("%q", lines)
	}
}

func TestServe_RefusesADemoUserThatWasLeftBehind(t *testing.T) {
	t.Parallel()
	db, hasher := pgtest.New(t), cheapHasher(t)
	if err := demo.Load(t.Context(), db.Admin, hasher.Hash, time.Now()); err != nil {
		t.Fatal(err)
	}
	other, err := hasher.Hash(t.Context(), "another password than that")
	if err != nil {
		t.Fatal(err)
	}
	left := demo.Emails()[1]
	for _, change := range []string{
		"DELETE FROM igny8_database_marks",
		"UPDATE igny8_users SET password_hash = '" + other + "' WHERE email <> '" + left + "'",
	} {
		if _, err := db.Admin.Pool.Exec(t.Context(), change); err != nil {
			t.Fatal(err)
		}
	}
	lines := refusals(t, db.URL(postgres.AppRole))
	if len(lines) != 1 || !strings.Contains(lines[0], left) {
		t.Errorf("%q", lines)
	}
}

func TestDemoUsers_AreTheDemoStates(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, email := range demo.Emails() {
		known[email] = true
	}
	for _, user := range demoUsers() {
		if !known[user.Email] || user.About == "" || user.Password != demo.Password {
			t.Errorf("%+v is not of the demo state", user)
		}
		delete(known, user.Email)
	}
	if len(known) != 0 {
		t.Errorf("not offered: %v", known)
	}
}
