package credit

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/audit"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres"
)

// SiteBudget is how many credits a month (UTC) may be used for a site, with how it stands this month.
type SiteBudget struct {
	bun.BaseModel `bun:"table:igny8_site_budgets,alias:budget"`

	TenantID gid.Account `bun:"tenant_id,pk"`
	SiteID   gid.Site    `bun:"site_id,pk"`
	// MonthlyCredits may be 0, which lets nothing be spent for the site.
	MonthlyCredits int64     `bun:"monthly_credits"`
	UpdatedAt      time.Time `bun:"updated_at"`

	// Used is this month's use less what was given back this month; Held is what open holds set aside.
	Used int64 `bun:"used,scanonly"`
	Held int64 `bun:"held,scanonly"`
	// ResetsAt is when the next month begins.
	ResetsAt time.Time `bun:"-"`
}

// Tenant is the account that the site belongs to.
func (s *SiteBudget) Tenant() gid.Account { return s.TenantID }

// Left is what can still be spent for the site this month; 0 where the budget was lowered below its use.
func (s *SiteBudget) Left() int64 { return max(s.MonthlyCredits-s.Used-s.Held, 0) }

// MaxBudget is the most credits that a budget allows a month.
const MaxBudget = 1_000_000_000

// BudgetError is a fault of a site's budget, with how many credits are required and how many are left of
// it this month.
type BudgetError struct {
	*fault.Error

	Required, Available int64
}

// Budget is the fault with its facts, shown as f is.
func Budget(f *fault.Error) *BudgetError {
	required, _ := f.Details[requiredDetail].(int64)
	available, _ := f.Details[availableDetail].(int64)
	return &BudgetError{Error: f, Required: required, Available: available}
}

// Budgets reads the budgets of sites of one account, in no order: of those that have one.
func Budgets(ctx context.Context, db bun.IDB, tenant gid.Account, sites []gid.Site, now time.Time) ([]*SiteBudget, error) {
	budgets := []*SiteBudget{}
	month, next := monthOf(now), monthOf(now).AddDate(0, 1, 0)
	err := db.NewSelect().Model(&budgets).ColumnExpr("budget.*").
		ColumnExpr(`(SELECT coalesce(sum(deducted - refunded), 0)::bigint FROM igny8_credit_usage_days AS u
			WHERE u.tenant_id = ?0 AND u.day >= ?1 AND u.day < ?2 AND u.site_id = budget.site_id) AS used`, tenant, date(month), date(next)).
		ColumnExpr(`(SELECT coalesce(sum(h.amount), 0)::bigint FROM igny8_credit_holds AS h
			WHERE h.tenant_id = ?0 AND h.status = 'open' AND h.expires_at > ?1 AND h.site_id = budget.site_id) AS held`, tenant, now).
		Where("budget.tenant_id = ?", tenant).Where("budget.site_id IN (?)", bun.List(sites)).Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("read budgets: %w", err)
	}
	for _, s := range budgets {
		s.ResetsAt = next
	}
	return budgets, nil
}

// permit refuses what is more than can be spent at all or, for a site with a budget, more than is left of
// that. Errors: INSUFFICIENT_CREDITS, BUDGET_EXCEEDED at siteId.
func (b *book) permit(site *gid.Site, required int64) error {
	err := b.afford(required)
	if site == nil || !b.watched.HasBudgets {
		return err
	}
	budget := b.budgetOf(*site)
	if budget == nil {
		return err
	}
	faults := fault.Of(err)
	if left := budget.Left(); required > left {
		faults.Add(fault.New(fault.BudgetExceeded, "this takes %d credits, and %d are left of the site's budget of %d this month",
			required, left, budget.MonthlyCredits).At("siteId").With(requiredDetail, required).With(availableDetail, left))
	}
	return faults.Err()
}

