package auth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/audit"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres"
)

// ChangePassword gives the actor another password. Every other session of theirs ends, and links to a new
// password that were mailed before are worth nothing; the session that this was done in stays, with its
// tokens. The person is told by mail. A wrong current password counts as a guess at signing in.
//
// Errors: INVALID_CREDENTIALS at currentPassword; WEAK_PASSWORD at newPassword, also for the one that they
// have; both at once where both are wrong. THROTTLED with retryAfterSeconds; UNAUTHENTICATED, FORBIDDEN.
func (a *Authority) ChangePassword(ctx context.Context, actor account.Actor, current, next string) error {
	person, err := personOf(actor)
	if err != nil {
		return err
	}
	if err := a.guesses.admit(person.Email, actor.Origin.IP, a.now()); err != nil {
		return err
	}
	ctx = postgres.WithTenant(ctx, int64(person.TenantID))
	verified, err := a.checkChange(ctx, person, actor.Origin, current, next)
	if err != nil {
		return err
	}
	// No connection is held while this waits and works.
	hash, err := a.hasher.Hash(ctx, next)
	if err != nil {
		return err
	}
	now := a.now()
	return postgres.InTx(ctx, a.db, func(ctx context.Context, tx bun.Tx) error {
		user, err := own(ctx, tx, actor)
		if err != nil {
			return err
		}
		// It may have been changed since it was compared.
		if user.PasswordHash == nil || *user.PasswordHash != verified {
			return wrongCurrent()
		}
		if err := setPassword(ctx, tx, user, hash, now); err != nil {
			return err
		}
		if err := endAll(ctx, tx, user, actor.SessionID, account.BecauseOfPassword, actor.Origin, now); err != nil {
			return err
		}
		err = audit.Record(ctx, tx, user.TenantID, actor.By(user.TenantID), now, audit.On("password.changed", "user", user.ID))
		if err != nil {
			return err
		}
		return a.post(ctx, tx, user, changedLetter("from your settings", actor.Origin, now), now)
	})
}

// checkChange judges both passwords and gives the hash that the current one was compared with.
func (a *Authority) checkChange(
	ctx context.Context, person *account.User, origin account.Origin, current, next string,
) (verified string, err error) {
	// The actor's own copy has no hash.
	users, err := account.UsersByIDs(ctx, a.db, person.TenantID, []gid.User{person.ID})
	if err != nil {
		return "", err
	}
	if len(users) > 0 && users[0].PasswordHash != nil {
		verified = *users[0].PasswordHash
	}
	match, err := a.hasher.Verify(ctx, current, verified)
	switch {
	case errors.Is(err, errUnreadableHash):
		a.log.ErrorContext(ctx, "password not changed", slog.String("user", gid.Format(person.ID)), slog.Any("error", err))
	case err != nil:
		return "", err
	}
	var faults fault.List
	if match {
		a.guesses.forgive(person.Email, origin.IP)
	} else {
		faults.Add(wrongCurrent())
	}
	f := CheckPassword(next, person.Email, person.Name)
	if f == nil && match && opaque(next) == opaque(current) {
		f = weak("this is the password that you have: choose another one")
	}
	if f != nil {
		faults.Add(f.At("newPassword"))
	}
	return verified, faults.Err()
}

func wrongCurrent() *fault.Error {
	return fault.New(fault.InvalidCredentials, "this is not your password").At("currentPassword")
}

// setPassword gives a person another password and makes the links worthless that others could choose
// one by.
func setPassword(ctx context.Context, tx bun.Tx, user *account.User, hash string, now time.Time) error {
	user.PasswordHash, user.UpdatedAt = &hash, now
	_, err := tx.NewUpdate().Model(user).Column("password_hash", "updated_at").
		Where("tenant_id = ?", user.TenantID).Where("id = ?", user.ID).Exec(ctx)
	if err != nil {
		return fmt.Errorf("set a password: %w", err)
	}
	return spend(ctx, tx, newPassword, user, now)
}
