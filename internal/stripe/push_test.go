package stripe_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"igny8.com/accounts/internal/billing"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/jobs"
	"igny8.com/accounts/internal/money"
	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/retention"
	"igny8.com/accounts/internal/staff"
)

func (c *customer) cancels() {
	c.desk.t.Helper()
	if _, err := c.desk.office.CancelSubscription(c.ctx(), c.desk.App, c.Actor, monday, ""); err != nil {
		c.desk.t.Fatal(err)
	}
}

func (c *customer) resumes() {
	c.desk.t.Helper()
	if _, err := c.desk.office.ResumeSubscription(c.ctx(), c.desk.App, c.Actor, monday, true); err != nil {
		c.desk.t.Fatal(err)
	}
}

func (c *customer) moves(plan string) *billing.Payment {
	c.desk.t.Helper()
	p, _, err := c.desk.office.Change(c.ctx(), c.desk.App, c.Actor, monday,
		billing.ChangePlan{PlanSlug: plan, Months: 1, IdempotencyKey: plan + c.wishes()})
	if err != nil {
		c.desk.t.Fatal(err)
	}
	return p
}

func (d *desk) byStaff() context.Context {
	return postgres.WithTenant(d.t.Context(), int64(d.staff.AccountID()))
}

// away has Stripe answer nothing but 500.
func (d *desk) away(is bool) {
	if !is {
		d.fake.Refuse(nil)
		return
	}
	d.fake.Refuse(func(string, string) int { return http.StatusInternalServerError })
}

// What is done to an agreement is done to the subscription that collects for it.
//
//nolint:paralleltest,tparallel // they share a desk
func TestPush_FollowsTheAgreement(t *testing.T) {
	t.Parallel()
	d := atDesk(t)
	for name, c := range map[string]struct {
		do func(c *customer)
		// left are the wishes that it leaves, there is what Stripe has once they are done.
		left, there string
	}{
		"nothing":  {func(*customer) {}, "", "active false growth 13900"},
		"cancels":  {(*customer).cancels, "cancel pending", "active true growth 13900"},
		"resumes":  {func(c *customer) { c.cancels(); c.pushAll(); c.resumes() }, "cancel done, cancel pending", "active false growth 13900"},
		"at once":  {func(c *customer) { c.cancels(); c.resumes() }, "cancel superseded, cancel pending", "active false growth 13900"},
		"smaller":  {func(c *customer) { c.moves("starter") }, "plan pending", "active false starter 8900"},
		"and back": {func(c *customer) { c.moves("starter"); c.pushAll(); c.resumes() }, "plan done, plan pending", "active false growth 13900"},
		"smaller, cancels, resumes": {
			func(c *customer) { c.moves("starter"); c.pushAll(); c.cancels(); c.resumes() },
			"plan done, cancel superseded, cancel pending, plan pending", "active false growth 13900",
		},
		"dearer, not paid": {func(c *customer) { c.moves("scale") }, "", "active false growth 13900"},
		"dearer":           {func(c *customer) { c.pays(c.moves("scale")) }, "plan pending", "active false scale 22900"},
		"cancels, dearer": {
			func(c *customer) { c.cancels(); c.pushAll(); c.pays(c.moves("scale")) },
			"cancel done, cancel pending, plan pending", "active false scale 22900",
		},
		"free":             {func(c *customer) { c.moves("free") }, "cancel pending", "active true growth 13900"},
		"free, and back":   {func(c *customer) { c.moves("free"); c.pushAll(); c.moves("growth") }, "cancel done, cancel pending", "active false growth 13900"},
		"renews by bank":   {func(c *customer) { c.pays(c.asked("growth", "again")) }, "", "active false growth 13900"},
		"cancels, by bank": {func(c *customer) { c.cancels(); c.pushAll(); c.pays(c.asks("growth", "again")) }, "cancel done", "active true growth 13900"},
		"is over": {func(c *customer) {
			c.cancels()
			if err := d.office.Settle(d.t.Context(), d.App, c.AccountID(), monday.AddDate(0, 1, 1)); err != nil {
				d.t.Fatal(err)
			}
		}, "cancel superseded, end pending", "canceled false growth 13900"},
		"suspended": {func(c *customer) {
			if _, err := staff.Suspend(d.byStaff(), d.App, d.staff, monday, c.AccountID(), "abuse"); err != nil {
				d.t.Fatal(err)
			}
		}, "end pending", "canceled false growth 13900"},
		"deleted": {func(c *customer) {
			_, err := retention.DeleteAccount(c.ctx(), d.App, d.office.Mail, c.Actor, monday, retention.Deletion{Confirm: c.Account.Slug})
			if err != nil {
				d.t.Fatal(err)
			}
		}, "end pending", "canceled false growth 13900"},
		"assigned": {func(c *customer) {
			_, err := d.office.Assign(d.byStaff(), d.App, d.staff, monday, billing.Assignment{
				AccountID: c.AccountID(), PlanSlug: "enterprise", Until: monday.AddDate(1, 0, 0), Reason: "a contract", IdempotencyKey: "assign",
			})
			if err != nil {
				d.t.Fatal(err)
			}
		}, "end pending", "canceled false growth 13900"},
	} {
		t.Run(name, func(t *testing.T) {
			a := d.collected(strings.NewReplacer(" ", "-", ",", "").Replace(name), "growth", 13900)
			c.do(a)
			if got := a.wishes(); got != c.left {
				t.Errorf("it leaves %q, want %q", got, c.left)
			}
			a.pushAll()
			if got := a.there(); got != c.there {
				t.Errorf("Stripe has %q, want %q", got, c.there)
			}
			if waits := d.text(`SELECT count(*)::text FROM igny8_stripe_pushes WHERE tenant_id = ? AND status IN ('pending', 'failed')`, a.AccountID()); waits != "0" {
				t.Errorf("%s are not done: %s", waits, a.wishes())
			}
			seen := d.text(`SELECT status || ' ' || cancelling || ' ' || plan_slug || ' ' || amount_minor FROM igny8_stripe_subscriptions WHERE tenant_id = ?`, a.AccountID())
			if seen != c.there {
				t.Errorf("it is noted as %q", seen)
			}
		})
	}
}

