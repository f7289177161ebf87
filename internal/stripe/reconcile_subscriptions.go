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

// held is an account's agreement as far as Stripe has to do with it.
type held struct {
	TenantID gid.Account `bun:"tenant_id"`
	// SubscriptionID is what collects for it; empty for nothing.
	SubscriptionID string `bun:"subscription_id"`
	// Follows is the slug of the plan of what follows.
	Follows string `bun:"follows"`
	// Cancels says that nothing is to be collected when what is paid for ends.
	Cancels bool `bun:"cancels"`
	// SeenCancelling says that we know that it ends there.
	SeenCancelling bool `bun:"seen_cancelling"`
	// Pushing says that Stripe is about to be told of a change.
	Pushing bool `bun:"pushing"`
}

// subscriptions compares what collects there with what is to collect here.
func (c *comparing) subscriptions(ctx context.Context) error {
	ours, err := c.agreements(ctx)
	if err != nil {
		return err
	}
	params := &stripe.SubscriptionListParams{} // without those that are over
	params.Limit = stripe.Int64(atOnce)
	var some []*stripe.Subscription
	for s, err := range c.till.api.V1Subscriptions.List(ctx, params).All(ctx) {
		if err != nil {
			return clean("list subscriptions", err)
		}
		if some = append(some, s); len(some) == atOnce {
			if err := c.compareSubscriptions(ctx, some, ours); err != nil {
				return err
			}
			some = some[:0]
		}
	}
	if err := c.compareSubscriptions(ctx, some, ours); err != nil {
		return err
	}
	return c.missingThere(ctx, ours)
}

// agreements are those of accounts that ever were customers of Stripe.
func (c *comparing) agreements(ctx context.Context) (map[gid.Account]*held, error) {
	rows := []*held{}
	err := c.till.db.NewRaw(`SELECT s.tenant_id, coalesce(s.stripe_subscription_id, '') AS subscription_id, p.slug AS follows,
			s.cancel_at_period_end OR p.slug = 'free' AS cancels, coalesce(seen.cancelling, false) AS seen_cancelling,
			EXISTS (SELECT FROM igny8_stripe_pushes AS push WHERE push.tenant_id = s.tenant_id AND push.status = 'pending') AS pushing
		FROM igny8_subscriptions AS s
		JOIN LATERAL (SELECT plan_id FROM igny8_subscription_periods WHERE tenant_id = s.tenant_id ORDER BY end_at DESC LIMIT 1) AS last ON true
		JOIN igny8_plans AS p ON p.id = coalesce(s.pending_plan_id, last.plan_id)
		LEFT JOIN igny8_stripe_subscriptions AS seen ON seen.tenant_id = s.tenant_id AND seen.subscription_id = s.stripe_subscription_id
		WHERE s.stripe_subscription_id IS NOT NULL
			OR EXISTS (SELECT FROM igny8_stripe_customers AS customer WHERE customer.tenant_id = s.tenant_id)`).
		Scan(staffs(ctx), &rows)
	if err != nil {
		return nil, fmt.Errorf("read what Stripe collects for: %w", err)
	}
	ours := map[gid.Account]*held{}
	for _, r := range rows {
		ours[r.TenantID] = r
	}
	return ours, nil
}

func (c *comparing) compareSubscriptions(ctx context.Context, all []*stripe.Subscription, ours map[gid.Account]*held) error {
	if len(all) == 0 {
		return nil
	}
	var ids, customers []string
	for _, s := range all {
		ids, customers = append(ids, s.ID), append(customers, idOf(s.Customer))
	}
	whose, err := c.whose(ctx, customers)
	if err != nil {
		return err
	}
	coming, err := c.coming(ctx, ids)
	if err != nil {
		return err
	}
	for _, s := range all {
		c.looked[s.ID] = true
		c.Subscriptions++
		tenant := whose[idOf(s.Customer)]
		young := c.now.Sub(period.Instant(time.Unix(s.Created, 0))) < underWay
		switch h := ours[tenant]; {
		case tenant == 0:
			c.found(SubscriptionUnknown, s.ID, 0, "no such customer", string(s.Status))
		case coming[s.ID] || young || h != nil && h.Pushing:
			c.later[s.ID] = true
		case h == nil || h.SubscriptionID != s.ID:
			if collecting(s) {
				c.found(SubscriptionStatus, s.ID, tenant, "does not collect for the account", string(s.Status))
			}
		default:
			c.compareTerms(s, h)
		}
	}
	return nil
}

// collecting says whether a subscription takes money, or tries to.
func collecting(s *stripe.Subscription) bool {
	return s.Status != stripe.SubscriptionStatusIncomplete && s.Status != stripe.SubscriptionStatusIncompleteExpired &&
		s.Status != stripe.SubscriptionStatusCanceled
}

// compareTerms compares plan, price and end of a subscription that collects.
func (c *comparing) compareTerms(s *stripe.Subscription, h *held) {
	is := collectorOf(s)
	switch {
	case h.Cancels && !is.Cancelling:
		c.found(SubscriptionCancellation, s.ID, h.TenantID, "ends with what is paid for", "goes on")
	case !h.Cancels && is.Cancelling && !h.SeenCancelling:
		c.found(SubscriptionCancellation, s.ID, h.TenantID, "goes on", "ends with what is paid for")
	}
	if h.Cancels || is.Cancelling {
		return // what it would cost then is nobody's concern
	}
	if is.PlanSlug != h.Follows {
		c.found(SubscriptionPlan, s.ID, h.TenantID, h.Follows, is.PlanSlug)
		return
	}
	if said, ok := priceSaid(s.Metadata); ok && said.Net+said.Tax() != is.AmountMinor {
		agreed := money.Money{Minor: said.Net + said.Tax(), Currency: is.Currency}
		c.found(AmountDiffers, s.ID, h.TenantID, agreed.String()+" was agreed on", money.Money{Minor: is.AmountMinor, Currency: is.Currency}.String())
	}
}

// priceSaid is what a period costs by what a subscription says about itself: net and rate of tax.
func priceSaid(m map[string]string) (billing.PlanWish, bool) {
	net, err := strconv.ParseInt(m[billing.MetaNet], 10, 64)
	if err != nil || net <= 0 {
		return billing.PlanWish{}, false
	}
	said := billing.PlanWish{Net: net}
	if rate, err := strconv.Atoi(m[billing.MetaTaxRate]); err == nil && rate >= 0 {
		said.TaxRate = &rate
	}
	return said, true
}

// missingThere finds what is to collect here and was not listed there.
func (c *comparing) missingThere(ctx context.Context, ours map[gid.Account]*held) error {
	for _, h := range ours {
		if h.SubscriptionID == "" || c.looked[h.SubscriptionID] {
			continue
		}
		coming, err := c.coming(ctx, []string{h.SubscriptionID})
		if err != nil {
			return err
		}
		if coming[h.SubscriptionID] || h.Pushing {
			c.later[h.SubscriptionID] = true
			continue
		}
		c.looked[h.SubscriptionID] = true
		theirs := "missing"
		s, err := c.till.api.V1Subscriptions.Retrieve(ctx, h.SubscriptionID, nil)
		switch {
		case err == nil:
			theirs = string(s.Status)
		case unlessMissing("fetch subscription", err) != nil:
			return clean("fetch subscription", err)
		}
		c.found(SubscriptionStatus, h.SubscriptionID, h.TenantID, "collects for the account", theirs)
	}
	return nil
}
