package throttle

import (
	"context"
	"strconv"
)

// Gate charges requests by a policy.
type Gate struct {
	store  Store
	policy Policy
}

// NewGate makes a gate that keeps its buckets in store. It fails for a limit that is none.
func NewGate(store Store, policy Policy) (*Gate, error) {
	if err := policy.check(); err != nil {
		return nil, err
	}
	return &Gate{store: store, policy: policy}, nil
}

// Disabled says whether the gate stands open, which it may for debugging alone.
func (g *Gate) Disabled() bool { return g.policy.Disabled }

// Degraded says whether the servers' common store is away; see Store.
func (g *Gate) Degraded() bool { return g.store.Degraded() }

// Operation charges the cost of one operation, in points: to the account that is acted for, on the plan
// with that slug, whoever acts, or, where there is none (0), to the client's address. The status is that
// of the bucket, refused or not; it is zero, with a Limit of 0, where the gate is disabled. Errors:
// THROTTLED, with retryAfterSeconds; COST_LIMIT_EXCEEDED, with limit and actual.
func (g *Gate) Operation(ctx context.Context, accountID int64, planSlug, clientIP string, cost int) (Status, error) {
	if accountID > 0 {
		return g.take(ctx, "account:"+strconv.FormatInt(accountID, 10), g.policy.ForPlan(planSlug), cost,
			"this account has used up its points for now")
	}
	return g.take(ctx, "anonymous:"+network(clientIP), g.policy.Anonymous, cost,
		"too many requests from your network without signing in")
}

// SignIn counts one try to sign in, to exchange a token or to get a new password. Errors: THROTTLED,
// with retryAfterSeconds.
func (g *Gate) SignIn(ctx context.Context, clientIP string) error {
	_, err := g.take(ctx, "signin:"+network(clientIP), g.policy.SignIn, 1, "too many tries to sign in from your network")
	return err
}

// SignUp counts one try to make an account. Errors: THROTTLED, with retryAfterSeconds.
func (g *Gate) SignUp(ctx context.Context, clientIP string) error {
	// By address first: whoever is refused there takes nothing from everybody.
	if _, err := g.take(ctx, "signup:"+network(clientIP), g.policy.SignUp, 1, "too many accounts from your network"); err != nil {
		return err
	}
	_, err := g.take(ctx, "signups:all", g.policy.SignUps, 1, "too many people are signing up at the moment")
	return err
}

func (g *Gate) take(ctx context.Context, key string, limit Limit, cost int, why string) (Status, error) {
	if g.policy.Disabled {
		return Status{}, nil
	}
	status, err := g.store.Take(ctx, key, limit, cost)
	if err == nil && !status.Allowed {
		err = throttled(why, status.RetryAfter)
	}
	return status, err
}
