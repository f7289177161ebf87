package pgtest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jackc/pgx/v5"

	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/postgres/cluster"
)

const processHelper = "IGNY8_TEST_PROCESS_HELPER"

// marked is a schema that nobody else has, so that its template is this run's own.
func marked(mark string) fstest.MapFS {
	return fstest.MapFS{"0001_marked.tx.up.sql": {Data: []byte(
		"-- " + mark + "\ncreate table marked (id bigint);\n--bun:split\nselect pg_sleep(0.2);\n")}}
}

// TestHelperProcess_New is another test binary that wants a database of the same schema.
func TestHelperProcess_New(t *testing.T) { //nolint:paralleltest // it is a process of its own
	mark := os.Getenv(processHelper)
	if mark == "" {
		return // an ordinary run of the tests
	}
	db := New(t, WithMigrations(marked(mark)))
	var rows int
	if err := db.Admin.NewRaw("SELECT count(*) FROM marked").Scan(t.Context(), &rows); err != nil {
		t.Fatal(err)
	}
	_, _ = fmt.Fprintln(os.Stdout, "has its database")
}

// helper runs this test binary once more.
func helper(ctx context.Context, env ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestHelperProcess_New$", "-test.count=1", "-test.v")
	cmd.Env = append(os.Environ(), env...)
	return cmd
}

func TestNew_TestBinariesShareOneTemplate(t *testing.T) {
	t.Parallel()
	s := running(t)
	mark := random()
	results := make(chan string, 4)
	for range cap(results) {
		go func() {
			out, err := helper(t.Context(), processHelper+"="+mark, ClusterVariable+"="+s.url(cluster.Superuser, "postgres")).CombinedOutput()
			results <- fmt.Sprintf("%v %s", err, out)
		}()
	}
	for range cap(results) {
		if result := <-results; !strings.HasPrefix(result, "<nil>") || !strings.Contains(result, "has its database") {
			t.Errorf("a test binary failed: %s", result)
		}
	}
	hash, err := fingerprint(marked(mark))
	if err != nil {
		t.Fatal(err)
	}
	var complete bool
	if err := s.admin.QueryRow(t.Context(), "SELECT datistemplate FROM pg_database WHERE datname = $1", "igny8_template_"+hash).Scan(&complete); err != nil || !complete {
		t.Errorf("the template is complete: %t, %v", complete, err)
	}
}

func TestNew_FailsWithoutPostgresAndSaysWhy(t *testing.T) {
	t.Parallel()
	for name, env := range map[string]string{
		"no server there":   ClusterVariable + "=/nowhere",
		"no programs there": "PGBIN=/nowhere",
	} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		out, err := helper(ctx, processHelper+"=x", ClusterVariable+"=", env).CombinedOutput()
		cancel()
		if err == nil || !strings.Contains(string(out), "no Postgres for the tests") || !strings.Contains(string(out), "/nowhere") {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
		if strings.Contains(string(out), "SKIP") {
			t.Errorf("%s: the test was skipped", name)
		}
	}
}

func TestTemplate_IsMadeAnewAfterItsMakerWasKilled(t *testing.T) {
	t.Parallel()
	s := running(t)
	files := marked(random())
	hash, err := fingerprint(files)
	if err != nil {
		t.Fatal(err)
	}
	// What a maker leaves that is killed before its last step.
	name := "igny8_template_" + hash
	if _, err := s.admin.Exec(t.Context(), "CREATE DATABASE "+quote(name)); err != nil {
		t.Fatal(err)
	}
	stray, err := pgx.Connect(t.Context(), s.url(cluster.Superuser, name))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stray.Close(context.Background()) }()
	if _, err := stray.Exec(t.Context(), "CREATE TABLE half_made (id bigint)"); err != nil {
		t.Fatal(err)
	}

	db := New(t, WithMigrations(files))
	var made string
	err = db.Admin.NewRaw(`SELECT string_agg(relname, ' ') FROM pg_class WHERE relname IN ('half_made', 'marked')`).Scan(t.Context(), &made)
	if err != nil || made != "marked" {
		t.Errorf("the database has %q, %v; want only what the migrations make", made, err)
	}
}

func TestTemplate_DiffersWithEveryByteOfTheMigrations(t *testing.T) {
	t.Parallel()
	one := func(name, text string) string {
		hash, err := fingerprint(fstest.MapFS{name: {Data: []byte(text)}})
		if err != nil {
			t.Fatal(err)
		}
		return hash
	}
	base := one("0001_a.tx.up.sql", "select 1;")
	if base != one("0001_a.tx.up.sql", "select 1;") {
		t.Error("the same steps have two names")
	}
	for _, other := range []string{
		one("0001_a.tx.up.sql", "select 2;"), one("0001_b.tx.up.sql", "select 1;"), one("0001_a.tx.down.sql", "select 1;"),
	} {
		if other == base {
			t.Error("different steps have one name")
		}
	}
	if one("schema.sql", "select 1;") != one("schema.sql", "select 2;") {
		t.Error("what is no step changes the name")
	}
}

func TestURLs_LeadToTheServerThatTheVariableNames(t *testing.T) {
	t.Parallel()
	for where, want := range map[string]string{
		"/tmp/here": "postgres://igny8_app@/d?host=%2Ftmp%2Fhere&port=5432&sslmode=disable",
		"postgres://postgres@127.0.0.1:5433/postgres?sslmode=disable": "postgres://igny8_app@127.0.0.1:5433/d?sslmode=disable",
	} {
		if got := urls(where)(postgres.AppRole, "d"); got != want {
			t.Errorf("%s leads to %s, want %s", where, got, want)
		}
	}
}