// budgetOf is a site's budget as it stands for the movement under way, with what the book has not written
// yet; nil where the site has none.
func (b *book) budgetOf(site gid.Site) *SiteBudget {
	month, next := date(monthOf(b.now)), date(monthOf(b.now).AddDate(0, 1, 0))
	i := slices.IndexFunc(b.budgets, func(m *monthBudget) bool { return m.SiteID == site && m.Month == month })
	if i < 0 {
		return nil
	}
	read := b.budgets[i]
	budget := &SiteBudget{TenantID: b.tenant, SiteID: site, MonthlyCredits: read.MonthlyCredits, Used: read.Used, Held: read.Held}
	for _, u := range b.used {
		if u.SiteID == site && u.Day >= month && u.Day < next {
			budget.Used += u.Deducted - u.Refunded
		}
	}
	for _, h := range b.before {
		if h.Status == HoldOpen && h.SiteID != nil && *h.SiteID == site {
			budget.Held -= h.Amount
		}
	}
	for _, h := range b.holds {
		if h.Status == HoldOpen && h.SiteID != nil && *h.SiteID == site {
			budget.Held += h.Amount
		}
	}
	return budget
}

// SetBudget changes how many credits a month may be used for a site; nil lifts the limit. It holds from the
// next spend or reservation on, and counts this month's use from its first day; holds that are open are
// kept. What is so already is no change and writes nothing. It returns the budget, nil where there is none.
// Errors: INVALID at monthlyCredits, NOT_FOUND at siteId.
func SetBudget(
	ctx context.Context, db bun.IDB, actor account.Actor, now time.Time, reaches Reaches, site gid.Site, monthly *int64,
) (*SiteBudget, error) {
	var faults fault.List
	if monthly != nil && (*monthly < 0 || *monthly > MaxBudget) {
		faults.Add(fault.New(fault.Invalid, "a budget is 0 to %d credits", MaxBudget).At("monthlyCredits"))
	}
	reached, err := reaches(ctx, site)
	if err != nil {
		return nil, err
	}
	if !reached || !concerns(actor, &site) {
		faults.Add(noSite())
	}
	if err := faults.Err(); err != nil {
		return nil, err
	}
	tenant := actor.AccountID()
	var set *SiteBudget
	err = postgres.InTx(postgres.WithTenant(ctx, int64(tenant)), db, func(ctx context.Context, tx bun.Tx) error {
		set = nil
		if _, err := account.Lock(ctx, tx, tenant); err != nil {
			return err
		}
		b, err := open(ctx, postgres.Joined(tx), tenant, needs{earliest: now, latest: now, alone: true}, false)
		if err != nil {
			return err
		}
		if err := b.setBudget(ctx, tx, actor, site, monthly); err != nil {
			return err
		}
		budgets, err := Budgets(ctx, tx, tenant, []gid.Site{site}, now)
		if err != nil {
			return err
		}
		for _, s := range budgets {
			set = s
		}
		return nil
	})
	if postgres.Violates(err, "igny8_site_budgets_site_fkey") {
		return nil, noSite()
	}
	if err != nil {
		return nil, err
	}
	return set, nil
}

func noSite() *fault.Error { return fault.New(fault.NotFound, "there is no such site").At("siteId") }

func (b *book) setBudget(ctx context.Context, tx bun.Tx, actor account.Actor, site gid.Site, monthly *int64) error {
	budgets, err := Budgets(ctx, tx, b.tenant, []gid.Site{site}, b.now)
	if err != nil {
		return err
	}
	var before *int64
	for _, s := range budgets {
		before = &s.MonthlyCredits
	}
	if before == nil && monthly == nil || before != nil && monthly != nil && *before == *monthly {
		return nil
	}
	row := &SiteBudget{TenantID: b.tenant, SiteID: site, UpdatedAt: b.now}
	if monthly == nil {
		_, err = tx.NewDelete().Model(row).WherePK().Exec(ctx)
	} else {
		row.MonthlyCredits = *monthly
		_, err = tx.NewInsert().Model(row).Returning("NULL").
			On("CONFLICT (tenant_id, site_id) DO UPDATE SET monthly_credits = excluded.monthly_credits, updated_at = excluded.updated_at").Exec(ctx)
	}
	if err != nil {
		return fmt.Errorf("set budget: %w", err)
	}
	_, err = tx.NewRaw(`UPDATE igny8_credit_accounts
		SET has_budgets = EXISTS (SELECT FROM igny8_site_budgets WHERE tenant_id = ?0) WHERE tenant_id = ?0`, b.tenant).Exec(ctx)
	if err != nil {
		return fmt.Errorf("mark budgets: %w", err)
	}
	return audit.Record(ctx, tx, b.tenant, actor.By(b.tenant), b.now, audit.On("site.budget_changed", "site", site).
		From(map[string]any{"monthlyCredits": before}).To(map[string]any{"monthlyCredits": monthly}))
}
