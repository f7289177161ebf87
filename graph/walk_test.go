package graph

import (
	"testing"
	"time"
)

const requestTransfer = `mutation($in: RequestBankTransferInput!) { requestBankTransfer(input: $in) {
	payment { id status amount { amount currencyCode } reference instructions months plan { slug } }
	userErrors { message field code } } }`

const declare = `mutation($in: DeclarePaymentInput!) { declarePayment(input: $in) {
	payment { id status declaredAt sentOn payerName proofUrl } userErrors { message field code } } }`

const confirm = `mutation($in: ConfirmPaymentInput!) { confirmPayment(input: $in) {
	payment { id status externalPaymentId receivedOn invoice { number total { amount } lines { description amount { amount } } } }
	subscription { status currentPeriodStart currentPeriodEnd paymentMethod periods(first: 5) { nodes { kind start end } } }
	account { id status plan { slug } credits { balance grants { kind remaining expiresAt } } }
	userErrors { message field code } } }`

const createSite = `mutation($in: CreateSiteInput!) { createSite(input: $in) {
	site { id name slug domain status active industry { slug } sectors { name } }
	userErrors { __typename message field code ... on PlanLimitError { limit used } } } }`

// The walk that a new customer takes, from signing up to a confirmed payment.
func TestAPI_TakesACustomerFromSignUpToAPaidPlan(t *testing.T) {
	t.Parallel()
	a := serve(t)
	staff := a.staff()
	start := a.clock.now()
	a.signUp("ada@example.com", "Ada Example")
	ada := a.logIn("Ada@Example.com")

	ans := ada.do(`{ account { name slug status credits { balance held available grants { kind amount remaining } }
		plan { slug price { amount currencyCode } } subscription { status trialEnd currentPeriodEnd }
		limits { sites { limit used } users { limit used } } owner { email role } } }`, nil).ok()
	ans.want("account.credits.balance", 2000).want("account.credits.available", 2000).want("account.credits.held", 0)
	ans.want("account.plan.slug", "free-trial").want("account.subscription.status", "TRIALING").want("account.status", "TRIAL")
	ans.want("account.limits.sites.limit", 1).want("account.limits.sites.used", 0).want("account.limits.users.used", 1)
	ans.want("account.owner.email", "ada@example.com").want("account.owner.role", "OWNER").want("account.slug", "ada-example")
	trialEnd := instantOf(t, ans.get("account.subscription.trialEnd"))
	if d := trialEnd.Sub(start.Add(14 * 24 * time.Hour)); d < -time.Second || d > time.Second {
		t.Errorf("the trial ends at %s", trialEnd)
	}

	ans = ada.do(`{ creditTransactions { totalCount nodes { seq type amount balanceAfter actor { kind user { email } } } } }`, nil).ok()
	ans.want("creditTransactions.totalCount", 1).want("creditTransactions.nodes.0.balanceAfter", 2000)
	ans.want("creditTransactions.nodes.0.type", "TRIAL").want("creditTransactions.nodes.0.actor.user.email", "ada@example.com")

	site := map[string]any{"name": "My Site", "domain": "https://www.Example.com/shop"}
	ans = ada.do(createSite, input(site)).ok()
	ans.want("createSite.site.slug", "my-site").want("createSite.site.domain", "www.example.com").want("createSite.userErrors", "[]")
	ans = ada.do(createSite, input(site)).ok()
	ans.want("createSite.userErrors.0.code", "PLAN_LIMIT_REACHED").want("createSite.userErrors.0.limit", 1)
	ans.want("createSite.userErrors.0.used", 1).want("createSite.site", "<nil>").want("createSite.userErrors.0.__typename", "PlanLimitError")

	order := input(map[string]any{"planSlug": "starter", "months": 1, "idempotencyKey": "order-1"})
	ans = ada.do(requestTransfer, order).ok()
	payment := ans.get("requestBankTransfer.payment.id")
	ans.want("requestBankTransfer.payment.status", "PENDING").want("requestBankTransfer.payment.amount.amount", "89.00")
	ada.do(requestTransfer, order).ok().want("requestBankTransfer.payment.id", payment)

	ada.do(declare, input(map[string]any{"paymentId": payment, "sentOn": a.clock.day(0), "payerName": "Ada Example"})).ok().
		want("declarePayment.payment.payerName", "Ada Example").want("declarePayment.userErrors", "[]")
	staff.do(`{ paymentQueue { nodes { id reference account { name slug } amount { amount } } } }`, nil).ok().
		want("paymentQueue.nodes.0.id", payment).want("paymentQueue.nodes.0.account.slug", "ada-example")

	a.clock.forward(10 * time.Minute)
	facts := map[string]any{
		"paymentId": payment, "externalPaymentId": "BANK-77", "receivedOn": a.clock.day(0), "idempotencyKey": "confirm-1",
		"amount": map[string]any{"amount": "89.00", "currencyCode": "USD"},
	}
	first := staff.do(confirm, input(facts)).ok()
	first.want("confirmPayment.account.status", "ACTIVE").want("confirmPayment.account.plan.slug", "starter")
	first.want("confirmPayment.subscription.status", "ACTIVE").want("confirmPayment.payment.status", "CONFIRMED")
	first.want("confirmPayment.account.credits.balance", 3000).want("confirmPayment.subscription.periods.nodes.0.kind", "PAID")
	first.want("confirmPayment.payment.invoice.total.amount", "89.00").want("confirmPayment.subscription.periods.nodes.1.kind", "TRIAL")
	from := instantOf(t, first.get("confirmPayment.subscription.currentPeriodStart"))
	until := instantOf(t, first.get("confirmPayment.subscription.currentPeriodEnd"))
	if months := int(until.Month()) - int(from.Month()); (months+12)%12 != 1 || until.Day() > from.Day() {
		t.Errorf("a month from %s is %s", from, until)
	}
	// The trial ends where the paid period starts.
	first.want("confirmPayment.subscription.periods.nodes.1.end", first.get("confirmPayment.subscription.periods.nodes.0.start"))

	again := staff.do(confirm, input(facts)).ok()
	if again.text != first.text {
		t.Errorf("confirming again answers\n%s\nand first\n%s", again.text, first.text)
	}
	ada.do(`{ account { status credits { balance } auditEvents { nodes { action subjectId actor { kind } } } } creditTransactions { totalCount } }`, nil).ok().
		want("account.credits.balance", 3000).want("creditTransactions.totalCount", 2).
		want("account.auditEvents.nodes.0.action", "payment.confirmed").want("account.auditEvents.nodes.0.actor.kind", "STAFF").
		want("account.auditEvents.nodes.0.subjectId", payment)
}
