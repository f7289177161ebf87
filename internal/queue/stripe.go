package queue

import (
	"context"

	"github.com/riverqueue/river"
	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/gid"
)

// stripeAttempts is how often what has to do with Stripe is tried before it is given up: for some eighteen hours,
// which is longer than Stripe is ever away.
const stripeAttempts = 12

// StripeEvent is the job of doing what an event of Stripe asks for.
type StripeEvent struct {
	// Event is the event's number here.
	Event int64 `json:"event"`
}

// Kind names the job, and its queue.
func (StripeEvent) Kind() string { return "stripe_event" }

// InsertOpts has one job for an event wait at a time.
func (e StripeEvent) InsertOpts() river.InsertOpts {
	return river.InsertOpts{
		Queue: e.Kind(), MaxAttempts: stripeAttempts, UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: Waiting()},
	}
}

// StripeEventNow leaves the job of an event. tx must be of postgres.InTx.
func StripeEventNow(ctx context.Context, tx bun.Tx, event int64) error {
	return leave(ctx, tx, StripeEvent{Event: event})
}

// StripePush is the job of having Stripe do what we want of it.
type StripePush struct {
	Account gid.Account `json:"account"`
	Push    int64       `json:"push"`
}

// Kind names the job, and its queue.
func (StripePush) Kind() string { return "stripe_push" }

// InsertOpts has one job for a push wait at a time.
func (p StripePush) InsertOpts() river.InsertOpts {
	return river.InsertOpts{
		Queue: p.Kind(), MaxAttempts: stripeAttempts, UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: Waiting()},
	}
}

// StripePushNow leaves the job of a push. tx must be of postgres.InTx.
func StripePushNow(ctx context.Context, tx bun.Tx, account gid.Account, push int64) error {
	return leave(ctx, tx, StripePush{Account: account, Push: push})
}
