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
	"igny8.com/accounts/internal/money"
)

func at(s string) time.Time {
	t, err := time.Parse("2006-01-02 15:04", s)
	if err != nil {
		panic(err)
	}
	return t
}

// settle looks for what is due, as several servers do at once.
func (h *house) settle(now time.Time) {
	h.t.Helper()
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() {
			if _, err := office.SettleDue(h.t.Context(), h.App, now); err != nil {
				h.t.Error(err)
			}
		})
	}
	all.Wait()
}

// stands is an account's status, plan and subscription, and its history of periods.
func (h *house) stands(a account.Actor) (string, string) {
	h.t.Helper()
	var s, periods string
	err := h.Admin.NewRaw(`SELECT concat_ws(' ', a.status, p.slug, s.status),
			(SELECT string_agg(concat(kind, ' on ', q.slug, ' ', to_char(start_at AT TIME ZONE 'UTC', 'MM-DD'), ' ', d.price_minor), ', ' ORDER BY start_at)
			 FROM igny8_subscription_periods AS d JOIN igny8_plans AS q ON q.id = d.plan_id WHERE tenant_id = a.id)
		FROM igny8_tenants a JOIN igny8_plans p ON p.id = a.plan_id JOIN igny8_subscriptions s ON s.tenant_id = a.id
		WHERE a.id = ?`, a.AccountID()).Scan(h.t.Context(), &s, &periods)
	if err != nil {
		h.t.Fatal(err)
	}
	return s, periods
}

func (h *house) wants(a account.Actor, want string) {
	h.t.Helper()
	if got, periods := h.stands(a); got != want {
		h.t.Errorf("the account stands at %q, want %q; periods: %s", got, want, periods)
	}
}

func (h *house) wantsPeriods(a account.Actor, want string) {
	h.t.Helper()
	if _, got := h.stands(a); got != want {
		h.t.Errorf("periods\n%s\nwant\n%s", got, want)
	}
}

func (h *house) pay(owner account.Actor, plan string, months int, now time.Time) *billing.Payment {
	h.t.Helper()
	p, err := office.RequestTransfer(as(h.t.Context(), owner), h.App, owner, now,
		billing.Request{PlanSlug: plan, Months: months, IdempotencyKey: now.String()})
	if err != nil {
		h.t.Fatal(err)
	}
	h.confirmAt(p, now)
	return p
}

func (h *house) confirmAt(p *billing.Payment, now time.Time) {
	h.t.Helper()
	in := facts(p, fmt.Sprint("bank-", p.ID))
	in.ReceivedOn = now.Truncate(24 * time.Hour)
	if err := h.confirm(h.t.Context(), in, now); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) change(owner account.Actor, plan string, now time.Time) (*billing.Payment, error) {
	h.t.Helper()
	p, _, err := office.Change(as(h.t.Context(), owner), h.App, owner, now,
		billing.ChangePlan{PlanSlug: plan, Months: 1, IdempotencyKey: plan + now.String()})
	return p, err
}

func (h *house) mustChange(owner account.Actor, plan string, now time.Time) *billing.Payment {
	h.t.Helper()
	p, err := h.change(owner, plan, now)
	if err != nil {
		h.t.Fatal(err)
	}
	return p
}

func (h *house) letters(a account.Actor) string {
	h.t.Helper()
	var kinds []string
	if err := h.Admin.NewRaw(`SELECT kind FROM igny8_mails WHERE tenant_id = ? ORDER BY id`, a.AccountID()).Scan(h.t.Context(), &kinds); err != nil {
		h.t.Fatal(err)
	}
	return strings.Join(kinds, ",")
}

func (h *house) credits(a account.Actor) int {
	h.t.Helper()
	return count(h.t, h.DB, `SELECT balance FROM igny8_credit_accounts WHERE tenant_id = ?`, a.AccountID())
}

