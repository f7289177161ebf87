package apikey

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/audit"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/site"
)

// Revoke ends a key of a site that the actor reaches: no request that begins after it has returned is
// made with the key. A successor is a key of its own and is not ended with it. To revoke a key twice
// changes nothing. Faults: NOT_FOUND at apiKeyId.
func Revoke(ctx context.Context, db bun.IDB, actor account.Actor, now time.Time, id gid.APIKey) (*account.Key, error) {
	var revoked *account.Key
	err := postgres.InTx(ctx, db, func(ctx context.Context, tx bun.Tx) error {
		if _, err := account.Lock(ctx, tx, actor.AccountID()); err != nil {
			return err
		}
		key, err := lock(ctx, tx, site.ReachOf(actor), id)
		if err != nil {
			return err
		}
		if key == nil {
			return notFound()
		}
		revoked = key
		if key.RevokedAt != nil {
			return nil
		}
		key.RevokedAt, key.RevokedBy = &now, actor.MemberID()
		if _, err := tx.NewUpdate().Model(key).Column("revoked_at", "revoked_by").WherePK().Exec(ctx); err != nil {
			return fmt.Errorf("revoke an API key: %w", err)
		}
		return audit.Record(ctx, tx, key.TenantID, actor.By(key.TenantID), now,
			audit.On("api_key.revoked", subject, key.ID).From(facts(key)))
	})
	if err != nil {
		return nil, err
	}
	return revoked, nil
}