// An account that Stripe does not collect for is none of its concern.
func TestPush_IsLeftForNobodyElse(t *testing.T) {
	t.Parallel()
	d := atDesk(t)
	c := d.open("bank")
	c.pays(c.asks("growth", "first"))
	c.moves("starter")
	c.cancels()
	if c.wishes() != "" {
		t.Errorf("it leaves %q", c.wishes())
	}
}

func TestPush_SetsThePriceWithTaxAndWithoutProration(t *testing.T) {
	t.Parallel()
	d := atDesk(t)
	c := d.collected("ada", "growth", 13900)
	d.exec(`UPDATE igny8_tenants SET tax_rate = 1900 WHERE id = ?`, c.AccountID())
	c.moves("starter")
	c.pushAll()
	if how := d.fake.Get(c.subscription)["asked_proration"]; how != "none" {
		t.Errorf("it is prorated: %v", how)
	}
	if got := c.there(); got != "active false starter 10591" {
		t.Errorf("Stripe has %q", got)
	}
	meta, _ := d.fake.Get(c.subscription)["metadata"].(map[string]any)
	if fmt.Sprint(meta[billing.MetaNet], meta[billing.MetaTaxRate]) != "89001900" || d.fake.Get("igny8_plan_starter_tax_1900") == nil {
		t.Errorf("it says %v", meta)
	}
	d.exec(`UPDATE igny8_tenants SET tax_rate = NULL WHERE id = ?`, c.AccountID())
	c.resumes()
	c.pushAll()
	meta, _ = d.fake.Get(c.subscription)["metadata"].(map[string]any)
	if c.there() != "active false growth 13900" || meta[billing.MetaTaxRate] != nil {
		t.Errorf("Stripe has %q and says %v", c.there(), meta)
	}
}

