package stripe_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/billing"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/stripe"
	"igny8.com/accounts/internal/stripe/stripetest"
)

// subscribed is a payer whose first invoice was paid and counted.
func (s *shop) subscribed() (p *payer, subscription, charge string) {
	s.t.Helper()
	p = s.payer("ada")
	subscription, invoice := p.subscribe()
	charge = s.fake.Pay(invoice)
	s.deliver(s.fake.Events()...)
	return p, subscription, charge
}

func TestRefund_CountsEachPartOnce(t *testing.T) {
	t.Parallel()
	s := open(t)
	p, subscription, charge := s.subscribed()
	before := len(s.fake.Events())
	s.fake.Refund(charge, 900)
	s.fake.Refund(charge, 1000)
	for range 2 {
		s.deliver(s.since(before)...)
	}
	got := p.state()
	for _, want := range []string{
		"account: active starter", "payments: stripe confirmed 1 8900", "documents: invoice 8900, credit_note 900, credit_note 1000\n",
		"refunds: 900, 1000\n", "events: done",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing:\n%s", want, got)
		}
	}
	if n := s.text(`SELECT count(*)::text FROM igny8_stripe_pushes`); n != "0" {
		t.Errorf("%s wishes were left for a part that went back", n)
	}
	// The rest, and with it the time; and nothing more is to be collected.
	s.fake.Refund(charge, 0)
	s.deliver(s.since(before)...)
	if got := p.state(); !strings.Contains(got, "account: suspended starter") || !strings.Contains(got, "payments: stripe refunded") ||
		!strings.Contains(got, "refunds: 900, 1000, 7000\n") {
		t.Error(got)
	}
	if got := s.text(`SELECT kind || ' ' || subscription_id || ' ' || status FROM igny8_stripe_pushes`); got != "end "+subscription+" pending" {
		t.Error(got)
	}
}

func TestRefund_ThatWeAskedForIsNotCountedAgain(t *testing.T) {
	t.Parallel()
	s := open(t)
	p, _, charge := s.subscribed()
	payment := s.text(`SELECT id::text FROM igny8_payments`)
	var push int64
	err := s.Admin.NewRaw(`INSERT INTO igny8_stripe_pushes (tenant_id, kind, payment_id, wanted, status, created_at, updated_at)
		VALUES (?, 'refund', ?::bigint, '{"amount": 900}', 'pending', ?, ?) RETURNING id`, p.AccountID(), payment, now, now).Scan(t.Context(), &push)
	if err != nil {
		t.Fatal(err)
	}
	before := len(s.fake.Events())
	refund := s.fake.Refund(charge, 900)
	s.fake.Set(refund, stripetest.Object{"metadata": stripetest.Object{billing.MetaPush: strconv.FormatInt(push, 10)}})
	s.deliver(s.since(before)...)
	if got := p.state(); !strings.Contains(got, "documents: invoice 8900\n") || !strings.Contains(got, "refunds: 900\n") {
		t.Error(got)
	}
	// Whoever writes another payment's push into a refund at Stripe has it counted all the same.
	other := s.fake.Refund(charge, 500)
	s.fake.Set(other, stripetest.Object{"metadata": stripetest.Object{billing.MetaPush: "999999"}})
	s.deliver(s.since(before)...)
	if got := p.state(); !strings.Contains(got, "documents: invoice 8900, credit_note 500\n") {
		t.Error(got)
	}
}

