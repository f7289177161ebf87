package graph

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/credit"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres"
)

const creditFields = ` credits { balance held available grants { kind remaining } }
	userErrors { __typename message field code ... on InsufficientCreditsError { required available } } `

const lineFields = ` transaction { id seq type amount balanceAfter operation quantity unitCredits unitSize description metadata
	site { name } refundOf { id seq } actor { kind user { email } } createdAt } `

const holdFields = ` hold { id status operation quantity amount capturedQuantity transaction { id } site { name } actor { kind }
	createdAt expiresAt closedAt } `

const (
	spend   = `mutation($in: SpendCreditsInput!) { spendCredits(input: $in) {` + lineFields + creditFields + `} }`
	reserve = `mutation($in: ReserveCreditsInput!) { reserveCredits(input: $in) {` + holdFields + creditFields + `} }`
	capture = `mutation($in: CaptureCreditsInput!) { captureCredits(input: $in) {` + lineFields + holdFields + creditFields + `} }`
	release = `mutation($in: ReleaseCreditsInput!) { releaseCredits(input: $in) {` + holdFields + creditFields + `} }`
	refund  = `mutation($in: RefundCreditsInput!) { refundCredits(input: $in) {` + lineFields + creditFields + `} }`
	adjust  = `mutation($in: AdjustCreditsInput!) { adjustCredits(input: $in) {` + lineFields + creditFields + `} }`
)

// A content pipeline's walk: ask what it costs, set credits aside, pay for what it came to, get back
// what failed.
func TestCredits_AreEstimatedReservedCapturedAndRefunded(t *testing.T) {
	t.Parallel()
	a := serve(t)
	s := a.signUp("ada@example.com", "Ada")
	site := s.do(createSite, input(map[string]any{"name": "My Site", "domain": "example.com"})).ok().get("createSite.site.id")

	s.do(`{ creditCosts { operation credits unitSize perCall feature effectiveFrom }
		estimateCredits(operation: CONTENT_GENERATION, quantity: 1001) { operation quantity required available sufficient included } }`, nil).ok().
		want("creditCosts.0.operation", "CLUSTERING").want("creditCosts.0.credits", 10).want("creditCosts.0.perCall", true).
		want("creditCosts.2.unitSize", 100).want("creditCosts.2.feature", "AI_WRITER").want("creditCosts.0.feature", "<nil>").
		want("estimateCredits.required", 11).want("estimateCredits.available", 2000).want("estimateCredits.sufficient", true)
	ans := s.do(`{ estimateCredits(operation: CLUSTERING, quantity: 2) { required } }`, nil)
	ans.refused("INVALID")

	ans = s.do(reserve, input(map[string]any{
		"operation": "CONTENT_GENERATION", "quantity": 2000, "siteId": site, "expiresIn": 60, "idempotencyKey": "r",
	})).ok()
	hold := ans.get("reserveCredits.hold.id")
	ans.want("reserveCredits.hold.status", "OPEN").want("reserveCredits.hold.amount", 20).want("reserveCredits.hold.site.name", "My Site").
		want("reserveCredits.credits.available", 1980).want("reserveCredits.credits.held", 20)
	if life := instantOf(t, ans.get("reserveCredits.hold.expiresAt")).Sub(instantOf(t, ans.get("reserveCredits.hold.createdAt"))); life != time.Minute {
		t.Errorf("it lives %s", life)
	}
	did := s.do(capture, input(map[string]any{"holdId": hold, "quantity": 1530, "idempotencyKey": "c"})).ok()
	did.want("captureCredits.transaction.amount", -16).want("captureCredits.transaction.site.name", "My Site").
		want("captureCredits.hold.status", "CAPTURED").want("captureCredits.hold.capturedQuantity", 1530).
		want("captureCredits.hold.transaction.id", did.get("captureCredits.transaction.id")).
		want("captureCredits.credits.balance", 1984).want("captureCredits.credits.held", 0)
	s.do(`query($id: ID!) { node(id: $id) { ... on CreditHold { status transaction { amount } } } }`, map[string]any{"id": hold}).ok().
		want("node.status", "CAPTURED").want("node.transaction.amount", -16)

	back := s.do(refund, input(map[string]any{
		"transactionId": did.get("captureCredits.transaction.id"), "amount": 6, "reason": "the second half failed", "idempotencyKey": "b",
	})).ok()
	back.want("refundCredits.transaction.amount", 6).want("refundCredits.transaction.type", "REFUND").
		want("refundCredits.transaction.refundOf.id", did.get("captureCredits.transaction.id")).want("refundCredits.credits.balance", 1990)

	held := s.do(reserve, input(map[string]any{"operation": "IMAGE_GENERATION", "quantity": 2, "idempotencyKey": "r2"})).ok().get("reserveCredits.hold.id")
	s.do(release, input(map[string]any{"holdId": held, "idempotencyKey": "l"})).ok().
		want("releaseCredits.hold.status", "RELEASED").want("releaseCredits.credits.available", 1990)
	ans = s.do(spend, input(map[string]any{
		"operation": "IMAGE_PROMPT_EXTRACTION", "description": "Prompts", "metadata": map[string]any{"article": 7, "a": "b"}, "idempotencyKey": "s",
	})).ok()
	ans.want("spendCredits.transaction.amount", -2).want("spendCredits.transaction.metadata.article", 7).
		want("spendCredits.transaction.unitCredits", 2).want("spendCredits.transaction.actor.user.email", "ada@example.com")
	again := s.do(spend, input(map[string]any{
		"operation": "IMAGE_PROMPT_EXTRACTION", "quantity": 1, "description": "Prompts", "metadata": map[string]any{"a": "b", "article": 7}, "idempotencyKey": "s",
	})).ok()
	if again.text != ans.text {
		t.Errorf("the replay is\n%s\nand the first answer\n%s", again.text, ans.text)
	}
	s.do(`{ account { credits { balance verification { ok checkedLines problems { check row detail } } } } }`, nil).ok().
		want("account.credits.verification.ok", true).want("account.credits.verification.checkedLines", 4)
}

