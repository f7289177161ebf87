package stripe_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/billing"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/retention"
	"igny8.com/accounts/internal/staff"
	"igny8.com/accounts/internal/stripe"
)

// subscribedAtStripe is an account for which Stripe collects, with all events done.
func (s *shop) subscribedAtStripe(name string) (p *payer, subscription string) {
	s.t.Helper()
	p = s.payer(name)
	before := len(s.fake.Events())
	subscription, invoice := p.subscribe()
	s.fake.Pay(invoice)
	s.deliver(s.since(before)...)
	if got := p.linked(); got != subscription {
		s.t.Fatalf("%q collects", got)
	}
	return p, subscription
}

func (p *payer) ctx() context.Context {
	return postgres.WithTenant(p.shop.t.Context(), int64(p.AccountID()))
}

// dashed is a name as a part of an address.
func dashed(name string) string {
	return strings.NewReplacer(" ", "-", ",", "").Replace(strings.ToLower(name))
}

// linked is what collects for the account; empty for nothing.
func (p *payer) linked() string {
	p.shop.t.Helper()
	return p.shop.text(`SELECT coalesce(stripe_subscription_id, '') FROM igny8_subscriptions WHERE tenant_id = ?`, p.AccountID())
}

// pushes has Stripe do what waits.
func (p *payer) pushes() {
	p.shop.t.Helper()
	var ids []int64
	err := p.shop.Admin.NewRaw(`SELECT id FROM igny8_stripe_pushes WHERE tenant_id = ? AND status = 'pending' ORDER BY id`, p.AccountID()).
		Scan(p.shop.t.Context(), &ids)
	if err != nil {
		p.shop.t.Fatal(err)
	}
	for _, id := range ids {
		if err := p.shop.till.Push(p.shop.t.Context(), p.AccountID(), id, false, p.shop.time()); err != nil {
			p.shop.t.Fatal(err)
		}
	}
}

// returns deletes the account and brings it back.
func (p *payer) returns(meanwhile func()) {
	s := p.shop
	s.t.Helper()
	ctx := p.ctx()
	_, err := retention.DeleteAccount(ctx, s.App, s.office.Mail, p.Actor, s.time(), retention.Deletion{Confirm: p.Account.Slug})
	if err != nil {
		s.t.Fatal(err)
	}
	meanwhile()
	s.exec(`UPDATE igny8_tenants SET deleted_at = NULL, deleted_by = NULL, restore_until = NULL WHERE id = ?`, p.AccountID())
}

// subscribesAgain goes through a new checkout, and says which subscription came of it.
func (p *payer) subscribesAgain() string {
	s := p.shop
	s.t.Helper()
	plan, before := "starter", len(s.fake.Events())
	_, err := s.till.StartCheckout(p.ctx(), p.Actor, s.time(), stripe.StartCheckout{PlanSlug: &plan, IdempotencyKey: "again"})
	if err != nil {
		s.t.Fatalf("a new checkout: %v", err)
	}
	session := s.text(`SELECT session_id FROM igny8_stripe_checkouts WHERE tenant_id = ? AND idempotency_key = 'again'`, p.AccountID())
	s.fake.Complete(session, false)
	s.deliver(s.since(before)...)
	is, _ := s.fake.Get(session)["subscription"].(string)
	return is
}

// What we had Stripe end does not collect any more, from the instant on at which it was to end, and is nobody's
// obstacle: whoever comes back subscribes again.
func TestEnded_LetsTheAccountSubscribeAgainAtOnce(t *testing.T) {
	t.Parallel()
	s := open(t)
	house := s.payer("house")
	house.User.Role = account.Developer
	s.exec(`UPDATE igny8_tenants SET is_system = true WHERE id = ?`, house.AccountID())
	for name, c := range map[string]func(p *payer, subscription string){
		"deleted and restored":            func(p *payer, _ string) { p.returns(p.pushes) },
		"restored before Stripe was told": func(p *payer, _ string) { p.returns(func() {}) },
		"restored before Stripe told of it": func(p *payer, subscription string) {
			before := len(s.fake.Events())
			p.returns(p.pushes)
			s.deliver(s.since(before)...)
		},
		"told while it was deleted": func(p *payer, subscription string) {
			p.returns(func() {
				before := len(s.fake.Events())
				p.pushes()
				s.deliver(s.since(before)...)
			})
		},
		// An event of the time before comes late.
		"told of something else before": func(p *payer, subscription string) {
			before := len(s.fake.Events())
			s.fake.CancelAtPeriodEnd(subscription, false)
			p.returns(func() {})
			s.deliver(s.since(before)...)
		},
		"ended at Stripe": func(p *payer, subscription string) {
			before := len(s.fake.Events())
			s.fake.End(subscription, "cancellation_requested")
			s.deliver(s.since(before)...)
		},
		"suspended, and not any more": func(p *payer, _ string) {
			if _, err := staff.Suspend(house.ctx(), s.App, house.Actor, s.time(), p.AccountID(), "abuse"); err != nil {
				t.Fatal(err)
			}
			if _, err := staff.Reactivate(house.ctx(), s.App, house.Actor, s.time(), p.AccountID(), "a mistake"); err != nil {
				t.Fatal(err)
			}
		},
	} {
		p, old := s.subscribedAtStripe(dashed(name))
		c(p, old)
		if got := p.linked(); got != "" {
			t.Errorf("%s: %s collects", name, got)
		}
		is := p.subscribesAgain()
		if got := p.linked(); got != is || is == old {
			t.Errorf("%s: %q collects and not %q", name, got, is)
		}
		before := len(s.fake.Events())
		p.pushes()
		s.deliver(s.since(before)...)
		if got := p.linked(); got != is || s.fake.Get(old)["status"] != "canceled" || s.fake.Get(is)["status"] != "active" {
			t.Errorf("%s: in the end %q collects, the old one is %v, the new one %v", name, got, s.fake.Get(old)["status"], s.fake.Get(is)["status"])
		}
		if said := s.text(`SELECT string_agg(action, ', ' ORDER BY id) FROM igny8_audit_events WHERE tenant_id = ? AND action LIKE 'subscription.stripe_%'`,
			p.AccountID()); said != "subscription.stripe_began, subscription.stripe_ended, subscription.stripe_began" {
			t.Errorf("%s: the log says %s", name, said)
		}
		if ends := s.text(`SELECT cancel_at_period_end::text FROM igny8_subscriptions WHERE tenant_id = ?`, p.AccountID()); ends != "false" {
			t.Errorf("%s: the end that we asked for cancelled the agreement", name)
		}
	}
	if n := s.text(`SELECT count(*)::text || coalesce(string_agg(error, ', '), '') FROM igny8_stripe_events WHERE status NOT IN ('done', 'ignored')`); n != "0" {
		t.Errorf("%s events are left", n)
	}
}

