package apikey

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/page"
	"igny8.com/accounts/internal/site"
)

// scoped starts every read of keys: those of sites within reach, without their hashes.
func scoped(db bun.IDB, reach site.Reach, keys *[]*account.Key) *bun.SelectQuery {
	return reach.Keep(db.NewSelect().Model(keys).ExcludeColumn("hash", "hash_key_id"), "key_")
}

// live keeps of a read the keys that work at a time.
func live(q *bun.SelectQuery, now time.Time) *bun.SelectQuery {
	return q.Where("key_.revoked_at IS NULL").Where("(key_.expires_at IS NULL OR key_.expires_at > ?)", now)
}

// ByIDs reads keys of sites within reach, in no order: those too that work no more.
func ByIDs(ctx context.Context, db bun.IDB, reach site.Reach, ids []gid.APIKey) ([]*account.Key, error) {
	keys := []*account.Key{}
	if err := scoped(db, reach, &keys).Where("key_.id IN (?)", bun.List(ids)).Scan(ctx); err != nil {
		return nil, fmt.Errorf("read API keys: %w", err)
	}
	return keys, nil
}

// BySites reads the keys of sites within reach that work at a time, newest first: at most twice MaxLive a
// site. Those that work no more are in List.
func BySites(ctx context.Context, db bun.IDB, reach site.Reach, now time.Time, ids []gid.Site) ([]*account.Key, error) {
	keys := []*account.Key{}
	err := live(scoped(db, reach, &keys), now).Where("key_.site_id IN (?)", bun.List(ids)).OrderExpr("key_.id DESC").Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("read API keys of sites: %w", err)
	}
	return keys, nil
}

// List reads a page of a site's keys, newest first: those too that work no more. A site out of reach has
// none. Errors: BAD_USER_INPUT for arguments that ask for no page of this list.
func List(ctx context.Context, db bun.IDB, reach site.Reach, id gid.Site, args page.Args) (*account.KeyConnection, error) {
	w, err := args.Window(1)
	if err != nil {
		return nil, err
	}
	keys := []*account.Key{}
	q, err := page.Apply(scoped(db, reach, &keys).Where("key_.site_id = ?", id), w,
		page.Key{Column: "key_.id", Value: new(gid.APIKey), Descending: true})
	if err != nil {
		return nil, err
	}
	if err := q.Scan(ctx); err != nil {
		return nil, fmt.Errorf("list API keys: %w", err)
	}
	return page.New(w, keys,
		func(k *account.Key) []any { return []any{int64(k.ID)} },
		page.Counter(func() *bun.SelectQuery {
			return scoped(db, reach, &[]*account.Key{}).Where("key_.site_id = ?", id)
		}),
	), nil
}

// countLive counts the keys of a site that work at a time: those with a successor, or those without.
func countLive(ctx context.Context, db bun.IDB, reach site.Reach, now time.Time, id gid.Site, rotated bool) (int, error) {
	n, err := live(scoped(db, reach, &[]*account.Key{}), now).
		Where("key_.site_id = ?", id).Where("(key_.rotated_to IS NOT NULL) = ?", rotated).Count(ctx)
	if err != nil {
		return 0, fmt.Errorf("count API keys: %w", err)
	}
	return int(n), nil
}

// lock reads a key of a site within reach and holds its row until the transaction ends; nil where there is
// none. The account must be locked.
func lock(ctx context.Context, tx bun.Tx, reach site.Reach, id gid.APIKey) (*account.Key, error) {
	keys := []*account.Key{}
	if err := scoped(tx, reach, &keys).Where("key_.id = ?", id).For("NO KEY UPDATE OF key_").Scan(ctx); err != nil {
		return nil, fmt.Errorf("lock an API key: %w", err)
	}
	if len(keys) == 0 {
		return nil, nil
	}
	return keys[0], nil
}
