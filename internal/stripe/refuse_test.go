package stripe_test

import (
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"igny8.com/accounts/internal/billing"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/stripe/stripetest"
)

// fate is what became of an event.
func (s *shop) fate(e stripetest.Event) string {
	s.t.Helper()
	return s.text(`SELECT concat_ws(' ', status, attempts, error) FROM igny8_stripe_events WHERE event_id = ?`, e.ID)
}

func TestInvoice_ThatCannotBeCountedIsADeadLetterAndNothingElse(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(s *shop, p *payer, invoice string)
		want   string
	}{
		"a cent too little": {func(s *shop, _ *payer, invoice string) { s.fake.Set(invoice, stripetest.Object{"amount_paid": 8899}) }, "was agreed on"},
		"a cent too much": {func(s *shop, _ *payer, invoice string) {
			s.fake.Set(invoice, stripetest.Object{"amount_paid": 8901, "total": 8901})
		}, "was agreed on"},
		"another currency": {func(s *shop, _ *payer, invoice string) { s.fake.Set(invoice, stripetest.Object{"currency": "eur"}) }, "the plan is in USD"},
		"a plan that there is not": {func(s *shop, p *payer, invoice string) {
			said := p.says("platinum", 8900)
			s.fake.Set(invoice, parent(s, invoice, said))
		}, "a plan that there is not"},
		"no price": {func(s *shop, p *payer, invoice string) {
			said := p.says("starter", 8900)
			delete(said, billing.MetaNet)
			s.fake.Set(invoice, parent(s, invoice, said))
		}, "does not say what it is for"},
		"a customer that nobody knows": {func(s *shop, p *payer, _ string) {
			s.exec(`DELETE FROM igny8_stripe_customers`)
			s.exec(`DELETE FROM igny8_stripe_checkouts`)
		}, "no account of ours"},
		"another account's name": {func(s *shop, p *payer, invoice string) {
			said := p.says("starter", 8900)
			said[billing.MetaAccount] = gid.Format(s.payer("eve").AccountID())
			s.fake.Set(s.fake.Get(invoice)["parent"].(stripetest.Object)["subscription_details"].(stripetest.Object)["subscription"].(string),
				stripetest.Object{"metadata": said})
		}, "another account than its customer's"},
		"a cancelled account": {func(s *shop, p *payer, _ string) {
			s.exec(`UPDATE igny8_tenants SET status = 'cancelled' WHERE id = ?`, p.AccountID())
			s.exec(`UPDATE igny8_subscriptions SET status = 'cancelled', cancelled_at = ? WHERE tenant_id = ?`, now, p.AccountID())
		}, "staff decide"},
		"an invoice that is gone": {func(s *shop, _ *payer, invoice string) { s.fake.Remove(invoice) }, "Stripe answers 404"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t)
			p := s.payer("ada")
			_, invoice := p.subscribe()
			s.fake.Pay(invoice)
			c.change(s, p, invoice)
			before := p.state()
			e := s.told("invoice.paid")[0]
			s.deliver(e)
			if got := s.fate(e); !strings.HasPrefix(got, "dead 1 ") || !strings.Contains(got, c.want) || strings.Contains(got, "@") {
				t.Errorf("the event is %q, want %q", got, c.want)
			}
			after := p.state()
			if cut := strings.Index(after, "subscriptions:"); before[:cut] != after[:cut] {
				t.Errorf("it wrote\n%s\nbefore\n%s", after, before)
			}
			if n := s.text(`SELECT (SELECT count(*) FROM igny8_payments)::text || (SELECT count(*) FROM igny8_external_payments)::text`); n != "00" {
				t.Errorf("%s payments and external ids", n)
			}
		})
	}
}

// parent is what an invoice says of its subscription, with other words.
func parent(s *shop, invoice string, said map[string]string) stripetest.Object {
	p, _ := s.fake.Get(invoice)["parent"].(stripetest.Object)
	d, _ := p["subscription_details"].(stripetest.Object)
	d["metadata"] = said
	return stripetest.Object{"parent": p}
}

func TestCustomer_IsAdoptedByACheckoutOfTheAccount(t *testing.T) {
	t.Parallel()
	s := open(t)
	p := s.payer("ada")
	s.exec(`DELETE FROM igny8_stripe_customers`)
	_, invoice := p.subscribe()
	s.fake.Pay(invoice)
	s.deliver(s.told("invoice.paid")...)
	if got := s.text(`SELECT customer_id || ' ' || tenant_id FROM igny8_stripe_customers`); got != p.customer+" "+strconv.FormatInt(int64(p.AccountID()), 10) {
		t.Error(got)
	}
	if got := p.state(); !strings.Contains(got, "account: active starter") {
		t.Error(got)
	}
}

