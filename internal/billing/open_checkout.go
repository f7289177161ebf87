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
	"igny8.com/accounts/internal/postgres"
)

// begin writes a new checkout down, lets those give way that were not asked for at Stripe yet, and notes which have
// to be closed there.
func (t *CheckoutTerms) begin(
	ctx context.Context, tx bun.Tx, a *agreement, actor account.Actor, in BeginCheckout, now time.Time,
) error {
	row := &Checkout{
		TenantID: a.account.ID, Mode: ToSubscribe, PlanID: t.Plan.ID, PaymentID: in.PaymentID, Status: CheckoutStarted,
		IdempotencyKey: in.IdempotencyKey, Fingerprint: in.fingerprint(), CreatedBy: actor.User.ID, CreatedAt: now, UpdatedAt: now,
		// Stripe's clock has no fractions of a second.
		ExpiresAt: now.Add(CheckoutTime).Truncate(time.Second),
	}
	change := audit.On("checkout.started", "subscription", a.subscription.ID)
	if in.PaymentID != nil {
		row.Mode, change = ToPay, audit.On("checkout.started", "payment", *in.PaymentID)
	}
	others := []*Checkout{}
	q := tx.NewSelect().Model(&others).Where("tenant_id = ?", row.TenantID).Where("mode = ?", row.Mode).
		Where("status IN (?)", bun.List([]CheckoutStatus{CheckoutStarted, CheckoutOpen})).Order("id")
	if in.PaymentID != nil {
		q = q.Where("payment_id = ?", *in.PaymentID)
	}
	if err := q.Scan(ctx); err != nil {
		return fmt.Errorf("read checkouts: %w", err)
	}
	for _, other := range others {
		if other.SessionID != nil {
			t.Stale = append(t.Stale, *other.SessionID)
			continue
		}
		if err := other.stand(ctx, tx, CheckoutFailed, now); err != nil {
			return err
		}
	}
	if _, err := tx.NewInsert().Model(row).Returning("id").Exec(ctx); err != nil {
		return fmt.Errorf("insert checkout: %w", err)
	}
	t.Checkout = row
	change = change.To(map[string]any{"plan": t.Plan.Slug, "amount": t.Due.String(), "mode": row.Mode})
	return audit.Record(ctx, tx, row.TenantID, actor.By(row.TenantID), now, change)
}

// Startable says whether Stripe can still be asked for the page of a checkout that it was not heard of about.
func (c *Checkout) Startable(now time.Time) bool {
	return c.Status == CheckoutStarted && now.Before(c.CreatedAt.Add(checkoutStart))
}

// stand moves a checkout to a status.
func (c *Checkout) stand(ctx context.Context, tx bun.Tx, status CheckoutStatus, now time.Time) error {
	c.Status, c.UpdatedAt = status, now
	if _, err := tx.NewUpdate().Model(c).WherePK().Column("status", "session_id", "updated_at").Exec(ctx); err != nil {
		return fmt.Errorf("write a checkout: %w", err)
	}
	return nil
}

// OpenCheckout notes the session that Stripe made for a checkout. Said again, it changes nothing. Errors: NOT_FOUND;
// INVALID_STATE where a newer one took its place, so that this session must be closed.
func (o Office) OpenCheckout(ctx context.Context, db bun.IDB, tenant gid.Account, id int64, session string, now time.Time) error {
	return onCheckout(ctx, db, tenant, id, func(ctx context.Context, tx bun.Tx, c *Checkout) error {
		switch {
		case c.SessionID != nil && *c.SessionID == session:
			return nil
		case c.Status != CheckoutStarted:
			return fault.New(fault.InvalidState, "another checkout was begun since; use that one")
		}
		c.SessionID = &session
		return c.stand(ctx, tx, CheckoutOpen, now)
	})
}

// FailCheckout notes that a checkout came to nothing, unless it came to something. Errors: NOT_FOUND.
func (o Office) FailCheckout(ctx context.Context, db bun.IDB, tenant gid.Account, id int64, now time.Time) error {
	return onCheckout(ctx, db, tenant, id, func(ctx context.Context, tx bun.Tx, c *Checkout) error {
		if c.Status != CheckoutStarted {
			return nil
		}
		return c.stand(ctx, tx, CheckoutFailed, now)
	})
}

// ExpireCheckout notes that the session of a checkout was closed before it was completed.
func (o Office) ExpireCheckout(ctx context.Context, db bun.IDB, tenant gid.Account, session string, now time.Time) error {
	return postgres.InTx(postgres.WithTenant(ctx, int64(tenant)), db, func(ctx context.Context, tx bun.Tx) error {
		if _, err := account.Lock(ctx, tx, tenant); err != nil {
			return err
		}
		_, err := tx.NewUpdate().Model((*Checkout)(nil)).Set("status = ?", CheckoutExpired).Set("updated_at = ?", now).
			Where("tenant_id = ?", tenant).Where("session_id = ?", session).Where("status = ?", CheckoutOpen).Exec(ctx)
		if err != nil {
			return fmt.Errorf("close a checkout: %w", err)
		}
		return nil
	})
}

// onCheckout changes a checkout behind its account's lock.
func onCheckout(
	ctx context.Context, db bun.IDB, tenant gid.Account, id int64, do func(context.Context, bun.Tx, *Checkout) error,
) error {
	return postgres.InTx(postgres.WithTenant(ctx, int64(tenant)), db, func(ctx context.Context, tx bun.Tx) error {
		if _, err := account.Lock(ctx, tx, tenant); err != nil {
			return err
		}
		c := new(Checkout)
		if err := tx.NewSelect().Model(c).Where("tenant_id = ?", tenant).Where("id = ?", id).For("UPDATE").Scan(ctx); err != nil {
			return fmt.Errorf("read a checkout: %w", err)
		}
		return do(ctx, tx, c)
	})
}
