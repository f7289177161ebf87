package billing

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/mail"
	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/queue"
)

// Pushed is what came of a try to have Stripe do something.
type Pushed struct {
	// Failure is why it is not done, without anything about a person; empty where it is. GivenUp says that it is not
	// tried again.
	Failure string
	GivenUp bool
	// Subscription is the one that it was about, as Stripe has it by then; nil where it was about none, or is not known.
	Subscription *Collector
}

// BeginPush reads what Stripe is to do, and counts the try. One that a newer wish took the place of has nothing left to
// do, unless it was tried before: then Stripe may have done it after the newer one, which is to be done again. nil
// means that nothing is left to do.
func BeginPush(ctx context.Context, db bun.IDB, tenant gid.Account, id int64, now time.Time) (*Push, error) {
	var push *Push
	err := onPush(ctx, db, tenant, id, func(ctx context.Context, tx bun.Tx, p *Push) (err error) {
		switch {
		case p.Status == PushPending:
			push = p
			p.Attempts, p.UpdatedAt = p.Attempts+1, now
			_, err = tx.NewUpdate().Model(p).WherePK().Column("attempts", "updated_at").Exec(ctx)
		case p.Status == PushSuperseded && p.Attempts > 0:
			push, err = newestAfter(ctx, tx, p)
		}
		if err != nil {
			return fmt.Errorf("begin a push: %w", err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return push, nil
}

// EndPush writes what came of a try: the push is done, or stays, or is given up, which staff are told of. It returns
// the wish that took its place meanwhile and that Stripe has to be told of again, because nobody knows which of the two
// came last; nil for none.
func (o Office) EndPush(ctx context.Context, db bun.IDB, p *Push, came Pushed, now time.Time) (newer *Push, err error) {
	err = onPush(ctx, db, p.TenantID, p.ID, func(ctx context.Context, tx bun.Tx, is *Push) error {
		if err := came.Subscription.note(ctx, tx, p.TenantID, now); err != nil {
			return err
		}
		if is.Status == PushSuperseded {
			newer, err = newestAfter(ctx, tx, is)
			return err
		}
		if is.Status != PushPending {
			return nil // somebody else did the same
		}
		is.Status, is.Error, is.UpdatedAt = PushDone, nil, now
		if came.Failure != "" {
			is.Status, is.Error = PushPending, &came.Failure
			if came.GivenUp {
				is.Status = PushFailed
			}
		}
		if is.Kind == PushCustomer && is.Status == PushDone {
			is.Wanted = json.RawMessage("{}") // nothing is to lead to whoever was forgotten
		}
		if _, err := tx.NewUpdate().Model(is).WherePK().Column("status", "error", "wanted", "updated_at").Exec(ctx); err != nil {
			return fmt.Errorf("end a push: %w", err)
		}
		if is.Status == PushFailed {
			return o.alertStaff(ctx, tx, is.TenantID, pushFailed(is), now)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return newer, nil
}

// RetryPush has what was given up tried again. It returns nil where there is no such push, it was not given up, or a
// newer wish about the same was left since.
func RetryPush(ctx context.Context, db bun.IDB, tenant gid.Account, id int64, now time.Time) (*Push, error) {
	var again *Push
	err := onPush(ctx, db, tenant, id, func(ctx context.Context, tx bun.Tx, p *Push) error {
		if p.Status != PushFailed {
			return nil
		}
		if newer, err := newestAfter(ctx, tx, p); err != nil || newer != nil {
			return err
		}
		again = p
		p.Status, p.UpdatedAt = PushPending, now
		if _, err := tx.NewUpdate().Model(p).WherePK().Column("status", "updated_at").Exec(ctx); err != nil {
			return fmt.Errorf("retry a push: %w", err)
		}
		return queue.StripePushNow(ctx, tx, tenant, id)
	})
	if err != nil {
		return nil, err
	}
	return again, nil
}

// newestAfter is the newest wish about the same that came after a push; nil for none.
func newestAfter(ctx context.Context, tx bun.Tx, p *Push) (*Push, error) {
	if p.SubscriptionID == nil {
		return nil, nil //nolint:nilnil // nothing is an answer
	}
	newest := new(Push)
	err := tx.NewSelect().Model(newest).Where("tenant_id = ?", p.TenantID).Where("subscription_id = ?", *p.SubscriptionID).
		Where("kind IN (?)", bun.List([]PushKind{p.Kind, PushEnd})).Where("id > ?", p.ID).
		Where("status IN (?)", bun.List([]PushStatus{PushPending, PushDone})).Order("id DESC").Limit(1).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil //nolint:nilnil // nothing is an answer
	}
	if err != nil {
		return nil, fmt.Errorf("find a newer push: %w", err)
	}
	return newest, nil
}

// onPush works on a push behind its account's lock, which a deleted account has too. Where there is no such push,
// nothing happens.
func onPush(ctx context.Context, db bun.IDB, tenant gid.Account, id int64, do func(context.Context, bun.Tx, *Push) error) error {
	return postgres.InTx(postgres.WithTenant(ctx, int64(tenant)), db, func(ctx context.Context, tx bun.Tx) error {
		if _, err := tx.NewRaw(`SELECT FROM igny8_tenants WHERE id = ? FOR UPDATE`, tenant).Exec(ctx); err != nil {
			return fmt.Errorf("lock account: %w", err)
		}
		p := new(Push)
		err := tx.NewSelect().Model(p).Where("tenant_id = ?", tenant).Where("id = ?", id).For("UPDATE").Scan(ctx)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read a push: %w", err)
		}
		return do(ctx, tx, p)
	})
}

// note keeps how a subscription is that we had Stripe change. A look at it that began before is known by the version
// to be overtaken. One that was never seen is left to what Stripe tells of it.
func (c *Collector) note(ctx context.Context, tx bun.Tx, tenant gid.Account, now time.Time) error {
	if c == nil {
		return nil
	}
	_, err := tx.NewUpdate().Model((*Collector)(nil)).Where("tenant_id = ?", tenant).Where("subscription_id = ?", c.SubscriptionID).
		Set("status = ?", c.Status).Set("cancelling = ?", c.Cancelling).Set("plan_slug = ?", c.PlanSlug).
		Set("amount_minor = ?", c.AmountMinor).Set("currency = ?", c.Currency).Set("period_end = ?", c.PeriodEnd).
		Set("seen_at = ?", now).Set("version = version + 1").Exec(ctx)
	if err != nil {
		return fmt.Errorf("note a subscription of Stripe: %w", err)
	}
	return nil
}

// alertStaff leaves a letter for staff, where an address of theirs is configured.
func (o Office) alertStaff(ctx context.Context, tx bun.Tx, tenant gid.Account, n note, now time.Time) error {
	if o.StaffEmail == "" {
		return nil
	}
	return o.Mail.Post(ctx, tx, mail.Letter{Tenant: tenant, Kind: n.kind, To: o.StaffEmail, Subject: n.subject, Text: n.text}, now)
}

func pushFailed(p *Push) note {
	about := "its customer at Stripe"
	if p.SubscriptionID != nil {
		about = "the subscription " + *p.SubscriptionID
	}
	if p.PaymentID != nil {
		about = "the payment " + gid.Format(*p.PaymentID)
	}
	return note{
		kind: "stripe_push_failed", subject: "Stripe was not told of a change",
		text: fmt.Sprintf(`Stripe could not be had to do something for the account %s. It is
about %s, and of the kind "%s" (push %d):

%s

It was given up after %d tries. Until it is mended, Stripe goes on as before: look at it in
Stripe's dashboard, do it there by hand, or have it tried again: igny8 stripe retry.
`, gid.Format(p.TenantID), about, p.Kind, p.ID, *p.Error, p.Attempts),
	}
}

// RefundWish is what a push of kind PushRefund wants.
type RefundWish struct {
	// Amount is in minor units of the payment's currency.
	Amount int64 `json:"amount"`
	// Refund is the refund's number here.
	Refund int64 `json:"refund"`
}

// pushRefund has Stripe give money back that it collected, for a refund that was decided on here: what was decided on
// there, or taken by a bank, is on its way.
func (a *agreement) pushRefund(ctx context.Context, tx bun.Tx, p *Payment, back *PaymentRefund, now time.Time) error {
	if p.Method != Stripe || back.AmountMinor <= 0 {
		return nil
	}
	return a.push(ctx, tx, &Push{Kind: PushRefund, PaymentID: &p.ID}, RefundWish{Amount: back.AmountMinor, Refund: back.ID}, now)
}
