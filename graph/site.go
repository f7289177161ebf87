package graph

import (
	"context"

	"igny8.com/accounts/internal/credit"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/page"
	"igny8.com/accounts/internal/site"
)

func (r *queryResolver) Site(ctx context.Context, id string) (*site.Site, error) {
	n, err := gid.Parse[gid.Site](id)
	if err != nil {
		return nil, err
	}
	return load(ctx).sites.load(ctx, n)
}

func (r *queryResolver) Sites(
	ctx context.Context, filter *SiteFilter, orderBy *SiteOrder, first *int, after *string, last *int, before *string,
) (*site.Connection, error) {
	var f site.Filter
	if filter != nil {
		f.Status = value(filter.Status)
		if id := value(filter.IndustryID); id != nil {
			n, err := gid.Parse[gid.Industry](*id)
			if err != nil {
				return nil, err
			}
			f.IndustryID = &n
		}
	}
	var order site.Order
	if orderBy != nil {
		order = site.Order{Field: orderBy.Field, Descending: orderBy.Direction == page.Descending}
	}
	sites, err := site.List(ctx, r.DB, site.ReachOf(actor(ctx)), f, order, pageArgs(first, after, last, before))
	return sites.Each(load(ctx).sawSites), err
}

func (r *siteResolver) Industry(ctx context.Context, obj *site.Site) (*site.Industry, error) {
	if obj.IndustryID == nil {
		return nil, nil
	}
	return load(ctx).industries.load(ctx, *obj.IndustryID)
}

func (r *siteResolver) Sectors(ctx context.Context, obj *site.Site) ([]*site.Sector, error) {
	return load(ctx).sectorsOf.load(ctx, obj.ID)
}

func (r *siteResolver) RemovedSectors(ctx context.Context, obj *site.Site) ([]*site.Sector, error) {
	return load(ctx).removedFrom.load(ctx, obj.ID)
}

func (r *siteResolver) Budget(ctx context.Context, obj *site.Site) (*credit.SiteBudget, error) {
	return load(ctx).budgets.load(ctx, obj.ID)
}

func (r *sectorResolver) Site(ctx context.Context, obj *site.Sector) (*site.Site, error) {
	return load(ctx).sites.load(ctx, obj.SiteID)
}

func (r *sectorResolver) IndustrySector(ctx context.Context, obj *site.Sector) (*site.IndustrySector, error) {
	return load(ctx).entries.load(ctx, obj.IndustrySectorID)
}
