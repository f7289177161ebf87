package stripe

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/stripe/stripe-go/v86"
	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/billing"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres"
)

// customerFor is the account's customer at Stripe, made where there is none: one an account. Requests at once ask
// Stripe with one idempotency key and so get the same one, and behind the account's lock the first that is noted
// counts.
func (t *Till) customerFor(ctx context.Context, terms *billing.CheckoutTerms, now time.Time) (string, error) {
	known, err := t.customerOf(ctx, t.db, terms.TenantID)
	if err != nil || known != "" {
		return known, err
	}
	name, email := terms.Account.Name, terms.Email
	params := &stripe.CustomerCreateParams{
		Name: &name, Email: &email, Metadata: map[string]string{billing.MetaAccount: gid.Format(terms.TenantID)},
	}
	// A key stands for one input.
	params.SetIdempotencyKey(fmt.Sprintf("igny8-customer-%d-%x", terms.TenantID, sha256.Sum256(fmt.Appendf(nil, "%q %q", name, email))))
	made, err := t.api.V1Customers.Create(ctx, params)
	if err != nil {
		return "", t.away("make customer", err)
	}
	id := made.ID
	err = postgres.InTx(postgres.WithTenant(ctx, int64(terms.TenantID)), t.db, func(ctx context.Context, tx bun.Tx) error {
		if _, err := account.Lock(ctx, tx, terms.TenantID); err != nil {
			return err
		}
		known, err := t.customerOf(ctx, tx, terms.TenantID)
		if err != nil || known != "" {
			id = known
			return err
		}
		_, err = tx.NewRaw(`INSERT INTO igny8_stripe_customers (customer_id, tenant_id, livemode, created_at) VALUES (?, ?, ?, ?)`,
			made.ID, terms.TenantID, t.livemode, now).Exec(ctx)
		if err != nil {
			return fmt.Errorf("note a customer of Stripe: %w", err)
		}
		return nil
	})
	return id, err
}

// customerOf is the account's customer at Stripe; empty for none. The first that was noted is the one.
func (t *Till) customerOf(ctx context.Context, db bun.IDB, tenant gid.Account) (string, error) {
	var found []string
	err := db.NewRaw(`SELECT customer_id FROM igny8_stripe_customers WHERE tenant_id = ? AND livemode = ? ORDER BY created_at, customer_id LIMIT 1`,
		tenant, t.livemode).Scan(ctx, &found)
	if err != nil {
		return "", fmt.Errorf("find an account's customer at Stripe: %w", err)
	}
	if len(found) == 0 {
		return "", nil
	}
	return found[0], nil
}

// forget has Stripe delete a customer, whose subscriptions end with it. One that is gone is done with.
func (t *Till) forget(ctx context.Context, p *billing.Push) error {
	var wanted billing.CustomerWish
	if err := json.Unmarshal(p.Wanted, &wanted); err != nil {
		return fmt.Errorf("read a push: %w", err)
	}
	_, err := t.api.V1Customers.Delete(ctx, wanted.Customer, nil)
	if err = cleanly("delete customer", err); missing(err) {
		return nil
	}
	return err
}

// OpenPortal gives the address of the page at Stripe on which an owner sees their invoices there and changes how they
// pay; it can be used for some minutes. back is where they come back to; nil for the web application's own page.
//
// Errors: INVALID and TOO_LONG at returnUrl; INVALID_STATE for an account that never paid through Stripe;
// PAYMENT_METHOD_UNAVAILABLE where the portal is not set up at Stripe; UNAVAILABLE where Stripe cannot be reached.
func (t *Till) OpenPortal(ctx context.Context, actor account.Actor, back *string) (string, error) {
	returnTo, f := t.comeBack(back, "returnUrl", "/billing")
	if f != nil {
		return "", f
	}
	nothing := fault.New(fault.InvalidState, "nothing was paid through Stripe yet")
	customer, err := t.customerOf(ctx, t.db, actor.AccountID())
	if err != nil {
		return "", err
	}
	if customer == "" {
		return "", nothing
	}
	s, err := t.api.V1BillingPortalSessions.Create(ctx, &stripe.BillingPortalSessionCreateParams{Customer: &customer, ReturnURL: &returnTo})
	if err == nil {
		return s.URL, nil
	}
	e, ok := errors.AsType[*stripe.Error](err)
	switch {
	case missing(clean("", err)):
		return "", nothing // it was removed there
	case ok && !passing(err) && e.Param == "":
		return "", fault.New(fault.PaymentMethodUnavailable, "Stripe's customer portal is not set up")
	}
	return "", t.away("open portal", err)
}
