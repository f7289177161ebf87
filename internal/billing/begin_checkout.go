package billing

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/money"
	"igny8.com/accounts/internal/plan"
	"igny8.com/accounts/internal/postgres"
)

const (
	// CheckoutTime is how long the page of a checkout can be used. It is short, so that little else happens to what
	// it pays for meanwhile; another one can be begun at any time.
	CheckoutTime = time.Hour
	// checkoutStart is how long Stripe may be asked for the page: it makes none that is to be used for less than
	// half an hour.
	checkoutStart = CheckoutTime - 35*time.Minute
)

// BeginCheckout asks to pay at Stripe: a plan, month by month from now on, or one payment that waits.
type BeginCheckout struct {
	// PlanSlug is the plan to subscribe to; beside a payment, nil or the payment's own.
	PlanSlug *string
	// PaymentID is the payment to make; nil to subscribe.
	PaymentID      *gid.Payment
	IdempotencyKey string
	// Further are facts of the request beside these, which a retry has to repeat.
	Further []string
}

// CheckoutTerms are what Stripe is asked for.
type CheckoutTerms struct {
	*Checkout

	Account *account.Account
	Plan    *plan.Plan
	// Net is without tax, TaxRate in hundredths of a percent or nil, and Due what is charged: each month where it is a
	// subscription.
	Net, Due money.Money
	TaxRate  *int
	// Reference names the payment to people; empty where it is a subscription.
	Reference string
	// Email is where Stripe's own letters go.
	Email string
	// Stale are the ids of sessions for the same thing that were open before: they have to be closed first.
	Stale []string
}

// BeginCheckout writes down that an owner goes to pay at Stripe, and says on which terms. Stripe itself is asked after
// that, outside of any transaction, and OpenCheckout or FailCheckout say what came of it. The same key and input give
// the same checkout again. A checkout that was not asked for at Stripe yet gives way to a newer one.
//
// Errors: REQUIRED and TOO_LONG at idempotencyKey, IDEMPOTENCY_CONFLICT; REQUIRED, PLAN_UNAVAILABLE and INVALID_STATE
// at planSlug; NOT_FOUND and INVALID_STATE at paymentId; INVALID_STATE for an account that is cancelled, or on a test
// clock.
func (o Office) BeginCheckout(
	ctx context.Context, db bun.IDB, actor account.Actor, now time.Time, in BeginCheckout,
) (*CheckoutTerms, error) {
	if f := in.check(); f != nil {
		return nil, f
	}
	var terms *CheckoutTerms
	err := postgres.InTx(ctx, db, func(ctx context.Context, tx bun.Tx) error {
		a, err := o.open(ctx, tx, actor.AccountID(), &now)
		if err != nil {
			return err
		}
		if a.account.ClockAt != nil {
			return fault.New(fault.InvalidState, "this account is on a test clock, of which Stripe knows nothing: ask for a bank transfer, which staff confirm")
		}
		known, err := in.recall(ctx, tx, a.account.ID)
		if err != nil {
			return err
		}
		if terms, err = a.termsOf(ctx, tx, in, known, now); err != nil {
			return err
		}
		if known == nil {
			err = terms.begin(ctx, tx, a, actor, in, now)
		}
		if err != nil {
			return err
		}
		terms.Email = actor.User.Email
		if bills := a.account.BillingEmail; bills != nil {
			terms.Email = *bills
		}
		return a.close(ctx, tx)
	})
	if err != nil {
		return nil, err
	}
	return terms, nil
}

func (in BeginCheckout) check() *fault.Error {
	if f := fault.CheckIdempotencyKey(in.IdempotencyKey); f != nil {
		return f
	}
	if in.PlanSlug == nil && in.PaymentID == nil {
		return fault.New(fault.Required, "say which plan, or which payment").At("planSlug")
	}
	return nil
}

// fingerprint is of all that a retry has to repeat.
func (in BeginCheckout) fingerprint() []byte {
	facts := make([]any, 0, 2+len(in.Further))
	facts = append(facts, "", gid.Payment(0))
	if in.PlanSlug != nil {
		facts[0] = *in.PlanSlug
	}
	if in.PaymentID != nil {
		facts[1] = *in.PaymentID
	}
	for _, f := range in.Further {
		facts = append(facts, f)
	}
	return fingerprint(facts...)
}

// recall finds the checkout that the key stood for; nil where the key is new. Errors: IDEMPOTENCY_CONFLICT.
func (in BeginCheckout) recall(ctx context.Context, tx bun.Tx, tenant gid.Account) (*Checkout, error) {
	known := new(Checkout)
	err := tx.NewSelect().Model(known).Where("tenant_id = ?", tenant).Where("idempotency_key = ?", in.IdempotencyKey).For("UPDATE").Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil //nolint:nilnil // nothing is an answer
	}
	if err != nil {
		return nil, fmt.Errorf("recall a checkout: %w", err)
	}
	if !bytes.Equal(known.Fingerprint, in.fingerprint()) {
		return nil, fault.New(fault.IdempotencyConflict, "this key was used with other input").At("idempotencyKey")
	}
	return known, nil
}

