package account

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/audit"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres"
)

// RevokeInvitation makes an invitation's token worthless. To revoke one that is revoked changes
// nothing. Faults: NOT_FOUND at invitationId; INVALID_STATE at invitationId for one that was accepted,
// and for one to a role above the actor's; FORBIDDEN for whoever is no admin any more.
func RevokeInvitation(ctx context.Context, db bun.IDB, actor Actor, now time.Time, id gid.Invitation) (*Invitation, error) {
	var found *Invitation
	err := postgres.InTx(ctx, db, func(ctx context.Context, tx bun.Tx) error {
		acct, err := Lock(ctx, tx, actor.AccountID())
		if err != nil {
			return err
		}
		own, err := standing(ctx, tx, actor, Admin)
		if err != nil {
			return err
		}
		invitations, err := InvitationsByIDs(ctx, tx, acct.ID, now, []gid.Invitation{id})
		if err != nil {
			return err
		}
		if len(invitations) == 0 {
			return fault.New(fault.NotFound, "there is no such invitation").At("invitationId")
		}
		found = invitations[0]
		switch {
		case found.Status == InvitationAccepted:
			return fault.New(fault.InvalidState, "this invitation was accepted: remove the person instead").At("invitationId")
		case !own.Reaches(found.Role):
			return fault.New(fault.InvalidState, "this invitation is to a role above yours").At("invitationId")
		case found.Status == InvitationRevoked:
			return nil
		}
		return revoke(ctx, tx, actor.By(acct.ID), now, invitations)
	})
	if err != nil {
		return nil, err
	}
	return found.at(now), nil
}

// openFor reads the open invitations to an address, expired ones included: there is one at most. The
// account must be locked.
func openFor(ctx context.Context, tx bun.Tx, tenant gid.Account, email string) ([]*Invitation, error) {
	invitations := []*Invitation{}
	err := open(scopedInvitations(tx, tenant, &invitations)).Where("invitation.email = ?", email).Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("read open invitations: %w", err)
	}
	return invitations, nil
}

// disown revokes the pending invitations of somebody who was removed, and of somebody whose role
// changed those to roles that they do not reach any more: nobody keeps a way in by having invited
// themselves under another address. The account must be locked.
func disown(ctx context.Context, tx bun.Tx, by audit.By, now time.Time, inviter *User) error {
	sent := []*Invitation{}
	q := InvitationPending.where(scopedInvitations(tx, inviter.TenantID, &sent), now).
		Where("invitation.invited_by = ?", inviter.ID).Order("invitation.id")
	if err := q.Scan(ctx); err != nil {
		return fmt.Errorf("read a person's invitations: %w", err)
	}
	outgrown := sent[:0]
	for _, i := range sent {
		if !vouches(inviter, i) {
			outgrown = append(outgrown, i)
		}
	}
	return revoke(ctx, tx, by, now, outgrown)
}

// vouches says whether whoever sent the invitation could still send it.
func vouches(inviter *User, i *Invitation) bool {
	return inviter.DeletedAt == nil && inviter.Role.Reaches(Admin) && inviter.Role.Reaches(i.Role)
}

// revoke revokes open invitations of one account, which is locked.
func revoke(ctx context.Context, tx bun.Tx, by audit.By, now time.Time, invitations []*Invitation) error {
	if len(invitations) == 0 {
		return nil
	}
	ids := make([]gid.Invitation, len(invitations))
	for n, i := range invitations {
		ids[n], i.RevokedAt = i.ID, &now
	}
	tenant := invitations[0].TenantID
	_, err := tx.NewUpdate().Model((*Invitation)(nil)).Set("revoked_at = ?", now).
		Where("tenant_id = ?", tenant).Where("id IN (?)", bun.List(ids)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("revoke invitations: %w", err)
	}
	for _, id := range ids {
		if err := audit.Record(ctx, tx, tenant, by, now, audit.On("invitation.revoked", "invitation", id)); err != nil {
			return err
		}
	}
	return nil
}
