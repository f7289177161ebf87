package stripe

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/stripe/stripe-go/v86"

	"igny8.com/accounts/internal/billing"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/money"
)

// errUncounted is money that went back, or is wanted back, of what never came into our books: the event of what was
// paid says why.
var errUncounted = fmt.Errorf("what was paid by it was not counted here: %w", errElsewhere)

// refund brings our side to what the charge of a refund is now.
func (l look) refund(ctx context.Context, id string) (gid.Account, error) {
	r, err := l.till.api.V1Refunds.Retrieve(ctx, id, nil)
	if err != nil {
		return 0, clean("fetch refund", err)
	}
	return l.chargeOf(ctx, r.Charge)
}

// dispute brings our side to what the charge of a dispute is now.
func (l look) dispute(ctx context.Context, id string) (gid.Account, error) {
	d, err := l.till.api.V1Disputes.Retrieve(ctx, id, nil)
	if err != nil {
		return 0, clean("fetch dispute", err)
	}
	return l.chargeOf(ctx, d.Charge)
}

func (l look) chargeOf(ctx context.Context, c *stripe.Charge) (gid.Account, error) {
	if c == nil {
		return 0, fmt.Errorf("it is of no charge: %w", errElsewhere)
	}
	return l.charge(ctx, c.ID)
}

// charge brings our side to what a charge is now: first what was paid by it, then what of it went back, then whether the
// payer's bank wants it back.
func (l look) charge(ctx context.Context, id string) (gid.Account, error) {
	c, err := l.till.api.V1Charges.Retrieve(ctx, id, nil)
	if err != nil {
		return 0, clean("fetch charge", err)
	}
	tenant, paid, err := l.paidBy(ctx, c)
	if err != nil {
		return tenant, err
	}
	refunds, err := l.refunds(ctx, c)
	if err != nil {
		return tenant, err
	}
	for _, r := range refunds {
		if err := l.count(ctx, paid, r); err != nil {
			return tenant, err
		}
	}
	disputes := &stripe.DisputeListParams{Charge: &c.ID}
	disputes.Limit = stripe.Int64(invoicesAtOnce)
	for d, err := range l.till.api.V1Disputes.List(ctx, disputes).All(ctx) {
		if err != nil {
			return tenant, clean("list disputes", err)
		}
		if err := l.follow(ctx, paid, d); err != nil {
			return tenant, err
		}
	}
	return tenant, nil
}

// refunds are those of a charge, oldest first.
func (l look) refunds(ctx context.Context, c *stripe.Charge) ([]*stripe.Refund, error) {
	var found []*stripe.Refund
	params := &stripe.RefundListParams{Charge: &c.ID}
	params.Limit = stripe.Int64(invoicesAtOnce)
	for r, err := range l.till.api.V1Refunds.List(ctx, params).All(ctx) {
		if err != nil {
			return nil, clean("list refunds", err)
		}
		found = append(found, r)
	}
	slices.SortFunc(found, func(a, b *stripe.Refund) int {
		return cmp.Or(cmp.Compare(a.Created, b.Created), cmp.Compare(a.ID, b.ID))
	})
	return found, nil
}

// paidBy is the payment that a charge paid, after what it paid was brought to what that is now.
func (l look) paidBy(ctx context.Context, c *stripe.Charge) (gid.Account, billing.PaymentKey, error) {
	tenant, unknown := l.account(ctx, customerID(c.Customer), c.Metadata)
	if c.PaymentIntent == nil {
		if unknown != nil {
			return 0, billing.PaymentKey{}, unknown
		}
		return tenant, billing.PaymentKey{}, errUncounted
	}
	intent := c.PaymentIntent.ID
	external, sync, err := l.purpose(ctx, intent)
	if err != nil {
		return tenant, billing.PaymentKey{}, err
	}
	if sync != nil {
		of, err := sync()
		if of != 0 {
			tenant, unknown = of, nil
		}
		if err != nil && len(fault.Of(err)) == 0 {
			return tenant, billing.PaymentKey{}, err
		}
	}
	if unknown != nil {
		return 0, billing.PaymentKey{}, unknown
	}
	paid, err := billing.PaidByStripe(ctx, l.till.db, external)
	switch {
	case fault.Is(err, fault.NotFound):
		return tenant, paid, errUncounted
	case err != nil:
		return tenant, paid, err
	case paid.Tenant != tenant:
		return 0, paid, fmt.Errorf("it is of another account than what it paid: %w", errUnknown)
	}
	return tenant, paid, nil
}

// purpose is what an intent pays, by the id that a payment of ours has for it, and how our side is brought to that; nil
// where nothing of ours is.
func (l look) purpose(ctx context.Context, intent string) (string, func() (gid.Account, error), error) {
	invoices := &stripe.InvoicePaymentListParams{Payment: &stripe.InvoicePaymentListPaymentParams{
		Type: stripe.String("payment_intent"), PaymentIntent: &intent,
	}}
	for p, err := range l.till.api.V1InvoicePayments.List(ctx, invoices).All(ctx) {
		if err != nil {
			return "", nil, clean("list what an intent paid", err)
		}
		if p.Invoice != nil {
			return p.Invoice.ID, func() (gid.Account, error) { return l.invoice(ctx, p.Invoice.ID) }, nil
		}
	}
	sessions := &stripe.CheckoutSessionListParams{PaymentIntent: &intent}
	for s, err := range l.till.api.V1CheckoutSessions.List(ctx, sessions).All(ctx) {
		if err != nil {
			return "", nil, clean("list sessions of an intent", err)
		}
		return intent, func() (gid.Account, error) { return l.session(ctx, s.ID) }, nil
	}
	return intent, nil, nil
}

// count counts a refund whose money went back, or did not after all. One that is on its way is told of again.
func (l look) count(ctx context.Context, paid billing.PaymentKey, r *stripe.Refund) error {
	in := billing.StripeRefund{ID: r.ID, Amount: money.Money{Minor: r.Amount, Currency: currencyOf(r.Currency)}}
	switch r.Status {
	case stripe.RefundStatusSucceeded:
	case stripe.RefundStatusFailed, stripe.RefundStatusCanceled:
		in.Failed = true
	case stripe.RefundStatusPending, stripe.RefundStatusRequiresAction:
		return nil
	}
	in.PushID, _ = strconv.ParseInt(r.Metadata[billing.MetaPush], 10, 64) // 0 where it is not ours
	return l.till.office.RefundFromStripe(ctx, l.till.db, paid, l.now, in)
}

// follow brings a payment to where its dispute stands. Inquiries, which move no money, change nothing.
func (l look) follow(ctx context.Context, paid billing.PaymentKey, d *stripe.Dispute) error {
	o, db := l.till.office, l.till.db
	var err error
	switch d.Status {
	case stripe.DisputeStatusNeedsResponse, stripe.DisputeStatusUnderReview:
		_, err = o.Dispute(ctx, db, paid, l.now)
	case stripe.DisputeStatusWon:
		_, err = o.ResolveDispute(ctx, db, paid, true, l.now)
	case stripe.DisputeStatusLost:
		// What was lost was disputed, whether or not somebody told of that. One that is settled already says so itself.
		if _, err = o.Dispute(ctx, db, paid, l.now); err == nil || fault.Is(err, fault.InvalidState) {
			_, err = o.ResolveDispute(ctx, db, paid, false, l.now)
		}
	case stripe.DisputeStatusPrevented, stripe.DisputeStatusWarningClosed, stripe.DisputeStatusWarningNeedsResponse, stripe.DisputeStatusWarningUnderReview:
	}
	return err
}
