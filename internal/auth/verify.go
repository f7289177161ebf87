package auth

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/audit"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/ticket"
)

// maxVerifications is how many letters to verify an address one person gets in verificationSpan.
const (
	maxVerifications = 3
	verificationSpan = time.Hour
)

// PostVerification leaves a person a letter with a link that verifies their address, within the
// transaction of what they did, whose scope is their account.
func (a *Authority) PostVerification(ctx context.Context, tx bun.Tx, user *account.User, now time.Time) error {
	if a.mail == nil {
		return errNoMail
	}
	token, err := mint(ctx, tx, provedAddress, user, now)
	if err != nil {
		return err
	}
	return a.post(ctx, tx, user, verificationLetter(a.mail.Link("/verify-email", token)), now)
}

// RequestEmailVerification mails the actor another link that verifies their address; nothing where it is
// verified. Errors: THROTTLED with retryAfterSeconds after three letters in an hour, the one of signing up
// included; UNAUTHENTICATED, FORBIDDEN.
func (a *Authority) RequestEmailVerification(ctx context.Context, actor account.Actor) error {
	person, err := personOf(actor)
	if err != nil {
		return err
	}
	now := a.now()
	ctx = postgres.WithTenant(ctx, int64(person.TenantID))
	return postgres.InTx(ctx, a.db, func(ctx context.Context, tx bun.Tx) error {
		user, err := own(ctx, tx, actor)
		if err != nil || user.EmailVerifiedAt != nil {
			return err
		}
		recent := []*mailToken{}
		err = scopedTokens(tx, user.TenantID, provedAddress, &recent).Where("token.user_id = ?", user.ID).
			Where("token.created_at > ?", now.Add(-verificationSpan)).Order("token.created_at DESC").Limit(maxVerifications).Scan(ctx)
		if err != nil {
			return fmt.Errorf("read letters to verify an address: %w", err)
		}
		if len(recent) == maxVerifications {
			free := recent[maxVerifications-1].CreatedAt.Add(verificationSpan)
			seconds := int(math.Ceil(free.Sub(now).Seconds()))
			return fault.New(fault.Throttled, "we have sent you letters already: try again in %d s", seconds).
				With("retryAfterSeconds", seconds)
		}
		return a.PostVerification(ctx, tx, user, now)
	})
}

// VerifyEmail verifies the address that a link was mailed to, while it is still its person's. Whoever opens
// the link again is told the same. Errors: INVALID_CREDENTIALS at token, whatever is wrong with it.
func (a *Authority) VerifyEmail(ctx context.Context, token string, origin account.Origin) error {
	t, ok := ticket.Read(provedAddress.kind, token)
	if !ok {
		return badTicket()
	}
	now := a.now()
	ctx = postgres.WithTenant(ctx, int64(t.Tenant))
	// Looked at without a lock first: what somebody made up must make no account wait.
	if row, _, err := redeem(ctx, a.db, provedAddress, t, now); err != nil || row == nil {
		return orBad(err)
	}
	return postgres.InTx(ctx, a.db, func(ctx context.Context, tx bun.Tx) error {
		if _, err := account.Lock(ctx, tx, t.Tenant); err != nil {
			if fault.Is(err, fault.NotFound) {
				return badTicket()
			}
			return err
		}
		row, user, err := redeem(ctx, tx, provedAddress, t, now)
		if err != nil || row == nil {
			return orBad(err)
		}
		return verify(ctx, tx, user, origin, now)
	})
}

func orBad(err error) error {
	if err != nil {
		return err
	}
	return badTicket()
}

// verify notes that a person's address is theirs, as something that came there has shown. It changes
// nothing where that is known.
func verify(ctx context.Context, tx bun.Tx, user *account.User, origin account.Origin, now time.Time) error {
	if user.EmailVerifiedAt != nil {
		return nil
	}
	user.EmailVerifiedAt, user.UpdatedAt = &now, now
	_, err := tx.NewUpdate().Model(user).Column("email_verified_at", "updated_at").
		Where("tenant_id = ?", user.TenantID).Where("id = ?", user.ID).Exec(ctx)
	if err != nil {
		return fmt.Errorf("verify an address: %w", err)
	}
	if err := spend(ctx, tx, provedAddress, user, now); err != nil {
		return err
	}
	by := account.Actor{User: user, Origin: origin}.By(user.TenantID)
	return audit.Record(ctx, tx, user.TenantID, by, now, audit.On("email.verified", "user", user.ID))
}
