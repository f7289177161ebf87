//go:build unix

// Package pgtest gives each test a database of its own on a real Postgres, with all migrations
// applied.
//
// What must always hold: a test that needs a database and cannot have one fails, it never skips;
// databases are dropped when their test ends; a server started for tests ends with the process
// that started it.
//
// The server is the one that IGNY8_TEST_CLUSTER names (the run command beside this package starts
// one for a whole `go test ./...`) or one that this test binary starts for itself.
package pgtest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"io/fs"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/multitracer"

	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/postgres/cluster"
	"igny8.com/accounts/migrations"
)

// DB is a database that belongs to one test.
type DB struct {
	// Name is the database's.
	Name string
	// App is the database as the service sees it: as igny8_app, bound by row-level security.
	App *postgres.DB
	// Admin is the database as the superuser sees it, past all policies: to arrange and to assert.
	Admin *postgres.DB
}

type config struct {
	files    fs.FS
	maxConns int32
	tracer   pgx.QueryTracer
}

// Option changes what New makes.
type Option func(*config)

// WithTracer lets a tracer see every statement of App.
func WithTracer(tracer pgx.QueryTracer) Option { return func(c *config) { c.tracer = tracer } }

// WithMaxConns sets the size of App's pool; 4 without it. One account may hold all of these, so that its
// requests race each other as hard as the test asks for, where otherwise it holds its share.
func WithMaxConns(n int32) Option { return func(c *config) { c.maxConns = n } }

// WithMigrations applies other steps than the product's.
func WithMigrations(files fs.FS) Option { return func(c *config) { c.files = files } }

// New makes a database that is dropped when the test ends.
func New(tb testing.TB, opts ...Option) *DB {
	tb.Helper()
	cfg := config{files: migrations.FS}
	for _, opt := range opts {
		opt(&cfg)
	}
	ctx := tb.Context()
	s := running(tb)
	template, err := s.template(ctx, cfg.files)
	if err != nil {
		tb.Fatalf("make the template of test databases: %v", err)
	}

	db := &DB{Name: "igny8_t_" + random()}
	if err := s.clone(ctx, db.Name, template); err != nil {
		tb.Fatalf("make a test database: %v", err)
	}
	tb.Cleanup(func() {
		// The test's context has ended by now.
		if err := s.drop(context.Background(), db.Name); err != nil {
			tb.Errorf("drop the test database: %v", err)
		}
	})
	db.App = open(tb, postgres.Config{
		URL: db.URL(postgres.AppRole), MaxConns: cfg.maxConns, TenantConns: cfg.maxConns, Tracer: tracers(cfg.tracer),
	})
	db.Admin = open(tb, postgres.Config{URL: db.URL(cluster.Superuser)})
	return db
}

// URL is how a role reaches the database, for code that opens its own pool. No password is asked
// for. Give such a pool Tracer() so that CountQueries and KillBefore work on it.
func (db *DB) URL(role string) string { return shared.url(role, db.Name) }

func tracers(more pgx.QueryTracer) pgx.QueryTracer {
	if more == nil {
		return Tracer()
	}
	return multitracer.New(more, Tracer())
}

// open opens a pool that is closed before the database is dropped.
func open(tb testing.TB, cfg postgres.Config) *postgres.DB {
	tb.Helper()
	cfg.ApplicationName = "igny8 test"
	db, err := postgres.Open(tb.Context(), cfg)
	if err != nil {
		tb.Fatalf("open the test database: %v", err)
	}
	tb.Cleanup(func() {
		closed := make(chan struct{})
		go func() {
			defer close(closed)
			db.Close()
		}()
		select {
		case <-closed:
		case <-time.After(10 * time.Second):
			tb.Errorf("%d connections were never given back to the pool", db.Pool.Stat().AcquiredConns())
		}
	})
	return db
}

func random() string {
	b := make([]byte, 8)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}
