package postgres

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/uptrace/bun"
)

const (
	txAttempts   = 5
	txRetryPause = 5 * time.Millisecond // doubles with each attempt, jittered

	serializationFailure = "40001"
	deadlockDetected     = "40P01"
)

// InTx runs fn in one read-committed transaction: committed when fn returns nil, rolled back when
// it returns an error or panics. A transaction that Postgres gave up for the sake of others (a
// deadlock, a serialization failure) is run again, up to five times, so fn must have no effect
// outside of tx and must not add to variables that a first run has filled.
//
// Where db is a transaction already, fn runs in a savepoint of it and only the outermost InTx
// runs again. fn gets the caller's ctx, not one that bun has put a transaction into; what it has beside
// that is where Announce notes what to tell after the commit.
//
// A bun.Tx belongs to one goroutine. Statements of fn go through tx alone: one through db would
// take a second connection and can wait for ever for a pool that the waiting ones hold.
func InTx(ctx context.Context, db bun.IDB, fn func(ctx context.Context, tx bun.Tx) error) error {
	attempts := txAttempts
	if isTx(db) {
		attempts = 1
	}
	return again(ctx, attempts, func() error { return runTx(ctx, db, fn) })
}

// again runs a transaction until Postgres does not give it up for the sake of others.
func again(ctx context.Context, attempts int, run func() error) error {
	for attempt := 1; ; attempt++ {
		err := run()
		if attempt >= attempts || !retryable(err) {
			return err
		}
		pause := time.NewTimer(rand.N(txRetryPause << attempt)) //nolint:gosec // spreads retries, guards nothing
		select {
		case <-ctx.Done():
			pause.Stop()
			return errors.Join(ctx.Err(), err)
		case <-pause.C:
		}
	}
}

func runTx(ctx context.Context, db bun.IDB, fn func(ctx context.Context, tx bun.Tx) error) error {
	tx, release, err := begin(ctx, db)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer release()
	done := false
	defer func() {
		if !done {
			_ = tx.Rollback() // fn's error or panic is the one to tell
		}
	}()
	inside, told := ctx, &announcements{}
	if !isTx(db) { // a savepoint announces with the transaction that it is in
		inside = context.WithValue(ctx, announcementsKey{}, told)
	}
	if err := fn(inside, tx); err != nil {
		return err
	}
	done = true
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	if db, ok := db.(*DB); ok {
		db.tell(told)
	}
	return nil
}

func isTx(db bun.IDB) bool {
	switch db.(type) {
	case bun.Tx, *bun.Tx:
		return true
	default:
		return false
	}
}

func retryable(err error) bool {
	pgErr, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (pgErr.Code == serializationFailure || pgErr.Code == deadlockDetected)
}

// Violates says whether err is the database's refusal by the constraint of that name: a unique
// index, a foreign key, a check, an exclusion. Domain code turns it into a fault where the name's
// meaning is known.
func Violates(err error, constraint string) bool {
	const integrityClass = "23"
	pgErr, ok := errors.AsType[*pgconn.PgError](err)
	return ok && pgErr.ConstraintName == constraint && len(pgErr.Code) == 5 && pgErr.Code[:2] == integrityClass
}
