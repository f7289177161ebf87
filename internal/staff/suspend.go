package staff

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/audit"
	"igny8.com/accounts/internal/billing"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres"
)

// Suspend shuts an active account, for a reason of 1 to 500 characters that its people can read. It holds
// from the next request on: whoever was signed in stays so, and the gate refuses them. Commands of the
// account that hold its lock already are waited for. Faults: REQUIRED, TOO_LONG and INVALID at reason; NOT_FOUND
// and INVALID_STATE at accountId.
func Suspend(ctx context.Context, db bun.IDB, actor account.Actor, now time.Time, id gid.Account, reason string) (*account.Account, error) {
	return decision{
		action: "account.suspended", to: account.Suspended, refusal: "only an active account can be suspended", shownAs: strings.TrimSpace,
	}.carryOut(ctx, db, actor, now, id, reason)
}

// decision is a move of an account's status that staff decide on.
type decision struct {
	action string
	to     account.Status
	// refusal says from where there is no such move.
	refusal string
	// shownAs is the reason as the account shows it from then on.
	shownAs func(reason string) string
}

func (d decision) carryOut(
	ctx context.Context, db bun.IDB, actor account.Actor, now time.Time, id gid.Account, reason string,
) (*account.Account, error) {
	if err := only(actor); err != nil {
		return nil, err
	}
	reason = strings.TrimSpace(reason)
	var decided *account.Account
	err := postgres.InTx(postgres.WithTenant(ctx, int64(id)), db, func(ctx context.Context, tx bun.Tx) error {
		var faults fault.List
		faults.Add(fault.CheckText(reason, reasonField, maxReason))
		acct, err := target(ctx, tx, actor, id)
		if err := gather(&faults, err); err != nil {
			return err
		}
		if acct != nil {
			faults.Add(d.judge(acct))
		}
		if err := faults.Err(); err != nil {
			return err
		}
		before := map[string]any{"status": acct.Status, "statusReason": acct.StatusReason}
		acct.Status, acct.StatusReason, acct.UpdatedAt = d.to, d.shownAs(reason), now
		_, err = tx.NewUpdate().Model(acct).WherePK().Column("status", "status_reason", "updated_at").Exec(ctx)
		if err != nil {
			return fmt.Errorf("move an account's status: %w", err)
		}
		if d.to == account.Suspended {
			// Nobody is charged for what is shut.
			if err := billing.StopCollecting(ctx, tx, acct, now); err != nil {
				return err
			}
		}
		decided = acct
		change := audit.On(d.action, "account", id).From(before).To(map[string]any{"status": acct.Status, "reason": reason})
		return audit.Record(ctx, tx, id, actor.By(id), now, change)
	})
	if err != nil {
		return nil, err
	}
	return decided, nil
}

// judge asks the table of moves. One cause leads to different statuses: staff's decision on an account on
// trial activates it, so where the move leads counts as much as that there is one.
func (d decision) judge(acct *account.Account) *fault.Error {
	if to, err := acct.Status.Move(account.StaffDecision); err != nil || to != d.to {
		return fault.New(fault.InvalidState, "this account is %s; %s", acct.Status.Words(), d.refusal).At(accountField)
	}
	return nil
}
