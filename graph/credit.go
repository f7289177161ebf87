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
	var f credit.Filter
	if filter != nil {
		f = credit.Filter{
			Type: value(filter.Type), Operation: value(filter.Operation), From: value(filter.From), To: value(filter.To),
		}
		if id := value(filter.SiteID); id != nil {
			n, err := gid.Parse[gid.Site](*id)
			if err != nil {
				return nil, err
			}
			// The lines of a site that the caller may not reach are those of a site that is not there.
			reached, err := load(ctx).sites.load(ctx, n)
			if err != nil {
				return nil, err
			}
			if reached == nil {
				n = 0
			}
			f.Site = &n
		}
	}
	lines, err := credit.List(ctx, r.DB, actor(ctx).AccountID(), f, pageArgs(first, after, last, before))
	return lines.Each(load(ctx).sawLines), err
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
