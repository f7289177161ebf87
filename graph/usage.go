package graph

import (
	"context"
	"time"

	"igny8.com/accounts/internal/credit"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/site"
)

// noSite is a site that never was: nothing is used for it, while what is used for none stands under 0.
const noSite gid.Site = -1

func (r *queryResolver) CreditUsage(
	ctx context.Context, from, to time.Time, groupBy credit.GroupBy, filter *CreditUsageFilter,
) ([]*credit.UsageBucket, error) {
	// The schema counts the last day; ranges of days end before one elsewhere.
	in := credit.UsageQuery{From: from, To: to.AddDate(0, 0, 1), By: groupBy}
	if filter != nil {
		var err error
		if in.Site, err = reachedSite(ctx, value(filter.SiteID)); err != nil {
			return nil, err
		}
		in.Operation = value(filter.Operation)
	}
	return credit.Usage(ctx, r.DB, actor(ctx).AccountID(), reachedSites, in)
}

// reachedSite is the site that an id names, or noSite where the caller may not reach it; nil without an id.
func reachedSite(ctx context.Context, id *string) (*gid.Site, error) {
	if id == nil {
		return nil, nil
	}
	n, err := gid.Parse[gid.Site](*id)
	if err != nil {
		return nil, err
	}
	found, err := load(ctx).sites.load(ctx, n)
	if found == nil {
		n = noSite
	}
	return &n, err
}

// reachedSites are those of the sites that the caller may reach, for whom they stay loaded.
func reachedSites(ctx context.Context, ids []gid.Site) ([]gid.Site, error) {
	sites := load(ctx).sites
	for _, id := range ids {
		sites.announce(id)
	}
	reached := make([]gid.Site, 0, len(ids))
	for _, id := range ids {
		found, err := sites.load(ctx, id)
		if err != nil {
			return nil, err
		}
		if found != nil {
			reached = append(reached, id)
		}
	}
	return reached, nil
}

func (r *creditUsageResolver) Site(ctx context.Context, obj *credit.UsageBucket) (*site.Site, error) {
	if obj.SiteID == nil {
		return nil, nil
	}
	return load(ctx).sites.load(ctx, *obj.SiteID)
}

func (r *mutationResolver) SetSiteBudget(ctx context.Context, in SetSiteBudgetInput) (*SetSiteBudgetPayload, error) {
	limited, errs, err := r.setSiteBudget(ctx, in)
	return &SetSiteBudgetPayload{Site: limited, UserErrors: errs}, err
}

func (r *mutationResolver) setSiteBudget(ctx context.Context, in SetSiteBudgetInput) (*site.Site, []UserError, error) {
	var faults fault.List
	id, f := requiredID[gid.Site](in.SiteID, "siteId")
	faults.Add(f)
	if !in.MonthlyCredits.IsSet() {
		// Whoever forgets it means no lifting of the limit.
		faults.Add(fault.New(fault.Required, "say how many credits a month, or null for no limit").At("monthlyCredits"))
	}
	err := faults.Err()
	if err == nil {
		_, err = credit.SetBudget(ctx, r.DB, actor(ctx), r.at(ctx), r.reaches, id, wide(in.MonthlyCredits.Value()))
	}
	if err != nil {
		errs, err := outcome(err)
		return nil, errs, err
	}
	limited, err := load(ctx).sites.load(ctx, id)
	return limited, []UserError{}, err
}

func (r *mutationResolver) SetCreditCost(ctx context.Context, in SetCreditCostInput) (*SetCreditCostPayload, error) {
	set, err := credit.SetCost(ctx, r.DB, actor(ctx), r.now(), credit.Pricing{
		Operation: in.Operation, Credits: int64(in.Credits), UnitSize: int64(in.UnitSize), EffectiveFrom: value(in.EffectiveFrom),
	})
	errs, err := outcome(err)
	return &SetCreditCostPayload{Cost: set, UserErrors: errs}, err
}