func TestWork_TriesAgainWhileStripeIsAway(t *testing.T) {
	t.Parallel()
	s := open(t)
	p := s.payer("ada")
	_, invoice := p.subscribe()
	s.fake.Pay(invoice)
	e := s.told("invoice.paid")[0]
	stripetest.Deliver(t, s.hook, e, now)
	s.fake.Refuse(func(string, string) int { return 503 })
	if err := s.work(e.ID, false); err == nil || strings.Contains(err.Error(), "@") {
		t.Errorf("%v", err)
	}
	if got := s.fate(e); got != "pending 1 fetch invoice: Stripe answers 503  (request req_fake)" {
		t.Errorf("%q", got)
	}
	if err := s.work(e.ID, true); err != nil {
		t.Error(err)
	}
	if got := s.fate(e); !strings.HasPrefix(got, "dead 2 ") {
		t.Errorf("%q", got)
	}
	s.fake.Refuse(nil)
	s.exec(`UPDATE igny8_stripe_events SET status = 'pending'`)
	if err := s.work(e.ID, true); err != nil {
		t.Error(err)
	}
	if got := s.fate(e); got != "done 3" {
		t.Errorf("%q", got)
	}
}

func TestEvent_WhoseJobIsLostIsDoneAllTheSame(t *testing.T) {
	t.Parallel()
	s := open(t)
	p := s.payer("ada")
	_, invoice := p.subscribe()
	s.fake.Pay(invoice)
	stripetest.Deliver(t, s.hook, s.told("invoice.paid")[0], now)
	s.exec(`DELETE FROM river_job`)
	s.at(now.Add(11 * time.Minute))
	s.crew(1)
	s.eventually("done", `SELECT status FROM igny8_stripe_events`)
}

// A look that fetched before another one, and comes to write after it, would bring the older state back.
func TestSubscription_IsFetchedAgainWhereALookWasOvertaken(t *testing.T) {
	t.Parallel()
	s := open(t)
	p := s.payer("ada")
	subscription, invoice := p.subscribe()
	s.fake.Pay(invoice)
	s.deliver(s.told("invoice.paid")...)
	s.fake.CancelAtPeriodEnd(subscription, true)
	first := s.told("customer.subscription.updated")[0]
	s.deliver(first)

	var overtaken atomic.Bool
	s.fake.Refuse(func(_, path string) int {
		// The slow look has fetched the subscription and asks for its invoices, when the owner takes the cancellation back.
		if path == "/v1/invoices" && overtaken.CompareAndSwap(false, true) {
			s.fake.CancelAtPeriodEnd(subscription, false)
			s.deliver(s.told("customer.subscription.updated")...)
		}
		return 0
	})
	again := with(first.Body, func(e stripetest.Object) { e["id"] = "evt_again" })
	stripetest.Send(t, s.hook, again.body, again.signature)
	if err := s.work("evt_again", false); err != nil {
		t.Fatal(err)
	}
	if !overtaken.Load() {
		t.Fatal("nothing overtook the look")
	}
	if got := s.text(`SELECT cancel_at_period_end::text FROM igny8_subscriptions WHERE tenant_id = ?`, p.AccountID()); got != "false" {
		t.Error("the older state came back")
	}
}

func TestCancellation_FollowsStripeBothWays(t *testing.T) {
	t.Parallel()
	s := open(t)
	p := s.payer("ada")
	subscription, invoice := p.subscribe()
	s.fake.Pay(invoice)
	s.deliver(s.fake.Events()...)
	cancels := func() string {
		return s.text(`SELECT cancel_at_period_end::text FROM igny8_subscriptions WHERE tenant_id = ?`, p.AccountID())
	}
	for _, want := range []bool{true, false, true} {
		s.fake.CancelAtPeriodEnd(subscription, want)
		s.deliver(s.told("customer.subscription.updated")...)
		if got := cancels(); got != strconv.FormatBool(want) {
			t.Errorf("cancels: %s, want %t", got, want)
		}
	}
	// The owner resumed, which came to Stripe, and cancels again, which is on its way.
	s.exec(`INSERT INTO igny8_stripe_pushes (tenant_id, kind, subscription_id, wanted, status, created_at, updated_at)
		VALUES (?, 'cancel', ?, '{"atPeriodEnd": true}', 'pending', ?, ?)`, p.AccountID(), subscription, now, now)
	s.fake.CancelAtPeriodEnd(subscription, false)
	s.deliver(s.told("customer.subscription.updated")...)
	if got := cancels(); got != "true" {
		t.Error("what Stripe says overrules what is on its way to it")
	}
}

