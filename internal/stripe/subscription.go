package stripe

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stripe/stripe-go/v86"
	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/billing"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/money"
	"igny8.com/accounts/internal/period"
)

const (
	// mostLooks is how often a subscription is fetched again at once because somebody else's look overtook it.
	mostLooks = 5
	// invoicesAtOnce is how many invoices of a subscription are looked at, the newest: eight years of months.
	invoicesAtOnce = 100
)

// subscription brings our side to what a subscription is now: first its invoices, oldest first, then itself. What is
// wrong with an invoice counts where that is the one that was asked for; the others have events of their own.
func (l look) subscription(ctx context.Context, id, must string) (tenant gid.Account, err error) {
	for range mostLooks {
		tenant, err = l.subscriptionOnce(ctx, id, must)
		if !errors.Is(err, billing.ErrOvertaken) {
			return tenant, err
		}
	}
	return tenant, err
}

func (l look) subscriptionOnce(ctx context.Context, id, must string) (gid.Account, error) {
	version, err := billing.StripeVersion(ctx, l.till.db, id)
	if err != nil {
		return 0, err
	}
	s, err := l.till.api.V1Subscriptions.Retrieve(ctx, id, nil)
	if err != nil {
		return 0, clean("fetch subscription", err)
	}
	tenant, err := l.account(ctx, customerID(s.Customer), s.Metadata)
	if err != nil {
		return 0, err
	}
	invoices, err := l.invoices(ctx, s, must)
	if err != nil {
		return tenant, err
	}
	counted, err := l.counted(ctx, invoices)
	if err != nil {
		return tenant, err
	}
	var refused error
	for _, i := range invoices {
		if counted[i.ID] {
			continue
		}
		_, err := l.till.office.CollectInvoice(ctx, l.till.db, tenant, l.now, invoiceOf(i, s), l.reviewed)
		switch {
		case err == nil:
		case len(fault.Of(err)) == 0:
			return tenant, err
		case i.ID == must:
			refused = err
		}
	}
	err = l.till.office.FollowSubscription(ctx, l.till.db, tenant, l.now, subscriptionOf(s), version)
	if fault.Is(err, fault.NotFound) && s.Status == stripe.SubscriptionStatusCanceled {
		err = nil // the account was deleted, and had this end with it
	}
	if err == nil || !errors.Is(err, billing.ErrOvertaken) && refused != nil {
		err = refused
	}
	return tenant, err
}

// invoice brings our side to what an invoice is now, with the subscription that it is of.
func (l look) invoice(ctx context.Context, id string) (gid.Account, error) {
	i, err := l.till.api.V1Invoices.Retrieve(ctx, id, nil)
	if err != nil {
		return 0, clean("fetch invoice", err)
	}
	of := parentOf(i)
	if of == "" {
		tenant, err := l.account(ctx, customerID(i.Customer), i.Metadata)
		if err != nil && !errors.Is(err, errUnknown) {
			return 0, err
		}
		return tenant, fmt.Errorf("the invoice is of no subscription: %w", errElsewhere)
	}
	return l.subscription(ctx, of, id)
}

// invoices are those of a subscription, oldest first.
func (l look) invoices(ctx context.Context, s *stripe.Subscription, must string) ([]*stripe.Invoice, error) {
	found := map[string]*stripe.Invoice{}
	params := &stripe.InvoiceListParams{Subscription: &s.ID}
	params.Limit, params.Single = stripe.Int64(invoicesAtOnce), true
	for i, err := range l.till.api.V1Invoices.List(ctx, params).All(ctx) {
		if err != nil {
			return nil, clean("list invoices", err)
		}
		found[i.ID] = i
		if len(found) == invoicesAtOnce {
			break
		}
	}
	if found[must] == nil && must != "" {
		i, err := l.till.api.V1Invoices.Retrieve(ctx, must, nil)
		if err != nil {
			return nil, clean("fetch invoice", err)
		}
		found[i.ID] = i
	}
	return slices.SortedFunc(maps.Values(found), func(a, b *stripe.Invoice) int {
		return cmp.Or(cmp.Compare(a.Created, b.Created), cmp.Compare(a.ID, b.ID))
	}), nil
}