// An older wish that arrives at Stripe after a newer one does not stay.
func TestPush_LetsTheNewestWishWinInWhateverOrderTheyArrive(t *testing.T) {
	t.Parallel()
	d := atDesk(t)
	c := d.collected("ada", "growth", 13900)
	c.cancels()
	older := c.newest()
	arrived, let := make(chan struct{}), make(chan struct{})
	var once sync.Once
	d.fake.Refuse(func(method, path string) int {
		if method == http.MethodPost && strings.HasPrefix(path, "/v1/subscriptions/") {
			held := false
			once.Do(func() { held = true })
			if held {
				close(arrived)
				<-let
			}
		}
		return 0
	})
	ended := make(chan error, 1)
	go func() { ended <- c.push(older, false) }()
	<-arrived
	// It is under way, and the owner thinks again: the newer wish is done before the older one is.
	c.resumes()
	if err := c.push(c.newest(), false); err != nil {
		t.Fatal(err)
	}
	close(let)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if got := c.there(); got != "active false growth 13900" {
		t.Errorf("Stripe has %q", got)
	}
	if c.wishes() != "cancel superseded, cancel done" {
		t.Errorf("they stand as %q", c.wishes())
	}
}

// A server that stopped after it had told Stripe an older wish lets somebody else find out.
func TestPush_TellsTheNewestAgainAfterAnOlderOneThatNobodyKnowsOf(t *testing.T) {
	t.Parallel()
	d := atDesk(t)
	c := d.collected("ada", "growth", 13900)
	c.cancels()
	older := c.newest()
	d.away(true) // the try is counted, and nobody knows what came of it
	if err := c.push(older, false); err == nil {
		t.Fatal("a try that failed is told as done")
	}
	d.away(false)
	c.resumes()
	c.pushAll()
	d.fake.CancelAtPeriodEnd(c.subscription, true) // as if the older one came now
	if err := c.push(older, false); err != nil {
		t.Fatal(err)
	}
	if got := c.there(); got != "active false growth 13900" {
		t.Errorf("Stripe has %q", got)
	}
}

func TestPush_IsTriedAgainAndGivenUpWhereStaffSeeIt(t *testing.T) {
	t.Parallel()
	d := atDesk(t)
	c := d.collected("ada", "growth", 13900)
	c.cancels()
	d.away(true)
	if err := c.push(c.newest(), false); err == nil {
		t.Fatal("a try that failed is told as done")
	}
	if c.wishes() != "cancel pending" {
		t.Errorf("it stands as %q", c.wishes())
	}
	if err := c.push(c.newest(), true); err != nil {
		t.Fatal(err)
	}
	d.away(false)
	if c.wishes() != "cancel failed" {
		t.Errorf("it stands as %q", c.wishes())
	}
	why := d.text(`SELECT error FROM igny8_stripe_pushes WHERE tenant_id = ?`, c.AccountID())
	if !strings.Contains(why, "Stripe answers 500") || strings.Contains(why, "@") {
		t.Errorf("it says %q", why)
	}
	if n := d.text(`SELECT count(*)::text FROM igny8_mails WHERE kind = 'stripe_push_failed' AND tenant_id = ?`, c.AccountID()); n != "1" {
		t.Errorf("staff got %s letters", n)
	}
	again, err := billing.RetryPush(d.t.Context(), d.App, c.AccountID(), c.newest(), monday)
	if err != nil || again == nil {
		t.Fatal(again, err)
	}
	c.pushAll()
	if got := c.there(); got != "active true growth 13900" {
		t.Errorf("Stripe has %q", got)
	}
	// What Stripe refuses is not asked again, and an older wish is not done over a newer one.
	d.fake.Remove(c.subscription)
	c.resumes()
	if err := c.push(c.newest(), false); err != nil {
		t.Fatal(err)
	}
	if c.wishes() != "cancel done, cancel failed" {
		t.Errorf("they stand as %q", c.wishes())
	}
	failed := c.newest()
	c.cancels()
	if again, err := billing.RetryPush(d.t.Context(), d.App, c.AccountID(), failed, monday); err != nil || again == nil {
		t.Errorf("what is newest to be tried: %v %v", again, err)
	}
}

