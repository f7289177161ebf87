package stripe_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"igny8.com/accounts/internal/billing"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/page"
	"igny8.com/accounts/internal/stripe"
	"igny8.com/accounts/internal/stripe/stripetest"
)

// later is when a comparison is made: what happened on monday is not under way any more.
var later = monday.Add(time.Hour)

func (d *desk) compare() *stripe.Comparison {
	d.t.Helper()
	found, err := d.till.Reconcile(d.t.Context(), monday.Add(-stripe.Window), later)
	if err != nil {
		d.t.Fatal(err)
	}
	return found
}

// differ is what a comparison finds, a word each.
func differ(c *stripe.Comparison) string {
	kinds := make([]string, len(c.Drifts))
	for i, d := range c.Drifts {
		kinds[i] = fmt.Sprintf("%s (%s / %s)", d.Kind, d.Ours, d.Theirs)
	}
	return strings.Join(kinds, ", ")
}

// counts lets a paid invoice of the subscription be a payment here.
func (c *customer) counts(invoice string, amount int64) gid.Payment {
	c.desk.t.Helper()
	id := c.paidThere(invoice)
	c.desk.exec(`UPDATE igny8_payments SET amount_minor = ?, net_minor = ?0, tax_minor = 0, credited_minor = 0, applied_minor = 0 WHERE tenant_id = ?1 AND id = ?2`,
		amount, c.AccountID(), id)
	c.desk.exec(`INSERT INTO igny8_external_payments (method, external_id, tenant_id, payment_id) VALUES ('stripe', ?, ?, ?)`, invoice, c.AccountID(), id)
	return id
}

func TestReconcile_FindsNothingWhereBothAgree(t *testing.T) {
	t.Parallel()
	d := atDesk(t)
	c := d.collected("ada", "growth", 13900)
	invoice := d.fake.Renew(c.subscription)
	d.fake.Pay(invoice)
	c.counts(invoice, 13900)
	session := d.fake.Session(d.fake.Customer(nil), "payment", 13900, "usd", nil)
	d.fake.Complete(session, false)
	intent, _ := d.fake.Get(session)["payment_intent"].(string)
	c.paidThere(intent)
	found := d.compare()
	if differ(found) != "" || found.Subscriptions != 1 || found.Invoices != 1 || found.Payments != 2 {
		t.Errorf("%+v: %s", found, differ(found))
	}
}

func TestReconcile_FindsWhatDiffersBothWays(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		do   func(d *desk, c *customer)
		want string
	}{
		"an invoice that is no payment": {
			func(d *desk, c *customer) { d.fake.Pay(d.fake.Renew(c.subscription)) },
			"invoice_not_counted (no payment / 139.00 USD was paid)",
		},
		"an invoice of another sum": {func(d *desk, c *customer) {
			i := d.fake.Renew(c.subscription)
			d.fake.Pay(i)
			c.counts(i, 13901)
		}, "amount_differs (139.01 USD / 139.00 USD)"},
		"another account's invoice": {func(d *desk, c *customer) {
			i := d.fake.Renew(c.subscription)
			d.fake.Pay(i)
			d.open("other").counts(i, 13900)
		}, "invoice_not_counted (a payment of acct_3 / of another account's customer)"},
		"a payment without an invoice": {
			func(_ *desk, c *customer) { c.counts("in_never", 13900) },
			"payment_not_collected (139.00 USD was counted / missing)",
		},
		"a payment of an unpaid invoice": {
			func(d *desk, c *customer) { c.counts(d.fake.Renew(c.subscription), 13900) },
			"payment_not_collected (139.00 USD was counted / open)",
		},
		"a payment without an intent": {
			func(_ *desk, c *customer) { c.counts("pi_never", 13900) },
			"payment_not_collected (139.00 USD was counted / missing)",
		},
		"a stranger's subscription": {func(d *desk, _ *customer) {
			d.fake.Subscribe(stripetest.Terms{Customer: d.fake.Customer(nil), AmountMinor: 100, Currency: "usd"})
		}, "subscription_unknown (no such customer / incomplete)"},
		"one that is over there": {
			func(d *desk, c *customer) { d.fake.End(c.subscription, "payment_failed") },
			"subscription_status (collects for the account / canceled)",
		},
		"one that is gone there": {
			func(d *desk, c *customer) { d.fake.Remove(c.subscription) },
			"subscription_status (collects for the account / missing)",
		},
		"one that does not collect here": {func(d *desk, c *customer) {
			d.exec(`UPDATE igny8_subscriptions SET stripe_subscription_id = NULL WHERE tenant_id = ?`, c.AccountID())
		}, "subscription_status (does not collect for the account / active)"},
		"another plan": {func(d *desk, c *customer) {
			d.fake.Set(c.subscription, stripetest.Object{"metadata": map[string]any{billing.MetaPlan: "starter"}})
		}, "subscription_plan (growth / starter)"},
		"another price": {func(d *desk, c *customer) {
			d.fake.Set(c.subscription, stripetest.Object{"metadata": map[string]any{billing.MetaPlan: "growth", billing.MetaNet: "12900"}})
		}, "amount_differs (129.00 USD was agreed on / 139.00 USD)"},
		"an end that Stripe was not told": {func(d *desk, c *customer) {
			c.cancels()
			d.exec(`UPDATE igny8_stripe_pushes SET status = 'failed'`)
		}, "subscription_cancellation (ends with what is paid for / goes on)"},
		"an end that we were not told": {
			func(d *desk, c *customer) { d.fake.CancelAtPeriodEnd(c.subscription, true) },
			"subscription_cancellation (goes on / ends with what is paid for)",
		},
		"what is about to be told":     {func(_ *desk, c *customer) { c.cancels() }, ""},
		"a renewal by bank in its end": {func(_ *desk, c *customer) { c.cancels(); c.pushAll(); c.pays(c.asks("growth", "again")) }, ""},
		"what just happened": {func(d *desk, c *customer) {
			i := d.fake.Renew(c.subscription)
			d.fake.SetNow(later.Add(-time.Minute))
			d.fake.Pay(i)
		}, ""},
		"an invoice of nothing": {func(d *desk, c *customer) {
			i := d.fake.Renew(c.subscription)
			d.fake.Pay(i)
			d.fake.Set(i, stripetest.Object{"amount_paid": 0})
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := atDesk(t)
			a := d.collected("ada", "growth", 13900)
			c.do(d, a)
			found := d.compare()
			if got := differ(found); got != c.want {
				t.Fatalf("it finds %q, want %q", got, c.want)
			}
			wantNew := 0
			if c.want != "" {
				wantNew = 1
			}
			// Found again it is no news, and neither a second line nor a second letter.
			again := d.compare()
			lines := d.text(`SELECT count(*)::text FROM igny8_stripe_drifts`)
			letters := d.text(`SELECT count(*)::text FROM igny8_mails WHERE kind = 'stripe_drift'`)
			if found.New != wantNew || again.New != 0 || lines != strconv.Itoa(wantNew) || letters != strconv.Itoa(wantNew) {
				t.Errorf("%d new, then %d; %s lines, %s letters", found.New, again.New, lines, letters)
			}
		})
	}
}

