package graph

import (
	"context"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/audit"
	"igny8.com/accounts/internal/billing"
	"igny8.com/accounts/internal/credit"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/plan"
	"igny8.com/accounts/internal/site"
)

func (r *queryResolver) Viewer(ctx context.Context) (*account.Actor, error) {
	a := actor(ctx)
	return &a, nil
}

func (r *queryResolver) Account(ctx context.Context) (*account.Account, error) {
	a := actor(ctx).Account
	load(ctx).sawAccounts([]*account.Account{a})
	return a, nil
}

func (r *accountResolver) Plan(ctx context.Context, obj *account.Account) (*plan.Plan, error) {
	return load(ctx).plans.load(ctx, obj.PlanID)
}

func (r *accountResolver) Subscription(ctx context.Context, obj *account.Account) (*billing.Subscription, error) {
	return load(ctx).subscriptions.load(ctx, obj.ID)
}

func (r *accountResolver) PaymentMethod(ctx context.Context, obj *account.Account) (*billing.Method, error) {
	s, err := load(ctx).subscriptions.load(ctx, obj.ID)
	if err != nil || s == nil {
		return nil, err
	}
	return s.PaymentMethod, nil
}

func (r *accountResolver) Owner(ctx context.Context, obj *account.Account) (*account.User, error) {
	if obj.OwnerID == nil {
		return nil, nil
	}
	return load(ctx).users.load(ctx, *obj.OwnerID)
}

func (r *accountResolver) Credits(ctx context.Context, obj *account.Account) (*credit.Account, error) {
	return load(ctx).credits.load(ctx, obj.ID)
}

func (r *accountResolver) Limits(ctx context.Context, obj *account.Account) (*account.Limits, error) {
	p, err := load(ctx).plans.load(ctx, obj.PlanID)
	if err != nil {
		return nil, err
	}
	sites, err := site.Count(ctx, r.DB, obj.ID)
	if err != nil {
		return nil, err
	}
	users, err := account.CountUsers(ctx, r.DB, obj.ID)
	if err != nil {
		return nil, err
	}
	return &account.Limits{
		Sites: &account.Limit{Limit: p.SiteLimit(), Used: sites},
		Users: &account.Limit{Limit: p.UserLimit(), Used: users},
	}, nil
}

func (r *accountResolver) Sites(
	ctx context.Context, _ *account.Account, filter *SiteFilter, orderBy *SiteOrder,
	first *int, after *string, last *int, before *string,
) (*site.Connection, error) {
	return r.Query().Sites(ctx, filter, orderBy, first, after, last, before)
}

func (r *accountResolver) Members(
	ctx context.Context, obj *account.Account, first *int, after *string, last *int, before *string,
) (*account.UserConnection, error) {
	return account.Members(ctx, r.DB, obj.ID, pageArgs(first, after, last, before))
}

func (r *accountResolver) Ledger(
	ctx context.Context, _ *account.Account, filter *CreditTransactionFilter,
	first *int, after *string, last *int, before *string,
) (*credit.Connection, error) {
	return r.Query().CreditTransactions(ctx, filter, first, after, last, before)
}

func (r *accountResolver) Payments(
	ctx context.Context, _ *account.Account, filter *PaymentFilter,
	first *int, after *string, last *int, before *string,
) (*billing.PaymentConnection, error) {
	return r.Query().Payments(ctx, filter, first, after, last, before)
}

func (r *accountResolver) AuditEvents(
	ctx context.Context, obj *account.Account, first *int, after *string, last *int, before *string,
) (*audit.Connection, error) {
	events, err := audit.List(ctx, r.DB, obj.ID, pageArgs(first, after, last, before))
	return events.Each(load(ctx).sawEvents), err
}

// User is the person behind an actor, where it was one of the account's own who is still there.
func (r *actorResolver) User(ctx context.Context, obj *audit.Actor) (*account.User, error) {
	if obj.Kind != audit.User || obj.ID == nil || obj.Tenant != actor(ctx).AccountID() {
		return nil, nil
	}
	return load(ctx).users.load(ctx, gid.User(*obj.ID))
}
