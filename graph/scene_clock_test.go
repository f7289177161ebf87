package graph

import (
	"fmt"
	"testing"
	"time"

	"igny8.com/accounts/internal/account"
)

// clocked signs an account up, and staff give it a clock; t0 is where it stands.
func clocked(t *testing.T) (s *scene, o *session, owner, staff *caller, t0 time.Time) {
	t.Helper()
	s = newScene(t)
	o = s.signUp("ada@example.com", "Ada Example")
	owner, staff = s.as(o.token), s.as(s.staff().token)
	owner.do(`{ account { testClock { now } } }`, nil).ok().want("account.testClock", "<nil>")
	made := staff.run("createTestClock", map[string]any{"accountId": o.accountID(), "idempotencyKey": "clock"}, "account { testClock { now } }").done()
	t0, err := time.Parse(time.RFC3339Nano, made.str("account.testClock.now"))
	if err != nil {
		t.Fatal(err)
	}
	owner.do(`{ account { testClock { now } } }`, nil).ok().want("account.testClock.now", made.str("account.testClock.now"))
	return s, o, owner, staff, t0
}

func (c *caller) advances(account string, to time.Time) *reply {
	c.t.Helper()
	return c.run("advanceTestClock", map[string]any{"accountId": account, "to": to.Format(time.RFC3339Nano)}, "account { status plan { slug } testClock { now } }")
}

// A year of billing, month by month, over HTTP: the trial, a first payment, renewals, one that comes late, an upgrade,
// a cancellation. The server's own time goes on by milliseconds meanwhile.
func TestTestClock_ShowsAYearOfBillingInASecond(t *testing.T) {
	t.Parallel()
	_, o, owner, staff, t0 := clocked(t)
	id := o.accountID()
	began := time.Now()
	pays := func(at time.Time, name string, in map[string]any) {
		t.Helper()
		in["months"], in["idempotencyKey"] = 1, name+at.String()
		asked := owner.run(name, in, "payment { id createdAt amount { amount currencyCode } }").done()
		if got := asked.str("payment.createdAt"); got != at.Format(time.RFC3339Nano) {
			t.Errorf("asked for at %s, want %s", got, at)
		}
		staff.run("confirmPayment", map[string]any{
			"paymentId": asked.str("payment.id"), "externalPaymentId": "bank " + at.String() + name, "receivedOn": at.Format(time.DateOnly), "idempotencyKey": name + at.String(),
			"amount": map[string]any{"amount": asked.get("payment.amount.amount"), "currencyCode": "USD"},
		}, "payment { status } account { status }").done().want("payment.status", "CONFIRMED").want("account.status", "ACTIVE")
	}
	anchor := t0.Add(13 * 24 * time.Hour)
	staff.advances(id, anchor).done().want("account.status", "TRIAL")
	pays(anchor, "requestBankTransfer", map[string]any{"planSlug": "starter"})
	owner.do(`{ account { plan { slug } subscription { status currentPeriodStart } credits { available } } }`, nil).ok().
		want("account.plan.slug", "starter").want("account.subscription.currentPeriodStart", anchor.Format(time.RFC3339Nano)).
		want("account.credits.available", 3000) // the trial's, until it would have ended
	month := func(k int) time.Time { return boundary(anchor, k) }
	plan := "starter"
	for k := 1; k <= 11; k++ {
		end := month(k)
		switch k {
		case 4: // three days late
			staff.advances(id, end.Add(72*time.Hour)).done().want("account.status", "ACTIVE")
			owner.do(`{ account { subscription { status } } }`, nil).ok().want("account.subscription.status", "PAST_DUE")
			pays(end.Add(72*time.Hour), "requestBankTransfer", map[string]any{"planSlug": plan})
		case 7: // an upgrade half way
			half := end.Add(-15 * 24 * time.Hour)
			staff.advances(id, half).done()
			pays(half, "changePlan", map[string]any{"planSlug": "growth"})
			plan = "growth"
			fallthrough
		default:
			staff.advances(id, end.Add(-24*time.Hour)).done().want("account.plan.slug", plan)
			pays(end.Add(-24*time.Hour), "requestBankTransfer", map[string]any{"planSlug": plan})
			staff.advances(id, end).done()
		}
		owner.do(`{ account { plan { slug } subscription { status currentPeriodStart currentPeriodEnd } credits { available } } }`, nil).ok().
			want("account.subscription.status", "ACTIVE").want("account.subscription.currentPeriodStart", end.Format(time.RFC3339Nano)).
			want("account.subscription.currentPeriodEnd", month(k+1).Format(time.RFC3339Nano)).
			want("account.credits.available", map[string]int{"starter": 1000, "growth": 2000}[plan])
	}
	owner.run("spendCredits", map[string]any{"operation": "CLUSTERING", "idempotencyKey": "spent"}, "transaction { createdAt }").done().
		want("transaction.createdAt", month(11).Format(time.RFC3339Nano))
	owner.run("cancelSubscription", map[string]any{}, "subscription { cancelAtPeriodEnd }").done().want("subscription.cancelAtPeriodEnd", true)
	staff.advances(id, month(12)).done().want("account.status", "CANCELLED")
	took := time.Since(began)
	t.Logf("a year took %s", took.Round(time.Millisecond))
	owner.do(`{ account { credits { balance verification { ok } } payments { totalCount } invoices: payments(filter: { status: CONFIRMED }) { totalCount }
		subscription { periods(first: 100) { totalCount } } } }`, nil).ok().
		want("account.credits.balance", 0).want("account.credits.verification.ok", true).want("account.payments.totalCount", 13).
		want("account.invoices.totalCount", 13).want("account.subscription.periods.totalCount", 14)
	if took > 30*time.Second {
		t.Errorf("a year took %s", took)
	}
}

