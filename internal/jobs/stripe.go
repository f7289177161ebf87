package jobs

import (
	"context"
	"errors"
	"time"

	"github.com/riverqueue/river"

	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/queue"
)

// stripeTimeout is how long a job may take that asks Stripe: some calls, each of which may be slow.
const stripeTimeout = 2 * time.Minute

// Stripe does what jobs have to do with Stripe. last says that a job will not be tried again.
type Stripe struct {
	Event func(ctx context.Context, event int64, last bool, now time.Time) error
	Push  func(ctx context.Context, account gid.Account, push int64, last bool, now time.Time) error
	// Waiting finds events that wait and may have no job.
	Waiting func(ctx context.Context, now time.Time) ([]int64, error)
	// Reconcile compares Stripe with us, and says how much differs.
	Reconcile func(ctx context.Context, now time.Time) (int, error)
}

// leaveWaiting leaves a job for every event of Stripe that waits and has none: the net under the jobs that come with
// the events.
func (s Stripe) leaveWaiting(ctx context.Context, now time.Time) (int, error) {
	if s.Waiting == nil {
		return 0, nil
	}
	ids, err := s.Waiting(ctx, now)
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	jobs := make([]river.InsertManyParams, len(ids))
	for i, id := range ids {
		jobs[i].Args = queue.StripeEvent{Event: id}
	}
	return insert(ctx, jobs)
}

// errNoStripe fails a job of Stripe's on a server without it, so that it waits for one that has it.
var errNoStripe = errors.New("Stripe is not set up on this server")

// stripeEvents does what events of Stripe ask for.
type stripeEvents struct {
	river.WorkerDefaults[queue.StripeEvent]

	crew *Crew
	kind Kind
}

// Work does what the event asks for.
func (w *stripeEvents) Work(ctx context.Context, job *river.Job[queue.StripeEvent]) error {
	return w.crew.work(ctx, w.kind, func(ctx context.Context, now time.Time) (int, error) {
		if w.crew.cfg.Stripe.Event == nil {
			return 0, errNoStripe
		}
		return 1, w.crew.cfg.Stripe.Event(ctx, job.Args.Event, job.Attempt >= job.MaxAttempts, now)
	})
}

// Timeout is the kind's.
func (w *stripeEvents) Timeout(*river.Job[queue.StripeEvent]) time.Duration { return w.kind.Timeout }

// stripePushes has Stripe do what we want of it.
type stripePushes struct {
	river.WorkerDefaults[queue.StripePush]

	crew *Crew
	kind Kind
}

// Work has Stripe do it.
func (w *stripePushes) Work(ctx context.Context, job *river.Job[queue.StripePush]) error {
	return w.crew.work(ctx, w.kind, func(ctx context.Context, now time.Time) (int, error) {
		if w.crew.cfg.Stripe.Push == nil {
			return 0, errNoStripe
		}
		return 1, w.crew.cfg.Stripe.Push(ctx, job.Args.Account, job.Args.Push, job.Attempt >= job.MaxAttempts, now)
	})
}

// Timeout is the kind's.
func (w *stripePushes) Timeout(*river.Job[queue.StripePush]) time.Duration { return w.kind.Timeout }
