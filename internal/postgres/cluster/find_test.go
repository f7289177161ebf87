//go:build unix

package cluster

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// machine is a root directory with pretended installations of Postgres.
type machine struct {
	t    *testing.T
	root string
	env  map[string]string
	path map[string]string // program to where PATH leads
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	root, err := os.MkdirTemp("", "igny8-find-test-") //nolint:usetesting // open to the user who runs Postgres, unlike t.TempDir
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(root) })
	if err := os.Chmod(root, 0o755); err != nil {
		t.Fatal(err)
	}
	return &machine{t: t, root: root, env: map[string]string{}, path: map[string]string{}}
}

// at is where a path of the pretended machine really is.
func (m *machine) at(path string) string { return m.root + "/" + path }

// install pretends an installation in dir.
func (m *machine) install(dir, version string) string {
	m.t.Helper()
	dir = m.at(dir)
	m.program(filepath.Join(dir, "postgres"), fmt.Sprintf(`echo "postgres (PostgreSQL) %s"`, version))
	m.program(filepath.Join(dir, "initdb"), "exit 1")
	return dir
}

func (m *machine) program(path, script string) {
	m.t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		m.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
		m.t.Fatal(err)
	}
}

func (m *machine) finder() finder {
	m.t.Helper()
	who, err := servant()
	if err != nil {
		m.t.Fatal(err)
	}
	patterns := make([]string, len(places))
	for i, pattern := range places {
		patterns[i] = filepath.Join(m.root, pattern)
	}
	return finder{
		getenv: func(name string) string { return m.env[name] },
		lookPath: func(name string) (string, error) {
			if path, ok := m.path[name]; ok {
				return path, nil
			}
			return "", exec.ErrNotFound
		},
		places: patterns, servant: who,
	}
}

func TestFind_TakesTheNewestOfASystemsPlaces(t *testing.T) {
	t.Parallel()
	for name, dirs := range map[string][]string{
		"Debian":         {"usr/lib/postgresql/9.6/bin 9.6.24", "usr/lib/postgresql/15/bin 15.18 (Debian 15.18-0+deb12u1)", "usr/lib/postgresql/17/bin 17.2"},
		"RHEL":           {"usr/pgsql-16/bin 16.1", "usr/pgsql-17/bin 17.2"},
		"Homebrew":       {"opt/homebrew/opt/postgresql@15/bin 15.3 (Homebrew)", "opt/homebrew/opt/postgresql@17/bin 17.2 (Homebrew)"},
		"Homebrew Intel": {"usr/local/opt/postgresql@17/bin 17.2 (Homebrew)"},
		"Postgres.app":   {"Applications/Postgres.app/Contents/Versions/16/bin 16.4 (Postgres.app)", "Applications/Postgres.app/Contents/Versions/17/bin 17.2 (Postgres.app)"},
		"Alpine":         {"usr/libexec/postgresql17 17.2"},
		"development":    {"usr/lib/postgresql/17/bin 17beta1"},
	} {
		m := newMachine(t)
		var last string
		for _, dir := range dirs {
			at, version, _ := strings.Cut(dir, " ")
			last = m.install(at, version)
		}
		found, err := m.finder().find(t.Context(), 0)
		if want := (Binaries{Dir: last, Major: 17}); err != nil || found != want {
			t.Errorf("%s: %+v, %v; want %+v", name, found, err, want)
		}
	}
}

