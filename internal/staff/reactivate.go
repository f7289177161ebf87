package staff

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/gid"
)

// Reactivate opens an account again that is suspended, waits for a payment or is on trial, for a reason of
// 1 to 500 characters that stands in its audit log. The subscription, its periods and credits stay as they
// are: what was not paid is not given, and what falls due by them falls due. One that is cancelled comes
// back by a payment alone. Faults: REQUIRED, TOO_LONG and INVALID at reason; NOT_FOUND and INVALID_STATE
// at accountId.
func Reactivate(ctx context.Context, db bun.IDB, actor account.Actor, now time.Time, id gid.Account, reason string) (*account.Account, error) {
	return decision{
		action: "account.reactivated", to: account.Active,
		refusal: "only one that is suspended, waits for a payment or is on trial can be reactivated",
		// There is nothing left to explain.
		shownAs: func(string) string { return "" },
	}.carryOut(ctx, db, actor, now, id, reason)
}
