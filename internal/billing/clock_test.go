package billing_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/billing"
	"igny8.com/accounts/internal/credit"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
)

// sandboxes is the office where test clocks are allowed.
var sandboxes = func() billing.Office { o := office; o.TestClocks = true; return o }()

func (h *house) freeze(a account.Actor, now time.Time, frozen *time.Time) (*account.Account, error) {
	return sandboxes.CreateClock(h.t.Context(), h.App, h.staff, now,
		billing.NewClock{AccountID: a.AccountID(), FrozenAt: frozen, IdempotencyKey: "freeze"})
}

func (h *house) mustFreeze(a account.Actor, now time.Time) {
	h.t.Helper()
	if _, err := h.freeze(a, now, nil); err != nil {
		h.t.Fatal(err)
	}
}

// advance moves a clock while the real time stands at start.
func (h *house) advance(a account.Actor, to string) {
	h.t.Helper()
	got, err := sandboxes.AdvanceClock(h.t.Context(), h.App, h.staff, start, a.AccountID(), at(to))
	if err != nil {
		h.t.Fatal(err)
	}
	if !got.ClockAt.Equal(at(to)) {
		h.t.Fatalf("the clock stands at %s, want %s", got.ClockAt, to)
	}
}

// years is what a year did to an account but for its numbers, whoever looked when.
func (h *house) years(a account.Actor) string {
	h.t.Helper()
	var s string
	err := h.Admin.NewRaw(`SELECT concat_ws(E'\n', (SELECT status FROM igny8_tenants WHERE id = ?0),
		(SELECT status FROM igny8_subscriptions WHERE tenant_id = ?0),
		(SELECT string_agg(concat_ws(' ', kind, plan_id, start_at, end_at, price_minor, begun_at), E'\n' ORDER BY start_at) FROM igny8_subscription_periods WHERE tenant_id = ?0),
		(SELECT string_agg(concat_ws(' ', type, amount, balance_after, created_at, description), E'\n' ORDER BY seq) FROM igny8_credit_transactions WHERE tenant_id = ?0),
		(SELECT string_agg(concat_ws(' ', status, amount_minor, created_at, decided_at), E'\n' ORDER BY id) FROM igny8_payments WHERE tenant_id = ?0),
		(SELECT string_agg(concat_ws(' ', total_minor, issued_at), E'\n' ORDER BY id) FROM igny8_invoices WHERE tenant_id = ?0),
		(SELECT string_agg(concat_ws(' ', kind, created_at), E'\n' ORDER BY id) FROM igny8_mails WHERE tenant_id = ?0 AND kind <> 'credits_low'))`, a.AccountID()).Scan(h.t.Context(), &s)
	if err != nil {
		h.t.Fatal(err)
	}
	return s
}

// One account lives through time as jobs that never sleep would have it, the other on a clock that is advanced in
// few steps: both end with the same rows.
func TestAdvanceClock_DoesWhatTheJobsWouldHaveDone(t *testing.T) {
	t.Parallel()
	h := build(t)
	lived, frozen := h.open("ada"), h.open("bob")
	h.mustFreeze(frozen, start)
	y := &year{house: h, owner: lived, now: start}
	y.due = y.byJobs
	pay := func(when, plan string) {
		t.Helper()
		y.until(when)
		h.pay(lived, plan, 1, at(when))
		h.advance(frozen, when)
		// The real time stands still all the while, and the money comes when the account's clock says so.
		p, err := sandboxes.RequestTransfer(as(t.Context(), frozen), h.App, frozen, start,
			billing.Request{PlanSlug: plan, Months: 1, IdempotencyKey: when})
		if err != nil {
			t.Fatal(err)
		}
		in := facts(p, "sandbox "+when)
		in.ReceivedOn = at(when).Truncate(24 * time.Hour)
		if _, err := sandboxes.ConfirmPayment(t.Context(), h.App, h.staff, start, in); err != nil {
			t.Fatal(err)
		}
	}
	pay("2026-01-31 07:00", "starter")
	pay("2026-02-27 09:00", "starter")
	pay("2026-04-02 10:00", "starter") // late, within the grace time
	pay("2026-06-20 00:00", "growth")  // after a suspension
	y.until("2026-12-24 00:00")
	h.advance(frozen, "2026-12-24 00:00")
	if want, got := h.years(lived), h.years(frozen); got != want {
		t.Errorf("on the clock:\n%s\nin time:\n%s", got, want)
	}
	h.wants(frozen, "suspended growth expired")
}

