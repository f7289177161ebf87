package auth

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/mail"
	"igny8.com/accounts/internal/ticket"
)

// purpose is what a mailed token is good for.
type purpose struct {
	name     string
	kind     ticket.Kind
	lifetime time.Duration
}

var (
	newPassword   = purpose{name: "reset_password", kind: ticket.Password, lifetime: 30 * time.Minute}
	provedAddress = purpose{name: "verify_email", kind: ticket.Email, lifetime: 24 * time.Hour}
)

// mailToken is the row of a token that was mailed.
type mailToken struct {
	bun.BaseModel `bun:"table:igny8_mail_tokens,alias:token"`

	TenantID gid.Account `bun:"tenant_id,pk"`
	ID       int64       `bun:"id,pk"`
	Purpose  string      `bun:"purpose"`
	UserID   gid.User    `bun:"user_id"`
	// Email is the address that it was mailed to; it proves that one and no other.
	Email     string     `bun:"email"`
	TokenHash []byte     `bun:"token_hash"`
	CreatedAt time.Time  `bun:"created_at"`
	ExpiresAt time.Time  `bun:"expires_at"`
	UsedAt    *time.Time `bun:"used_at"`
}

// scopedTokens starts every read of mailed tokens: those of one account for one purpose.
func scopedTokens(db bun.IDB, tenant gid.Account, p purpose, tokens *[]*mailToken) *bun.SelectQuery {
	return db.NewSelect().Model(tokens).Where("token.tenant_id = ?", tenant).Where("token.purpose = ?", p.name)
}

// mint makes a token for a person and forgets those of theirs that nobody can use any more. The account
// must be locked.
func mint(ctx context.Context, tx bun.Tx, p purpose, user *account.User, now time.Time) (text string, err error) {
	_, err = tx.NewDelete().Model((*mailToken)(nil)).Where("tenant_id = ?", user.TenantID).Where("user_id = ?", user.ID).
		Where("purpose = ?", p.name).Where("expires_at <= ?", now.Add(-provedAddress.lifetime)).Exec(ctx)
	if err != nil {
		return "", fmt.Errorf("forget mailed tokens: %w", err)
	}
	row := &mailToken{
		TenantID: user.TenantID, Purpose: p.name, UserID: user.ID, Email: user.Email,
		CreatedAt: now, ExpiresAt: now.Add(p.lifetime),
	}
	// The number comes first because the token that the row keeps the hash of names it.
	if err := tx.NewSelect().ColumnExpr("nextval('igny8_mail_tokens_id_seq')").Scan(ctx, &row.ID); err != nil {
		return "", fmt.Errorf("number a mailed token: %w", err)
	}
	text, row.TokenHash = ticket.New(p.kind, row.TenantID, row.ID)
	if _, err := tx.NewInsert().Model(row).Returning("NULL").Exec(ctx); err != nil {
		return "", fmt.Errorf("make a mailed token: %w", err)
	}
	return text, nil
}

// redeem finds the token that a ticket is, and its person: nobody where it is not good at now, or was
// mailed to another address than the person has. Whether it was used before is for the caller to judge.
// Before something is changed, the account must be locked.
func redeem(
	ctx context.Context, db bun.IDB, p purpose, t ticket.Ticket, now time.Time,
) (*mailToken, *account.User, error) {
	tokens := []*mailToken{}
	if err := scopedTokens(db, t.Tenant, p, &tokens).Where("token.id = ?", t.ID).Scan(ctx); err != nil {
		return nil, nil, fmt.Errorf("read a mailed token: %w", err)
	}
	if len(tokens) == 0 || !t.Fits(tokens[0].TokenHash) || !tokens[0].ExpiresAt.After(now) {
		return nil, nil, nil
	}
	users, err := account.UsersByIDs(ctx, db, t.Tenant, []gid.User{tokens[0].UserID})
	if err != nil || len(users) == 0 || users[0].Email != tokens[0].Email {
		return nil, nil, err
	}
	return tokens[0], users[0], nil
}

// spend makes all tokens of a person for a purpose useless.
func spend(ctx context.Context, tx bun.Tx, p purpose, user *account.User, now time.Time) error {
	_, err := tx.NewUpdate().Model((*mailToken)(nil)).Set("used_at = ?", now).
		Where("tenant_id = ?", user.TenantID).Where("user_id = ?", user.ID).
		Where("purpose = ?", p.name).Where("used_at IS NULL").Exec(ctx)
	if err != nil {
		return fmt.Errorf("spend mailed tokens: %w", err)
	}
	return nil
}

// badTicket is the one answer to every mailed token that is not good.
func badTicket() *fault.Error {
	return fault.New(fault.InvalidCredentials, "this link is not good, or not any more: ask for another one").At("token")
}

// errNoMail means that this Authority was made without a mail box.
var errNoMail = errors.New("auth: there is no box to leave letters in")

// post leaves a letter to a person.
func (a *Authority) post(ctx context.Context, tx bun.Tx, user *account.User, l mail.Letter, now time.Time) error {
	if a.mail == nil {
		return errNoMail
	}
	l.Tenant, l.To = user.TenantID, user.Email
	return a.mail.Post(ctx, tx, l, now)
}
