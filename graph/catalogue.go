package graph

import (
	"context"

	"igny8.com/accounts/internal/plan"
	"igny8.com/accounts/internal/site"
)

func (r *queryResolver) Plans(ctx context.Context) ([]*plan.Plan, error) {
	return plan.List(ctx, r.DB)
}

func (r *queryResolver) Plan(ctx context.Context, slug string) (*plan.Plan, error) {
	return plan.BySlug(ctx, r.DB, slug)
}

func (r *queryResolver) Industries(ctx context.Context) ([]*site.Industry, error) {
	industries, err := site.Industries(ctx, r.DB)
	return load(ctx).sawIndustries(industries), err
}

func (r *industryResolver) Sectors(ctx context.Context, obj *site.Industry) ([]*site.IndustrySector, error) {
	return load(ctx).entriesOf.load(ctx, obj.ID)
}

func (r *industrySectorResolver) Industry(ctx context.Context, obj *site.IndustrySector) (*site.Industry, error) {
	return load(ctx).industries.load(ctx, obj.IndustryID)
}
