package billing_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/billing"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/money"
)

func usd(minor int64) money.Money { return money.Money{Minor: minor, Currency: "USD"} }

func sum(p *billing.Payment, minor int64, bank string) billing.Record {
	return billing.Record{
		PaymentID: p.ID, ExternalPaymentID: bank, Amount: money.Money{Minor: minor, Currency: p.Currency},
		ReceivedOn: paid.Truncate(24 * time.Hour), IdempotencyKey: "record " + bank,
	}
}

func (h *house) record(in billing.Record, now time.Time) (*billing.Payment, *billing.Receipt, error) {
	return office.RecordReceipt(as(h.t.Context(), h.staff), h.App, h.staff, now, in)
}

func (h *house) mustRecord(in billing.Record, now time.Time) (*billing.Payment, *billing.Receipt) {
	h.t.Helper()
	p, r, err := h.record(in, now)
	if err != nil {
		h.t.Fatal(err)
	}
	return p, r
}

func (h *house) decide(in billing.Decide, now time.Time) (*billing.Payment, *billing.Receipt, error) {
	return office.DecideReceipt(as(h.t.Context(), h.staff), h.App, h.staff, now, in)
}

func decision(r *billing.Receipt, what billing.ReceiptDecision, key string) billing.Decide {
	return billing.Decide{ReceiptID: r.ID, Decision: what, Reason: "as agreed by phone", IdempotencyKey: key}
}

// money is what an account's payment shows: status, received, outstanding, held, and its receipts.
func (h *house) money(a account.Actor, id gid.Payment) string {
	h.t.Helper()
	ctx := as(h.t.Context(), a)
	payments, err := billing.PaymentsByIDs(ctx, h.App, a.AccountID(), []gid.Payment{id})
	if err != nil || len(payments) != 1 {
		h.t.Fatal(len(payments), err)
	}
	p := payments[0]
	receipts, err := billing.ReceiptsByPayments(ctx, h.App, []billing.PaymentKey{p.Key()})
	if err != nil {
		h.t.Fatal(err)
	}
	parts := []string{fmt.Sprintf("%s %s %s %s", p.Status, p.Received().Amount(), p.Outstanding().Amount(), p.Held().Amount())}
	for _, r := range receipts {
		parts = append(parts, fmt.Sprintf("%s %s %s", r.Status, r.Amount().Amount(), r.Used().Amount()))
	}
	return strings.Join(parts, " | ")
}

func (h *house) wantsMoney(a account.Actor, p *billing.Payment, want string) {
	h.t.Helper()
	if got := h.money(a, p.ID); got != want {
		h.t.Errorf("the payment stands at %q, want %q", got, want)
	}
}

// rows are how many rows each table has.
func (h *house) rows() string {
	h.t.Helper()
	var tables []string
	err := h.Admin.NewRaw(`SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename`).Scan(h.t.Context(), &tables)
	if err != nil || len(tables) < 30 {
		h.t.Fatal(len(tables), err)
	}
	counts := make([]string, len(tables))
	for i, table := range tables {
		counts[i] = fmt.Sprintf("(SELECT '%s ' || count(*) FROM %[1]s)", table)
	}
	var text string
	if err := h.Admin.NewRaw(`SELECT concat_ws(', ', `+strings.Join(counts, ", ")+`)`).Scan(h.t.Context(), &text); err != nil {
		h.t.Fatal(err)
	}
	return text
}

func TestRecordReceipt_AddsUpUntilThePaymentIsThere(t *testing.T) {
	t.Parallel()
	h := build(t)
	owner := h.open("ada")
	p := h.request(owner, "starter", 1, "k") // 89.00
	part, r := h.mustRecord(sum(p, 5000, "B1"), paid)
	if r == nil || part.Status != billing.Pending || !strings.Contains(part.Instructions, "Send 39.00 USD and write "+p.Reference) {
		t.Fatalf("%+v, %+v", part, r)
	}
	h.wantsMoney(owner, p, "pending 50.00 39.00 50.00 | held 50.00 0.00")
	h.wants(owner, "trial free-trial trialing")
	h.mustRecord(sum(p, 3899, "B2"), paid)
	h.wantsMoney(owner, p, "pending 88.99 0.01 88.99 | held 50.00 0.00 | held 38.99 0.00")
	done, last := h.mustRecord(sum(p, 1, "B3"), paid)
	if last.Status != billing.ReceiptUsed || *done.ExternalPaymentID != "B3" {
		t.Errorf("%+v, %+v", done, last)
	}
	h.wantsMoney(owner, p, "confirmed 89.00 0.00 0.00 | used 50.00 50.00 | used 38.99 38.99 | used 0.01 0.01")
	h.wants(owner, "active starter active")
	for what, query := range map[string]string{
		"invoices over 89.00":  `SELECT count(*) FROM igny8_invoices WHERE tenant_id = ? AND total_minor = 8900`,
		"paid periods":         `SELECT count(*) FROM igny8_subscription_periods WHERE tenant_id = ? AND kind = 'paid'`,
		"letters of it coming": `SELECT count(*) - 1 FROM igny8_mails WHERE tenant_id = ? AND kind = 'payment_partly_received'`,
	} {
		if n := count(t, h.DB, query, owner.AccountID()); n != 1 {
			t.Errorf("%d %s", n, what)
		}
	}
}

