package billing

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/period"
	"igny8.com/accounts/internal/plan"
	"igny8.com/accounts/internal/queue"
)

// StartTrial writes a new account's subscription and the trial it begins with.
func StartTrial(ctx context.Context, tx bun.Tx, tenant gid.Account, p *plan.Plan, now time.Time) (*SubscriptionPeriod, error) {
	span := period.Days(now, p.Trial())
	subscription := &Subscription{
		// The next look finds out what falls due, and when.
		TenantID: tenant, Status: Trialing, TrialEnd: &span.End, DueAt: &now, CreatedAt: now, UpdatedAt: now,
	}
	if _, err := tx.NewInsert().Model(subscription).Returning("NULL").Exec(ctx); err != nil {
		return nil, fmt.Errorf("insert subscription: %w", err)
	}
	trial := &SubscriptionPeriod{
		TenantID: tenant, Kind: TrialPeriod, PlanID: p.ID, Start: span.Start, End: span.End, BegunAt: &now, CreatedAt: now,
	}
	if _, err := tx.NewInsert().Model(trial).Returning("id").Exec(ctx); err != nil {
		return nil, fmt.Errorf("insert trial period: %w", err)
	}
	return trial, queue.SettleAt(ctx, tx, tenant, now)
}
