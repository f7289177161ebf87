package auth

import (
	"context"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/audit"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/ticket"
)

// ResetPassword gives the person whom a link was mailed to another password and signs them in. All their
// sessions end, their other links are worth nothing, their address is verified, since the link came there, and
// they are told by mail. The link works once, and is not used up by a password that is refused.
//
// Errors: INVALID_CREDENTIALS at token, whatever is wrong with it; WEAK_PASSWORD at newPassword; both at
// once where both are wrong.
func (a *Authority) ResetPassword(ctx context.Context, token, password string, origin account.Origin) (*Session, error) {
	t, ok := ticket.Read(newPassword.kind, token)
	ctx = postgres.WithTenant(ctx, int64(t.Tenant))
	var faults fault.List
	var others []string
	// Looked at without a lock first: what somebody made up must make no account wait, and no core work.
	if ok {
		row, user, err := redeem(ctx, a.db, newPassword, t, a.now())
		if err != nil {
			return nil, err
		}
		if ok = row != nil && row.UsedAt == nil; ok {
			others = []string{user.Email, user.Name}
		}
	}
	if !ok {
		faults.Add(badTicket())
	}
	if f := CheckPassword(password, others...); f != nil {
		faults.Add(f.At("newPassword"))
	}
	if err := faults.Err(); err != nil {
		return nil, err
	}
	hash, err := a.hasher.Hash(ctx, password)
	if err != nil {
		return nil, err
	}
	return a.reset(ctx, t, hash, origin)
}

// reset is the transaction of ResetPassword.
func (a *Authority) reset(ctx context.Context, t ticket.Ticket, hash string, origin account.Origin) (*Session, error) {
	var session *Session
	now := a.now()
	err := postgres.InTx(ctx, a.db, func(ctx context.Context, tx bun.Tx) error {
		if _, err := account.Lock(ctx, tx, t.Tenant); err != nil {
			if fault.Is(err, fault.NotFound) {
				return badTicket()
			}
			return err
		}
		row, user, err := redeem(ctx, tx, newPassword, t, now)
		if err != nil {
			return err
		}
		if row == nil || row.UsedAt != nil {
			return badTicket()
		}
		if err := setPassword(ctx, tx, user, hash, now); err != nil {
			return err
		}
		if err := endAll(ctx, tx, user, 0, account.BecauseOfPassword, origin, now); err != nil {
			return err
		}
		by := account.Actor{User: user, Origin: origin}.By(user.TenantID)
		if err := audit.Record(ctx, tx, user.TenantID, by, now, audit.On("password.reset", "user", user.ID)); err != nil {
			return err
		}
		if err := verify(ctx, tx, user, origin, now); err != nil {
			return err
		}
		if err := a.post(ctx, tx, user, changedLetter("by a link that we had mailed you", origin, now), now); err != nil {
			return err
		}
		session, err = a.StartSession(ctx, tx, user, origin, now)
		return err
	})
	if err != nil {
		return nil, err
	}
	return session, nil
}
