//go:build unix

package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// MinMajor is the oldest major version of Postgres that the schema is tested on.
const MinMajor = 15

// Binaries is an installation of Postgres.
type Binaries struct {
	// Dir holds postgres and initdb.
	Dir string
	// Major is the version, e.g. 15.
	Major int
}

// ErrNotFound says that this machine has no Postgres that can be used.
var ErrNotFound = errors.New("no Postgres found on this machine")

// places are where the systems put Postgres; each may hold several versions.
var places = []string{
	"/usr/lib/postgresql/*/bin",                                 // Debian, Ubuntu
	"/usr/pgsql-*/bin",                                          // RHEL, Fedora, with the project's packages
	"/usr/lib/postgresql[0-9]*/bin",                             // SUSE
	"/usr/libexec/postgresql*",                                  // Alpine
	"/opt/homebrew/opt/postgresql*/bin",                         // Homebrew on Apple's processors
	"/usr/local/opt/postgresql*/bin",                            // Homebrew on Intel's
	"/Applications/Postgres.app/Contents/Versions/*/bin",        // Postgres.app
	"/usr/local/pgsql/bin",                                      // built from source
	"/home/linuxbrew/.linuxbrew/opt/postgresql*/bin",            // Homebrew on Linux
	"/run/current-system/sw/bin", "/nix/var/nix/profiles/*/bin", // NixOS
}

// finder looks for Postgres; its parts are fields so that tests can show it another machine.
type finder struct {
	getenv   func(string) string
	lookPath func(string) (string, error)
	places   []string
	servant  account
}

func newFinder(servant account) finder {
	return finder{getenv: os.Getenv, lookPath: exec.LookPath, places: places, servant: servant}
}

// find returns the first usable installation: the directory that PGBIN names, the programs on
// PATH, what pg_config says, then the places of each system with the newest version first. With
// major set, only that version will do, because a data directory opens with its own alone.
func (f finder) find(ctx context.Context, major int) (Binaries, error) {
	if dir := f.getenv("PGBIN"); dir != "" {
		found, err := f.probe(ctx, dir)
		switch {
		case err != nil:
			return Binaries{}, fmt.Errorf("PGBIN=%s cannot be used: %w", dir, err)
		case major != 0 && found.Major != major:
			return Binaries{}, fmt.Errorf("PGBIN=%s is Postgres %d, but the data was made by Postgres %d", dir, found.Major, major)
		}
		return found, nil
	}
	var others []string
	for _, dir := range f.candidates(ctx) {
		found, err := f.probe(ctx, dir)
		if err != nil {
			if _, missing := errors.AsType[*os.PathError](err); !missing {
				others = append(others, fmt.Sprintf("%s: %v", dir, err))
			}
			continue
		}
		if major == 0 || found.Major == major {
			return found, nil
		}
		others = append(others, fmt.Sprintf("%s is Postgres %d", dir, found.Major))
	}
	err := ErrNotFound
	if major != 0 {
		err = fmt.Errorf("%w for data made by Postgres %d", err, major)
	}
	if len(others) > 0 {
		err = fmt.Errorf("%w (%s)", err, strings.Join(others, "; "))
	}
	return Binaries{}, err
}

func (f finder) candidates(ctx context.Context) []string {
	var dirs []string
	add := func(dir string) {
		if dir != "" && !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
	}
	for _, program := range []string{serverProgram, initProgram} {
		path, err := f.lookPath(program)
		if err != nil {
			continue
		}
		// A distribution's PATH may hold links to single programs: the rest is beside the target.
		if target, err := filepath.EvalSymlinks(path); err == nil {
			path = target
		}
		add(filepath.Dir(path))
	}
	if program, err := f.lookPath("pg_config"); err == nil {
		if out, err := exec.CommandContext(ctx, program, "--bindir").Output(); err == nil { //nolint:gosec // found on PATH
			add(strings.TrimSpace(string(out)))
		}
	}
	for _, pattern := range f.places {
		matches, err := filepath.Glob(pattern)
		if err != nil {
			continue
		}
		slices.SortStableFunc(matches, func(a, b string) int { return numberIn(b) - numberIn(a) })
		for _, dir := range matches {
			add(dir)
		}
	}
	return dirs
}

// probe makes sure that the directory's programs are there and that the servant can run them.
func (f finder) probe(ctx context.Context, dir string) (Binaries, error) {
	for _, program := range []string{serverProgram, initProgram} {
		if _, err := os.Stat(filepath.Join(dir, program)); err != nil {
			return Binaries{}, fmt.Errorf("incomplete: %w", err)
		}
	}
	out, err := f.servant.command(ctx, "/", filepath.Join(dir, serverProgram), "--version").Output()
	if err != nil {
		return Binaries{}, fmt.Errorf("postgres --version: %w", err)
	}
	major, err := majorOf(string(out))
	if err != nil {
		return Binaries{}, err
	}
	if major < MinMajor {
		return Binaries{}, fmt.Errorf("Postgres %d is too old, %d is needed", major, MinMajor)
	}
	return Binaries{Dir: dir, Major: major}, nil
}

var versionText = regexp.MustCompile(`\(PostgreSQL\) (\d+)`)

func majorOf(version string) (int, error) {
	m := versionText.FindStringSubmatch(version)
	if m == nil {
		return 0, fmt.Errorf("not a version of Postgres: %q", strings.TrimSpace(version))
	}
	major, err := strconv.Atoi(m[1])
	if err != nil {
		return 0, fmt.Errorf("not a version of Postgres: %w", err)
	}
	return major, nil
}

var number = regexp.MustCompile(`\d+`)

// numberIn is the last number in a path, which is the version where several stand side by side.
func numberIn(path string) int {
	all := number.FindAllString(path, -1)
	if len(all) == 0 {
		return 0
	}
	n, err := strconv.Atoi(all[len(all)-1])
	if err != nil {
		return 0
	}
	return n
}

// Tool finds one of the programs that come with Postgres: beside an installed server, because what
// stands on PATH may be an older one, else on PATH.
func Tool(ctx context.Context, name string) (string, error) {
	who, err := servant()
	if err != nil {
		return "", err
	}
	f := newFinder(who)
	if found, err := f.find(ctx, 0); err == nil {
		path := filepath.Join(found.Dir, name)
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	path, err := f.lookPath(name)
	if err != nil {
		return "", fmt.Errorf("%s is not on this machine: %w\n\n%s", name, err, HowToInstall())
	}
	return path, nil
}

// HowToInstall says what to type to get Postgres.
func HowToInstall() string {
	return `Install Postgres (15 or newer), then try again:

  Debian, Ubuntu   sudo apt-get update && sudo apt-get install -y --no-install-recommends postgresql
  Fedora, RHEL     sudo dnf install -y postgresql-server postgresql-contrib
  macOS            brew install postgresql@17

If it is installed where it was not found, name the directory that holds the programs postgres and
initdb: PGBIN=/path/to/bin. Or set DATABASE_URL to use a server that runs already.`
}
