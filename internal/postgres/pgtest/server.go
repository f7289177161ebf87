//go:build unix

package pgtest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/postgres/cluster"
)

// ClusterVariable names the environment variable that leads to a running test server: its socket
// directory, or the URL of its superuser. The server must let the roles in without a password.
const ClusterVariable = "IGNY8_TEST_CLUSTER"

// ClusterOptions are what a test server runs with.
func ClusterOptions() cluster.Options {
	return cluster.Options{Fast: true, MaxConnections: 500}
}

// shared is the server of this process.
var shared = &server{templates: map[string]*onceErr{}}

type server struct {
	start sync.Once
	err   error
	url   func(role, database string) string
	// admin is the superuser's pool on the maintenance database.
	admin *pgxpool.Pool

	mu        sync.Mutex
	templates map[string]*onceErr
}

type onceErr struct {
	once sync.Once
	err  error
}

// running gives the server, started if need be, or fails the test.
func running(tb testing.TB) *server {
	tb.Helper()
	shared.start.Do(func() {
		// The server is for all tests of the process: the first one's context must not bound it.
		shared.err = shared.connect(context.Background())
	})
	if shared.err != nil {
		tb.Fatalf("no Postgres for the tests: %v", shared.err)
	}
	return shared
}

func (s *server) connect(ctx context.Context) error {
	if where := os.Getenv(ClusterVariable); where != "" {
		s.url = urls(where)
	} else {
		// Nobody stops it: it goes down with the process, and the next start removes its files.
		c, err := cluster.Start(ctx, ClusterOptions())
		if err != nil {
			return err
		}
		s.url = c.URL
	}
	config, err := pgxpool.ParseConfig(s.url(cluster.Superuser, "postgres"))
	if err != nil {
		return err
	}
	config.MaxConns = 4
	config.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeExec
	if s.admin, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return err
	}
	return s.admin.Ping(ctx)
}

// urls makes the URLs of a server that runs already.
func urls(where string) func(role, database string) string {
	if !strings.Contains(where, "://") {
		return func(role, database string) string { return cluster.SocketURL(where, role, database) }
	}
	return func(role, database string) string {
		u, err := url.Parse(where)
		if err != nil {
			return where // to fail where it is used, with a message that shows it
		}
		if u.User.Username() != role {
			u.User = url.User(role)
		}
		u.Path = "/" + database
		return u.String()
	}
}

// template gives the name of a database with the steps applied, made by whoever comes first: this
// or another test binary on the same server.
func (s *server) template(ctx context.Context, files fs.FS) (string, error) {
	hash, err := fingerprint(files)
	if err != nil {
		return "", err
	}
	name := "igny8_template_" + hash
	s.mu.Lock()
	once, ok := s.templates[name]
	if !ok {
		once = &onceErr{}
		s.templates[name] = once
	}
	s.mu.Unlock()
	once.once.Do(func() {
		once.err = s.makeTemplate(context.WithoutCancel(ctx), name, files)
	})
	return name, once.err
}

const templateLock int64 = 0x69676e7938_10 // "igny8", 16

func (s *server) makeTemplate(ctx context.Context, name string, files fs.FS) (err error) {
	conn, err := s.admin.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock($1)", templateLock); err != nil {
		return err
	}
	defer func() {
		_, unlockErr := conn.Exec(ctx, "SELECT pg_advisory_unlock($1)", templateLock)
		err = errors.Join(err, unlockErr)
	}()

	var complete bool
	switch err := conn.QueryRow(ctx, "SELECT datistemplate FROM pg_database WHERE datname = $1", name).Scan(&complete); {
	case errors.Is(err, pgx.ErrNoRows):
	case err != nil:
		return err
	case complete:
		return nil
	default: // somebody was killed while making it
		if err := s.drop(ctx, name); err != nil {
			return err
		}
	}

	admin := s.url(cluster.Superuser, name)
	if err := postgres.Bootstrap(ctx, admin); err != nil {
		return err
	}
	if _, err := postgres.MigrateUp(ctx, postgres.Config{URL: admin}, files); err != nil {
		return err
	}
	// A database can only be copied while nobody is connected to it.
	_, err = conn.Exec(ctx, fmt.Sprintf("ALTER DATABASE %s ALLOW_CONNECTIONS false IS_TEMPLATE true", quote(name)))
	return err
}

func (s *server) clone(ctx context.Context, name, template string) error {
	_, err := s.admin.Exec(ctx, fmt.Sprintf("CREATE DATABASE %s TEMPLATE %s STRATEGY FILE_COPY OWNER %s", quote(name), quote(template), postgres.OwnerRole))
	return err
}

func (s *server) drop(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	_, err := s.admin.Exec(ctx, fmt.Sprintf("DROP DATABASE IF EXISTS %s WITH (FORCE)", quote(name)))
	return err
}

func quote(name string) string { return pgx.Identifier{name}.Sanitize() }

// fingerprint tells sets of steps apart by names and contents.
func fingerprint(files fs.FS) (string, error) {
	hash := sha256.New()
	err := fs.WalkDir(files, ".", func(path string, d fs.DirEntry, err error) error {
		isStep := strings.HasSuffix(path, ".up.sql") || strings.HasSuffix(path, ".down.sql")
		if err != nil || d.IsDir() || !isStep {
			return err
		}
		text, err := fs.ReadFile(files, path)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(hash, "%s %d\n%s", path, len(text), text)
		return err
	})
	return hex.EncodeToString(hash.Sum(nil))[:16], err
}