func TestSettle_RemindsOfTheTrialsEndAndEndsIt(t *testing.T) {
	t.Parallel()
	h := build(t)
	owner := h.open("ada") // a trial from January 17, 08:00, for 14 days
	for _, step := range []struct{ now, stands, letters string }{
		{"2026-01-24 07:59", "trial free-trial trialing", ""},
		{"2026-01-24 08:00", "trial free-trial trialing", "trial_ending"},
		{"2026-01-24 08:01", "trial free-trial trialing", "trial_ending"},
		{"2026-01-28 09:00", "trial free-trial trialing", "trial_ending,trial_ending"},
		{"2026-01-30 09:00", "trial free-trial trialing", "trial_ending,trial_ending,trial_ending"},
		{"2026-01-31 07:59", "trial free-trial trialing", "trial_ending,trial_ending,trial_ending"},
		{"2026-01-31 08:00", "suspended free-trial expired", "trial_ending,trial_ending,trial_ending"},
		{"2026-03-31 08:00", "suspended free-trial expired", "trial_ending,trial_ending,trial_ending"},
	} {
		h.settle(at(step.now))
		h.wants(owner, step.stands)
		if got := h.letters(owner); got != step.letters {
			t.Errorf("%s: letters %q, want %q", step.now, got, step.letters)
		}
	}
}

func TestSettle_RemindsOnceHoweverLateItComes(t *testing.T) {
	t.Parallel()
	h := build(t)
	late, later := h.open("ada"), h.open("bob")
	h.settle(at("2026-01-29 12:00")) // two reminders are overdue
	if got := h.letters(late); got != "trial_ending" {
		t.Errorf("letters %q", got)
	}
	h.exec(`DELETE FROM igny8_billing_notices`)
	h.exec(`UPDATE igny8_subscriptions SET due_at = created_at`)
	h.exec(`DELETE FROM igny8_mails`)
	h.settle(at("2026-03-29 12:00")) // and the end
	if got := h.letters(later); got != "" {
		t.Errorf("letters %q after the end", got)
	}
	h.wants(later, "suspended free-trial expired")
}

func TestSettle_WaitsForADeclaredTransferUntilItsDeadline(t *testing.T) {
	t.Parallel()
	h := build(t)
	owner := h.open("ada")
	p := h.request(owner, "starter", 1, "k")
	_, err := office.DeclarePayment(as(t.Context(), owner), h.App, owner, paid,
		billing.Declare{PaymentID: p.ID, SentOn: paid.Truncate(24 * time.Hour), PayerName: "Ada"})
	if err != nil {
		t.Fatal(err)
	}
	h.settle(at("2026-01-31 08:00"))
	h.wants(owner, "pending_payment free-trial pending")
	h.settle(p.ExpiresAt.Add(billing.Review).Add(-time.Microsecond))
	h.wants(owner, "pending_payment free-trial pending")
	h.settle(p.ExpiresAt.Add(billing.Review))
	h.wants(owner, "suspended free-trial expired")
	if n := count(t, h.DB, `SELECT count(*) FROM igny8_payments WHERE tenant_id = ? AND status = 'expired'`, owner.AccountID()); n != 1 {
		t.Error("the payment did not expire")
	}
}

func TestSettle_GrantsEachPeriodOnceAndEndsInGraceAndSuspension(t *testing.T) {
	t.Parallel()
	h := build(t)
	owner := h.open("ada")
	if err := h.confirm(t.Context(), facts(h.request(owner, "starter", 4, "k"), "B1"), paid); err != nil {
		t.Fatal(err)
	}
	granted := func() int {
		return count(t, h.DB, `SELECT count(*) FROM igny8_credit_grants WHERE tenant_id = ? AND kind = 'subscription'`, owner.AccountID())
	}
	for _, step := range []struct {
		now    string
		grants int
		stands string
	}{
		{"2026-02-28 06:59", 1, "active starter active"},
		{"2026-02-28 07:00", 2, "active starter active"},
		{"2026-03-20 07:00", 2, "active starter active"},
		// Nobody looked for two periods: each is granted, at its own instant.
		{"2026-05-20 00:00", 4, "active starter active"},
		{"2026-05-31 06:59", 4, "active starter active"},
		{"2026-05-31 07:00", 4, "active starter past_due"},
		{"2026-06-07 06:59", 4, "active starter past_due"},
		{"2026-06-07 07:00", 4, "suspended starter expired"},
		{"2027-06-07 07:00", 4, "suspended starter expired"},
	} {
		h.settle(at(step.now))
		if got := granted(); got != step.grants {
			t.Errorf("%s: %d grants, want %d", step.now, got, step.grants)
		}
		h.wants(owner, step.stands)
	}
	if got := h.letters(owner); got != "trial_ending,payment_requested,payment_confirmed,renewal_due,past_due" {
		t.Errorf("letters: %s", got)
	}
}

