// Package jobs does what falls due as time passes, as jobs of River in the same Postgres: what falls due for an
// account's agreement, holds and grants whose time is over, letters about low credits, what was deleted to
// remove for good.
//
// What must always hold: a job may run twice, late, or beside others of its kind without doing anything twice,
// because what is due is decided behind the account's lock from what is stored about it; one account that fails
// is tried again by itself and keeps no other waiting; what is stored about a job holds nothing about a person.
//
// Every server works. One of them, which they elect, begins the jobs that are begun by the clock.
package jobs

import (
	"context"
	"fmt"
	"log/slog"
	"regexp"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"igny8.com/accounts/internal/billing"
	"igny8.com/accounts/internal/period"
	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/queue"
)

const (
	// conns is the size of the pool that River has to itself beside the one of those who work, to fetch and to
	// note. It takes one connection more out of it for good, to listen.
	conns = 2
	// poll is how often a worker looks for jobs of which no notice came.
	poll = 5 * time.Second
	// rescue is how long after its beginning a job is taken for lost with its server, and done again: longer than
	// any may take, and not much longer, because no other of its kind, or for its account, begins meanwhile.
	rescue = 6 * time.Minute
	// startPause is how long a start waits for a database that is away.
	startPause = 5 * time.Second
	// DefaultPatience is how long a stop waits for jobs under way before it breaks them off, to be done again.
	DefaultPatience = 10 * time.Second
)

// Config is what jobs are done with.
type Config struct {
	// DB is where the works do theirs. River has connections of its own.
	DB     *postgres.DB
	Office billing.Office
	Log    *slog.Logger
	// Clock is what the works take for now. When jobs begin is by the real time.
	Clock func() time.Time
	// Observe, unless it is nil, is told of every run of a job.
	Observe func(kind string, took time.Duration, err error)
	// Stripe does what has to do with Stripe; without it such jobs fail, and are tried again.
	Stripe Stripe
	// Patience is how long a stop waits; 0 for DefaultPatience.
	Patience time.Duration
}

// Crew works on jobs.
type Crew struct {
	cfg Config
	// slots bound how many jobs work at a time, so that requests find connections.
	slots chan struct{}
}

// New makes a crew, which begins when it runs.
func New(cfg Config) *Crew {
	if cfg.Patience <= 0 {
		cfg.Patience = DefaultPatience
	}
	return &Crew{cfg: cfg, slots: make(chan struct{}, max(1, cfg.DB.Pool.Config().MaxConns/2))}
}

// Run works until ctx ends, and then until the jobs under way are done or, after the patience of the
// configuration, broken off: those are done again later.
func (c *Crew) Run(ctx context.Context) error {
	pool, err := c.pool(ctx)
	if err != nil {
		return fmt.Errorf("work on jobs: %w", err)
	}
	defer pool.Close()
	client, err := river.NewClient(riverpgxv5.New(pool), c.river())
	if err != nil {
		return fmt.Errorf("work on jobs: %w", err)
	}
	for {
		err := client.Start(ctx)
		if err == nil {
			break
		}
		if ctx.Err() != nil {
			return nil
		}
		c.cfg.Log.LogAttrs(ctx, slog.LevelError, "jobs are not worked on yet", slog.Any("error", err))
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(startPause):
		}
	}
	<-client.Stopped()
	return nil
}

// pool is River's own, so that its listening and fetching take no connection from requests.
func (c *Crew) pool(ctx context.Context) (*pgxpool.Pool, error) {
	cfg := c.cfg.DB.Pool.Config()
	cfg.MaxConns, cfg.MinConns = conns, 0
	cfg.ConnConfig.RuntimeParams["application_name"] += " jobs"
	// Its statements are always the same, so preparing them pays.
	cfg.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeCacheStatement
	return pgxpool.NewWithConfig(ctx, cfg) //nolint:wrapcheck // the caller does
}

// river is how River works here.
func (c *Crew) river() *river.Config {
	cfg := &river.Config{
		Logger:            slog.New(atLeast{c.cfg.Log.Handler(), slog.LevelWarn}),
		Queues:            map[string]river.QueueConfig{},
		Workers:           river.NewWorkers(),
		FetchPollInterval: poll,
		SoftStopTimeout:   c.cfg.Patience,

		RescueStuckJobsAfter: rescue,
		// The service's role owns no index.
		ReindexerSchedule: river.NeverSchedule(),
	}
	does := works(c.cfg.DB, c.cfg.Office, c.cfg.Stripe)
	for _, kind := range Kinds() {
		cfg.Queues[kind.Name] = river.QueueConfig{MaxWorkers: kind.Workers}
		if kind.Every == 0 {
			c.leftWorker(cfg.Workers, kind)
			continue
		}
		args := tick{kind}
		river.AddWorkerArgs(cfg.Workers, args, &ticker{crew: c, kind: kind, do: does[kind.Name]})
		cfg.PeriodicJobs = append(cfg.PeriodicJobs, river.NewPeriodicJob(
			river.PeriodicInterval(kind.Every),
			func() (river.JobArgs, *river.InsertOpts) { return args, nil },
			&river.PeriodicJobOpts{ID: kind.Name, RunOnStart: true},
		))
	}
	return cfg
}