func TestRecordReceipt_HoldsWhatIsOverUntilItIsDecided(t *testing.T) {
	t.Parallel()
	h := build(t)
	owner := h.open("ada")
	p := h.request(owner, "starter", 1, "k")
	h.mustRecord(sum(p, 4000, "B1"), paid)
	_, r := h.mustRecord(sum(p, 10000, "B2"), paid)
	h.wantsMoney(owner, p, "confirmed 140.00 0.00 51.00 | used 40.00 40.00 | held 100.00 49.00")
	h.wants(owner, "active starter active")
	if n := count(t, h.DB, `SELECT count(*) FROM igny8_balance_transactions`); n != 0 {
		t.Error("what is over became the balance before anybody decided")
	}
	if _, _, err := h.decide(decision(r, billing.CreditReceipt, "d"), paid); err != nil {
		t.Fatal(err)
	}
	h.wantsMoney(owner, p, "confirmed 89.00 0.00 0.00 | used 40.00 40.00 | credited 100.00 49.00")
	// It pays towards the next payment by itself.
	next := h.request(owner, "starter", 1, "k2")
	if next.AmountMinor != 8900-5100 || next.AppliedMinor != 5100 {
		t.Errorf("%d of the next payment are to pay, %d paid", next.AmountMinor, next.AppliedMinor)
	}
}

