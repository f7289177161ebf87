package graph

import (
	"context"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/audit"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
)

func (r *accountResolver) AuditEvents(
	ctx context.Context, obj *account.Account, filter *AuditEventFilter, first *int, after *string, last *int, before *string,
) (*audit.Connection, error) {
	f, err := auditFilter(filter)
	if err != nil {
		return nil, err
	}
	events, err := audit.List(ctx, r.DB, obj.ID, f, pageArgs(first, after, last, before))
	return events.Each(load(ctx).sawEvents), err
}

func auditFilter(in *AuditEventFilter) (audit.Filter, error) {
	if in == nil {
		return audit.Filter{}, nil
	}
	f := audit.Filter{
		Action: value(in.Action), ActorKind: value(in.ActorKind), SubjectID: value(in.SubjectID),
		From: value(in.From), To: value(in.To),
	}
	id := value(in.ActorID)
	if id == nil {
		return f, nil
	}
	if user, err := gid.Parse[gid.User](*id); err == nil {
		f.UserID = &user
		return f, nil
	}
	key, err := gid.Parse[gid.APIKey](*id)
	if err != nil {
		return audit.Filter{}, fault.New(fault.InvalidID, "actors are people and API keys: user_57, key_8").At("filter", "actorId")
	}
	f.APIKeyID = &key
	return f, nil
}

func (r *auditEventResolver) Impersonation(ctx context.Context, obj *audit.Event) (*account.Impersonation, error) {
	if obj.ImpersonationID == nil {
		return nil, nil
	}
	return load(ctx).impersonations.load(ctx, *obj.ImpersonationID)
}

// User is the person behind an actor, where it was one of the account's own who is still there.
func (r *actorResolver) User(ctx context.Context, obj *audit.Actor) (*account.User, error) {
	if obj.Kind != audit.User || obj.ID == nil || obj.Tenant != actor(ctx).AccountID() {
		return nil, nil
	}
	return load(ctx).users.load(ctx, gid.User(*obj.ID))
}

// APIKey is the key behind an actor, for those who may read keys.
func (r *actorResolver) APIKey(ctx context.Context, obj *audit.Actor) (*account.Key, error) {
	a := actor(ctx)
	if obj.Kind != audit.APIKey || obj.ID == nil || obj.Tenant != a.AccountID() || !a.Role().Reaches(account.Admin) {
		return nil, nil
	}
	return load(ctx).apiKeys.load(ctx, gid.APIKey(*obj.ID))
}