func TestRefund_ThatDidNotReachAnybodyIsToldToStaff(t *testing.T) {
	t.Parallel()
	s := open(t)
	p, _, charge := s.subscribed()
	before := len(s.fake.Events())
	refund := s.fake.Refund(charge, 900)
	s.fake.Set(refund, stripetest.Object{"status": "pending"})
	s.deliver(s.since(before)...)
	if got := p.state(); !strings.Contains(got, "refunds: \n") {
		t.Errorf("money that is on its way counts:\n%s", got)
	}
	s.fake.Set(refund, stripetest.Object{"status": "succeeded"})
	s.deliver(s.since(before)...) // done before: nothing is looked at again
	e := with(s.told("refund.created")[0].Body, func(e stripetest.Object) { e["id"], e["type"] = "evt_updated", "refund.updated" })
	stripetest.Send(t, s.hook, e.body, e.signature)
	if err := s.work("evt_updated", false); err != nil {
		t.Fatal(err)
	}
	if got := p.state(); !strings.Contains(got, "refunds: 900\n") {
		t.Error(got)
	}
	s.fake.Set(refund, stripetest.Object{"status": "failed"})
	e = with(e.body, func(e stripetest.Object) { e["id"], e["type"] = "evt_failed", "refund.failed" })
	stripetest.Send(t, s.hook, e.body, e.signature)
	if err := s.work("evt_failed", false); err != nil {
		t.Fatal(err)
	}
	if got := s.text(`SELECT status || ' ' || error FROM igny8_stripe_events WHERE event_id = 'evt_failed'`); !strings.Contains(got, "dead a refund of 9.00 USD that was counted") {
		t.Error(got)
	}
}

func TestDispute_StandsUntilItIsDecided(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		outcome, payment, account string
	}{
		"won":     {"won", "confirmed", "active"},
		"lost":    {"lost", "refunded", "suspended"},
		"inquiry": {"warning_closed", "confirmed", "active"},
	} {
		for _, order := range []string{"as it happened", "the end alone", "the end first"} {
			t.Run(name+", "+order, func(t *testing.T) {
				t.Parallel()
				s := open(t)
				p, _, charge := s.subscribed()
				before := len(s.fake.Events())
				dispute := s.fake.Dispute(charge)
				if name == "inquiry" {
					s.fake.Set(dispute, stripetest.Object{"status": "warning_needs_response"})
				}
				if order == "as it happened" {
					s.deliver(s.since(before)...)
					want := "payments: stripe disputed"
					if name == "inquiry" {
						want = "payments: stripe confirmed"
					}
					if got := p.state(); !strings.Contains(got, want) || !strings.Contains(got, "account: active") {
						t.Error(got)
					}
				}
				s.fake.CloseDispute(dispute, c.outcome)
				events := s.since(before)
				if order != "as it happened" {
					events = events[1:]
				}
				s.deliver(events...)
				if order == "the end first" {
					s.deliver(s.since(before)...)
				}
				if got := p.state(); !strings.Contains(got, "payments: stripe "+c.payment+" ") || !strings.Contains(got, "account: "+c.account+" ") ||
					!strings.Contains(got, "events: done\n") {
					t.Error(got)
				}
			})
		}
	}
}

func TestCharge_OfASessionIsFound(t *testing.T) {
	t.Parallel()
	s := open(t)
	p := s.payer("ada")
	charge := s.fake.Complete(p.asks(8900, "usd"), false)
	s.fake.Refund(charge, 0)
	s.deliver(s.told("charge.refunded")...) // before anything else was told
	if got := p.state(); !strings.Contains(got, "payments: stripe refunded") || !strings.Contains(got, "refunds: 8900\n") {
		t.Error(got)
	}
}

func TestCharge_OfWhatWasNeverCountedIsIgnoredOrDead(t *testing.T) {
	t.Parallel()
	s := open(t)
	p := s.payer("ada")
	_, invoice := p.subscribe()
	charge := s.fake.Pay(invoice)
	s.fake.Set(invoice, stripetest.Object{"amount_paid": 1})
	s.fake.Refund(charge, 0)
	e := s.told("charge.refunded")[0]
	s.deliver(e)
	if got := s.fate(e); !strings.HasPrefix(got, "ignored 1 what was paid by it was not counted") {
		t.Errorf("%q", got)
	}
	s.exec(`DELETE FROM igny8_stripe_customers`)
	s.exec(`UPDATE igny8_stripe_events SET status = 'pending'`)
	s.fake.Set(charge, stripetest.Object{"payment_intent": nil})
	if err := s.work(e.ID, false); err != nil {
		t.Fatal(err)
	}
	if got := s.fate(e); !strings.HasPrefix(got, "dead 2 no account of ours") {
		t.Errorf("%q", got)
	}
}

