package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"sync"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"golang.org/x/sync/semaphore"
)

// openFairly is database/sql over the pool, in which one account holds at most so many connections.
// Without that, the requests of one account that wait for a lock of theirs would hold every connection
// and everybody else's would wait with them.
//
// A request waits for its account's share before it waits for the pool, in order of arrival and for as
// long as its context lets it. Statements without an account, and those in the scope of staff alone,
// wait for the pool only.
func openFairly(pool *pgxpool.Pool, tenantConns int32) *sql.DB {
	db := sql.OpenDB(&fairConnector{
		Connector: stdlib.GetPoolConnector(pool),
		shares:    &shares{most: int64(tenantConns), of: map[int64]*share{}},
	})
	db.SetMaxIdleConns(0) // a connection that database/sql kept would keep its account's share too
	return db
}

func (cfg Config) tenantConns(pool *pgxpool.Pool) int32 {
	const fewest = 2 // one for what waits, one for what it waits for
	if cfg.TenantConns > 0 {
		return cfg.TenantConns
	}
	return max(fewest, pool.Config().MaxConns/2)
}

type fairConnector struct {
	driver.Connector

	shares *shares
}

// Connect takes a connection out of the account's share, then out of the pool.
func (c *fairConnector) Connect(ctx context.Context) (driver.Conn, error) {
	fair := &fairConn{}
	if tenant, scoped := Tenant(ctx); scoped {
		var err error
		if fair.share, err = c.shares.take(ctx, tenant); err != nil {
			return nil, fmt.Errorf("wait for a connection of the account's share: %w", err)
		}
	}
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		fair.share.release()
		return nil, err //nolint:wrapcheck // database/sql compares it
	}
	pgx, ok := conn.(*stdlib.Conn)
	if !ok { // cannot happen: it is pgx's own connector
		fair.share.release()
		return nil, fmt.Errorf("%T is no connection of pgx", conn)
	}
	fair.Conn = pgx
	return fair, nil
}

// fairConn gives its share back when it goes back to the pool. It is pgx's connection in all else, with
// every method that database/sql looks for.
type fairConn struct {
	*stdlib.Conn

	share *share // nil for none
}

// Close gives the connection back to the pool. database/sql calls it once.
func (c *fairConn) Close() error {
	defer c.share.release()
	return c.Conn.Close() //nolint:wrapcheck // database/sql's caller gets it
}

// shares counts the connections of each account that holds or awaits any.
type shares struct {
	most int64

	mu sync.Mutex
	of map[int64]*share
}

// share is one account's.
type share struct {
	shares *shares
	tenant int64
	users  int // those who hold or await a connection
	conns  *semaphore.Weighted
}

// take waits until the account may hold one connection more. The error is ctx's own.
func (s *shares) take(ctx context.Context, tenant int64) (*share, error) {
	s.mu.Lock()
	own := s.of[tenant]
	if own == nil {
		own = &share{shares: s, tenant: tenant, conns: semaphore.NewWeighted(s.most)}
		s.of[tenant] = own
	}
	own.users++
	s.mu.Unlock()

	if err := own.conns.Acquire(ctx, 1); err != nil {
		own.leave()
		return nil, err //nolint:wrapcheck // wrapped above
	}
	return own, nil
}

// release gives one connection back to the share.
func (s *share) release() {
	if s != nil {
		s.conns.Release(1)
		s.leave()
	}
}

func (s *share) leave() {
	s.shares.mu.Lock()
	defer s.shares.mu.Unlock()
	s.users--
	if s.users == 0 {
		delete(s.shares.of, s.tenant)
	}
}
