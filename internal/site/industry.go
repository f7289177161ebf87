package site

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
)

// Industry is a line of business that a site can belong to. The catalogue is every account's alike
// and only read here.
type Industry struct {
	bun.BaseModel `bun:"table:igny8_industries,alias:industry"`

	ID          gid.Industry `bun:"id,pk"`
	Slug        string       `bun:"slug"`
	Name        string       `bun:"name"`
	Description string       `bun:"description"`
	// Active says whether the industry is listed and can be chosen; a site that has it keeps it.
	Active    bool      `bun:"is_active"`
	CreatedAt time.Time `bun:"created_at,nullzero"`
	UpdatedAt time.Time `bun:"updated_at,nullzero"`
}

// IsNode marks the type as having a global id.
func (*Industry) IsNode() {}

// IndustrySector is a part of an industry.
type IndustrySector struct {
	bun.BaseModel `bun:"table:igny8_industry_sectors,alias:industry_sector"`

	ID          gid.IndustrySector `bun:"id,pk"`
	IndustryID  gid.Industry       `bun:"industry_id"`
	Slug        string             `bun:"slug"`
	Name        string             `bun:"name"`
	Description string             `bun:"description"`
	// Active says whether the sector is listed and can be added; a site that has it keeps it.
	Active    bool      `bun:"is_active"`
	CreatedAt time.Time `bun:"created_at,nullzero"`
	UpdatedAt time.Time `bun:"updated_at,nullzero"`
}

// IsNode marks the type as having a global id.
func (*IndustrySector) IsNode() {}

// Industries lists the active industries by name.
func Industries(ctx context.Context, db bun.IDB) ([]*Industry, error) {
	industries := []*Industry{}
	err := db.NewSelect().Model(&industries).Where("is_active").OrderExpr(`name COLLATE "C", id`).Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("list industries: %w", err)
	}
	return industries, nil
}

// IndustriesByIDs reads industries, inactive ones included, in no order.
func IndustriesByIDs(ctx context.Context, db bun.IDB, ids []gid.Industry) ([]*Industry, error) {
	industries := []*Industry{}
	if err := db.NewSelect().Model(&industries).Where("id IN (?)", bun.List(ids)).Scan(ctx); err != nil {
		return nil, fmt.Errorf("read industries: %w", err)
	}
	return industries, nil
}

// SectorsOfIndustries reads the active sectors of industries by name.
func SectorsOfIndustries(ctx context.Context, db bun.IDB, ids []gid.Industry) ([]*IndustrySector, error) {
	sectors := []*IndustrySector{}
	err := db.NewSelect().Model(&sectors).Where("industry_id IN (?)", bun.List(ids)).Where("is_active").
		OrderExpr(`name COLLATE "C", id`).Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("read sectors of industries: %w", err)
	}
	return sectors, nil
}

// IndustrySectorsByIDs reads industry sectors, inactive ones included, in no order.
func IndustrySectorsByIDs(ctx context.Context, db bun.IDB, ids []gid.IndustrySector) ([]*IndustrySector, error) {
	sectors := []*IndustrySector{}
	if err := db.NewSelect().Model(&sectors).Where("id IN (?)", bun.List(ids)).Scan(ctx); err != nil {
		return nil, fmt.Errorf("read industry sectors: %w", err)
	}
	return sectors, nil
}

// checkIndustry judges whether a site can be given the industry. Faults, at industryId: NOT_FOUND,
// and INVALID for one that is no longer listed.
func checkIndustry(ctx context.Context, db bun.IDB, id gid.Industry) error {
	found, err := IndustriesByIDs(ctx, db, []gid.Industry{id})
	switch {
	case err != nil:
		return err
	case len(found) == 0:
		return fault.New(fault.NotFound, "there is no such industry").At("industryId")
	case !found[0].Active:
		return fault.New(fault.Invalid, "the industry %s can no longer be chosen", found[0].Name).At("industryId")
	}
	return nil
}
