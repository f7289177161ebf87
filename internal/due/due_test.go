package due_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"igny8.com/accounts/internal/due"
)

func TestKeep_LooksAtOnceAndAfterEveryInterval(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var looked []time.Duration
		k := due.NewKeeper(slog.New(slog.DiscardHandler), time.Now, time.Minute, due.Work{
			Name: "a test", Do: func(_ context.Context, now time.Time) (int, error) {
				looked = append(looked, now.Sub(start).Round(time.Second))
				return 0, nil
			},
		})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); k.Keep(ctx) }()
		<-time.After(150 * time.Second) // of the bubble's clock
		synctest.Wait()
		cancel()
		<-done
		if len(looked) != 3 || looked[0] != 0 || looked[1] != time.Minute || looked[2] != 2*time.Minute {
			t.Errorf("looked after %v", looked)
		}
	})
}

func TestKeep_LooksAtOnceWhenWoken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var looked atomic.Int64
		k := due.NewKeeper(slog.New(slog.DiscardHandler), time.Now, time.Hour, due.Work{
			Name: "letters", Do: func(context.Context, time.Time) (int, error) { looked.Add(1); return 0, nil },
		})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); k.Keep(ctx) }()
		synctest.Wait()
		for range 50 {
			k.Wake()
		}
		synctest.Wait()
		cancel()
		<-done
		// Of many calls at once one or two looks are enough.
		if n := looked.Load(); n < 2 || n > 3 {
			t.Errorf("looked %d times", n)
		}
	})
}

func TestKeep_SaysWhatItDidAndGoesOnAfterAFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		k := due.NewKeeper(slog.New(slog.NewTextHandler(&log, nil)), time.Now, time.Hour,
			due.Work{Name: "the first", Do: func(context.Context, time.Time) (int, error) { return 0, errors.New("it broke") }},
			due.Work{Name: "the second", Do: func(context.Context, time.Time) (int, error) { return 3, nil }},
			due.Work{Name: "the third", Do: func(context.Context, time.Time) (int, error) { return 0, nil }})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); k.Keep(ctx) }()
		synctest.Wait()
		cancel()
		<-done
		text := log.String()
		if !strings.Contains(text, "level=ERROR") || !strings.Contains(text, "it broke") ||
			!strings.Contains(text, `what="the second" count=3`) || strings.Contains(text, "the third") {
			t.Errorf("%s", text)
		}
	})
}
