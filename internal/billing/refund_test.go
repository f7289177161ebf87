package billing_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/billing"
	"igny8.com/accounts/internal/credit"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/money"
)

func (h *house) bought(owner account.Actor, months int, bank string, at time.Time) *billing.Payment {
	h.t.Helper()
	p := h.request(owner, "starter", months, bank)
	if err := h.confirm(h.t.Context(), facts(p, bank), at); err != nil {
		h.t.Fatal(err)
	}
	return p
}

func (h *house) spend(owner account.Actor, n int, at time.Time) {
	h.t.Helper()
	_, err := credit.Adjust(as(h.t.Context(), h.staff), h.App, h.staff, at,
		credit.Adjusting{AccountID: owner.AccountID(), Amount: int64(-n), Reason: "used", IdempotencyKey: fmt.Sprint(n, at)})
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) refund(in billing.Refund, at time.Time) (*billing.Invoice, error) {
	if in.IdempotencyKey == "" {
		in.IdempotencyKey = "refund"
	}
	in.Reason = "asked for"
	_, back, err := office.RefundPayment(as(h.t.Context(), h.staff), h.App, h.staff, at, in)
	if err != nil {
		return nil, err
	}
	return back.CreditNote, nil
}

// ledger says what credits stand at, and fails where the ledger does not add up.
func (h *house) ledger(owner account.Actor) string {
	h.t.Helper()
	v, err := credit.Verify(h.t.Context(), h.App, owner.AccountID())
	if err != nil || !v.OK() {
		h.t.Errorf("the ledger: %v %v", v.Problems, err)
	}
	var s string
	err = h.Admin.NewRaw(`SELECT balance || ' debt ' || debt FROM igny8_credit_accounts WHERE tenant_id = ?`, owner.AccountID()).Scan(h.t.Context(), &s)
	if err != nil {
		h.t.Fatal(err)
	}
	return s
}

func (h *house) want(owner account.Actor, query, want string) {
	h.t.Helper()
	var s string
	if err := h.Admin.NewRaw(query, owner.AccountID()).Scan(h.t.Context(), &s); err != nil {
		h.t.Fatal(query, err)
	}
	if s != want {
		h.t.Errorf("%s\nis %q, want %q", query, s, want)
	}
}

const (
	standing = `SELECT a.status || '/' || s.status || ' ' || (SELECT string_agg(kind, ',' ORDER BY start_at) FROM igny8_subscription_periods WHERE tenant_id = a.id)
		FROM igny8_tenants AS a JOIN igny8_subscriptions AS s ON s.tenant_id = a.id WHERE a.id = ?`
	notes = `SELECT coalesce(string_agg(number || ' ' || net_minor || '+' || tax_minor || '=' || total_minor, ', ' ORDER BY id), '') FROM igny8_invoices
		WHERE tenant_id = ? AND kind = 'credit_note'`
)

func TestRefund_OfTheWholeGivesUpTimeAndCredits(t *testing.T) {
	t.Parallel()
	h := build(t)
	owner := h.open("ada")
	h.tax(owner, 1900)
	p := h.bought(owner, 3, "B1", paid)
	h.spend(owner, 2300, paid) // the trial's 2000 first, then 300 of the plan's 1000
	at := paid.AddDate(0, 0, 10)
	note, err := h.refund(billing.Refund{PaymentID: p.ID}, at)
	if err != nil {
		t.Fatal(err)
	}
	h.want(owner, standing, "suspended/expired trial,paid")
	h.want(owner, notes, "CN-2026-000001 26700+5073=31773")
	if got := h.ledger(owner); got != "0 debt 300" {
		t.Errorf("credits are %s", got)
	}
	before := h.trace(owner)
	again, err := h.refund(billing.Refund{PaymentID: p.ID}, at)
	if err != nil || again.Number != note.Number || h.trace(owner) != before {
		t.Errorf("again: %v %v", again, err)
	}
	if _, err := h.refund(billing.Refund{PaymentID: p.ID, IdempotencyKey: "other"}, at); !fault.Is(err, fault.InvalidState) {
		t.Errorf("twice: %v", err)
	}
	// The next grant pays what is owed first.
	next := h.request(owner, "starter", 1, "again")
	if err := h.confirm(t.Context(), facts(next, "B2"), at.AddDate(0, 0, 1)); err != nil {
		t.Fatal(err)
	}
	if got := h.ledger(owner); got != "700 debt 0" {
		t.Errorf("credits are %s after the next grant", got)
	}
	h.want(owner, standing, "active/active trial,paid,lapsed,paid")
	h.want(owner, `SELECT string_agg(type || amount, ' ' ORDER BY seq) FROM igny8_credit_transactions WHERE tenant_id = ? AND seq > 3`,
		"reversal-700 subscription1000 debt-300")
}

