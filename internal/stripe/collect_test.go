package stripe_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"igny8.com/accounts/internal/billing"
	"igny8.com/accounts/internal/stripe/stripetest"
)

// once is the state of an account whose first invoice was paid.
//
//nolint:dupword // t is true
const once = `account: active starter
agreement: active stripe f t t
periods: trial 3 0, paid 31 8900
payments: stripe confirmed 1 8900 USD periods %d
documents: invoice 8900
ledger: trial 2000 2000, subscription 1000 3000
grants: trial 2000 2000, subscription 1000 1000
letters: payment_confirmed
subscriptions: active f starter 8900
invoices: paid 8900 t f
refunds: 
events: done
`

func TestEvents_HundredAtOnceHaveOneEffect(t *testing.T) {
	t.Parallel()
	s := open(t)
	p := s.payer("ada")
	_, invoice := p.subscribe()
	s.fake.Pay(invoice)
	same := s.told("invoice.paid")[0]
	s.crew(2)
	var all sync.WaitGroup
	codes := make([]int, 100)
	for i := range codes {
		all.Go(func() { codes[i] = stripetest.Deliver(t, s.hook, same, now) })
	}
	// And as many of the same invoice by other names.
	others := make([]int, 40)
	for i := range others {
		in := with(same.Body, func(e stripetest.Object) { e["id"] = fmt.Sprintf("evt_other%d", i) })
		all.Go(func() { others[i] = stripetest.Send(t, s.hook, in.body, in.signature).Code })
	}
	all.Wait()
	for _, code := range slices.Concat(codes, others) {
		if code != http.StatusOK {
			t.Fatalf("answered with %d", code)
		}
	}
	s.eventually("0", `SELECT count(*)::text FROM igny8_stripe_events WHERE status <> 'done'`)
	if n := s.text(events); n != "41" {
		t.Errorf("%s events were kept, want 41", n)
	}
	if diff := cmp.Diff(fmt.Sprintf(once, p.User.ID), p.state()); diff != "" {
		t.Error(diff)
	}
	s.eventually("0", `SELECT count(*)::text FROM river_job WHERE kind = 'stripe_event' AND state <> 'completed'`)
}

// permutations are all orders of n things.
func permutations(n int) [][]int {
	if n == 0 {
		return [][]int{{}}
	}
	var all [][]int
	for _, shorter := range permutations(n - 1) {
		for at := range n {
			all = append(all, append(append(append([]int{}, shorter[:at]...), n-1), shorter[at:]...))
		}
	}
	return all
}

// refunded is where that history ends: what was paid for was given back, and the agreement, which was to end, ended.
// Nothing collects for it any more.
//
//nolint:dupword // t is true
const refunded = `account: cancelled starter
agreement: cancelled stripe f f t
periods: trial 3 0, paid 0 8900
payments: stripe refunded 1 8900 USD periods owner
documents: invoice 8900, credit_note 8900
ledger: trial 2000 2000, subscription 1000 3000, reversal -1000 2000
grants: trial 2000 2000, subscription 1000 0
letters: payment_confirmed, payment_refunded
subscriptions: active t starter 8900
invoices: paid 8900 t f
refunds: 8900
events: done
`

// history is what happens at Stripe to a subscriber, step by step.
func (p *payer) history() (steps []func(), kinds []string) {
	f := p.shop.fake
	var subscription, invoice, charge string
	return []func(){
		func() { subscription, invoice = p.subscribe() },
		func() { f.Fail(invoice) },
		func() { charge = f.Pay(invoice) },
		func() { f.CancelAtPeriodEnd(subscription, true) },
		func() { f.Refund(charge, 0) },
	}, []string{"customer.subscription.created", "invoice.payment_failed", "invoice.paid", "customer.subscription.updated", "charge.refunded"}
}

func TestEvents_EveryOrderEndsTheSame(t *testing.T) {
	t.Parallel()
	s := open(t)
	orders := permutations(5)
	if len(orders) != 120 {
		t.Fatalf("%d orders", len(orders))
	}
	for i, order := range orders {
		p := s.payer(fmt.Sprintf("p%d", i))
		before := len(s.fake.Events())
		steps, kinds := p.history()
		for _, step := range steps {
			step()
		}
		byKind := map[string]stripetest.Event{}
		for _, e := range s.since(before) {
			byKind[e.Type] = e // the last of each
		}
		for n, at := range order {
			s.deliver(byKind[kinds[at]])
			if n%2 == 0 { // and some of them again
				s.deliver(byKind[kinds[at]])
			}
		}
		got := strings.ReplaceAll(p.state(), fmt.Sprint(" periods ", p.User.ID), " periods owner")
		if diff := cmp.Diff(refunded, got); diff != "" {
			t.Fatalf("the order %v ends elsewhere:\n%s", order, diff)
		}
	}
}

