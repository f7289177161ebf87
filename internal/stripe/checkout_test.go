package stripe_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"igny8.com/accounts/internal/billing"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/stripe"
)

// sessions are those at Stripe that can be used.
func (d *desk) sessions() (open []map[string]any) {
	for _, id := range d.strings(`SELECT session_id FROM igny8_stripe_checkouts WHERE session_id IS NOT NULL ORDER BY id`) {
		if s := d.fake.Get(id); s["status"] == "open" {
			open = append(open, s)
		}
	}
	return open
}

func (d *desk) strings(query string, args ...any) (rows []string) {
	d.t.Helper()
	if err := d.Admin.NewRaw(query, args...).Scan(d.t.Context(), &rows); err != nil {
		d.t.Fatal(err)
	}
	return rows
}

func TestStartCheckout_GivesAPageForAPlanWithTax(t *testing.T) {
	t.Parallel()
	d := atDesk(t)
	c := d.open("ada")
	d.exec(`UPDATE igny8_tenants SET tax_rate = 825 WHERE id = ?`, c.AccountID())
	page, err := c.start("starter", "k")
	if err != nil {
		t.Fatal(err)
	}
	open := d.sessions()
	if len(open) != 1 || open[0]["url"] != page.URL || !page.ExpiresAt.Equal(monday.Add(time.Hour)) {
		t.Fatalf("%+v, and %d are open", page, len(open))
	}
	asked, _ := open[0]["asked"].(map[string]any)
	got := fmt.Sprintf("%v%v%v%v%v%v%v", asked["mode"], asked["line_items"], asked["metadata"], asked["subscription_data"], asked["success_url"],
		asked["cancel_url"], asked["customer"])
	number := d.numbers(`SELECT id FROM igny8_stripe_checkouts WHERE tenant_id = ?`, c.AccountID())[0]
	says := fmt.Sprintf("map[igny8_account:%s igny8_checkout:%d igny8_months:1 igny8_net:8900 igny8_plan:starter igny8_tax_rate:825]", gid.Format(c.AccountID()), number)
	want := "subscription[map[price_data:map[currency:usd product_data:map[description:Paid monthly: 89.00 USD and 8.25 % tax name:IGNY8 Starter] " +
		"recurring:map[interval:month] unit_amount:9634] quantity:1]]" + says + "map[metadata:" + says + "]" +
		"https://app.test/billing?checkout=successhttps://app.test/billing?checkout=cancelled" +
		d.text(`SELECT customer_id FROM igny8_stripe_customers WHERE tenant_id = ?`, c.AccountID())
	if got != want {
		t.Errorf("Stripe was asked for\n%s\nwant\n%s", got, want)
	}
	if state := d.text(`SELECT mode || ' ' || status FROM igny8_stripe_checkouts`); state != "subscription open" {
		t.Errorf("it stands as %s", state)
	}
	if n := d.text(`SELECT count(*)::text FROM igny8_audit_events WHERE action = 'checkout.started' AND tenant_id = ?`, c.AccountID()); n != "1" {
		t.Errorf("the log tells of it %s times", n)
	}
}

func TestStartCheckout_GivesTheSamePageForTheSameKey(t *testing.T) {
	t.Parallel()
	d := atDesk(t)
	c := d.open("ada")
	var all sync.WaitGroup
	pages := make([]*stripe.Checkout, 12)
	for i := range pages {
		all.Go(func() {
			page, err := c.start("starter", "k")
			if err != nil {
				t.Error(err)
				return
			}
			pages[i] = page
		})
	}
	all.Wait()
	for _, page := range pages {
		if page == nil || *page != *pages[0] {
			t.Errorf("%+v and %+v", page, pages[0])
		}
	}
	if n := len(d.sessions()); n != 1 {
		t.Errorf("%d sessions are open", n)
	}
	if customers := d.text(`SELECT count(*)::text FROM igny8_stripe_customers`); customers != "1" {
		t.Errorf("%s customers", customers)
	}
	_, err := c.start("growth", "k")
	told(t, err, "IDEMPOTENCY_CONFLICT idempotencyKey")
	other := "https://app.test/elsewhere"
	plan := "starter"
	_, err = d.till.StartCheckout(c.ctx(), c.Actor, monday, stripe.StartCheckout{PlanSlug: &plan, SuccessURL: &other, IdempotencyKey: "k"})
	told(t, err, "IDEMPOTENCY_CONFLICT idempotencyKey")
	session, _ := d.sessions()[0]["id"].(string)
	d.fake.Complete(session, false)
	_, err = c.start("starter", "k")
	told(t, err, "INVALID_STATE")
}

