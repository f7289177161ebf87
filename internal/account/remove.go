package account

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/audit"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres"
)

// RemoveMember takes a person out of the account, at once: their sessions end, their address is free
// for somebody else, and the invitations that they sent are revoked. Until RestoreUntil, the account's
// DeletionRetentionDays later, they can be restored; the sites that they were granted wait for that. It
// takes an admin, but anybody may remove themselves.
//
// Faults: NOT_FOUND at userId; INVALID_STATE at userId for somebody above the actor, for staff and for
// automation; LAST_OWNER at userId; FORBIDDEN for whoever is no admin any more.
func RemoveMember(ctx context.Context, db bun.IDB, actor Actor, now time.Time, id gid.User) (*User, error) {
	var gone *User
	err := postgres.InTx(ctx, db, func(ctx context.Context, tx bun.Tx) error {
		acct, err := Lock(ctx, tx, actor.AccountID())
		if err != nil {
			return err
		}
		minimum := Admin
		if self := actor.MemberID(); self != nil && *self == id {
			minimum = Viewer
		}
		own, err := standing(ctx, tx, actor, minimum)
		if err != nil {
			return err
		}
		if gone, err = member(ctx, tx, acct.ID, id); err != nil {
			return err
		}
		if err := checkAbove(own, gone); err != nil {
			return err
		}
		if err := checkLastOwner(ctx, tx, gone); err != nil {
			return err
		}
		if err := shut(ctx, tx, acct, actor, gone, now); err != nil {
			return err
		}
		if gone.Role != Owner {
			return nil
		}
		return nameOwner(ctx, tx, acct, now)
	})
	if err != nil {
		return nil, err
	}
	return gone, nil
}

// shut writes the removal and what follows from it.
func shut(ctx context.Context, tx bun.Tx, acct *Account, actor Actor, gone *User, now time.Time) error {
	until := now.AddDate(0, 0, acct.DeletionRetentionDays)
	gone.UpdatedAt, gone.DeletedAt, gone.DeletedBy, gone.RestoreUntil = now, &now, actor.MemberID(), &until
	_, err := tx.NewUpdate().Model(gone).Column("updated_at", "deleted_at", "deleted_by", "restore_until").
		Where("tenant_id = ?", gone.TenantID).Where("id = ?", gone.ID).Exec(ctx)
	if err != nil {
		return fmt.Errorf("remove a person: %w", err)
	}
	_, err = tx.NewRaw(`DELETE FROM igny8_login_directory WHERE email = ? AND tenant_id = ? AND user_id = ?`,
		gone.Email, gone.TenantID, gone.ID).Exec(ctx)
	if err != nil {
		return fmt.Errorf("free an address: %w", err)
	}
	if _, err := EndSessions(ctx, tx, gone.TenantID, gone.ID, 0, BecauseOfRemoval, now); err != nil {
		return err
	}
	by := actor.By(acct.ID)
	if err := disown(ctx, tx, by, now, gone); err != nil {
		return err
	}
	return audit.Record(ctx, tx, acct.ID, by, now, audit.On("member.removed", "user", gone.ID).
		From(map[string]any{roleField: gone.Role}).To(map[string]any{"restoreUntil": until}))
}
