package throttle

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-redis/redis_rate/v10"
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/redis/go-redis/v9/maintnotifications"
)

const (
	// keyPrefix keeps our keys apart from those of others in one Redis, and from those of a version
	// that reads them otherwise. (The limiter puts "rate:" in front.)
	keyPrefix = "igny8:throttle:v1:"
	// Patience is how long a server does well to let one request wait for Redis.
	Patience = 50 * time.Millisecond
	// failuresAway is how many requests in a row must have waited in vain until none waits any more:
	// one slow answer is not an outage.
	failuresAway = 3
	// probeEvery is how often Redis is tried while it is away.
	probeEvery = 250 * time.Millisecond
)

// Redis keeps buckets in a Redis or Valkey that several servers share.
//
// When it is away, each server's own buckets judge with the same limits. They are charged along while
// it is there, so that an outage gives nobody a second burst. After a few failures in a row no
// request waits for Redis until it has answered again, which is tried in the background.
type Redis struct {
	client   *redis.Client
	limiter  *redis_rate.Limiter
	own      *Memory
	log      *slog.Logger
	patience time.Duration

	failures atomic.Int32
	away     atomic.Bool

	mu     sync.Mutex // of closing, against the start of a probe
	closed bool
	done   chan struct{}
	probes sync.WaitGroup
}

var _ Store = (*Redis)(nil)

// OpenRedis makes a store in the Redis or Valkey at url: redis://, rediss:// (TLS) or unix://. It
// fails for a url that is none; a Redis that does not answer is away from the start, and the log says
// so. A request waits for Redis as long as patience says, then its own server's buckets judge it. The
// caller closes the store.
func OpenRedis(ctx context.Context, url string, patience time.Duration, log *slog.Logger) (*Redis, error) {
	options, err := redis.ParseURL(url)
	if err != nil {
		// The error may quote the url, and the url a password.
		return nil, errors.New("the address of Redis is not of the form redis://user:password@host:port/0")
	}
	options.MaxRetries = -1 // a second try would come too late
	options.DialerRetries = 1
	options.ReadTimeout, options.WriteTimeout, options.PoolTimeout = patience, patience, patience
	options.ContextTimeoutEnabled = true
	options.DisableIdentity = true
	options.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	logging.Disable() // it writes to stderr, a line a failed connection; we say it once

	client := redis.NewClient(options)
	r := &Redis{
		client: client, limiter: redis_rate.NewLimiter(client), own: NewMemory(), log: log, patience: patience,
		done: make(chan struct{}),
	}
	if err := r.probe(ctx); err != nil {
		r.leave(err)
	}
	return r, nil
}

// Close ends the background's work and all connections; a second one does nothing.
func (r *Redis) Close() error {
	r.mu.Lock()
	closed := r.closed
	r.closed = true
	r.mu.Unlock()
	if closed {
		return nil
	}
	close(r.done)
	r.probes.Wait()
	if err := r.client.Close(); err != nil {
		return fmt.Errorf("close the connections to Redis: %w", err)
	}
	return nil
}

// Degraded says whether Redis is away.
func (r *Redis) Degraded() bool { return r.away.Load() }

// Take takes cost points from a bucket; see Store.
func (r *Redis) Take(ctx context.Context, key string, limit Limit, cost int) (Status, error) {
	if err := limit.check(); err != nil {
		return Status{}, err
	}
	cost = max(cost, 0)
	if r.away.Load() {
		return r.own.Take(ctx, key, limit, cost)
	}
	status, err := r.take(ctx, key, limit, cost)
	switch {
	case err != nil:
		r.failed(err)
		return r.own.Take(ctx, key, limit, cost)
	case cost > limit.Burst:
		return status, tooCostly(limit, cost)
	case status.Allowed:
		if _, err := r.own.Take(ctx, key, limit, cost); err != nil {
			return status, err
		}
	}
	return status, nil
}

func (r *Redis) take(ctx context.Context, key string, limit Limit, cost int) (Status, error) {
	asked := cost
	if cost > limit.Burst {
		asked = 0
	}
	// A client who hangs up must neither escape the charge nor count as a failure of Redis.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.patience)
	defer cancel()
	result, err := r.limiter.AllowN(ctx, keyPrefix+key,
		redis_rate.Limit{Rate: limit.Points, Burst: limit.Burst, Period: limit.Every}, asked)
	if err != nil {
		return Status{}, fmt.Errorf("ask Redis for points: %w", err)
	}
	r.failures.Store(0)
	// On a refusal the script says 0 for what remains; the time until the bucket is full tells the truth.
	missing := result.ResetAfter.Seconds() * limit.Rate()
	allowed := asked == cost && result.RetryAfter < 0
	const rounding = 1e-6
	return limit.status(allowed, math.Max(0, float64(limit.Burst)-missing+rounding), cost), nil
}

func (r *Redis) failed(err error) {
	if r.failures.Add(1) >= failuresAway {
		r.leave(err)
	}
}

// leave goes on without Redis until it answers.
func (r *Redis) leave(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed || !r.away.CompareAndSwap(false, true) {
		return
	}
	r.log.Warn("redis is away: each server throttles by itself", slog.Any("error", err))
	r.probes.Go(r.awaitReturn)
}

func (r *Redis) awaitReturn() {
	ticks := time.NewTicker(probeEvery)
	defer ticks.Stop()
	for {
		select {
		case <-r.done:
			return
		case <-ticks.C:
		}
		if r.probe(context.Background()) == nil {
			r.away.Store(false)
			r.log.Info("redis is back: servers share their throttle again")
			return
		}
	}
}

// probe takes a point from a bucket of its own: a Redis that answers but cannot write is away too.
func (r *Redis) probe(ctx context.Context) error {
	_, err := r.take(ctx, "probe", PerSecond(1000, 1000), 1)
	return err
}
