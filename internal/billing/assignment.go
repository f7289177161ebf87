package billing

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/audit"
	"igny8.com/accounts/internal/gid"
)

// assignmentWaits says whether what staff assigned is still to be paid for. Nothing is bought meanwhile, so that
// what was assigned stays the end of the history, and can be taken back.
func (a *agreement) assignmentWaits() bool {
	return slices.ContainsFunc(a.pending, func(p *Payment) bool { return p.Purpose == ForAssignment })
}

// supersede takes back what was assigned before and was not paid for yet: another assignment takes its place.
func (a *agreement) supersede(ctx context.Context, tx bun.Tx, staff account.Actor, now time.Time) error {
	for _, p := range slices.Clone(a.pending) {
		if p.Purpose != ForAssignment {
			continue
		}
		p.Status, p.UpdatedAt = Withdrawn, now
		if _, err := tx.NewUpdate().Model(p).WherePK().Column("status", "updated_at").Exec(ctx); err != nil {
			return fmt.Errorf("withdraw payment: %w", err)
		}
		if err := notify(ctx, tx, p); err != nil {
			return err
		}
		if _, err := a.settled(ctx, tx, p, "", now, now); err != nil {
			return err
		}
		change := audit.On("payment.withdrawn", "payment", p.ID).To(map[string]any{reasonField: "another plan is assigned"})
		if err := audit.Record(ctx, tx, a.account.ID, staff.By(a.account.ID), now, change); err != nil {
			return err
		}
	}
	return nil
}

// unassign takes back what staff assigned and nobody paid for. What was used of it costs nothing, and it ends at the
// instant at, which it says, unless it has ended, or something follows it already. What comes then is what comes after
// any period that was not renewed: the account is past due, and suspended when the grace time is over.
func (a *agreement) unassign(ctx context.Context, tx bun.Tx, p *Payment, at, now time.Time) (bool, error) {
	assigned, err := a.assignedBy(ctx, tx, p)
	if err != nil {
		return false, err
	}
	var kept, ahead []*SubscriptionPeriod
	for _, q := range assigned {
		q.PriceMinor = 0
		if q.BegunAt == nil && !q.Start.Before(at) {
			ahead = append(ahead, q)
		} else {
			kept = append(kept, q)
		}
	}
	_, err = tx.NewUpdate().Model((*SubscriptionPeriod)(nil)).Set("price_minor = 0").
		Where("tenant_id = ?", a.account.ID).Where("payment_id = ?", p.ID).Exec(ctx)
	if err != nil {
		return false, fmt.Errorf("take the price of what was assigned back: %w", err)
	}
	if len(assigned) == 0 || a.last() != assigned[len(assigned)-1] || !a.last().End.After(at) {
		return false, nil
	}
	if len(kept) == 0 { // it is taken back in the instant in which it was assigned
		kept, ahead = ahead[:1], ahead[1:]
	}
	planned := a.last().End
	if err := a.remove(ctx, tx, ahead); err != nil {
		return false, err
	}
	// It may be over by now, and then it was not among those that are known.
	if last := kept[len(kept)-1]; !slices.Contains(a.chain, last) {
		a.chain = append(a.chain, last)
	}
	ended, err := a.cutLast(ctx, tx, at)
	if err != nil {
		return false, err
	}
	change := audit.On("plan.assignment_ended", "account", a.account.ID).
		From(map[string]any{"until": planned, "planId": gid.Format(p.PlanID)}).
		To(map[string]any{"until": ended, "payment": gid.Format(p.ID), reasonField: "it was not paid for"})
	return true, audit.Record(ctx, tx, a.account.ID, audit.By{Kind: audit.System}, now, change)
}

// assignedBy reads the periods that staff assigned with a payment, by start: those that the agreement has are the
// agreement's own.
func (a *agreement) assignedBy(ctx context.Context, tx bun.Tx, p *Payment) ([]*SubscriptionPeriod, error) {
	periods := []*SubscriptionPeriod{}
	err := tx.NewSelect().Model(&periods).Where("tenant_id = ?", a.account.ID).Where("payment_id = ?", p.ID).Order("start_at").Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("read what a payment is for: %w", err)
	}
	for i, q := range periods {
		for _, known := range slices.Concat(a.chain, a.unbegun) {
			if known.ID == q.ID {
				periods[i] = known
			}
		}
	}
	return periods, nil
}

// payAssigned bills what staff assigned and its payment was asked for.
func (a *agreement) payAssigned(ctx context.Context, tx bun.Tx, p *Payment) ([]*InvoiceLine, error) {
	periods, err := a.assignedBy(ctx, tx, p)
	if err != nil {
		return nil, err
	}
	of, err := a.plan(ctx, tx, p.PlanID)
	if err != nil {
		return nil, err
	}
	lines := make([]*InvoiceLine, len(periods))
	for i, q := range periods {
		lines[i] = &InvoiceLine{Description: of.Name, PeriodStart: q.Start, PeriodEnd: q.End, AmountMinor: q.PriceMinor}
	}
	return lines, nil
}