func TestReconcile_TakesInWhatNobodyToldOfAndForgetsWhatIsMended(t *testing.T) {
	t.Parallel()
	d := atDesk(t)
	c := d.collected("ada", "growth", 13900)
	invoice := d.fake.Renew(c.subscription)
	d.fake.Pay(invoice)
	stranger, unknown := d.fake.Subscribe(stripetest.Terms{Customer: d.fake.Customer(nil), AmountMinor: 100, Currency: "usd"})
	d.fake.Pay(unknown)
	found := d.compare()
	if found.Fetched != 1 || len(found.Drifts) != 3 {
		t.Errorf("%+v: %s", found, differ(found))
	}
	events := d.text(`SELECT string_agg(concat_ws(' ', event_id, type, object_type, object_id, status), ', ') FROM igny8_stripe_events`)
	if want := "reconcile_" + invoice + " invoice.paid invoice " + invoice + " pending"; events != want {
		t.Errorf("taken in is %q, want %q", events, want)
	}
	if n := d.text(`SELECT count(*)::text FROM river_job WHERE kind = 'stripe_event'`); n != "1" {
		t.Errorf("%s jobs", n)
	}
	// While it is being taken in it neither counts as mended nor is taken in twice.
	if again := d.compare(); again.Fetched != 0 || again.Resolved != 0 || len(again.Drifts) != 2 {
		t.Errorf("%+v", again)
	}
	d.exec(`UPDATE igny8_stripe_events SET status = 'done'`)
	c.counts(invoice, 13900)
	d.fake.Remove(stranger)
	d.fake.Remove(unknown)
	if mended := d.compare(); mended.Resolved != 3 || len(mended.Drifts) != 0 {
		t.Errorf("%+v: %s", mended, differ(mended))
	}
	if open := d.text(`SELECT count(*)::text FROM igny8_stripe_drifts WHERE resolved_at IS NULL`); open != "0" {
		t.Errorf("%s are open", open)
	}
	list, err := stripe.Drifts(t.Context(), d.App, false, page.Args{})
	if err != nil || len(list.Edges) != 3 {
		t.Errorf("%+v, %v", list, err)
	}
}

// What was found is looked at until it is mended, however old it gets.
func TestReconcile_DoesNotForgetWhatGetsOld(t *testing.T) {
	t.Parallel()
	d := atDesk(t)
	c := d.collected("ada", "growth", 13900)
	d.fake.Pay(d.fake.Renew(c.subscription))
	c.counts("in_never", 13900)
	if n := len(d.compare().Drifts); n != 2 {
		t.Fatalf("%d", n)
	}
	d.exec(`UPDATE igny8_stripe_events SET status = 'ignored'`)
	late := monday.Add(3 * stripe.Window)
	found, err := d.till.Reconcile(t.Context(), late.Add(-stripe.Window), late)
	if err != nil || len(found.Drifts) != 2 || found.Resolved != 0 || found.New != 0 {
		t.Errorf("%+v, %v: %s", found, err, differ(found))
	}
}

func TestReconcile_ReadsAllPagesAndWritesNothingOfAHalfOne(t *testing.T) {
	t.Parallel()
	d := atDesk(t)
	stranger := d.fake.Customer(nil)
	for range 230 {
		_, invoice := d.fake.Subscribe(stripetest.Terms{Customer: stranger, AmountMinor: 100, Currency: "usd"})
		d.fake.Pay(invoice)
	}
	d.fake.Refuse(func(_, path string) int {
		if path == "/v1/subscriptions" {
			return 500
		}
		return 0
	})
	if _, err := d.till.Reconcile(t.Context(), monday.Add(-stripe.Window), later); err == nil || strings.Contains(err.Error(), "@") {
		t.Errorf("a half comparison is told as done: %v", err)
	}
	if n := d.text(`SELECT count(*)::text FROM igny8_stripe_drifts`); n != "0" {
		t.Errorf("%s drifts of a half comparison", n)
	}
	d.fake.Refuse(nil)
	found := d.compare()
	if found.Subscriptions != 230 || found.Invoices != 230 || len(found.Drifts) != 460 {
		t.Errorf("%+v", found.Text()[:200])
	}
}