// Events come while the history goes on, late and in any order, some more than once.
func TestEvents_LateOnesEndTheSame(t *testing.T) {
	t.Parallel()
	s := open(t)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 40 {
		p := s.payer(fmt.Sprintf("p%d", i))
		before := len(s.fake.Events())
		steps, _ := p.history()
		var waiting []stripetest.Event
		seen := before
		for n := 0; n < len(steps) || len(waiting) > 0; {
			if n < len(steps) && (len(waiting) == 0 || random.IntN(2) == 0) {
				steps[n]()
				n++
				told := s.since(seen)
				seen += len(told)
				waiting = append(waiting, told...)
				continue
			}
			at := random.IntN(len(waiting))
			s.deliver(waiting[at])
			if random.IntN(4) > 0 {
				waiting = append(waiting[:at], waiting[at+1:]...)
			}
		}
		got := strings.ReplaceAll(p.state(), fmt.Sprint(" periods ", p.User.ID), " periods owner")
		// Whether the owner was told of a failure that was mended meanwhile depends on who was faster.
		got = strings.ReplaceAll(strings.ReplaceAll(got, ", payment_failed", ""), "paid 8900 t t", "paid 8900 t f")
		if diff := cmp.Diff(refunded, got); diff != "" {
			t.Fatalf("run %d ends elsewhere:\n%s", i, diff)
		}
	}
}

func TestRenewals_GoOnWithoutAGap(t *testing.T) {
	t.Parallel()
	s := open(t)
	p := s.payer("ada")
	subscription, invoice := p.subscribe()
	s.fake.Pay(invoice)
	s.deliver(s.fake.Events()...)
	for month := range 3 {
		at := now.AddDate(0, month+1, 0).Add(70 * time.Minute)
		s.at(at)
		told := len(s.fake.Events())
		invoice = s.fake.Renew(subscription)
		if err := s.office.Settle(t.Context(), s.App, p.AccountID(), at); err != nil {
			t.Fatal(err)
		}
		if got := s.text(`SELECT status FROM igny8_subscriptions WHERE tenant_id = ?`, p.AccountID()); got != "active" {
			t.Errorf("the subscription is %s while Stripe is at work on the renewal", got)
		}
		if month == 1 { // the card is refused once
			s.fake.Fail(invoice)
			s.deliver(s.since(told)...)
			if err := s.office.Settle(t.Context(), s.App, p.AccountID(), at.Add(billing.Collection)); err != nil {
				t.Fatal(err)
			}
			if got := s.text(`SELECT status FROM igny8_subscriptions WHERE tenant_id = ?`, p.AccountID()); got != "past_due" {
				t.Errorf("the subscription is %s after a renewal was not paid", got)
			}
			s.at(at.Add(48 * time.Hour))
		}
		s.fake.Pay(invoice)
		s.deliver(s.since(told)...)
	}
	got := s.text(`SELECT string_agg(concat_ws(' ', kind, start_at AT TIME ZONE 'UTC', end_at AT TIME ZONE 'UTC'), E'\n' ORDER BY start_at)
		FROM igny8_subscription_periods WHERE tenant_id = ?`, p.AccountID())
	want := `trial 2026-01-17 08:00:00 2026-01-20 09:00:00
paid 2026-01-20 09:00:00 2026-02-20 09:00:00
paid 2026-02-20 09:00:00 2026-03-20 09:00:00
paid 2026-03-20 09:00:00 2026-04-20 09:00:00
paid 2026-04-20 09:00:00 2026-05-20 09:00:00`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	letters := s.text(`SELECT string_agg(kind, ', ' ORDER BY id) FROM igny8_mails WHERE tenant_id = ?`, p.AccountID())
	//nolint:dupword // one letter a payment
	if letters != "payment_confirmed, payment_confirmed, payment_failed, past_due, payment_confirmed, payment_confirmed" {
		t.Error(letters)
	}
}