func TestPush_OfWhatIsOverAtStripe(t *testing.T) {
	t.Parallel()
	d := atDesk(t)
	c := d.collected("ada", "growth", 13900)
	d.fake.End(c.subscription, "cancellation_requested")
	c.cancels()
	c.pushAll()
	c.moves("starter")
	c.pushAll()
	if c.wishes() != "cancel done, plan failed" {
		t.Errorf("they stand as %q", c.wishes())
	}
}

// giveBack leaves a refund of a payment that was made at Stripe, as a refund here does.
func (c *customer) paidThere(external string) gid.Payment {
	c.desk.t.Helper()
	p := c.asked("growth", "by "+external)
	c.desk.exec(`UPDATE igny8_payments SET method = 'stripe', status = 'confirmed', external_payment_id = ?, received_on = ?1, decided_at = ?1 WHERE tenant_id = ?2 AND id = ?3`,
		external, monday, c.AccountID(), p.ID)
	return p.ID
}

func (c *customer) givesBack(p gid.Payment, amount int64) int64 {
	c.desk.t.Helper()
	c.desk.exec(`INSERT INTO igny8_stripe_pushes (tenant_id, kind, payment_id, wanted, status, created_at, updated_at)
		VALUES (?, 'refund', ?, jsonb_build_object('amount', ?::bigint), 'pending', ?3, ?3)`, c.AccountID(), p, amount, monday)
	return c.newest()
}

func TestPush_GivesMoneyBackOnceHoweverOftenTheAnswerIsLost(t *testing.T) {
	t.Parallel()
	d := atDesk(t)
	c := d.collected("ada", "growth", 13900)
	invoice := d.fake.Renew(c.subscription)
	charge := d.fake.Pay(invoice)
	p := c.paidThere(invoice)
	push := c.givesBack(p, 5000)
	call := "refunds"
	d.loses.Store(&call)
	if err := c.push(push, false); err == nil {
		t.Fatal("a try whose answer was lost is told as done")
	}
	d.loses.Store(nil)
	d.fake.Forget() // it may take longer than a day
	for range 2 {
		if err := c.push(push, false); err != nil {
			t.Fatal(err)
		}
	}
	if back := d.fake.Get(charge)["amount_refunded"]; fmt.Sprint(back) != "5000" {
		t.Errorf("%v went back", back)
	}
	// A second refund of the same sum is another one.
	if err := c.push(c.givesBack(p, 5000), false); err != nil {
		t.Fatal(err)
	}
	if back := d.fake.Get(charge)["amount_refunded"]; fmt.Sprint(back) != "10000" {
		t.Errorf("%v went back", back)
	}
	// More than there is, is refused there, and told.
	if err := c.push(c.givesBack(p, 5000), false); err != nil {
		t.Fatal(err)
	}
	if back := d.fake.Get(charge)["amount_refunded"]; fmt.Sprint(back) != "10000" || !strings.HasSuffix(c.wishes(), "refund done, refund done, refund failed") {
		t.Errorf("%v went back, %s", back, c.wishes())
	}
}

