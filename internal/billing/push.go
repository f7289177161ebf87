package billing

import (
	"context"
	"encoding/json"
	"fmt"
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

// pushing says whether something of the kinds waits to be done with a Stripe subscription.
func (a *agreement) pushing(ctx context.Context, tx bun.Tx, subscription string, kinds ...PushKind) (bool, error) {
	waiting := []*Push{}
	err := tx.NewSelect().Model(&waiting).Column("tenant_id", "id").Where("tenant_id = ?", a.account.ID).
		Where("subscription_id = ?", subscription).Where("kind IN (?)", bun.List(kinds)).Where("status = ?", PushPending).Scan(ctx)
	if err != nil {
		return false, fmt.Errorf("look for wishes for Stripe: %w", err)
	}
	return len(waiting) > 0, nil
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
