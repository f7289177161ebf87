package billing_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"igny8.com/accounts/internal/billing"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
)

func TestRequestTransfer_RepeatsByItsKey(t *testing.T) {
	t.Parallel()
	h := build(t)
	owner := h.open("ada")
	var wg sync.WaitGroup
	var mu sync.Mutex
	ids := map[gid.Payment]bool{}
	for range 30 {
		wg.Go(func() {
			p, err := office.RequestTransfer(as(t.Context(), owner), h.App, owner, paid,
				billing.Request{PlanSlug: "starter", Months: 1, IdempotencyKey: "same"})
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			ids[p.ID] = true
		})
	}
	wg.Wait()
	if len(ids) != 1 {
		t.Errorf("%d payments", len(ids))
	}
	_, err := office.RequestTransfer(as(t.Context(), owner), h.App, owner, paid,
		billing.Request{PlanSlug: "growth", Months: 1, IdempotencyKey: "same"})
	if !fault.Is(err, fault.IdempotencyConflict) {
		t.Errorf("other input under the key: %v", err)
	}
}

func TestRequestTransfer_RefusesPlansThatAreNotForSale(t *testing.T) {
	t.Parallel()
	h := build(t)
	owner := h.open("ada")
	for _, slug := range []string{"enterprise", "free", "free-trial", "nothing", ""} {
		_, err := office.RequestTransfer(as(t.Context(), owner), h.App, owner, paid,
			billing.Request{PlanSlug: slug, Months: 1, IdempotencyKey: "k " + slug})
		if !fault.Is(err, fault.PlanUnavailable) {
			t.Errorf("%q: %v", slug, err)
		}
	}
	for _, months := range []int{0, -1, billing.MaxMonths + 1} {
		_, err := office.RequestTransfer(as(t.Context(), owner), h.App, owner, paid,
			billing.Request{PlanSlug: "starter", Months: months, IdempotencyKey: "k"})
		if !fault.Is(err, fault.Invalid) {
			t.Errorf("%d months: %v", months, err)
		}
	}
	if n := count(t, h.DB, `SELECT count(*) FROM igny8_payments`); n != 0 {
		t.Errorf("%d payments", n)
	}
}