func TestRecordReceipt_HoldsWhatComesTooLateOrTwice(t *testing.T) {
	t.Parallel()
	h := build(t)
	owner := h.open("ada")
	twice := h.request(owner, "starter", 1, "k")
	if err := h.confirm(t.Context(), facts(twice, "B1"), paid); err != nil {
		t.Fatal(err)
	}
	h.mustRecord(sum(twice, 8900, "B2"), paid)
	h.wantsMoney(owner, twice, "confirmed 178.00 0.00 89.00 | held 89.00 0.00")
	late := h.request(owner, "starter", 1, "k2")
	h.settle(late.ExpiresAt)
	_, r := h.mustRecord(sum(late, 8900, "B3"), late.ExpiresAt.Add(time.Hour))
	h.wantsMoney(owner, late, "expired 89.00 0.00 89.00 | held 89.00 0.00")
	in := decision(r, billing.ReturnReceipt, "d")
	in.ExternalPaymentID = "BACK-1"
	if _, _, err := h.decide(in, late.ExpiresAt.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	h.wantsMoney(owner, late, "expired 0.00 0.00 0.00 | returned 89.00 0.00")
	if n := count(t, h.DB, `SELECT count(*) FROM igny8_subscription_periods WHERE tenant_id = ? AND kind = 'paid'`, owner.AccountID()); n != 1 {
		t.Errorf("%d paid periods", n)
	}
	// The bank's id of a return counts once as well, but for several sums of one payment.
	if _, _, err := h.record(sum(twice, 100, "back-1"), paid); !fault.Is(err, fault.ExternalReferenceUse) {
		t.Errorf("the id of a return: %v", err)
	}
	_, second := h.mustRecord(sum(late, 100, "B4"), late.ExpiresAt.Add(time.Hour))
	in.ReceiptID, in.IdempotencyKey = second.ID, "d2"
	if _, _, err := h.decide(in, late.ExpiresAt.Add(time.Hour)); err != nil {
		t.Errorf("one transfer back for two sums: %v", err)
	}
}

func TestRecordReceipt_GivesTheRestMoreTimeAndKeepsTheMoneyWhenThatIsOver(t *testing.T) {
	t.Parallel()
	h := build(t)
	owner := h.open("ada")
	p := h.request(owner, "starter", 1, "k")
	shortly := p.ExpiresAt.Add(-time.Hour)
	part, r := h.mustRecord(sum(p, 5000, "B1"), shortly)
	if want := shortly.Add(office.Bank.Deadline); !part.ExpiresAt.Equal(want) {
		t.Errorf("the rest may come until %s, want %s", part.ExpiresAt, want)
	}
	// The trial ended meanwhile: the account waits for its payment, as for one that was declared.
	h.wants(owner, "suspended free-trial expired")
	h.settle(p.ExpiresAt.Add(time.Hour))
	h.wantsMoney(owner, p, "pending 50.00 39.00 50.00 | held 50.00 0.00")
	h.settle(part.ExpiresAt.Add(-time.Second))
	h.wantsMoney(owner, p, "pending 50.00 39.00 50.00 | held 50.00 0.00")
	h.settle(part.ExpiresAt)
	h.wantsMoney(owner, p, "expired 50.00 0.00 50.00 | held 50.00 0.00")
	if _, _, err := h.decide(decision(r, billing.CreditReceipt, "d"), part.ExpiresAt); err != nil {
		t.Fatal(err)
	}
	if n := count(t, h.DB, `SELECT balance_after FROM igny8_balance_transactions WHERE tenant_id = ?`, owner.AccountID()); n != 5000 {
		t.Errorf("the balance is %d", n)
	}
}

func TestSettle_WaitsForTheRestOfAPaymentAsForADeclaredOne(t *testing.T) {
	t.Parallel()
	h := build(t)
	owner := h.open("ada")
	p := h.request(owner, "starter", 1, "k")
	part, _ := h.mustRecord(sum(p, 5000, "B1"), paid)
	h.settle(paid.Add(2 * time.Hour)) // the trial has ended
	h.wants(owner, "pending_payment free-trial pending")
	if _, err := office.WithdrawPayment(as(t.Context(), owner), h.App, owner, paid, p.ID); !fault.Is(err, fault.InvalidState) {
		t.Errorf("withdrawn with money in it: %v", err)
	}
	h.settle(part.ExpiresAt)
	h.wants(owner, "suspended free-trial expired")
}

func TestRejectPayment_LeavesWhatCameHeld(t *testing.T) {
	t.Parallel()
	h := build(t)
	owner := h.open("ada")
	p := h.request(owner, "starter", 1, "k")
	_, r := h.mustRecord(sum(p, 5000, "B1"), paid)
	if _, err := office.RejectPayment(as(t.Context(), h.staff), h.App, h.staff, paid, p.ID, "the rest is not to come"); err != nil {
		t.Fatal(err)
	}
	h.wantsMoney(owner, p, "rejected 50.00 0.00 50.00 | held 50.00 0.00")
	if _, _, err := h.decide(decision(r, billing.ReturnReceipt, "d"), paid); err != nil {
		t.Fatal(err)
	}
	h.wantsMoney(owner, p, "rejected 0.00 0.00 0.00 | returned 50.00 0.00")
}

func TestDecideReceipt_OfAPaymentThatWaitsHasItWaitForAllOfIt(t *testing.T) {
	t.Parallel()
	h := build(t)
	owner := h.open("ada")
	p := h.request(owner, "starter", 1, "k")
	_, first := h.mustRecord(sum(p, 5000, "B1"), paid)
	h.mustRecord(sum(p, 1000, "B2"), paid.Add(time.Minute))
	left, _, err := h.decide(decision(first, billing.ReturnReceipt, "d"), paid.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(left.Instructions, "Send 79.00 USD") || !left.HeldSince.Equal(paid.Add(time.Minute)) {
		t.Errorf("%+v", left)
	}
	h.wantsMoney(owner, p, "pending 10.00 79.00 10.00 | returned 50.00 0.00 | held 10.00 0.00")
	h.mustRecord(sum(p, 7900, "B3"), paid.Add(time.Hour))
	h.wantsMoney(owner, p, "confirmed 89.00 0.00 0.00 | returned 50.00 0.00 | used 10.00 10.00 | used 79.00 79.00")
}

func TestRecordReceipt_HundredAtOnceAreOne(t *testing.T) {
	t.Parallel()
	h := build(t)
	owner := h.open("ada")
	p := h.request(owner, "starter", 1, "k")
	var wg sync.WaitGroup
	for i := range 100 {
		in := sum(p, 9000, "B1")
		in.IdempotencyKey = fmt.Sprint("k", i%3)
		wg.Go(func() {
			if _, r, err := h.record(in, paid); err != nil || r == nil {
				t.Error(r, err)
			}
		})
	}
	wg.Wait()
	h.wantsMoney(owner, p, "confirmed 90.00 0.00 1.00 | held 90.00 89.00")
	if n := count(t, h.DB, `SELECT count(*) FROM igny8_invoices WHERE tenant_id = ?`, owner.AccountID()); n != 1 {
		t.Errorf("%d invoices", n)
	}
}

func TestDecideReceipt_HundredAtOnceDecideOnce(t *testing.T) {
	t.Parallel()
	h := build(t)
	owner := h.open("ada")
	p := h.request(owner, "starter", 1, "k")
	_, r := h.mustRecord(sum(p, 10000, "B1"), paid)
	var wg sync.WaitGroup
	var mu sync.Mutex
	refusals := 0
	for i := range 100 {
		in := decision(r, billing.CreditReceipt, fmt.Sprint("d", i))
		if i%2 == 1 {
			in.Decision = billing.ReturnReceipt
		}
		wg.Go(func() {
			_, _, err := h.decide(in, paid)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case fault.Is(err, fault.InvalidState):
				refusals++
			case err != nil:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if refusals != 50 {
		t.Errorf("%d were told that something else was decided, want 50", refusals)
	}
	credited := count(t, h.DB, `SELECT count(*) FROM igny8_receipts WHERE status = 'credited'`)
	if n := count(t, h.DB, `SELECT count(*) FROM igny8_balance_transactions WHERE type = 'excess' AND amount_minor = 1100`); n != credited {
		t.Errorf("%d lines of the balance for %d credited receipts", n, credited)
	}
	if n := count(t, h.DB, `SELECT count(*) FROM igny8_audit_events WHERE action IN ('receipt.credited', 'receipt.returned')`); n != 1 {
		t.Errorf("%d decisions in the log", n)
	}
}

func TestReceipts_AreRefusedWithoutWriting(t *testing.T) {
	t.Parallel()
	h := build(t)
	owner, other := h.open("ada"), h.open("bob")
	used := h.request(other, "starter", 1, "k")
	if err := h.confirm(t.Context(), facts(used, "USED"), paid); err != nil {
		t.Fatal(err)
	}
	p := h.request(owner, "starter", 1, "k")
	_, r := h.mustRecord(sum(p, 5000, "PART"), paid)
	own := h.request(h.staff, "starter", 1, "k")
	h.exec(`INSERT INTO igny8_external_payments (method, external_id, tenant_id, payment_id) VALUES ('bank_transfer', 'OWN', ?, ?)`, own.TenantID, own.ID)
	h.exec(`INSERT INTO igny8_receipts (tenant_id, payment_id, external_id, amount_minor, currency, received_on, status, recorded_by, created_at)
		VALUES (?, ?, 'OWN', 1, 'USD', '2026-01-31', 'held', 1, now())`, own.TenantID, own.ID)
	var owns billing.Receipt
	if err := h.Admin.NewRaw(`SELECT * FROM igny8_receipts WHERE external_id = 'OWN'`).Scan(t.Context(), &owns); err != nil {
		t.Fatal(err)
	}
	byCard := h.request(other, "starter", 1, "card")
	h.exec(`UPDATE igny8_payments SET method = 'stripe' WHERE id = ?`, byCard.ID)
	h.exec(`INSERT INTO igny8_balance_transactions (tenant_id, seq, type, amount_minor, balance_after, currency, created_at)
		VALUES (?, 1, 'adjustment', 100, 100, 'EUR', now())`, owner.AccountID())
	whole := facts(p, "WHOLE")
	before, rows := h.trace(owner)+h.trace(other)+h.trace(h.staff), h.rows()

	record := func(change func(*billing.Record)) error {
		in := sum(p, 100, "NEW")
		change(&in)
		_, _, err := h.record(in, paid)
		return err
	}
	decide := func(change func(*billing.Decide)) error {
		in := decision(r, billing.ReturnReceipt, "new")
		change(&in)
		_, _, err := h.decide(in, paid)
		return err
	}
	for name, c := range map[string]struct {
		err  error
		code fault.Code
		at   string
	}{
		"another currency":         {record(func(in *billing.Record) { in.Amount.Currency = "EUR" }), fault.CurrencyMismatch, "[amount currencyCode]"},
		"nothing":                  {record(func(in *billing.Record) { in.Amount.Minor = 0 }), fault.Invalid, "[amount amount]"},
		"less than nothing":        {record(func(in *billing.Record) { in.Amount.Minor = -1 }), fault.Invalid, "[amount amount]"},
		"all there is":             {record(func(in *billing.Record) { in.Amount.Minor = 1 << 62 }), fault.Invalid, "[amount amount]"},
		"another account's id":     {record(func(in *billing.Record) { in.ExternalPaymentID = " used " }), fault.ExternalReferenceUse, "[externalPaymentId]"},
		"and one that confirms":    {record(func(in *billing.Record) { in.ExternalPaymentID, in.Amount.Minor = "used", 9900 }), fault.ExternalReferenceUse, "[externalPaymentId]"},
		"its own id, other facts":  {record(func(in *billing.Record) { in.ExternalPaymentID = "part" }), fault.IdempotencyConflict, "[externalPaymentId]"},
		"no id":                    {record(func(in *billing.Record) { in.ExternalPaymentID = " " }), fault.Required, "[externalPaymentId]"},
		"a day to come":            {record(func(in *billing.Record) { in.ReceivedOn = paid.AddDate(0, 0, 2) }), fault.Invalid, "[receivedOn]"},
		"no key":                   {record(func(in *billing.Record) { in.IdempotencyKey = "" }), fault.Required, "[idempotencyKey]"},
		"a key used":               {record(func(in *billing.Record) { in.IdempotencyKey = "record PART" }), fault.IdempotencyConflict, "[idempotencyKey]"},
		"no such payment":          {record(func(in *billing.Record) { in.PaymentID = 99999 }), fault.NotFound, "[paymentId]"},
		"one's own account's":      {record(func(in *billing.Record) { in.PaymentID = own.ID }), fault.OwnPayment, "[paymentId]"},
		"not a transfer":           {record(func(in *billing.Record) { in.PaymentID = byCard.ID }), fault.InvalidState, "[paymentId]"},
		"the whole, a part before": {h.confirm(t.Context(), whole, paid), fault.InvalidState, "[paymentId]"},
		"no reason":                {decide(func(in *billing.Decide) { in.Reason = " " }), fault.Required, "[reason]"},
		"no such receipt":          {decide(func(in *billing.Decide) { in.ReceiptID = 99999 }), fault.NotFound, "[receiptId]"},
		"one's own receipt":        {decide(func(in *billing.Decide) { in.ReceiptID = owns.ID }), fault.OwnPayment, "[receiptId]"},
		"a return by an id used":   {decide(func(in *billing.Decide) { in.ExternalPaymentID = "used" }), fault.ExternalReferenceUse, "[externalPaymentId]"},
		"a credit through a bank": {
			decide(func(in *billing.Decide) { in.Decision, in.ExternalPaymentID = billing.CreditReceipt, "X" }),
			fault.Invalid, "[externalPaymentId]",
		},
		"no decision":                   {decide(func(in *billing.Decide) { in.Decision = "" }), fault.Invalid, "[decision]"},
		"a balance of another currency": {decide(func(in *billing.Decide) { in.Decision = billing.CreditReceipt }), fault.CurrencyMismatch, "[decision]"},
	} {
		if faults := fault.Of(c.err); len(faults) != 1 || faults[0].Code != c.code || fmt.Sprint(faults[0].Field) != c.at {
			t.Errorf("%s: %v, want %s at %s", name, c.err, c.code, c.at)
		}
	}
	if after := h.trace(owner) + h.trace(other) + h.trace(h.staff); after != before {
		t.Errorf("refusals wrote:\n%s\nbefore:\n%s", after, before)
	}
	if after := h.rows(); after != rows {
		t.Errorf("refusals wrote rows:\n%s\nbefore:\n%s", after, rows)
	}
	// Everything is told at once.
	_, _, err := h.record(billing.Record{PaymentID: p.ID, ReceivedOn: paid}, paid)
	if faults := fault.Of(err); len(faults) != 3 {
		t.Errorf("%v", err)
	}
}

func TestReceipts_AreAllOrNothingWhereverTheyAreKilled(t *testing.T) {
	t.Parallel()
	h := build(t)
	owner := h.open("ada")
	p := h.request(owner, "starter", 1, "k")
	h.mustRecord(sum(p, 5000, "B1"), paid)
	_, r := h.mustRecord(sum(h.request(owner, "starter", 1, "k2"), 9900, "B9"), paid)
	for name, run := range map[string]func(context.Context) error{
		"record": func(ctx context.Context) error {
			_, _, err := office.RecordReceipt(ctx, h.App, h.staff, paid, sum(p, 5000, "B2"))
			return err
		},
		"decide": func(ctx context.Context) error {
			_, _, err := office.DecideReceipt(ctx, h.App, h.staff, paid, decision(r, billing.CreditReceipt, "d"))
			return err
		},
	} {
		killed := h.killed(name, owner, run)
		if killed < 10 {
			t.Errorf("%s: only %d statements were reached", name, killed)
		}
	}
	h.wantsMoney(owner, p, "confirmed 100.00 0.00 11.00 | used 50.00 50.00 | held 50.00 39.00")
}