// leftWorker adds whoever does a kind that somebody leaves.
func (c *Crew) leftWorker(to *river.Workers, kind Kind) {
	switch kind.Name {
	case queue.Settle{}.Kind():
		river.AddWorker(to, &settler{crew: c, kind: kind})
	case queue.StripeEvent{}.Kind():
		river.AddWorker(to, &stripeEvents{crew: c, kind: kind})
	case queue.StripePush{}.Kind():
		river.AddWorker(to, &stripePushes{crew: c, kind: kind})
	}
}

// tick is a job that is begun by the clock.
type tick struct{ kind Kind }

// Kind names it.
func (t tick) Kind() string { return t.kind.Name }

// InsertOpts has one job of the kind wait at a time, so that a slow one is not followed by a crowd.
func (t tick) InsertOpts() river.InsertOpts {
	return river.InsertOpts{
		Queue: t.kind.Name, MaxAttempts: t.kind.MaxAttempts,
		UniqueOpts: river.UniqueOpts{ByQueue: true, ByState: queue.Waiting()},
	}
}

// ticker does the jobs of one kind that are begun by the clock.
type ticker struct {
	river.WorkerDefaults[tick]

	crew *Crew
	kind Kind
	do   do
}

// Work does what is due.
func (w *ticker) Work(ctx context.Context, _ *river.Job[tick]) error {
	return w.crew.work(ctx, w.kind, w.do)
}

// Timeout is the kind's.
func (w *ticker) Timeout(*river.Job[tick]) time.Duration { return w.kind.Timeout }

// settler does what fell due for one account.
type settler struct {
	river.WorkerDefaults[queue.Settle]

	crew *Crew
	kind Kind
}

// Work does what is due for the account, and what else is due by now.
func (w *settler) Work(ctx context.Context, job *river.Job[queue.Settle]) error {
	return w.crew.work(ctx, w.kind, func(ctx context.Context, now time.Time) (int, error) {
		return 1, w.crew.cfg.Office.Settle(ctx, w.crew.cfg.DB, job.Args.Account, now)
	})
}

// Timeout is the kind's.
func (w *settler) Timeout(*river.Job[queue.Settle]) time.Duration { return w.kind.Timeout }

// work does one job when there is a slot, and tells of it.
func (c *Crew) work(ctx context.Context, kind Kind, does do) error {
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return fmt.Errorf("wait for others to finish: %w", ctx.Err())
	}
	began := time.Now()
	n, err := does(ctx, period.Instant(c.cfg.Clock()))
	err = withoutPeople(err)
	if c.cfg.Observe != nil {
		c.cfg.Observe(kind.Name, time.Since(began), err)
	}
	switch {
	case ctx.Err() != nil:
	case err != nil:
		c.cfg.Log.LogAttrs(ctx, slog.LevelError, "not done, although due", slog.String("what", kind.Name), slog.Any("error", err))
	case n > 0:
		c.cfg.Log.LogAttrs(ctx, slog.LevelInfo, "done, because due", slog.String("what", kind.Name), slog.Int("count", n))
	}
	return err
}

var address = regexp.MustCompile(`[^\s"'<>(),;:=]+@[^\s"'<>(),;:=]+`)

// withoutPeople is the error as it may be stored beside the job: no text in it looks like an address.
func withoutPeople(err error) error {
	if err == nil || !address.MatchString(err.Error()) {
		return err
	}
	return fmt.Errorf("%s", address.ReplaceAllString(err.Error(), "…@…")) //nolint:err113 // the cause is what must not be kept
}

// atLeast is a log of what matters.
type atLeast struct {
	slog.Handler

	level slog.Level
}

// Enabled says whether a line of the level is written.
func (h atLeast) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= h.level && h.Handler.Enabled(ctx, level)
}

// WithAttrs keeps the level.
func (h atLeast) WithAttrs(attrs []slog.Attr) slog.Handler {
	return atLeast{h.Handler.WithAttrs(attrs), h.level}
}

// WithGroup keeps the level.
func (h atLeast) WithGroup(name string) slog.Handler {
	return atLeast{h.Handler.WithGroup(name), h.level}
}