func TestChange_UpgradesWithCreditForTheUnusedPart(t *testing.T) {
	t.Parallel()
	h := build(t)
	owner := h.open("ada")
	h.pay(owner, "starter", 2, at("2026-03-01 00:00")) // March and April, after the trial lapsed
	half := at("2026-03-16 12:00")                     // half of March's 31 days
	p := h.mustChange(owner, "growth", half)
	// 139.00 less 89.00 for half a month and a whole one.
	if p.AmountMinor != (6950-4450)+(13900-8900) || p.Purpose != billing.ForUpgrade {
		t.Errorf("%s for %s", p.Amount(), p.Purpose)
	}
	h.wants(owner, "active starter active")
	h.confirmAt(p, half)
	h.wants(owner, "active growth active")
	h.wantsPeriods(owner, "trial on free-trial 01-17 0, lapsed on free-trial 01-31 0, paid on starter 03-01 4450, paid on growth 03-16 6950, paid on growth 04-01 13900")
	// The starter's thousand, and half of the thousand that growth has more.
	if n := h.credits(owner); n != 2000+1000+500 {
		t.Errorf("%d credits", n)
	}
	h.settle(at("2026-04-01 00:00"))
	if n := count(t, h.DB, `SELECT amount FROM igny8_credit_grants WHERE tenant_id = ? AND granted_at >= '2026-04-01'`, owner.AccountID()); n != 2000 {
		t.Errorf("April has %d credits", n)
	}
	var total, lines int
	err := h.Admin.NewRaw(`SELECT total_minor, (SELECT sum(amount_minor) FROM igny8_invoice_lines AS l WHERE l.tenant_id = i.tenant_id AND l.invoice_id = i.id)
		FROM igny8_invoices AS i WHERE tenant_id = ? AND payment_id = ?`, owner.AccountID(), p.ID).Scan(t.Context(), &total, &lines)
	if err != nil || total != 7500 || lines != 7500 {
		t.Errorf("the invoice is of %d, its lines of %d: %v", total, lines, err)
	}
}

// What is used of the old plan while the payment for the new one is on its way was paid for once: the difference
// comes to the balance, and goes towards the next payment.
func TestChange_KeepsWhatAnUpgradeDidNotNeed(t *testing.T) {
	t.Parallel()
	h := build(t)
	owner := h.open("ada")
	h.pay(owner, "starter", 1, at("2026-03-01 00:00"))
	p := h.mustChange(owner, "growth", at("2026-03-03 00:00"))
	h.confirmAt(p, at("2026-03-16 12:00"))
	h.wantsPeriods(owner, "trial on free-trial 01-17 0, lapsed on free-trial 01-31 0, paid on starter 03-01 4450, paid on growth 03-16 6950")
	kept := p.AmountMinor - 2500
	if n := count(t, h.DB, `SELECT balance_after FROM igny8_balance_transactions WHERE tenant_id = ? ORDER BY seq DESC LIMIT 1`, owner.AccountID()); int64(n) != kept {
		t.Errorf("a balance of %d, want %d", n, kept)
	}
	next, err := office.RequestTransfer(as(t.Context(), owner), h.App, owner, at("2026-03-20 00:00"),
		billing.Request{PlanSlug: "growth", Months: 1, IdempotencyKey: "next"})
	if err != nil {
		t.Fatal(err)
	}
	if next.AmountMinor != 13900-kept || next.AppliedMinor != kept {
		t.Errorf("the next payment is of %s", next.Amount())
	}
	if _, err := office.WithdrawPayment(as(t.Context(), owner), h.App, owner, at("2026-03-21 00:00"), next.ID); err != nil {
		t.Fatal(err)
	}
	if n := count(t, h.DB, `SELECT balance_after FROM igny8_balance_transactions WHERE tenant_id = ? ORDER BY seq DESC LIMIT 1`, owner.AccountID()); int64(n) != kept {
		t.Errorf("after the payment was withdrawn the balance is %d, want %d", n, kept)
	}
}

