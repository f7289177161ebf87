package auth

import (
	"context"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres"
)

// RevokeSession signs one of the actor's own devices out, from its next request on. Errors:
// UNAUTHENTICATED, FORBIDDEN; NOT_FOUND at sessionId, also for a session that has ended.
func (a *Authority) RevokeSession(ctx context.Context, actor account.Actor, id gid.Session) error {
	person, err := personOf(actor)
	if err != nil {
		return err
	}
	now := a.now()
	ctx = postgres.WithTenant(ctx, int64(person.TenantID))
	return postgres.InTx(ctx, a.db, func(ctx context.Context, tx bun.Tx) error {
		user, err := own(ctx, tx, actor)
		if err != nil {
			return err
		}
		d, found, err := lock(ctx, tx, refreshToken{account: user.TenantID, session: id})
		if err != nil {
			return err
		}
		if !found || d.UserID != user.ID || d.RevokedAt != nil || !d.ExpiresAt.After(now) {
			return fault.New(fault.NotFound, "there is no such session").At("sessionId")
		}
		return end(ctx, tx, d, user, account.BecauseRevoked, actor.Origin, now)
	})
}
