package stripe_test

import (
	"strconv"
	"strings"
	"testing"

	"igny8.com/accounts/internal/billing"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/stripe/stripetest"
)

// asks requests a transfer over a month of the plan starter, and goes to pay it at Stripe instead.
func (p *payer) asks(amount int64, currency string) (session string) {
	s := p.shop
	s.t.Helper()
	ctx := postgres.WithTenant(s.t.Context(), int64(p.AccountID()))
	payment, err := s.office.RequestTransfer(ctx, s.App, p.Actor, now, billing.Request{PlanSlug: "starter", Months: 1, IdempotencyKey: "k"})
	if err != nil {
		s.t.Fatal(err)
	}
	return s.fake.Session(p.customer, "payment", amount, currency, map[string]string{
		billing.MetaAccount: gid.Format(p.AccountID()), billing.MetaCheckout: strconv.FormatInt(p.begin("payment", &payment.ID), 10),
		billing.MetaPayment: gid.Format(payment.ID),
	})
}

func TestSession_ConfirmsThePaymentThatItPays(t *testing.T) {
	t.Parallel()
	s := open(t)
	p := s.payer("ada")
	session := p.asks(8900, "usd")
	s.fake.Complete(session, false)
	e := s.told("checkout.session.completed")[0]
	for range 3 {
		s.deliver(e)
	}
	got := p.state()
	for _, want := range []string{
		"account: active starter", "paid 31 8900\n", "payments: stripe confirmed 1 8900 USD", "documents: invoice 8900\n", "events: done",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing:\n%s", want, got)
		}
	}
	if got := s.text(`SELECT status || ' ' || session_id FROM igny8_stripe_checkouts WHERE mode = 'payment'`); got != "complete "+session {
		t.Error(got)
	}
	intent, _ := s.fake.Get(session)["payment_intent"].(string)
	if got := s.text(`SELECT external_id FROM igny8_external_payments`); got != intent {
		t.Errorf("%s counts, want %s", got, intent)
	}
}

func TestSession_OverAnotherSumIsADeadLetterAndNothingElse(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		amount   int64
		currency string
		change   func(s *shop)
		want     string
	}{
		"a cent too little": {8899, "usd", nil, "the payment is of 89.00 USD"},
		"a cent too much":   {8901, "usd", nil, "the payment is of 89.00 USD"},
		"another currency":  {8900, "eur", nil, "the payment is in USD"},
		"withdrawn":         {8900, "usd", func(s *shop) { s.exec(`UPDATE igny8_payments SET status = 'withdrawn'`) }, "this payment is withdrawn"},
		"another checkout":  {8900, "usd", func(s *shop) { s.exec(`UPDATE igny8_stripe_checkouts SET session_id = 'cs_other' || id`) }, "began no such checkout"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t)
			p := s.payer("ada")
			s.fake.Complete(p.asks(c.amount, c.currency), false)
			if c.change != nil {
				c.change(s)
			}
			before := p.state()
			e := s.told("checkout.session.completed")[0]
			s.deliver(e)
			if got := s.fate(e); !strings.HasPrefix(got, "dead 1 ") || !strings.Contains(got, c.want) {
				t.Errorf("the event is %q, want %q", got, c.want)
			}
			if after := strings.Replace(p.state(), "events: dead", "events: ", 1); after != before {
				t.Errorf("it wrote\n%s\nbefore\n%s", after, before)
			}
		})
	}
}

func TestSession_ThatIsPaidLaterWaitsForTheMoney(t *testing.T) {
	t.Parallel()
	for name, arrives := range map[string]bool{"it comes": true, "it does not": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t)
			p := s.payer("ada")
			session := p.asks(8900, "usd")
			s.fake.Complete(session, true)
			intent, _ := s.fake.Get(session)["payment_intent"].(string)
			s.fake.Set(intent, stripetest.Object{"status": "processing"})
			s.deliver(s.told("checkout.session.completed")...)
			if got := p.state(); !strings.Contains(got, "payments: bank_transfer pending") {
				t.Fatalf("the money is not there yet:\n%s", got)
			}
			if !arrives {
				s.fake.Set(intent, stripetest.Object{"status": "requires_payment_method"})
			}
			before := len(s.fake.Events())
			s.fake.Arrive(session, arrives)
			s.deliver(s.since(before)...)
			s.deliver(s.since(before)...)
			want, checkout, letters := "stripe confirmed", "complete", "payment_confirmed, payment_requested"
			if !arrives {
				want, checkout, letters = "bank_transfer pending", "failed", "payment_failed, payment_requested"
			}
			if got := p.state(); !strings.Contains(got, "payments: "+want) || !strings.Contains(got, "letters: "+letters+"\n") {
				t.Error(got)
			}
			if got := s.text(`SELECT status FROM igny8_stripe_checkouts WHERE mode = 'payment'`); got != checkout {
				t.Errorf("the checkout is %s", got)
			}
		})
	}
}

func TestSession_ToSubscribeBeginsASubscription(t *testing.T) {
	t.Parallel()
	s := open(t)
	p := s.payer("ada")
	session := s.fake.Session(p.customer, "subscription", 8900, "usd", p.says("starter", 8900))
	s.fake.Complete(session, false)
	s.deliver(s.told("checkout.session.completed")...)
	got := p.state()
	if !strings.Contains(got, "account: active starter") || !strings.Contains(got, "agreement: active stripe f t t") {
		t.Error(got)
	}
	s.deliver(s.fake.Events()...)
	if again := p.state(); again != got {
		t.Errorf("the rest of the events changed\n%s\nto\n%s", got, again)
	}
	if got := s.text(`SELECT status || ' ' || (subscription_id IS NOT NULL) FROM igny8_stripe_checkouts`); got != "complete true" {
		t.Error(got)
	}
}

func TestSession_ThatExpiredIsClosed(t *testing.T) {
	t.Parallel()
	s := open(t)
	p := s.payer("ada")
	s.fake.Expire(p.asks(8900, "usd"))
	s.deliver(s.told("checkout.session.expired")...)
	if got := s.text(`SELECT status FROM igny8_stripe_checkouts WHERE mode = 'payment'`); got != "expired" {
		t.Error(got)
	}
	if got := p.state(); !strings.Contains(got, "payments: bank_transfer pending") {
		t.Error(got)
	}
}
