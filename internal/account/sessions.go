package account

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/gid"
)

// EndReason is why sessions end before their time, as the database keeps it.
type EndReason string

// The reasons that the account's people or their administrators cause.
const (
	BecauseOfPassword EndReason = "password"
	BecauseOfRole     EndReason = "role"
	BecauseOfRemoval  EndReason = "removed"
	BecauseRevoked    EndReason = "revoked"
)

// EndSessions ends the sessions of one person, but for the one named by except (0 for none), and
// says how many it ended. Tokens of an ended session are refused from the next request on.
func EndSessions(
	ctx context.Context, tx bun.Tx, tenant gid.Account, user gid.User, except gid.Session, reason EndReason, now time.Time,
) (int, error) {
	result, err := tx.NewUpdate().Table("igny8_sessions").
		Set("revoked_at = ?", now).Set("revoked_reason = ?", reason).
		Where("tenant_id = ?", tenant).Where("user_id = ?", user).Where("id <> ?", except).Where("revoked_at IS NULL").
		Exec(ctx)
	if err != nil {
		return 0, fmt.Errorf("end sessions: %w", err)
	}
	n, err := result.RowsAffected()
	if err != nil {
		return 0, fmt.Errorf("end sessions: %w", err)
	}
	return int(n), nil
}
