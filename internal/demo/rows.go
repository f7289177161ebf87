package demo

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/gid"
)

// Rows that no other package writes as a whole, with the columns that the demo state fills.

type slugEntry struct {
	bun.BaseModel `bun:"table:igny8_slug_directory"`

	Slug     string      `bun:"slug,pk"`
	TenantID gid.Account `bun:"tenant_id"`
}

type loginEntry struct {
	bun.BaseModel `bun:"table:igny8_login_directory"`

	Email    string      `bun:"email,pk"`
	TenantID gid.Account `bun:"tenant_id"`
	UserID   gid.User    `bun:"user_id"`
}

type subscriptionRow struct {
	bun.BaseModel `bun:"table:igny8_subscriptions"`

	TenantID  gid.Account `bun:"tenant_id"`
	Status    string      `bun:"status"`
	TrialEnd  *time.Time  `bun:"trial_end"`
	DueAt     time.Time   `bun:"due_at"`
	CreatedAt time.Time   `bun:"created_at"`
	UpdatedAt time.Time   `bun:"updated_at"`
}

type periodRow struct {
	bun.BaseModel `bun:"table:igny8_subscription_periods"`

	TenantID  gid.Account `bun:"tenant_id"`
	Kind      string      `bun:"kind"`
	PlanID    gid.Plan    `bun:"plan_id"`
	StartAt   time.Time   `bun:"start_at"`
	EndAt     time.Time   `bun:"end_at"`
	CreatedAt time.Time   `bun:"created_at"`
}

type siteRow struct {
	bun.BaseModel `bun:"table:igny8_sites"`

	TenantID   gid.Account  `bun:"tenant_id,pk"`
	ID         gid.Site     `bun:"id,pk"`
	Name       string       `bun:"name"`
	Slug       string       `bun:"slug"`
	IndustryID gid.Industry `bun:"industry_id"`
	CreatedAt  time.Time    `bun:"created_at"`
	UpdatedAt  time.Time    `bun:"updated_at"`
}

type sectorRow struct {
	bun.BaseModel `bun:"table:igny8_sectors"`

	TenantID         gid.Account        `bun:"tenant_id"`
	SiteID           gid.Site           `bun:"site_id"`
	IndustryID       gid.Industry       `bun:"industry_id"`
	IndustrySectorID gid.IndustrySector `bun:"industry_sector_id"`
	Name             string             `bun:"name"`
	CreatedAt        time.Time          `bun:"created_at"`
	UpdatedAt        time.Time          `bun:"updated_at"`
}

// insert writes a row, or a slice of them at once. What the database fills in is not read back.
func insert(ctx context.Context, tx bun.Tx, rows any) error {
	q := tx.NewInsert().Model(rows)
	if _, err := q.Returning("NULL").Exec(ctx); err != nil {
		return fmt.Errorf("insert into %s: %w", q.GetTableName(), err)
	}
	return nil
}
