package graph

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"igny8.com/accounts/internal/account"
)

const setCost = `mutation($in: SetCreditCostInput!) { setCreditCost(input: $in) {
		cost { operation credits unitSize effectiveFrom next { credits effectiveFrom } } userErrors { message field code } } }`

// A line says which grants it took from, and what came back to them.
func TestLedger_SaysWhichGrantsALineTouched(t *testing.T) {
	t.Parallel()
	a := serve(t)
	s := a.signUp("ada@example.com", "Ada")
	a.staff().do(adjust, input(map[string]any{"accountId": s.accountID(), "amount": 500, "reason": "We are sorry", "idempotencyKey": "k"})).ok().
		want("adjustCredits.userErrors", "[]")
	s.do(spend, input(map[string]any{"operation": "IMAGE_GENERATION", "quantity": 399, "idempotencyKey": "a"})).ok()
	ans := s.do(`mutation($in: SpendCreditsInput!) { spendCredits(input: $in) { transaction { amount grants { amount grant { kind remaining } } } } }`,
		input(map[string]any{"operation": "CLUSTERING", "idempotencyKey": "b"})).ok()
	ans.want("spendCredits.transaction.grants.0.grant.kind", "TRIAL").want("spendCredits.transaction.grants.0.amount", -5).
		want("spendCredits.transaction.grants.1.grant.kind", "ADJUSTMENT").want("spendCredits.transaction.grants.1.amount", -5).
		want("spendCredits.transaction.grants.1.grant.remaining", 495)
	lines := s.do(`{ creditTransactions { nodes { type amount grants { amount grant { id } } } } }`, nil).ok().get("creditTransactions.nodes").([]any)
	if len(lines) != 4 {
		t.Fatalf("%d lines", len(lines))
	}
	for _, each := range lines {
		line := each.(map[string]any)
		sum := 0.0
		for _, g := range line["grants"].([]any) {
			sum += g.(map[string]any)["amount"].(float64)
		}
		if sum != line["amount"] {
			t.Errorf("the grants of %v make %v", line, sum)
		}
	}
}

// A cost takes effect from its instant on, and is told of before.
func TestSetCreditCost_IsToldBeforeItTakesEffect(t *testing.T) {
	t.Parallel()
	a := serve(t)
	s, _ := a.shop(newYear, 0)
	staff := a.staff()
	const costs = `{ creditCosts { operation credits unitSize effectiveFrom next { credits unitSize effectiveFrom next { credits next { credits } } } } estimateCredits(operation: CLUSTERING) { required } }`
	in := map[string]any{"operation": "CLUSTERING", "credits": 12, "unitSize": 1, "effectiveFrom": "2031-02-01T00:00:00Z"}
	set := staff.do(setCost, input(in)).ok().want("setCreditCost.userErrors", "[]")
	set.want("setCreditCost.cost.credits", 12).want("setCreditCost.cost.effectiveFrom", "2031-02-01T00:00:00Z").want("setCreditCost.cost.next", "<nil>")
	staff.do(setCost, input(in)).ok().want("setCreditCost.userErrors.0.code", "TAKEN").want("setCreditCost.userErrors.0.field", "[input effectiveFrom]")
	// One that is set afterwards for before knows what comes next.
	staff.do(setCost, input(map[string]any{"operation": "CLUSTERING", "credits": 11, "unitSize": 1, "effectiveFrom": "2031-01-31T00:00:00Z"})).ok().
		want("setCreditCost.cost.next.credits", 12)
	s.do(costs, nil).ok().want("creditCosts.0.credits", 10).want("creditCosts.0.effectiveFrom", "<nil>").want("creditCosts.0.next.credits", 11).
		want("creditCosts.0.next.effectiveFrom", "2031-01-31T00:00:00Z").want("creditCosts.0.next.next.credits", 12).
		want("creditCosts.0.next.next.next", "<nil>").want("creditCosts.1.next", "<nil>").want("estimateCredits.required", 10)
	s = s.days(2)
	s.do(costs, nil).ok().want("creditCosts.0.credits", 12).want("creditCosts.0.next", "<nil>").want("estimateCredits.required", 12)
	if balance := s.do(spend, input(map[string]any{"operation": "CLUSTERING", "idempotencyKey": "k"})).ok().get("spendCredits.transaction.amount"); fmt.Sprint(balance) != "-12" {
		t.Errorf("it costs %v", balance)
	}
	s.do(setCost, input(in)).refused("FORBIDDEN")
	staff = a.logIn("staff@example.com")
	rows := a.written()
	refused := staff.do(setCost, input(map[string]any{"operation": "CLUSTERING", "credits": 0, "unitSize": 2, "effectiveFrom": "2031-01-31T00:00:00Z"})).ok()
	for i, field := range []string{"credits", "unitSize", "effectiveFrom"} {
		refused.want(fmt.Sprintf("setCreditCost.userErrors.%d.field", i), "[input "+field+"]").want(fmt.Sprintf("setCreditCost.userErrors.%d.code", i), "INVALID")
	}
	if now := a.written(); now != rows {
		t.Errorf("what was refused wrote %s, before %s", now, rows)
	}
}

