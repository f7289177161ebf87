//go:build unix

package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	embedded "github.com/fergusstrange/embedded-postgres"
)

// fetchPatience bounds a download, which has no limit of its own.
const fetchPatience = 15 * time.Minute

// Fetch says where Postgres's programs are got from, once, where none are installed.
type Fetch struct {
	// Repository is the base URL of a Maven repository that has the project
	// io.zonky.test.postgres; empty means the public one.
	Repository string
	// Dir is where the programs are kept; empty means the user's cache directory, or
	// /var/cache/igny8 for root, because the user who runs Postgres must get there.
	Dir string
	// Log is told of the download; nil: nobody is.
	Log io.Writer
}

// fetchVersions are what can be fetched for data that was made by a major version. A new cluster
// takes MinMajor, the version that the schema is tested on.
var fetchVersions = map[int]embedded.PostgresVersion{15: embedded.V15, 16: embedded.V16, 17: embedded.V17, 18: embedded.V18}

// findOrFetch finds an installed Postgres or fetches one.
func findOrFetch(ctx context.Context, f finder, major int, fetch *Fetch) (Binaries, error) {
	found, err := f.find(ctx, major)
	if err == nil || !errors.Is(err, ErrNotFound) {
		return found, err
	}
	if fetch == nil {
		return Binaries{}, fmt.Errorf("%w\n\n%s", err, HowToInstall())
	}
	fetched, fetchErr := fetch.get(ctx, f, major)
	if fetchErr != nil {
		return Binaries{}, fmt.Errorf("%w, and it could not be fetched: %w\n\n%s", err, fetchErr, HowToInstall())
	}
	return fetched, nil
}

func (o *Fetch) get(ctx context.Context, f finder, major int) (Binaries, error) {
	if major == 0 {
		major = MinMajor
	}
	version, ok := fetchVersions[major]
	if !ok {
		return Binaries{}, fmt.Errorf("Postgres %d is not offered for fetching", major)
	}
	parent, err := o.dir()
	if err != nil {
		return Binaries{}, err
	}
	home := filepath.Join(parent, "postgres-"+string(version))
	if found, err := f.probe(ctx, filepath.Join(home, "bin")); err == nil {
		return found, nil
	}
	if o.Log != nil {
		_, _ = fmt.Fprintf(o.Log, "No Postgres is installed here: fetching version %s, once, to %s\n", version, home)
	}
	if err := os.MkdirAll(parent, 0o755); err != nil { //nolint:gosec // the user who runs Postgres has to pass through
		return Binaries{}, fmt.Errorf("make room for it: %w", err)
	}
	if err := o.unpack(ctx, f, version, home); err != nil {
		return Binaries{}, err
	}
	return f.probe(ctx, filepath.Join(home, "bin"))
}

func (o *Fetch) dir() (string, error) {
	dir := o.Dir
	if dir == "" && os.Geteuid() == 0 {
		dir = "/var/cache/igny8"
	}
	if dir == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("find the user's cache: %w", err)
		}
		dir = filepath.Join(cache, "igny8")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("find the cache: %w", err)
	}
	return dir, nil
}

// unpack downloads beside home and moves the programs there when they are complete, so that
// neither a broken download nor a second process ever leaves half an installation.
func (o *Fetch) unpack(ctx context.Context, f finder, version embedded.PostgresVersion, home string) error {
	work, err := os.MkdirTemp(filepath.Dir(home), ".fetch-")
	if err != nil {
		return fmt.Errorf("make room for it: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, fetchPatience)
	defer cancel()
	finished := make(chan error, 1)
	go func() {
		// The library hears no context: when ctx ends first, its download runs on to its own end.
		err := o.download(work, version)
		if ctx.Err() != nil {
			_ = os.RemoveAll(work)
		}
		finished <- err
	}()
	var downloadErr error
	select {
	case <-ctx.Done():
		return fmt.Errorf("download it: %w", ctx.Err())
	case downloadErr = <-finished:
	}
	defer func() { _ = os.RemoveAll(work) }()

	got := filepath.Join(work, "home")
	if err := openToAll(work); err != nil {
		return errors.Join(downloadErr, err)
	}
	if _, err := f.probe(ctx, filepath.Join(got, "bin")); err != nil {
		return errors.Join(downloadErr, err)
	}
	err = os.Rename(got, home)
	if err == nil {
		return nil
	}
	// Another process was quicker: its programs are as good. Or a broken copy is in the way.
	if _, probeErr := f.probe(ctx, filepath.Join(home, "bin")); probeErr == nil {
		return nil
	}
	if err = os.RemoveAll(home); err == nil {
		err = os.Rename(got, home)
	}
	if err != nil {
		return fmt.Errorf("move it into place: %w", err)
	}
	return nil
}

// download uses the library for what it knows: names, checksums and formats. It has no call that
// only downloads, so it is shown a data directory that claims to be initialized and is empty. The
// library unpacks the programs and then cannot start a server, as root or not, which is the error
// that it ends with even when all went well: whether the programs are good is for the caller to
// see. Our own launcher runs them, because the library's cannot run as root.
func (o *Fetch) download(work string, version embedded.PostgresVersion) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("unpack Postgres: %v", p)
		}
	}()
	data := filepath.Join(work, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		return fmt.Errorf("unpack Postgres: %w", err)
	}
	major, _, _ := strings.Cut(string(version), ".")
	if err := os.WriteFile(filepath.Join(data, "PG_VERSION"), []byte(major+"\n"), 0o600); err != nil {
		return fmt.Errorf("unpack Postgres: %w", err)
	}
	config := embedded.DefaultConfig().Version(version).Port(0).Logger(io.Discard).
		CachePath(filepath.Join(work, "archive")).BinariesPath(filepath.Join(work, "home")).
		RuntimePath(filepath.Join(work, "runtime")).DataPath(data)
	if o.Repository != "" {
		config = config.BinaryRepositoryURL(o.Repository)
	}
	server := embedded.NewDatabase(config)
	if err := server.Start(); err != nil {
		return fmt.Errorf("the library says: %w", err)
	}
	return errors.Join(errors.New("the library started a server in an empty directory"), server.Stop())
}

// openToAll lets the user who runs Postgres read what a strict umask has closed.
func openToAll(root string) error {
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Type()&fs.ModeSymlink != 0 {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return fmt.Errorf("look at it: %w", err)
		}
		mode := info.Mode().Perm() | 0o444
		if d.IsDir() || mode&0o100 != 0 {
			mode |= 0o111
		}
		return os.Chmod(path, mode) //nolint:gosec // the tree is our own, made a moment ago
	})
	if err != nil {
		return fmt.Errorf("open the programs to their user: %w", err)
	}
	return nil
}
