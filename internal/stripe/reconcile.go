package stripe

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/stripe/stripe-go/v86"
	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/money"
	"igny8.com/accounts/internal/period"
	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/queue"
)

const (
	// Window is how far back money is compared every day. What was found to differ is looked at until it does not.
	Window = 40 * 24 * time.Hour
	// underWay is how young something may be and still be on its way from Stripe to us.
	underWay = 15 * time.Minute
	// atOnce is how much is listed, and looked up here, at a time.
	atOnce = 100
)

// comparing is a comparison under way.
type comparing struct {
	*Comparison

	till *Till
	now  time.Time
	// since is from when on money is compared.
	since time.Time
	// looked are the ids of what was compared, later those of what is on its way and compared another time.
	looked, later map[string]bool
	// paid are the ids of the paid invoices that were listed.
	paid map[string]bool
}

// Reconcile compares what Stripe says with what stands here, both ways: subscriptions as they are now, money of the
// time since an instant. It writes what differs, and repairs nothing but this: a paid invoice that we were not told of
// is taken in as if we had been.
func (t *Till) Reconcile(ctx context.Context, since, now time.Time) (*Comparison, error) {
	c := &comparing{
		Comparison: &Comparison{}, till: t, now: now, since: since, looked: map[string]bool{}, later: map[string]bool{}, paid: map[string]bool{},
	}
	for _, step := range []func(context.Context) error{c.invoices, c.payments, c.subscriptions, c.rest} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	for id := range c.later {
		delete(c.looked, id)
	}
	slices.SortFunc(c.Drifts, func(a, b *Drift) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.ObjectID, b.ObjectID))
	})
	return c.Comparison, t.write(ctx, c.Comparison, c.looked, now)
}

// ReconcileDue is the comparison of every day; it says how much differs.
func (t *Till) ReconcileDue(ctx context.Context, now time.Time) (int, error) {
	found, err := t.Reconcile(ctx, now.Add(-Window), now)
	if err != nil {
		return 0, err
	}
	return len(found.Drifts), nil
}

func (c *comparing) found(kind DriftKind, object string, tenant gid.Account, ours, theirs string) {
	d := &Drift{Kind: kind, ObjectID: object, Ours: ours, Theirs: theirs}
	if tenant != 0 {
		d.TenantID = &tenant
	}
	c.Drifts = append(c.Drifts, d)
}

// staffs is the scope in which all accounts are compared.
func staffs(ctx context.Context) context.Context {
	return postgres.WithStaff(postgres.WithTenant(ctx, 0))
}

// invoices compares the paid invoices there with the payments here.
func (c *comparing) invoices(ctx context.Context) error {
	params := &stripe.InvoiceListParams{
		Status: stripe.String(string(stripe.InvoiceStatusPaid)), CreatedRange: &stripe.RangeQueryParams{GreaterThanOrEqual: c.since.Unix()},
	}
	params.Limit = stripe.Int64(atOnce)
	var some []*stripe.Invoice
	for i, err := range c.till.api.V1Invoices.List(ctx, params).All(ctx) {
		if err != nil {
			return clean("list invoices", err)
		}
		if some = append(some, i); len(some) == atOnce {
			if err := c.compareInvoices(ctx, some); err != nil {
				return err
			}
			some = some[:0]
		}
	}
	return c.compareInvoices(ctx, some)
}

// counted is a payment that something of Stripe's became.
type countedAs struct {
	ExternalID string         `bun:"external_id"`
	TenantID   gid.Account    `bun:"tenant_id"`
	Amount     int64          `bun:"amount_minor"`
	Currency   money.Currency `bun:"currency"`
}

func (p *countedAs) sum() money.Money { return money.Money{Minor: p.Amount, Currency: p.Currency} }

