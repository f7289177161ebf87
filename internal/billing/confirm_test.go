package billing_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"igny8.com/accounts/internal/billing"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/postgres/pgtest"
)

func TestConfirmPayment_PaysForPeriodsFromThatInstantOn(t *testing.T) {
	t.Parallel()
	h := build(t)
	owner := h.open("ada")
	p := h.request(owner, "starter", 3, "k")
	if p.AmountMinor != 3*8900 || p.Currency != "USD" || p.Reference != billing.Reference(owner.AccountID(), p.ID) {
		t.Errorf("%+v", p)
	}
	if err := h.confirm(t.Context(), facts(p, "B1"), paid); err != nil {
		t.Fatal(err)
	}
	var periods []struct {
		Kind       string
		Start, End time.Time
	}
	err := h.Admin.NewRaw(`SELECT kind, start_at AS start, end_at AS end FROM igny8_subscription_periods
		WHERE tenant_id = ? ORDER BY start_at`, owner.AccountID()).Scan(t.Context(), &periods)
	if err != nil {
		t.Fatal(err)
	}
	want := []time.Time{
		start, paid, time.Date(2026, 2, 28, 7, 0, 0, 0, time.UTC), time.Date(2026, 3, 31, 7, 0, 0, 0, time.UTC),
		time.Date(2026, 4, 30, 7, 0, 0, 0, time.UTC),
	}
	if len(periods) != 4 {
		t.Fatalf("%v", periods)
	}
	for i, got := range periods {
		if !got.Start.Equal(want[i]) || !got.End.Equal(want[i+1]) || (got.Kind == "paid") != (i > 0) {
			t.Errorf("period %d: %+v, want %s to %s", i, got, want[i], want[i+1])
		}
	}
	// The trial's credits stay until the trial would have ended; the plan's come a period at a time.
	if n := count(t, h.DB, `SELECT balance FROM igny8_credit_accounts WHERE tenant_id = ?`, owner.AccountID()); n != 2000+1000 {
		t.Errorf("%d credits", n)
	}
	if n := count(t, h.DB, `SELECT count(*) FROM igny8_credit_grants WHERE tenant_id = ? AND kind = 'trial' AND expires_at = ?`,
		owner.AccountID(), start.AddDate(0, 0, 14)); n != 1 {
		t.Error("the trial's credits expire at another time")
	}
	if n := count(t, h.DB, `SELECT sum(amount_minor) FROM igny8_invoice_lines WHERE tenant_id = ?`, owner.AccountID()); n != 3*8900 {
		t.Errorf("the invoice's lines add up to %d", n)
	}
}

func TestConfirmPayment_HundredAtOnceConfirmOnce(t *testing.T) {
	t.Parallel()
	h := build(t)
	owner := h.open("ada")
	p := h.request(owner, "starter", 1, "k")
	var wg sync.WaitGroup
	errs := make([]error, 100)
	for i := range errs {
		wg.Go(func() { errs[i] = h.confirm(t.Context(), facts(p, "B1"), paid) })
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			t.Error(err)
		}
	}
	for what, query := range map[string]string{
		"grants":   `SELECT count(*) FROM igny8_credit_grants WHERE tenant_id = ? AND kind = 'subscription'`,
		"lines":    `SELECT count(*) FROM igny8_credit_transactions WHERE tenant_id = ? AND type = 'subscription'`,
		"periods":  `SELECT count(*) FROM igny8_subscription_periods WHERE tenant_id = ? AND kind = 'paid'`,
		"invoices": `SELECT count(*) FROM igny8_invoices WHERE tenant_id = ?`,
		"events":   `SELECT count(*) FROM igny8_audit_events WHERE tenant_id = ? AND action = 'payment.confirmed'`,
	} {
		if n := count(t, h.DB, query, owner.AccountID()); n != 1 {
			t.Errorf("%d %s", n, what)
		}
	}
}

