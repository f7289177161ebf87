package billing_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/billing"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/money"
)

// colleague is another member of staff.
func (h *house) colleague(n int) account.Actor {
	user := *h.staff.User
	user.ID += gid.User(1000 + n)
	return account.Actor{User: &user, Account: h.staff.Account}
}

// careful is an office where sums above 100 dollars take two.
func careful() billing.Office {
	o := office
	o.SecondAbove = []money.Money{usd(10000)}
	return o
}

func (h *house) confirmBy(by account.Actor, in billing.Confirm, at time.Time) (*billing.Payment, error) {
	return careful().ConfirmPayment(as(h.t.Context(), by), h.App, by, at, in)
}

func (h *house) approvals(p *billing.Payment) int {
	h.t.Helper()
	return count(h.t, h.DB, `SELECT count(*) FROM igny8_payment_approvals WHERE payment_id = ?`, p.ID)
}

func TestConfirmPayment_TakesTwoAboveTheLimit(t *testing.T) {
	t.Parallel()
	h := build(t)
	owner, second := h.open("ada"), h.colleague(1)
	small, large := h.request(owner, "starter", 1, "k"), h.request(owner, "starter", 3, "k3")
	if p, err := h.confirmBy(h.staff, facts(small, "S1"), paid); err != nil || p.Status != billing.Confirmed {
		t.Fatalf("below the limit: %v, %v", p, err)
	}
	in := facts(large, "L1")
	first, err := h.confirmBy(h.staff, in, paid)
	if err != nil || first.Status != billing.Pending || h.approvals(large) != 1 {
		t.Fatalf("%+v, %v", first, err)
	}
	before, rows := h.trace(owner), h.rows()
	again, err := h.confirmBy(h.staff, in, paid)
	if err != nil || again.Status != billing.Pending {
		t.Errorf("the same request again: %+v, %v", again, err)
	}
	other := func(by account.Actor, key string, change func(*billing.Confirm)) error {
		in := facts(large, "L1")
		in.IdempotencyKey = key
		change(&in)
		_, err := h.confirmBy(by, in, paid)
		return err
	}
	for name, c := range map[string]struct {
		err  error
		code fault.Code
		at   string
	}{
		"the same person":              {other(h.staff, "n", func(*billing.Confirm) {}), fault.SecondApproverNeeded, "[paymentId]"},
		"another id of the bank":       {other(second, "n", func(in *billing.Confirm) { in.ExternalPaymentID = "L2" }), fault.ApprovalMismatch, "[externalPaymentId]"},
		"another day":                  {other(second, "n", func(in *billing.Confirm) { in.ReceivedOn = paid.AddDate(0, 0, -1) }), fault.ApprovalMismatch, "[receivedOn]"},
		"a cent less":                  {other(second, "n", func(in *billing.Confirm) { in.Amount.Minor-- }), fault.AmountMismatch, "[amount amount]"},
		"the first one's key, changed": {other(h.staff, in.IdempotencyKey, func(in *billing.Confirm) { in.ExternalPaymentID = "L2" }), fault.IdempotencyConflict, "[idempotencyKey]"},
	} {
		if faults := fault.Of(c.err); len(faults) != 1 || faults[0].Code != c.code || fmt.Sprint(faults[0].Field) != c.at {
			t.Errorf("%s: %v, want %s at %s", name, c.err, c.code, c.at)
		}
	}
	if h.trace(owner) != before || h.rows() != rows {
		t.Errorf("refusals wrote: %s\nbefore: %s", h.rows(), rows)
	}
	// Somebody else, also under the same key, in another case of the id.
	same := in
	same.ExternalPaymentID = "l1"
	same.IdempotencyKey = "confirm l1"
	done, err := h.confirmBy(second, same, paid)
	if err != nil || done.Status != billing.Confirmed || *done.DecidedBy != second.User.ID || h.approvals(large) != 2 {
		t.Fatalf("%+v, %v", done, err)
	}
	if p, err := h.confirmBy(h.staff, in, paid); err != nil || p.Status != billing.Confirmed {
		t.Errorf("the first one's request again: %+v, %v", p, err)
	}
	var log string
	err = h.Admin.NewRaw(`SELECT string_agg(action || ' by ' || actor_kind || ' ' || (actor_id = ?), ', ' ORDER BY id) FROM igny8_audit_events
		WHERE subject_type = 'payment' AND subject_id = ? AND action <> 'payment.requested'`, h.staff.User.ID, large.ID).Scan(t.Context(), &log)
	if err != nil || log != "payment.approved by staff true, payment.confirmed by staff false" {
		t.Errorf("the log says %q, %v", log, err)
	}
}