// Whatever races, at most one page of an account can be paid on, and only the newest one that was given.
func TestStartCheckout_LeavesOnePageOpenAmongMany(t *testing.T) {
	t.Parallel()
	d := atDesk(t)
	c := d.open("ada")
	var all sync.WaitGroup
	for i := range 12 {
		all.Go(func() {
			if _, err := c.start("starter", fmt.Sprint("k", i)); err != nil && !fault.Is(err, fault.InvalidState) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	page, err := c.start("starter", "last")
	if err != nil {
		t.Fatal(err)
	}
	open := 0
	for i := range 200 {
		if s := d.fake.Get(fmt.Sprintf("cs_test_fake%06d", i)); s != nil && s["status"] == "open" {
			open++
			if s["url"] != page.URL {
				t.Errorf("%v is open, and was not the last", s["url"])
			}
		}
	}
	if open != 1 {
		t.Errorf("%d pages are open", open)
	}
	if n := d.posts("customers"); n < 1 || d.text(`SELECT count(*)::text FROM igny8_stripe_customers`) != "1" {
		t.Errorf("customers were asked for %d times, and more than one is noted", n)
	}
	if left := d.text(`SELECT count(*)::text FROM igny8_stripe_checkouts WHERE status IN ('started', 'open')`); left != "1" {
		t.Errorf("%s checkouts are under way", left)
	}
}

// A page that Stripe is slow to make is closed, and given to nobody, where a newer one was given meanwhile.
func TestStartCheckout_ClosesThePageThatCameTooLate(t *testing.T) {
	t.Parallel()
	d := atDesk(t)
	c := d.open("ada")
	arrived, let := make(chan struct{}), make(chan struct{})
	var once sync.Once
	d.fake.Refuse(func(method, path string) int {
		if method == http.MethodPost && path == "/v1/checkout/sessions" {
			held := false
			once.Do(func() { held = true })
			if held {
				close(arrived)
				<-let
			}
		}
		return 0
	})
	slow := make(chan error, 1)
	go func() { _, err := c.start("starter", "slow"); slow <- err }()
	<-arrived
	page, err := c.start("starter", "newer")
	if err != nil {
		t.Fatal(err)
	}
	close(let)
	told(t, <-slow, "INVALID_STATE")
	for i := range 50 {
		if s := d.fake.Get(fmt.Sprintf("cs_test_fake%06d", i)); s["status"] == "open" && s["url"] != page.URL {
			t.Errorf("%v is open beside the newer one", s["url"])
		}
	}
	_, err = c.start("starter", "slow")
	told(t, err, "INVALID_STATE")
}

func TestStartCheckout_DoesNotOpenAPageBesideOneThatWasPaid(t *testing.T) {
	t.Parallel()
	d := atDesk(t)
	c := d.open("ada")
	if _, err := c.start("starter", "first"); err != nil {
		t.Fatal(err)
	}
	session, _ := d.sessions()[0]["id"].(string)
	d.fake.Complete(session, false)
	_, err := c.start("starter", "second")
	told(t, err, "INVALID_STATE")
	if n := len(d.sessions()); n != 0 {
		t.Errorf("%d sessions are open", n)
	}
}

func TestStartCheckout_IsRepeatableWhereStripeIsAwayOrItsAnswerLost(t *testing.T) {
	t.Parallel()
	d := atDesk(t)
	c := d.open("ada")
	d.fake.FailNext(2)
	_, err := c.start("starter", "k")
	told(t, err, "UNAVAILABLE")
	for _, call := range []string{"customers", "checkout/sessions"} {
		d.loses.Store(&call)
		_, err = c.start("starter", "k")
		told(t, err, "UNAVAILABLE")
	}
	d.loses.Store(nil)
	page, err := c.start("starter", "k")
	if err != nil {
		t.Fatal(err)
	}
	made := 0
	for i := range 50 {
		for _, kind := range []string{"cus", "cs_test"} {
			if d.fake.Get(fmt.Sprintf("%s_fake%06d", kind, i)) != nil {
				made++
			}
		}
	}
	if made != 2 || d.sessions()[0]["url"] != page.URL {
		t.Errorf("%d customers and sessions were made, want one of each", made)
	}
	_, err = d.till.StartCheckout(c.ctx(), c.Actor, monday.Add(26*time.Minute), stripe.StartCheckout{PlanSlug: &[]string{"starter"}[0], IdempotencyKey: "k"})
	if err != nil {
		t.Errorf("a page that is open is given again: %v", err)
	}
}

func TestStartCheckout_EndsOneThatStripeWasNotAskedForInTime(t *testing.T) {
	t.Parallel()
	d := atDesk(t)
	c := d.open("ada")
	d.fake.FailNext(2)
	_, err := c.start("starter", "k")
	told(t, err, "UNAVAILABLE")
	plan := "starter"
	_, err = d.till.StartCheckout(c.ctx(), c.Actor, monday.Add(26*time.Minute), stripe.StartCheckout{PlanSlug: &plan, IdempotencyKey: "k"})
	told(t, err, "INVALID_STATE")
}

func TestStartCheckout_PaysOnePaymentThatWaits(t *testing.T) {
	t.Parallel()
	d := atDesk(t)
	c := d.open("ada")
	p := c.asks("growth", "asked")
	page, err := d.till.StartCheckout(c.ctx(), c.Actor, monday, stripe.StartCheckout{PaymentID: &p.ID, IdempotencyKey: "k"})
	if err != nil {
		t.Fatal(err)
	}
	s := d.sessions()[0]
	asked, _ := s["asked"].(map[string]any)
	meta := fmt.Sprint(asked["payment_intent_data"])
	if s["url"] != page.URL || s["mode"] != "payment" || fmt.Sprint(s["amount_total"], s["currency"]) != "13900usd" ||
		!strings.Contains(meta, p.Reference) || !strings.Contains(meta, "igny8_payment:"+gid.Format(p.ID)) {
		t.Errorf("Stripe was asked for %v", asked)
	}
	// A newer page for the same payment closes it; one for a plan has nothing to do with it.
	if _, err := c.start("starter", "plan"); err != nil {
		t.Fatal(err)
	}
	if n := len(d.sessions()); n != 2 {
		t.Errorf("%d sessions are open, want 2", n)
	}
	if _, err := d.till.StartCheckout(c.ctx(), c.Actor, monday, stripe.StartCheckout{PaymentID: &p.ID, IdempotencyKey: "k2"}); err != nil {
		t.Fatal(err)
	}
	if n := len(d.sessions()); n != 2 {
		t.Errorf("%d sessions are open, want 2", n)
	}
}

func TestStartCheckout_RefusesWhatMustNotBePaid(t *testing.T) {
	t.Parallel()
	d := atDesk(t)
	c, other := d.open("ada"), d.open("bob")
	foreign := other.asks("starter", "asked")
	waits := c.asks("starter", "waits")
	sent := c.asks("starter", "sent")
	if _, err := d.office.DeclarePayment(c.ctx(), d.App, c.Actor, monday, billing.Declare{PaymentID: sent.ID, SentOn: monday.Truncate(24 * time.Hour), PayerName: "Ada"}); err != nil {
		t.Fatal(err)
	}
	running := d.open("runs")
	done := running.asks("growth", "paid")
	running.pays(done)
	collects := d.collected("collects", "starter", 8900)
	coming := d.open("coming")
	d.exec(`INSERT INTO igny8_stripe_checkouts (tenant_id, mode, plan_id, status, session_id, subscription_id, idempotency_key, fingerprint, created_by, created_at, expires_at, updated_at)
		SELECT ?0, 'subscription', id, 'complete', 'cs_done', 'sub_coming', 'before', '', ?1, ?2, ?2, ?2 FROM igny8_plans WHERE slug = 'starter'`, coming.AccountID(), coming.User.ID, monday)
	gone := d.open("gone")
	d.exec(`UPDATE igny8_tenants SET status = 'cancelled' WHERE id = ?`, gone.AccountID())
	d.exec(`UPDATE igny8_subscriptions SET status = 'cancelled', cancelled_at = ?1 WHERE tenant_id = ?0`, gone.AccountID(), monday)
	text := func(s string) *string { return &s }
	before := d.posts("")
	rows := d.text(`SELECT count(*)::text FROM igny8_stripe_checkouts`)
	for name, c := range map[string]struct {
		by   *customer
		in   stripe.StartCheckout
		want string
	}{
		"nothing":                 {c, stripe.StartCheckout{}, "REQUIRED planSlug"},
		"no key":                  {c, stripe.StartCheckout{PlanSlug: text("starter"), IdempotencyKey: " "}, "REQUIRED idempotencyKey"},
		"no such plan":            {c, stripe.StartCheckout{PlanSlug: text("gold")}, "PLAN_UNAVAILABLE planSlug"},
		"a free plan":             {c, stripe.StartCheckout{PlanSlug: text("free")}, "PLAN_UNAVAILABLE planSlug"},
		"staff's plan":            {c, stripe.StartCheckout{PlanSlug: text("enterprise")}, "PLAN_UNAVAILABLE planSlug"},
		"another plan than paid":  {running, stripe.StartCheckout{PlanSlug: text("starter")}, "INVALID_STATE planSlug"},
		"collected already":       {collects, stripe.StartCheckout{PlanSlug: text("starter")}, "INVALID_STATE planSlug"},
		"about to be collected":   {coming, stripe.StartCheckout{PlanSlug: text("starter")}, "INVALID_STATE planSlug"},
		"a cancelled account":     {gone, stripe.StartCheckout{PlanSlug: text("starter")}, "INVALID_STATE"},
		"another's payment":       {c, stripe.StartCheckout{PaymentID: &foreign.ID}, "NOT_FOUND paymentId"},
		"a payment that was sent": {c, stripe.StartCheckout{PaymentID: &sent.ID}, "INVALID_STATE paymentId"},
		"a payment that was made": {running, stripe.StartCheckout{PaymentID: &done.ID}, "INVALID_STATE paymentId"},
		"a payment, another plan": {c, stripe.StartCheckout{PaymentID: &waits.ID, PlanSlug: text("scale")}, "PLAN_UNAVAILABLE planSlug"},
		"a stranger's page":       {c, stripe.StartCheckout{PlanSlug: text("starter"), SuccessURL: text("https://evil.test/")}, "INVALID successUrl"},
		"a page that looks like":  {c, stripe.StartCheckout{PlanSlug: text("starter"), CancelURL: text("https://app.test.evil.test/")}, "INVALID cancelUrl"},
		"a name before the host":  {c, stripe.StartCheckout{PlanSlug: text("starter"), CancelURL: text("https://app.test@evil.test/")}, "INVALID cancelUrl"},
		"a name before our host":  {c, stripe.StartCheckout{PlanSlug: text("starter"), CancelURL: text("https://a:b@app.test/")}, "INVALID cancelUrl"},
		"a backslash":             {c, stripe.StartCheckout{PlanSlug: text("starter"), CancelURL: text(`https://app.test\@evil.test/`)}, "INVALID cancelUrl"},
		"no scheme":               {c, stripe.StartCheckout{PlanSlug: text("starter"), CancelURL: text("//app.test/")}, "INVALID cancelUrl"},
		"another scheme":          {c, stripe.StartCheckout{PlanSlug: text("starter"), CancelURL: text("http://app.test/")}, "INVALID cancelUrl"},
		"a script":                {c, stripe.StartCheckout{PlanSlug: text("starter"), CancelURL: text("javascript:alert(1)")}, "INVALID cancelUrl"},
		"another port":            {c, stripe.StartCheckout{PlanSlug: text("starter"), CancelURL: text("https://app.test:8443/")}, "INVALID cancelUrl"},
		"a line of its own":       {c, stripe.StartCheckout{PlanSlug: text("starter"), CancelURL: text("https://app.test/\n")}, "INVALID cancelUrl"},
		"an address without end":  {c, stripe.StartCheckout{PlanSlug: text("starter"), CancelURL: text("https://app.test/" + strings.Repeat("a", 2000))}, "TOO_LONG cancelUrl"},
	} {
		if c.in.IdempotencyKey == "" {
			c.in.IdempotencyKey = name
		}
		_, err := d.till.StartCheckout(c.by.ctx(), c.by.Actor, monday, c.in)
		t.Log(name)
		told(t, err, c.want)
	}
	if n := d.posts("") - before; n != 0 {
		t.Errorf("Stripe was asked %d times for what was refused", n)
	}
	if now := d.text(`SELECT count(*)::text FROM igny8_stripe_checkouts`); now != rows {
		t.Errorf("%s checkouts, there were %s", now, rows)
	}
}

func TestOpenPortal_IsForAccountsThatPaidThroughStripe(t *testing.T) {
	t.Parallel()
	d := atDesk(t)
	c := d.open("ada")
	_, err := d.till.OpenPortal(c.ctx(), c.Actor, nil)
	told(t, err, "INVALID_STATE")
	if _, err := c.start("starter", "k"); err != nil {
		t.Fatal(err)
	}
	back := "https://app.test/money"
	address, err := d.till.OpenPortal(c.ctx(), c.Actor, &back)
	if err != nil || !strings.HasPrefix(address, "https://billing.stripe.test/") {
		t.Fatalf("%s, %v", address, err)
	}
	if s := d.fake.Get(strings.TrimPrefix(address, "https://billing.stripe.test/")); s["return_url"] != back {
		t.Errorf("it leads back to %v", s["return_url"])
	}
	evil := "https://evil.test/"
	_, err = d.till.OpenPortal(c.ctx(), c.Actor, &evil)
	told(t, err, "INVALID returnUrl")
	d.fake.FailNext(2)
	_, err = d.till.OpenPortal(c.ctx(), c.Actor, nil)
	told(t, err, "UNAVAILABLE")
}
