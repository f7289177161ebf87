package billing_test

import (
	"testing"
	"time"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/billing"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/money"
)

// assign puts an account on a plan at a price a month in cents, 0 for none.
func (h *house) assign(owner account.Actor, plan string, monthly int64, now, until time.Time, key string) (*billing.Payment, error) {
	in := billing.Assignment{
		AccountID: owner.AccountID(), PlanSlug: plan, Until: until, Reason: "a contract", IdempotencyKey: key,
	}
	if monthly > 0 {
		in.Monthly = &money.Money{Minor: monthly, Currency: "USD"}
	}
	return office.Assign(as(h.t.Context(), h.staff), h.App, h.staff, now, in)
}

func (h *house) mustAssign(owner account.Actor, plan string, monthly int64, now, until string) *billing.Payment {
	h.t.Helper()
	p, err := h.assign(owner, plan, monthly, at(now), at(until), "assign "+now)
	if err != nil {
		h.t.Fatal(err)
	}
	return p
}

func (h *house) balance(a account.Actor) int {
	h.t.Helper()
	return count(h.t, h.DB, `SELECT coalesce((SELECT balance_after FROM igny8_balance_transactions WHERE tenant_id = ? ORDER BY seq DESC LIMIT 1), 0)`,
		a.AccountID())
}

// Whether somebody looks at each instant or only long after: what was assigned ends with the deadline of its
// payment, costs nothing, and is past due, then suspended.
func TestAssign_EndsWithThePaymentThatIsNotMade(t *testing.T) {
	t.Parallel()
	h := build(t)
	seen, late := h.open("ada"), h.open("bob")
	for _, owner := range []account.Actor{seen, late} {
		h.mustAssign(owner, "enterprise", 50000, "2026-01-20 00:00", "2026-07-20 00:00")
	}
	for _, step := range []struct{ now, stands string }{
		{"2026-02-02 23:59", "active enterprise active"},
		{"2026-02-03 00:00", "active enterprise past_due"},
		{"2026-02-09 23:59", "active enterprise past_due"},
		{"2026-02-10 00:00", "suspended enterprise expired"},
	} {
		if err := office.Settle(t.Context(), h.App, seen.AccountID(), at(step.now)); err != nil {
			t.Fatal(err)
		}
		h.wants(seen, step.stands)
	}
	h.wants(late, "active enterprise active")
	h.settle(at("2026-05-01 00:00"))
	h.wants(late, "suspended enterprise expired")
	for _, owner := range []account.Actor{seen, late} {
		h.wantsPeriods(owner, "trial on free-trial 01-17 0, assigned on enterprise 01-20 0")
		if n := count(t, h.DB, `SELECT count(*) FROM igny8_subscription_periods WHERE tenant_id = ? AND kind = 'assigned' AND end_at = '2026-02-03Z'`, owner.AccountID()); n != 1 {
			t.Error("it did not end with the deadline")
		}
		if n := count(t, h.DB, `SELECT count(*) FROM igny8_credit_grants WHERE tenant_id = ? AND kind = 'subscription'`, owner.AccountID()); n != 1 {
			t.Errorf("%d months were granted", n)
		}
		if n := count(t, h.DB, `SELECT count(*) FROM igny8_audit_events WHERE tenant_id = ? AND action = 'plan.assignment_ended'`, owner.AccountID()); n != 1 {
			t.Errorf("the log tells of it %d times", n)
		}
	}
	if got := h.letters(seen); got != "payment_requested,payment_expired,past_due" {
		t.Errorf("letters: %s", got)
	}
}

func TestAssign_EndsWithThePaymentThatIsRejectedOrWithdrawn(t *testing.T) {
	t.Parallel()
	h := build(t)
	now := at("2026-01-25 00:00")
	rejected, withdrawn := h.open("ada"), h.open("bob")
	p := h.mustAssign(rejected, "enterprise", 50000, "2026-01-20 00:00", "2026-07-20 00:00")
	if _, err := office.RejectPayment(as(t.Context(), h.staff), h.App, h.staff, now, p.ID, "the contract was not signed"); err != nil {
		t.Fatal(err)
	}
	p = h.mustAssign(withdrawn, "enterprise", 50000, "2026-01-20 00:00", "2026-07-20 00:00")
	if _, err := office.WithdrawPayment(as(t.Context(), withdrawn), h.App, withdrawn, now, p.ID); err != nil {
		t.Fatal(err)
	}
	for _, owner := range []account.Actor{rejected, withdrawn} {
		h.wants(owner, "active enterprise past_due")
		h.wantsPeriods(owner, "trial on free-trial 01-17 0, assigned on enterprise 01-20 0")
		// It is made good within the grace time, at the price that was agreed on.
		if paid := h.pay(owner, "enterprise", 1, at("2026-01-30 00:00")); paid.NetMinor != 50000 {
			t.Errorf("a month costs %s", paid.Amount())
		}
		h.wants(owner, "active enterprise active")
		h.wantsPeriods(owner, "trial on free-trial 01-17 0, assigned on enterprise 01-20 0, paid on enterprise 01-25 50000")
	}
}