// Nobody pays twice for what Stripe collects. What it does not collect, and what was asked for before, is paid as ever.
func TestRequestTransfer_RefusesWhatStripeCollectsFor(t *testing.T) {
	t.Parallel()
	h := build(t)
	owner := h.open("ada")
	first := h.request(owner, "starter", 1, "first")
	if err := h.confirm(t.Context(), facts(first, "B1"), paid); err != nil {
		t.Fatal(err)
	}
	before := h.request(owner, "starter", 1, "before Stripe")
	link := func(id *string) {
		h.exec(`UPDATE igny8_subscriptions SET stripe_subscription_id = ? WHERE tenant_id = ?`, id, owner.AccountID())
	}
	link(new("sub_1"))
	ask := func(at time.Time, key string) error {
		_, err := office.RequestTransfer(as(t.Context(), owner), h.App, owner, at, billing.Request{PlanSlug: "starter", Months: 1, IdempotencyKey: key})
		return err
	}
	is := h.trace(owner)
	for what, at := range map[string]time.Time{
		"while it is paid for": paid, "past due": paid.AddDate(0, 1, 1),
	} {
		if err := ask(at, what); !fault.Is(err, fault.InvalidState) || !strings.Contains(err.Error(), "cancel the subscription") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if after := h.trace(owner); after != is {
		t.Errorf("refusals wrote:\n%s\nbefore:\n%s", after, is)
	}
	if err := ask(paid, "before Stripe"); err != nil {
		t.Errorf("what was asked for before: %v", err)
	}
	if err := h.confirm(t.Context(), facts(before, "B2"), paid); err != nil {
		t.Errorf("what was asked for before cannot be confirmed: %v", err)
	}
	// The difference of an upgrade is one payment, which Stripe does not collect.
	upgrade, _, err := office.Change(as(t.Context(), owner), h.App, owner, paid, billing.ChangePlan{PlanSlug: "growth", Months: 1, IdempotencyKey: "up"})
	if err != nil || upgrade == nil || upgrade.Purpose != billing.ForUpgrade {
		t.Errorf("an upgrade: %+v, %v", upgrade, err)
	}
	if _, err := office.WithdrawPayment(as(t.Context(), owner), h.App, owner, paid, upgrade.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := office.CancelSubscription(as(t.Context(), owner), h.App, owner, paid, ""); err != nil {
		t.Fatal(err)
	}
	if err := ask(paid, "cancelled"); err != nil {
		t.Errorf("once it ends: %v", err)
	}
	if _, err := office.ResumeSubscription(as(t.Context(), owner), h.App, owner, paid, true); err != nil {
		t.Fatal(err)
	}
	if err := ask(paid, "resumed"); !fault.Is(err, fault.InvalidState) {
		t.Errorf("once it goes on again: %v", err)
	}
	link(nil)
	if err := ask(paid, "not by Stripe"); err != nil {
		t.Errorf("without Stripe: %v", err)
	}
}

func TestDeclareAndReject_FollowThePaymentsState(t *testing.T) {
	t.Parallel()
	h := build(t)
	owner := h.open("ada")
	p := h.request(owner, "starter", 1, "k")
	declare := func(in billing.Declare) error {
		_, err := office.DeclarePayment(as(t.Context(), owner), h.App, owner, paid, in)
		return err
	}
	right := billing.Declare{PaymentID: p.ID, SentOn: paid, PayerName: "Ada", ProofURL: new("https://example.com/proof.pdf")}
	if err := declare(right); err != nil {
		t.Fatal(err)
	}
	wrong := right
	for _, proof := range []string{
		"javascript:alert(1)", "javascript://example.com/%0Aalert(1)", "http://example.com/proof.pdf", "https://me:secret@example.com/proof.pdf", "https://:443/x", "/proof.pdf",
	} {
		wrong.ProofURL = &proof
		if err := declare(wrong); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", proof, err)
		}
	}
	wrong = right
	wrong.PaymentID++
	if err := declare(wrong); !fault.Is(err, fault.NotFound) {
		t.Errorf("no such payment: %v", err)
	}

	h.exec(`UPDATE igny8_tenants SET status = 'pending_payment' WHERE id = ?`, owner.AccountID())
	rejected := func(reason string) error {
		_, err := office.RejectPayment(as(t.Context(), h.staff), h.App, h.staff, paid, p.ID, reason)
		return err
	}
	if err := rejected(" "); !fault.Is(err, fault.Required) {
		t.Errorf("no reason: %v", err)
	}
	if err := rejected("no money came"); err != nil {
		t.Fatal(err)
	}
	before := h.trace(owner)
	if err := rejected("no money came"); err != nil {
		t.Errorf("the same again: %v", err)
	}
	if err := rejected("another reason"); !fault.Is(err, fault.InvalidState) {
		t.Errorf("another reason: %v", err)
	}
	if err := declare(right); !fault.Is(err, fault.InvalidState) {
		t.Errorf("declared after it was rejected: %v", err)
	}
	if err := h.confirm(t.Context(), facts(p, "B1"), paid); !fault.Is(err, fault.InvalidState) {
		t.Errorf("confirmed after it was rejected: %v", err)
	}
	if after := h.trace(owner); after != before {
		t.Errorf("refusals wrote:\n%s\nbefore:\n%s", after, before)
	}
	if n := count(t, h.DB, `SELECT count(*) FROM igny8_tenants WHERE id = ? AND status = 'suspended'`, owner.AccountID()); n != 1 {
		t.Error("an account that waited for the rejected payment alone is not suspended")
	}
}
