package graph

import (
	"testing"
	"time"
)

const sumOf = "{ amount currencyCode }"

// paysFor asks for a plan by transfer and has it confirmed.
func (c *caller) paysFor(staff *caller, plan, key string) {
	c.t.Helper()
	r := c.run("requestBankTransfer", map[string]any{"planSlug": plan, "months": 1, "idempotencyKey": key}, "payment { id amount { amount } }").done()
	staff.confirms(r.str("payment.id"), r.str("payment.amount.amount"), key).done()
}

func (c *caller) confirms(payment, amount, key string) *reply {
	c.t.Helper()
	return c.run("confirmPayment", map[string]any{
		"paymentId": payment, "externalPaymentId": "bank " + key, "receivedOn": time.Now().UTC().Format(time.DateOnly),
		"amount": map[string]any{"amount": amount, "currencyCode": "USD"}, "idempotencyKey": "confirm " + key,
	}, "payment { status } subscription { status } account { status plan { slug } }")
}

func TestPlan_ChangesUpWithThePaymentAndDownAtTheEnd(t *testing.T) {
	t.Parallel()
	s, o, owner, _, _ := partnered(t)
	staff := s.as(s.staff().token)
	const preview = `query($plan: String!) { previewPlanChange(planSlug: $plan, months: 2) {
		kind from { slug } to { slug } effectiveAt paidUntil price ` + sumOf + ` credited ` + sumOf + ` due ` + sumOf + ` credits misfits { what limit used } } }`
	owner.paysFor(staff, "starter", "first")
	staff.do(`query($id: ID!) { staffAccount(id: $id) { status plan { slug } subscription { paidUntil } } }`, map[string]any{"id": o.accountID()}).ok().
		want("staffAccount.status", "ACTIVE").want("staffAccount.plan.slug", "starter")
	owner.do(preview, map[string]any{"plan": "starter"}).ok().want("previewPlanChange.kind", "KEEP").want("previewPlanChange.due.amount", "0.00")
	owner.do(preview, map[string]any{"plan": "enterprise"}).refused("PLAN_UNAVAILABLE")

	// The confirmation comes within the same moment, so that next to nothing of the month is used.
	r := owner.run("changePlan", map[string]any{"planSlug": "growth", "idempotencyKey": "up"},
		"change { kind credits } payment { id purpose amount "+sumOf+" price { amount } credited { amount } } subscription { status }").done().
		want("change.kind", "UPGRADE").want("payment.purpose", "UPGRADE")
	again := owner.run("changePlan", map[string]any{"planSlug": "growth", "idempotencyKey": "up"}, "change { kind } payment { id }").done()
	if again.str("payment.id") != r.str("payment.id") {
		t.Errorf("a retry asks for another payment: %s and %s", again.str("payment.id"), r.str("payment.id"))
	}
	owner.run("changePlan", map[string]any{"planSlug": "scale", "idempotencyKey": "up"}, "").faults("IDEMPOTENCY_CONFLICT input idempotencyKey")
	owner.run("requestBankTransfer", map[string]any{"planSlug": "scale", "months": 1, "idempotencyKey": "other"}, "").faults("INVALID_STATE input planSlug")
	staff.confirms(r.str("payment.id"), r.str("payment.amount.amount"), "up").done().want("account.plan.slug", "growth")

	owner.run("changePlan", map[string]any{"planSlug": "starter", "idempotencyKey": "down"},
		"change { kind } payment { id } subscription { pendingChange { plan { slug } } paidUntil currentPeriodEnd }").done().
		want("change.kind", "DOWNGRADE").want("payment", "<nil>").want("subscription.pendingChange.plan.slug", "starter")
	owner.do(`{ account { plan { slug } balance `+sumOf+` } }`, nil).ok().want("account.plan.slug", "growth")
	owner.run("resumeSubscription", map[string]any{"keepPlan": true}, "subscription { pendingChange { effectiveAt } }").done().
		want("subscription.pendingChange", "<nil>")
}

func TestPlan_IsCancelledAtTheEndAndAssignedByStaff(t *testing.T) {
	t.Parallel()
	s, o, owner, _, _ := partnered(t)
	staff := s.as(s.staff().token)
	owner.paysFor(staff, "starter", "first")
	owner.run("cancelSubscription", map[string]any{"reason": "too dear"}, "subscription { cancelAtPeriodEnd status }").done().
		want("subscription.cancelAtPeriodEnd", true).want("subscription.status", "ACTIVE")
	owner.run("resumeSubscription", map[string]any{}, "subscription { cancelAtPeriodEnd }").done().want("subscription.cancelAtPeriodEnd", false)

	waits := owner.run("requestBankTransfer", map[string]any{"planSlug": "starter", "months": 1, "idempotencyKey": "second"}, "payment { id }").done().str("payment.id")
	owner.run("cancelPayment", map[string]any{"paymentId": waits}, "payment { status }").done().want("payment.status", "WITHDRAWN")
	staff.confirms(waits, "89.00", "late").faults("INVALID_STATE input paymentId")

	until := time.Now().UTC().AddDate(0, 3, 0).Format(time.RFC3339)
	contract := map[string]any{
		"accountId": o.accountID(), "planSlug": "enterprise", "until": until, "reason": "a contract", "idempotencyKey": "contract",
		"monthlyPrice": map[string]any{"amount": "500.00", "currencyCode": "USD"},
	}
	owner.run("assignPlan", contract, "").refused("FORBIDDEN")
	r := staff.run("assignPlan", contract, "account { plan { slug } status } payment { purpose status fromBalance "+sumOf+" }").done().
		want("account.plan.slug", "enterprise").want("payment.purpose", "ASSIGNMENT").want("payment.status", "PENDING")
	if r.str("payment.fromBalance.amount") == "0.00" {
		t.Error("what was paid for the same time before is not credited")
	}
	contract["accountId"], contract["idempotencyKey"] = "acct_987654321", "nowhere"
	staff.run("assignPlan", contract, "").faults("NOT_FOUND input accountId")
}
