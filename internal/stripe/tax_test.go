package stripe_test

import (
	"fmt"
	"testing"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/billing"
	"igny8.com/accounts/internal/stripe/stripetest"
)

// taxed has staff set the account's rate.
func (c *customer) taxed(rate *int) {
	c.desk.t.Helper()
	if _, err := c.desk.office.SetTax(c.desk.byStaff(), c.desk.App, c.desk.staff, monday, billing.Taxing{AccountID: c.AccountID(), Rate: rate}); err != nil {
		c.desk.t.Fatal(err)
	}
}

// priced is what the subscription costs at Stripe, and what of it is net and at which rate.
func (c *customer) priced() string {
	c.desk.t.Helper()
	meta, _ := c.desk.fake.Get(c.subscription)["metadata"].(stripetest.Object)
	return fmt.Sprint(c.there(), " ", meta[billing.MetaNet], " ", meta[billing.MetaTaxRate])
}

func TestTax_IsChargedByStripeFromTheNextInvoiceOn(t *testing.T) {
	t.Parallel()
	d := atDesk(t)
	for name, c := range map[string]struct {
		do func(c *customer)
		// left are the wishes that it leaves, there is what Stripe has once they are done.
		left, there string
	}{
		"set":         {func(c *customer) { c.taxed(new(1900)) }, "plan pending", "active false growth 16541 13900 1900"},
		"not changed": {func(c *customer) { c.taxed(nil) }, "", "active false growth 13900 13900 <nil>"},
		"taken away":  {func(c *customer) { c.taxed(new(1900)); c.pushAll(); c.taxed(nil) }, "plan done, plan pending", "active false growth 13900 13900 <nil>"},
		"twice":       {func(c *customer) { c.taxed(new(1900)); c.taxed(new(700)) }, "plan superseded, plan pending", "active false growth 14873 13900 700"},
		// What was agreed on stays, whatever the catalogue says by now.
		"at another price": {func(c *customer) {
			d.fake.Set(c.subscription, stripetest.Object{"metadata": stripetest.Object{billing.MetaPlan: "growth", billing.MetaNet: "12000"}})
			c.taxed(new(1000))
		}, "plan pending", "active false growth 13200 12000 1000"},
		"before a smaller plan": {func(c *customer) { c.taxed(new(1000)); c.moves("starter") }, "plan superseded, plan pending", "active false starter 9790 8900 1000"},
		"after a smaller plan":  {func(c *customer) { c.moves("starter"); c.taxed(new(1000)) }, "plan superseded, plan pending", "active false starter 9790 8900 1000"},
		"while it ends":         {func(c *customer) { c.cancels(); c.taxed(new(1000)) }, "cancel pending, plan pending", "active true growth 15290 13900 1000"},
		"while it ends, and on": {
			func(c *customer) { c.cancels(); c.taxed(new(1000)); c.pushAll(); c.resumes() },
			"cancel done, plan done, cancel pending", "active false growth 15290 13900 1000",
		},
		"before the free plan": {func(c *customer) { c.moves("free"); c.taxed(new(1000)) }, "cancel pending, plan pending", "active true growth 15290 13900 1000"},
	} {
		a := d.collected(dashed(name), "growth", 13900)
		c.do(a)
		if got := a.wishes(); got != c.left {
			t.Errorf("%s: it leaves %q, want %q", name, got, c.left)
		}
		a.pushAll()
		if got := a.priced(); got != c.there {
			t.Errorf("%s: Stripe has %q, want %q", name, got, c.there)
		}
		if how := d.fake.Get(a.subscription)["asked_proration"]; a.wishes() != "" && how != nil && how != "none" {
			t.Errorf("%s: it is prorated: %v", name, how)
		}
	}
	b := d.open("bank")
	b.pays(b.asks("growth", "first"))
	b.taxed(new(1900))
	if b.wishes() != "" {
		t.Errorf("nothing collects, and it leaves %q", b.wishes())
	}
}

// An invoice counts by what it says: also one that was made at the old rate and is paid at the new one's time.
func TestTax_OfAnInvoiceIsWhatItWasMadeAt(t *testing.T) {
	t.Parallel()
	s := open(t)
	p, subscription := s.subscribedAtStripe("ada")
	house := s.payer("house")
	house.User.Role = account.Developer
	s.at(now.AddDate(0, 1, 0))
	before := len(s.fake.Events())
	drafted := s.fake.Renew(subscription)
	if _, err := s.office.SetTax(house.ctx(), s.App, house.Actor, s.time(), billing.Taxing{AccountID: p.AccountID(), Rate: new(1900)}); err != nil {
		t.Fatal(err)
	}
	p.pushes()
	s.fake.Pay(drafted)
	s.deliver(s.since(before)...)
	s.at(now.AddDate(0, 2, 0))
	before = len(s.fake.Events())
	s.fake.Pay(s.fake.Renew(subscription))
	s.deliver(s.since(before)...)
	got := s.text(`SELECT string_agg(concat_ws(' ', status, net_minor, tax_minor, tax_rate, amount_minor), ', ' ORDER BY id) FROM igny8_payments WHERE tenant_id = ?`,
		p.AccountID())
	if got != "confirmed 8900 0 8900, confirmed 8900 0 8900, confirmed 8900 1691 1900 10591" {
		t.Error(got)
	}
	if n := s.text(`SELECT count(*)::text FROM igny8_stripe_events WHERE status IN ('dead', 'pending')`); n != "0" {
		t.Errorf("%s events are left", n)
	}
}
