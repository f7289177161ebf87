package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"
)

// Statement is one of several that go to Postgres together. Its text is constant, with $1, $2 … for the
// arguments and a type beside each whose type does not follow from its place.
type Statement struct {
	SQL  string
	Args []any
	// Scan gets the statement's rows; nil where there is nothing to read.
	Scan func(Rows) error
}

// Rows is what can be read of a statement's rows.
type Rows interface {
	Next() bool
	Scan(into ...any) error
	Err() error
}

// Trips is a read-committed transaction whose statements go to Postgres several in a trip, each seeing
// what was committed when it began. It belongs to one goroutine.
type Trips interface {
	// Send runs the statements in order. After an error the transaction is lost.
	Send(ctx context.Context, statements ...Statement) error
	// Commit runs the statements and commits in the same trip. In somebody else's transaction it is
	// Send: what was joined is committed by whoever began it.
	Commit(ctx context.Context, statements ...Statement) error
}

// InTrips runs fn in one transaction, which is rolled back unless fn commits it. Where db is a transaction
// already, fn's statements are a savepoint of it. Like InTx it runs again what Postgres gave up for the sake
// of others, and fn must have no effect outside that a second run does not replace.
//
// The texts are prepared once a connection, under its share of the account's (share.go). The scope of ctx is the
// transaction's own and travels with its first statements, so that a connection that served another account
// before costs no trip of its own. An error of Commit that is not Postgres's own leaves open whether the transaction was committed.
func InTrips(ctx context.Context, db bun.IDB, fn func(ctx context.Context, t Trips) error) error {
	pool, own := poolOf(db)
	if !own {
		return InTx(ctx, db, func(ctx context.Context, tx bun.Tx) error { return fn(ctx, Joined(tx)) })
	}
	return again(ctx, txAttempts, func() error {
		told := &announcements{}
		inside := context.WithValue(ctx, announcementsKey{}, told)
		conn, err := pool.Conn(context.WithValue(ctx, ownScopeKey{}, true))
		if err != nil {
			return fmt.Errorf("begin: %w", err)
		}
		defer func() { _ = conn.Close() }() // it goes back to the pool, which drops one that is broken
		err = conn.Raw(func(driverConn any) error {
			if fair, ok := driverConn.(*fairConn); ok {
				driverConn = fair.Conn
			}
			at, ok := driverConn.(*stdlib.Conn)
			if !ok {
				return fmt.Errorf("%T is no connection of pgx", driverConn)
			}
			t := &trips{conn: at.Conn(), scope: scopeOf(ctx)}
			defer t.end(ctx)
			return fn(inside, t)
		})
		if db, ok := db.(*DB); ok && err == nil {
			db.tell(told)
		}
		return err //nolint:wrapcheck // fn's own
	})
}

// Pool is the handle that stands for db's pool of connections, the same for all who share it; nil for a
// transaction.
func Pool(db bun.IDB) *sql.DB {
	pool, _ := poolOf(db)
	return pool
}

func poolOf(db bun.IDB) (*sql.DB, bool) {
	switch db := db.(type) {
	case *DB:
		return db.DB.DB, true
	case *bun.DB:
		return db.DB, true
	default:
		return nil, false
	}
}

const (
	beginTrips  = "begin isolation level read committed"
	commitTrips = "commit"
)

type trips struct {
	conn        *pgx.Conn
	scope       scope
	begun, over bool
}

// Send runs the statements in one trip, which the first one's begins the transaction.
func (t *trips) Send(ctx context.Context, statements ...Statement) error {
	return t.send(ctx, statements, false)
}

// Commit runs the statements and commits.
func (t *trips) Commit(ctx context.Context, statements ...Statement) error {
	return t.send(ctx, statements, true)
}

func (t *trips) send(ctx context.Context, statements []Statement, last bool) error {
	if t.over {
		return errors.New("the transaction is over")
	}
	all := make([]Statement, 0, len(statements)+3) //nolint:mnd // begin, scope and commit
	if !t.begun {
		all = append(all, Statement{SQL: beginTrips}, t.scope.local())
	}
	all = append(all, statements...)
	if last {
		all = append(all, Statement{SQL: commitTrips})
	}
	batch := &pgx.Batch{}
	for _, s := range all {
		if _, err := t.conn.Prepare(ctx, s.SQL, s.SQL); err != nil {
			return fmt.Errorf("prepare: %w", err)
		}
		batch.Queue(s.SQL, s.Args...)
	}
	t.begun, t.over = true, last
	results := t.conn.SendBatch(ctx, batch)
	for _, s := range all {
		rows, err := results.Query()
		if err == nil {
			err = read(rows, s.Scan)
			rows.Close()
		}
		if err == nil {
			err = rows.Err()
		}
		if err != nil {
			_ = results.Close() // the statement's error is the one to tell
			return err
		}
	}
	if err := results.Close(); err != nil {
		return fmt.Errorf("end a trip: %w", err)
	}
	return nil
}

// end rolls back what was not committed. A connection on which that fails is not used again: the pool
// drops what is in a transaction.
func (t *trips) end(ctx context.Context) {
	const idle = 'I'
	if t.conn.IsClosed() || t.conn.PgConn().TxStatus() == idle {
		return
	}
	_, _ = t.conn.Exec(ctx, "rollback")
}

// Joined sends statements in the caller's own transaction, one after the other.
func Joined(tx bun.Tx) Trips { return joined{tx} }

type joined struct{ tx bun.Tx }

// Send runs the statements, each in a trip of its own.
func (j joined) Send(ctx context.Context, statements ...Statement) error {
	for _, s := range statements {
		if err := j.run(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

func (j joined) run(ctx context.Context, s Statement) (err error) {
	rows, err := j.tx.Tx.QueryContext(ctx, s.SQL, s.Args...)
	if err != nil {
		return err //nolint:wrapcheck // the caller knows what it was for
	}
	defer func() { err = errors.Join(err, rows.Close(), rows.Err()) }()
	return read(rows, s.Scan)
}

// Commit is Send.
func (j joined) Commit(ctx context.Context, statements ...Statement) error {
	return j.Send(ctx, statements...)
}

func read(rows Rows, scan func(Rows) error) error {
	if scan == nil {
		return nil
	}
	return scan(rows)
}

// ScanOne reads one row, if there is one, and says whether there was.
func ScanOne(found *bool, into ...any) func(Rows) error {
	return func(rows Rows) error {
		if *found = rows.Next(); !*found {
			return nil
		}
		return rows.Scan(into...)
	}
}