func TestChange_KeepsTheMoneyOfAnUpgradeThatCameTooLate(t *testing.T) {
	t.Parallel()
	h := build(t)
	owner := h.open("ada")
	h.pay(owner, "starter", 1, at("2026-03-01 00:00"))
	p := h.mustChange(owner, "growth", at("2026-03-30 00:00"))
	h.confirmAt(p, at("2026-04-02 00:00"))
	if _, periods := h.stands(owner); strings.Contains(periods, "growth") {
		t.Errorf("periods %s", periods)
	}
	if n := count(t, h.DB, `SELECT balance_after FROM igny8_balance_transactions WHERE tenant_id = ?`, owner.AccountID()); int64(n) != p.AmountMinor {
		t.Errorf("a balance of %d, want %d", n, p.AmountMinor)
	}
}

func TestChange_DowngradesWhenWhatIsPaidForEnds(t *testing.T) {
	t.Parallel()
	h := build(t)
	owner := h.open("ada")
	h.pay(owner, "growth", 1, at("2026-03-01 00:00"))
	if p := h.mustChange(owner, "starter", at("2026-03-10 00:00")); p != nil {
		t.Errorf("a downgrade asks for %s", p.Amount())
	}
	h.wants(owner, "active growth active")
	if _, err := office.RequestTransfer(as(t.Context(), owner), h.App, owner, at("2026-03-11 00:00"),
		billing.Request{PlanSlug: "growth", Months: 1, IdempotencyKey: "old"}); !fault.Is(err, fault.InvalidState) {
		t.Errorf("the plan that is left can be renewed: %v", err)
	}
	h.pay(owner, "starter", 2, at("2026-03-11 00:00"))
	h.wants(owner, "active growth active")
	h.settle(at("2026-03-31 23:59"))
	h.wants(owner, "active growth active")
	h.settle(at("2026-04-01 00:00"))
	h.wants(owner, "active starter active")
	h.wantsPeriods(owner, "trial on free-trial 01-17 0, lapsed on free-trial 01-31 0, paid on growth 03-01 13900, paid on starter 04-01 8900, paid on starter 05-01 8900")
}

func TestChange_CanBeTakenBack(t *testing.T) {
	t.Parallel()
	h := build(t)
	owner := h.open("ada")
	h.pay(owner, "growth", 1, at("2026-03-01 00:00"))
	h.mustChange(owner, "free", at("2026-03-10 00:00"))
	h.mustChange(owner, "growth", at("2026-03-11 00:00"))
	h.settle(at("2026-04-01 00:00"))
	h.wants(owner, "active growth past_due")
}

func TestChange_MovesToFreeAtOnceOrWhenWhatIsPaidForEnds(t *testing.T) {
	t.Parallel()
	h := build(t)
	trial, payer, lapsed := h.open("ada"), h.open("bob"), h.open("eve")
	h.mustChange(trial, "free", at("2026-01-20 09:00"))
	h.wants(trial, "active free active")
	if n := h.credits(trial); n != 2000+100 {
		t.Errorf("%d credits", n)
	}
	h.settle(at("2026-03-25 00:00"))
	h.wantsPeriods(trial, "trial on free-trial 01-17 0, free on free 01-20 0, free on free 02-20 0, free on free 03-20 0")
	if n := count(t, h.DB, `SELECT count(*) FROM igny8_credit_grants WHERE tenant_id = ? AND kind = 'subscription' AND amount = 100`, trial.AccountID()); n != 3 {
		t.Errorf("%d months were granted", n)
	}

	h.pay(payer, "starter", 1, at("2026-04-10 00:00"))
	h.mustChange(payer, "free", at("2026-04-12 00:00"))
	h.wants(payer, "active starter active")
	h.settle(at("2026-05-10 00:00"))
	h.wants(payer, "active free active")

	h.wants(lapsed, "suspended free-trial expired")
	h.mustChange(lapsed, "free", at("2026-05-12 00:00"))
	h.wants(lapsed, "active free active")
	h.wantsPeriods(lapsed, "trial on free-trial 01-17 0, lapsed on free-trial 01-31 0, free on free 05-12 0")
}

