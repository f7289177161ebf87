package graph

import (
	"context"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/stripe"
)

func (r *queryResolver) StripeEvents(
	ctx context.Context, filter *StripeEventFilter, first *int, after *string, last *int, before *string,
) (*stripe.EventConnection, error) {
	var f stripe.EventFilter
	if filter != nil {
		f.Status, f.Type = value(filter.Status), value(filter.Type)
		of, bad := optionalID[gid.Account](value(filter.AccountID), "accountId")
		if bad != nil {
			return nil, bad.At("filter", "accountId")
		}
		f.TenantID = of
	}
	events, err := stripe.Events(ctx, r.DB, f, pageArgs(first, after, last, before))
	return events.Each(load(ctx).sawStripeEvents), err
}

func (r *mutationResolver) RetryStripeEvent(ctx context.Context, in RetryStripeEventInput) (*RetryStripeEventPayload, error) {
	event, errs, err := onID(in.EventID, "eventId", func(id gid.StripeEvent) (*stripe.Event, error) {
		return stripe.Retry(ctx, r.DB, actor(ctx), r.now(), id)
	})
	return &RetryStripeEventPayload{Event: event, UserErrors: errs}, err
}

func (r *stripeEventResolver) Account(ctx context.Context, obj *stripe.Event) (*account.Account, error) {
	if obj.TenantID == nil {
		return nil, nil //nolint:nilnil // it is not known
	}
	return load(ctx).accounts.load(ctx, *obj.TenantID)
}
