package graph

import (
	"context"
	"time"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/auth"
	"igny8.com/accounts/internal/site"
)

func (r *queryResolver) Viewer(ctx context.Context) (*account.Actor, error) {
	a := actor(ctx)
	load(ctx).sawAccounts([]*account.Account{a.Account})
	return &a, nil
}

func (r *viewerResolver) EmailVerifiedAt(_ context.Context, obj *account.Actor) (*time.Time, error) {
	if m := obj.Member(); m != nil {
		return m.EmailVerifiedAt, nil
	}
	return nil, nil
}

func (r *viewerResolver) Site(ctx context.Context, obj *account.Actor) (*site.Site, error) {
	if obj.Key == nil || !obj.Key.Has(account.SitesRead) {
		return nil, nil
	}
	return load(ctx).sites.load(ctx, obj.Key.SiteID)
}

func (r *viewerResolver) Sessions(
	ctx context.Context, obj *account.Actor, first *int, after *string, last *int, before *string,
) (*auth.DeviceConnection, error) {
	m := obj.Member()
	if m == nil {
		return nil, nil
	}
	return auth.Sessions(ctx, r.DB, m.TenantID, m.ID, r.now(), pageArgs(first, after, last, before))
}

func (r *deviceResolver) Current(ctx context.Context, obj *auth.Device) (bool, error) {
	return obj.ID == actor(ctx).SessionID, nil
}