func TestDeleted_EndsTheAgreementAtWhatIsPaidFor(t *testing.T) {
	t.Parallel()
	for reason, want := range map[string]string{
		"cancellation_requested": "active t f", "payment_failed": "active f f", "payment_disputed": "active f f",
	} {
		t.Run(reason, func(t *testing.T) {
			t.Parallel()
			s := open(t)
			p := s.payer("ada")
			subscription, invoice := p.subscribe()
			s.fake.Pay(invoice)
			s.deliver(s.fake.Events()...)
			before := len(s.fake.Events())
			s.fake.End(subscription, reason)
			s.deliver(s.since(before)...)
			if got := s.text(`SELECT concat_ws(' ', status, cancel_at_period_end, stripe_subscription_id IS NOT NULL) FROM igny8_subscriptions WHERE tenant_id = ?`,
				p.AccountID()); got != want {
				t.Errorf("%q, want %q", got, want)
			}
			// The owner comes back by other means; nothing that Stripe repeats takes that away.
			s.exec(`UPDATE igny8_subscriptions SET cancel_at_period_end = false WHERE tenant_id = ?`, p.AccountID())
			again := with(s.told("customer.subscription.deleted")[0].Body, func(e stripetest.Object) { e["id"] = "evt_again" })
			stripetest.Send(t, s.hook, again.body, again.signature)
			if err := s.work("evt_again", false); err != nil {
				t.Fatal(err)
			}
			if got := s.text(`SELECT cancel_at_period_end::text FROM igny8_subscriptions WHERE tenant_id = ?`, p.AccountID()); got != "false" {
				t.Error("the end was applied twice")
			}
		})
	}
}

// An account that is deleted has its subscription ended. That is no news for staff; money that still comes is.
func TestDeleted_AccountIsNotFollowedAndItsMoneyIsTold(t *testing.T) {
	t.Parallel()
	s := open(t)
	p := s.payer("ada")
	subscription, invoice := p.subscribe()
	s.fake.Pay(invoice)
	s.deliver(s.fake.Events()...)
	s.exec(`UPDATE igny8_tenants SET deleted_at = now(), deleted_by = owner_id, restore_until = now() + interval '14 days' WHERE id = ?`, p.AccountID())
	before := len(s.fake.Events())
	s.fake.End(subscription, "cancellation_requested")
	s.deliver(s.since(before)...)
	if n := s.text(`SELECT count(*)::text FROM igny8_stripe_events WHERE status IN ('dead', 'pending')`); n != "0" {
		t.Errorf("staff are told of %s events of the end", n)
	}
	before = len(s.fake.Events())
	_, late := p.subscribe()
	s.fake.Pay(late)
	s.deliver(s.since(before)...)
	if n := s.text(`SELECT count(*)::text FROM igny8_stripe_events WHERE status = 'dead' AND type = 'invoice.paid'`); n != "1" {
		t.Errorf("staff are told of %s payments for an account that is deleted", n)
	}
}

func TestSecondSubscription_IsCountedAndToldOf(t *testing.T) {
	t.Parallel()
	s := open(t)
	p := s.payer("ada")
	for range 2 {
		_, invoice := p.subscribe()
		s.fake.Pay(invoice)
	}
	s.deliver(s.fake.Events()...)
	if n := s.text(`SELECT count(*)::text FROM igny8_subscription_periods WHERE kind = 'paid'`); n != "2" {
		t.Errorf("%s paid periods for two paid invoices", n)
	}
	if n := s.text(`SELECT count(*)::text FROM igny8_stripe_events WHERE status = 'dead' AND error LIKE 'another subscription%'`); n == "0" {
		t.Error("nobody is told of the second subscription")
	}
}

func TestRenewal_DoesNotTakeACancellationBack(t *testing.T) {
	t.Parallel()
	s := open(t)
	p := s.payer("ada")
	subscription, invoice := p.subscribe()
	s.fake.Pay(invoice)
	s.deliver(s.fake.Events()...)
	s.at(now.AddDate(0, 1, 0).Add(-time.Minute))
	s.exec(`UPDATE igny8_subscriptions SET cancel_at_period_end = true WHERE tenant_id = ?`, p.AccountID())
	before := len(s.fake.Events())
	s.fake.Pay(s.fake.Renew(subscription))
	s.deliver(s.since(before)...)
	if got := s.text(`SELECT concat_ws(' ', cancel_at_period_end, (SELECT count(*) FROM igny8_subscription_periods AS p
		WHERE p.tenant_id = s.tenant_id AND kind = 'paid')) FROM igny8_subscriptions AS s WHERE tenant_id = ?`, p.AccountID()); got != "t 2" {
		t.Error(got)
	}
}
