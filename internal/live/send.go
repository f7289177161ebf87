package live

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// sendEvery is how long a server gathers what it has to tell after it has told something: an account
	// that changes a thousand times a second is told of twenty times.
	sendEvery = 50 * time.Millisecond
	// maxNotice is below the length of a notice, in bytes, that Postgres takes.
	maxNotice = 7000
	// maxPending is how many topics wait to be told of while Postgres is away; with more, everybody is to
	// look again.
	maxPending = 10_000
)

// outbox gathers the topics that changed on this server, each once.
type outbox struct {
	mu      sync.Mutex
	pending map[string]struct{}
	filled  chan struct{}
}

func newOutbox() *outbox {
	return &outbox{pending: map[string]struct{}{}, filled: make(chan struct{}, 1)}
}

func (o *outbox) add(texts []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, text := range texts {
		o.pending[text] = struct{}{}
	}
	if len(o.pending) > maxPending {
		o.pending = map[string]struct{}{everything: {}}
	}
	select {
	case o.filled <- struct{}{}:
	default: // the sender knows
	}
}

// take empties the outbox into notices.
func (o *outbox) take() []string {
	o.mu.Lock()
	texts := slices.Sorted(maps.Keys(o.pending))
	clear(o.pending)
	o.mu.Unlock()
	var notices []string
	var notice strings.Builder
	for _, text := range texts {
		if notice.Len() > 0 && notice.Len()+1+len(text) > maxNotice {
			notices = append(notices, notice.String())
			notice.Reset()
		}
		if notice.Len() > 0 {
			notice.WriteByte('\n')
		}
		notice.WriteString(text)
	}
	if notice.Len() > 0 {
		notices = append(notices, notice.String())
	}
	return notices
}

// send tells what is in the outbox, at once if nothing was told for a while. What could not be told is
// tried again; it stops when ctx ends, having told the last of it.
func (x *Exchange) send(ctx context.Context) {
	pause := time.NewTimer(0)
	defer pause.Stop()
	<-pause.C
	for over := false; !over; {
		select {
		case <-ctx.Done():
			over = true
		case <-x.out.filled:
		}
		wait := sendEvery
		if err := x.sendPending(context.WithoutCancel(ctx)); err != nil {
			x.log.Warn("live events were not told of", slog.Any("error", err))
			wait = time.Second
		}
		pause.Reset(wait)
		select {
		case <-ctx.Done():
		case <-pause.C:
		}
	}
}

func (x *Exchange) sendPending(ctx context.Context) error {
	notices := x.out.take()
	if len(notices) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if _, err := x.db.Pool.Exec(ctx, "SELECT pg_notify($1, notice) FROM unnest($2::text[]) AS notice", channel, notices); err != nil {
		x.out.add(strings.Split(strings.Join(notices, "\n"), "\n"))
		return err //nolint:wrapcheck // logged by the caller, who says what it is about
	}
	return nil
}