func TestAssign_KeepsItsPriceForEveryRenewalUntilThePlanIsLeft(t *testing.T) {
	t.Parallel()
	h := build(t)
	owner := h.open("ada")
	h.confirmAt(h.mustAssign(owner, "enterprise", 50000, "2026-03-01 00:00", "2026-04-01 00:00"), at("2026-03-02 00:00"))
	for _, now := range []string{"2026-03-20 00:00", "2026-04-20 00:00", "2026-05-20 00:00"} {
		if p := h.pay(owner, "enterprise", 1, at(now)); p.NetMinor != 50000 {
			t.Errorf("%s: a month costs %s", now, p.Amount())
		}
	}
	if p := h.mustChange(owner, "starter", at("2026-05-21 00:00")); p != nil {
		t.Errorf("a plan that costs less is asked for with %s", p.Amount())
	}
	if p := h.pay(owner, "starter", 1, at("2026-05-22 00:00")); p.NetMinor != 8900 {
		t.Errorf("a month of the cheaper plan costs %s", p.Amount())
	}
	h.settle(at("2026-07-02 00:00"))
	h.wants(owner, "active starter active")
	if p := h.pay(owner, "starter", 1, at("2026-07-03 00:00")); p.NetMinor != 8900 {
		t.Errorf("the next month of it costs %s", p.Amount())
	}
}

func TestAssign_IsPaidForBeforeAnythingElseIsBought(t *testing.T) {
	t.Parallel()
	h := build(t)
	owner := h.open("ada")
	asked := h.request(owner, "starter", 1, "before")
	h.mustAssign(owner, "starter", 5000, "2026-02-01 00:00", "2026-05-01 00:00")
	if _, err := h.change(owner, "growth", at("2026-02-02 00:00")); !fault.Is(err, fault.InvalidState) {
		t.Errorf("an upgrade of what is not paid for: %v", err)
	}
	_, err := office.RequestTransfer(as(t.Context(), owner), h.App, owner, at("2026-02-02 00:00"),
		billing.Request{PlanSlug: "starter", Months: 1, IdempotencyKey: "after"})
	if !fault.Is(err, fault.InvalidState) {
		t.Errorf("a renewal of what is not paid for: %v", err)
	}
	in := facts(asked, "bank-1")
	in.ReceivedOn = at("2026-02-02 00:00")
	if err := h.confirm(t.Context(), in, at("2026-02-02 09:00")); !fault.Is(err, fault.InvalidState) {
		t.Errorf("a payment that was asked for before: %v", err)
	}
}

// What nobody paid for is worth nothing when another assignment takes its place.
func TestAssign_TakesThePlaceOfOneThatWasNotPaidFor(t *testing.T) {
	t.Parallel()
	h := build(t)
	owner := h.open("ada")
	h.mustAssign(owner, "enterprise", 50000, "2026-01-20 00:00", "2026-07-20 00:00")
	p := h.mustAssign(owner, "enterprise", 30000, "2026-01-25 00:00", "2026-02-25 00:00")
	if p.AmountMinor != 30000 || h.balance(owner) != 0 {
		t.Errorf("%s are due, the balance is %d", p.Amount(), h.balance(owner))
	}
	h.wantsPeriods(owner, "trial on free-trial 01-17 0, assigned on enterprise 01-20 0, assigned on enterprise 01-25 30000")
	if n := count(t, h.DB, `SELECT count(*) FROM igny8_payments WHERE tenant_id = ? AND status = 'withdrawn'`, owner.AccountID()); n != 1 {
		t.Error("the payment of the first one waits still")
	}
	h.confirmAt(p, at("2026-01-26 00:00"))
	h.settle(at("2026-02-20 00:00"))
	h.wants(owner, "active enterprise active")
}

// More was paid for the time that is left than it costs on the plan that it moves to: nothing of it is lost.
func TestChange_GivesBackWhatATimeCostMoreThanOnTheNewPlan(t *testing.T) {
	t.Parallel()
	h := build(t)
	owner := h.open("ada")
	h.exec(`UPDATE igny8_tenants SET tax_rate = 2000 WHERE id = ?`, owner.AccountID())
	h.confirmAt(h.mustAssign(owner, "enterprise", 50000, "2026-03-01 00:00", "2026-04-01 00:00"), at("2026-03-01 00:00"))
	h.mustChange(owner, "starter", at("2026-03-02 00:00"))
	h.pay(owner, "starter", 1, at("2026-03-03 00:00"))
	half := at("2026-03-16 12:00")
	quoted, err := office.PreviewPlanChange(as(t.Context(), owner), h.App, owner, half, "growth", 1)
	if err != nil {
		t.Fatal(err)
	}
	if quoted.Price.Minor != 6950+13900 || quoted.Credited.Minor != 6950+8900 || quoted.Due.Minor != 6000 || quoted.Returned.Minor != 25000-6950 {
		t.Errorf("%+v", quoted)
	}
	p := h.mustChange(owner, "growth", half)
	if p.AmountMinor != 6000 { // 50 for the month ahead, and a fifth of it as tax
		t.Fatalf("%s are due", p.Amount())
	}
	h.confirmAt(p, half)
	h.wants(owner, "active growth active")
	h.wantsPeriods(owner, "trial on free-trial 01-17 0, lapsed on free-trial 01-31 0, assigned on enterprise 03-01 25000, "+
		"paid on growth 03-16 6950, paid on growth 04-01 13900")
	if got, want := h.balance(owner), (25000-6950)*120/100; got != want {
		t.Errorf("a balance of %d, want %d", got, want)
	}
}
