package billing

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/queue"
)

// push leaves what we want Stripe to do, and the job of it. What of the kind waits for the same subscription is
// superseded: only the newest wish counts, and the end is the last one.
func (a *agreement) push(ctx context.Context, tx bun.Tx, p *Push, wanted any, now time.Time) error {
	text, err := json.Marshal(wanted)
	if err != nil {
		return fmt.Errorf("leave a wish for Stripe: %w", err)
	}
	p.TenantID, p.Wanted, p.Status, p.CreatedAt, p.UpdatedAt = a.account.ID, text, PushPending, now, now
	if p.SubscriptionID != nil {
		q := tx.NewUpdate().Model((*Push)(nil)).Set("status = ?", PushSuperseded).Set("updated_at = ?", now).
			Where("tenant_id = ?", p.TenantID).Where("subscription_id = ?", *p.SubscriptionID).Where("status = ?", PushPending)
		if p.Kind != PushEnd {
			q = q.Where("kind = ?", p.Kind)
		}
		if _, err := q.Exec(ctx); err != nil {
			return fmt.Errorf("supersede wishes for Stripe: %w", err)
		}
	}
	if _, err := tx.NewInsert().Model(p).Returning("id").Exec(ctx); err != nil {
		return fmt.Errorf("leave a wish for Stripe: %w", err)
	}
	return queue.StripePushNow(ctx, tx, p.TenantID, p.ID)
}

// wishes are what waits to be done with one Stripe subscription, and its end also once that was done.
type wishes []*Push

func (a *agreement) wishes(ctx context.Context, tx bun.Tx, subscription string) (wishes, error) {
	ours := wishes{}
	err := tx.NewSelect().Model(&ours).Column("tenant_id", "id", "kind", "wanted", "status").Where("tenant_id = ?", a.account.ID).
		Where("subscription_id = ?", subscription).
		Where("(status = ? OR kind = ? AND status = ?)", PushPending, PushEnd, PushDone).Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("look for wishes for Stripe: %w", err)
	}
	return ours, nil
}

// waiting is the one of a kind that waits; nil where none does.
func (w wishes) waiting(kind PushKind) *Push {
	for _, p := range w {
		if p.Kind == kind && p.Status == PushPending {
			return p
		}
	}
	return nil
}

// aboutEnd says that one about the subscription's end waits.
func (w wishes) aboutEnd() bool { return w.waiting(PushCancel) != nil || w.waiting(PushEnd) != nil }

// end says that we had the subscription ended, or are about to.
func (w wishes) end() bool {
	return slices.ContainsFunc(w, func(p *Push) bool { return p.Kind == PushEnd })
}

// CustomerWish is what a push of kind PushCustomer wants.
type CustomerWish struct {
	Customer string `json:"customer"`
}

// ForgetCustomers has Stripe delete the customers of an account that is over for good: who they were goes there too.
func ForgetCustomers(ctx context.Context, tx bun.Tx, tenant gid.Account, customers []string, now time.Time) error {
	a := &agreement{account: &account.Account{ID: tenant}}
	for _, id := range customers {
		if err := a.push(ctx, tx, &Push{Kind: PushCustomer}, CustomerWish{id}, now); err != nil {
			return err
		}
	}
	return nil
}