func TestCancelSubscription_TakesEffectAtTheEndAndCanBeTakenBackUntilThen(t *testing.T) {
	t.Parallel()
	h := build(t)
	owner := h.open("ada")
	h.pay(owner, "starter", 1, at("2026-03-01 00:00"))
	do := func(f func(context.Context) (*billing.Subscription, error)) {
		t.Helper()
		if _, err := f(as(t.Context(), owner)); err != nil {
			t.Fatal(err)
		}
	}
	cancel := func(now string) {
		t.Helper()
		do(func(ctx context.Context) (*billing.Subscription, error) {
			return office.CancelSubscription(ctx, h.App, owner, at(now), "too dear")
		})
	}
	cancel("2026-03-02 00:00")
	do(func(ctx context.Context) (*billing.Subscription, error) {
		return office.ResumeSubscription(ctx, h.App, owner, at("2026-03-03 00:00"), false)
	})
	h.settle(at("2026-04-01 00:00"))
	h.wants(owner, "active starter past_due")
	h.pay(owner, "starter", 1, at("2026-04-02 00:00"))
	cancel("2026-04-03 00:00")
	h.settle(at("2026-04-30 23:59"))
	h.wants(owner, "active starter active")
	h.settle(at("2026-05-01 00:00"))
	h.wants(owner, "cancelled starter cancelled")
	if _, err := office.ResumeSubscription(as(t.Context(), owner), h.App, owner, at("2026-05-02 00:00"), false); !fault.Is(err, fault.InvalidState) {
		t.Errorf("a cancellation that took effect: %v", err)
	}
	// A payment brings it back as long as what was deleted could be restored, and pays for no day between.
	h.pay(owner, "starter", 1, at("2026-05-03 00:00"))
	h.wants(owner, "active starter active")
	if _, periods := h.stands(owner); !strings.HasSuffix(periods, "lapsed on starter 05-01 0, paid on starter 05-03 8900") {
		t.Errorf("periods %s", periods)
	}
	cancel("2026-05-04 00:00")
	h.settle(at("2026-06-03 00:00"))
	p, err := office.RequestTransfer(as(t.Context(), owner), h.App, owner, at("2026-06-16 00:00"),
		billing.Request{PlanSlug: "starter", Months: 1, IdempotencyKey: "too late"})
	if err != nil {
		t.Fatal(err)
	}
	if err := h.confirm(t.Context(), facts(p, "late"), at("2026-06-17 00:00")); !fault.Is(err, fault.InvalidState) {
		t.Errorf("a payment after the retention time: %v", err)
	}
}

func TestAssign_PutsAnAccountOnAPlanOfItsOwnPriceUntilItsEnd(t *testing.T) {
	t.Parallel()
	h := build(t)
	owner := h.open("ada")
	h.pay(owner, "starter", 2, at("2026-03-01 00:00"))
	monthly := money.Money{Minor: 50000, Currency: "USD"}
	in := billing.Assignment{
		AccountID: owner.AccountID(), PlanSlug: "enterprise", Monthly: &monthly, Until: at("2026-05-31 12:00"),
		Reason: "a contract", IdempotencyKey: "assign",
	}
	now := at("2026-03-16 12:00")
	assign := func(in billing.Assignment) (*billing.Payment, error) {
		return office.Assign(as(t.Context(), h.staff), h.App, h.staff, now, in)
	}
	p, err := assign(in)
	if err != nil {
		t.Fatal(err)
	}
	h.wants(owner, "active enterprise active")
	// Half of the first month and the whole second one of the old plan come back; two months and 15 of 31 days cost 500 each.
	h.wantsPeriods(owner, "trial on free-trial 01-17 0, lapsed on free-trial 01-31 0, paid on starter 03-01 4450, "+
		"assigned on enterprise 03-16 50000, assigned on enterprise 04-16 50000, assigned on enterprise 05-16 24193")
	if p.NetMinor != 124193 || p.AppliedMinor != 4450+8900 || p.AmountMinor != 124193-13350 {
		t.Errorf("%+v", p)
	}
	if again, err := assign(in); err != nil || again.ID != p.ID {
		t.Errorf("said again: %v, %v", again, err)
	}
	h.confirmAt(p, at("2026-03-20 00:00"))
	h.settle(at("2026-04-17 00:00"))
	if n := count(t, h.DB, `SELECT count(*) FROM igny8_credit_grants WHERE tenant_id = ? AND amount = 10000`, owner.AccountID()); n != 2 {
		t.Errorf("%d grants", n)
	}
	h.settle(at("2026-05-31 12:00"))
	h.wants(owner, "active enterprise past_due")
	own := in
	own.AccountID, own.IdempotencyKey = h.staff.AccountID(), "own"
	if _, err := assign(own); !fault.Is(err, fault.OwnPayment) {
		t.Errorf("one's own account: %v", err)
	}
}

