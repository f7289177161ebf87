package graph

import (
	"context"

	"github.com/99designs/gqlgen/graphql"

	"igny8.com/accounts/internal/change"
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
		SiteID: id, Name: changed(in.Name), Domain: changed(in.Domain), Slug: changed(in.Slug), Active: changed(in.Active),
		Industry: change.Field[gid.Industry]{Set: in.IndustryID.IsSet(), Value: industry},
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

func (r *mutationResolver) UpdateSector(ctx context.Context, in UpdateSectorInput) (*UpdateSectorPayload, error) {
	updated, errs, err := onID(in.SectorID, "sectorId", func(id gid.Sector) (*site.Sector, error) {
		return site.UpdateSector(ctx, r.DB, actor(ctx), r.now(), site.SectorChanges{SectorID: id, Name: changed(in.Name), Active: changed(in.Active)})
	})
	return &UpdateSectorPayload{Sector: updated, UserErrors: errs}, err
}

func (r *mutationResolver) RemoveSector(ctx context.Context, in RemoveSectorInput) (*RemoveSectorPayload, error) {
	left, errs, err := onID(in.SectorID, "sectorId", func(id gid.Sector) (*site.Site, error) {
		return site.RemoveSector(ctx, r.DB, actor(ctx), r.now(), id)
	})
	return &RemoveSectorPayload{Site: left, UserErrors: errs}, err
}

func (r *mutationResolver) RestoreSector(ctx context.Context, in RestoreSectorInput) (*RestoreSectorPayload, error) {
	restored, errs, err := onID(in.SectorID, "sectorId", func(id gid.Sector) (*site.Sector, error) {
		return site.RestoreSector(ctx, r.DB, actor(ctx), r.now(), id)
	})
	return &RestoreSectorPayload{Sector: restored, UserErrors: errs}, err
}

func (r *mutationResolver) DeleteSite(ctx context.Context, in DeleteSiteInput) (*DeleteSitePayload, error) {
	deleted, errs, err := onID(in.SiteID, "siteId", func(id gid.Site) (*site.Site, error) {
		return site.Delete(ctx, r.DB, actor(ctx), r.now(), id)
	})
	return &DeleteSitePayload{Site: deleted, UserErrors: errs}, err
}

func (r *mutationResolver) RestoreSite(ctx context.Context, in RestoreSiteInput) (*RestoreSitePayload, error) {
	restored, errs, err := onID(in.SiteID, "siteId", func(id gid.Site) (*site.Site, error) {
		return site.Restore(ctx, r.DB, actor(ctx), r.now(), id)
	})
	return &RestoreSitePayload{Site: restored, UserErrors: errs}, err
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

// changed tells an input that is absent from one that is null.
func changed[T any](o graphql.Omittable[*T]) change.Field[T] {
	return change.Field[T]{Set: o.IsSet(), Value: o.Value()}
}
