package billing_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/billing"
	"igny8.com/accounts/internal/fault"
)

// life is one account that things happen to, in an order that nobody planned.
type life struct {
	h     *house
	owner account.Actor
	now   time.Time
	// open is the payments that may still be confirmed.
	open []*billing.Payment
	n    int
}

var serial int

// Whatever is asked for, paid, cancelled and left alone, in whatever order and however late anybody looks:
// periods have no gap, each is granted once, what was paid is accounted for to the cent, and nobody who has
// paid is shut out.
func TestAgreement_HoldsItsPromisesWhateverHappens(t *testing.T) {
	t.Parallel()
	h := build(t)
	rapid.Check(t, func(rt *rapid.T) {
		serial++
		l := &life{h: h, owner: h.open(fmt.Sprint("life", serial)), now: start}
		rt.Repeat(map[string]func(*rapid.T){
			"wait":     l.wait,
			"ask":      l.ask,
			"change":   l.change,
			"confirm":  l.confirm,
			"receive":  l.receive,
			"decide":   l.decide,
			"reject":   l.reject,
			"withdraw": l.withdraw,
			"cancel":   l.cancel,
			"assign":   l.assign,
			"resume":   l.resume,
			"":         l.holds,
		})
	})
}

func (l *life) wait(t *rapid.T) {
	l.now = l.now.Add(time.Duration(rapid.Int64Range(1, 50*24*3600).Draw(t, "seconds")) * time.Second)
	if rapid.Bool().Draw(t, "looks") {
		if err := office.Settle(l.h.t.Context(), l.h.App, l.owner.AccountID(), l.now); err != nil {
			t.Fatal(err)
		}
	}
}

// refused says whether a command was refused for what the account is, which is no failure here.
func refused(t *rapid.T, err error) bool {
	if err == nil {
		return false
	}
	if !fault.Is(err, fault.InvalidState) {
		t.Fatal(err)
	}
	return true
}

func (l *life) key() string { l.n++; return fmt.Sprint("k", l.n) }

func (l *life) ask(t *rapid.T) {
	p, err := office.RequestTransfer(as(l.h.t.Context(), l.owner), l.h.App, l.owner, l.now, billing.Request{
		PlanSlug: rapid.SampledFrom([]string{"starter", "growth", "scale"}).Draw(t, "plan"),
		Months:   rapid.IntRange(1, 4).Draw(t, "months"), IdempotencyKey: l.key(),
	})
	if !refused(t, err) {
		l.open = append(l.open, p)
	}
}

func (l *life) change(t *rapid.T) {
	p, _, err := office.Change(as(l.h.t.Context(), l.owner), l.h.App, l.owner, l.now, billing.ChangePlan{
		PlanSlug: rapid.SampledFrom([]string{"free", "starter", "growth", "scale"}).Draw(t, "plan"),
		Months:   rapid.IntRange(1, 3).Draw(t, "months"), IdempotencyKey: l.key(),
	})
	if !refused(t, err) && p != nil {
		l.open = append(l.open, p)
	}
}

func (l *life) one(t *rapid.T) *billing.Payment {
	if len(l.open) == 0 {
		t.Skip("no payment waits")
	}
	i := rapid.IntRange(0, len(l.open)-1).Draw(t, "payment")
	p := l.open[i]
	l.open = append(l.open[:i:i], l.open[i+1:]...)
	return p
}

func (l *life) confirm(t *rapid.T) {
	p := l.one(t)
	in := facts(p, fmt.Sprint("life-", p.ID))
	in.ReceivedOn = l.now.Truncate(24 * time.Hour)
	if p.AmountMinor == 0 {
		return // confirmed as it was asked for
	}
	err := l.h.confirm(l.h.t.Context(), in, l.now)
	if p.Status == billing.Confirmed && fault.Is(err, fault.IdempotencyConflict) {
		return // what came in for it confirmed it
	}
	refused(t, err)
}

// receive has some money come in for a payment, whether it waits for it or not.
func (l *life) receive(t *rapid.T) {
	p := l.one(t)
	if p.AmountMinor == 0 {
		return
	}
	in := sum(p, rapid.Int64Range(1, 2*p.AmountMinor).Draw(t, "amount"), fmt.Sprint("life-", p.ID, l.key()))
	in.ReceivedOn = l.now.Truncate(24 * time.Hour)
	got, _, err := l.h.record(in, l.now)
	if refused(t, err) {
		return
	}
	if rapid.Bool().Draw(t, "more comes") {
		l.open = append(l.open, got)
	}
}

