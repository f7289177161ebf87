package stripe

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/mail"
	"igny8.com/accounts/internal/postgres"
)

// quiet is for how long after a dead letter staff are told of no other one: who looks sees them all.
const quiet = time.Hour

// scope is the scope in which a letter to staff can be left, where one may have to be: of the account that the event is
// about, else of a system account.
func (t *Till) scope(ctx context.Context, e *Event) (context.Context, error) {
	if t.office.StaffEmail == "" || e.Status != EventDead {
		return postgres.WithTenant(ctx, 0), nil
	}
	if e.TenantID != nil {
		return postgres.WithTenant(ctx, int64(*e.TenantID)), nil
	}
	var house []gid.Account
	err := t.db.NewRaw(`SELECT id FROM igny8_tenants WHERE is_system ORDER BY id LIMIT 1`).
		Scan(postgres.WithStaff(postgres.WithTenant(ctx, 0)), &house)
	if err != nil {
		return nil, fmt.Errorf("find whom to tell: %w", err)
	}
	if len(house) == 0 {
		return postgres.WithTenant(ctx, 0), nil
	}
	return postgres.WithTenant(ctx, int64(house[0])), nil
}

// tellStaff leaves a letter about a dead letter, where staff have an address and a letter can be left at all, and none
// was left within the hour.
func (t *Till) tellStaff(ctx context.Context, tx bun.Tx, e *Event, now time.Time) error {
	about, ok := postgres.Tenant(ctx)
	if t.office.StaffEmail == "" || !ok {
		return nil
	}
	told, err := tx.NewSelect().Model((*Event)(nil)).Where("status = ?", EventDead).Where("updated_at > ?", now.Add(-quiet)).
		Where("id <> ?", e.ID).Exists(ctx)
	if err != nil {
		return fmt.Errorf("look for dead letters: %w", err)
	}
	if told {
		return nil
	}
	return t.office.Mail.Post(ctx, tx, mail.Letter{
		Tenant: gid.Account(about), Kind: "stripe_dead_letter", To: t.office.StaffEmail,
		Subject: "Stripe told of something that could not be done: " + e.Type,
		Text: fmt.Sprintf(`The event %s (%s) could not be done:

%s

It waits for somebody to look at it, and there may be more: see stripeEvents(filter: { status: DEAD }).
What is mended is tried again with retryStripeEvent. For an hour no other letter like this one is sent.
`, e.StripeID, e.Type, *e.Error),
	}, now)
}
