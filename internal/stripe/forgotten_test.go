package stripe_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"igny8.com/accounts/internal/billing"
	"igny8.com/accounts/internal/retention"
	"igny8.com/accounts/internal/stripe/stripetest"
)

// isOver deletes the account and removes it for good.
func (p *payer) isOver() {
	s := p.shop
	s.t.Helper()
	_, err := retention.DeleteAccount(p.ctx(), s.App, s.office.Mail, p.Actor, s.time(), retention.Deletion{Confirm: p.Account.Slug})
	if err != nil {
		s.t.Fatal(err)
	}
	s.exec(`UPDATE igny8_tenants SET deleted_at = now() - interval '14 days', restore_until = now() - interval '1 hour' WHERE id = ?`, p.AccountID())
	for range 2 {
		// The second time as if the first one was interrupted at its end: it begins anew.
		s.exec(`UPDATE igny8_tenants SET purged_at = NULL WHERE id = ?`, p.AccountID())
		if n, err := retention.Purge(s.t.Context(), s.App, time.Now().UTC()); err != nil || n != 1 {
			s.t.Fatalf("%d purged: %v", n, err)
		}
	}
}

// forgetting is the wish that the account's customer is deleted.
func (p *payer) forgetting() string {
	p.shop.t.Helper()
	return p.shop.text(`SELECT coalesce(string_agg(concat_ws(' ', kind, status, attempts, wanted), ', '), '') FROM igny8_stripe_pushes WHERE tenant_id = ?`,
		p.AccountID())
}

// Who is removed for good here is removed at Stripe too. The purge does not wait for that, and staff see where it fails.
func TestForgotten_AtStripeToo(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.office.StaffEmail = "money@staff.test"
	s.till = s.tillOf(s.office)
	p, subscription := s.subscribedAtStripe("ada")
	s.fake.Set(p.customer, stripetest.Object{"name": "Ada", "email": "ada@example.com"})
	s.fake.Refuse(func(string, string) int { return http.StatusServiceUnavailable })
	p.isOver()
	waits := fmt.Sprintf(`{"customer": %q}`, p.customer)
	if got := p.forgetting(); got != "customer pending 0 "+waits {
		t.Fatalf("it leaves %q", got)
	}
	var id int64
	if err := s.Admin.NewRaw(`SELECT id FROM igny8_stripe_pushes`).Scan(t.Context(), &id); err != nil {
		t.Fatal(err)
	}
	if n := s.text(`SELECT count(*)::text FROM river_job WHERE kind = 'stripe_push' AND (args->>'push')::bigint = ?`, id); n != "1" {
		t.Errorf("%s jobs wait for it", n)
	}
	push := func(last bool) error { return s.till.Push(t.Context(), p.AccountID(), id, last, s.time()) }
	if err := push(false); err == nil || p.forgetting() != "customer pending 1 "+waits {
		t.Errorf("tried in vain it is told as done: %s", p.forgetting())
	}
	if err := push(true); err != nil || p.forgetting() != "customer failed 2 "+waits {
		t.Errorf("given up: %v, %s", err, p.forgetting())
	}
	if n := s.text(`SELECT count(*)::text FROM igny8_mails WHERE kind = 'stripe_push_failed'`); n != "1" {
		t.Errorf("staff got %s letters", n)
	}
	if again, err := billing.RetryPush(t.Context(), s.App, p.AccountID(), id, s.time()); err != nil || again == nil {
		t.Fatal(again, err)
	}
	s.fake.Refuse(nil)
	if err := push(false); err != nil {
		t.Fatal(err)
	}
	is := s.fake.Get(p.customer)
	if is["deleted"] != true || is["name"] != nil || is["email"] != nil || s.fake.Get(subscription)["status"] != "canceled" {
		t.Errorf("Stripe has %v, and the subscription as %v", is, s.fake.Get(subscription)["status"])
	}
	if got := p.forgetting(); got != "customer done 3 {}" {
		t.Errorf("it stands as %q", got)
	}
}

func TestForgotten_CustomersThatAreGoneAreDoneWith(t *testing.T) {
	t.Parallel()
	s := open(t)
	for name, gone := range map[string]func(*payer){
		"removed": func(p *payer) { s.fake.Remove(p.customer) },
		"deleted": func(p *payer) { s.fake.Delete(p.customer) },
	} {
		p := s.payer(name)
		gone(p)
		p.isOver()
		p.pushes()
		if got := p.forgetting(); got != "customer done 1 {}" {
			t.Errorf("%s: it stands as %q", name, got)
		}
	}
}

// What Stripe tells of a customer after that is a dead letter, or nothing to do with us, as it was before.
func TestForgotten_CustomersEventsAreDeadOrIgnored(t *testing.T) {
	t.Parallel()
	s := open(t)
	for _, name := range []string{"before Stripe forgets", "after"} {
		p, subscription := s.subscribedAtStripe(dashed(name))
		before := len(s.fake.Events())
		charge := s.fake.Pay(s.fake.Renew(subscription))
		s.fake.Refund(charge, 100)
		p.isOver()
		if name == "after" {
			p.pushes()
		}
		s.fake.End(subscription, "cancellation_requested")
		count := s.text(`SELECT concat(count(*), ' ', sum(amount_minor)) FROM igny8_payments WHERE tenant_id = ?`, p.AccountID())
		told := s.since(before)
		s.deliver(told...)
		for _, e := range told {
			want := "ignored"
			if handled[e.Type] {
				want = "dead"
			}
			if got := s.text(`SELECT status FROM igny8_stripe_events WHERE event_id = ?`, e.ID); got != want {
				t.Errorf("%s: %s is %s, want %s", name, e.Type, got, want)
			}
		}
		if now := s.text(`SELECT concat(count(*), ' ', sum(amount_minor)) FROM igny8_payments WHERE tenant_id = ?`, p.AccountID()); now != count {
			t.Errorf("%s: the payments are %s, they were %s", name, now, count)
		}
		if n := s.text(`SELECT count(*)::text FROM igny8_stripe_customers WHERE tenant_id = ?`, p.AccountID()); n != "0" {
			t.Errorf("%s: %s customers are known again", name, n)
		}
	}
}

// handled are the types of events, of those that these histories tell, that something is done about.
var handled = map[string]bool{
	"invoice.paid": true, "customer.subscription.updated": true, "customer.subscription.deleted": true, "charge.refunded": true, "refund.created": true,
}