// What staff give back of a payment that Stripe collected goes back there, and what ends with it ends there too.
func TestPush_FollowsRefunds(t *testing.T) {
	t.Parallel()
	d := atDesk(t)
	c := d.collected("ada", "growth", 13900)
	invoice := d.fake.Renew(c.subscription)
	charge := d.fake.Pay(invoice)
	paid := gid.Payment(d.numbers(`SELECT id FROM igny8_payments WHERE tenant_id = ?`, c.AccountID())[0])
	d.exec(`UPDATE igny8_payments SET method = 'stripe', external_payment_id = ? WHERE tenant_id = ?`, invoice, c.AccountID())
	give := func(key string, amount *money.Money) {
		t.Helper()
		_, _, err := d.office.RefundPayment(d.byStaff(), d.App, d.staff, monday.Add(time.Hour),
			billing.Refund{PaymentID: paid, Amount: amount, Reason: "asked for", IdempotencyKey: key})
		if err != nil {
			t.Fatal(err)
		}
	}
	some := dollars(3900)
	give("some", &some)
	give("some", &some) // said again it is one
	if c.wishes() != "refund pending" {
		t.Errorf("it leaves %q", c.wishes())
	}
	c.pushAll()
	give("rest", nil)
	left := strings.Split(c.wishes(), ", ")
	slices.Sort(left)
	if got := strings.Join(left, ", "); got != "end pending, refund done, refund pending" {
		t.Errorf("it leaves %q", got)
	}
	c.pushAll()
	if back := d.fake.Get(charge); back["refunded"] != true || c.there() != "canceled false growth 13900" {
		t.Errorf("Stripe has %q and %v", c.there(), back)
	}
	// What was paid by a bank, and what a bank took by a dispute, is not given back by Stripe.
	b := d.collected("bob", "growth", 13900)
	bank := gid.Payment(d.numbers(`SELECT id FROM igny8_payments WHERE tenant_id = ?`, b.AccountID())[0])
	half := dollars(100)
	if _, _, err := d.office.RefundPayment(d.byStaff(), d.App, d.staff, monday, billing.Refund{PaymentID: bank, Amount: &half, Reason: "asked for", IdempotencyKey: "k"}); err != nil {
		t.Fatal(err)
	}
	if b.wishes() != "" {
		t.Errorf("it leaves %q", b.wishes())
	}
	d.exec(`UPDATE igny8_payments SET method = 'stripe' WHERE tenant_id = ?`, b.AccountID())
	of := billing.PaymentKey{Tenant: b.AccountID(), Payment: bank}
	if _, err := d.office.Dispute(d.t.Context(), d.App, of, monday); err != nil {
		t.Fatal(err)
	}
	if _, err := d.office.ResolveDispute(d.t.Context(), d.App, of, false, monday.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if b.wishes() != "end pending" {
		t.Errorf("it leaves %q", b.wishes())
	}
}

func TestPush_GivesBackWhatWasPaidOnOnePage(t *testing.T) {
	t.Parallel()
	d := atDesk(t)
	c := d.open("ada")
	waits := c.asks("growth", "asked")
	session := d.fake.Session(d.fake.Customer(nil), "payment", waits.AmountMinor, "usd", nil)
	charge := d.fake.Complete(session, false)
	intent, _ := d.fake.Get(session)["payment_intent"].(string)
	if err := c.push(c.givesBack(c.paidThere(intent), 13900), false); err != nil {
		t.Fatal(err)
	}
	if d.fake.Get(charge)["refunded"] != true {
		t.Errorf("%v", d.fake.Get(charge))
	}
	if err := c.push(c.givesBack(waits.ID, 100), false); err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(c.wishes(), "refund done, refund failed") {
		t.Errorf("what was not paid at Stripe: %s", c.wishes())
	}
}

// The job is there with the change, and a crew does it.
func TestPush_IsDoneByTheCrew(t *testing.T) {
	t.Parallel()
	d := atDesk(t)
	c := d.collected("ada", "growth", 13900)
	ctx, stop := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for range 2 {
		crew := jobs.New(jobs.Config{
			DB: d.App, Office: d.office, Log: slog.New(slog.NewTextHandler(t.Output(), nil)), Clock: func() time.Time { return monday },
			Stripe: jobs.Stripe{Push: d.till.Push, Reconcile: d.till.ReconcileDue},
		})
		all.Go(func() {
			if err := crew.Run(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	t.Cleanup(func() { stop(); all.Wait() })
	c.cancels()
	c.resumes()
	c.moves("starter")
	looks, end := time.NewTicker(20*time.Millisecond), time.After(time.Minute)
	defer looks.Stop()
	for c.wishes() != "cancel superseded, cancel done, plan done" {
		select {
		case <-looks.C:
		case <-end:
			t.Fatalf("they stand as %q", c.wishes())
		}
	}
	if got := c.there(); got != "active false starter 8900" {
		t.Errorf("Stripe has %q", got)
	}
}