func TestRetry_IsTheReviewThatACancelledAccountNeeds(t *testing.T) {
	t.Parallel()
	s := open(t)
	p := s.payer("ada")
	_, invoice := p.subscribe()
	s.fake.Pay(invoice)
	s.exec(`UPDATE igny8_tenants SET status = 'cancelled' WHERE id = ?`, p.AccountID())
	s.exec(`UPDATE igny8_subscriptions SET status = 'cancelled', cancelled_at = ? WHERE tenant_id = ?`, now, p.AccountID())
	e := s.told("invoice.paid")[0]
	s.deliver(e)
	staff := s.payer("staff").Actor
	staff.User.Role = account.Developer
	var id int64
	if err := s.Admin.NewRaw(`SELECT id FROM igny8_stripe_events WHERE event_id = ?`, e.ID).Scan(t.Context(), &id); err != nil {
		t.Fatal(err)
	}
	if _, err := stripe.Retry(t.Context(), s.App, staff, now, gid.StripeEvent(id)); err != nil {
		t.Fatal(err)
	}
	s.crew(1)
	s.eventually("done", `SELECT status FROM igny8_stripe_events WHERE id = ?`, id)
	if got := p.state(); !strings.Contains(got, "account: active starter") || !strings.Contains(got, "payments: stripe confirmed") {
		t.Error(got)
	}
	if got := s.text(`SELECT decided_by::text FROM igny8_payments WHERE tenant_id = ?`, p.AccountID()); got != strconv.FormatInt(int64(staff.User.ID), 10) {
		t.Errorf("decided by %s", got)
	}
}

func TestDeadLetter_IsToldToStaffOnceAnHour(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.office.StaffEmail = "billing@igny8.example"
	s.till = stripe.New(stripe.Config{SecretKey: stripetest.Key, WebhookSecrets: []string{stripetest.Secret}, APIURL: s.fake.URL}, s.App, s.office, s.logger())
	s.hook = s.till.Webhook(s.time, refuse)
	p, _, _ := s.subscribed()
	letters := func() string {
		return s.text(`SELECT coalesce(string_agg(tenant_id::text, ' ' ORDER BY id), '') FROM igny8_mails WHERE kind = 'stripe_dead_letter'`)
	}
	send := func(name string, change func(stripetest.Object)) {
		t.Helper()
		in := with(s.told("invoice.paid")[0].Body, func(e stripetest.Object) { e["id"] = name; change(e) })
		if w := stripetest.Send(t, s.hook, in.body, stripetest.Sign(in.body, stripetest.Secret, s.time())); w.Code != 200 {
			t.Fatal(w.Code)
		}
	}
	wrong := func(e stripetest.Object) { e["api_version"] = "2020-01-01" }
	send("evt_0", wrong)
	if got := letters(); got != "" {
		t.Errorf("letters of %q, although there is no account to leave one in", got)
	}
	s.exec(`UPDATE igny8_tenants SET is_system = true WHERE id = ?`, s.payer("house").AccountID())
	s.at(now.Add(2 * time.Hour))
	send("evt_1", wrong)
	send("evt_2", wrong)
	house := s.text(`SELECT id::text FROM igny8_tenants WHERE is_system`)
	if got := letters(); got != house {
		t.Errorf("letters of %q, want one of the house %s", got, house)
	}
	s.at(now.Add(4 * time.Hour))
	_, invoice := p.subscribe()
	s.fake.Pay(invoice)
	s.fake.Set(invoice, stripetest.Object{"amount_paid": 1})
	s.deliver(s.told("invoice.paid")...)
	if got := letters(); got != house+" "+strconv.FormatInt(int64(p.AccountID()), 10) {
		t.Errorf("letters of %q", got)
	}
}
