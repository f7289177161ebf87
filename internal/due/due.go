// Package due looks every few seconds, and when it is woken, for what somebody waits for: letters to send. What
// can wait for a minute is done by internal/jobs.
//
// Every part of it must be repeatable and safe beside others of its kind, so that every server can run
// it, and one that was away for a while catches up.
package due

import (
	"context"
	"log/slog"
	"time"

	"igny8.com/accounts/internal/period"
)

// Work is one thing to do when it is due.
type Work struct {
	// Name says what is done, for the log.
	Name string
	// Do does what is due at an instant, and says how much that was.
	Do func(ctx context.Context, now time.Time) (int, error)
}

// Keeper looks for what is due, one work after the other. What may be slow has a keeper of its own.
type Keeper struct {
	Log   *slog.Logger
	Clock func() time.Time
	// Every is how often it looks.
	Every time.Duration
	Works []Work

	wake chan struct{}
}

// NewKeeper makes a keeper of the works.
func NewKeeper(log *slog.Logger, clock func() time.Time, every time.Duration, works ...Work) *Keeper {
	return &Keeper{Log: log, Clock: clock, Every: every, Works: works, wake: make(chan struct{}, 1)}
}

// Wake has it look at once. It never waits.
func (k *Keeper) Wake() {
	select {
	case k.wake <- struct{}{}:
	default: // somebody is woken already
	}
}

// Keep looks for what is due now and after every interval, until ctx ends. What fails is logged and
// tried again the next time.
func (k *Keeper) Keep(ctx context.Context) {
	ticks := time.NewTicker(k.Every)
	defer ticks.Stop()
	for {
		k.once(ctx)
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		case <-k.wake:
		}
	}
}

// once does what is due now, and says in the log what it did.
func (k *Keeper) once(ctx context.Context) {
	for _, work := range k.Works {
		n, err := work.Do(ctx, period.Instant(k.Clock()))
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			k.Log.LogAttrs(ctx, slog.LevelError, "not done, although due", slog.String("what", work.Name), slog.Any("error", err))
		case n > 0:
			k.Log.LogAttrs(ctx, slog.LevelInfo, "done, because due", slog.String("what", work.Name), slog.Int("count", n))
		}
	}
}