// What could not be ended collects, until somebody ends it.
func TestEnded_IsNotBelievedWhereStripeWasNotTold(t *testing.T) {
	t.Parallel()
	d := atDesk(t)
	c := d.collected("ada", "growth", 13900)
	_, err := retention.DeleteAccount(c.ctx(), d.App, d.office.Mail, c.Actor, monday, retention.Deletion{Confirm: c.Account.Slug})
	if err != nil {
		t.Fatal(err)
	}
	d.away(true)
	if err := c.push(c.newest(), true); err != nil {
		t.Fatal(err)
	}
	d.away(false)
	d.exec(`UPDATE igny8_tenants SET deleted_at = NULL, deleted_by = NULL, restore_until = NULL WHERE id = ?`, c.AccountID())
	_, err = c.start("growth", "again")
	told(t, err, "INVALID_STATE planSlug")
	if got := differ(d.compare()); got != "subscription_status (does not collect for the account / active)" {
		t.Errorf("staff are told of %q", got)
	}
	if again, err := billing.RetryPush(t.Context(), d.App, c.AccountID(), c.newest(), monday); err != nil || again == nil {
		t.Fatal(again, err)
	}
	c.pushAll()
	if _, err := c.start("growth", "again"); err != nil {
		t.Errorf("it was ended, and a checkout is refused: %v", err)
	}
}

// Once Stripe collects no more, what falls due is what falls due for whoever pays by hand.
func TestEnded_FallsDueAsWithoutStripe(t *testing.T) {
	t.Parallel()
	s := open(t)
	p, _ := s.subscribedAtStripe("ada")
	due := func() string {
		return s.text(`SELECT to_char(due_at AT TIME ZONE 'UTC', 'MM-DD HH24:MI') FROM igny8_subscriptions WHERE tenant_id = ?`, p.AccountID())
	}
	before := due()
	p.returns(func() {})
	end := s.time().AddDate(0, 1, 0)
	if got := due(); got != end.AddDate(0, 0, -7).Format("01-02 15:04") || before != end.Add(6*time.Hour).Format("01-02 15:04") {
		t.Errorf("due at %s, and before at %s", got, before)
	}
}

// A subscription that was never counted and is over blocks nothing.
func TestEnded_BeforeItsFirstInvoiceWasCounted(t *testing.T) {
	t.Parallel()
	s := open(t)
	for name, status := range map[string]string{"ended by staff": "canceled", "not paid in time": "incomplete_expired"} {
		p := s.payer(dashed(name))
		before := len(s.fake.Events())
		subscription, _ := p.subscribe()
		s.deliver(s.since(before)...)
		plan := "starter"
		_, err := s.till.StartCheckout(p.ctx(), p.Actor, s.time(), stripe.StartCheckout{PlanSlug: &plan, IdempotencyKey: "early"})
		told(t, err, "INVALID_STATE planSlug")
		before = len(s.fake.Events())
		s.fake.End(subscription, "cancellation_requested")
		s.fake.Set(subscription, map[string]any{"status": status})
		s.deliver(s.since(before)...)
		if is := p.subscribesAgain(); p.linked() != is {
			t.Errorf("%s: %q collects and not %q", name, p.linked(), is)
		}
	}
}

// A transfer is for what Stripe will not collect, as soon as it is to end there and for as long as that is so.
func TestRequestTransfer_IsForWhatEndsAtStripe(t *testing.T) {
	t.Parallel()
	d := atDesk(t)
	for name, told := range map[string]func(c *customer){"told": (*customer).pushAll, "not yet": func(*customer) {}} {
		c := d.collected(dashed(name), "growth", 13900)
		asks := func(key string) error {
			_, err := d.office.RequestTransfer(c.ctx(), d.App, c.Actor, monday, billing.Request{PlanSlug: "growth", Months: 1, IdempotencyKey: key})
			return err
		}
		if err := asks("collected"); !fault.Is(err, fault.InvalidState) {
			t.Errorf("%s: while it goes on: %v", name, err)
		}
		c.cancels()
		told(c)
		c.pays(c.asks("growth", "instead")) // which takes the cancellation back here
		if err := asks("and again"); err != nil {
			t.Errorf("%s: while it ends there: %v", name, err)
		}
		c.cancels()
		c.resumes()
		told(c)
		if err := asks("resumed"); !fault.Is(err, fault.InvalidState) {
			t.Errorf("%s: once it goes on there: %v", name, err)
		}
	}
}