func TestConfirmPayment_TakesTheSecondOneUnderTheFirstOnesKey(t *testing.T) {
	t.Parallel()
	h := build(t)
	owner := h.open("ada")
	p := h.request(owner, "starter", 3, "k")
	for i, by := range []account.Actor{h.staff, h.colleague(1)} {
		if got, err := h.confirmBy(by, facts(p, "L1"), paid); err != nil || (got.Status == billing.Confirmed) != (i == 1) {
			t.Errorf("%d: %+v, %v", i, got, err)
		}
	}
}

func TestConfirmPayment_LetsTheFirstOneCorrectThemselvesAndForgetsThem(t *testing.T) {
	t.Parallel()
	h := build(t)
	owner, second := h.open("ada"), h.colleague(1)
	p := h.request(owner, "starter", 3, "k")
	step := func(by account.Actor, bank string, at time.Time) billing.PaymentStatus {
		t.Helper()
		in := facts(p, bank)
		in.IdempotencyKey = fmt.Sprint(bank, at, by.User.ID)
		got, err := h.confirmBy(by, in, at)
		if err != nil {
			t.Fatal(err)
		}
		return got.Status
	}
	step(h.staff, "WRONG", paid)
	step(h.staff, "RIGHT", paid)
	if _, err := h.confirmBy(second, facts(p, "WRONG"), paid); !fault.Is(err, fault.ApprovalMismatch) {
		t.Errorf("what was corrected since: %v", err)
	}
	h.exec(`UPDATE igny8_payments SET expires_at = expires_at + interval '1 year' WHERE id = ?`, p.ID)
	// Two weeks later the first word does not count any more: anybody's is the first one.
	later := paid.AddDate(0, 0, 14)
	if got := step(second, "OTHER", later); got != billing.Pending {
		t.Errorf("after two weeks: %s", got)
	}
	if got := step(h.staff, "OTHER", later); got != billing.Confirmed {
		t.Errorf("the second one: %s", got)
	}
}