func (c *comparing) compareInvoices(ctx context.Context, all []*stripe.Invoice) error {
	if len(all) == 0 {
		return nil
	}
	var ids, customers []string
	for _, i := range all {
		ids, customers = append(ids, i.ID), append(customers, idOf(i.Customer))
	}
	known, err := c.countedBy(ctx, ids)
	if err != nil {
		return err
	}
	whose, err := c.whose(ctx, customers)
	if err != nil {
		return err
	}
	coming, err := c.coming(ctx, ids)
	if err != nil {
		return err
	}
	for _, i := range all {
		c.paid[i.ID], c.looked[i.ID] = true, true
		c.Invoices++
		there := money.Money{Minor: i.AmountPaid, Currency: upper(i.Currency)}
		tenant := whose[idOf(i.Customer)]
		is := known[i.ID]
		switch {
		case is != nil && is.TenantID != tenant:
			c.found(InvoiceNotCounted, i.ID, is.TenantID, "a payment of "+gid.Format(is.TenantID), "of another account's customer")
		case is != nil && is.sum() != there:
			c.found(AmountDiffers, i.ID, tenant, is.sum().String(), there.String())
		case is != nil || i.AmountPaid == 0 || !ofSubscription(i):
		case c.now.Sub(paidAt(i)) < underWay || coming[i.ID]:
			c.later[i.ID] = true
		default:
			c.found(InvoiceNotCounted, i.ID, tenant, "no payment", there.String()+" was paid")
			if tenant != 0 {
				if err := c.takeIn(ctx, i); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// ofSubscription says whether a subscription collected an invoice: others are none of ours.
func ofSubscription(i *stripe.Invoice) bool {
	return i.Parent != nil && i.Parent.SubscriptionDetails != nil && i.Parent.SubscriptionDetails.Subscription != nil
}

func paidAt(i *stripe.Invoice) time.Time {
	at := i.Created
	if i.StatusTransitions != nil && i.StatusTransitions.PaidAt > 0 {
		at = i.StatusTransitions.PaidAt
	}
	return period.Instant(time.Unix(at, 0))
}

func idOf(customer *stripe.Customer) string {
	if customer == nil {
		return ""
	}
	return customer.ID
}

// countedBy are the payments that things of Stripe's became, by their ids there.
func (c *comparing) countedBy(ctx context.Context, ids []string) (map[string]*countedAs, error) {
	rows := []*countedAs{}
	err := c.till.db.NewRaw(`SELECT e.external_id, p.tenant_id, p.amount_minor, p.currency
		FROM igny8_external_payments AS e JOIN igny8_payments AS p ON p.tenant_id = e.tenant_id AND p.id = e.payment_id
		WHERE e.method = 'stripe' AND e.external_id IN (?)`, bun.List(ids)).Scan(staffs(ctx), &rows)
	if err != nil {
		return nil, fmt.Errorf("find what was counted: %w", err)
	}
	known := map[string]*countedAs{}
	for _, r := range rows {
		known[r.ExternalID] = r
	}
	return known, nil
}

// whose are the accounts of customers.
func (c *comparing) whose(ctx context.Context, customers []string) (map[string]gid.Account, error) {
	var rows []struct {
		CustomerID string      `bun:"customer_id"`
		TenantID   gid.Account `bun:"tenant_id"`
	}
	err := c.till.db.NewRaw(`SELECT customer_id, tenant_id FROM igny8_stripe_customers WHERE customer_id IN (?)`, bun.List(customers)).
		Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("find whose customers are: %w", err)
	}
	whose := map[string]gid.Account{}
	for _, r := range rows {
		whose[r.CustomerID] = r.TenantID
	}
	return whose, nil
}

// coming are the things that an event waits to be worked off about.
func (c *comparing) coming(ctx context.Context, ids []string) (map[string]bool, error) {
	var found []string
	err := c.till.db.NewRaw(`SELECT DISTINCT object_id FROM igny8_stripe_events WHERE status = 'pending' AND object_id IN (?)`,
		bun.List(ids)).Scan(ctx, &found)
	if err != nil {
		return nil, fmt.Errorf("find what is told and not done: %w", err)
	}
	coming := map[string]bool{}
	for _, id := range found {
		coming[id] = true
	}
	return coming, nil
}

// takeIn has a paid invoice taken in as if its event had come, once: where one came that became a dead letter, staff
// have it already.
func (c *comparing) takeIn(ctx context.Context, i *stripe.Invoice) error {
	return postgres.InTx(ctx, c.till.db, func(ctx context.Context, tx bun.Tx) error {
		var ids []int64
		err := tx.NewRaw(`INSERT INTO igny8_stripe_events (event_id, type, livemode, api_version, object_type, object_id, created, received_at,
				status, updated_at)
			SELECT ?0, 'invoice.paid', ?1, ?2, 'invoice', ?3, ?4, ?5, 'pending', ?5
			WHERE NOT EXISTS (SELECT FROM igny8_stripe_events WHERE object_id = ?3 AND status IN ('pending', 'dead'))
			ON CONFLICT (event_id) DO NOTHING RETURNING id`,
			"reconcile_"+i.ID, c.till.livemode, Version, i.ID, paidAt(i), c.now).Scan(ctx, &ids)
		if err != nil {
			return fmt.Errorf("take an invoice in: %w", err)
		}
		for _, id := range ids {
			c.Fetched++
			if err := queue.StripeEventNow(ctx, tx, id); err != nil {
				return err
			}
		}
		return nil
	})
}
