package billing_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/billing"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/postgres/pgtest"
	"igny8.com/accounts/internal/signup"
)

var (
	start = time.Date(2026, 1, 17, 8, 0, 0, 0, time.UTC)
	paid  = time.Date(2026, 1, 31, 7, 0, 0, 0, time.UTC) // an hour before the trial ends
	bank  = billing.BankDetails{Instructions: "Account 12345678", Deadline: 14 * 24 * time.Hour}
)

// house is a database with a member of staff.
type house struct {
	*pgtest.DB
	t     *testing.T
	staff account.Actor
}

func build(t *testing.T) *house {
	t.Helper()
	h := &house{DB: pgtest.New(t, pgtest.WithMaxConns(8)), t: t}
	h.staff = h.open("staff")
	h.staff.User.Role = account.Developer
	return h
}

// open signs an account up and is its owner.
func (h *house) open(name string) account.Actor {
	h.t.Helper()
	in := signup.Request{Email: name + "@example.com", Name: name, PasswordHash: "kept"}
	var owner *account.User
	opened, err := signup.Run(h.t.Context(), h.App, in, account.Origin{}, start,
		func(_ context.Context, _ bun.Tx, u *account.User) error { owner = u; return nil })
	if err != nil {
		h.t.Fatal(err)
	}
	return account.Actor{User: owner, Account: opened}
}

func as(ctx context.Context, a account.Actor) context.Context {
	return postgres.WithTenant(ctx, int64(a.AccountID()))
}

func (h *house) request(owner account.Actor, plan string, months int, key string) *billing.Payment {
	h.t.Helper()
	p, err := billing.RequestTransfer(as(h.t.Context(), owner), h.App, owner, paid, bank,
		billing.Request{PlanSlug: plan, Months: months, IdempotencyKey: key})
	if err != nil {
		h.t.Fatal(err)
	}
	return p
}

func facts(p *billing.Payment, externalID string) billing.Confirm {
	return billing.Confirm{
		PaymentID: p.ID, ExternalPaymentID: externalID, Amount: p.Amount(), ReceivedOn: paid.Truncate(24 * time.Hour),
		IdempotencyKey: "confirm " + externalID,
	}
}

func (h *house) confirm(ctx context.Context, in billing.Confirm, at time.Time) error {
	_, err := billing.ConfirmPayment(as(ctx, h.staff), h.App, h.staff, at, in)
	return err
}

func count(t *testing.T, db *pgtest.DB, query string, args ...any) int {
	t.Helper()
	var n int
	if err := db.Admin.NewRaw(query, args...).Scan(t.Context(), &n); err != nil {
		t.Fatal(err)
	}
	return n
}

// trace is all that confirming may change in an account, in one line of text.
func (h *house) trace(a account.Actor) string {
	h.t.Helper()
	var s string
	err := h.Admin.NewRaw(`
		SELECT concat_ws(' ', a.status, p.slug,
			(SELECT string_agg(kind || ':' || start_at || '-' || end_at, ',' ORDER BY start_at) FROM igny8_subscription_periods WHERE tenant_id = a.id),
			(SELECT string_agg(seq || '=' || amount || '=' || balance_after, ',' ORDER BY seq) FROM igny8_credit_transactions WHERE tenant_id = a.id),
			(SELECT string_agg(kind || ':' || remaining, ',' ORDER BY id) FROM igny8_credit_grants WHERE tenant_id = a.id),
			(SELECT balance FROM igny8_credit_accounts WHERE tenant_id = a.id),
			(SELECT string_agg(status, ',' ORDER BY id) FROM igny8_payments WHERE tenant_id = a.id),
			(SELECT count(*) FROM igny8_invoices WHERE tenant_id = a.id), (SELECT count(*) FROM igny8_invoice_lines WHERE tenant_id = a.id),
			(SELECT count(*) FROM igny8_external_payments WHERE tenant_id = a.id), (SELECT count(*) FROM igny8_audit_events WHERE tenant_id = a.id),
			(SELECT count(*) FROM igny8_idempotency_keys WHERE tenant_id = a.id), s.status, s.anchor, s.external_payment_id)
		FROM igny8_tenants a JOIN igny8_plans p ON p.id = a.plan_id JOIN igny8_subscriptions s ON s.tenant_id = a.id
		WHERE a.id = ?`, a.AccountID()).Scan(h.t.Context(), &s)
	if err != nil {
		h.t.Fatal(err)
	}
	return s
}

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
		in := facts(h.request(owner, "starter", 1, key), key)
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