func TestFind_PrefersPGBINThenPathThenPgConfig(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	expect := func(what, dir string) {
		t.Helper()
		if found, err := m.finder().find(t.Context(), 0); err != nil || found.Dir != dir {
			t.Errorf("%s: found %+v, %v; want %s", what, found, err, dir)
		}
	}
	expect("the system's place", m.install("usr/lib/postgresql/17/bin", "17.2"))

	config := m.install("from/config", "16.1")
	m.program(m.at("usr/bin/pg_config"), "echo "+config)
	m.path["pg_config"] = m.at("usr/bin/pg_config")
	expect("pg_config", config)

	// A link on PATH to a single program leads to the directory that has them all.
	target := m.install("from/path", "15.1")
	link := m.at("usr/bin/initdb")
	if err := os.Symlink(filepath.Join(target, "initdb"), link); err != nil {
		t.Fatal(err)
	}
	m.path["initdb"] = link
	resolved, err := filepath.EvalSymlinks(target)
	if err != nil {
		t.Fatal(err)
	}
	expect("PATH", resolved)

	m.env["PGBIN"] = m.install("from/env", "18.0")
	expect("PGBIN", m.env["PGBIN"])
}

func TestFind_RefusesAPGBINThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.install("usr/lib/postgresql/17/bin", "17.2") // not taken in its stead
	old, broken := m.install("old", "14.9"), m.install("broken", "unknown")
	for dir, want := range map[string]string{
		"/nowhere": "no such file", old: "Postgres 14 is too old, 15 is needed", broken: "not a version of Postgres",
	} {
		m.env["PGBIN"] = dir
		if found, err := m.finder().find(t.Context(), 0); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), dir) {
			t.Errorf("PGBIN=%s: %+v, %v; want an error that says %q", dir, found, err, want)
		}
	}
	m.env["PGBIN"] = m.install("good", "17.1")
	if _, err := m.finder().find(t.Context(), 15); err == nil || !strings.Contains(err.Error(), "made by Postgres 15") {
		t.Errorf("another version than the data's: %v", err)
	}
}

func TestFind_TakesTheVersionThatMadeTheData(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.install("usr/lib/postgresql/17/bin", "17.2")
	want := m.install("usr/lib/postgresql/15/bin", "15.18")
	if found, err := m.finder().find(t.Context(), 15); err != nil || found != (Binaries{Dir: want, Major: 15}) {
		t.Errorf("found %+v, %v", found, err)
	}
	_, err := m.finder().find(t.Context(), 16)
	if !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), "is Postgres 17") {
		t.Errorf("for data of a version that is missing: %v", err)
	}
}

func TestFind_PassesOverWhatIsOldOrIncomplete(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.install("usr/lib/postgresql/14/bin", "14.9")
	m.program(m.at("usr/lib/postgresql/18/bin/pg_dump"), "exit 0") // the client package alone
	_, err := m.finder().find(t.Context(), 0)
	if !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), "Postgres 14 is too old") || strings.Contains(err.Error(), "postgresql/18") {
		t.Errorf("the error is %v", err)
	}
	want := m.install("usr/lib/postgresql/15/bin", "15.18")
	if found, err := m.finder().find(t.Context(), 0); err != nil || found.Dir != want {
		t.Errorf("found %+v, %v", found, err)
	}
}

func TestFind_TellsWhatToTypeWhereNothingIsInstalled(t *testing.T) {
	t.Parallel()
	_, err := findOrFetch(t.Context(), newMachine(t).finder(), 0, nil)
	if !errors.Is(err, ErrNotFound) {
		t.Fatalf("the error is %v", err)
	}
	for _, typed := range []string{
		"sudo apt-get update && sudo apt-get install -y --no-install-recommends postgresql", "sudo dnf install -y postgresql-server",
		"brew install postgresql@17", "PGBIN=", "DATABASE_URL",
	} {
		if !strings.Contains(err.Error(), typed) {
			t.Errorf("the error does not say %q:\n%v", typed, err)
		}
	}
}

func TestTool_StandsBesideTheServer(t *testing.T) {
	t.Parallel()
	path, err := Tool(t.Context(), "pg_dump")
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), path, "--version").Output(); err != nil || !strings.Contains(string(out), "pg_dump (PostgreSQL)") {
		t.Errorf("%s says %q, %v", path, out, err)
	}
	if _, err := Tool(t.Context(), "pg_nosuch"); err == nil || !strings.Contains(err.Error(), "pg_nosuch is not on this machine") {
		t.Errorf("a tool that does not exist: %v", err)
	}
}
