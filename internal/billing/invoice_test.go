package billing_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/billing"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
)

func (h *house) tax(a account.Actor, rate int) {
	h.t.Helper()
	_, err := office.SetTax(as(h.t.Context(), h.staff), h.App, h.staff, start, billing.Taxing{AccountID: a.AccountID(), Rate: &rate, TaxID: new("de123456789")})
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) invoice(a account.Actor, number string) *billing.Paper {
	h.t.Helper()
	var id gid.Invoice
	if err := h.Admin.NewRaw(`SELECT id FROM igny8_invoices WHERE number = ?`, number).Scan(h.t.Context(), &id); err != nil {
		h.t.Fatal(number, err)
	}
	of, err := billing.ReadPaper(as(h.t.Context(), a), h.App, a.AccountID(), id)
	if err != nil {
		h.t.Fatal(err)
	}
	return of
}

func TestTax_IsRoundedOnceHalfUp(t *testing.T) {
	t.Parallel()
	h := build(t)
	for i, c := range []struct{ months, rate, net, tax int }{
		{1, 0, 8900, 0}, {1, 1900, 8900, 1691}, {1, 825, 8900, 734}, // 734.25
		{3, 1, 26700, 3}, {1, 50, 8900, 45}, {5, 1, 44500, 4}, {1, 10000, 8900, 8900}, // 2.67, 44.5, 4.45
	} {
		owner := h.open(fmt.Sprint("tax", i))
		h.tax(owner, c.rate)
		p := h.request(owner, "starter", c.months, "k")
		if int(p.NetMinor) != c.net || int(p.TaxMinor) != c.tax || int(p.AmountMinor) != c.net+c.tax {
			t.Errorf("%d months at %d: %d and %d are %d", c.months, c.rate, p.NetMinor, p.TaxMinor, p.AmountMinor)
		}
	}
}

func TestInvoice_SaysForEverWhatHeldWhenItWasIssued(t *testing.T) {
	t.Parallel()
	h := build(t)
	owner := h.open("ada")
	h.tax(owner, 1900)
	h.exec(`UPDATE igny8_tenants SET name = 'Ada & Co', billing_address = '{"country": "DE", "line1": "Weg 1", "city": "Bonn", "zip": 53111}' WHERE id = ?`, owner.AccountID())
	selling := office
	selling.Seller = billing.Party{Name: "IGNY8 Ltd", Address: "1 Long Lane\nLondon", TaxID: "GB1"}
	p := h.request(owner, "starter", 2, "k")
	if _, err := selling.ConfirmPayment(as(t.Context(), h.staff), h.App, h.staff, paid, facts(p, "B1")); err != nil {
		t.Fatal(err)
	}
	h.tax(owner, 700)
	h.exec(`UPDATE igny8_tenants SET name = 'Other', billing_email = 'other@example.com', billing_address = '{}' WHERE id = ?`, owner.AccountID())

	got := h.invoice(owner, "IG-2026-000001")
	if *got.Seller() != selling.Seller {
		t.Errorf("seller: %+v", got.Seller())
	}
	if want := (billing.Party{Name: "Ada & Co", Address: "Weg 1\n53111\nBonn\nDE", TaxID: "DE123456789", Email: "ada@example.com"}); *got.Buyer() != want {
		t.Errorf("buyer: %+v", got.Buyer())
	}
	if got.NetMinor != 17800 || got.TaxMinor != 3382 || *got.TaxRate != 1900 || got.TotalMinor != 21182 || got.TaxableMinor != 17800 || len(got.Lines) != 2 {
		t.Errorf("sums: %+v", got.Invoice)
	}
}