func TestRequestTransfer_RepeatsByItsKey(t *testing.T) {
	t.Parallel()
	h := build(t)
	owner := h.open("ada")
	var wg sync.WaitGroup
	var mu sync.Mutex
	ids := map[gid.Payment]bool{}
	for range 30 {
		wg.Go(func() {
			p, err := billing.RequestTransfer(as(t.Context(), owner), h.App, owner, paid, bank,
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
	_, err := billing.RequestTransfer(as(t.Context(), owner), h.App, owner, paid, bank,
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
		_, err := billing.RequestTransfer(as(t.Context(), owner), h.App, owner, paid, bank,
			billing.Request{PlanSlug: slug, Months: 1, IdempotencyKey: "k " + slug})
		if !fault.Is(err, fault.PlanUnavailable) {
			t.Errorf("%q: %v", slug, err)
		}
	}
	for _, months := range []int{0, -1, billing.MaxMonths + 1} {
		_, err := billing.RequestTransfer(as(t.Context(), owner), h.App, owner, paid, bank,
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
		_, err := billing.DeclarePayment(as(t.Context(), owner), h.App, owner, paid, in)
		return err
	}
	right := billing.Declare{PaymentID: p.ID, SentOn: paid, PayerName: "Ada", ProofURL: new("https://example.com/proof.pdf")}
	if err := declare(right); err != nil {
		t.Fatal(err)
	}
	wrong := right
	wrong.ProofURL = new("javascript:alert(1)")
	if err := declare(wrong); !fault.Is(err, fault.Invalid) {
		t.Errorf("no web address: %v", err)
	}
	wrong = right
	wrong.PaymentID++
	if err := declare(wrong); !fault.Is(err, fault.NotFound) {
		t.Errorf("no such payment: %v", err)
	}

	h.exec(`UPDATE igny8_tenants SET status = 'pending_payment' WHERE id = ?`, owner.AccountID())
	rejected := func(reason string) error {
		_, err := billing.RejectPayment(as(t.Context(), h.staff), h.App, h.staff, paid, p.ID, reason)
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

func (h *house) exec(statement string, args ...any) {
	h.t.Helper()
	if _, err := h.Admin.NewRaw(statement, args...).Exec(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
}

func TestPeriods_CannotOverlapOrLeaveAGap(t *testing.T) {
	t.Parallel()
	h := build(t)
	owner := h.open("ada")
	end := start.AddDate(0, 0, 14)
	insert := func(from, to time.Time, previous *time.Time) error {
		_, err := h.Admin.NewRaw(`INSERT INTO igny8_subscription_periods (tenant_id, kind, plan_id, start_at, end_at, previous_end)
			VALUES (?, 'free', 1, ?, ?, ?)`, owner.AccountID(), from, to, previous).Exec(t.Context())
		return err
	}
	gap, overlap := end.Add(time.Second), end.Add(-time.Second)
	if err := insert(gap, gap.AddDate(0, 1, 0), &gap); !postgres.Violates(err, "igny8_subscription_periods_gap_fkey") {
		t.Errorf("a gap: %v", err)
	}
	if err := insert(gap, gap.AddDate(0, 1, 0), nil); !postgres.Violates(err, "igny8_subscription_periods_first_key") {
		t.Errorf("a second beginning: %v", err)
	}
	if err := insert(overlap, end.AddDate(0, 1, 0), &overlap); !postgres.Violates(err, "igny8_subscription_periods_overlap_excl") {
		t.Errorf("an overlap: %v", err)
	}
	_, err := h.Admin.NewRaw(`UPDATE igny8_subscription_periods SET end_at = end_at + interval '1 day' WHERE tenant_id = ?`,
		owner.AccountID()).Exec(t.Context())
	if err != nil {
		t.Errorf("the last period cannot be moved: %v", err)
	}
	if err := insert(end.AddDate(0, 0, 1), end.AddDate(0, 1, 1), new(end.AddDate(0, 0, 1))); err != nil {
		t.Errorf("the next period: %v", err)
	}
	_, err = h.Admin.NewRaw(`UPDATE igny8_subscription_periods SET end_at = end_at - interval '1 day' WHERE tenant_id = ? AND kind = 'trial'`,
		owner.AccountID()).Exec(t.Context())
	if !postgres.Violates(err, "igny8_subscription_periods_gap_fkey") {
		t.Errorf("a period was shortened before its successor: %v", err)
	}
}
