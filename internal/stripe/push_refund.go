package stripe

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/stripe/stripe-go/v86"

	"igny8.com/accounts/internal/billing"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres"
)

// giveBack gives money of a payment back, once: the refund carries the push's number, is looked for before it is made,
// and its idempotency key is the same at each try.
func (t *Till) giveBack(ctx context.Context, p *billing.Push) error {
	var wanted billing.RefundWish
	if err := json.Unmarshal(p.Wanted, &wanted); err != nil {
		return fmt.Errorf("read a push: %w", err)
	}
	payments, err := billing.PaymentsByIDs(postgres.WithTenant(ctx, int64(p.TenantID)), t.db, p.TenantID, []gid.Payment{*p.PaymentID})
	if err != nil {
		return err
	}
	if len(payments) == 0 || payments[0].ExternalPaymentID == nil {
		return errNoMoney
	}
	intent, charge, err := t.paidBy(ctx, *payments[0].ExternalPaymentID)
	if err != nil {
		return err
	}
	number := strconv.FormatInt(p.ID, 10)
	made := &stripe.RefundListParams{}
	params := &stripe.RefundCreateParams{Amount: &wanted.Amount, Metadata: map[string]string{
		billing.MetaAccount: gid.Format(p.TenantID), billing.MetaPayment: gid.Format(*p.PaymentID), billing.MetaPush: number,
	}}
	if intent != "" {
		made.PaymentIntent, params.PaymentIntent = &intent, &intent
	} else {
		made.Charge, params.Charge = &charge, &charge
	}
	for r, err := range t.api.V1Refunds.List(ctx, made).All(ctx) {
		if err != nil {
			return clean("list refunds", err)
		}
		if r.Metadata[billing.MetaPush] == number && r.Metadata[billing.MetaAccount] == gid.Format(p.TenantID) &&
			r.Status != stripe.RefundStatusFailed && r.Status != stripe.RefundStatusCanceled {
			return nil // it was made, and its answer was lost
		}
	}
	params.SetIdempotencyKey(fmt.Sprintf("igny8-refund-%d-%d", p.TenantID, p.ID))
	_, err = t.api.V1Refunds.Create(ctx, params)
	return cleanly("give back", err)
}

// paidBy is by what a payment was made at Stripe: an intent, or a charge of its own. id is what the payment is known by
// there: an invoice, or an intent.
func (t *Till) paidBy(ctx context.Context, id string) (intent, charge string, err error) {
	switch {
	case strings.HasPrefix(id, "pi_"):
		return id, "", nil
	case strings.HasPrefix(id, "ch_"), strings.HasPrefix(id, "py_"):
		return "", id, nil
	case !strings.HasPrefix(id, "in_"):
		return "", "", errNoMoney
	}
	params := &stripe.InvoicePaymentListParams{Invoice: &id, Status: stripe.String("paid")}
	for paid, err := range t.api.V1InvoicePayments.List(ctx, params).All(ctx) {
		switch {
		case err != nil:
			return "", "", clean("list what paid an invoice", err)
		case paid.Payment == nil:
		case paid.Payment.PaymentIntent != nil:
			return paid.Payment.PaymentIntent.ID, "", nil
		case paid.Payment.Charge != nil:
			return "", paid.Payment.Charge.ID, nil
		}
	}
	return "", "", errNoMoney
}