func TestSpend_RefusesWithWhatTheCallerHasToKnow(t *testing.T) {
	t.Parallel()
	a := serve(t)
	s := a.signUp("ada@example.com", "Ada")
	ans := s.do(spend, input(map[string]any{"operation": "IMAGE_GENERATION", "quantity": 401, "idempotencyKey": "k"})).ok()
	ans.want("spendCredits.userErrors.0.__typename", "InsufficientCreditsError").want("spendCredits.userErrors.0.required", 2005).
		want("spendCredits.userErrors.0.available", 2000).want("spendCredits.transaction", "<nil>").want("spendCredits.credits", "<nil>")
	s.do(spend, input(map[string]any{"operation": "CLUSTERING", "siteId": "site_987654321", "idempotencyKey": "k"})).ok().
		want("spendCredits.userErrors.0.code", "NOT_FOUND").want("spendCredits.userErrors.0.field", "[input siteId]")
	s.do(reserve, input(map[string]any{"operation": "CLUSTERING", "quantity": 1, "expiresIn": 0, "idempotencyKey": "k"})).ok().
		want("reserveCredits.userErrors.0.field", "[input expiresIn]")
	// An editor reaches the sites that were granted to them, and no others.
	site := s.do(createSite, input(map[string]any{"name": "My Site", "domain": "example.com"})).ok().get("createSite.site.id")
	editor := s.member("editor@example.com", account.Editor)
	in := input(map[string]any{"operation": "CLUSTERING", "siteId": site, "idempotencyKey": "k"})
	editor.do(spend, in).ok().want("spendCredits.userErrors.0.code", "NOT_FOUND")
	s.do(spend, in).ok().want("spendCredits.transaction.site.name", "My Site")
	a.setPlan(s, "free")
	s.do(spend, input(map[string]any{"operation": "CONTENT_GENERATION", "quantity": 1, "idempotencyKey": "k3"})).ok().
		want("spendCredits.userErrors.0.code", "FEATURE_NOT_IN_PLAN")
	s.do(spend, input(map[string]any{"operation": "CLUSTERING", "idempotencyKey": "k4"})).ok().want("spendCredits.transaction.amount", -10)
}

func TestAdjustCredits_IsShownToStaffAndToTheAccount(t *testing.T) {
	t.Parallel()
	a := serve(t)
	staff, s := a.staff(), a.signUp("ada@example.com", "Ada")
	staff.do(adjust, input(map[string]any{"accountId": s.accountID(), "amount": 500, "reason": "We are sorry", "idempotencyKey": "k"})).ok().
		want("adjustCredits.transaction.amount", 500).want("adjustCredits.credits.balance", 2500).
		want("adjustCredits.credits.grants.1.kind", "ADJUSTMENT").want("adjustCredits.userErrors", "[]")
	s.do(`{ creditTransactions { nodes { amount description actor { kind user { email } } } } account { auditEvents { nodes { action } } } }`, nil).ok().
		want("creditTransactions.nodes.0.description", "We are sorry").want("creditTransactions.nodes.0.actor.kind", "STAFF").
		want("account.auditEvents.nodes.0.action", "credits.adjusted")
	ans := staff.do(adjust, input(map[string]any{"accountId": s.accountID(), "amount": -2501, "reason": "x", "idempotencyKey": "k2"})).ok()
	ans.want("adjustCredits.userErrors.0.required", 2501).want("adjustCredits.userErrors.0.available", 2500)
	staff.do(adjust, input(map[string]any{"accountId": "acct_987654321", "amount": 1, "reason": "x", "idempotencyKey": "k"})).ok().
		want("adjustCredits.userErrors.0.code", "NOT_FOUND").want("adjustCredits.userErrors.0.field", "[input accountId]")
	// Whoever is no member has no business in the ledger's verification.
	ans = staff.do(`mutation($in: AdjustCreditsInput!) { adjustCredits(input: $in) { credits { verification { ok } } } }`,
		input(map[string]any{"accountId": s.accountID(), "amount": 1, "reason": "x", "idempotencyKey": "k3"}))
	ans.refused("FORBIDDEN")
}

func TestSpend_FiveHundredTimesWithOneKeyMovesOnce(t *testing.T) {
	t.Parallel()
	a := serve(t)
	s := a.signUp("ada@example.com", "Ada")
	in := input(map[string]any{"operation": "CLUSTERING", "description": "once", "idempotencyKey": "once"})
	answers := make(chan string, 500)
	work := make(chan struct{}, 500)
	for range 500 {
		work <- struct{}{}
	}
	close(work)
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() {
			for range work {
				answers <- s.raw(t.Context(), s.token, spend, in)
			}
		})
	}
	wg.Wait()
	close(answers)
	different := map[string]int{}
	for text := range answers {
		different[text]++
	}
	if len(different) != 1 {
		t.Errorf("%d different answers: %v", len(different), different)
	}
	if n := scan[int](a, `SELECT count(*) FROM igny8_credit_transactions WHERE type = 'deduction'`); n != 1 {
		t.Errorf("%d movements", n)
	}
	number := gid.Account(s.accountNumber())
	v, err := credit.Verify(postgres.WithTenant(t.Context(), int64(number)), a.db.App, number)
	if err != nil || !v.OK() {
		t.Errorf("%v, %s", err, strings.Join(strings.Fields(fmt.Sprint(v.Problems)), " "))
	}
}
