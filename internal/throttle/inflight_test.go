package throttle

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
)

func newInFlight(t *testing.T, running, waiting int) *InFlight {
	t.Helper()
	f, err := NewInFlight(running, waiting)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func enter(t *testing.T, f *InFlight, accountID int64) (release func()) {
	t.Helper()
	release, err := f.Enter(t.Context(), accountID)
	if err != nil {
		t.Fatal(err)
	}
	return release
}

// inside is how many requests of an account run or wait.
func (f *InFlight) inside(accountID int64) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	if l := f.lines[accountID]; l != nil {
		return l.inside
	}
	return 0
}

func TestInFlight_RunsSomeLetsSomeWaitAndRefusesTheRest(t *testing.T) {
	t.Parallel()
	f := newInFlight(t, 3, 2)
	var releases []func()
	for range 3 {
		releases = append(releases, enter(t, f, 1))
	}
	var ran atomic.Int32
	var waiting sync.WaitGroup
	for range 2 {
		waiting.Go(func() {
			release := enter(t, f, 1)
			ran.Add(1)
			release()
		})
	}
	eventually(t, "two wait", func() bool { return f.inside(1) == 5 })
	_, err := f.Enter(t.Context(), 1)
	if seconds := retryAfter(t, err); seconds != 1 {
		t.Errorf("the sixth: %v", err)
	}
	enter(t, f, 2)() // a neighbour neither waits nor is refused
	enter(t, f, 0)() // and nobody's requests are not counted
	if n := ran.Load(); n != 0 {
		t.Fatalf("%d ran beside the three that may", n)
	}
	releases[0]()
	waiting.Wait()
	if n := ran.Load(); n != 2 {
		t.Errorf("%d of those who waited ran", n)
	}
	releases[1]()
	releases[2]()
	if len(f.lines) != 0 {
		t.Errorf("%d accounts are remembered that have nothing under way", len(f.lines))
	}
}

func TestInFlight_NeverRunsMoreThanItMay(t *testing.T) {
	t.Parallel()
	const running = 5
	f := newInFlight(t, running, 1000)
	var now, most atomic.Int32
	var all sync.WaitGroup
	for range 300 {
		all.Go(func() {
			release, err := f.Enter(t.Context(), 1)
			if err != nil {
				t.Error(err)
				return
			}
			n := now.Add(1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			now.Add(-1)
			release()
		})
	}
	all.Wait()
	if n := most.Load(); n > running || n < 1 {
		t.Errorf("%d ran at once, want at most %d", n, running)
	}
}

func TestInFlight_LetsGoOfWhoGivesUp(t *testing.T) {
	t.Parallel()
	f := newInFlight(t, 1, 1)
	release := enter(t, f, 1)
	for range 5 {
		ctx, cancel := context.WithCancel(t.Context())
		gone := make(chan error)
		go func() {
			_, err := f.Enter(ctx, 1)
			gone <- err
		}()
		eventually(t, "it waits", func() bool { return f.inside(1) == 2 })
		cancel()
		if err := <-gone; !errors.Is(err, context.Canceled) {
			t.Errorf("giving up: %v", err)
		}
	}
	if n := f.inside(1); n != 1 {
		t.Errorf("%d are inside, want the one that runs", n)
	}
	release()
	enter(t, f, 1)()
}

func TestNewInFlight_RefusesALineThatNeverMoves(t *testing.T) {
	t.Parallel()
	for _, c := range [][2]int{{0, 10}, {-1, 0}, {1, -1}} {
		if _, err := NewInFlight(c[0], c[1]); err == nil {
			t.Errorf("%d running and %d waiting are accepted", c[0], c[1])
		}
	}
}
