package stripe

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/stripe/stripe-go/v86"

	"igny8.com/accounts/internal/billing"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/money"
	"igny8.com/accounts/internal/period"
)

// session brings our side to what a Checkout session is now.
func (l look) session(ctx context.Context, id string) (gid.Account, error) {
	params := &stripe.CheckoutSessionRetrieveParams{}
	params.AddExpand("payment_intent")
	s, err := l.till.api.V1CheckoutSessions.Retrieve(ctx, id, params)
	if err != nil {
		return 0, clean("fetch session", err)
	}
	tenant, err := l.account(ctx, customerID(s.Customer), s.Metadata)
	if err != nil {
		return 0, err
	}
	number, err := strconv.ParseInt(s.Metadata[billing.MetaCheckout], 10, 64)
	if err != nil {
		return tenant, fmt.Errorf("it began with no checkout here: %w", errUnknown)
	}
	outcome := billing.CheckoutOutcome{CheckoutID: number, SessionID: s.ID, Status: statusOf(s)}
	if s.Subscription != nil {
		outcome.SubscriptionID = &s.Subscription.ID
	}
	checkout, err := l.till.office.CloseCheckout(ctx, l.till.db, tenant, l.now, outcome)
	if err != nil {
		return tenant, err
	}
	switch {
	case s.Subscription != nil:
		return l.subscription(ctx, s.Subscription.ID, "")
	case outcome.Status == billing.CheckoutComplete && checkout.PaymentID != nil && s.PaymentIntent != nil:
		of := billing.PaymentKey{Tenant: tenant, Payment: *checkout.PaymentID}
		got := billing.StripeReceipt{
			IntentID: s.PaymentIntent.ID, At: period.Instant(time.Unix(s.PaymentIntent.Created, 0)),
			Amount: money.Money{Minor: s.PaymentIntent.AmountReceived, Currency: currencyOf(s.PaymentIntent.Currency)},
		}
		_, err := l.till.office.ReceiveFromStripe(ctx, l.till.db, of, l.now, got, l.reviewed)
		return tenant, err
	}
	return tenant, nil
}

// statusOf is where a session stands, as we have it. A session over a payment is complete when the money is there:
// some ways to pay take days.
func statusOf(s *stripe.CheckoutSession) billing.CheckoutStatus {
	switch {
	case s.Status == stripe.CheckoutSessionStatusExpired:
		return billing.CheckoutExpired
	case s.Status != stripe.CheckoutSessionStatusComplete:
		return billing.CheckoutOpen
	case s.Mode == stripe.CheckoutSessionModeSubscription || s.PaymentStatus == stripe.CheckoutSessionPaymentStatusPaid:
		return billing.CheckoutComplete
	}
	if p := s.PaymentIntent; p != nil &&
		(p.Status == stripe.PaymentIntentStatusRequiresPaymentMethod || p.Status == stripe.PaymentIntentStatusCanceled) {
		return billing.CheckoutFailed
	}
	return billing.CheckoutOpen
}
