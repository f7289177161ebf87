package graph

import (
	"fmt"
	"strings"
	"testing"

	"igny8.com/accounts/internal/account"
)

const (
	setBudget = `mutation($in: SetSiteBudgetInput!) { setSiteBudget(input: $in) {
		site { id budget { monthlyCredits used held left resetsAt } } userErrors { __typename message field code } } }`
	budgetErrors = `userErrors { __typename message field code ... on BudgetExceededError { required available } ... on InsufficientCreditsError { required available } }`
)

// What goes beyond a site's budget is refused with what is left, and writes nothing.
func TestSiteBudget_RefusesWhatGoesBeyondIt(t *testing.T) {
	t.Parallel()
	a := serve(t)
	s, sites := a.shop(newYear, 2)
	s.do(`query($id: ID!) { site(id: $id) { budget { left } } }`, map[string]any{"id": sites[0]}).ok().want("site.budget", "<nil>")
	limit := func(by *session, monthly any) *answer {
		return by.do(setBudget, input(map[string]any{"siteId": sites[0], "monthlyCredits": monthly}))
	}
	limit(s, 25).ok().want("setSiteBudget.userErrors", "[]").want("setSiteBudget.site.budget.monthlyCredits", 25).
		want("setSiteBudget.site.budget.left", 25).want("setSiteBudget.site.budget.resetsAt", "2031-02-01T00:00:00Z")
	s.spends("CLUSTERING", 1, sites[0])
	hold := s.do(reserve, input(map[string]any{"operation": "CLUSTERING", "quantity": 1, "siteId": sites[0], "idempotencyKey": "h"})).ok().
		get("reserveCredits.hold.id")
	s.do(`query($id: ID!) { site(id: $id) { budget { used held left } } }`, map[string]any{"id": sites[0]}).ok().
		want("site.budget.used", 10).want("site.budget.held", 10).want("site.budget.left", 5)

	rows := a.written()
	for _, name := range []string{"spendCredits", "reserveCredits"} {
		ans := s.do(fmt.Sprintf(`mutation($in: %sInput!) { %s(input: $in) { credits { balance } %s } }`, strings.ToUpper(name[:1])+name[1:], name, budgetErrors),
			input(map[string]any{"operation": "CLUSTERING", "quantity": 1, "siteId": sites[0], "idempotencyKey": "too much"})).ok()
		ans.want(name+".userErrors.0.__typename", "BudgetExceededError").want(name+".userErrors.0.code", "BUDGET_EXCEEDED").
			want(name+".userErrors.0.field", "[input siteId]").want(name+".userErrors.0.required", 10).want(name+".userErrors.0.available", 5).
			want(name+".credits", "<nil>")
		// Where the account's credits do not suffice either, that is said too.
		s.do(fmt.Sprintf(`mutation($in: %sInput!) { %s(input: $in) { %s } }`, strings.ToUpper(name[:1])+name[1:], name, budgetErrors),
			input(map[string]any{"operation": "IMAGE_GENERATION", "quantity": 401, "siteId": sites[0], "idempotencyKey": "too much"})).ok().
			want(name+".userErrors.0.code", "INSUFFICIENT_CREDITS").want(name+".userErrors.1.code", "BUDGET_EXCEEDED")
	}
	if now := a.written(); now != rows {
		t.Errorf("what was refused wrote:\n%s, before\n%s", now, rows)
	}
	s.spends("CLUSTERING", 1, sites[1])
	s.spends("CLUSTERING", 1, nil)

	// What was set aside stays so when the limit is lowered; nothing more is let in.
	limit(s, 0).ok().want("setSiteBudget.site.budget.left", 0)
	s.do(capture, input(map[string]any{"holdId": hold, "idempotencyKey": "c"})).ok().want("captureCredits.userErrors", "[]")
	limit(s, nil).ok().want("setSiteBudget.userErrors", "[]").want("setSiteBudget.site.budget", "<nil>")
	s.spends("CLUSTERING", 1, sites[0])
	limit(s, 30).ok().want("setSiteBudget.site.budget.used", 30).want("setSiteBudget.site.budget.left", 0)
	s = s.days(2) // in February
	s.spends("CLUSTERING", 1, sites[0])
	s.do(`query($id: ID!) { site(id: $id) { budget { used left resetsAt } } }`, map[string]any{"id": sites[0]}).ok().
		want("site.budget.left", 20).want("site.budget.resetsAt", "2031-03-01T00:00:00Z")
	s.do(`{ account { auditEvents(filter: { action: "site.budget_changed" }) { nodes { after } totalCount } } }`, nil).ok().
		want("account.auditEvents.totalCount", 4).want("account.auditEvents.nodes.0.after.monthlyCredits", 30)
}

func TestSetSiteBudget_IsForAdminsAndTheirOwnSites(t *testing.T) {
	t.Parallel()
	a := serve(t)
	s, sites := a.shop(newYear, 1)
	try := func(by *session, in map[string]any) *answer { return by.do(setBudget, input(in)) }
	other := a.signUp("bob@example.com", "Bob")
	editor, admin := s.member("editor@example.com", account.Editor), s.member("admin@example.com", account.Admin)
	rows := a.written()
	try(editor, map[string]any{"siteId": sites[0], "monthlyCredits": 5}).refused("FORBIDDEN")
	foreign := try(other, map[string]any{"siteId": sites[0], "monthlyCredits": 5}).ok().
		want("setSiteBudget.userErrors.0.code", "NOT_FOUND").want("setSiteBudget.userErrors.0.field", "[input siteId]")
	if never := try(other, map[string]any{"siteId": "site_987654321", "monthlyCredits": 5}); never.text != foreign.text {
		t.Errorf("another account's site answers %s, one that never was %s", foreign.text, never.text)
	}
	for _, c := range []struct {
		in   map[string]any
		want string
	}{
		{map[string]any{"siteId": sites[0], "monthlyCredits": -1}, "INVALID [input monthlyCredits]"},
		{map[string]any{"siteId": sites[0], "monthlyCredits": 1_000_000_001}, "INVALID [input monthlyCredits]"},
		{map[string]any{"siteId": sites[0]}, "REQUIRED [input monthlyCredits]"},
		{map[string]any{"siteId": "plan_1", "monthlyCredits": 1}, "INVALID_ID [input siteId]"},
	} {
		ans := try(s, c.in).ok().want("setSiteBudget.site", "<nil>")
		if got := fmt.Sprintf("%v %v", ans.get("setSiteBudget.userErrors.0.code"), ans.get("setSiteBudget.userErrors.0.field")); got != c.want {
			t.Errorf("%v: %s, want %s", c.in, got, c.want)
		}
	}
	if now := a.written(); now != rows {
		t.Errorf("what was refused wrote %s, before %s", now, rows)
	}
	try(admin, map[string]any{"siteId": sites[0], "monthlyCredits": 5}).ok().want("setSiteBudget.site.budget.left", 5)
}
