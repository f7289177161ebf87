package billing

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/audit"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/plan"
	"igny8.com/accounts/internal/postgres"
)

// dueBatch is how many periods one look for what is due finds.
const dueBatch = 500

// GrantDue grants the credits of all paid periods that have begun since they were paid for, and says
// how many. A period is granted once, whoever asks and how often; one that is over by now stays without.
func GrantDue(ctx context.Context, db bun.IDB, now time.Time) (int, error) {
	granted := 0
	for {
		due := []*SubscriptionPeriod{}
		err := db.NewSelect().Model(&due).
			Join("JOIN igny8_plans AS plan ON plan.id = period.plan_id AND plan.included_credits > 0").
			Join("JOIN igny8_tenants AS account ON account.id = period.tenant_id AND account.deleted_at IS NULL").
			Where("period.kind = ?", PaidPeriod).Where("period.start_at <= ?", now).Where("period.end_at > ?", now).
			Where(`NOT EXISTS (SELECT FROM igny8_credit_grants AS granted
				WHERE granted.tenant_id = period.tenant_id AND granted.period_id = period.id)`).
			OrderExpr("period.tenant_id, period.id").Limit(dueBatch).
			Scan(postgres.WithStaff(ctx))
		if err != nil {
			return granted, fmt.Errorf("look for periods without their credits: %w", err)
		}
		for _, p := range due {
			if err := grantOne(ctx, db, p, now); err != nil {
				return granted, err
			}
			granted++
		}
		if len(due) < dueBatch {
			return granted, nil
		}
	}
}

// grantOne grants one period's credits as its account. The account may be gone by now.
func grantOne(ctx context.Context, db bun.IDB, p *SubscriptionPeriod, now time.Time) error {
	return postgres.InTx(postgres.WithTenant(ctx, int64(p.TenantID)), db, func(ctx context.Context, tx bun.Tx) error {
		if _, err := account.Lock(ctx, tx, p.TenantID); err != nil {
			if fault.Is(err, fault.NotFound) {
				return nil
			}
			return err
		}
		plans, err := plan.ByIDs(ctx, tx, []gid.Plan{p.PlanID})
		if err != nil {
			return err
		}
		return grantBegun(ctx, tx, plans[0], []*SubscriptionPeriod{p}, audit.By{Kind: audit.System}, now)
	})
}
