// Package throttle owns how much anybody may ask of the service: buckets of points that requests pay
// from, whose bucket a request pays from and how large it is, and how many requests of one account
// may be under way at once.
//
// What must always hold: a bucket is charged in one step, however many requests come at once and
// however many servers share it; everybody who acts for an account pays from that account's one
// bucket, people and API keys alike; when the shared store is away, each server goes on with the same
// limits by itself, so that a throttle that is broken is never one that stands open.
package throttle

import (
	"context"
	"errors"
	"math"
	"time"

	"igny8.com/accounts/internal/fault"
)

// Limit is a bucket that holds Burst points when it is full, and into which Points come back each
// Every, evenly.
type Limit struct {
	Burst  int
	Points int
	Every  time.Duration
}

// PerSecond is a bucket of burst points into which so many come back each second.
func PerSecond(burst, points int) Limit {
	return Limit{Burst: burst, Points: points, Every: time.Second}
}

// Rate is how many points come back each second.
func (l Limit) Rate() float64 { return float64(l.Points) / l.Every.Seconds() }

func (l Limit) check() error {
	if l.Burst < 1 || l.Points < 1 || l.Every <= 0 {
		return errors.New("a limit needs a burst, points and the time in which they come back")
	}
	return nil
}

// takes is how long it takes until so many points have come back.
func (l Limit) takes(points float64) time.Duration {
	if points <= 0 {
		return 0
	}
	return time.Duration(math.Ceil(points / l.Rate() * float64(time.Second)))
}

// Status is a bucket as a request left it.
type Status struct {
	// Allowed says whether the request's cost was taken; if not, nothing was.
	Allowed bool
	// Limit is what the bucket holds when it is full and Remaining what it holds now, in points.
	Limit, Remaining int
	// RestoreRate is how many points come back each second.
	RestoreRate float64
	// RetryAfter is how long it is until the request could pay, if nobody else takes anything; 0 if
	// it was allowed. ResetAfter is how long it is until the bucket is full.
	RetryAfter, ResetAfter time.Duration
}

// status is the status of a bucket with so many points in it.
func (l Limit) status(allowed bool, points float64, cost int) Status {
	s := Status{
		Allowed:     allowed,
		Limit:       l.Burst,
		Remaining:   min(max(int(points), 0), l.Burst),
		RestoreRate: l.Rate(),
		ResetAfter:  l.takes(float64(l.Burst) - points),
	}
	if !allowed {
		s.RetryAfter = max(l.takes(float64(cost)-points), 1)
	}
	return s
}

// Store keeps buckets. There are two: Memory for one server, Redis for several that share.
type Store interface {
	// Take takes cost points from the bucket of that key, or nothing if it holds fewer. A cost of 0
	// only looks. The part of the key before its first colon names the kind of bucket. Errors:
	// COST_LIMIT_EXCEEDED, with limit and actual, for what even a full bucket could not pay; beside
	// it the status is that of the bucket.
	Take(ctx context.Context, key string, limit Limit, cost int) (Status, error)
	// Degraded says whether buckets that several servers should share are this server's own for now.
	Degraded() bool
}

// tooCostly refuses for good what even a full bucket could not pay.
func tooCostly(limit Limit, cost int) error {
	return fault.New(fault.CostLimit, "this costs %d points, more than the %d that may be spent at once: ask for less at a time",
		cost, limit.Burst).With("limit", limit.Burst).With("actual", cost)
}

// throttled refuses for now; what says why, as in "too many requests: try again in 3 s".
func throttled(what string, after time.Duration) error {
	seconds := wholeSeconds(after)
	return fault.New(fault.Throttled, "%s: try again in %d s", what, seconds).With("retryAfterSeconds", seconds)
}

// wholeSeconds rounds up, so that who waits as long as they were told is let in; at least 1.
func wholeSeconds(d time.Duration) int {
	return max(1, int(math.Ceil(d.Seconds())))
}
