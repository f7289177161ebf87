package retention

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/audit"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/ticket"
)

const tokenField = "token"

// RestoreAccount brings a deleted account back by a ticket that was mailed to one of its owners, until its
// RestoreUntil. Its people can sign in again, each whose address signs nobody else in by now; the others
// are removed from the account, as a removal removes them. Sessions stay ended and invitations revoked. Every ticket
// of the deletion is used up by it. finish joins the transaction with what else belongs to it, the owner's
// session.
//
// Errors: INVALID_CREDENTIALS at token for whatever opens nothing, for whatever reason; TAKEN at token where
// the owner's own address signs in somebody else by now.
func RestoreAccount(
	ctx context.Context, db bun.IDB, now time.Time, token string, origin account.Origin,
	finish func(ctx context.Context, tx bun.Tx, owner *account.User) error,
) (*account.Account, error) {
	t, ok := ticket.Read(ticket.Restore, token)
	if !ok {
		return nil, badTicket()
	}
	var back *account.Account
	err := postgres.InTx(postgres.WithTenant(ctx, int64(t.Tenant)), db, func(ctx context.Context, tx bun.Tx) error {
		acct, owner, err := redeem(ctx, tx, t, now)
		if err != nil {
			return err
		}
		if err := reopen(ctx, tx, acct, now); err != nil {
			return err
		}
		by := account.Actor{User: owner, Account: acct, Origin: origin}.By(acct.ID)
		left, err := readmit(ctx, tx, acct, owner, by, now)
		if err != nil {
			return err
		}
		back = acct
		err = audit.Record(ctx, tx, acct.ID, by, now, audit.On("account.restored", accountSubject, acct.ID).
			To(map[string]any{"status": acct.Status, "removedMembers": left}))
		if err != nil {
			return err
		}
		return finish(ctx, tx, owner)
	})
	if err != nil {
		return nil, err
	}
	return back, nil
}

// redeem judges a ticket behind the lock of the account that it opens. Errors: INVALID_CREDENTIALS.
func redeem(ctx context.Context, tx bun.Tx, t ticket.Ticket, now time.Time) (*account.Account, *account.User, error) {
	accounts := []*account.Account{}
	err := tx.NewSelect().Model(&accounts).Where("id = ?", t.Tenant).
		Where("deleted_at IS NOT NULL").Where("restore_until > ?", now).Where("purged_at IS NULL").
		For("NO KEY UPDATE").Scan(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("lock a deleted account: %w", err)
	}
	if len(accounts) == 0 {
		return nil, nil, badTicket()
	}
	rows := []*mailToken{}
	err = tx.NewSelect().Model(&rows).Where("token.tenant_id = ?", t.Tenant).Where("token.id = ?", t.ID).
		Where("token.purpose = ?", restorePurpose).Where("token.used_at IS NULL").Where("token.expires_at > ?", now).Scan(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("read a ticket: %w", err)
	}
	if len(rows) == 0 || !t.Fits(rows[0].TokenHash) {
		return nil, nil, badTicket()
	}
	owners, err := ownersOf(ctx, tx, t.Tenant)
	if err != nil {
		return nil, nil, err
	}
	owner := among(owners, rows[0].UserID)
	if owner == nil {
		return nil, nil, badTicket()
	}
	return accounts[0], owner, nil
}

// reopen writes the return, and that all its tickets are used.
func reopen(ctx context.Context, tx bun.Tx, acct *account.Account, now time.Time) error {
	acct.DeletedAt, acct.DeletedBy, acct.RestoreUntil, acct.UpdatedAt = nil, nil, nil, now
	_, err := tx.NewUpdate().Model(acct).Column("deleted_at", "deleted_by", "restore_until", "updated_at").WherePK().Exec(ctx)
	if err != nil {
		return fmt.Errorf("restore account: %w", err)
	}
	_, err = tx.NewUpdate().Model((*mailToken)(nil)).Set("used_at = ?", now).Where("tenant_id = ?", acct.ID).
		Where("purpose = ?", restorePurpose).Where("used_at IS NULL").Exec(ctx)
	if err != nil {
		return fmt.Errorf("use tickets up: %w", err)
	}
	return nil
}

// readmit lets the account's people sign in again and removes those whose addresses are taken, whose
// number it gives. Errors: TAKEN at token where the owner is one of them.
func readmit(
	ctx context.Context, tx bun.Tx, acct *account.Account, owner *account.User, by audit.By, now time.Time,
) (int, error) {
	// Automation does not sign in. In one order, so that two restorations never wait for each other.
	_, err := tx.NewRaw(`INSERT INTO igny8_login_directory (email, tenant_id, user_id)
		SELECT email, tenant_id, id FROM igny8_users
		WHERE tenant_id = ? AND deleted_at IS NULL AND role <> ? ORDER BY email
		ON CONFLICT DO NOTHING`, acct.ID, account.SystemBot).Exec(ctx)
	if err != nil {
		return 0, fmt.Errorf("give addresses back: %w", err)
	}
	left := []*account.User{}
	err = tx.NewSelect().Model(&left).Where("user_.tenant_id = ?", acct.ID).Where("user_.deleted_at IS NULL").
		Where("user_.role <> ?", account.SystemBot).
		Where(`NOT EXISTS (SELECT FROM igny8_login_directory AS entry
			WHERE entry.email = user_.email AND entry.tenant_id = user_.tenant_id AND entry.user_id = user_.id)`).
		Order("user_.id").Scan(ctx)
	if err != nil {
		return 0, fmt.Errorf("look for who lost their address: %w", err)
	}
	for _, u := range left {
		if u.ID == owner.ID {
			return 0, fault.New(fault.Taken, "your address signs in somebody else by now").At(tokenField)
		}
	}
	return len(left), remove(ctx, tx, acct, owner, left, by, now)
}

// remove takes people out of the account, as it would be done by the owner.
func remove(
	ctx context.Context, tx bun.Tx, acct *account.Account, owner *account.User, left []*account.User, by audit.By, now time.Time,
) error {
	if len(left) == 0 {
		return nil
	}
	until := now.AddDate(0, 0, acct.DeletionRetentionDays)
	ids := make([]gid.User, len(left))
	for i, u := range left {
		ids[i] = u.ID
		err := audit.Record(ctx, tx, acct.ID, by, now, audit.On("member.removed", "user", u.ID).
			From(map[string]any{"role": u.Role}).To(map[string]any{"restoreUntil": until}))
		if err != nil {
			return err
		}
	}
	_, err := tx.NewUpdate().Model((*account.User)(nil)).Set("updated_at = ?", now).Set("deleted_at = ?", now).
		Set("deleted_by = ?", owner.ID).Set("restore_until = ?", until).
		Where("tenant_id = ?", acct.ID).Where("id IN (?)", bun.List(ids)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("remove people: %w", err)
	}
	if acct.OwnerID == nil {
		return nil
	}
	for _, id := range ids {
		if id == *acct.OwnerID {
			acct.OwnerID = &owner.ID
			if _, err := tx.NewUpdate().Model(acct).Column("owner_id").WherePK().Exec(ctx); err != nil {
				return fmt.Errorf("name an owner: %w", err)
			}
		}
	}
	return nil
}

// badTicket is the one answer to every ticket that opens nothing.
func badTicket() error {
	return fault.New(fault.InvalidCredentials, "this link restores no account").At(tokenField)
}
