package auth

import (
	"context"
	"crypto/subtle"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres"
)

const (
	// SessionLifetime is how long a session lasts from signing in on, however often it is refreshed.
	SessionLifetime = 30 * 24 * time.Hour
	// refreshGrace is how long after an exchange the exchanged token still answers with the same
	// successor, for those who lost the answer or asked twice at once.
	refreshGrace = 10 * time.Second
)

// Why sessions end before their time beside account's reasons, as the database keeps it.
const (
	loggedOut account.EndReason = "log_out"
	reused    account.EndReason = "reuse"
)

// Session is what a person signs in with: shown once and kept by them alone.
type Session struct {
	// AccessToken goes into the Authorization header.
	AccessToken string
	// RefreshToken is good for one exchange.
	RefreshToken string
	// ExpiresAt is when the access token expires.
	ExpiresAt time.Time
}

// StartSession signs a person in on a device within the transaction of what they did to deserve it,
// whose scope is their account.
func (a *Authority) StartSession(
	ctx context.Context, tx bun.Tx, user *account.User, origin account.Origin, now time.Time,
) (*Session, error) {
	var id gid.Session
	// The number comes first because the token that the row keeps the hash of names it.
	if err := tx.NewSelect().ColumnExpr("nextval('igny8_sessions_id_seq')").Scan(ctx, &id); err != nil {
		return nil, fmt.Errorf("number a session: %w", err)
	}
	token := a.refresh.first(user.TenantID, id)
	d := &Device{
		TenantID: user.TenantID, ID: id, UserID: user.ID, TokenHash: digest(a.refresh.format(token)),
		LastUsedAt: now, ExpiresAt: now.Add(SessionLifetime), IP: origin.IP, UserAgent: origin.UserAgent, CreatedAt: now,
	}
	if _, err := tx.NewInsert().Model(d).Returning("NULL").Exec(ctx); err != nil {
		return nil, fmt.Errorf("start a session: %w", err)
	}
	_, err := tx.NewUpdate().Model((*account.User)(nil)).Set("last_login_at = ?", now).
		Where("tenant_id = ?", user.TenantID).Where("id = ?", user.ID).Exec(ctx)
	if err != nil {
		return nil, fmt.Errorf("note the log-in: %w", err)
	}
	if err := record(ctx, tx, "session.started", d, user, origin, now); err != nil {
		return nil, err
	}
	return a.tokens(d, token, now)
}

// Refresh exchanges a refresh token for a session with the next one. Each token works once: within
// ten seconds it still answers with the same successor; after that its use ends the session, because
// whoever used it first, or uses it now, is not its owner. Errors: INVALID_CREDENTIALS at
// refreshToken, whatever is wrong.
func (a *Authority) Refresh(ctx context.Context, refreshToken string, origin account.Origin) (*Session, error) {
	presented, ok := a.refresh.parse(refreshToken)
	if !ok {
		return nil, badRefreshToken()
	}
	now := a.now()
	var session *Session
	ctx = postgres.WithTenant(ctx, int64(presented.account))
	err := postgres.InTx(ctx, a.db, func(ctx context.Context, tx bun.Tx) error {
		session = nil // of an attempt that Postgres gave up
		d, found, err := lock(ctx, tx, presented)
		if err != nil || !found || d.RevokedAt != nil || !d.ExpiresAt.After(now) {
			return err
		}
		user, err := a.present(ctx, tx, d)
		if err != nil || user == nil {
			return err
		}
		next := a.refresh.successor(presented)
		switch known := a.refresh.format(next); {
		case presented.generation == d.Generation && same(d.TokenHash, refreshToken):
			if err := rotate(ctx, tx, d, known, origin, now); err != nil {
				return err
			}
		case next.generation == d.Generation && same(d.TokenHash, known) && now.Sub(d.LastUsedAt) <= refreshGrace:
		case presented.generation < d.Generation:
			// No session, and no error: the end of the session must be committed.
			return end(ctx, tx, d, user, reused, origin, now)
		default:
			// Our token, but not this row's: the database was restored from a backup.
			return nil
		}
		session, err = a.tokens(d, next, now)
		return err
	})
	if err != nil {
		return nil, err
	}
	if session == nil {
		return nil, badRefreshToken()
	}
	return session, nil
}

// badRefreshToken is the one answer to every refresh token that is not good.
func badRefreshToken() error {
	return fault.New(fault.InvalidCredentials, "this refresh token is not good, or not any more: sign in again").At("refreshToken")
}

// present reads the session's person; nil where they or their account are deleted.
func (a *Authority) present(ctx context.Context, tx bun.Tx, d *Device) (*account.User, error) {
	users, err := account.UsersByIDs(ctx, tx, d.TenantID, []gid.User{d.UserID})
	if err != nil || len(users) == 0 {
		return nil, err
	}
	accounts, err := account.ByIDs(ctx, tx, []gid.Account{d.TenantID})
	if err != nil || len(accounts) == 0 {
		return nil, err
	}
	return users[0], nil
}

// same says whether the row keeps the hash of this very token, in a time that does not tell how
// much of it is right.
func same(hash []byte, token string) bool {
	return subtle.ConstantTimeCompare(hash, digest(token)) == 1
}

// rotate makes the next token the good one.
func rotate(ctx context.Context, tx bun.Tx, d *Device, next string, origin account.Origin, now time.Time) error {
	d.Generation++
	d.TokenHash, d.LastUsedAt, d.IP, d.UserAgent = digest(next), now, origin.IP, origin.UserAgent
	_, err := tx.NewUpdate().Model(d).Column("generation", "token_hash", "rotated_at", "ip", "user_agent").
		Where("tenant_id = ?", d.TenantID).Where("id = ?", d.ID).Exec(ctx)
	if err != nil {
		return fmt.Errorf("rotate a session: %w", err)
	}
	return nil
}

// tokens are the session as its owner gets it.
func (a *Authority) tokens(d *Device, token refreshToken, now time.Time) (*Session, error) {
	access, expires, err := a.access.issue(bearer{user: d.UserID, account: d.TenantID, session: d.ID}, now, d.ExpiresAt)
	if err != nil {
		return nil, err
	}
	return &Session{AccessToken: access, RefreshToken: a.refresh.format(token), ExpiresAt: expires}, nil
}
