// Package retention owns the end of an account: its deletion, the time in which it can be restored, the
// export of its data before it goes, and the purge of what is left of accounts and people when their time
// is over.
//
// What must always hold: a deleted account is absent everywhere from the commit on, its people's addresses
// included, and nothing of it is lost before restore_until; what is purged never comes back; the ledger,
// payments, invoices and the log of who did what outlive the account without personal data, and the ledger
// adds up as before. The application's database role cannot purge by itself: it asks functions of the
// database's owner, which judge the time again by the database's clock.
//
// Time goes on while an account is deleted: periods, grants and holds end when they would have. Payments
// that wait stay as they are, and nobody can decide on them until the account is back.
package retention

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
)

const (
	accountSubject = "account"
	maxReason      = 500
)

// mailToken is what an owner's ticket to restore the account is proved by.
type mailToken struct {
	bun.BaseModel `bun:"table:igny8_mail_tokens,alias:token"`

	TenantID  gid.Account `bun:"tenant_id,pk"`
	ID        int64       `bun:"id,pk"`
	Purpose   string      `bun:"purpose"`
	UserID    gid.User    `bun:"user_id"`
	Email     string      `bun:"email"`
	TokenHash []byte      `bun:"token_hash"`
	CreatedAt time.Time   `bun:"created_at"`
	ExpiresAt time.Time   `bun:"expires_at"`
	UsedAt    *time.Time  `bun:"used_at"`
}

const restorePurpose = "restore_account"

// ownersOf reads the owners of an account who are not removed, by id. The account must be locked.
func ownersOf(ctx context.Context, tx bun.Tx, tenant gid.Account) ([]*account.User, error) {
	owners := []*account.User{}
	err := tx.NewSelect().Model(&owners).Where("user_.tenant_id = ?", tenant).Where("user_.deleted_at IS NULL").
		Where("user_.role = ?", account.Owner).Order("user_.id").Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("read owners: %w", err)
	}
	return owners, nil
}

// among finds a person among an account's owners; nil where they are none.
func among(owners []*account.User, id gid.User) *account.User {
	for _, owner := range owners {
		if owner.ID == id {
			return owner
		}
	}
	return nil
}

// checkOwner refuses whoever is no owner of the account any more. Errors: FORBIDDEN.
func checkOwner(actor account.Actor, owners []*account.User) error {
	if id := actor.MemberID(); id != nil && among(owners, *id) != nil {
		return nil
	}
	return fault.New(fault.Forbidden, "this asks for the role %s", account.Owner)
}
