package graph

import (
	"context"

	"igny8.com/accounts/internal/credit"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/site"
)

func (r *queryResolver) CreditTransactions(
	ctx context.Context, filter *CreditTransactionFilter, first *int, after *string, last *int, before *string,
) (*credit.Connection, error) {
	f, err := ledgerFilter(ctx, filter)
	if err != nil {
		return nil, err
	}
	lines, err := credit.List(ctx, r.DB, actor(ctx).AccountID(), f, pageArgs(first, after, last, before))
	return lines.Each(load(ctx).sawLines), err
}

func ledgerFilter(ctx context.Context, in *CreditTransactionFilter) (credit.Filter, error) {
	if in == nil {
		return credit.Filter{}, nil
	}
	f := credit.Filter{Type: value(in.Type), Operation: value(in.Operation), From: value(in.From), To: value(in.To)}
	id := value(in.SiteID)
	if id == nil {
		return f, nil
	}
	n, err := gid.Parse[gid.Site](*id)
	if err != nil {
		return credit.Filter{}, err
	}
	reached, err := load(ctx).sites.load(ctx, n)
	if err != nil {
		return credit.Filter{}, err
	}
	// The lines of a site that the caller may not reach are those of a site that is not there.
	if reached == nil {
		n = 0
	}
	f.Site = &n
	return f, nil
}

func (r *creditsResolver) Grants(ctx context.Context, obj *credit.Account) ([]*credit.Grant, error) {
	return load(ctx).grantsLeft.load(ctx, obj.TenantID)
}

func (r *creditTransactionResolver) Site(ctx context.Context, obj *credit.Transaction) (*site.Site, error) {
	if obj.SiteID == nil {
		return nil, nil
	}
	return load(ctx).sites.load(ctx, *obj.SiteID)
}

func (r *creditTransactionResolver) Grants(ctx context.Context, obj *credit.Transaction) ([]*credit.LineGrant, error) {
	return load(ctx).touched.load(ctx, obj.ID)
}

func (r *creditTransactionResolver) RefundOf(ctx context.Context, obj *credit.Transaction) (*credit.Transaction, error) {
	if obj.RefundsID == nil {
		return nil, nil
	}
	return load(ctx).lines.load(ctx, *obj.RefundsID)
}

func (r *creditHoldResolver) Site(ctx context.Context, obj *credit.Hold) (*site.Site, error) {
	if obj.SiteID == nil {
		return nil, nil
	}
	return load(ctx).sites.load(ctx, *obj.SiteID)
}

func (r *creditHoldResolver) Transaction(ctx context.Context, obj *credit.Hold) (*credit.Transaction, error) {
	if obj.TransactionID == nil {
		return nil, nil
	}
	return load(ctx).lines.load(ctx, *obj.TransactionID)
}

func (r *creditsResolver) RunOut(ctx context.Context, obj *credit.Account) (*credit.Outlook, error) {
	return credit.RunOut(ctx, r.DB, obj.TenantID, r.at(ctx))
}

func (r *creditsResolver) Verification(ctx context.Context, obj *credit.Account) (*credit.Verification, error) {
	return credit.Verify(ctx, r.DB, obj.TenantID)
}

func (r *queryResolver) CreditCosts(ctx context.Context) ([]*credit.Cost, error) {
	return credit.Costs(ctx, r.DB, r.at(ctx))
}

func (r *queryResolver) EstimateCredits(
	ctx context.Context, operation credit.Operation, quantity *int,
) (*credit.Estimate, error) {
	a := actor(ctx)
	return credit.EstimateFor(ctx, r.DB, a.AccountID(), a.Plan, r.at(ctx), operation, wide(quantity))
}
