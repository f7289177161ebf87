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

// RestoreMember brings back a person who was removed, with the role, the password and the sites that
// they had; their sessions stay ended. An invitation to their address that is open is revoked. Somebody
// who is not removed is left as they are.
//
// Faults: NOT_FOUND at userId, from the person's RestoreUntil on too; INVALID_STATE at userId for
// somebody whose role is above the actor's, for staff and for automation; TAKEN at userId where their
// address signs in somebody by now; PLAN_LIMIT_REACHED at userId with limit and used, which counts
// pending invitations to others; FORBIDDEN for whoever is no admin any more.
func RestoreMember(ctx context.Context, db bun.IDB, actor Actor, now time.Time, id gid.User) (*User, error) {
	var back *User
	err := postgres.InTx(ctx, db, func(ctx context.Context, tx bun.Tx) error {
		acct, err := Lock(ctx, tx, actor.AccountID())
		if err != nil {
			return err
		}
		own, err := standing(ctx, tx, actor, Admin)
		if err != nil {
			return err
		}
		var gone bool
		if back, gone, err = removedMember(ctx, tx, acct.ID, id, now); err != nil || !gone {
			return err
		}
		if err := checkReturn(ctx, tx, acct, own, back, now); err != nil {
			return err
		}
		taken, err := claimAddress(ctx, tx, back)
		if err != nil {
			return err
		}
		if taken {
			return fault.New(fault.Taken, "this person's address signs in somebody else by now").At(userField)
		}
		if err := reopen(ctx, tx, actor.By(acct.ID), back, now); err != nil || back.Role != Owner {
			return err
		}
		return nameOwner(ctx, tx, acct, now)
	})
	if err != nil {
		return nil, err
	}
	return back, nil
}

// removedMember reads a person who can be restored, or one who is there.
func removedMember(ctx context.Context, tx bun.Tx, tenant gid.Account, id gid.User, now time.Time) (u *User, gone bool, err error) {
	users := []*User{}
	if err := removed(tx, tenant, now, &users).Where("user_.id = ?", id).Scan(ctx); err != nil {
		return nil, false, fmt.Errorf("read a removed person: %w", err)
	}
	if len(users) > 0 {
		return users[0], true, nil
	}
	u, err = member(ctx, tx, tenant, id)
	return u, false, err
}

func checkReturn(ctx context.Context, tx bun.Tx, acct *Account, own Role, back *User, now time.Time) error {
	if err := checkAbove(own, back); err != nil {
		return err
	}
	p, err := planOf(ctx, tx, acct)
	if err != nil {
		return err
	}
	used, err := promised(ctx, tx, acct.ID, back.Email, now)
	if err != nil {
		return err
	}
	if f := checkSeat(p, used); f != nil {
		return f.At(userField)
	}
	return nil
}

// reopen writes the return and what follows from it.
func reopen(ctx context.Context, tx bun.Tx, by audit.By, back *User, now time.Time) error {
	back.UpdatedAt, back.DeletedAt, back.DeletedBy, back.RestoreUntil = now, nil, nil, nil
	_, err := tx.NewUpdate().Model(back).Column("updated_at", "deleted_at", "deleted_by", "restore_until").
		Where("tenant_id = ?", back.TenantID).Where("id = ?", back.ID).Exec(ctx)
	if err != nil {
		return fmt.Errorf("restore a person: %w", err)
	}
	pending, err := openFor(ctx, tx, back.TenantID, back.Email)
	if err != nil {
		return err
	}
	if err := revoke(ctx, tx, by, now, pending); err != nil {
		return err
	}
	return audit.Record(ctx, tx, back.TenantID, by, now, audit.On("member.restored", "user", back.ID).
		To(map[string]any{roleField: back.Role}))
}
