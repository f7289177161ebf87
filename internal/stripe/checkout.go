package stripe

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/stripe/stripe-go/v86"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/billing"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/period"
)

// Checkout is a page at Stripe on which an owner pays.
type Checkout struct {
	// URL is the page's address. It is not kept here.
	URL string
	// ExpiresAt is until when it can be used.
	ExpiresAt time.Time
}

// StartCheckout asks to pay at Stripe.
type StartCheckout struct {
	// PlanSlug is the plan to subscribe to; beside a payment, nil or the payment's own.
	PlanSlug *string
	// PaymentID is the payment to make; nil to subscribe.
	PaymentID *gid.Payment
	// SuccessURL and CancelURL are where the owner comes back to; nil for the web application's own pages.
	SuccessURL, CancelURL *string
	IdempotencyKey        string
}

// StartCheckout gives the page on which an owner pays a plan month by month, or one payment that waits. At most one
// page for the same thing can be used at a time: an older one is closed first. The same key and input give the same
// page, also where an answer of Stripe was lost.
//
// Errors: those of billing.Office.BeginCheckout; INVALID and TOO_LONG at successUrl and cancelUrl; INVALID_STATE where
// the page was used, is over, or gave way to a newer one; UNAVAILABLE where Stripe cannot be reached.
func (t *Till) StartCheckout(ctx context.Context, actor account.Actor, now time.Time, in StartCheckout) (*Checkout, error) {
	var faults fault.List
	success, f := t.comeBack(in.SuccessURL, "successUrl", "/billing?checkout=success")
	faults.Add(f)
	cancel, f := t.comeBack(in.CancelURL, "cancelUrl", "/billing?checkout=cancelled")
	faults.Add(f)
	if err := faults.Err(); err != nil {
		return nil, err
	}
	terms, err := t.office.BeginCheckout(ctx, t.db, actor, now, billing.BeginCheckout{
		PlanSlug: in.PlanSlug, PaymentID: in.PaymentID, IdempotencyKey: in.IdempotencyKey, Further: []string{success, cancel},
	})
	if err != nil {
		return nil, err
	}
	if terms.SessionID != nil {
		return t.again(ctx, *terms.SessionID)
	}
	if !terms.Startable(now) {
		return nil, errOver()
	}
	if err := t.closeStale(ctx, terms, now); err != nil {
		return nil, err
	}
	return t.openSession(ctx, terms, success, cancel, now)
}

func errOver() error {
	return fault.New(fault.InvalidState, "this checkout is over; begin another one, with another key")
}

// again is the page of a session that was made before.
func (t *Till) again(ctx context.Context, session string) (*Checkout, error) {
	s, err := t.api.V1CheckoutSessions.Retrieve(ctx, session, nil)
	switch {
	case err != nil && missing(clean("", err)):
		return nil, errOver()
	case err != nil:
		return nil, t.away("fetch session", err)
	case s.Status != stripe.CheckoutSessionStatusOpen || s.URL == "":
		return nil, errOver()
	}
	return pageOf(s), nil
}

func pageOf(s *stripe.CheckoutSession) *Checkout {
	return &Checkout{URL: s.URL, ExpiresAt: period.Instant(time.Unix(s.ExpiresAt, 0))}
}

// closeStale closes the sessions for the same thing that were open before, so that nobody pays twice. One that was
// completed meanwhile pays for it, and the new checkout comes to nothing.
func (t *Till) closeStale(ctx context.Context, terms *billing.CheckoutTerms, now time.Time) error {
	for _, id := range terms.Stale {
		is, err := t.closeSession(ctx, id)
		if err != nil {
			return err
		}
		if is == stripe.CheckoutSessionStatusComplete {
			if err := t.office.FailCheckout(ctx, t.db, terms.TenantID, terms.ID, now); err != nil {
				return err
			}
			return fault.New(fault.InvalidState, "it was paid at Stripe a moment ago; what follows from that is under way")
		}
		if err := t.office.ExpireCheckout(ctx, t.db, terms.TenantID, id, now); err != nil {
			return err
		}
	}
	return nil
}

// closeSession closes a session and says how it is then: one that is over, or was completed, stays so.
func (t *Till) closeSession(ctx context.Context, id string) (stripe.CheckoutSessionStatus, error) {
	_, err := t.api.V1CheckoutSessions.Expire(ctx, id, nil)
	if err == nil {
		return stripe.CheckoutSessionStatusExpired, nil
	}
	if missing(clean("", err)) {
		return stripe.CheckoutSessionStatusExpired, nil
	}
	if passing(err) {
		return "", t.away("close session", err)
	}
	s, err := t.api.V1CheckoutSessions.Retrieve(ctx, id, nil)
	if err != nil {
		return "", t.away("fetch session", err)
	}
	if s.Status == stripe.CheckoutSessionStatusOpen {
		return "", fmt.Errorf("close session %s: it stays open", id)
	}
	return s.Status, nil
}

