//go:build unix

package cluster

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
)

// repository serves archives the way Maven repositories do, of a Postgres whose programs hand over
// to the installed ones.
type repository struct {
	*httptest.Server

	downloads atomic.Int64
}

type fault int

const (
	none fault = iota
	wrongChecksum
	noArchiveInside
	incomplete
)

// newRepository serves any version that is asked for; its programs are of the installed one.
func newRepository(t *testing.T, broken fault) *repository {
	t.Helper()
	installed := findInstalled(t)
	files := map[string]string{
		"bin/postgres": fmt.Sprintf("#!/bin/sh\nexec '%s/postgres' \"$@\"\n", installed.Dir),
		"bin/initdb":   fmt.Sprintf("#!/bin/sh\nexec '%s/initdb' \"$@\"\n", installed.Dir),
		"bin/pg_ctl":   fmt.Sprintf("#!/bin/sh\nexec '%s/pg_ctl' \"$@\"\n", installed.Dir),
		"share/README": "as in the real archives, files stand beside the programs\n",
	}
	if broken == incomplete {
		delete(files, "bin/postgres")
	}
	inner := "postgres-linux-x86_64.txz"
	if broken == noArchiveInside {
		inner = "README"
	}
	jar := zipped(t, map[string][]byte{
		"META-INF/MANIFEST.MF": []byte("Manifest-Version: 1.0\n"), inner: storedXZ(tarred(t, files)),
	})
	sum := sha256.Sum256(jar)
	if broken == wrongChecksum {
		sum[0]++
	}
	r := &repository{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		name := filepath.Base(q.URL.Path)
		if !strings.HasPrefix(q.URL.Path, "/maven2/io/zonky/test/postgres/embedded-postgres-binaries-") || !strings.Contains(name, "-"+fetchedVersion(q.URL.Path)) {
			http.NotFound(w, q)
			return
		}
		switch {
		case strings.HasSuffix(name, ".jar"):
			r.downloads.Add(1)
			_, _ = w.Write(jar)
		case strings.HasSuffix(name, ".jar.sha256"):
			_, _ = w.Write([]byte(hex.EncodeToString(sum[:])))
		default:
			http.NotFound(w, q)
		}
	}))
	t.Cleanup(r.Close)
	return r
}

// fetchedVersion is the directory of the version, which the file's name has to repeat.
func fetchedVersion(path string) string { return filepath.Base(filepath.Dir(path)) }

func findInstalled(t *testing.T) Binaries {
	t.Helper()
	who, err := servant()
	if err != nil {
		t.Fatal(err)
	}
	found, err := newFinder(who).find(t.Context(), 0)
	if err != nil {
		t.Fatalf("%v\n\n%s", err, HowToInstall())
	}
	return found
}

func tarred(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for name, text := range files {
		mode := int64(0o644)
		if strings.HasPrefix(name, "bin/") {
			mode = 0o755
		}
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: mode, Size: int64(len(text)), Typeflag: tar.TypeReg}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func zipped(t *testing.T, files map[string][]byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for name, data := range files {
		f, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write(data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// fetchDir is where fetched programs go, open to the user who runs Postgres.
func fetchDir(t *testing.T) string {
	t.Helper()
	return newMachine(t).at("cache")
}

func TestFetch_RunsAServerFromWhatTheRepositoryHas(t *testing.T) {
	t.Parallel()
	repo := newRepository(t, none)
	bare := newMachine(t).finder() // a machine without Postgres
	var log bytes.Buffer
	fetch := &Fetch{Repository: repo.URL + "/maven2", Dir: fetchDir(t), Log: &log}
	for range 2 { // the second time from the cache
		c, err := start(t.Context(), Options{Fast: true, Fetch: fetch}, bare)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(c.Binaries.Dir, fetch.Dir) {
			t.Errorf("the programs are those of %s", c.Binaries.Dir)
		}
		conn, err := pgx.Connect(t.Context(), c.URL(Superuser, "postgres"))
		if err != nil {
			t.Fatal(err)
		}
		if got := ask(t, conn, "SELECT 1"); got != "1" {
			t.Errorf("the server answers %s", got)
		}
		_ = conn.Close(t.Context())
		end(t, c)
	}
	if got := repo.downloads.Load(); got != 1 {
		t.Errorf("%d downloads, want one", got)
	}
	if got := strings.Count(log.String(), "fetching version 15."); got != 1 {
		t.Errorf("the log says %q", log.String())
	}
	left, err := filepath.Glob(filepath.Join(fetch.Dir, ".fetch-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("the download left %v, %v", left, err)
	}
}

func TestFetch_SaysWhatToTypeWhenTheRepositoryDoesNotHelp(t *testing.T) {
	t.Parallel()
	bare := newMachine(t).finder()
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	empty := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(empty.Close)
	for name, c := range map[string]struct {
		url  string
		want string
	}{
		"unreachable":     {closed.URL, "unable to connect"},
		"not there":       {empty.URL, "no version found"},
		"wrong checksum":  {newRepository(t, wrongChecksum).URL + "/maven2", "checksums do not match"},
		"another archive": {newRepository(t, noArchiveInside).URL + "/maven2", "cannot find binary in archive"},
		"incomplete":      {newRepository(t, incomplete).URL + "/maven2", "bin/postgres"},
	} {
		dir := fetchDir(t)
		_, err := findOrFetch(t.Context(), bare, 0, &Fetch{Repository: c.url, Dir: dir})
		if !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), HowToInstall()) {
			t.Errorf("%s: %v; want an error that says %q and what to type", name, err, c.want)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("%s: the attempt left %v, %v", name, left, err)
		}
	}
}

func TestFetch_StopsWhenTheCallerDoes(t *testing.T) {
	t.Parallel()
	asked, release := make(chan struct{}), make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(asked)
		<-release
	}))
	t.Cleanup(slow.Close)
	t.Cleanup(func() { close(release) })
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-asked
		cancel()
	}()
	_, err := findOrFetch(ctx, newMachine(t).finder(), 0, &Fetch{Repository: slow.URL, Dir: fetchDir(t)})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
}

func TestFetch_GetsTheVersionThatMadeTheData(t *testing.T) {
	t.Parallel()
	var asked atomic.Value
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Store(r.URL.Path)
		http.NotFound(w, r)
	}))
	t.Cleanup(server.Close)
	fetch := &Fetch{Repository: server.URL, Dir: fetchDir(t)}
	bare := newMachine(t).finder()
	if _, err := findOrFetch(t.Context(), bare, 17, fetch); err == nil {
		t.Fatal("nothing was served, yet it was found")
	}
	if path, _ := asked.Load().(string); !strings.HasPrefix(fetchedVersion(path), "17.") {
		t.Errorf("for data of Postgres 17 it asked for %s", path)
	}
	if _, err := findOrFetch(t.Context(), bare, 99, fetch); err == nil || !strings.Contains(err.Error(), "99 is not offered") {
		t.Errorf("for data of Postgres 99: %v", err)
	}
}
