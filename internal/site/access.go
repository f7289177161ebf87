package site

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/audit"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres"
)

// Access is the grant by which somebody whose role does not reach all sites reaches one. Somebody whose
// role does may have grants too: they count once the role is less.
type Access struct {
	bun.BaseModel `bun:"table:igny8_site_user_access,alias:access"`

	TenantID gid.Account `bun:"tenant_id,pk"`
	SiteID   gid.Site    `bun:"site_id,pk"`
	UserID   gid.User    `bun:"user_id,pk"`
	// GrantedBy is nil where staff who acted for the account did it.
	GrantedBy *gid.User `bun:"granted_by"`
	GrantedAt time.Time `bun:"granted_at"`
}

// Tenant is the account that the grant belongs to.
func (a *Access) Tenant() gid.Account { return a.TenantID }

// GrantAccess lets one of the account's people reach a site that the actor reaches. What is granted already
// stays as it was granted, and nothing is written. Faults: NOT_FOUND at siteId and at userId.
func GrantAccess(ctx context.Context, db bun.IDB, actor account.Actor, now time.Time, site gid.Site, user gid.User) (*Site, error) {
	return changeAccess(ctx, db, actor, site, user, func(ctx context.Context, tx bun.Tx, s *Site) error {
		granted, err := grant(ctx, tx, s, user, actor, now)
		if err != nil || !granted {
			return err
		}
		return audit.Record(ctx, tx, s.TenantID, actor.By(s.TenantID), now,
			audit.On("site.access_granted", "site", s.ID).To(map[string]any{"userId": gid.Format(user)}))
	})
}

// RevokeAccess takes back what GrantAccess gave; from the next request on, a role that does not reach all
// sites no longer reaches this one. Where nothing was granted, nothing is written. Faults: NOT_FOUND at
// siteId and at userId.
func RevokeAccess(ctx context.Context, db bun.IDB, actor account.Actor, now time.Time, site gid.Site, user gid.User) (*Site, error) {
	return changeAccess(ctx, db, actor, site, user, func(ctx context.Context, tx bun.Tx, s *Site) error {
		was := &Access{TenantID: s.TenantID, SiteID: s.ID, UserID: user}
		revoked, err := affected(tx.NewDelete().Model(was).WherePK().Exec(ctx))
		if err != nil {
			return fmt.Errorf("revoke access: %w", err)
		}
		if !revoked {
			return nil
		}
		return audit.Record(ctx, tx, s.TenantID, actor.By(s.TenantID), now,
			audit.On("site.access_revoked", "site", s.ID).From(map[string]any{"userId": gid.Format(user)}))
	})
}

// changeAccess finds the site and the person, or says which of them is not there, and calls change.
func changeAccess(
	ctx context.Context, db bun.IDB, actor account.Actor, site gid.Site, user gid.User,
	change func(context.Context, bun.Tx, *Site) error,
) (*Site, error) {
	var found *Site
	err := postgres.InTx(ctx, db, func(ctx context.Context, tx bun.Tx) error {
		if _, err := account.Lock(ctx, tx, actor.AccountID()); err != nil {
			return err
		}
		var faults fault.List
		var err error
		found, err = lockSite(ctx, tx, ReachOf(actor), site)
		if err := gather(&faults, err); err != nil {
			return err
		}
		people, err := account.UsersByIDs(ctx, tx, actor.AccountID(), []gid.User{user})
		if err != nil {
			return err
		}
		if len(people) == 0 {
			faults.Add(fault.New(fault.NotFound, "there is no such person").At("userId"))
		}
		if err := faults.Err(); err != nil {
			return err
		}
		return change(ctx, tx, found)
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

// grant writes the grant, and says whether there was none.
func grant(ctx context.Context, tx bun.Tx, s *Site, user gid.User, actor account.Actor, now time.Time) (bool, error) {
	access := &Access{TenantID: s.TenantID, SiteID: s.ID, UserID: user, GrantedBy: actor.MemberID(), GrantedAt: now}
	written, err := affected(tx.NewInsert().Model(access).On("CONFLICT DO NOTHING").Exec(ctx))
	if err != nil {
		return false, fmt.Errorf("grant access: %w", err)
	}
	return written, nil
}

// affected says whether a statement changed any row.
func affected(result sql.Result, err error) (bool, error) {
	if err != nil {
		return false, err
	}
	n, err := result.RowsAffected()
	return n > 0, err //nolint:wrapcheck // the caller says what it was about
}

// scopedAccess starts every read of grants: those of people who are there to sites within reach.
func scopedAccess(db bun.IDB, reach Reach, grants *[]*Access) *bun.SelectQuery {
	return reach.Keep(db.NewSelect().Model(grants), "access").
		Join("JOIN igny8_users AS member ON member.tenant_id = access.tenant_id AND member.id = access.user_id").
		Where("member.deleted_at IS NULL")
}

// AccessBySites reads who was granted sites within reach, by email. Those who reach a site by their role
// alone are not among them.
func AccessBySites(ctx context.Context, db bun.IDB, reach Reach, ids []gid.Site) ([]*Access, error) {
	grants := []*Access{}
	err := scopedAccess(db, reach, &grants).Where("access.site_id IN (?)", bun.List(ids)).
		OrderExpr(`member.email COLLATE "C", access.site_id`).Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("read who was granted sites: %w", err)
	}
	return grants, nil
}

// AccessByUsers reads which sites within reach people were granted, by the sites' names. What somebody
// reaches by their role alone is not among them.
func AccessByUsers(ctx context.Context, db bun.IDB, reach Reach, ids []gid.User) ([]*Access, error) {
	grants := []*Access{}
	err := scopedAccess(db, reach, &grants).Where("access.user_id IN (?)", bun.List(ids)).
		OrderExpr(`site.name COLLATE "C", access.site_id, access.user_id`).Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("read which sites people were granted: %w", err)
	}
	return grants, nil
}
