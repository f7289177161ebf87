package graph

import (
	"context"
	"strconv"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/auth"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/site"
)

func (r *mutationResolver) InviteMember(ctx context.Context, in InviteMemberInput) (*InviteMemberPayload, error) {
	sites, faults := siteIDs(in.SiteIds.Value())
	if err := faults.Err(); err != nil {
		errs, err := outcome(err)
		return &InviteMemberPayload{UserErrors: errs}, err
	}
	defer r.Wake()
	made, err := account.Invite(ctx, r.DB, r.Mail, actor(ctx), r.now(), account.NewInvitation{
		Email: in.Email, Role: in.Role, SiteIDs: sites,
	})
	errs, err := outcome(err)
	return &InviteMemberPayload{Invitation: made, UserErrors: errs}, err
}

// siteIDs reads a list of sites' ids; each fault names its place.
func siteIDs(texts []string) ([]gid.Site, fault.List) {
	ids := make([]gid.Site, 0, len(texts))
	var faults fault.List
	for i, text := range texts {
		id, f := requiredID[gid.Site](text, "siteIds")
		if f != nil {
			faults.Add(f.At("siteIds", strconv.Itoa(i)))
			continue
		}
		ids = append(ids, id)
	}
	return ids, faults
}

func (r *mutationResolver) RevokeInvitation(ctx context.Context, in RevokeInvitationInput) (*RevokeInvitationPayload, error) {
	revoked, errs, err := onID(in.InvitationID, "invitationId", func(id gid.Invitation) (*account.Invitation, error) {
		return account.RevokeInvitation(ctx, r.DB, actor(ctx), r.now(), id)
	})
	return &RevokeInvitationPayload{Invitation: revoked, UserErrors: errs}, err
}

func (r *mutationResolver) AcceptInvitation(ctx context.Context, in AcceptInvitationInput) (*AcceptInvitationPayload, error) {
	if err := r.Gate.SignIn(ctx, actor(ctx).Origin.IP); err != nil {
		return nil, err
	}
	session, err := r.accept(ctx, in)
	errs, err := outcome(err)
	return &AcceptInvitationPayload{Session: session, UserErrors: errs}, err
}

func (r *mutationResolver) accept(ctx context.Context, in AcceptInvitationInput) (*auth.Session, error) {
	origin, now := actor(ctx).Origin, r.now()
	request := account.Acceptance{Token: in.Token, Name: in.Name}
	faults := request.Check()
	invited, err := account.InvitedBy(ctx, r.DB, now, in.Token)
	switch found := fault.Of(err); {
	case err != nil && found == nil:
		return nil, err
	case err != nil:
		faults = append(faults, found...)
	default:
		faults.Add(auth.CheckPassword(in.Password, invited.Email, in.Name))
	}
	if err := faults.Err(); err != nil {
		return nil, err
	}
	// Before the transaction: hashing takes its time, and no connection waits for it.
	hash, err := r.Hasher.Hash(ctx, in.Password)
	if err != nil {
		return nil, err
	}
	request.PasswordHash = hash
	var session *auth.Session
	_, err = account.Accept(ctx, r.DB, now, request, origin,
		func(ctx context.Context, tx bun.Tx, joined *account.User) error {
			session, err = r.Auth.StartSession(ctx, tx, joined, origin, now)
			return err
		})
	if err != nil {
		return nil, err
	}
	return session, nil
}

func (r *mutationResolver) ChangeMemberRole(ctx context.Context, in ChangeMemberRoleInput) (*ChangeMemberRolePayload, error) {
	changed, errs, err := onID(in.UserID, "userId", func(id gid.User) (*account.User, error) {
		return account.ChangeRole(ctx, r.DB, actor(ctx), r.now(), id, in.Role)
	})
	return &ChangeMemberRolePayload{User: changed, UserErrors: errs}, err
}

func (r *mutationResolver) RemoveMember(ctx context.Context, in RemoveMemberInput) (*RemoveMemberPayload, error) {
	removed, errs, err := onID(in.UserID, "userId", func(id gid.User) (*account.User, error) {
		return account.RemoveMember(ctx, r.DB, actor(ctx), r.now(), id)
	})
	return &RemoveMemberPayload{User: removed, UserErrors: errs}, err
}

func (r *mutationResolver) RestoreMember(ctx context.Context, in RestoreMemberInput) (*RestoreMemberPayload, error) {
	restored, errs, err := onID(in.UserID, "userId", func(id gid.User) (*account.User, error) {
		return account.RestoreMember(ctx, r.DB, actor(ctx), r.now(), id)
	})
	return &RestoreMemberPayload{User: restored, UserErrors: errs}, err
}

func (r *mutationResolver) TransferOwnership(ctx context.Context, in TransferOwnershipInput) (*TransferOwnershipPayload, error) {
	changed, errs, err := onID(in.UserID, "userId", func(id gid.User) (*account.Account, error) {
		return account.TransferOwnership(ctx, r.DB, actor(ctx), r.now(), id)
	})
	return &TransferOwnershipPayload{Account: changed, UserErrors: errs}, err
}

func (r *mutationResolver) GrantSiteAccess(ctx context.Context, in GrantSiteAccessInput) (*GrantSiteAccessPayload, error) {
	granted, err := r.access(ctx, in.SiteID, in.UserID, site.GrantAccess)
	errs, err := outcome(err)
	return &GrantSiteAccessPayload{Site: granted, UserErrors: errs}, err
}

func (r *mutationResolver) RevokeSiteAccess(ctx context.Context, in RevokeSiteAccessInput) (*RevokeSiteAccessPayload, error) {
	revoked, err := r.access(ctx, in.SiteID, in.UserID, site.RevokeAccess)
	errs, err := outcome(err)
	return &RevokeSiteAccessPayload{Site: revoked, UserErrors: errs}, err
}

// access runs a command on a site and a member.
func (r *Resolver) access(
	ctx context.Context, siteID, userID string,
	command func(context.Context, bun.IDB, account.Actor, time.Time, gid.Site, gid.User) (*site.Site, error),
) (*site.Site, error) {
	var faults fault.List
	s, f := requiredID[gid.Site](siteID, "siteId")
	faults.Add(f)
	u, f := requiredID[gid.User](userID, "userId")
	faults.Add(f)
	if err := faults.Err(); err != nil {
		return nil, err
	}
	return command(ctx, r.DB, actor(ctx), r.now(), s, u)
}
