// Package queue leaves jobs for internal/jobs to do, in the transaction of the change that makes them
// necessary: a job is there if and only if its transaction was committed.
//
// What must always hold: a job's arguments are ids and instants, never anything about a person, for they are
// kept outside of what row-level security guards; a job that comes twice, late or for nothing does no harm,
// for what is due is decided by who does it.
package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivertype"
	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/period"
	"igny8.com/accounts/internal/postgres"
)

// Settle is the job of doing what fell due for an account's agreement.
type Settle struct {
	Account gid.Account `json:"account"`
	// At is when something falls due.
	At time.Time `json:"at"`
}

// Kind names the job, and its queue.
func (Settle) Kind() string { return "settle_account" }

// settleAttempts is how often a job is tried before it is given up: for some four hours. Whoever looks for
// what is due leaves a new one then.
const settleAttempts = 10

// InsertOpts has one job for an account and an instant wait at a time.
func (s Settle) InsertOpts() river.InsertOpts {
	return river.InsertOpts{
		Queue: s.Kind(), MaxAttempts: settleAttempts, ScheduledAt: s.At,
		UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: Waiting()},
	}
}

// Waiting are the states of jobs that are not over.
func Waiting() []rivertype.JobState {
	return []rivertype.JobState{
		rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRetryable, rivertype.JobStateRunning,
		rivertype.JobStateScheduled,
	}
}

// SettleAt leaves the job of settling an account at an instant. tx must be of postgres.InTx.
func SettleAt(ctx context.Context, tx bun.Tx, account gid.Account, at time.Time) error {
	return leave(ctx, tx, Settle{Account: account, At: period.Instant(at)})
}

// leave leaves a job.
func leave(ctx context.Context, tx bun.Tx, job river.JobArgs) error {
	client, err := inserter()
	if err != nil {
		return err
	}
	return postgres.Pgx(tx, func(conn *pgx.Conn) error {
		if _, err := client.InsertTx(ctx, joined{conn}, job, nil); err != nil {
			return fmt.Errorf("leave a job: %w", err)
		}
		return nil
	})
}

// inserter is a client that inserts and does nothing else: it has neither a pool nor a goroutine.
var inserter = sync.OnceValues(func() (*river.Client[pgx.Tx], error) {
	client, err := river.NewClient(riverpgxv5.New(nil), &river.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, fmt.Errorf("leave jobs: %w", err)
	}
	return client, nil
})

// joined is a connection as the transaction that it is in already, and which others begin and end.
type joined struct{ *pgxConn }

// pgxConn is embedded under this name because the other is that of the method.
type pgxConn = pgx.Conn

var (
	_ pgx.Tx = joined{}

	errJoined = errors.New("the transaction is somebody else's to begin and to end")
)

// Conn is the connection.
func (j joined) Conn() *pgx.Conn { return j.pgxConn }

// Begin refuses.
func (joined) Begin(context.Context) (pgx.Tx, error) { return nil, errJoined }

// Commit refuses.
func (joined) Commit(context.Context) error { return errJoined }

// Rollback refuses.
func (joined) Rollback(context.Context) error { return errJoined }

// LargeObjects has none.
func (joined) LargeObjects() pgx.LargeObjects { return pgx.LargeObjects{} }
