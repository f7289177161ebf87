package gqlhttp

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"sync"
	"time"
)

// Caller is who makes a request, as things are when they are asked for.
type Caller struct {
	// Context is what the caller's operations run in.
	Context context.Context //nolint:containedctx // it is made for one round of them
	// Account is whose connections the caller's is counted among; 0 for nobody, who is not served.
	Account int64
	// Expires is when what the caller signed in with is good no longer; zero for never.
	Expires time.Time
}

// LiveConfig is how live events are served. Numbers that are zero take those of DefaultLiveLimits.
type LiveConfig struct {
	LiveLimits

	// Enter says who sends a request, by its headers as they are; it is asked again before each event and
	// every Recheck, so that what ends in between ends the stream. Its context is the request's, with what
	// operations need. An error means that nobody knows at the moment.
	Enter func(r *http.Request) (Caller, error)
	// Origins are the web origins that may open sockets beside the service's own host.
	Origins []string
	// Clock says what time it is; time.Now if nil.
	Clock func() time.Time
}

// LiveLimits bound what live events take.
type LiveLimits struct {
	// Streams is how many connections there may be in all, AccountStreams of one account, on this server.
	Streams, AccountStreams int
	// Subscriptions is how many operations may be under way on one connection.
	Subscriptions int
	// Init is how long a socket may take to say who it is.
	Init time.Duration
	// Pace is the least time between two executions of one subscription: what changes more often is
	// answered as it is then.
	Pace time.Duration
	// Recheck is how often each stream looks at who it serves, and each subscription at what it watches.
	Recheck time.Duration
	// KeepAlive is how often a quiet connection is written to, and a socket asked for a pong.
	KeepAlive time.Duration
	// Write is how long a client may take to take what it is sent.
	Write time.Duration
}

// DefaultLiveLimits are the limits that the API publishes.
func DefaultLiveLimits() LiveLimits {
	return LiveLimits{
		Streams: 10_000, AccountStreams: 100, Subscriptions: 20,
		Init: 5 * time.Second, Pace: 100 * time.Millisecond, Recheck: 10 * time.Second,
		KeepAlive: 15 * time.Second, Write: 10 * time.Second,
	}
}

func (l LiveLimits) withDefaults() LiveLimits {
	d := DefaultLiveLimits()
	return LiveLimits{
		Streams: cmp.Or(l.Streams, d.Streams), AccountStreams: cmp.Or(l.AccountStreams, d.AccountStreams),
		Subscriptions: cmp.Or(l.Subscriptions, d.Subscriptions),
		Init:          cmp.Or(l.Init, d.Init), Pace: cmp.Or(l.Pace, d.Pace), Recheck: cmp.Or(l.Recheck, d.Recheck),
		KeepAlive: cmp.Or(l.KeepAlive, d.KeepAlive), Write: cmp.Or(l.Write, d.Write),
	}
}

// Live is all streams of one server: it counts them, and ends them when the server stops.
type Live struct {
	cfg LiveConfig

	// stopping is closed when the streams are to end.
	stopping chan struct{}

	mu       sync.Mutex
	stopped  bool
	streams  int
	accounts map[int64]int
	ended    chan struct{} // closed once stopped and the last stream is gone
}

// NewLive makes what Config.Live takes.
func NewLive(cfg LiveConfig) *Live {
	cfg.LiveLimits = cfg.withDefaults()
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	return &Live{cfg: cfg, stopping: make(chan struct{}), accounts: map[int64]int{}, ended: make(chan struct{})}
}

// Streams is how many connections there are.
func (l *Live) Streams() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.streams
}

var errBroken = errors.New("gqlhttp: streams were broken off")

// Drain tells all clients that the server goes away, lets no new stream begin, and waits until the last
// one has ended or ctx does.
func (l *Live) Drain(ctx context.Context) error {
	l.mu.Lock()
	if !l.stopped {
		l.stopped = true
		close(l.stopping)
		if l.streams == 0 {
			close(l.ended)
		}
	}
	l.mu.Unlock()
	select {
	case <-l.ended:
		return nil
	case <-ctx.Done():
		return errors.Join(errBroken, ctx.Err())
	}
}

// begin counts a stream, whoever it is of. It is false where there is no room or the server stops.
func (l *Live) begin() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopped || l.streams >= l.cfg.Streams {
		return false
	}
	l.streams++
	return true
}

func (l *Live) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.streams--
	if l.stopped && l.streams == 0 {
		close(l.ended)
	}
}

// join counts a stream as an account's. It is false where the account has too many.
func (l *Live) join(account int64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.accounts[account] >= l.cfg.AccountStreams {
		return false
	}
	l.accounts[account]++
	return true
}

func (l *Live) part(account int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.accounts[account]--
	if l.accounts[account] == 0 {
		delete(l.accounts, account)
	}
}

// Lasts says whether a request opens a stream, which whoever bounds requests in time must let last.
func Lasts(r *http.Request) bool { return wantsSocket(r) || wantsEvents(r) }
