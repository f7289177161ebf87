package graph

import (
	"context"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/site"
	"igny8.com/accounts/internal/wordpress"
)

func (r *siteResolver) GrantedUsers(ctx context.Context, obj *site.Site) ([]*account.User, error) {
	grants, err := load(ctx).grantsOf.load(ctx, obj.ID)
	if err != nil {
		return nil, err
	}
	people := make([]*account.User, 0, len(grants))
	for _, g := range grants {
		person, err := load(ctx).users.load(ctx, g.UserID)
		if err != nil {
			return nil, err
		}
		// Or removed since the grants were read. An admin's grants count once their role is less.
		if person != nil && !person.Role.Reaches(account.Admin) {
			people = append(people, person)
		}
	}
	return people, nil
}

func (r *siteResolver) APIKeys(ctx context.Context, obj *site.Site) ([]*account.Key, error) {
	return load(ctx).apiKeysOf.load(ctx, obj.ID)
}

func (r *siteResolver) WordPress(ctx context.Context, obj *site.Site) (*wordpress.Connection, error) {
	return load(ctx).wordPresses.load(ctx, obj.ID)
}

func (r *siteResolver) SyncEvents(
	ctx context.Context, obj *site.Site, first *int, after *string, last *int, before *string,
) (*wordpress.EventConnection, error) {
	args := pageArgs(first, after, last, before)
	if after == nil && before == nil {
		return load(ctx).firstEvents.load(ctx, obj.ID, args)
	}
	// A cursor is of one site's list, so no list of sites asks for this.
	events, err := wordpress.Events(ctx, r.DB, site.ReachOf(actor(ctx)), obj.ID, args)
	return events.Each(load(ctx).sawSyncEvents), err
}

func (r *apiKeyResolver) Status(_ context.Context, obj *account.Key) (account.KeyStatus, error) {
	return obj.StatusAt(r.now()), nil
}

func (r *apiKeyResolver) Site(ctx context.Context, obj *account.Key) (*site.Site, error) {
	return load(ctx).sites.load(ctx, obj.SiteID)
}
