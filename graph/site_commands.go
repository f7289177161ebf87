package graph

import (
	"context"

	"github.com/99designs/gqlgen/graphql"

	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/site"
)

func (r *mutationResolver) CreateSite(ctx context.Context, in CreateSiteInput) (*CreateSitePayload, error) {
	industry, f := optionalID[gid.Industry](value(in.IndustryID), "industryId")
	if f != nil {
		return &CreateSitePayload{UserErrors: []UserError{userError(f)}}, nil
	}
	created, err := site.Create(ctx, r.DB, actor(ctx), r.now(), site.NewSite{
		Name: in.Name, Domain: in.Domain, Slug: value(in.Slug), IndustryID: industry,
	})
	errs, err := outcome(err)
	return &CreateSitePayload{Site: created, UserErrors: errs}, err
}

func (r *mutationResolver) UpdateSite(ctx context.Context, in UpdateSiteInput) (*UpdateSitePayload, error) {
	var faults fault.List
	id, f := requiredID[gid.Site](in.SiteID, "siteId")
	faults.Add(f)
	industry, f := optionalID[gid.Industry](value(in.IndustryID), "industryId")
	faults.Add(f)
	if err := faults.Err(); err != nil {
		errs, err := outcome(err)
		return &UpdateSitePayload{UserErrors: errs}, err
	}
	updated, err := site.Update(ctx, r.DB, actor(ctx), r.now(), site.Changes{
		SiteID: id, Name: change(in.Name), Domain: change(in.Domain), Slug: change(in.Slug), Active: change(in.Active),
		Industry: site.Change[gid.Industry]{Set: in.IndustryID.IsSet(), Value: industry},
	})
	errs, err := outcome(err)
	return &UpdateSitePayload{Site: updated, UserErrors: errs}, err
}

func (r *mutationResolver) AddSector(ctx context.Context, in AddSectorInput) (*AddSectorPayload, error) {
	var faults fault.List
	id, f := requiredID[gid.Site](in.SiteID, "siteId")
	faults.Add(f)
	entry, f := requiredID[gid.IndustrySector](in.IndustrySectorID, "industrySectorId")
	faults.Add(f)
	if err := faults.Err(); err != nil {
		errs, err := outcome(err)
		return &AddSectorPayload{UserErrors: errs}, err
	}
	added, err := site.AddSector(ctx, r.DB, actor(ctx), r.now(), site.NewSector{
		SiteID: id, IndustrySectorID: entry, Name: value(in.Name),
	})
	errs, err := outcome(err)
	return &AddSectorPayload{Sector: added, UserErrors: errs}, err
}

func (r *mutationResolver) RemoveSector(ctx context.Context, in RemoveSectorInput) (*RemoveSectorPayload, error) {
	id, f := requiredID[gid.Sector](in.SectorID, "sectorId")
	if f != nil {
		return &RemoveSectorPayload{UserErrors: []UserError{userError(f)}}, nil
	}
	changed, err := site.RemoveSector(ctx, r.DB, actor(ctx), r.now(), id)
	errs, err := outcome(err)
	return &RemoveSectorPayload{Site: changed, UserErrors: errs}, err
}

func requiredID[T gid.ID](text, field string) (T, *fault.Error) {
	id, err := gid.Parse[T](text)
	for _, f := range fault.Of(err) {
		return 0, f.At(field)
	}
	return id, nil
}

func optionalID[T gid.ID](text *string, field string) (*T, *fault.Error) {
	if text == nil {
		return nil, nil
	}
	id, f := requiredID[T](*text, field)
	return &id, f
}

// change tells an input that is absent from one that is null.
func change[T any](o graphql.Omittable[*T]) site.Change[T] {
	return site.Change[T]{Set: o.IsSet(), Value: o.Value()}
}