// boundary is k months after an anchor whose day every month has, or its last one.
func boundary(anchor time.Time, k int) time.Time {
	first := time.Date(anchor.Year(), anchor.Month()+time.Month(k), 1, anchor.Hour(), anchor.Minute(), anchor.Second(), anchor.Nanosecond(), time.UTC)
	last := first.AddDate(0, 1, -1).Day()
	return first.AddDate(0, 0, min(anchor.Day(), last)-1)
}

func TestTestClock_IsForStaffWhereItIsAllowed(t *testing.T) {
	t.Parallel()
	s, o, owner, staff, t0 := clocked(t)
	id := o.accountID()
	s.setPlan(o, "scale")
	site := owner.makeSite("First")
	secret, _ := owner.makeKey(site, "SITES_READ", "CREDITS", "SYNC")
	callers := map[string]*caller{"owner": owner, "key": s.withKey(secret)}
	for _, role := range []account.Role{account.Viewer, account.Editor, account.Admin} {
		callers[string(role)] = s.as(o.member(fmt.Sprintf("%s@example.com", role), role).token)
	}
	callers["staff who act for it"] = s.as(impersonating(staff, id, 10).done().str("accessToken"))
	for name, by := range callers {
		t.Log(name)
		by.advances(id, t0.Add(time.Hour)).refused("FORBIDDEN")
		by.run("createTestClock", map[string]any{"accountId": id, "idempotencyKey": "k"}, "").refused("FORBIDDEN")
		by.do(`{ account { testClock { now } } }`, nil).ok().want("account.testClock.now", t0.Format(time.RFC3339Nano))
	}
	staff.do(`query($id: ID!) { staffAccount(id: $id) { testClock { now } } }`, map[string]any{"id": id}).ok().
		want("staffAccount.testClock.now", t0.Format(time.RFC3339Nano))
	staff.advances(id, t0.Add(-time.Second)).faults("INVALID input to")
	staff.advances(id, t0.AddDate(0, 0, 367)).faults("INVALID input to")
	staff.advances("acct_987654321", t0.Add(time.Hour)).faults("NOT_FOUND input accountId")
	staff.advances("site_1", t0.Add(time.Hour)).faults("INVALID_ID input accountId")
	own := staff.do(whoAmI, nil).str("viewer.account.id")
	staff.advances(own, t0.Add(time.Hour)).faults("INVALID_STATE input accountId")
	owner.do(`{ account { testClock { now } } }`, nil).ok().want("account.testClock.now", t0.Format(time.RFC3339Nano))

	// On a server that does not allow them, nobody makes or moves one, and the account stays where it is.
	s.resolver.TestClocks = false
	staff.advances(id, t0.Add(time.Hour)).refused("FORBIDDEN")
	staff.run("createTestClock", map[string]any{"accountId": id, "idempotencyKey": "clock"}, "").refused("FORBIDDEN")
	s.resolver.TestClocks = true

	// People, keys and links go by the real time all the while.
	staff.advances(id, t0.AddDate(0, 11, 0)).done()
	owner.do(`{ viewer { account { id } } }`, nil).ok()
	callers["key"].do(`{ viewer { apiKey { id } } }`, nil).refused("ACCOUNT_SUSPENDED") // the plan is over, the key is not
}