// openSession has Stripe make the page. Its idempotency key is the checkout's number, so that the page is made once.
func (t *Till) openSession(ctx context.Context, terms *billing.CheckoutTerms, success, cancel string, now time.Time) (*Checkout, error) {
	customer, err := t.customerFor(ctx, terms, now)
	if err != nil {
		return nil, err
	}
	s, err := t.api.V1CheckoutSessions.Create(ctx, sessionParams(terms, customer, success, cancel))
	if err != nil {
		return nil, t.notOpened(ctx, terms, err, now)
	}
	if err := t.office.OpenCheckout(ctx, t.db, terms.TenantID, terms.ID, s.ID, now); err != nil {
		if fault.Is(err, fault.InvalidState) {
			if _, closing := t.closeSession(ctx, s.ID); closing != nil {
				return nil, errors.Join(err, closing)
			}
		}
		return nil, err
	}
	if s.Status != stripe.CheckoutSessionStatusOpen || s.URL == "" {
		return t.again(ctx, s.ID) // what was repeated is as it was when it was made
	}
	return pageOf(s), nil
}

// notOpened is the refusal of a session. What a retry cannot mend ends the checkout, so that its key is not stuck.
func (t *Till) notOpened(ctx context.Context, terms *billing.CheckoutTerms, err error, now time.Time) error {
	if passing(err) {
		return t.away("make session", err)
	}
	failed := t.office.FailCheckout(ctx, t.db, terms.TenantID, terms.ID, now)
	if e, ok := errors.AsType[*stripe.Error](err); ok && e.Type == stripe.ErrorTypeIdempotency {
		return errors.Join(failed, errOver()) // the price or the tax changed since
	}
	return errors.Join(clean("make session", err), failed)
}

// sessionParams are what a session is asked for with. Amounts are with tax: the account's rate is ours to know, and
// the price, the tax and their sum stand on the page and, in the account's words, on the invoice that we issue.
func sessionParams(terms *billing.CheckoutTerms, customer, success, cancel string) *stripe.CheckoutSessionCreateParams {
	metadata := metadataOf(terms)
	price := &stripe.CheckoutSessionCreateLineItemPriceDataParams{
		Currency: stripe.String(strings.ToLower(string(terms.Due.Currency))), UnitAmount: &terms.Due.Minor,
		ProductData: &stripe.CheckoutSessionCreateLineItemPriceDataProductDataParams{
			Name: stripe.String("IGNY8 " + terms.Plan.Name), Description: stripe.String(describe(terms)),
		},
	}
	params := &stripe.CheckoutSessionCreateParams{
		Customer: &customer, Mode: stripe.String(string(terms.Mode)), Metadata: metadata,
		ClientReferenceID: stripe.String(gid.Format(terms.TenantID)), SuccessURL: &success, CancelURL: &cancel,
		ExpiresAt: new(terms.ExpiresAt.Unix()),
		LineItems: []*stripe.CheckoutSessionCreateLineItemParams{{Quantity: stripe.Int64(1), PriceData: price}},
	}
	params.SetIdempotencyKey(fmt.Sprintf("igny8-checkout-%d-%d", terms.TenantID, terms.ID))
	if terms.Mode == billing.ToSubscribe {
		price.Recurring = &stripe.CheckoutSessionCreateLineItemPriceDataRecurringParams{Interval: stripe.String(string(stripe.PriceRecurringIntervalMonth))}
		params.SubscriptionData = &stripe.CheckoutSessionCreateSubscriptionDataParams{Metadata: metadata}
	} else {
		params.PaymentIntentData = &stripe.CheckoutSessionCreatePaymentIntentDataParams{
			Metadata: metadata, Description: stripe.String(terms.Reference),
		}
	}
	return params
}

// metadataOf is what the session and what comes of it say about themselves.
func metadataOf(terms *billing.CheckoutTerms) map[string]string {
	m := map[string]string{
		billing.MetaAccount: gid.Format(terms.TenantID), billing.MetaPlan: terms.Plan.Slug,
		billing.MetaCheckout: strconv.FormatInt(terms.ID, 10),
	}
	if terms.Mode == billing.ToPay {
		m[billing.MetaPayment] = gid.Format(*terms.PaymentID)
		return m
	}
	m[billing.MetaMonths], m[billing.MetaNet] = "1", strconv.FormatInt(terms.Net.Minor, 10)
	if terms.TaxRate != nil {
		m[billing.MetaTaxRate] = strconv.Itoa(*terms.TaxRate)
	}
	return m
}

// describe says what is paid and what of it is tax, in one line.
func describe(terms *billing.CheckoutTerms) string {
	if terms.Mode == billing.ToPay {
		return "Payment " + terms.Reference
	}
	if terms.Due == terms.Net {
		return "Paid monthly"
	}
	return fmt.Sprintf("Paid monthly: %s and %s %% tax", terms.Net, percent(*terms.TaxRate))
}

// percent writes hundredths of a percent, e.g. 19 or 8.25.
func percent(rate int) string {
	const hundred = 100
	if rate%hundred == 0 {
		return strconv.Itoa(rate / hundred)
	}
	return strings.TrimRight(fmt.Sprintf("%d.%02d", rate/hundred, rate%hundred), "0")
}

// passing says whether a call may succeed when it is repeated as it is.
func passing(err error) bool {
	e, ok := errors.AsType[*stripe.Error](err)
	if !ok {
		return true // nobody was reached, or no answer came
	}
	return e.HTTPStatusCode >= http.StatusInternalServerError || e.HTTPStatusCode == http.StatusTooManyRequests ||
		e.HTTPStatusCode == http.StatusConflict
}

// away is what a person is told where Stripe did not answer; of what is wrong with the call itself, nothing.
func (t *Till) away(what string, err error) error {
	if !passing(err) {
		return clean(what, err)
	}
	return fault.New(fault.Unavailable, "Stripe cannot be reached at the moment. Try again, with the same idempotency key.")
}
