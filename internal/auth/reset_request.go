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

const (
	// maxLinks is how many links to a new password one person can have that still work. Who asks for
	// more gets none, whatever address they ask from, but whoever owns the mailbox has those three: nobody can
	// be locked out by a stranger who asks for letters, and nobody gets more than six an hour.
	maxLinks = 3
	// resetBatch is how many requests are looked for at once.
	resetBatch = 100
	// resetPatience is how old a request gets that nobody came to. Whoever waited has asked again.
	resetPatience = time.Hour
	// resetPause is how often Work looks for requests that nobody woke it for.
	resetPause = 5 * time.Second
)

// resetRequest is a request for a new password, as it came.
type resetRequest struct {
	bun.BaseModel `bun:"table:igny8_reset_requests,alias:request"`

	ID        int64     `bun:"id,pk,autoincrement"`
	Email     string    `bun:"email"`
	IP        string    `bun:"ip"`
	UserAgent string    `bun:"user_agent"`
	RequestID string    `bun:"request_id"`
	CreatedAt time.Time `bun:"created_at"`

	// Whom the address signs in; nil for nobody.
	TenantID *gid.Account `bun:"tenant_id,scanonly"`
	UserID   *gid.User    `bun:"user_id,scanonly"`
}

// RequestPasswordReset asks for a link to a new password, to be mailed to the address if it signs somebody
// in. Nobody looks whether it does before the answer is given: the request is written down, and Work comes to
// it at once. Errors: REQUIRED, TOO_LONG, INVALID at email for what is no address; THROTTLED with
// retryAfterSeconds.
func (a *Authority) RequestPasswordReset(ctx context.Context, email string, origin account.Origin) error {
	if a.mail == nil {
		return errNoMail
	}
	email, f := account.Email(email)
	if f != nil {
		return f
	}
	now := a.now()
	if err := a.letters.admit(email, origin.IP, now); err != nil {
		return err
	}
	r := &resetRequest{Email: email, IP: origin.IP, UserAgent: origin.UserAgent, RequestID: origin.RequestID, CreatedAt: now}
	if _, err := a.db.NewInsert().Model(r).Returning("NULL").Exec(ctx); err != nil {
		return fmt.Errorf("write down a request for a new password: %w", err)
	}
	select {
	case a.asked <- struct{}{}:
	default: // somebody has woken it already
	}
	return nil
}

// Work answers requests for new passwords until ctx ends: those that come in here at once, and those that
// others left behind within seconds. What fails is logged and tried again.
func (a *Authority) Work(ctx context.Context) {
	ticks := time.NewTicker(resetPause)
	defer ticks.Stop()
	for {
		n, err := a.WorkResetRequests(ctx, a.now())
		if err != nil && ctx.Err() == nil {
			a.log.ErrorContext(ctx, "requests for new passwords not answered", slog.Any("error", err))
		}
		if n == resetBatch {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-a.asked:
		case <-ticks.C:
		}
	}
}

// WorkResetRequests answers the requests for new passwords that are there, at most 100, and says how many it
// came to: each in one transaction that takes the request away and, where its address signs somebody in,
// leaves them a letter with a link. It is safe beside others of its kind on other servers.
func (a *Authority) WorkResetRequests(ctx context.Context, now time.Time) (int, error) {
	ctx = postgres.WithTenant(ctx, 0)
	_, err := a.db.NewDelete().Model((*resetRequest)(nil)).Where("created_at < ?", now.Add(-resetPatience)).Exec(ctx)
	if err != nil {
		return 0, fmt.Errorf("drop old requests for new passwords: %w", err)
	}
	requests := []*resetRequest{}
	err = a.db.NewSelect().Model(&requests).ColumnExpr("request.*").ColumnExpr("whom.tenant_id, whom.user_id").
		Join("LEFT JOIN igny8_login_directory AS whom ON whom.email = request.email").
		Order("request.id").Limit(resetBatch).Scan(ctx)
	if err != nil {
		return 0, fmt.Errorf("read requests for new passwords: %w", err)
	}
	done := 0
	var errs []error
	for _, r := range requests {
		if err := a.answer(ctx, r, now); err != nil {
			errs = append(errs, err)
			continue
		}
		done++
	}
	return done, errors.Join(errs...)
}

// answer takes a request away and does what it asks for.
func (a *Authority) answer(ctx context.Context, r *resetRequest, now time.Time) error {
	if r.TenantID != nil {
		ctx = postgres.WithTenant(ctx, int64(*r.TenantID))
	}
	return postgres.InTx(ctx, a.db, func(ctx context.Context, tx bun.Tx) error {
		// The request before the account: nobody who holds an account waits for a request.
		result, err := tx.NewDelete().Model((*resetRequest)(nil)).Where("id = ?", r.ID).Exec(ctx)
		if err != nil {
			return fmt.Errorf("take a request for a new password: %w", err)
		}
		if n, err := result.RowsAffected(); err != nil || n == 0 || r.TenantID == nil {
			return err //nolint:wrapcheck // there is none that says more
		}
		return a.mailLink(ctx, tx, r, now)
	})
}

// mailLink leaves the person of a request a letter with a link, unless they have enough of them.
func (a *Authority) mailLink(ctx context.Context, tx bun.Tx, r *resetRequest, now time.Time) error {
	if _, err := account.Lock(ctx, tx, *r.TenantID); err != nil {
		if fault.Is(err, fault.NotFound) {
			return nil
		}
		return err
	}
	users, err := account.UsersByIDs(ctx, tx, *r.TenantID, []gid.User{*r.UserID})
	if err != nil || len(users) == 0 || users[0].Email != r.Email {
		return err
	}
	user := users[0]
	links, err := scopedTokens(tx, user.TenantID, newPassword, &[]*mailToken{}).Where("token.user_id = ?", user.ID).
		Where("token.used_at IS NULL").Where("token.expires_at > ?", now).Count(ctx)
	if err != nil {
		return fmt.Errorf("count links to a new password: %w", err)
	}
	if links >= maxLinks {
		return nil
	}
	token, err := mint(ctx, tx, newPassword, user, now)
	if err != nil {
		return err
	}
	// Nobody knows who asked, only from where.
	by := audit.By{Kind: audit.System, IP: r.IP, UserAgent: r.UserAgent, RequestID: r.RequestID}
	if err := audit.Record(ctx, tx, user.TenantID, by, now, audit.On("password.reset_requested", "user", user.ID)); err != nil {
		return err
	}
	if a.mail == nil {
		return errNoMail
	}
	return a.post(ctx, tx, user, resetLetter(a.mail.Link("/reset-password", token)), now)
}
