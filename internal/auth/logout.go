package auth

import (
	"context"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres"
)

// LogOut ends the session of the actor's access token, or the one of a refresh token that is the
// actor's. Ending what has ended changes nothing. Errors: INVALID_CREDENTIALS at refreshToken for a
// token that is not the actor's.
func (a *Authority) LogOut(ctx context.Context, actor account.Actor, refreshToken *string) error {
	switch {
	case !actor.SignedIn():
		return fault.New(fault.Unauthenticated, "nobody is signed in")
	case actor.User == nil:
		return fault.New(fault.Forbidden, "an API key has no session")
	}
	which := refreshTokenOf(actor)
	if refreshToken != nil {
		presented, ok := a.refresh.parse(*refreshToken)
		if !ok || presented.account != actor.User.TenantID {
			return badRefreshToken()
		}
		which = presented
	}
	now := a.now()
	ctx = postgres.WithTenant(ctx, int64(which.account))
	return postgres.InTx(ctx, a.db, func(ctx context.Context, tx bun.Tx) error {
		if _, err := account.Lock(ctx, tx, which.account); err != nil {
			return err
		}
		d, found, err := lock(ctx, tx, which)
		if err != nil {
			return err
		}
		if !found || d.UserID != actor.User.ID {
			return badRefreshToken()
		}
		if d.RevokedAt != nil {
			return nil
		}
		return end(ctx, tx, d, actor.User, loggedOut, actor.Origin, now)
	})
}

// refreshTokenOf names the session of the actor's access token.
func refreshTokenOf(actor account.Actor) refreshToken {
	return refreshToken{account: actor.User.TenantID, session: actor.SessionID}
}

// LogOutEverywhere ends all sessions of the actor, this one too, from the next request on. Errors:
// UNAUTHENTICATED, FORBIDDEN.
func (a *Authority) LogOutEverywhere(ctx context.Context, actor account.Actor) error {
	return a.endAllBut(ctx, actor, 0)
}

// LogOutElsewhere ends all sessions of the actor but the one that they ask in, from the next request on.
// Errors: UNAUTHENTICATED, FORBIDDEN.
func (a *Authority) LogOutElsewhere(ctx context.Context, actor account.Actor) error {
	return a.endAllBut(ctx, actor, actor.SessionID)
}

func (a *Authority) endAllBut(ctx context.Context, actor account.Actor, except gid.Session) error {
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
		return endAll(ctx, tx, user, except, loggedOut, actor.Origin, now)
	})
}
