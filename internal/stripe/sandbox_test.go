package stripe_test

import (
	"net/http"
	"strings"
	"testing"

	"igny8.com/accounts/internal/billing"
	"igny8.com/accounts/internal/stripe"
)

// clocked has staff put the account on a test clock.
func (c *customer) clocked() error {
	office := c.desk.office
	office.TestClocks = true
	_, err := office.CreateClock(c.desk.byStaff(), c.desk.App, c.desk.staff, monday, billing.NewClock{AccountID: c.AccountID(), IdempotencyKey: "clock"})
	return err
}

// Stripe knows nothing of our clocks, and a sandbox moves no money.
func TestStartCheckout_RefusesAccountsOnATestClock(t *testing.T) {
	t.Parallel()
	d := atDesk(t)
	c := d.open("ada")
	waits := c.asks("starter", "waits")
	if err := c.clocked(); err != nil {
		t.Fatal(err)
	}
	_, err := c.start("starter", "plan")
	told(t, err, "INVALID_STATE")
	_, err = d.till.StartCheckout(c.ctx(), c.Actor, monday, stripe.StartCheckout{PaymentID: &waits.ID, IdempotencyKey: "payment"})
	told(t, err, "INVALID_STATE")
	if err == nil || !strings.Contains(err.Error(), "test clock") {
		t.Errorf("it says %v", err)
	}
	if n := d.text(`SELECT count(*)::text FROM igny8_stripe_checkouts`); n != "0" || len(d.fake.Calls()) != 0 {
		t.Errorf("%s checkouts, and Stripe was asked %v", n, d.fake.Calls())
	}
	if _, err := d.till.OpenPortal(c.ctx(), c.Actor, nil); err == nil {
		t.Error("the portal opens")
	}
}

// And the other way round: whoever may pay real money at Stripe is no sandbox.
func TestCreateClock_RefusesAccountsThatStripeMayCharge(t *testing.T) {
	t.Parallel()
	d := atDesk(t)
	opened, asked, closed := d.open("opened"), d.open("asked"), d.open("closed")
	if _, err := opened.start("starter", "page"); err != nil {
		t.Fatal(err)
	}
	d.fake.Refuse(func(string, string) int { return http.StatusServiceUnavailable })
	for _, c := range []*customer{asked, closed} {
		if _, err := c.start("starter", "page"); err == nil {
			t.Fatal("a page is there although Stripe is away")
		}
	}
	d.exec(`UPDATE igny8_stripe_checkouts SET status = 'failed' WHERE tenant_id = ?`, closed.AccountID())
	told(t, opened.clocked(), "INVALID_STATE accountId")
	told(t, asked.clocked(), "INVALID_STATE accountId")
	if err := closed.clocked(); err != nil {
		t.Errorf("Stripe was never reached for it: %v", err)
	}
}