// counted says which invoices were counted before.
func (l look) counted(ctx context.Context, invoices []*stripe.Invoice) (map[string]bool, error) {
	known := map[string]bool{}
	if len(invoices) == 0 {
		return known, nil
	}
	ids := make([]string, len(invoices))
	for n, i := range invoices {
		ids[n] = i.ID
	}
	var found []string
	err := l.till.db.NewRaw(`SELECT external_id FROM igny8_external_payments WHERE method = ? AND external_id IN (?)`,
		billing.Stripe, bun.List(ids)).Scan(ctx, &found)
	if err != nil {
		return nil, fmt.Errorf("look for invoices that were counted: %w", err)
	}
	for _, id := range found {
		known[id] = true
	}
	return known, nil
}

// parentOf is the id of the subscription that an invoice is of; empty for none.
func parentOf(i *stripe.Invoice) string {
	if i.Parent == nil || i.Parent.SubscriptionDetails == nil || i.Parent.SubscriptionDetails.Subscription == nil {
		return ""
	}
	return i.Parent.SubscriptionDetails.Subscription.ID
}

// invoiceOf is an invoice as we count it. What it is for stands in what the subscription said about itself when the
// invoice was made, else in what that says now.
func invoiceOf(i *stripe.Invoice, s *stripe.Subscription) billing.StripeInvoice {
	said := s.Metadata
	if d := i.Parent; d != nil && d.SubscriptionDetails != nil && d.SubscriptionDetails.Metadata[billing.MetaPlan] != "" {
		said = d.SubscriptionDetails.Metadata
	}
	currency := currencyOf(i.Currency)
	out := billing.StripeInvoice{
		ID: i.ID, SubscriptionID: s.ID, Status: string(i.Status),
		Total: money.Money{Minor: i.Total, Currency: currency}, Received: money.Money{Minor: i.AmountPaid, Currency: currency},
		PlanSlug: said[billing.MetaPlan], Months: 1, Attempted: i.Attempted, Link: i.HostedInvoiceURL,
		PaidAt: period.Instant(time.Unix(i.Created, 0)),
	}
	if i.StatusTransitions != nil && i.StatusTransitions.PaidAt > 0 {
		out.PaidAt = period.Instant(time.Unix(i.StatusTransitions.PaidAt, 0))
	}
	out.NetMinor, _ = strconv.ParseInt(said[billing.MetaNet], 10, 64)        // what is none is refused as 0
	out.CheckoutID, _ = strconv.ParseInt(said[billing.MetaCheckout], 10, 64) // 0 where it is not known
	if months := said[billing.MetaMonths]; months != "" {
		out.Months, _ = strconv.Atoi(months) // what is none is refused as 0
	}
	if rate := said[billing.MetaTaxRate]; rate != "" {
		n, err := strconv.Atoi(rate)
		if err != nil {
			n = -1 // which is refused
		}
		out.TaxRate = &n
	}
	return out
}

// subscriptionOf is a subscription as we follow it.
func subscriptionOf(s *stripe.Subscription) billing.StripeSubscription {
	out := billing.StripeSubscription{
		ID: s.ID, CustomerID: customerID(s.Customer), Status: string(s.Status),
		// A date to end at is how the portal says it for some.
		Cancelling: s.CancelAtPeriodEnd || s.CancelAt > 0, Requested: true,
		PlanSlug: s.Metadata[billing.MetaPlan], Amount: money.Money{Currency: currencyOf(s.Currency)},
	}
	if why := s.CancellationDetails; why != nil {
		out.Requested = why.Reason != stripe.SubscriptionCancellationDetailsReasonPaymentFailed &&
			why.Reason != stripe.SubscriptionCancellationDetailsReasonPaymentDisputed
	}
	if s.Items == nil {
		return out
	}
	for _, item := range s.Items.Data {
		if item.Price != nil {
			out.Amount.Minor += item.Price.UnitAmount * item.Quantity
		}
		if end := period.Instant(time.Unix(item.CurrentPeriodEnd, 0)); item.CurrentPeriodEnd > 0 {
			out.PeriodEnd = &end
		}
	}
	return out
}

func currencyOf(c stripe.Currency) money.Currency { return money.Currency(strings.ToUpper(string(c))) }

func customerID(c *stripe.Customer) string {
	if c == nil {
		return ""
	}
	return c.ID
}
