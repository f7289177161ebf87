package account

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres"
)

// ChangeRole gives one of the account's people another role and ends all of their sessions, the
// actor's own too where it is about themselves. Giving the role that they have changes nothing.
//
// Faults: NOT_FOUND at userId; INVALID_STATE at userId for somebody above the actor, for staff and for
// automation; INVALID at role for one above the actor's own and for one that people are not given;
// LAST_OWNER at userId; FORBIDDEN for whoever is no admin any more.
func ChangeRole(ctx context.Context, db bun.IDB, actor Actor, now time.Time, id gid.User, role Role) (*User, error) {
	var changed *User
	err := postgres.InTx(ctx, db, func(ctx context.Context, tx bun.Tx) error {
		acct, err := Lock(ctx, tx, actor.AccountID())
		if err != nil {
			return err
		}
		own, err := standing(ctx, tx, actor, Admin)
		if err != nil {
			return err
		}
		if changed, err = member(ctx, tx, acct.ID, id); err != nil {
			return err
		}
		if err := checkAbove(own, changed); err != nil {
			return err
		}
		if f := checkGrant(own, role); f != nil {
			return f
		}
		before := changed.Role
		if before == role {
			return nil
		}
		if err := checkLastOwner(ctx, tx, changed); err != nil {
			return err
		}
		if err := move(ctx, tx, actor.By(acct.ID), now, changed, role); err != nil {
			return err
		}
		if before != Owner && role != Owner {
			return nil
		}
		return nameOwner(ctx, tx, acct, now)
	})
	if err != nil {
		return nil, err
	}
	return changed, nil
}
