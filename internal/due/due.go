// Package due does what falls due as time passes: the credits of periods that begin, holds and grants
// whose time is over.
//
// Every part of it is repeatable and safe beside others of its kind, so every server runs it, and one
// that was away for a while catches up.
package due

import (
	"context"
	"log/slog"
	"time"

	"igny8.com/accounts/internal/billing"
	"igny8.com/accounts/internal/credit"
	"igny8.com/accounts/internal/period"
	"igny8.com/accounts/internal/postgres"
)

// Keep looks for what is due now and after every interval, until ctx ends. What fails is logged and
// tried again the next time.
func Keep(ctx context.Context, db *postgres.DB, log *slog.Logger, clock func() time.Time, every time.Duration) {
	ticks := time.NewTicker(every)
	defer ticks.Stop()
	for {
		Once(ctx, db, log, period.Instant(clock()))
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		}
	}
}

// Once does what is due at the instant now, and says what it did in the log.
func Once(ctx context.Context, db *postgres.DB, log *slog.Logger, now time.Time) {
	for _, work := range []struct {
		name string
		do   func() (int, error)
	}{
		{"credits of periods that began", func() (int, error) { return billing.GrantDue(ctx, db, now) }},
		{"holds whose time is over", func() (int, error) { return credit.ExpireHolds(ctx, db, now) }},
		{"grants whose time is over", func() (int, error) { return credit.ExpireGrants(ctx, db, now) }},
	} {
		n, err := work.do()
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			log.LogAttrs(ctx, slog.LevelError, "not done, although due", slog.String("what", work.name), slog.Any("error", err))
		case n > 0:
			log.LogAttrs(ctx, slog.LevelInfo, "done, because due", slog.String("what", work.name), slog.Int("count", n))
		}
	}
}
