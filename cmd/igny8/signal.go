package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// sameGesture is within how much time two signals are one: some supervisors signal a process and then
// its whole group. Nobody presses Ctrl-C twice that fast.
const sameGesture = 200 * time.Millisecond

// untilInterrupted returns a context that ends at the first SIGINT or SIGTERM, so that requests under
// way are answered. At the second, exit is called: whoever asks twice does not want to wait.
// Postgres goes down with the process, and loses nothing by it.
func untilInterrupted(parent context.Context, stderr io.Writer, exit func(int)) (_ context.Context, release func()) {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	ctx, cancel := untilSignalled(parent, signals, stderr, exit)
	return ctx, func() {
		signal.Stop(signals)
		cancel()
	}
}

func untilSignalled(
	parent context.Context, signals <-chan os.Signal, stderr io.Writer, exit func(int),
) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(parent)
	over, release := context.WithCancel(context.WithoutCancel(parent))
	go func() {
		var first time.Time
		for {
			select {
			case <-over.Done():
				return
			case <-signals:
			}
			switch {
			case first.IsZero():
				first = time.Now()
				_, _ = fmt.Fprintln(stderr, "igny8: stopping; once more stops at once")
				cancel()
			case time.Since(first) > sameGesture:
				_, _ = fmt.Fprintln(stderr, "igny8: stopped at once")
				exit(exitFailure)
				return
			}
		}
	}()
	return ctx, func() {
		release()
		cancel()
	}
}
