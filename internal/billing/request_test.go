package billing_test

import (
	"sync"
	"testing"

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