func (l *life) decide(t *rapid.T) {
	held := []*billing.Receipt{}
	err := l.h.Admin.NewSelect().Model(&held).Where("tenant_id = ?", l.owner.AccountID()).Where("status = 'held'").Order("id").Scan(l.h.t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(held) == 0 {
		t.Skip("nothing is held")
	}
	r := rapid.SampledFrom(held).Draw(t, "receipt")
	what := rapid.SampledFrom([]billing.ReceiptDecision{billing.CreditReceipt, billing.ReturnReceipt}).Draw(t, "decision")
	_, _, err = l.h.decide(decision(r, what, l.key()), l.now)
	refused(t, err)
}

func (l *life) reject(t *rapid.T) {
	p := l.one(t)
	_, err := office.RejectPayment(as(l.h.t.Context(), l.h.staff), l.h.App, l.h.staff, l.now, p.ID, "it did not come")
	refused(t, err)
}

func (l *life) withdraw(t *rapid.T) {
	p := l.one(t)
	_, err := office.WithdrawPayment(as(l.h.t.Context(), l.owner), l.h.App, l.owner, l.now, p.ID)
	refused(t, err)
}

func (l *life) cancel(t *rapid.T) {
	_, err := office.CancelSubscription(as(l.h.t.Context(), l.owner), l.h.App, l.owner, l.now, "")
	refused(t, err)
}

func (l *life) resume(t *rapid.T) {
	_, err := office.ResumeSubscription(as(l.h.t.Context(), l.owner), l.h.App, l.owner, l.now, true)
	refused(t, err)
}

// assign has staff put the account on a plan for a while, for nothing or at a price of its own.
func (l *life) assign(t *rapid.T) {
	p, err := l.h.assign(l.owner, rapid.SampledFrom([]string{"starter", "growth", "enterprise"}).Draw(t, "plan"),
		rapid.SampledFrom([]int64{0, 5000, 50000}).Draw(t, "monthly"), l.now,
		l.now.Add(time.Duration(rapid.Int64Range(1, 100*24*3600).Draw(t, "seconds"))*time.Second), l.key())
	if !refused(t, err) && p != nil {
		l.open = append(l.open, p)
	}
}

// promises are queries that find what breaks one, for the account ?0 at the instant ?1.
var promises = map[string]string{
	"a gap, or an overlap": `SELECT count(*) FROM (SELECT start_at, lag(end_at) OVER (ORDER BY start_at) AS before
		FROM igny8_subscription_periods WHERE tenant_id = ?0) AS p WHERE before <> start_at`,
	"a period that began without its credits": `SELECT count(*) FROM igny8_subscription_periods AS p JOIN igny8_plans AS q ON q.id = p.plan_id
		WHERE p.tenant_id = ?0 AND p.kind IN ('paid', 'free') AND p.start_at <= ?1 AND q.included_credits > 0
		AND (p.begun_at IS NULL OR NOT EXISTS (SELECT FROM igny8_credit_grants AS g WHERE g.tenant_id = p.tenant_id AND g.period_id = p.id)
			-- The rest of a period that was split may be too short for a single credit.
			AND NOT EXISTS (SELECT FROM igny8_payments AS y WHERE y.tenant_id = p.tenant_id AND y.id = p.payment_id AND y.purpose = 'upgrade'))`,
	"a period that begins with the plan of another": `SELECT count(*) FROM igny8_tenants AS a
		JOIN igny8_subscription_periods AS p ON p.tenant_id = a.id AND p.start_at <= ?1 AND ?1 < p.end_at AND p.kind IN ('paid', 'free', 'assigned')
		-- A period that is followed by another in the very instant in which it began keeps a microsecond.
		WHERE a.id = ?0 AND a.plan_id <> p.plan_id AND p.end_at - p.start_at > interval '1 millisecond'`,
	"shut out although it has paid": `SELECT count(*) FROM igny8_tenants AS a
		JOIN igny8_subscription_periods AS p ON p.tenant_id = a.id AND p.start_at <= ?1 AND ?1 < p.end_at AND p.kind = 'paid'
		WHERE a.id = ?0 AND a.status <> 'active'`,
	"let in although nothing is paid for": `SELECT count(*) FROM igny8_tenants AS a WHERE id = ?0 AND status = 'active'
		AND NOT EXISTS (SELECT FROM igny8_subscription_periods AS p WHERE p.tenant_id = ?0 AND p.end_at + interval '7 days' > ?1 AND kind IN ('paid', 'free', 'assigned'))`,
	"a plan that was assigned, was not paid for, and goes on": `SELECT count(*) FROM igny8_subscription_periods AS p
		JOIN igny8_payments AS y ON y.tenant_id = p.tenant_id AND y.id = p.payment_id AND y.status NOT IN ('pending', 'confirmed')
		WHERE p.tenant_id = ?0 AND (p.price_minor > 0 OR p.end_at - interval '1 second' > ?1)`,
	"money that is not accounted for": `SELECT abs(
		(SELECT coalesce(sum(amount_minor), 0) FROM igny8_payments WHERE tenant_id = ?0 AND status = 'confirmed')
		+ (SELECT coalesce(sum(amount_minor - used_minor), 0) FROM igny8_receipts WHERE tenant_id = ?0 AND status = 'credited')
		-- What was assigned holds before it is paid for.
		- (SELECT coalesce(sum(price_minor), 0) FROM igny8_subscription_periods AS p WHERE tenant_id = ?0
			AND NOT EXISTS (SELECT FROM igny8_payments AS y WHERE y.tenant_id = ?0 AND y.id = p.payment_id AND y.status = 'pending'))
		- coalesce((SELECT balance_after FROM igny8_balance_transactions WHERE tenant_id = ?0 ORDER BY seq DESC LIMIT 1), 0)
		- (SELECT coalesce(sum(applied_minor), 0) FROM igny8_payments WHERE tenant_id = ?0 AND status = 'pending'))`,
	"held money that is not what receipts hold": `SELECT count(*) FROM igny8_payments AS p WHERE tenant_id = ?0 AND held_minor <> (
		SELECT coalesce(sum(amount_minor - used_minor), 0) FROM igny8_receipts AS r WHERE r.tenant_id = ?0 AND r.payment_id = p.id AND r.status = 'held')`,
	"a payment that receipts paid for in part": `SELECT count(*) FROM igny8_payments AS p WHERE tenant_id = ?0 AND (
		SELECT coalesce(sum(used_minor), 0) FROM igny8_receipts AS r WHERE r.tenant_id = ?0 AND r.payment_id = p.id)
		NOT IN (0, CASE WHEN status = 'confirmed' THEN amount_minor ELSE 0 END)`,
	"a whole sum that waits": `SELECT count(*) FROM igny8_payments WHERE tenant_id = ?0 AND status = 'pending' AND held_minor >= amount_minor`,
	"an invoice whose lines do not add up": `SELECT count(*) FROM igny8_invoices AS i WHERE tenant_id = ?0 AND total_minor
		<> (SELECT sum(amount_minor) FROM igny8_invoice_lines AS l WHERE l.tenant_id = ?0 AND l.invoice_id = i.id)`,
	"a ledger that does not add up": `SELECT abs(balance - (SELECT coalesce(sum(amount), 0) FROM igny8_credit_transactions WHERE tenant_id = ?0))
		+ abs(balance - (SELECT coalesce(sum(remaining), 0) FROM igny8_credit_grants WHERE tenant_id = ?0)) FROM igny8_credit_accounts WHERE tenant_id = ?0`,
	"something that fell due and was not done": `SELECT count(*) FROM igny8_subscriptions WHERE tenant_id = ?0 AND due_at <= ?1`,
}

func (l *life) holds(t *rapid.T) {
	if err := office.Settle(l.h.t.Context(), l.h.App, l.owner.AccountID(), l.now); err != nil {
		t.Fatal(err)
	}
	for what, query := range promises {
		if n := count(l.h.t, l.h.DB, query, l.owner.AccountID(), l.now); n != 0 {
			stands, periods := l.h.stands(l.owner)
			t.Fatalf("at %s there is %s: %d\n%s\n%s", l.now, what, n, stands, periods)
		}
	}
}
