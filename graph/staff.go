package graph

import (
	"context"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/staff"
)

func (r *queryResolver) Accounts(
	ctx context.Context, filter *AccountFilter, first *int, after *string, last *int, before *string,
) (*staff.AccountConnection, error) {
	var f staff.AccountFilter
	if filter != nil {
		f = staff.AccountFilter{
			Status: value(filter.Status), PlanSlug: value(filter.PlanSlug), Search: value(filter.Search),
			CreatedFrom: value(filter.From), CreatedTo: value(filter.To),
		}
	}
	found, err := staff.Accounts(ctx, r.DB, f, pageArgs(first, after, last, before))
	return found.Each(load(ctx).sawAccounts), err
}

func (r *queryResolver) StaffAccount(ctx context.Context, id string) (*account.Account, error) {
	n, err := gid.Parse[gid.Account](id)
	if err != nil {
		return nil, err
	}
	found, err := staff.Account(ctx, r.DB, n)
	return r.saw(ctx, found), err
}
