package stripe

import (
	"context"
	"fmt"
	"strings"

	"github.com/stripe/stripe-go/v86"

	"igny8.com/accounts/internal/money"
)

// payments compares the payments here with the money there: those that no listed invoice is are asked for one by one.
func (c *comparing) payments(ctx context.Context) error {
	rows := []*countedAs{}
	err := c.till.db.NewRaw(`SELECT external_payment_id AS external_id, tenant_id, amount_minor, currency FROM igny8_payments
		WHERE method = 'stripe' AND status IN ('confirmed', 'refunded', 'disputed') AND external_payment_id IS NOT NULL AND decided_at >= ?
		ORDER BY decided_at, id`, c.since).Scan(staffs(ctx), &rows)
	if err != nil {
		return fmt.Errorf("read payments by Stripe: %w", err)
	}
	for _, p := range rows {
		c.Payments++
		if c.paid[p.ExternalID] {
			continue // it was compared there
		}
		if err := c.comparePayment(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

func (c *comparing) comparePayment(ctx context.Context, p *countedAs) error {
	there, status, err := c.received(ctx, p.ExternalID)
	if err != nil {
		return err
	}
	c.looked[p.ExternalID] = true
	switch {
	case status != "":
		c.found(PaymentNotCollected, p.ExternalID, p.TenantID, p.sum().String()+" was counted", status)
	case there != p.sum():
		c.found(AmountDiffers, p.ExternalID, p.TenantID, p.sum().String(), there.String())
	}
	return nil
}

// received is the money that Stripe received by an invoice or an intent; status says what it is instead of paid.
func (c *comparing) received(ctx context.Context, id string) (sum money.Money, status string, err error) {
	api := c.till.api
	if strings.HasPrefix(id, "in_") {
		i, err := api.V1Invoices.Retrieve(ctx, id, nil)
		if err != nil {
			return sum, "missing", unlessMissing("fetch invoice", err)
		}
		if i.Status != stripe.InvoiceStatusPaid {
			return sum, string(i.Status), nil
		}
		return money.Money{Minor: i.AmountPaid, Currency: upper(i.Currency)}, "", nil
	}
	if !strings.HasPrefix(id, "pi_") {
		return sum, "nothing that Stripe knows", nil
	}
	i, err := api.V1PaymentIntents.Retrieve(ctx, id, nil)
	if err != nil {
		return sum, "missing", unlessMissing("fetch payment intent", err)
	}
	if i.Status != stripe.PaymentIntentStatusSucceeded {
		return sum, string(i.Status), nil
	}
	return money.Money{Minor: i.AmountReceived, Currency: upper(i.Currency)}, "", nil
}

// unlessMissing is nil for what Stripe does not know.
func unlessMissing(what string, err error) error {
	if err = clean(what, err); missing(err) {
		return nil
	}
	return err
}

// rest looks at what differed before and was not looked at by now, because it is older or over.
func (c *comparing) rest(ctx context.Context) error {
	open := []*Drift{}
	if err := c.till.db.NewSelect().Model(&open).Where("resolved_at IS NULL").Order("id").Scan(ctx); err != nil {
		return fmt.Errorf("read drifts: %w", err)
	}
	for _, d := range open {
		if c.looked[d.ObjectID] {
			continue
		}
		if err := c.lookAgain(ctx, d); err != nil {
			return err
		}
		c.looked[d.ObjectID] = true
	}
	return nil
}

func (c *comparing) lookAgain(ctx context.Context, d *Drift) error {
	if strings.HasPrefix(d.ObjectID, "sub_") {
		return nil // it was neither listed there, where it is over, nor does it collect here
	}
	known, err := c.countedBy(ctx, []string{d.ObjectID})
	if err != nil {
		return err
	}
	if p := known[d.ObjectID]; p != nil && d.Kind != InvoiceNotCounted {
		return c.comparePayment(ctx, p)
	}
	i, err := c.till.api.V1Invoices.Retrieve(ctx, d.ObjectID, nil)
	if err != nil {
		return unlessMissing("fetch invoice", err)
	}
	if i.Status == stripe.InvoiceStatusPaid {
		return c.compareInvoices(ctx, []*stripe.Invoice{i})
	}
	return nil
}
