package auth

import (
	"context"
	"crypto/subtle"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/audit"
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

// Why sessions end before their time, as the database keeps it.
const (
	loggedOut = "log_out"
	reused    = "reuse"
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

// device is a session's row: one signed-in device, and the newest of its refresh tokens.
type device struct {
	bun.BaseModel `bun:"table:igny8_sessions,alias:device"`

	TenantID      gid.Account `bun:"tenant_id,pk"`
	ID            gid.Session `bun:"id,pk"`
	UserID        gid.User    `bun:"user_id"`
	Generation    int32       `bun:"generation"`
	TokenHash     []byte      `bun:"token_hash"`
	RotatedAt     time.Time   `bun:"rotated_at"`
	ExpiresAt     time.Time   `bun:"expires_at"`
	RevokedAt     *time.Time  `bun:"revoked_at"`
	RevokedReason *string     `bun:"revoked_reason"`
	IP            string      `bun:"ip"`
	UserAgent     string      `bun:"user_agent"`
	CreatedAt     time.Time   `bun:"created_at"`
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
	d := &device{
		TenantID: user.TenantID, ID: id, UserID: user.ID, TokenHash: digest(a.refresh.format(token)),
		RotatedAt: now, ExpiresAt: now.Add(SessionLifetime), IP: origin.IP, UserAgent: origin.UserAgent, CreatedAt: now,
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
		case next.generation == d.Generation && same(d.TokenHash, known) && now.Sub(d.RotatedAt) <= refreshGrace:
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

// LogOut ends the session of the actor's access token, or the one of a refresh token that is the
// actor's. Ending what has ended changes nothing. Errors: INVALID_CREDENTIALS at refreshToken for a
// token that is not the actor's.
func (a *Authority) LogOut(ctx context.Context, actor account.Actor, refreshToken *string) error {
	if !actor.SignedIn() {
		return fault.New(fault.Unauthenticated, "nobody is signed in")
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

// badRefreshToken is the one answer to every refresh token that is not good.
func badRefreshToken() error {
	return fault.New(fault.InvalidCredentials, "this refresh token is not good, or not any more: sign in again").At("refreshToken")
}

// lock reads the row of a token's session and holds it until the transaction ends.
func lock(ctx context.Context, tx bun.Tx, token refreshToken) (d *device, found bool, err error) {
	devices := []*device{}
	err = tx.NewSelect().Model(&devices).Where("tenant_id = ?", token.account).Where("id = ?", token.session).
		For("UPDATE").Scan(ctx)
	if err != nil {
		return nil, false, fmt.Errorf("lock a session: %w", err)
	}
	if len(devices) == 0 {
		return nil, false, nil
	}
	return devices[0], true, nil
}

// present reads the session's person; nil where they or their account are deleted.
func (a *Authority) present(ctx context.Context, tx bun.Tx, d *device) (*account.User, error) {
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
func rotate(ctx context.Context, tx bun.Tx, d *device, next string, origin account.Origin, now time.Time) error {
	d.Generation++
	d.TokenHash, d.RotatedAt, d.IP, d.UserAgent = digest(next), now, origin.IP, origin.UserAgent
	_, err := tx.NewUpdate().Model(d).Column("generation", "token_hash", "rotated_at", "ip", "user_agent").
		Where("tenant_id = ?", d.TenantID).Where("id = ?", d.ID).Exec(ctx)
	if err != nil {
		return fmt.Errorf("rotate a session: %w", err)
	}
	return nil
}

// end revokes a session for good.
func end(
	ctx context.Context, tx bun.Tx, d *device, user *account.User, reason string, origin account.Origin, now time.Time,
) error {
	d.RevokedAt, d.RevokedReason = &now, &reason
	_, err := tx.NewUpdate().Model(d).Column("revoked_at", "revoked_reason").
		Where("tenant_id = ?", d.TenantID).Where("id = ?", d.ID).Exec(ctx)
	if err != nil {
		return fmt.Errorf("end a session: %w", err)
	}
	return record(ctx, tx, "session.ended", d, user, origin, now)
}

func record(
	ctx context.Context, tx bun.Tx, action string, d *device, user *account.User, origin account.Origin, now time.Time,
) error {
	change := audit.On(action, "session", d.ID)
	if d.RevokedReason != nil {
		change = change.To(map[string]any{"reason": *d.RevokedReason})
	}
	by := account.Actor{User: user, Origin: origin}.By(d.TenantID)
	if d.RevokedReason != nil && *d.RevokedReason == reused {
		// Nobody knows who used the token.
		by.Kind, by.ID = audit.System, nil
	}
	return audit.Record(ctx, tx, d.TenantID, by, now, change)
}

// tokens are the session as its owner gets it.
func (a *Authority) tokens(d *device, token refreshToken, now time.Time) (*Session, error) {
	access, expires, err := a.access.issue(bearer{user: d.UserID, account: d.TenantID, session: d.ID}, now, d.ExpiresAt)
	if err != nil {
		return nil, err
	}
	return &Session{AccessToken: access, RefreshToken: a.refresh.format(token), ExpiresAt: expires}, nil
}