func TestInvoice_OfAnUpgradeTaxesWhatWasNeededAlone(t *testing.T) {
	t.Parallel()
	h := build(t)
	owner := h.open("ada")
	h.tax(owner, 2000)
	p := h.request(owner, "starter", 1, "k")
	if err := h.confirm(t.Context(), facts(p, "B1"), paid); err != nil {
		t.Fatal(err)
	}
	up, _, err := office.Change(as(t.Context(), owner), h.App, owner, paid.AddDate(0, 0, 7), billing.ChangePlan{PlanSlug: "growth", Months: 1, IdempotencyKey: "up"})
	if err != nil {
		t.Fatal(err)
	}
	in := facts(up, "B2")
	if err := h.confirm(t.Context(), in, paid.AddDate(0, 0, 14)); err != nil {
		t.Fatal(err)
	}
	got := h.invoice(owner, "IG-2026-000002")
	var kept int64
	if err := h.Admin.NewRaw(`SELECT amount_minor FROM igny8_balance_transactions WHERE tenant_id = ?`, owner.AccountID()).Scan(t.Context(), &kept); err != nil {
		t.Fatal(err)
	}
	var lines int64
	for _, l := range got.Lines {
		lines += l.AmountMinor
	}
	switch {
	case got.TotalMinor != up.AmountMinor || lines != got.NetMinor || got.NetMinor-got.TaxableMinor != kept:
		t.Errorf("%+v of %d, lines %d, kept %d", got.Invoice, up.AmountMinor, lines, kept)
	case got.TaxMinor != (got.TaxableMinor*2000+5000)/10000 || got.TaxMinor == up.TaxMinor || kept == 0:
		t.Errorf("tax %d on %d, asked for %d, kept %d", got.TaxMinor, got.TaxableMinor, up.TaxMinor, kept)
	}
}

// Confirmations that race for numbers, half of them rolled back after they took theirs.
func TestInvoiceNumbers_HaveNoGapWhateverIsRolledBack(t *testing.T) {
	t.Parallel()
	h := build(t)
	const n = 8
	payments := make([]*billing.Payment, n)
	for i := range payments {
		payments[i] = h.request(h.open(fmt.Sprint("a", i)), "starter", 1, "k")
	}
	// The letter is written after the number was taken; half of the owners cannot get one.
	h.exec(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$`)
	h.exec(`CREATE TRIGGER refuse BEFORE INSERT ON igny8_mails FOR EACH ROW WHEN (NEW.kind = 'payment_confirmed' AND NEW.tenant_id % 2 = 0) EXECUTE FUNCTION refuse()`)
	var wg sync.WaitGroup
	for i, p := range payments {
		wg.Go(func() { _ = h.confirm(t.Context(), facts(p, fmt.Sprint("B", i)), paid) })
	}
	wg.Wait()
	issued := count(t, h.DB, `SELECT count(*) FROM igny8_invoices`)
	if last := count(t, h.DB, `SELECT max(right(number, 6)::int) FROM igny8_invoices`); issued == 0 || issued == n || last != issued {
		t.Errorf("%d of %d invoices, the last is number %d", issued, n, last)
	}
}

func TestSetTax_RefusesWhatIsNone(t *testing.T) {
	t.Parallel()
	h := build(t)
	owner := h.open("ada")
	set := func(in billing.Taxing) error {
		_, err := office.SetTax(as(t.Context(), h.staff), h.App, h.staff, start, in)
		return err
	}
	for _, in := range []billing.Taxing{
		{AccountID: owner.AccountID(), Rate: new(-1)},
		{AccountID: owner.AccountID(), Rate: new(10001)},
		{AccountID: owner.AccountID(), TaxID: new("")},
		{AccountID: owner.AccountID(), TaxID: new("a\nb")},
	} {
		if err := set(in); !fault.Is(err, fault.Invalid) {
			t.Errorf("%+v: %v", in, err)
		}
	}
	if err := set(billing.Taxing{AccountID: owner.AccountID() + 999}); !fault.Is(err, fault.NotFound) {
		t.Errorf("no such account: %v", err)
	}
	if n := count(t, h.DB, `SELECT count(*) FROM igny8_audit_events WHERE action = 'account.tax_set'`); n != 0 {
		t.Errorf("%d events of refusals", n)
	}
	if err := errors.Join(set(billing.Taxing{AccountID: owner.AccountID(), Rate: new(700)}), set(billing.Taxing{AccountID: owner.AccountID()})); err != nil {
		t.Fatal(err)
	}
	if n := count(t, h.DB, `SELECT count(*) FROM igny8_audit_events WHERE action = 'account.tax_set'`); n != 2 {
		t.Errorf("%d events of two changes", n)
	}
}
