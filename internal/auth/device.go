package auth

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/audit"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/page"
)

// Device is a session's row: one signed-in device, and the newest of its refresh tokens.
type Device struct {
	bun.BaseModel `bun:"table:igny8_sessions,alias:device"`

	TenantID   gid.Account `bun:"tenant_id,pk"`
	ID         gid.Session `bun:"id,pk"`
	UserID     gid.User    `bun:"user_id"`
	Generation int32       `bun:"generation"`
	TokenHash  []byte      `bun:"token_hash"`
	// LastUsedAt is when the device signed in or last exchanged its refresh token, which one in use
	// does each time that its access token expires. IP and UserAgent are those of then.
	LastUsedAt    time.Time          `bun:"rotated_at"`
	ExpiresAt     time.Time          `bun:"expires_at"`
	RevokedAt     *time.Time         `bun:"revoked_at"`
	RevokedReason *account.EndReason `bun:"revoked_reason"`
	IP            string             `bun:"ip"`
	UserAgent     string             `bun:"user_agent"`
	CreatedAt     time.Time          `bun:"created_at"`
}

// IsNode marks the type as having a global id.
func (*Device) IsNode() {}

// Tenant is the account that the device's person belongs to.
func (d *Device) Tenant() gid.Account { return d.TenantID }

// DeviceConnection is a page of devices.
type DeviceConnection = page.Connection[*Device]

// DeviceEdge is a device in a page.
type DeviceEdge = page.Edge[*Device]

// live starts every read of a person's devices: those that are signed in at now.
func live(db bun.IDB, tenant gid.Account, user gid.User, now time.Time, devices *[]*Device) *bun.SelectQuery {
	return db.NewSelect().Model(devices).Where("device.tenant_id = ?", tenant).Where("device.user_id = ?", user).
		Where("device.revoked_at IS NULL").Where("device.expires_at > ?", now)
}

// Sessions lists the devices on which a person is signed in, whichever signed in last on top.
func Sessions(
	ctx context.Context, db bun.IDB, tenant gid.Account, user gid.User, now time.Time, args page.Args,
) (*DeviceConnection, error) {
	w, err := args.Window(1)
	if err != nil {
		return nil, err
	}
	devices := []*Device{}
	q, err := page.Apply(live(db, tenant, user, now, &devices), w,
		page.Key{Column: "device.id", Value: new(gid.Session), Descending: true})
	if err != nil {
		return nil, err
	}
	if err := q.Scan(ctx); err != nil {
		return nil, fmt.Errorf("list sessions: %w", err)
	}
	return page.New(w, devices,
		func(d *Device) []any { return []any{d.ID} },
		page.Counter(func() *bun.SelectQuery { return live(db, tenant, user, now, &[]*Device{}) }),
	), nil
}

// SessionsByIDs reads those of the sessions that are a person's and have not ended, in no order.
func SessionsByIDs(
	ctx context.Context, db bun.IDB, tenant gid.Account, user gid.User, now time.Time, ids []gid.Session,
) ([]*Device, error) {
	devices := []*Device{}
	if err := live(db, tenant, user, now, &devices).Where("device.id IN (?)", bun.List(ids)).Scan(ctx); err != nil {
		return nil, fmt.Errorf("read sessions: %w", err)
	}
	return devices, nil
}

// lock reads the row of a token's session and holds it until the transaction ends.
func lock(ctx context.Context, tx bun.Tx, token refreshToken) (d *Device, found bool, err error) {
	devices := []*Device{}
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

// end revokes a session for good.
func end(
	ctx context.Context, tx bun.Tx, d *Device, user *account.User, reason account.EndReason, origin account.Origin, now time.Time,
) error {
	d.RevokedAt, d.RevokedReason = &now, &reason
	_, err := tx.NewUpdate().Model(d).Column("revoked_at", "revoked_reason").
		Where("tenant_id = ?", d.TenantID).Where("id = ?", d.ID).Exec(ctx)
	if err != nil {
		return fmt.Errorf("end a session: %w", err)
	}
	return record(ctx, tx, "session.ended", d, user, origin, now)
}

// endAll ends all sessions of a person but one (0 for none).
func endAll(
	ctx context.Context, tx bun.Tx, user *account.User, but gid.Session, reason account.EndReason, origin account.Origin, now time.Time,
) error {
	n, err := account.EndSessions(ctx, tx, user.TenantID, user.ID, but, reason, now)
	if err != nil || n == 0 {
		return err
	}
	return audit.Record(ctx, tx, user.TenantID, account.Actor{User: user, Origin: origin}.By(user.TenantID), now,
		audit.On("session.ended", "user", user.ID).To(map[string]any{"reason": reason, "sessions": n}))
}

// personOf is the person whom a command about their own sign-in is about. Errors: UNAUTHENTICATED for
// nobody; FORBIDDEN for an API key, and for staff who act for an account.
func personOf(actor account.Actor) (*account.User, error) {
	switch member := actor.Member(); {
	case !actor.SignedIn():
		return nil, fault.New(fault.Unauthenticated, "nobody is signed in")
	case member == nil:
		return nil, fault.New(fault.Forbidden, "this is for the account's own people")
	default:
		return member, nil
	}
}

// own locks the account of a person and reads them again, since between the door and the lock they may
// have been removed or signed out. Errors: UNAUTHENTICATED.
func own(ctx context.Context, tx bun.Tx, actor account.Actor) (*account.User, error) {
	over := fault.New(fault.Unauthenticated, "this session has ended: sign in again")
	if _, err := account.Lock(ctx, tx, actor.User.TenantID); err != nil {
		if fault.Is(err, fault.NotFound) {
			return nil, over
		}
		return nil, err
	}
	users, err := account.UsersByIDs(ctx, tx, actor.User.TenantID, []gid.User{actor.User.ID})
	if err != nil {
		return nil, err
	}
	d, found, err := lock(ctx, tx, refreshTokenOf(actor))
	if err != nil {
		return nil, err
	}
	if len(users) == 0 || !found || d.UserID != users[0].ID || d.RevokedAt != nil {
		return nil, over
	}
	return users[0], nil
}

func record(
	ctx context.Context, tx bun.Tx, action string, d *Device, user *account.User, origin account.Origin, now time.Time,
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