func TestApprovals_AreOfTwoPeopleHoweverManyAskAtOnce(t *testing.T) {
	t.Parallel()
	h := build(t)
	owner := h.open("ada")
	p := h.request(owner, "starter", 3, "k")
	var wg sync.WaitGroup
	for i := range 60 {
		by, in := h.colleague(i%2), facts(p, "L1")
		in.IdempotencyKey = fmt.Sprint("k", i)
		wg.Go(func() {
			if _, err := h.confirmBy(by, in, paid); err != nil && !fault.Is(err, fault.SecondApproverNeeded) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := count(t, h.DB, `SELECT count(DISTINCT approved_by) * 10 + count(*) FROM igny8_payment_approvals`); n != 22 {
		t.Errorf("%d: not two approvals of two people", n)
	}
	h.wants(owner, "active starter active")
}

func TestReceipts_TakeTwoWhereTheyConfirmOrDecideOnMuch(t *testing.T) {
	t.Parallel()
	h := build(t)
	owner, second := h.open("ada"), h.colleague(1)
	p := h.request(owner, "starter", 3, "k") // 267.00
	record := func(by account.Actor, in billing.Record) (*billing.Payment, *billing.Receipt, error) {
		return careful().RecordReceipt(as(t.Context(), by), h.App, by, paid, in)
	}
	// That a part came is no decision, and many small parts do not confirm what is large.
	for i := range 2 {
		if _, r, err := record(h.staff, sum(p, 9000, fmt.Sprint("P", i))); err != nil || r == nil {
			t.Fatal(r, err)
		}
	}
	rest := sum(p, 50000, "P9")
	got, r, err := record(h.staff, rest)
	if err != nil || r != nil || got.Status != billing.Pending || h.approvals(p) != 1 {
		t.Fatalf("%+v, %+v, %v", got, r, err)
	}
	h.wantsMoney(owner, p, "pending 180.00 87.00 180.00 | held 90.00 0.00 | held 90.00 0.00")
	if _, r, err := record(h.staff, rest); err != nil || r != nil {
		t.Errorf("the same request again: %+v, %v", r, err)
	}
	off := rest
	off.Amount.Minor, off.IdempotencyKey = 49999, "off"
	if _, _, err := record(second, off); !fault.Is(err, fault.ApprovalMismatch) {
		t.Errorf("a cent less: %v", err)
	}
	rest.IdempotencyKey = "second"
	if _, r, err = record(second, rest); err != nil || r == nil {
		t.Fatal(r, err)
	}
	h.wantsMoney(owner, p, "confirmed 680.00 0.00 413.00 | used 90.00 90.00 | used 90.00 90.00 | held 500.00 87.00")

	decide := func(by account.Actor, r *billing.Receipt, what billing.ReceiptDecision, key string) (*billing.Receipt, error) {
		_, d, err := careful().DecideReceipt(as(t.Context(), by), h.App, by, paid, decision(r, what, key))
		return d, err
	}
	if d, err := decide(h.staff, r, billing.CreditReceipt, "d1"); err != nil || d.Status != billing.ReceiptHeld {
		t.Fatal(d, err)
	}
	if _, err := decide(h.staff, r, billing.CreditReceipt, "d2"); !fault.Is(err, fault.SecondApproverNeeded) {
		t.Errorf("the same person: %v", err)
	}
	if _, err := decide(second, r, billing.ReturnReceipt, "d3"); !fault.Is(err, fault.ApprovalMismatch) {
		t.Errorf("another decision: %v", err)
	}
	if n := count(t, h.DB, `SELECT count(*) FROM igny8_balance_transactions`); n != 0 {
		t.Error("one person's decision was carried out")
	}
	if d, err := decide(second, r, billing.CreditReceipt, "d1"); err != nil || d.Status != billing.ReceiptCredited {
		t.Fatal(d, err)
	}
	// What was credited of the payment before counts: many small sums are a large one.
	_, small, err := record(h.staff, sum(p, 100, "P10"))
	if err != nil {
		t.Fatal(err)
	}
	if d, err := decide(h.staff, small, billing.CreditReceipt, "d5"); err != nil || d.Status != billing.ReceiptHeld {
		t.Errorf("a small sum more: %v, %v", d, err)
	}
}

func TestSecondAbove_IsForEachCurrency(t *testing.T) {
	t.Parallel()
	h := build(t)
	owner := h.open("ada")
	for name, c := range map[string]struct {
		above []money.Money
		two   bool
	}{
		"none":             {nil, false},
		"the very sum":     {[]money.Money{usd(8900)}, false},
		"a cent less":      {[]money.Money{usd(8899)}, true},
		"another currency": {[]money.Money{{Minor: 1_000_000, Currency: "EUR"}}, true},
		"of several":       {[]money.Money{{Minor: 1, Currency: "EUR"}, usd(8900)}, false},
	} {
		o := office
		o.SecondAbove = c.above
		p := h.request(owner, "starter", 1, name)
		got, err := o.ConfirmPayment(as(t.Context(), h.staff), h.App, h.staff, paid, facts(p, name))
		if err != nil || (got.Status == billing.Pending) != c.two {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}
