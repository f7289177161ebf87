// Package plan owns the catalogue of plans and the strict choice of a new account's.
//
// Signing up takes the free trial, else the free plan, else nothing: no other plan is ever reached
// by being cheap or by being there.
package plan

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/enum"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/money"
)

// Slugs of the plans that signing up can take.
const (
	FreeTrial = "free-trial"
	Free      = "free"
)

// DefaultTrialDays is how long a new account's trial lasts where its plan does not say.
const DefaultTrialDays = 14

// Feature is something that a plan allows beyond the basics.
type Feature string

// The features. Unlimited lifts the limits on sites and people, never the metering of credits.
const (
	AIWriter      Feature = "ai_writer"
	ImageGen      Feature = "image_gen"
	AutoPublish   Feature = "auto_publish"
	CustomPrompts Feature = "custom_prompts"
	Unlimited     Feature = "unlimited"
)

// MarshalGQL writes the enum value.
func (f Feature) MarshalGQL(w io.Writer) { enum.Marshal(w, f) }

// UnmarshalGQL reads the enum value.
func (f *Feature) UnmarshalGQL(v any) error { return enum.Unmarshal(f, v) }

// Plan is what an account may do, for which price a month.
type Plan struct {
	bun.BaseModel `bun:"table:igny8_plans,alias:plan"`

	ID              gid.Plan       `bun:"id,pk"`
	Slug            string         `bun:"slug"`
	Name            string         `bun:"name"`
	PriceMinor      int64          `bun:"price_minor"`
	Currency        money.Currency `bun:"currency"`
	IncludedCredits int64          `bun:"included_credits"`
	MaxSites        int            `bun:"max_sites"`
	MaxUsers        int            `bun:"max_users"`
	Features        []Feature      `bun:"features,array"`
	TrialDays       *int           `bun:"trial_days"`
	SelfServe       bool           `bun:"self_serve"`
	Active          bool           `bun:"is_active"`
	CreatedAt       time.Time      `bun:"created_at,nullzero"`
	UpdatedAt       time.Time      `bun:"updated_at,nullzero"`
}

// IsNode marks the type as having a global id.
func (*Plan) IsNode() {}

// Price is what a month costs.
func (p *Plan) Price() money.Money { return money.Money{Minor: p.PriceMinor, Currency: p.Currency} }

// Has says whether the plan allows the feature.
func (p *Plan) Has(f Feature) bool { return slices.Contains(p.Features, f) }

// SiteLimit is how many sites the plan allows; nil where there is no limit.
func (p *Plan) SiteLimit() *int { return p.limit(p.MaxSites) }

// UserLimit is how many people the plan allows; nil where there is no limit.
func (p *Plan) UserLimit() *int { return p.limit(p.MaxUsers) }

func (p *Plan) limit(n int) *int {
	if p.Has(Unlimited) {
		return nil
	}
	return &n
}

// Trial is how long a trial on the plan lasts, in days.
func (p *Plan) Trial() int {
	if p.TrialDays == nil {
		return DefaultTrialDays
	}
	return *p.TrialDays
}

// List reads the active plans, cheapest first.
func List(ctx context.Context, db bun.IDB) ([]*Plan, error) {
	plans := []*Plan{}
	err := db.NewSelect().Model(&plans).Where("is_active").Order("price_minor", "included_credits", "id").Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("list plans: %w", err)
	}
	return plans, nil
}

// ByIDs reads plans, inactive ones included, in no order.
func ByIDs(ctx context.Context, db bun.IDB, ids []gid.Plan) ([]*Plan, error) {
	plans := []*Plan{}
	if err := db.NewSelect().Model(&plans).Where("id IN (?)", bun.List(ids)).Scan(ctx); err != nil {
		return nil, fmt.Errorf("read plans: %w", err)
	}
	return plans, nil
}

// BySlug reads one active plan; nil where there is none.
func BySlug(ctx context.Context, db bun.IDB, slug string) (*Plan, error) {
	plans := []*Plan{}
	if err := db.NewSelect().Model(&plans).Where("slug = ?", slug).Where("is_active").Scan(ctx); err != nil {
		return nil, fmt.Errorf("read plan: %w", err)
	}
	if len(plans) == 0 {
		return nil, nil
	}
	return plans[0], nil
}

// ForSignUp chooses a new account's plan. Errors: PLAN_UNAVAILABLE where neither the free trial nor
// the free plan is active.
func ForSignUp(ctx context.Context, db bun.IDB) (*Plan, error) {
	for _, slug := range []string{FreeTrial, Free} {
		p, err := BySlug(ctx, db, slug)
		if err != nil || p != nil {
			return p, err
		}
	}
	return nil, fault.New(fault.PlanUnavailable, "signing up is closed at the moment; please write to us")
}
