//go:build unix

package pgtest

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
)

// Killer ends the session of one statement just before that statement is sent, as a crash of the
// server at that moment would.
type Killer struct {
	tb testing.TB
	n  int

	mu    sync.Mutex
	seen  int
	fired string
}

// KillBefore returns a context under which the session that is about to send the n-th statement,
// counted from 1 as CountQueries counts, is ended before it gets there. A test of "all or nothing"
// calls it with 1, 2, 3 … until Fired is false, which means that there were fewer statements.
func KillBefore(tb testing.TB, ctx context.Context, n int) (context.Context, *Killer) {
	tb.Helper()
	k := &Killer{tb: tb, n: n}
	return withObserver(ctx, k), k
}

// Fired says whether there was an n-th statement, and which.
func (k *Killer) Fired() (statement string, fired bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.fired, k.fired != ""
}

func (k *Killer) before(ctx context.Context, conn *pgx.Conn, statement string) {
	k.mu.Lock()
	k.seen++
	due := k.seen == k.n
	if due {
		k.fired = statement
	}
	k.mu.Unlock()
	if !due {
		return
	}
	if err := terminate(context.WithoutCancel(ctx), conn.PgConn().PID()); err != nil {
		k.tb.Errorf("kill the session before %q: %v", statement, err)
	}
}

// terminate ends a session and waits until it is gone.
func terminate(ctx context.Context, pid uint32) error {
	const patience = 10_000 // milliseconds
	var gone bool
	if err := shared.admin.QueryRow(ctx, "SELECT pg_terminate_backend($1, $2)", int32(pid), patience).Scan(&gone); err != nil {
		return err
	}
	if !gone {
		return fmt.Errorf("session %d lives on", pid)
	}
	return nil
}
