package stripe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/stripe/stripe-go/v86"

	"igny8.com/accounts/internal/billing"
	"igny8.com/accounts/internal/gid"
)

const (
	// mostWishes bounds how often one job follows wishes that changed while it worked.
	mostWishes = 5
	// writeDown is how long it may take to write down what came of a push whose time was over.
	writeDown = 10 * time.Second
)

// Push has Stripe do what we want of it. Done twice, it does nothing again: what is set at Stripe is set to what it is,
// and a refund has an idempotency key and is looked for first. The newest wish about a subscription wins, in whatever
// order the calls arrive: whoever told Stripe an older one tells it the newest again. What Stripe refuses is given up at
// once, what it does not answer with the last try; staff see both. The error says that it has to be tried again.
func (t *Till) Push(ctx context.Context, tenant gid.Account, id int64, last bool, now time.Time) error {
	push, err := billing.BeginPush(ctx, t.db, tenant, id, now)
	if err != nil || push == nil {
		return err
	}
	for range mostWishes {
		key := fmt.Sprintf("igny8-push-%d-%d-%d-by-%d", tenant, push.ID, push.Attempts, id)
		seen, failed := t.carryOut(ctx, push, key)
		came := billing.Pushed{}
		if seen != nil {
			came.Subscription = collectorOf(seen)
		}
		if failed != nil {
			came.Failure, came.GivenUp = failed.Error(), last || refused(failed)
		}
		kept, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeDown)
		newer, err := t.office.EndPush(kept, t.db, push, came, now)
		cancel()
		switch {
		case err != nil:
			return errors.Join(failed, err)
		case failed != nil && !came.GivenUp:
			return failed
		case newer == nil:
			return nil
		}
		push = newer
	}
	return fmt.Errorf("push %d: newer wishes came for as long as it was worked on", id)
}

// refusal is why something is not tried again.
type refusal string

func (r refusal) Error() string { return string(r) }

const (
	errEnded    refusal = "the subscription is over at Stripe"
	errNoMoney  refusal = "it is not known by what the payment was made at Stripe"
	errNotKnown refusal = "this kind of wish is not known"
)

// refused says whether trying again would not help.
func refused(err error) bool {
	if _, ok := errors.AsType[refusal](err); ok {
		return true
	}
	e, ok := errors.AsType[*callError](err)
	return ok && !passing(&stripe.Error{HTTPStatusCode: e.status})
}

// carryOut has Stripe do one thing, and returns the subscription that it is about as it is then.
func (t *Till) carryOut(ctx context.Context, p *billing.Push, key string) (*stripe.Subscription, error) {
	switch p.Kind {
	case billing.PushRefund:
		return nil, t.giveBack(ctx, p)
	case billing.PushCustomer:
		return nil, t.forget(ctx, p)
	case billing.PushCancel, billing.PushEnd, billing.PushPlan:
	}
	s, err := t.api.V1Subscriptions.Retrieve(ctx, *p.SubscriptionID, nil)
	if err != nil {
		return nil, clean("fetch subscription", err)
	}
	over := s.Status == stripe.SubscriptionStatusCanceled || s.Status == stripe.SubscriptionStatusIncompleteExpired
	switch p.Kind {
	case billing.PushEnd:
		if over {
			return s, nil
		}
		params := &stripe.SubscriptionCancelParams{}
		params.SetIdempotencyKey(key)
		s, err = t.api.V1Subscriptions.Cancel(ctx, s.ID, params)
		return s, cleanly("end subscription", err)
	case billing.PushCancel:
		return t.pushCancel(ctx, s, over, p, key)
	case billing.PushPlan:
		if over {
			return s, errEnded
		}
		return t.pushPlan(ctx, s, p, key)
	case billing.PushRefund, billing.PushCustomer:
	}
	return nil, errNotKnown
}

// cleanly is clean for what may have gone well.
func cleanly(what string, err error) error {
	if err == nil {
		return nil
	}
	return clean(what, err)
}

// pushCancel has a subscription end with what is paid for, or go on.
func (t *Till) pushCancel(ctx context.Context, s *stripe.Subscription, over bool, p *billing.Push, key string) (*stripe.Subscription, error) {
	var wanted billing.CancelWish
	if err := json.Unmarshal(p.Wanted, &wanted); err != nil {
		return s, fmt.Errorf("read a push: %w", err)
	}
	switch {
	case over && wanted.AtPeriodEnd:
		return s, nil
	case over:
		return s, errEnded
	case wanted.AtPeriodEnd == (s.CancelAtPeriodEnd || s.CancelAt > 0):
		return s, nil
	}
	params := &stripe.SubscriptionUpdateParams{CancelAtPeriodEnd: &wanted.AtPeriodEnd}
	if !wanted.AtPeriodEnd && !s.CancelAtPeriodEnd {
		// It was to end on a day, as the portal has it for some.
		params.CancelAtPeriodEnd = nil
		params.AddUnsetField(stripe.SubscriptionUpdateParamsUnsetFieldCancelAt)
	}
	params.SetIdempotencyKey(key)
	changed, err := t.api.V1Subscriptions.Update(ctx, s.ID, params)
	return changed, cleanly("change subscription", err)
}

// collectorOf is a subscription as we note it.
func collectorOf(s *stripe.Subscription) *billing.Collector {
	c := &billing.Collector{
		SubscriptionID: s.ID, Status: string(s.Status), Cancelling: s.CancelAtPeriodEnd || s.CancelAt > 0,
		PlanSlug: s.Metadata[billing.MetaPlan], Currency: upper(s.Currency),
	}
	if s.Items == nil {
		return c
	}
	for _, item := range s.Items.Data {
		if item.Price != nil {
			c.AmountMinor += item.Price.UnitAmount * item.Quantity
		}
		if item.CurrentPeriodEnd > 0 {
			end := time.Unix(item.CurrentPeriodEnd, 0).UTC()
			c.PeriodEnd = &end
		}
	}
	return c
}
