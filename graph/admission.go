package graph

import (
	"context"

	"github.com/99designs/gqlgen/graphql"

	"igny8.com/accounts/internal/gqlhttp"
	"igny8.com/accounts/internal/staff"
)

// userErrorType is the schema's interface of what is wrong with an input.
const userErrorType = "UserError"

// weights are what fields cost that do not cost what their answer's size says: what is wrong with an input
// costs nothing, adding up a whole ledger or a year's use and asking another server cost more.
var weights = gqlhttp.Weights{
	userErrorType:             0,
	"Query.rateLimit":         0,
	"Credits.verification":    100,
	"Query.creditUsage":       10,
	"Mutation.checkWordPress": 50,

	"Mutation.advanceTestClock": 100,
}

// charge makes the account that is acted for pay what an operation costs, whoever of its people and keys
// asks; where there is none, the client's address pays.
func (r *Resolver) charge(ctx context.Context, cost int) (*gqlhttp.Balance, error) {
	a := actor(ctx)
	slug := ""
	if a.Plan != nil {
		slug = a.Plan.Slug
	}
	status, err := r.Gate.Operation(ctx, int64(a.AccountID()), slug, a.Origin.IP, cost)
	if status.Limit == 0 {
		return nil, err
	}
	return &gqlhttp.Balance{
		Limit: status.Limit, Remaining: status.Remaining, RestoreRate: status.RestoreRate, ResetAfter: status.ResetAfter,
	}, err
}

// admit waits until one more request of the account may run.
func (r *Resolver) admit(ctx context.Context) (release func(), err error) {
	return r.InFlight.Enter(ctx, int64(actor(ctx).AccountID()))
}

// recordUse writes into the account's log what staff who act for it are about to do, before they do it.
func (r *Resolver) recordUse(ctx context.Context, op *graphql.OperationContext) (context.Context, error) {
	a := actor(ctx)
	if a.Impersonation == nil {
		return ctx, nil
	}
	if turn := gqlhttp.TurnOf(ctx); turn != nil && !turn.First() {
		return ctx, nil // that they began to watch is written
	}
	var fields []string
	for _, f := range graphql.CollectFields(op, op.Operation.SelectionSet, nil) {
		fields = append(fields, f.Name)
	}
	return ctx, staff.RecordUse(ctx, r.DB, a, r.now(), string(op.Operation.Operation), fields)
}
