package billing

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/audit"
	"igny8.com/accounts/internal/credit"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/live"
	"igny8.com/accounts/internal/plan"
)

// lockPayment reads a payment of the account and holds it. Errors: NOT_FOUND.
func lockPayment(ctx context.Context, tx bun.Tx, tenant gid.Account, id gid.Payment) (*Payment, error) {
	payments := []*Payment{}
	if err := scoped(tx, tenant, &payments).Where("payment.id = ?", id).For("UPDATE").Scan(ctx); err != nil {
		return nil, fmt.Errorf("lock payment: %w", err)
	}
	if len(payments) == 0 {
		return nil, paymentNotFound()
	}
	// Who locks a payment is about to change it; watchers see for themselves whether that came true.
	if err := live.Notify(ctx, tx, live.Topic{Account: tenant, Kind: live.Payment, Subject: int64(id)}); err != nil {
		return nil, err
	}
	return payments[0], nil
}

// lockHistory reads an account's subscription, holds it, and reads the period that ends last.
func lockHistory(ctx context.Context, tx bun.Tx, tenant gid.Account) (*Subscription, *SubscriptionPeriod, error) {
	subscription := new(Subscription)
	if err := tx.NewSelect().Model(subscription).Where("tenant_id = ?", tenant).For("UPDATE").Scan(ctx); err != nil {
		return nil, nil, fmt.Errorf("lock subscription: %w", err)
	}
	last := new(SubscriptionPeriod)
	if err := tx.NewSelect().Model(last).Where("tenant_id = ?", tenant).Order("end_at DESC").Limit(1).Scan(ctx); err != nil {
		return nil, nil, fmt.Errorf("read last period: %w", err)
	}
	return subscription, last, nil
}

// appendPeriods writes an extension of the history and returns the paid periods.
func appendPeriods(
	ctx context.Context, tx bun.Tx, last *SubscriptionPeriod, ext extension, p *Payment, now time.Time,
) ([]*SubscriptionPeriod, error) {
	if ext.cutLast != nil {
		last.End = *ext.cutLast
		if _, err := tx.NewUpdate().Model(last).Column("end_at").WherePK().Exec(ctx); err != nil {
			return nil, fmt.Errorf("end period: %w", err)
		}
	}
	all := []*SubscriptionPeriod{}
	if ext.lapsed != nil {
		all = append(all, &SubscriptionPeriod{
			TenantID: p.TenantID, Kind: LapsedPeriod, PlanID: last.PlanID, CreatedAt: now,
			Start: ext.lapsed.Start, End: ext.lapsed.End, PreviousEnd: &ext.lapsed.Start,
		})
	}
	for _, span := range ext.paid {
		all = append(all, &SubscriptionPeriod{
			TenantID: p.TenantID, Kind: PaidPeriod, PlanID: p.PlanID, PaymentID: &p.ID, CreatedAt: now,
			Start: span.Start, End: span.End, PreviousEnd: &span.Start,
		})
	}
	if _, err := tx.NewInsert().Model(&all).Returning("id").Exec(ctx); err != nil {
		return nil, fmt.Errorf("insert periods: %w", err)
	}
	return all[len(all)-len(ext.paid):], nil
}

// grantBegun grants the plan's credits for each of the periods that has begun. The others get
// theirs when they begin.
func grantBegun(
	ctx context.Context, tx bun.Tx, p *plan.Plan, periods []*SubscriptionPeriod, by audit.By, now time.Time,
) error {
	for _, span := range periods {
		if span.Start.After(now) || !span.End.After(now) {
			continue
		}
		_, err := credit.Add(ctx, tx, credit.Incoming{
			Tenant: span.TenantID, Kind: credit.Subscription, Amount: p.IncludedCredits, ExpiresAt: &span.End,
			PeriodID: &span.ID, PaymentID: span.PaymentID, By: by, At: now,
			Description:    fmt.Sprintf("%s, %s to %s", p.Name, span.Start.Format(time.DateOnly), span.End.Format(time.DateOnly)),
			IdempotencyKey: fmt.Sprintf("period:%d", span.ID),
		})
		if err != nil {
			return err
		}
	}
	return nil
}