func TestTestClock_IsLeftAloneByWhatGoesByTheRealTime(t *testing.T) {
	t.Parallel()
	h := build(t)
	frozen, other := h.open("ada"), h.open("bob")
	h.mustFreeze(frozen, start)
	const waiting = `SELECT count(*) FROM river_job WHERE args ->> 'account' = ?`
	jobs := count(t, h.DB, waiting, fmt.Sprint(frozen.AccountID()))
	before := h.years(frozen)
	later := at("2027-01-01 00:00")
	_, err := billing.EachDue(t.Context(), h.App, later, func(_ context.Context, id gid.Account, _ time.Time) error {
		if id == frozen.AccountID() {
			t.Error("the jobs look after an account on a test clock")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	h.settle(later)
	if err := office.Settle(t.Context(), h.App, frozen.AccountID(), later); err != nil { // a job that was left before
		t.Fatal(err)
	}
	if _, err := credit.ExpireGrants(t.Context(), h.App, later); err != nil {
		t.Fatal(err)
	}
	if _, err := credit.ExpireHolds(t.Context(), h.App, later); err != nil {
		t.Fatal(err)
	}
	if after := h.years(frozen); after != before {
		t.Errorf("a year of real time did\n%s\nbefore\n%s", after, before)
	}
	h.wants(other, "suspended free-trial expired")
	h.advance(frozen, "2026-01-25 00:00") // a reminder later
	if n := count(t, h.DB, waiting, fmt.Sprint(frozen.AccountID())); n != jobs || n == 0 {
		t.Errorf("%d jobs wait for a clock that stands still, %d before", n, jobs)
	}
}

func TestAdvanceClock_SweepsHoldsAndGrantsAtTheirInstants(t *testing.T) {
	t.Parallel()
	h := build(t)
	owner := h.open("ada")
	h.mustFreeze(owner, start)
	h.advance(owner, "2026-01-31 07:50")
	reserve := func(key string, life time.Duration) {
		_, err := credit.Reserve(as(t.Context(), owner), h.App, owner, at("2026-01-31 07:50"), nil,
			credit.Reservation{Operation: credit.Clustering, Quantity: 1, ExpiresIn: &life, IdempotencyKey: key})
		if err != nil {
			t.Fatal(err)
		}
	}
	reserve("before the trial's end", 5*time.Minute)
	reserve("beyond it", 15*time.Minute)
	h.advance(owner, "2026-02-01 00:00")
	var got string
	if err := h.Admin.NewRaw(`SELECT concat_ws(', ', (SELECT string_agg(to_char(closed_at AT TIME ZONE 'UTC', 'HH24:MI'), ' ' ORDER BY id) FROM igny8_credit_holds WHERE tenant_id = ?0),
		(SELECT string_agg(amount || ' at ' || to_char(created_at AT TIME ZONE 'UTC', 'HH24:MI'), ' ' ORDER BY seq) FROM igny8_credit_transactions WHERE tenant_id = ?0))`,
		owner.AccountID()).Scan(t.Context(), &got); err != nil {
		t.Fatal(err)
	}
	if want := "07:55 08:05, 2000 at 08:00 -1990 at 08:00 -10 at 08:05"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	// Its low credits are told by its own clock.
	if n := count(t, h.DB, `SELECT count(*) FROM igny8_mails WHERE tenant_id = ? AND kind = 'credits_low' AND created_at = '2026-01-31 08:00Z' AND due_at <= now()`, owner.AccountID()); n != 1 {
		t.Errorf("%d letters of low credits", n)
	}
}

func TestCreateClock_RefusesWhatIsNoSandbox(t *testing.T) {
	t.Parallel()
	h := build(t)
	open, paying, system := h.open("ada"), h.open("bob"), h.open("eve")
	h.pay(paying, "starter", 1, paid)
	h.exec(`UPDATE igny8_tenants SET is_system = true WHERE id = ?`, system.AccountID())
	for name, c := range map[string]struct {
		of     account.Actor
		frozen *time.Time
		code   fault.Code
		field  string
	}{
		"a system account":         {system, nil, fault.InvalidState, "accountId"},
		"an account that paid":     {paying, nil, fault.InvalidState, "accountId"},
		"no account":               {account.Actor{Account: &account.Account{ID: 999}}, nil, fault.NotFound, "accountId"},
		"a past":                   {open, new(start.Add(-time.Second)), fault.Invalid, "frozenAt"},
		"more than a year at once": {open, new(start.Add(billing.MaxAdvance + time.Second)), fault.Invalid, "frozenAt"},
	} {
		_, err := h.freeze(c.of, start, c.frozen)
		if faults := fault.Of(err); len(faults) != 1 || faults[0].Code != c.code || fmt.Sprint(faults[0].Field) != "["+c.field+"]" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := count(t, h.DB, `SELECT count(*) FROM igny8_tenants WHERE clock_at IS NOT NULL`); n != 0 {
		t.Errorf("%d clocks were made", n)
	}
	if found, err := billing.Sandboxes(t.Context(), h.App); found || err != nil {
		t.Errorf("sandboxes without any: %v, %v", found, err)
	}
	// Where they are not allowed, nobody makes or moves one.
	_, err := office.CreateClock(t.Context(), h.App, h.staff, start, billing.NewClock{AccountID: open.AccountID(), IdempotencyKey: "k"})
	if !fault.Is(err, fault.Forbidden) {
		t.Errorf("where they are not allowed: %v", err)
	}
	h.mustFreeze(open, start)
	if found, err := billing.Sandboxes(t.Context(), h.App); !found || err != nil {
		t.Errorf("a sandbox is not found: %v, %v", found, err)
	}
	if _, err := office.AdvanceClock(t.Context(), h.App, h.staff, start, open.AccountID(), at("2026-02-01 00:00")); !fault.Is(err, fault.Forbidden) {
		t.Errorf("where they are not allowed: %v", err)
	}
	if _, err := h.freeze(open, start.Add(time.Hour), nil); err != nil {
		t.Errorf("the same key again: %v", err)
	}
	_, err = sandboxes.CreateClock(t.Context(), h.App, h.staff, start, billing.NewClock{AccountID: open.AccountID(), IdempotencyKey: "another"})
	if !fault.Is(err, fault.InvalidState) {
		t.Errorf("a second clock: %v", err)
	}
	for to, field := range map[string]string{"2026-01-17 07:59": "to", "2027-01-19 08:00": "to"} {
		_, err := sandboxes.AdvanceClock(t.Context(), h.App, h.staff, start, open.AccountID(), at(to))
		if faults := fault.Of(err); len(faults) != 1 || faults[0].Code != fault.Invalid || faults[0].Field[0] != field {
			t.Errorf("to %s: %v", to, err)
		}
	}
	if _, err := sandboxes.AdvanceClock(t.Context(), h.App, h.staff, start, paying.AccountID(), at("2026-02-01 00:00")); !fault.Is(err, fault.InvalidState) {
		t.Errorf("an account without a clock: %v", err)
	}
}

func TestCreateClock_StandsWhereItIsAskedTo(t *testing.T) {
	t.Parallel()
	h := build(t)
	owner := h.open("ada")
	got, err := h.freeze(owner, start, new(at("2026-02-10 00:00")))
	if err != nil || !got.ClockAt.Equal(at("2026-02-10 00:00")) {
		t.Fatalf("%v, %v", got, err)
	}
	h.wants(owner, "suspended free-trial expired")
	if n := count(t, h.DB, `SELECT count(*) FROM igny8_audit_events WHERE tenant_id = ? AND action = 'account.moved' AND created_at = '2026-01-31 08:00Z'`, owner.AccountID()); n != 1 {
		t.Error("the trial did not end at its own instant")
	}
}

// Staff who advance the same clock at once get it where they want it, and nothing falls due twice.
func TestAdvanceClock_TogetherWithOthers(t *testing.T) {
	t.Parallel()
	h := build(t)
	owner := h.open("ada")
	h.mustFreeze(owner, start)
	p, err := sandboxes.RequestTransfer(as(t.Context(), owner), h.App, owner, start, billing.Request{PlanSlug: "starter", Months: 6, IdempotencyKey: "k"})
	if err != nil {
		t.Fatal(err)
	}
	in := facts(p, "bank")
	in.ReceivedOn = start.Truncate(24 * time.Hour)
	if _, err := sandboxes.ConfirmPayment(t.Context(), h.App, h.staff, start, in); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			if _, err := sandboxes.AdvanceClock(t.Context(), h.App, h.staff, start, owner.AccountID(), at("2026-08-01 00:00")); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	h.wants(owner, "suspended starter expired")
	if n := count(t, h.DB, `SELECT count(*) FROM igny8_credit_grants WHERE tenant_id = ? AND kind = 'subscription'`, owner.AccountID()); n != 6 {
		t.Errorf("%d months were granted", n)
	}
	if n := count(t, h.DB, `SELECT count(*) FROM igny8_credit_transactions WHERE tenant_id = ? AND type = 'expiration'`, owner.AccountID()); n != 7 {
		t.Errorf("%d grants expired", n)
	}
}

func TestTestClock_SaysWhenStaffCorrectTheCreditsOfItsAccount(t *testing.T) {
	t.Parallel()
	h := build(t)
	owner := h.open("ada")
	h.mustFreeze(owner, start)
	h.advance(owner, "2026-03-01 00:00")
	adjust := func(key string, expires time.Time) error {
		_, err := credit.Adjust(t.Context(), h.App, h.staff, start, credit.Adjusting{
			AccountID: owner.AccountID(), Amount: 5, Reason: "a gift", ExpiresAt: &expires, IdempotencyKey: key,
		})
		return err
	}
	if err := adjust("over", at("2026-02-01 00:00")); !fault.Is(err, fault.Invalid) {
		t.Errorf("credits that are over for the account's clock: %v", err)
	}
	if err := adjust("good", at("2026-04-01 00:00")); err != nil {
		t.Fatal(err)
	}
	if n := count(t, h.DB, `SELECT count(*) FROM igny8_credit_transactions WHERE tenant_id = ? AND type = 'adjustment' AND created_at = '2026-03-01Z'`, owner.AccountID()); n != 1 {
		t.Error("the correction does not bear the clock's time")
	}
	h.advance(owner, "2026-04-01 00:00")
	if n := h.credits(owner); n != 0 {
		t.Errorf("%d credits are left", n)
	}
}