// What was removed from a site is listed until it can be restored no longer, for those who may restore it.
func TestRemovedSectors_AreListedUntilTheyAreGone(t *testing.T) {
	t.Parallel()
	a := serve(t)
	s, sites := a.shop(newYear, 1)
	a.exec(`UPDATE igny8_sites SET industry_id = 1`)
	var sectors []string
	for _, entry := range []string{"isec_1", "isec_2"} {
		sectors = append(sectors, s.do(`mutation($in: AddSectorInput!) { addSector(input: $in) { sector { id } } }`,
			input(map[string]any{"siteId": sites[0], "industrySectorId": entry})).ok().get("addSector.sector.id").(string))
	}
	const query = `query($id: ID!) { site(id: $id) { sectors { id deletedAt } removedSectors { id deletedAt restoreUntil site { slug } } } }`
	look := func(by *session) *answer { return by.do(query, map[string]any{"id": sites[0]}) }
	look(s).ok().want("site.removedSectors", "[]")
	for _, id := range sectors {
		s.do(`mutation($in: RemoveSectorInput!) { removeSector(input: $in) { site { id } userErrors { code } } }`, input(map[string]any{"sectorId": id})).ok()
	}
	ans := look(s).ok().want("site.sectors", "[]").want("site.removedSectors.0.id", sectors[1]).want("site.removedSectors.1.id", sectors[0]).
		want("site.removedSectors.0.site.slug", "shop-0")
	if until := instantOf(t, ans.get("site.removedSectors.0.restoreUntil")); until.Sub(instantOf(t, ans.get("site.removedSectors.0.deletedAt"))) != 14*24*time.Hour {
		t.Errorf("restored until %s", until)
	}
	s.do(`mutation($in: RestoreSectorInput!) { restoreSector(input: $in) { sector { id deletedAt } userErrors { code } } }`,
		input(map[string]any{"sectorId": sectors[0]})).ok().want("restoreSector.userErrors", "[]").want("restoreSector.sector.deletedAt", "<nil>")
	look(s).ok().want("site.sectors.0.id", sectors[0]).want("site.removedSectors.0.id", sectors[1])
	viewer, editor := s.member("viewer@example.com", account.Viewer), s.member("editor@example.com", account.Editor)
	a.exec(`INSERT INTO igny8_site_user_access (tenant_id, site_id, user_id) SELECT tenant_id, ?, id FROM igny8_users WHERE role IN ('viewer', 'editor')`,
		strings.TrimPrefix(sites[0], "site_"))
	look(viewer).refused("FORBIDDEN").want("site.removedSectors", "<nil>").want("site.sectors.0.id", sectors[0])
	look(editor).ok().want("site.removedSectors.0.id", sectors[1])
	look(s.days(14)).ok().want("site.removedSectors", "[]")
}