func TestRefund_OfPartsLeavesTimeAndAddsUp(t *testing.T) {
	t.Parallel()
	h := build(t)
	owner := h.open("ada")
	h.tax(owner, 825)
	p := h.bought(owner, 2, "B1", paid) // 178.00 and 14.69 (14.685)
	part := func(minor int64, key string) error {
		_, err := h.refund(billing.Refund{PaymentID: p.ID, Amount: &money.Money{Minor: minor, Currency: "USD"}, IdempotencyKey: key}, paid)
		return err
	}
	for _, wrong := range []int64{0, -1, p.AmountMinor + 1} {
		if err := part(wrong, "wrong"); !fault.Is(err, fault.Invalid) {
			t.Errorf("%d: %v", wrong, err)
		}
	}
	if _, err := h.refund(billing.Refund{PaymentID: p.ID, Amount: &money.Money{Minor: 1, Currency: "EUR"}}, paid); !fault.Is(err, fault.CurrencyMismatch) {
		t.Errorf("another currency: %v", err)
	}
	if err := part(3333, "one"); err != nil {
		t.Fatal(err)
	}
	h.want(owner, standing, "active/active trial,paid,paid")
	if got := h.ledger(owner); got != "2828 debt 0" { // 1000 × 33.33 ÷ 192.69 is 172.97, rounded down
		t.Errorf("credits are %s", got)
	}
	if err := part(1, "two"); err != nil {
		t.Fatal(err)
	}
	if err := part(p.AmountMinor-3334, "three"); err != nil {
		t.Fatal(err)
	}
	h.want(owner, `SELECT sum(net_minor) || '+' || sum(tax_minor) || ' of ' || sum(taxable_minor) FROM igny8_invoices WHERE tenant_id = ? AND kind = 'credit_note'`,
		"17800+1469 of 17800")
	h.want(owner, `SELECT status || ' ' || refunded_minor FROM igny8_payments WHERE tenant_id = ?`, "refunded 19269")
	if got := h.ledger(owner); got != "2000 debt 0" {
		t.Errorf("credits are %s", got)
	}
}

func TestRefund_RefusesAndWritesNothing(t *testing.T) {
	t.Parallel()
	h := build(t)
	owner := h.open("ada")
	first := h.bought(owner, 1, "B1", paid)
	second := h.bought(owner, 1, "B2", paid)
	waiting := h.request(owner, "starter", 1, "waits")
	before := h.trace(owner)
	if _, err := h.refund(billing.Refund{PaymentID: first.ID}, paid); !fault.Is(err, fault.InvalidState) {
		t.Errorf("with a later payment: %v", err)
	}
	if _, err := h.refund(billing.Refund{PaymentID: waiting.ID}, paid); !fault.Is(err, fault.InvalidState) {
		t.Errorf("one that waits: %v", err)
	}
	if _, err := h.refund(billing.Refund{PaymentID: waiting.ID + 99}, paid); !fault.Is(err, fault.NotFound) {
		t.Errorf("none: %v", err)
	}
	own := h.staff
	h.staff = account.Actor{User: h.staff.User, Account: owner.Account}
	if _, err := h.refund(billing.Refund{PaymentID: second.ID}, paid); !fault.Is(err, fault.OwnPayment) {
		t.Errorf("one's own: %v", err)
	}
	h.staff = own
	if after := h.trace(owner); after != before {
		t.Errorf("refusals wrote:\n%s\nbefore:\n%s", after, before)
	}
	// The newer one first, which had not begun; then the other.
	if _, err := h.refund(billing.Refund{PaymentID: second.ID, IdempotencyKey: "second"}, paid); err != nil {
		t.Fatal(err)
	}
	h.want(owner, standing, "active/active trial,paid")
	if _, err := h.refund(billing.Refund{PaymentID: first.ID, IdempotencyKey: "first"}, paid); err != nil {
		t.Fatal(err)
	}
	h.want(owner, standing, "suspended/expired trial,paid")
	if got := h.ledger(owner); got != "2000 debt 0" {
		t.Errorf("credits are %s", got)
	}
}

func TestRefund_HundredAtOnceGiveBackOnce(t *testing.T) {
	t.Parallel()
	h := build(t)
	owner := h.open("ada")
	p := h.bought(owner, 1, "B1", paid)
	h.spend(owner, 2500, paid)
	var wg sync.WaitGroup
	errs := make([]error, 100)
	for i := range errs {
		// Half of them are one request that is sent again, the others each a request of its own.
		key := "same"
		if i%2 == 1 {
			key = fmt.Sprint("other ", i)
		}
		wg.Go(func() { _, errs[i] = h.refund(billing.Refund{PaymentID: p.ID, IdempotencyKey: key}, paid) })
	}
	wg.Wait()
	done := 0
	for _, err := range errs {
		if err == nil {
			done++
		} else if !fault.Is(err, fault.InvalidState) {
			t.Error(err)
		}
	}
	if done != 1 && done != len(errs)/2 {
		t.Errorf("%d were told that it is done", done)
	}
	h.want(owner, notes, "CN-2026-000001 8900+0=8900")
	if got := h.ledger(owner); got != "0 debt 500" {
		t.Errorf("credits are %s", got)
	}
}

func TestDispute_ChangesNothingUntilItIsResolved(t *testing.T) {
	t.Parallel()
	h := build(t)
	owner := h.open("ada")
	p := h.bought(owner, 1, "B1", paid)
	o := office
	o.StaffEmail = "billing@igny8.example"
	key := billing.PaymentKey{Tenant: owner.AccountID(), Payment: p.ID}
	if _, err := o.ResolveDispute(t.Context(), h.App, key, false, paid); !fault.Is(err, fault.InvalidState) {
		t.Errorf("lost what was not disputed: %v", err)
	}
	for range 2 {
		if got, err := o.Dispute(t.Context(), h.App, key, paid); err != nil || got.Status != billing.Disputed {
			t.Fatal(got, err)
		}
	}
	h.want(owner, standing, "active/active trial,paid")
	h.want(owner, `SELECT count(*)::text FROM igny8_mails WHERE tenant_id = ? AND kind = 'payment_disputed'`, "1")
	if got, err := o.ResolveDispute(t.Context(), h.App, key, true, paid); err != nil || got.Status != billing.Confirmed {
		t.Fatal(got, err)
	}
	if _, err := o.Dispute(t.Context(), h.App, key, paid); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if got, err := o.ResolveDispute(t.Context(), h.App, key, false, paid); err != nil || got.Status != billing.Refunded {
			t.Fatal(got, err)
		}
	}
	h.want(owner, standing, "suspended/expired trial,paid")
	h.want(owner, notes, "CN-2026-000001 8900+0=8900")
}
