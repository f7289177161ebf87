package site

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
	"igny8.com/accounts/internal/postgres"
)

// Restore brings a deleted site back as it was: with the sectors, grants and API keys that it had. Where
// another site has its slug by now, it gets one that is free. Faults: NOT_FOUND at siteId for one that is
// not deleted, from its restore_until on, and for whoever does not reach all sites; PLAN_LIMIT_REACHED with
// limit and used.
func Restore(ctx context.Context, db bun.IDB, actor account.Actor, now time.Time, id gid.Site) (*Site, error) {
	var back *Site
	err := postgres.InTx(ctx, db, func(ctx context.Context, tx bun.Tx) error {
		acct, err := account.Lock(ctx, tx, actor.AccountID())
		if err != nil {
			return err
		}
		sites := []*Site{}
		err = restorable(tx, ReachOf(actor), now, &sites).Where("site.id = ?", id).For("NO KEY UPDATE OF site").Scan(ctx)
		if err != nil {
			return fmt.Errorf("lock a deleted site: %w", err)
		}
		if len(sites) == 0 {
			return noSite()
		}
		if err := checkLimit(ctx, tx, acct); err != nil {
			return err
		}
		back = sites[0]
		change := audit.On("site.restored", "site", back.ID)
		was := back.Slug
		if back.Slug, err = slugBack(ctx, tx, back); err != nil {
			return err
		}
		if back.Slug != was {
			change = change.From(map[string]any{"slug": was})
		}
		back.UpdatedAt, back.DeletedAt, back.DeletedBy, back.RestoreUntil = now, nil, nil, nil
		_, err = tx.NewUpdate().Model(back).Column("slug", "updated_at", "deleted_at", "deleted_by", "restore_until").WherePK().Exec(ctx)
		if err != nil {
			return fmt.Errorf("restore site: %w", err)
		}
		return audit.Record(ctx, tx, acct.ID, actor.By(acct.ID), now, change.To(back.facts()))
	})
	if err != nil {
		return nil, err
	}
	return back, nil
}

// slugBack is the slug that a restored site has: its own, unless another has it by now. The account must be
// locked.
func slugBack(ctx context.Context, tx bun.Tx, s *Site) (string, error) {
	err := checkSlug(ctx, tx, s.TenantID, s.Slug)
	if fault.Is(err, fault.Taken) {
		return freeSlug(ctx, tx, s.TenantID, s.Slug)
	}
	return s.Slug, err
}

// Deleted lists the deleted sites that can still be restored, newest first, for those who reach all of the
// account's sites; for everybody else the list is empty. Errors:
// BAD_USER_INPUT for arguments that ask for no page of this list.
func Deleted(ctx context.Context, db bun.IDB, reach Reach, now time.Time, args page.Args) (*Connection, error) {
	w, err := args.Window(2)
	if err != nil {
		return nil, err
	}
	sites := []*Site{}
	q, err := page.Apply(restorable(db, reach, now, &sites), w,
		page.Key{Column: "site.deleted_at", Value: new(time.Time), Descending: true},
		page.Key{Column: "site.id", Value: new(gid.Site), Descending: true})
	if err != nil {
		return nil, err
	}
	if err := q.Scan(ctx); err != nil {
		return nil, fmt.Errorf("list deleted sites: %w", err)
	}
	return page.New(w, sites,
		func(s *Site) []any { return []any{s.DeletedAt, s.ID} },
		page.Counter(func() *bun.SelectQuery { return restorable(db, reach, now, &[]*Site{}) })), nil
}
