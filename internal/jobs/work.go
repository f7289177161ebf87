package jobs

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"igny8.com/accounts/internal/billing"
	"igny8.com/accounts/internal/credit"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/queue"
	"igny8.com/accounts/internal/retention"
	"igny8.com/accounts/internal/site"
)

// Kind is one kind of job. It is the name of its queue too.
type Kind struct {
	Name string
	// Every is how often it is begun; 0 for a kind that is done when somebody left one.
	Every time.Duration
	// Timeout is how long one may take.
	Timeout time.Duration
	// Workers is how many of the kind one server does at a time.
	Workers int
	// MaxAttempts is how often a job is tried; 0 where each job says it.
	MaxAttempts int
}

// pause is how long after one of the kind the next one may be awaited without anybody being late: what is done every
// minute has that in the time that counts as late.
func (k Kind) pause() time.Duration {
	if k.Every <= time.Minute {
		return 0
	}
	return k.Every
}

// The kinds of jobs that are begun by the clock.
const (
	FindDue       = "find_due_accounts"
	ExpireHolds   = "expire_holds"
	ExpireGrants  = "expire_grants"
	AlertLow      = "alert_low_credits"
	PurgeSites    = "purge_sites"
	PurgeAccounts = "purge_accounts"
	FindStripe    = "find_stripe_events"
	Reconcile     = "stripe_reconcile"
)

// Kinds are all kinds of jobs.
func Kinds() []Kind {
	const (
		every, timeout = time.Minute, 2 * time.Minute
		purge          = 5 * time.Minute // what it did not come to is done the next time
		attempts       = 3
	)
	return []Kind{
		{Name: queue.Settle{}.Kind(), Timeout: time.Minute, Workers: 2},
		{Name: queue.StripeEvent{}.Kind(), Timeout: stripeTimeout, Workers: 2},
		{Name: queue.StripePush{}.Kind(), Timeout: stripeTimeout, Workers: 2},
		{FindDue, every, timeout, 1, attempts},
		{ExpireHolds, every, timeout, 1, attempts},
		{ExpireGrants, every, timeout, 1, attempts},
		{AlertLow, every, timeout, 1, attempts},
		{PurgeSites, every, purge, 1, attempts},
		{PurgeAccounts, every, purge, 1, attempts},
		{FindStripe, every, timeout, 1, attempts},
		// Twice a day: a job that is done is forgotten after one.
		{Reconcile, 12 * time.Hour, 5 * time.Minute, 1, attempts},
	}
}

// do does what is due of a kind at an instant, and says how much that was.
type do func(ctx context.Context, now time.Time) (int, error)

// works are what the kinds do that are begun by the clock.
func works(db *postgres.DB, office billing.Office, till Stripe) map[string]do {
	return map[string]do{
		FindDue: func(ctx context.Context, now time.Time) (int, error) { return leaveDue(ctx, db, now) },
		ExpireHolds: func(ctx context.Context, now time.Time) (int, error) {
			return credit.ExpireHolds(ctx, db, now)
		},
		ExpireGrants: func(ctx context.Context, now time.Time) (int, error) {
			return credit.ExpireGrants(ctx, db, now)
		},
		AlertLow: func(ctx context.Context, now time.Time) (int, error) {
			return credit.AlertLow(ctx, db, office.Mail, now)
		},
		PurgeSites: func(ctx context.Context, now time.Time) (int, error) {
			return site.Purge(ctx, db, now)
		},
		PurgeAccounts: func(ctx context.Context, now time.Time) (int, error) {
			return retention.Purge(ctx, db, now)
		},
		FindStripe: till.leaveWaiting,
		Reconcile: func(ctx context.Context, now time.Time) (int, error) {
			if till.Reconcile == nil {
				return 0, nil // Stripe is not set up
			}
			return till.Reconcile(ctx, now)
		},
	}
}

// insert leaves jobs within another one, and says how many of them were not there already.
func insert(ctx context.Context, jobs []river.InsertManyParams) (int, error) {
	done, err := river.ClientFromContext[pgx.Tx](ctx).InsertMany(ctx, jobs)
	left := 0
	for _, d := range done {
		if !d.UniqueSkippedAsDuplicate {
			left++
		}
	}
	return left, err //nolint:wrapcheck // it says what it is about
}

// leaveDue leaves a job for every account for which something fell due and that has none: the net under the
// jobs that commands leave, e.g. after a job was given up, or where accounts came in by an import.
func leaveDue(ctx context.Context, db *postgres.DB, now time.Time) (int, error) {
	const atOnce = 500
	var found []river.InsertManyParams
	left := 0
	leave := func() error {
		if len(found) == 0 {
			return nil
		}
		n, err := insert(ctx, found)
		left += n
		found = found[:0]
		return err
	}
	_, err := billing.EachDue(ctx, db, now, func(_ context.Context, account gid.Account, since time.Time) error {
		found = append(found, river.InsertManyParams{Args: queue.Settle{Account: account, At: since}})
		if len(found) < atOnce {
			return nil
		}
		return leave()
	})
	if err != nil {
		return left, err
	}
	return left, leave()
}
