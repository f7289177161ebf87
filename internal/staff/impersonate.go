package staff

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/audit"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres"
)

// Bounds of an impersonation: its reason in characters, its time in minutes.
const (
	MinReason  = 10
	MaxMinutes = 15
)

// Why an impersonation ended before its time, as the audit log tells it.
const (
	endedByStaff = "ended"
	replaced     = "replaced"
)

// Impersonating is for which account staff want to act, why and for how long.
type Impersonating struct {
	AccountID gid.Account
	// Reason is for the account's people to read: 10 to 500 characters.
	Reason string
	// Minutes are 1 to 15.
	Minutes int
}

// Impersonate lets the actor, a member of staff, act for an account as an admin of it, from now on for
// some minutes and no longer than their session lasts. What they acted for it under before ends. The
// account's audit log says who, why and until when. Faults: REQUIRED, TOO_LONG and INVALID at reason;
// INVALID at minutes; NOT_FOUND and INVALID_STATE at accountId.
func Impersonate(ctx context.Context, db bun.IDB, actor account.Actor, now time.Time, in Impersonating) (*account.Impersonation, error) {
	if err := only(actor); err != nil {
		return nil, err
	}
	in.Reason = strings.TrimSpace(in.Reason)
	tenant := in.AccountID
	var begun *account.Impersonation
	err := postgres.InTx(postgres.WithTenant(ctx, int64(tenant)), db, func(ctx context.Context, tx bun.Tx) error {
		faults := in.check()
		_, err := target(ctx, tx, actor, tenant)
		if err := gather(&faults, err); err != nil {
			return err
		}
		if err := faults.Err(); err != nil {
			return err
		}
		if err := replace(ctx, tx, actor, now, tenant); err != nil {
			return err
		}
		begun = &account.Impersonation{
			TenantID: tenant, StaffTenant: actor.User.TenantID, StaffID: actor.User.ID, SessionID: actor.SessionID,
			Reason: in.Reason, CreatedAt: now, ExpiresAt: now.Add(time.Duration(in.Minutes) * time.Minute),
		}
		if _, err := tx.NewInsert().Model(begun).Exec(ctx); err != nil {
			return fmt.Errorf("insert impersonation: %w", err)
		}
		return record(ctx, tx, actor, now, begun, "impersonation.started", map[string]any{
			"reason": begun.Reason, "minutes": in.Minutes, "expiresAt": begun.ExpiresAt, "staff": actor.User.Name,
		})
	})
	if err != nil {
		return nil, err
	}
	return begun, nil
}

func (in Impersonating) check() fault.List {
	var faults fault.List
	faults.Add(fault.CheckText(in.Reason, reasonField, maxReason))
	if n := utf8.RuneCountInString(in.Reason); len(faults) == 0 && n < MinReason {
		faults.Add(fault.New(fault.Invalid, "at least %d characters: the account's people will read it", MinReason).At(reasonField))
	}
	if in.Minutes < 1 || in.Minutes > MaxMinutes {
		faults.Add(fault.New(fault.Invalid, "1 to %d minutes", MaxMinutes).At("minutes"))
	}
	return faults
}

// replace ends what the actor acts for the account under by now. The account must be locked: so there is
// one at most, as an index sees to whatever happens here.
func replace(ctx context.Context, tx bun.Tx, actor account.Actor, now time.Time, tenant gid.Account) error {
	open, err := openOf(ctx, tx, actor, tenant)
	if err != nil || open == nil {
		return err
	}
	return end(ctx, tx, actor, now, open, replaced)
}

// record writes an event of an impersonation, under which it stands itself.
func record(
	ctx context.Context, tx bun.Tx, actor account.Actor, now time.Time, imp *account.Impersonation, action string, facts map[string]any,
) error {
	by := actor.By(imp.TenantID)
	by.Impersonation = &imp.ID
	return audit.Record(ctx, tx, imp.TenantID, by, now, audit.On(action, "impersonation", imp.ID).To(facts))
}
