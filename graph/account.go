package graph

import (
	"context"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/billing"
	"igny8.com/accounts/internal/credit"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/plan"
	"igny8.com/accounts/internal/site"
)

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

func (r *accountResolver) DeletionRetentionDays(_ context.Context, obj *account.Account) (*int, error) {
	return &obj.DeletionRetentionDays, nil
}

func (r *accountResolver) DeletedSites(
	ctx context.Context, _ *account.Account, first *int, after *string, last *int, before *string,
) (*site.Connection, error) {
	return site.Deleted(ctx, r.DB, site.ReachOf(actor(ctx)), r.now(), pageArgs(first, after, last, before))
}

func (r *accountResolver) RemovedMembers(
	ctx context.Context, obj *account.Account, first *int, after *string, last *int, before *string,
) (*account.UserConnection, error) {
	return account.RemovedMembers(ctx, r.DB, obj.ID, r.now(), pageArgs(first, after, last, before))
}

func (r *accountResolver) Invitations(
	ctx context.Context, obj *account.Account, status *account.InvitationStatus,
	first *int, after *string, last *int, before *string,
) (*account.InvitationConnection, error) {
	found, err := account.Invitations(ctx, r.DB, obj.ID, r.now(), status, pageArgs(first, after, last, before))
	return found.Each(load(ctx).sawInvitations), err
}

func (r *queryResolver) Members(
	ctx context.Context, first *int, after *string, last *int, before *string,
) (*account.UserConnection, error) {
	return r.Resolver.Account().Members(ctx, actor(ctx).Account, first, after, last, before)
}

func (r *queryResolver) Invitations(
	ctx context.Context, status *account.InvitationStatus, first *int, after *string, last *int, before *string,
) (*account.InvitationConnection, error) {
	return r.Resolver.Account().Invitations(ctx, actor(ctx).Account, status, first, after, last, before)
}

func (r *queryResolver) InvitationByToken(ctx context.Context, token string) (*account.Invited, error) {
	if err := r.Gate.SignIn(ctx, actor(ctx).Origin.IP); err != nil {
		return nil, err
	}
	invited, err := account.InvitedBy(ctx, r.DB, r.now(), token)
	if fault.Is(err, fault.InvalidCredentials) {
		return nil, nil
	}
	return invited, err
}

func (r *invitationResolver) InvitedBy(ctx context.Context, obj *account.Invitation) (*account.User, error) {
	return load(ctx).users.load(ctx, obj.InvitedBy)
}
