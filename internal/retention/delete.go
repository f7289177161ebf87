package retention

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/audit"
	"igny8.com/accounts/internal/billing"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/mail"
	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/ticket"
)

// Deletion is what an owner says when they delete their account.
type Deletion struct {
	// Confirm is the account's slug, typed.
	Confirm string
	// Reason is for the account's own log; at most 500 characters, and may be empty.
	Reason string
}

// DeleteAccount deletes the actor's account. From the commit on it is absent everywhere: nobody signs in,
// sessions and API keys open nothing, its people's addresses are free for others, open invitations are
// revoked. Until RestoreUntil, the account's DeletionRetentionDays later, each owner can bring it back by
// the ticket that is mailed to them; its slug stays its own that long, and payments that wait stay as they
// are. Credits and periods are not touched. What Stripe collects for it ends.
//
// Errors: NOT_FOUND; INVALID_STATE for a system account; FORBIDDEN for whoever is no owner any more;
// INVALID at confirm; TOO_LONG and INVALID at reason.
func DeleteAccount(
	ctx context.Context, db bun.IDB, box *mail.Box, actor account.Actor, now time.Time, in Deletion,
) (*account.Account, error) {
	in.Reason = strings.TrimSpace(in.Reason)
	var gone *account.Account
	err := postgres.InTx(ctx, db, func(ctx context.Context, tx bun.Tx) error {
		acct, err := account.Lock(ctx, tx, actor.AccountID())
		if err != nil {
			return err
		}
		if acct.System {
			return fault.New(fault.InvalidState, "a system account cannot be deleted")
		}
		owners, err := ownersOf(ctx, tx, acct.ID)
		if err != nil {
			return err
		}
		if err := checkOwner(actor, owners); err != nil {
			return err
		}
		if err := in.fits(acct); err != nil {
			return err
		}
		if err := shut(ctx, tx, acct, actor, now); err != nil {
			return err
		}
		if err := tell(ctx, tx, box, acct, actor, owners, now); err != nil {
			return err
		}
		if err := billing.StopCollecting(ctx, tx, acct, now); err != nil {
			return err
		}
		gone = acct
		facts := map[string]any{"restoreUntil": acct.RestoreUntil}
		if in.Reason != "" {
			facts["reason"] = in.Reason
		}
		return audit.Record(ctx, tx, acct.ID, actor.By(acct.ID), now,
			audit.On("account.deleted", accountSubject, acct.ID).From(map[string]any{"status": acct.Status}).To(facts))
	})
	if err != nil {
		return nil, err
	}
	return gone, nil
}

func (in Deletion) fits(acct *account.Account) error {
	var faults fault.List
	if strings.TrimSpace(in.Confirm) != acct.Slug {
		faults.Add(fault.New(fault.Invalid, "type %s to confirm", acct.Slug).At("confirm"))
	}
	faults.Add(fault.CheckLength(in.Reason, "reason", maxReason))
	return faults.Err()
}

// shut writes the deletion and closes every way in.
func shut(ctx context.Context, tx bun.Tx, acct *account.Account, actor account.Actor, now time.Time) error {
	until := now.AddDate(0, 0, acct.DeletionRetentionDays)
	acct.DeletedAt, acct.DeletedBy, acct.RestoreUntil, acct.UpdatedAt = &now, actor.MemberID(), &until, now
	_, err := tx.NewUpdate().Model(acct).Column("deleted_at", "deleted_by", "restore_until", "updated_at").WherePK().Exec(ctx)
	if err != nil {
		return fmt.Errorf("delete account: %w", err)
	}
	for _, step := range []struct {
		what, query string
		args        []any
	}{
		{
			"end sessions", `UPDATE igny8_sessions SET revoked_at = ?1, revoked_reason = ?2 WHERE tenant_id = ?0 AND revoked_at IS NULL`,
			[]any{acct.ID, now, account.BecauseOfRemoval},
		},
		{
			"end impersonations", `UPDATE igny8_impersonations SET ended_at = ?1 WHERE tenant_id = ?0 AND ended_at IS NULL`,
			[]any{acct.ID, now},
		},
		{"free addresses", `DELETE FROM igny8_login_directory WHERE tenant_id = ?0`, []any{acct.ID}},
		{"revoke invitations", `UPDATE igny8_invitations SET revoked_at = ?1
			WHERE tenant_id = ?0 AND accepted_at IS NULL AND revoked_at IS NULL`, []any{acct.ID, now}},
	} {
		if _, err := tx.NewRaw(step.query, step.args...).Exec(ctx); err != nil {
			return fmt.Errorf("%s: %w", step.what, err)
		}
	}
	return nil
}

// tell mails each owner what happened and a ticket to undo it. Tickets of an earlier deletion were used up
// by the return from it.
func tell(
	ctx context.Context, tx bun.Tx, box *mail.Box, acct *account.Account, actor account.Actor, owners []*account.User, now time.Time,
) error {
	// The numbers come first because a ticket names its row.
	var ids []int64
	err := tx.NewRaw(`SELECT nextval('igny8_mail_tokens_id_seq') FROM generate_series(1, ?)`, len(owners)).Scan(ctx, &ids)
	if err != nil {
		return fmt.Errorf("number tickets: %w", err)
	}
	rows := make([]*mailToken, len(owners))
	for i, owner := range owners {
		text, hash := ticket.New(ticket.Restore, acct.ID, ids[i])
		rows[i] = &mailToken{
			TenantID: acct.ID, ID: ids[i], Purpose: restorePurpose, UserID: owner.ID, Email: owner.Email,
			TokenHash: hash, CreatedAt: now, ExpiresAt: *acct.RestoreUntil,
		}
		if err := box.Post(ctx, tx, letter(box, acct, actor, owner, text), now); err != nil {
			return err
		}
	}
	if _, err := tx.NewInsert().Model(&rows).Returning("NULL").Exec(ctx); err != nil {
		return fmt.Errorf("keep tickets: %w", err)
	}
	return nil
}

func letter(box *mail.Box, acct *account.Account, actor account.Actor, owner *account.User, token string) mail.Letter {
	who := "You deleted"
	if actor.User.ID != owner.ID {
		who = actor.User.Email + " deleted"
	}
	const text = `%s the IGNY8 account %s (%s).

Nobody can sign in to it any more, and its sites and API keys have stopped. Nothing is lost yet: until
%s you can bring it back by this link:

%s

After that, what it holds and who belonged to it is removed for good. Time goes on meanwhile: what is paid
for ends on the same day as before. If you want the account gone, do nothing.
`
	return mail.Letter{
		Tenant: acct.ID, Kind: "account_deleted", To: owner.Email, Subject: "An IGNY8 account of yours was deleted",
		Text: fmt.Sprintf(text, who, acct.Name, acct.Slug, acct.RestoreUntil.Format("2 January 2006, 15:04 UTC"),
			box.Link("/restore-account", token)),
	}
}
