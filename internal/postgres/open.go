// Package postgres owns the way to the database: the pool with bun over it, the scope that
// row-level security judges by, transactions, migrations, roles and the check that a server is
// safe to trust.
//
// What must always hold: a connection leaves the pool only in the scope of the context that asked
// for it (scope.go is the only place that sets it), and database/sql never passes a connection
// from one caller to the next behind the pool's back, so it keeps none idle and has no limit of
// its own; and one account holds no more than its share of the connections (share.go).
package postgres

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
)

// DefaultMaxConns is the size of a pool that says nothing else: on two cores four connections
// serve more requests a second than thirty-two.
const DefaultMaxConns = 4

// Config says how to reach a database and as whom.
type Config struct {
	// URL is a libpq connection URL or key=value string.
	URL string
	// MaxConns bounds the pool; 0 means DefaultMaxConns.
	MaxConns int32
	// TenantConns bounds how many of the pool's connections one account holds at a time through bun
	// (share.go); 0 means half of them, and two at least.
	TenantConns int32
	// Role, if set, is taken on by SET ROLE on every connection. It serves development, where the
	// URL may be an administrator's; production logs in as the role itself.
	Role string
	// ApplicationName shows in pg_stat_activity; empty means igny8.
	ApplicationName string
	// StatementTimeout cancels a statement that runs longer; 0 leaves the server's setting.
	StatementTimeout time.Duration
	// IdleInTransactionTimeout ends a session whose transaction sits idle longer, because an old
	// snapshot stops the pruning of hot rows; 0 leaves the server's setting.
	IdleInTransactionTimeout time.Duration
	// Tracer sees every statement but the one that sets the scope.
	Tracer pgx.QueryTracer
}

// DB is bun over a pool. Both ways in obey the same scope: bun for models and transactions, Pool
// for hot reads with $1 and a cached statement. Pool takes no account's share into account: a
// statement through it must be one that waits for no lock.
type DB struct {
	*bun.DB

	Pool *pgxpool.Pool

	announced atomic.Pointer[func(texts []string)]
}

// Open connects and makes sure that the server answers. The caller closes the DB.
func Open(ctx context.Context, cfg Config) (*DB, error) {
	poolConfig, err := cfg.pool()
	if err != nil {
		return nil, err
	}
	pool, err := pgxpool.NewWithConfig(ctx, poolConfig)
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("open the database: %w", err)
	}
	return &DB{DB: bun.NewDB(openFairly(pool, cfg.tenantConns(pool)), pgdialect.New()), Pool: pool}, nil
}

// Close waits until every connection is back and closes them all.
func (db *DB) Close() {
	_ = db.DB.Close() // its connections are the pool's: there is nothing that could fail to close
	db.Pool.Close()
}

func (cfg Config) pool() (*pgxpool.Config, error) {
	if cfg.URL == "" {
		return nil, errors.New("open the database: no URL given")
	}
	pool, err := pgxpool.ParseConfig(cfg.URL)
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	pool.MaxConns = DefaultMaxConns
	if cfg.MaxConns > 0 {
		pool.MaxConns = cfg.MaxConns
	}
	pool.MinConns = min(pool.MinConns, pool.MaxConns)

	conn := pool.ConnConfig
	// bun writes arguments into the text, so every text is new: preparing it would cost a second
	// round trip and fill the cache with statements that never come back.
	conn.DefaultQueryExecMode = pgx.QueryExecModeExec
	conn.Tracer = cfg.Tracer
	conn.RuntimeParams["application_name"] = "igny8"
	if cfg.ApplicationName != "" {
		conn.RuntimeParams["application_name"] = cfg.ApplicationName
	}
	setTimeout(conn.RuntimeParams, "statement_timeout", cfg.StatementTimeout)
	setTimeout(conn.RuntimeParams, "idle_in_transaction_session_timeout", cfg.IdleInTransactionTimeout)

	pool.PrepareConn = prepareScope
	if cfg.Role != "" {
		pool.AfterConnect = func(ctx context.Context, c *pgx.Conn) error {
			if _, err := c.PgConn().Exec(ctx, "SET ROLE "+pgx.Identifier{cfg.Role}.Sanitize()).ReadAll(); err != nil {
				return fmt.Errorf("take on the role %s: %w", cfg.Role, err)
			}
			return nil
		}
	}
	return pool, nil
}

// setTimeout gives a server setting in milliseconds, its smallest unit, rounded up so that a
// short limit never becomes none.
func setTimeout(params map[string]string, name string, d time.Duration) {
	if d > 0 {
		params[name] = strconv.FormatInt((d + time.Millisecond - 1).Milliseconds(), 10)
	}
}