func TestConfirmPayment_RefusesWithoutWriting(t *testing.T) {
	t.Parallel()
	h := build(t)
	owner, other := h.open("ada"), h.open("bob")
	confirmed := h.request(other, "starter", 1, "k")
	if err := h.confirm(t.Context(), facts(confirmed, "USED"), paid); err != nil {
		t.Fatal(err)
	}
	p, second := h.request(owner, "starter", 1, "k"), h.request(owner, "starter", 2, "k2")
	own := h.request(h.staff, "starter", 1, "k")
	with := func(p *billing.Payment, change func(*billing.Confirm)) billing.Confirm {
		in := facts(p, "NEW")
		change(&in)
		return in
	}
	before := h.trace(owner) + h.trace(other) + h.trace(h.staff)
	for name, c := range map[string]struct {
		in   billing.Confirm
		code fault.Code
		at   string
	}{
		"a cent too little":        {with(p, func(in *billing.Confirm) { in.Amount.Minor-- }), fault.AmountMismatch, "[amount amount]"},
		"a cent too much":          {with(p, func(in *billing.Confirm) { in.Amount.Minor++ }), fault.AmountMismatch, "[amount amount]"},
		"another currency":         {with(p, func(in *billing.Confirm) { in.Amount.Currency = "EUR" }), fault.CurrencyMismatch, "[amount currencyCode]"},
		"another account's id":     {with(p, func(in *billing.Confirm) { in.ExternalPaymentID = "USED" }), fault.ExternalReferenceUse, "[externalPaymentId]"},
		"the same id in lowercase": {with(p, func(in *billing.Confirm) { in.ExternalPaymentID = " used " }), fault.ExternalReferenceUse, "[externalPaymentId]"},
		"no such payment":          {with(p, func(in *billing.Confirm) { in.PaymentID = 99999 }), fault.NotFound, "[paymentId]"},
		"one's own account's":      {facts(own, "NEW"), fault.OwnPayment, "[paymentId]"},
		"a day to come":            {with(p, func(in *billing.Confirm) { in.ReceivedOn = paid.AddDate(0, 0, 2) }), fault.Invalid, "[receivedOn]"},
		"no external id":           {with(p, func(in *billing.Confirm) { in.ExternalPaymentID = " " }), fault.Required, "[externalPaymentId]"},
		"no key":                   {with(p, func(in *billing.Confirm) { in.IdempotencyKey = "" }), fault.Required, "[idempotencyKey]"},
		"confirmed by other facts": {facts(confirmed, "NEW"), fault.IdempotencyConflict, "[paymentId]"},
	} {
		err := h.confirm(t.Context(), c.in, paid)
		if faults := fault.Of(err); len(faults) != 1 || faults[0].Code != c.code || fmt.Sprint(faults[0].Field) != c.at {
			t.Errorf("%s: %v, want %s at %s", name, err, c.code, c.at)
		}
	}
	if after := h.trace(owner) + h.trace(other) + h.trace(h.staff); after != before {
		t.Errorf("refusals wrote:\n%s\nbefore:\n%s", after, before)
	}
	// A key that confirmed one payment does not confirm another.
	if err := h.confirm(t.Context(), facts(p, "ONE"), paid); err != nil {
		t.Fatal(err)
	}
	reused := facts(second, "TWO")
	reused.IdempotencyKey = "confirm ONE"
	if err := h.confirm(t.Context(), reused, paid); !fault.Is(err, fault.IdempotencyConflict) {
		t.Errorf("a key used again: %v", err)
	}
}

func TestConfirmPayment_IsAllOrNothingWhereverItIsKilled(t *testing.T) {
	t.Parallel()
	h := build(t)
	owner := h.open("ada")
	p := h.request(owner, "starter", 2, "k")
	before := h.trace(owner)
	killed := 0
	for n := 1; ; n++ {
		ctx, killer := pgtest.KillBefore(t, t.Context(), n)
		err := h.confirm(ctx, facts(p, "B1"), paid)
		statement, fired := killer.Fired()
		if !fired {
			if err != nil {
				t.Fatal(err)
			}
			break
		}
		killed++
		if err == nil {
			t.Fatalf("the session ended before %q and the payment was confirmed", statement)
		}
		if after := h.trace(owner); after != before {
			t.Fatalf("killed before %q:\n%s\nbefore:\n%s", statement, after, before)
		}
	}
	if killed < 18 {
		t.Fatalf("only %d statements were reached", killed)
	}
	if n := count(t, h.DB, `SELECT last_number FROM igny8_invoice_numbers`); n != 1 {
		t.Errorf("the first invoice has number %d: those of killed confirmations are missing", n)
	}
}

func TestConfirmPayment_NumbersInvoicesWithoutGap(t *testing.T) {
	t.Parallel()
	h := build(t)
	payments := make([]*billing.Payment, 12)
	for i := range payments {
		payments[i] = h.request(h.open(fmt.Sprintf("n%d", i)), "starter", 1, "k")
	}
	var wg sync.WaitGroup
	for i, p := range payments {
		in := facts(p, fmt.Sprintf("B%d", i/2)) // every other one is refused after its invoice is due
		wg.Go(func() {
			if err := h.confirm(t.Context(), in, paid); err != nil && !fault.Is(err, fault.ExternalReferenceUse) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	n := count(t, h.DB, `SELECT count(*) FROM igny8_invoices`)
	numbers := count(t, h.DB, `SELECT count(DISTINCT number) FROM igny8_invoices WHERE number BETWEEN 'IG-2026-000001' AND 'IG-2026-000006'`)
	if n != 6 || numbers != 6 {
		t.Errorf("%d invoices, %d numbers of 1 to 6", n, numbers)
	}
}

func TestConfirmPayment_RenewsEarlyInGraceAndLate(t *testing.T) {
	t.Parallel()
	h := build(t)
	owner := h.open("ada")
	pay := func(key string, at time.Time) {
		t.Helper()
		p, err := office.RequestTransfer(as(t.Context(), owner), h.App, owner, at,
			billing.Request{PlanSlug: "starter", Months: 1, IdempotencyKey: key})
		if err != nil {
			t.Fatal(err)
		}
		in := facts(p, key)
		in.ReceivedOn = at.Truncate(24 * time.Hour)
		if err := h.confirm(t.Context(), in, at); err != nil {
			t.Fatal(err)
		}
	}
	pay("first", paid)
	pay("early", paid.AddDate(0, 0, 3))
	pay("in grace", time.Date(2026, 4, 6, 0, 0, 0, 0, time.UTC))
	pay("late", time.Date(2026, 5, 20, 12, 0, 0, 0, time.UTC))
	var got string
	err := h.Admin.NewRaw(`SELECT string_agg(kind || ' ' || to_char(start_at AT TIME ZONE 'UTC', 'MM-DD HH24'), ', ' ORDER BY start_at)
		FROM igny8_subscription_periods WHERE tenant_id = ?`, owner.AccountID()).Scan(t.Context(), &got)
	if err != nil {
		t.Fatal(err)
	}
	const want = "trial 01-17 08, paid 01-31 07, paid 02-28 07, paid 03-31 07, lapsed 04-30 07, paid 05-20 12"
	if got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}
