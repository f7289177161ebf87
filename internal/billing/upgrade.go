package billing

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/gid"
)

// upgradeBy moves what is paid for to the plan that a payment is for, from now on: the period that runs is split
// in two, and those ahead change. Less of it is left than when the payment was asked for, so a part of the money
// comes to the account's balance, with the tax on it; where nothing is left, all of it, and the plan is the next one.
// Where more was paid for a time than it costs on the new plan, the rest comes to the balance too.
func (a *agreement) upgradeBy(ctx context.Context, tx bun.Tx, p *Payment, now time.Time) (billed, error) {
	to, err := a.plan(ctx, tx, p.PlanID)
	if err != nil {
		return billed{}, err
	}
	for _, span := range a.chain {
		if _, err := a.plan(ctx, tx, span.PlanID); err != nil {
			return billed{}, err
		}
	}
	from, err := a.plan(ctx, tx, a.account.PlanID)
	if err != nil {
		return billed{}, err
	}
	c := &PlanChange{}
	if a.running(now) && !a.assignmentWaits() {
		c.upgrade(a, from, to, now)
	}
	had := p.NetMinor - p.CreditedMinor
	lines, returned := []*InvoiceLine{}, map[gid.Payment]int64{}
	var spent int64
	for _, v := range c.converted {
		cost := v.price - v.credited()
		if spent+cost > had {
			break // more was bought since; it stays as it was paid for
		}
		spent += cost
		v.period.giveUp(returned, v.returned())
		moved, err := a.convert(ctx, tx, p, v, now)
		if err != nil {
			return billed{}, err
		}
		lines = append(lines, &InvoiceLine{Description: to.Name, PeriodStart: v.from, PeriodEnd: moved.End, AmountMinor: v.price})
		if credited := v.credited(); credited > 0 {
			lines = append(lines, &InvoiceLine{
				Description: "Credit for the unused time on " + a.plans[v.was].Name, PeriodStart: v.from, PeriodEnd: moved.End, AmountMinor: -credited,
			})
		}
	}
	if len(lines) == 0 {
		a.subscription.PendingPlanID = &p.PlanID
	} else {
		a.subscription.PendingPlanID = nil
		a.subscription.AgreedMinor, a.subscription.AgreedCurrency = nil, nil
	}
	if err := a.giveBack(ctx, tx, returned, p.Currency, now); err != nil {
		return billed{}, err
	}
	a.subscription.Status, a.subscription.CancelAtPeriodEnd, a.resumes = ActiveSubscription, false, true
	bought := billed{tax: taxOn(spent, p.TaxRate)}
	if excess := had + p.TaxMinor - spent - bought.tax; excess > 0 {
		bought.untaxed = excess
		lines = append(lines, &InvoiceLine{
			Description: "Time used before the payment was confirmed, kept as your balance", PeriodStart: p.CreatedAt, PeriodEnd: now, AmountMinor: excess,
		})
		if err := a.enter(ctx, tx, BalanceExcess, excess, p.Currency, &p.ID, "not needed for "+p.Reference, now); err != nil {
			return billed{}, err
		}
	}
	bought.lines = lines
	return bought, nil
}

// convert moves one period, or the rest of one, to the plan of a payment, and returns it.
func (a *agreement) convert(ctx context.Context, tx bun.Tx, p *Payment, v conversion, now time.Time) (*SubscriptionPeriod, error) {
	if v.from.Equal(v.period.Start) {
		v.period.PlanID, v.period.PaymentID, v.period.PriceMinor, v.period.Kind = p.PlanID, &p.ID, v.price, PaidPeriod
		_, err := tx.NewUpdate().Model(v.period).WherePK().Column("kind", "plan_id", "payment_id", "price_minor").Exec(ctx)
		if err != nil {
			return nil, fmt.Errorf("move a period to another plan: %w", err)
		}
		return v.period, nil
	}
	rest := &SubscriptionPeriod{
		Kind: PaidPeriod, PlanID: p.PlanID, PaymentID: &p.ID, PriceMinor: v.price, Start: v.from, End: v.period.End,
	}
	v.period.End, v.period.PriceMinor = v.from, v.period.PriceMinor-v.unused
	if _, err := tx.NewUpdate().Model(v.period).WherePK().Column("end_at", "price_minor").Exec(ctx); err != nil {
		return nil, fmt.Errorf("split a period: %w", err)
	}
	if err := a.insertAfter(ctx, tx, v.period, rest, now); err != nil {
		return nil, err
	}
	// It begins at once, with the difference of the credits for the time that is left.
	if err := a.beginWith(ctx, tx, rest, v.credits, now); err != nil {
		return nil, err
	}
	return rest, nil
}

// insertAfter writes a period that follows another one within the chain.
func (a *agreement) insertAfter(ctx context.Context, tx bun.Tx, before, p *SubscriptionPeriod, now time.Time) error {
	order := slices.Insert(slices.Clone(a.chain), slices.Index(a.chain, before)+1, p)
	if err := a.append(ctx, tx, now, p); err != nil {
		return err
	}
	a.chain = order
	return nil
}
