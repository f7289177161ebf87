package throttle

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
)

// How many requests of one account a server works on at once, and how many more may wait, where
// nothing else is said. A dashboard sends a handful at once.
const (
	DefaultRunning = 40
	DefaultWaiting = 100
)

// InFlight bounds how many requests of one account are under way on this server, so that an account
// whose requests all wait for one thing does not fill the server with them.
type InFlight struct {
	running, waiting int

	mu    sync.Mutex
	lines map[int64]*line // of the accounts that have requests inside
}

type line struct {
	inside int // running or waiting
	turns  *semaphore.Weighted
}

// NewInFlight lets so many requests of an account run and so many more wait for their turn.
func NewInFlight(running, waiting int) (*InFlight, error) {
	if running < 1 || waiting < 0 {
		return nil, errors.New("throttle: at least one request of an account must be able to run")
	}
	return &InFlight{running: running, waiting: waiting, lines: map[int64]*line{}}, nil
}

// Enter waits, in order of arrival, until another request of the account may run; release says that it
// has ended and must be called once. The requests of nobody (0) are not bounded here. Errors: THROTTLED,
// with retryAfterSeconds, where too many wait already; ctx's own when it ends before the turn comes.
func (f *InFlight) Enter(ctx context.Context, accountID int64) (release func(), err error) {
	if accountID <= 0 {
		return func() {}, nil
	}
	l := f.join(accountID)
	if l == nil {
		return nil, throttled("too many requests of this account are under way", time.Second)
	}
	if err := l.turns.Acquire(ctx, 1); err != nil {
		f.part(accountID, l)
		return nil, err //nolint:wrapcheck // the context's own
	}
	return func() {
		l.turns.Release(1)
		f.part(accountID, l)
	}, nil
}

func (f *InFlight) join(accountID int64) *line {
	f.mu.Lock()
	defer f.mu.Unlock()
	l := f.lines[accountID]
	if l == nil {
		l = &line{turns: semaphore.NewWeighted(int64(f.running))}
		f.lines[accountID] = l
	}
	if l.inside >= f.running+f.waiting {
		return nil
	}
	l.inside++
	return l
}

func (f *InFlight) part(accountID int64, l *line) {
	f.mu.Lock()
	defer f.mu.Unlock()
	l.inside--
	if l.inside == 0 {
		delete(f.lines, accountID)
	}
}