func TestPreviewPlanChange_SaysWhatItMeansAndChangesNothing(t *testing.T) {
	t.Parallel()
	h := build(t)
	owner := h.open("ada")
	h.pay(owner, "scale", 1, at("2026-03-01 00:00"))
	for i := range 5 {
		h.exec(`INSERT INTO igny8_sites (tenant_id, name, slug, industry_id) VALUES (?, 'n', ?, 1)`, owner.AccountID(), fmt.Sprint("s", i))
	}
	before := h.trace(owner)
	for name, c := range map[string]struct {
		plan    string
		kind    billing.ChangeKind
		at      string
		due     int64
		credits int64
		misfits int
	}{
		"a cheaper plan":   {"growth", billing.ChangeDowngrade, "2026-04-01 00:00", 0, 2000, 1},
		"the free one":     {"free", billing.ChangeFree, "2026-04-01 00:00", 0, 100, 1},
		"the one it is on": {"scale", billing.ChangeKeep, "2026-03-16 12:00", 0, 0, 0},
	} {
		got, err := office.PreviewPlanChange(as(t.Context(), owner), h.App, owner, at("2026-03-16 12:00"), c.plan, 1)
		if err != nil {
			t.Fatal(err)
		}
		if got.Kind != c.kind || !got.EffectiveAt.Equal(at(c.at)) || got.Due.Minor != c.due || got.Credits != c.credits || len(got.Misfits) != c.misfits {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if _, err := office.PreviewPlanChange(as(t.Context(), owner), h.App, owner, at("2026-03-16 12:00"), "enterprise", 1); !fault.Is(err, fault.PlanUnavailable) {
		t.Errorf("a plan that nobody can choose: %v", err)
	}
	if after := h.trace(owner); after != before {
		t.Errorf("a preview wrote:\n%s\nbefore:\n%s", after, before)
	}
}

func TestSettle_LeavesTheHousesOwnAccountsAlone(t *testing.T) {
	t.Parallel()
	h := build(t)
	owner := h.open("ada")
	h.exec(`UPDATE igny8_tenants SET is_system = true WHERE id = ?`, owner.AccountID())
	h.settle(at("2030-01-01 00:00"))
	h.wants(owner, "trial free-trial trialing")
	var due *time.Time
	if err := h.Admin.NewRaw(`SELECT due_at FROM igny8_subscriptions WHERE tenant_id = ?`, owner.AccountID()).Scan(t.Context(), &due); err != nil || due != nil {
		t.Errorf("due at %v: %v", due, err)
	}
}

// Accounts that are carried over have their credits already, and periods that nobody wrote a beginning into.
func TestSettle_GrantsNothingForWhatWasCarriedOver(t *testing.T) {
	t.Parallel()
	for kind, stands := range map[string]string{"opening": "active free-trial active", "trial": "trial free-trial trialing"} {
		h := build(t)
		owner := h.open("ada")
		h.exec(`UPDATE igny8_subscription_periods SET kind = ?, begun_at = NULL WHERE tenant_id = ?`, kind, owner.AccountID())
		h.exec(`UPDATE igny8_credit_grants SET period_id = NULL WHERE tenant_id = ?`, owner.AccountID())
		h.exec(`UPDATE igny8_subscription_periods SET id = id + 1000 WHERE tenant_id = ?`, owner.AccountID()) // its line is of no period
		if kind == "opening" {
			h.exec(`UPDATE igny8_tenants SET status = 'active' WHERE id = ?`, owner.AccountID())
			h.exec(`UPDATE igny8_subscriptions SET status = 'active' WHERE tenant_id = ?`, owner.AccountID())
		}
		h.settle(at("2026-01-18 00:00"))
		h.wants(owner, stands)
		if n := h.credits(owner); n != 2000 {
			t.Errorf("%s: %d credits, want the 2000 that there were", kind, n)
		}
	}
}