// termsOf says on which terms something is paid at Stripe; of a checkout that is known only what asking for it again
// takes.
func (a *agreement) termsOf(ctx context.Context, tx bun.Tx, in BeginCheckout, known *Checkout, now time.Time) (*CheckoutTerms, error) {
	if known == nil && a.account.Status == account.Cancelled {
		return nil, fault.New(fault.InvalidState, "a cancelled account comes back by a bank transfer, which staff review")
	}
	terms := &CheckoutTerms{Checkout: known, Account: a.account}
	var err error
	if in.PaymentID == nil {
		err = terms.subscribe(ctx, tx, a, *in.PlanSlug, now)
	} else {
		err = terms.pay(ctx, tx, a, in, now)
	}
	if err != nil {
		return nil, err
	}
	return terms, nil
}

// subscribe makes the terms of a subscription, by the rules of a bank transfer for the same plan.
func (t *CheckoutTerms) subscribe(ctx context.Context, tx bun.Tx, a *agreement, slug string, now time.Time) error {
	p, err := plan.BySlug(ctx, tx, slug)
	if err != nil {
		return err
	}
	if p == nil || !p.SelfServe || p.PriceMinor <= 0 {
		return fault.New(fault.PlanUnavailable, "there is no plan of this name that can be paid for").At("planSlug")
	}
	t.Plan, t.Net, t.TaxRate = p, p.Price(), a.account.TaxRate
	t.Due = money.Money{Minor: t.Net.Minor + taxOn(t.Net.Minor, t.TaxRate), Currency: t.Net.Currency}
	if t.Checkout != nil {
		return nil
	}
	if a.running(now) && a.planAfter() != p.ID {
		return fault.New(fault.InvalidState, "another plan is paid for until %s; change the plan first",
			a.last().End.Format(time.DateOnly)).At("planSlug")
	}
	collects, err := a.isCollected(ctx, tx)
	if err != nil {
		return err
	}
	if collects {
		return fault.New(fault.InvalidState, "Stripe collects for this account already; change the plan instead").At("planSlug")
	}
	return nil
}

// isCollected says whether a subscription of Stripe collects for the account, or will: one whose first invoice is not
// paid yet is on its way. One that we had ended does not, also before Stripe was told.
func (a *agreement) isCollected(ctx context.Context, tx bun.Tx) (bool, error) {
	var collects bool
	err := tx.NewRaw(`SELECT
		EXISTS (SELECT FROM igny8_stripe_subscriptions AS s WHERE s.tenant_id = ?0 AND s.status NOT IN ('canceled', 'incomplete_expired')
			AND NOT EXISTS (SELECT FROM igny8_stripe_pushes AS p WHERE p.tenant_id = ?0 AND p.subscription_id = s.subscription_id
				AND p.kind = 'end' AND p.status IN ('pending', 'done')))
		OR EXISTS (SELECT FROM igny8_stripe_checkouts AS c WHERE c.tenant_id = ?0 AND c.mode = 'subscription' AND c.status = 'complete'
			AND NOT EXISTS (SELECT FROM igny8_stripe_subscriptions AS s WHERE s.tenant_id = ?0 AND s.subscription_id = c.subscription_id))
		OR ?1::text IS NOT NULL AND NOT EXISTS (SELECT FROM igny8_stripe_subscriptions WHERE tenant_id = ?0 AND subscription_id = ?1)`,
		a.account.ID, a.subscription.StripeSubscriptionID).Scan(ctx, &collects)
	if err != nil {
		return false, fmt.Errorf("look for what collects for an account: %w", err)
	}
	return collects, nil
}

// pay makes the terms of one payment.
func (t *CheckoutTerms) pay(ctx context.Context, tx bun.Tx, a *agreement, in BeginCheckout, now time.Time) error {
	p, err := lockPayment(ctx, tx, a.account.ID, *in.PaymentID)
	if err != nil {
		return err
	}
	if t.Plan, err = a.plan(ctx, tx, p.PlanID); err != nil {
		return at(err, "paymentId")
	}
	t.Net, t.TaxRate, t.Due, t.Reference = p.Price(), p.TaxRate, p.Amount(), p.Reference
	if t.Checkout != nil {
		return nil
	}
	switch {
	case in.PlanSlug != nil && *in.PlanSlug != t.Plan.Slug:
		return fault.New(fault.PlanUnavailable, "the payment is for the plan %s", t.Plan.Slug).At("planSlug")
	case p.Status != Pending || !now.Before(p.ExpiresAt):
		return fault.New(fault.InvalidState, "this payment does not wait for money any more").At("paymentId")
	case p.DeclaredAt != nil:
		return fault.New(fault.InvalidState, "this payment was declared as sent by a bank transfer; write to us").At("paymentId")
	case p.AmountMinor <= 0:
		return fault.New(fault.InvalidState, "nothing of this payment is left to pay").At("paymentId")
	}
	return nil
}
