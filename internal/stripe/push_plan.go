package stripe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/stripe/stripe-go/v86"

	"igny8.com/accounts/internal/billing"
	"igny8.com/accounts/internal/money"
)

// pushPlan has a subscription cost what another plan does from its next invoice on. What is paid for is not touched:
// of an upgrade the difference was paid by itself, and of a downgrade nothing comes back.
func (t *Till) pushPlan(ctx context.Context, s *stripe.Subscription, p *billing.Push, key string) (*stripe.Subscription, error) {
	var wanted billing.PlanWish
	if err := json.Unmarshal(p.Wanted, &wanted); err != nil {
		return s, fmt.Errorf("read a push: %w", err)
	}
	if s.Items == nil || len(s.Items.Data) != 1 {
		return s, refusal("the subscription has not just one item: it was changed at Stripe by hand")
	}
	if agreed, ok := priceSaid(s.Metadata); ok && wanted.KeepNet && s.Metadata[billing.MetaPlan] == wanted.Plan {
		wanted.Net = agreed.Net
	}
	gross := wanted.Net + wanted.Tax()
	metadata := map[string]string{
		billing.MetaPlan: wanted.Plan, billing.MetaMonths: "1", billing.MetaNet: strconv.FormatInt(wanted.Net, 10),
		billing.MetaTaxRate: "", // which removes it
	}
	if wanted.TaxRate != nil {
		metadata[billing.MetaTaxRate] = strconv.Itoa(*wanted.TaxRate)
	}
	item := s.Items.Data[0]
	if says(s.Metadata, metadata) && item.Price != nil && item.Price.UnitAmount == gross && upper(item.Price.Currency) == wanted.Currency {
		return s, nil
	}
	product, err := t.product(ctx, wanted)
	if err != nil {
		return s, err
	}
	params := &stripe.SubscriptionUpdateParams{
		ProrationBehavior: stripe.String("none"), Metadata: metadata,
		Items: []*stripe.SubscriptionUpdateItemParams{{
			ID: &item.ID, Quantity: stripe.Int64(1),
			PriceData: &stripe.SubscriptionUpdateItemPriceDataParams{
				Currency: stripe.String(strings.ToLower(string(wanted.Currency))), Product: &product, UnitAmount: &gross,
				Recurring: &stripe.SubscriptionUpdateItemPriceDataRecurringParams{Interval: stripe.String(string(stripe.PriceRecurringIntervalMonth))},
			},
		}},
	}
	params.SetIdempotencyKey(key)
	changed, err := t.api.V1Subscriptions.Update(ctx, s.ID, params)
	return changed, cleanly("change subscription", err)
}

// says whether metadata has all that is wanted of it; an empty text is for what it must not have.
func says(has, wanted map[string]string) bool {
	for name, value := range wanted {
		if has[name] != value {
			return false
		}
	}
	return true
}

// product is what the price of a plan is of at Stripe: one for each plan and rate of tax, made when it is needed first.
func (t *Till) product(ctx context.Context, wanted billing.PlanWish) (string, error) {
	id, name := "igny8_plan_"+wanted.Plan, "IGNY8 "+wanted.Plan
	if wanted.TaxRate != nil {
		id, name = fmt.Sprintf("%s_tax_%d", id, *wanted.TaxRate), fmt.Sprintf("%s, with %s %% tax", name, percent(*wanted.TaxRate))
	}
	_, err := t.api.V1Products.Create(ctx, &stripe.ProductCreateParams{
		ID: &id, Name: &name, Metadata: map[string]string{billing.MetaPlan: wanted.Plan},
	})
	if e, ok := errors.AsType[*stripe.Error](err); ok && e.Code == stripe.ErrorCodeResourceAlreadyExists {
		return id, nil
	}
	return id, cleanly("make product", err)
}

func upper(c stripe.Currency) money.Currency { return money.Currency(strings.ToUpper(string(c))) }
