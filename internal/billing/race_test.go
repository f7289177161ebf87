package billing_test

import (
	"fmt"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/billing"
)

// The trial's end and its payment at one instant: whoever comes first, the account is paid for, granted once, and at
// no moment suspended although it has paid. IGNY8_RACES=1000 runs a thousand, in half a minute on two cores.
func TestConfirmPayment_WinsOverTheTrialsEndAtTheSameInstant(t *testing.T) {
	t.Parallel()
	const accounts = 50
	rounds := 4
	if n, err := strconv.Atoi(os.Getenv("IGNY8_RACES")); err == nil {
		rounds = max(1, n/accounts)
	}
	h := build(t)
	end := start.AddDate(0, 0, 14)
	began := time.Now()
	for round := range rounds {
		owners, asked := h.openAll(fmt.Sprint("r", round, "n"), accounts)
		var all sync.WaitGroup
		ready := make(chan struct{})
		for i, owner := range owners {
			in := facts(asked[i], fmt.Sprint("b", round, "-", i))
			in.ReceivedOn = end.Truncate(24 * time.Hour)
			all.Go(func() {
				<-ready
				if err := h.confirm(t.Context(), in, end); err != nil {
					t.Error(err)
				}
			})
			all.Go(func() {
				<-ready
				// A confirmation asks whose payment it is before it asks for the lock: some start as late.
				for range i % 8 {
					count(t, h.DB, `SELECT count(*) FROM igny8_payments WHERE id = ?`, asked[i].ID)
				}
				if err := office.Settle(t.Context(), h.App, owner.AccountID(), end); err != nil {
					t.Error(err)
				}
			})
		}
		over := make(chan struct{})
		var watching sync.WaitGroup
		watching.Go(func() { h.watch(over, end) })
		close(ready)
		all.Wait()
		close(over)
		watching.Wait()
	}
	t.Logf("%d races took %s", rounds*accounts, time.Since(began).Round(time.Millisecond))

	for what, query := range map[string]string{
		"did not end active on the plan that was paid for": `SELECT count(*) FROM igny8_tenants AS a JOIN igny8_plans AS p ON p.id = a.plan_id
			JOIN igny8_subscriptions AS s ON s.tenant_id = a.id WHERE a.slug LIKE 'r%' AND (a.status, p.slug, s.status) <> ('active', 'starter', 'active')`,
		"have not one trial and one paid period": `SELECT count(*) FROM igny8_tenants AS a WHERE slug LIKE 'r%' AND 'trial paid' IS DISTINCT FROM
			(SELECT string_agg(kind, ' ' ORDER BY start_at) FROM igny8_subscription_periods AS p WHERE p.tenant_id = a.id)`,
		"were not granted once": `SELECT count(*) FROM igny8_tenants AS a WHERE slug LIKE 'r%' AND 1 <>
			(SELECT count(*) FROM igny8_credit_grants AS g WHERE g.tenant_id = a.id AND g.kind = 'subscription')`,
		"have not one invoice": `SELECT count(*) FROM igny8_tenants AS a WHERE slug LIKE 'r%' AND 1 <>
			(SELECT count(*) FROM igny8_invoices AS i WHERE i.tenant_id = a.id)`,
	} {
		if n := count(t, h.DB, query); n != 0 {
			t.Errorf("%d accounts %s", n, what)
		}
	}
	if n := count(t, h.DB, `SELECT count(*) FROM igny8_tenants WHERE slug LIKE 'r%'`); n != rounds*accounts {
		t.Errorf("%d accounts", n)
	}
	// Both sides won some. The payment won where its own transaction did what was due first, the trial's end.
	won := count(t, h.DB, `SELECT count(*) FROM igny8_audit_events AS ended JOIN igny8_audit_events AS paid ON paid.tenant_id = ended.tenant_id
		WHERE ended.action = 'account.moved' AND paid.action = 'payment.confirmed' AND ended.xmin = paid.xmin`)
	t.Logf("the payment came first %d times", won)
	if won == 0 || won == rounds*accounts {
		t.Errorf("the payment came first %d times of %d: that is no race", won, rounds*accounts)
	}
}

// openAll signs accounts up that have asked to pay.
func (h *house) openAll(name string, n int) ([]account.Actor, []*billing.Payment) {
	owners, asked := make([]account.Actor, n), make([]*billing.Payment, n)
	var all sync.WaitGroup
	const workers = 4
	for w := range workers {
		all.Go(func() {
			for i := w; i < n; i += workers {
				owners[i] = h.open(fmt.Sprint(name, i))
				asked[i] = h.request(owners[i], "starter", 1, "k")
			}
		})
	}
	all.Wait()
	return owners, asked
}

// watch looks, as often as it can, for an account that is suspended and has paid for the time from an instant on.
func (h *house) watch(over <-chan struct{}, from time.Time) {
	for {
		n, err := h.Admin.NewSelect().TableExpr("igny8_tenants AS a").Where("a.status = 'suspended'").
			Where("EXISTS (SELECT FROM igny8_subscription_periods AS p WHERE p.tenant_id = a.id AND p.kind = 'paid' AND p.start_at <= ? AND p.end_at > ?)", from, from).
			Count(h.t.Context())
		if err != nil || n != 0 {
			h.t.Errorf("%d accounts are suspended and have paid: %v", n, err)
			return
		}
		select {
		case <-over:
			return
		default:
		}
	}
}
