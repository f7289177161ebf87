package auth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"

	"github.com/jackc/pgx/v5"
	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres"
)

// LogIn signs a person in by email and password. Errors: INVALID_CREDENTIALS at no input, alike for an
// unknown email and a wrong password; THROTTLED with retryAfterSeconds.
//
// An account's status does not matter here: whoever owes or left must be able to come back and
// pay, and the gate judges each request.
func (a *Authority) LogIn(ctx context.Context, email, password string, origin account.Origin) (*Session, error) {
	// What is no address is nobody's; it takes the same way as an unknown one.
	email, _ = account.Email(email)
	if err := a.guesses.admit(email, origin.IP, a.now()); err != nil {
		return nil, err
	}
	user, err := a.lookUp(ctx, email)
	if err != nil {
		return nil, err
	}
	hash := ""
	if user != nil && user.PasswordHash != nil {
		hash = *user.PasswordHash
	}
	// No connection is held while this waits and works.
	match, err := a.hasher.Verify(ctx, password, hash)
	switch {
	case errors.Is(err, errUnreadableHash):
		// To say more than no would tell that the email is known.
		a.log.ErrorContext(ctx, "log-in refused", slog.String("user", gid.Format(user.ID)), slog.Any("error", err))
		return nil, badCredentials()
	case err != nil:
		return nil, err
	case !match:
		return nil, badCredentials()
	}
	a.guesses.forgive(email, origin.IP)
	fresh := hash
	if a.hasher.Outdated(hash) {
		if fresh, err = a.hasher.Hash(ctx, password); err != nil {
			return nil, err
		}
	}
	return a.admitted(ctx, user, fresh, origin)
}

// noAccount is an account that there is none of.
const noAccount gid.Account = math.MaxInt64

// lookUp finds whom an email signs in; nil for nobody. It asks twice either way, and both times changes
// the scope of a connection, so that the time does not tell.
func (a *Authority) lookUp(ctx context.Context, email string) (*account.User, error) {
	tenant, id := noAccount, gid.User(0)
	const directory = `SELECT tenant_id, user_id FROM igny8_login_directory WHERE email = $1`
	err := a.db.Pool.QueryRow(ctx, directory, pgx.QueryExecModeCacheStatement, email).Scan(&tenant, &id)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return nil, fmt.Errorf("look up an email: %w", err)
	}
	users, err := account.UsersByIDs(postgres.WithTenant(ctx, int64(tenant)), a.db, tenant, []gid.User{id})
	if err != nil || len(users) == 0 {
		return nil, err
	}
	return users[0], nil
}

// admitted starts the session of a person whose password was right. What was true when it was
// compared may have changed since: a password that was changed in between must not sign in, nor a
// person or an account that was deleted.
func (a *Authority) admitted(ctx context.Context, verified *account.User, hash string, origin account.Origin) (*Session, error) {
	var session *Session
	ctx = postgres.WithTenant(ctx, int64(verified.TenantID))
	now := a.now()
	err := postgres.InTx(ctx, a.db, func(ctx context.Context, tx bun.Tx) error {
		if _, err := account.Lock(ctx, tx, verified.TenantID); err != nil {
			if fault.Is(err, fault.NotFound) {
				return badCredentials()
			}
			return err
		}
		users, err := account.UsersByIDs(ctx, tx, verified.TenantID, []gid.User{verified.ID})
		if err != nil {
			return err
		}
		if len(users) == 0 || users[0].PasswordHash == nil || *users[0].PasswordHash != *verified.PasswordHash {
			return badCredentials()
		}
		if hash != *verified.PasswordHash {
			_, err := tx.NewUpdate().Model((*account.User)(nil)).Set("password_hash = ?", hash).
				Where("tenant_id = ?", verified.TenantID).Where("id = ?", verified.ID).Exec(ctx)
			if err != nil {
				return fmt.Errorf("renew a password hash: %w", err)
			}
		}
		session, err = a.StartSession(ctx, tx, users[0], origin, now)
		return err
	})
	if err != nil {
		return nil, err
	}
	return session, nil
}

// badCredentials is the one answer to every email and password that do not sign anyone in.
func badCredentials() error {
	return fault.New(fault.InvalidCredentials, "this email and password do not sign anyone in")
}
