package site

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/enum"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/page"
)

// scoped starts every read of sites that are there.
func scoped(db bun.IDB, reach Reach, sites *[]*Site) *bun.SelectQuery {
	return reach.within(db.NewSelect().Model(sites)).Where("site.deleted_at IS NULL")
}

// restorable starts every read of deleted sites: those that can still be restored, for those who reach all
// of the account's sites.
func restorable(db bun.IDB, reach Reach, now time.Time, sites *[]*Site) *bun.SelectQuery {
	q := reach.within(db.NewSelect().Model(sites)).
		Where("site.deleted_at IS NOT NULL").Where("site.restore_until > ?", now).Where("site.purged_at IS NULL")
	if !reach.All {
		q = q.Where("FALSE")
	}
	return q
}

// within leaves a query that has igny8_sites under the alias site what belongs to sites within reach,
// deleted ones too.
func (r Reach) within(q *bun.SelectQuery) *bun.SelectQuery {
	q = q.Where("site.tenant_id = ?", r.Tenant)
	switch {
	case r.Only != 0:
		q = q.Where("site.id = ?", r.Only)
	case !r.All:
		q = q.Where(`EXISTS (
			SELECT FROM igny8_site_user_access AS access
			WHERE access.tenant_id = site.tenant_id AND access.site_id = site.id AND access.user_id = ?)`, r.User)
	}
	return q
}

// Keep leaves a query what belongs to sites within reach that are there: a query of a table, under the
// alias table, that bears tenant_id and site_id.
func (r Reach) Keep(q *bun.SelectQuery, table string) *bun.SelectQuery {
	alias := bun.Ident(table)
	return r.within(q.Join("JOIN igny8_sites AS site ON site.tenant_id = ?0.tenant_id AND site.id = ?0.site_id", alias)).
		Where("site.deleted_at IS NULL").Where("?.tenant_id = ?", alias, r.Tenant)
}

// scopedSectors starts every read of sectors that are there: those on sites within reach.
func scopedSectors(db bun.IDB, reach Reach, sectors *[]*Sector) *bun.SelectQuery {
	return sectorsWithin(db, reach, sectors).Where("sector.deleted_at IS NULL")
}

// restorableSectors starts every read of sectors that were removed from sites within reach: those that can
// still be restored.
func restorableSectors(db bun.IDB, reach Reach, now time.Time, sectors *[]*Sector) *bun.SelectQuery {
	return sectorsWithin(db, reach, sectors).Where("sector.deleted_at IS NOT NULL").Where("sector.restore_until > ?", now)
}

func sectorsWithin(db bun.IDB, reach Reach, sectors *[]*Sector) *bun.SelectQuery {
	return reach.Keep(db.NewSelect().Model(sectors), "sector")
}

// ByIDs reads sites within reach, in no order.
func ByIDs(ctx context.Context, db bun.IDB, reach Reach, ids []gid.Site) ([]*Site, error) {
	sites := []*Site{}
	if err := scoped(db, reach, &sites).Where("site.id IN (?)", bun.List(ids)).Scan(ctx); err != nil {
		return nil, fmt.Errorf("read sites: %w", err)
	}
	return sites, nil
}

// Count counts an account's sites, as its plan limits them: those that nobody was granted included.
func Count(ctx context.Context, db bun.IDB, tenant gid.Account) (int, error) {
	n, err := scoped(db, everything(tenant), &[]*Site{}).Count(ctx)
	if err != nil {
		return 0, fmt.Errorf("count sites: %w", err)
	}
	return int(n), nil
}

// Filter says which sites to list; its conditions are joined by and.
type Filter struct {
	Status     *Status
	IndustryID *gid.Industry
}

func (f Filter) apply(q *bun.SelectQuery) *bun.SelectQuery {
	if f.Status != nil {
		q = q.Where("site.status = ?", *f.Status)
	}
	if f.IndustryID != nil {
		q = q.Where("site.industry_id = ?", *f.IndustryID)
	}
	return q
}

// OrderField is what sites can be ordered by.
type OrderField string

// The orders. Names go by code point, whatever the database's collation.
const (
	ByName      OrderField = "name"
	ByCreatedAt OrderField = "created_at"
)

// MarshalGQL writes the enum value.
func (f OrderField) MarshalGQL(w io.Writer) { enum.Marshal(w, f) }

// UnmarshalGQL reads the enum value.
func (f *OrderField) UnmarshalGQL(v any) error { return enum.Unmarshal(f, v) }

// Order is how to list sites; ties go by id, the same way. The zero Order is by name.
type Order struct {
	Field      OrderField
	Descending bool
}

// List reads a page of the sites within reach. Errors: BAD_USER_INPUT for arguments that ask for no
// page of this list.
func List(ctx context.Context, db bun.IDB, reach Reach, filter Filter, order Order, args page.Args) (*Connection, error) {
	w, err := args.Window(2)
	if err != nil {
		return nil, err
	}
	var name string
	var created time.Time
	first := page.Key{Column: `site.name COLLATE "C"`, Value: &name, Descending: order.Descending}
	key := func(s *Site) []any { return []any{s.Name, s.ID} }
	if order.Field == ByCreatedAt {
		first.Column, first.Value = "site.created_at", &created
		key = func(s *Site) []any { return []any{s.CreatedAt, s.ID} }
	}
	sites := []*Site{}
	q := filter.apply(scoped(db, reach, &sites))
	q, err = page.Apply(q, w, first, page.Key{Column: "site.id", Value: new(gid.Site), Descending: order.Descending})
	if err != nil {
		return nil, err
	}
	if err := q.Scan(ctx); err != nil {
		return nil, fmt.Errorf("list sites: %w", err)
	}
	return page.New(w, sites, key,
		page.Counter(func() *bun.SelectQuery { return filter.apply(scoped(db, reach, &[]*Site{})) })), nil
}

// SectorsBySites reads the sectors of sites within reach, by name.
func SectorsBySites(ctx context.Context, db bun.IDB, reach Reach, ids []gid.Site) ([]*Sector, error) {
	sectors := []*Sector{}
	err := scopedSectors(db, reach, &sectors).Where("sector.site_id IN (?)", bun.List(ids)).
		OrderExpr(`sector.name COLLATE "C", sector.id`).Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("read sectors of sites: %w", err)
	}
	return sectors, nil
}

// SectorsByIDs reads sectors of sites within reach, in no order.
func SectorsByIDs(ctx context.Context, db bun.IDB, reach Reach, ids []gid.Sector) ([]*Sector, error) {
	sectors := []*Sector{}
	if err := scopedSectors(db, reach, &sectors).Where("sector.id IN (?)", bun.List(ids)).Scan(ctx); err != nil {
		return nil, fmt.Errorf("read sectors: %w", err)
	}
	return sectors, nil
}
