package staff

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres"
)

// End ends an impersonation of the actor's before its time, from the next request on: the one that the
// actor acts under where they do, whose account need not be named then; otherwise the one for the account,
// which is named by id. To end again what one acts under changes nothing. Faults at accountId: REQUIRED;
// NOT_FOUND for an account that is not there, and for another than the actor acts for; INVALID_STATE
// where the actor does not act for the account.
func End(ctx context.Context, db bun.IDB, actor account.Actor, now time.Time, id *gid.Account) (*account.Impersonation, error) {
	tenant := actor.AccountID()
	if actor.Impersonation == nil {
		if err := only(actor); err != nil {
			return nil, err
		}
		if id == nil {
			return nil, fault.New(fault.Required, "say which account you act for").At(accountField)
		}
		tenant = *id
	} else if id != nil && *id != tenant {
		return nil, fault.New(fault.NotFound, "there is no such account").At(accountField)
	}
	var ended *account.Impersonation
	err := postgres.InTx(postgres.WithTenant(ctx, int64(tenant)), db, func(ctx context.Context, tx bun.Tx) error {
		if _, err := account.Lock(ctx, tx, tenant); err != nil {
			for _, f := range fault.Of(err) {
				return f.At(accountField)
			}
			return err
		}
		open, err := openFor(ctx, tx, actor, tenant)
		if err != nil {
			return err
		}
		if actor.Impersonation == nil && (open == nil || !open.ExpiresAt.After(now)) {
			return fault.New(fault.InvalidState, "you do not act for this account").At(accountField)
		}
		ended = open
		return end(ctx, tx, actor, now, open, endedByStaff)
	})
	if err != nil {
		return nil, err
	}
	return ended, nil
}

// openFor is the impersonation that End is about; nil where there is none.
func openFor(ctx context.Context, tx bun.Tx, actor account.Actor, tenant gid.Account) (*account.Impersonation, error) {
	if actor.Impersonation == nil {
		return openOf(ctx, tx, actor, tenant)
	}
	// The account, and so its impersonations, is locked by now: what the request began with may be old.
	found, err := ImpersonationsByIDs(ctx, tx, tenant, []gid.Impersonation{actor.Impersonation.ID})
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, fault.New(fault.NotFound, "there is no such account").At(accountField)
	}
	return found[0], nil
}

// end ends an impersonation, once. The account's log tells only of an end before its time.
func end(ctx context.Context, tx bun.Tx, actor account.Actor, now time.Time, imp *account.Impersonation, why string) error {
	if imp.EndedAt != nil {
		return nil
	}
	early := imp.ExpiresAt.After(now)
	if imp.EndedAt = &now; !early {
		imp.EndedAt = &imp.ExpiresAt
	}
	if _, err := tx.NewUpdate().Model(imp).WherePK().Column("ended_at").Exec(ctx); err != nil {
		return fmt.Errorf("end impersonation: %w", err)
	}
	if !early {
		return nil
	}
	return record(ctx, tx, actor, now, imp, "impersonation.ended", map[string]any{reasonField: why})
}
