package account

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/audit"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres"
)

// TransferOwnership makes another of the account's people its owner, and the one that the account names
// as such; the actor, who must be an owner, becomes an admin. Other owners stay what they are. All
// sessions of whoever's role changes end, the actor's own too: a change of role ends sessions, whoever
// made it.
//
// Faults: NOT_FOUND at userId; INVALID at userId for the actor themselves; INVALID_STATE at userId for
// staff and automation; FORBIDDEN for whoever is no owner.
func TransferOwnership(ctx context.Context, db bun.IDB, actor Actor, now time.Time, to gid.User) (*Account, error) {
	var acct *Account
	err := postgres.InTx(ctx, db, func(ctx context.Context, tx bun.Tx) error {
		var err error
		if acct, err = Lock(ctx, tx, actor.AccountID()); err != nil {
			return err
		}
		own, err := standing(ctx, tx, actor, Owner)
		if err != nil {
			return err
		}
		// Developers enter an owner's doors without being one: they have nothing to hand over.
		self := actor.Member()
		if self == nil || own != Owner {
			return fault.New(fault.Forbidden, "this asks for the role %s", Owner)
		}
		if self.ID == to {
			return fault.New(fault.Invalid, "this is you: choose who is to be the owner").At(userField)
		}
		from, err := member(ctx, tx, acct.ID, self.ID)
		if err != nil {
			return err
		}
		heir, err := member(ctx, tx, acct.ID, to)
		if err != nil {
			return err
		}
		if err := checkAbove(Owner, heir); err != nil {
			return err
		}
		return handOver(ctx, tx, acct, actor.By(acct.ID), from, heir, now)
	})
	if err != nil {
		return nil, err
	}
	return acct, nil
}

// handOver writes the transfer: the new owner first, so that there is one all the time.
func handOver(ctx context.Context, tx bun.Tx, acct *Account, by audit.By, from, heir *User, now time.Time) error {
	var named any
	if acct.OwnerID != nil {
		named = gid.Format(*acct.OwnerID)
	}
	if heir.Role != Owner {
		if err := move(ctx, tx, by, now, heir, Owner); err != nil {
			return err
		}
	}
	if err := move(ctx, tx, by, now, from, Admin); err != nil {
		return err
	}
	if err := setOwner(ctx, tx, acct, heir.ID, now); err != nil {
		return err
	}
	return audit.Record(ctx, tx, acct.ID, by, now, audit.On("account.ownership_transferred", "account", acct.ID).
		From(map[string]any{"ownerId": named}).To(map[string]any{"ownerId": gid.Format(heir.ID)}))
}
