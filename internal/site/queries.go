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

// scoped starts every read of sites and sectors: model is of sites, or is joined with its site under
// the alias site.
func scoped(db bun.IDB, reach Reach, model any) *bun.SelectQuery {
	q := db.NewSelect().Model(model).Where("site.tenant_id = ?", reach.Tenant).Where("site.deleted_at IS NULL")
	switch {
	case reach.Only != 0:
		q = q.Where("site.id = ?", reach.Only)
	case !reach.All:
		q = q.Where(`EXISTS (
			SELECT FROM igny8_site_user_access AS access
			WHERE access.tenant_id = site.tenant_id AND access.site_id = site.id AND access.user_id = ?)`, reach.User)
	}
	return q
}

// scopedSectors starts every read of sectors: those on sites within reach.
func scopedSectors(db bun.IDB, reach Reach, sectors *[]*Sector) *bun.SelectQuery {
	return scoped(db, reach, sectors).
		Join("JOIN igny8_sites AS site ON site.tenant_id = sector.tenant_id AND site.id = sector.site_id").
		Where("sector.tenant_id = ?", reach.Tenant).
		Where("sector.deleted_at IS NULL")
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
