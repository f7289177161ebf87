package graph

import (
	"context"
	"time"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/apikey"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/site"
	"igny8.com/accounts/internal/wordpress"
)

func (r *mutationResolver) CreateSiteAPIKey(ctx context.Context, in CreateSiteAPIKeyInput) (*CreateSiteAPIKeyPayload, error) {
	var secret string
	made, errs, err := onID(in.SiteID, "siteId", func(id gid.Site) (key *account.Key, err error) {
		key, secret, err = apikey.Create(ctx, r.DB, r.Vault, actor(ctx), r.now(), apikey.NewKey{
			SiteID: id, Name: in.Name, Scopes: in.Scopes, ExpiresAt: value(in.ExpiresAt),
		})
		return key, err
	})
	return &CreateSiteAPIKeyPayload{APIKey: made, Secret: shown(secret), UserErrors: errs}, err
}

func (r *mutationResolver) RotateSiteAPIKey(ctx context.Context, in RotateSiteAPIKeyInput) (*RotateSiteAPIKeyPayload, error) {
	var overlap *time.Duration
	if seconds := value(in.Overlap); seconds != nil {
		d := time.Duration(*seconds) * time.Second
		overlap = &d
	}
	var secret string
	made, errs, err := onID(in.APIKeyID, "apiKeyId", func(id gid.APIKey) (key *account.Key, err error) {
		key, secret, err = apikey.Rotate(ctx, r.DB, r.Vault, actor(ctx), r.now(), id, overlap)
		return key, err
	})
	return &RotateSiteAPIKeyPayload{APIKey: made, Secret: shown(secret), UserErrors: errs}, err
}

// shown is a secret that exists; nil where none was made.
func shown(secret string) *string {
	if secret == "" {
		return nil
	}
	return &secret
}

func (r *mutationResolver) RevokeSiteAPIKey(ctx context.Context, in RevokeSiteAPIKeyInput) (*RevokeSiteAPIKeyPayload, error) {
	ended, errs, err := onID(in.APIKeyID, "apiKeyId", func(id gid.APIKey) (*account.Key, error) {
		return apikey.Revoke(ctx, r.DB, actor(ctx), r.now(), id)
	})
	return &RevokeSiteAPIKeyPayload{APIKey: ended, UserErrors: errs}, err
}

func (r *mutationResolver) ConnectWordPress(ctx context.Context, in ConnectWordPressInput) (*ConnectWordPressPayload, error) {
	made, errs, err := onID(in.SiteID, "siteId", func(id gid.Site) (*wordpress.Connection, error) {
		return r.WordPress.Connect(ctx, r.DB, actor(ctx), r.now(), wordpress.NewConnection{
			SiteID: id, URL: in.URL, Username: in.Username, ApplicationPassword: in.ApplicationPassword,
		})
	})
	return &ConnectWordPressPayload{WordPress: made, UserErrors: errs}, err
}

func (r *mutationResolver) CheckWordPress(ctx context.Context, in CheckWordPressInput) (*CheckWordPressPayload, error) {
	checked, errs, err := onID(in.SiteID, "siteId", func(id gid.Site) (*wordpress.Connection, error) {
		return r.WordPress.Check(ctx, r.DB, actor(ctx), r.now(), id)
	})
	return &CheckWordPressPayload{WordPress: checked, UserErrors: errs}, err
}

func (r *mutationResolver) DisconnectWordPress(ctx context.Context, in DisconnectWordPressInput) (*DisconnectWordPressPayload, error) {
	left, errs, err := onID(in.SiteID, "siteId", func(id gid.Site) (*site.Site, error) {
		if err := wordpress.Disconnect(ctx, r.DB, actor(ctx), r.now(), id); err != nil {
			return nil, err
		}
		return load(ctx).sites.load(ctx, id)
	})
	return &DisconnectWordPressPayload{Site: left, UserErrors: errs}, err
}

func (r *mutationResolver) RecordSyncEvent(ctx context.Context, in RecordSyncEventInput) (*RecordSyncEventPayload, error) {
	recorded, err := wordpress.Record(ctx, r.DB, actor(ctx), r.now(), wordpress.NewEvent{
		Kind: in.Kind, Direction: in.Direction, Outcome: in.Outcome, Items: in.Items, Message: text(value(in.Message)),
		Details: in.Details.Value(), ExternalID: in.ExternalID, OccurredAt: value(in.OccurredAt),
	})
	errs, err := outcome(err)
	return &RecordSyncEventPayload{Event: recorded, UserErrors: errs}, err
}
