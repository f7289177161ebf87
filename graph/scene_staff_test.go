package graph

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"igny8.com/accounts/internal/account"
)

const supportCase = "support ticket 4711"

// impersonating lets staff act for an account.
func impersonating(staff *caller, accountID string, minutes int) *reply {
	staff.t.Helper()
	return staff.run("impersonate", map[string]any{"accountId": accountID, "reason": supportCase, "minutes": minutes},
		"accessToken expiresAt impersonation { id reason expiresAt }")
}

func TestImpersonation_ActsAsAnAdminAndLeavesATraceOfEverything(t *testing.T) {
	t.Parallel()
	s, o, owner, first, _ := partnered(t)
	staff := s.as(s.staff().token)
	impersonating(staff, o.accountID(), 16).faults("INVALID input minutes")
	staff.run("impersonate", map[string]any{"accountId": o.accountID(), "reason": "why not", "minutes": 5}, "").faults("INVALID input reason")
	impersonating(staff, "acct_987654321", 5).faults("NOT_FOUND input accountId")
	impersonating(staff, staff.do(whoAmI, nil).str("viewer.account.id"), 5).faults("INVALID_STATE input accountId")
	impersonating(owner, o.accountID(), 5).refused("FORBIDDEN")

	r := impersonating(staff, o.accountID(), 10).done().want("impersonation.reason", supportCase)
	acting := s.as(r.Data["accessToken"].(string))
	acting.do(`{ viewer { role user { id } account { name } impersonator { id reason } sessions { totalCount } } }`, nil).ok().
		want("viewer.role", "ADMIN").want("viewer.user", "<nil>").want("viewer.account.name", "Owner").
		want("viewer.impersonator.reason", supportCase).want("viewer.sessions", "<nil>")
	acting.do(`{ members { nodes { email } } sites { totalCount } payments { totalCount } }`, nil).ok().
		want("members.nodes.0.email", "owner@example.com").want("sites.totalCount", 2)
	acting.run("updateSite", map[string]any{"siteId": first, "name": "Mended"}, "site { name }").done().want("site.name", "Mended")
	acting.run("updateSite", map[string]any{"siteId": "site_987654321", "name": "Mended"}, "site { name }").faults("NOT_FOUND input siteId")
	// What is for owners stays theirs, and staff's own operations are not the account's.
	acting.run("requestBankTransfer", map[string]any{"planSlug": "starter", "months": 1, "idempotencyKey": "k"}, "").refused("FORBIDDEN")
	acting.do(`{ accounts { totalCount } }`, nil).refused("FORBIDDEN")
	acting.run("adjustCredits", map[string]any{"accountId": o.accountID(), "amount": 1, "reason": "x", "idempotencyKey": "k"}, "").refused("FORBIDDEN")

	const log = `{ account { auditEvents(first: 100, filter: { actorKind: STAFF }) { nodes { action subjectId after ip actor { kind user { email } } impersonation { reason } } } } }`
	got := []string{}
	for _, n := range owner.do(log, nil).ok().get("account.auditEvents.nodes").([]any) {
		e := n.(map[string]any)
		imp, _ := e["impersonation"].(map[string]any)
		if imp["reason"] != supportCase || e["ip"] != "127.0.0.1" || e["actor"].(map[string]any)["user"] != nil {
			t.Errorf("an event of staff: %v", e)
		}
		fields := ""
		if after, ok := e["after"].(map[string]any); ok && after["fields"] != nil {
			fields = fmt.Sprint(after["fields"])
		}
		got = append(got, fmt.Sprint(e["action"], fields))
	}
	want := []string{ // newest first; what was refused by its door is in there too
		"impersonation.write[adjustCredits]", "impersonation.read[accounts]", "impersonation.write[requestBankTransfer]",
		"impersonation.write[updateSite]", "site.updated", "impersonation.write[updateSite]",
		"impersonation.read[members payments sites]", "impersonation.read[viewer]", "impersonation.started",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("the account's log:\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	// Staff's own account says nothing of it.
	if n := len(staff.do(log, nil).ok().get("account.auditEvents.nodes").([]any)); n != 0 {
		t.Errorf("%d events in staff's own log", n)
	}
}

// personalDoors are the fields that are shut to staff who act for an account, with an input each.
func personalDoors(t *testing.T) map[string]bool {
	t.Helper()
	doors := map[string]bool{}
	for _, f := range readerOf(t).schema.Mutation.Fields {
		if door := f.Directives.ForName("role"); door != nil {
			if a := door.Arguments.ForName("personal"); a != nil && a.Value.Raw == "true" {
				doors[f.Name] = true
			}
		}
	}
	return doors
}

func TestImpersonation_IsRefusedAtPersonalDoors(t *testing.T) {
	t.Parallel()
	s, o, owner, first, _ := partnered(t)
	acting := s.as(impersonating(s.as(s.staff().token), o.accountID(), 10).done().str("accessToken"))
	_, key := owner.makeKey(first, "SYNC")
	me := owner.id()
	inputs := map[string]map[string]any{
		"logOut": {}, "logOutEverywhere": {}, "revokeSession": {"sessionId": "sess_1"}, "updateProfile": {"name": "x"},
		"changePassword": {"currentPassword": password, "newPassword": otherPassword}, "requestEmailVerification": {},
		"updateAccount": {"name": "x"}, "deleteAccount": {"confirm": "owner"}, "transferOwnership": {"userId": me},
		"inviteMember": {"email": "x@example.com", "role": "OWNER"}, "revokeInvitation": {"invitationId": "invite_1"},
		"changeMemberRole": {"userId": me, "role": "ADMIN"}, "removeMember": {"userId": me}, "restoreMember": {"userId": me},
		"grantSiteAccess": {"siteId": first, "userId": me}, "revokeSiteAccess": {"siteId": first, "userId": me},
		"connectWordPress": {
			"siteId": first, "url": "https://www.example.com", "username": "x", "applicationPassword": shownPassword,
		}, "disconnectWordPress": {"siteId": first},
		"createSiteApiKey": {"siteId": first, "name": "x", "scopes": []string{"SYNC"}}, "rotateSiteApiKey": {"apiKeyId": key},
		"revokeSiteApiKey": {"apiKeyId": key},
	}
	doors := personalDoors(t)
	for name, in := range inputs {
		acting.run(name, in, "").refused("FORBIDDEN")
		if !doors[name] {
			t.Errorf("%s is not personal in the schema", name)
		}
		delete(doors, name)
	}
	for name := range doors {
		t.Errorf("%s is not tried", name)
	}
	owner.do(whoAmI, nil).ok()
}

func TestImpersonation_EndsWhenItIsEndedOrItsTimeOrItsSessionIs(t *testing.T) {
	t.Parallel()
	s, o, owner, _, _ := partnered(t)
	accountID := o.accountID()
	hired := s.staff()
	staff := s.as(hired.token)
	begin := func(minutes int) *caller {
		return s.as(impersonating(staff, accountID, minutes).done().str("accessToken"))
	}
	dead := func(c *caller) {
		t.Helper()
		c.do(whoAmI, nil).refused("UNAUTHENTICATED")
	}
	// By the token itself.
	acting := begin(10)
	acting.run("endImpersonation", nil, "").done()
	dead(acting)
	staff.do(whoAmI, nil).ok()
	// By staff who name the account; not twice.
	acting = begin(10)
	staff.run("endImpersonation", map[string]any{"accountId": accountID}, "").done()
	dead(acting)
	staff.run("endImpersonation", map[string]any{"accountId": accountID}, "").faults("INVALID_STATE input accountId")
	// By the next one for the same account.
	acting = begin(10)
	next := begin(10)
	dead(acting)
	next.do(whoAmI, nil).ok()
	// By its time, whatever the token says.
	short := begin(1)
	short.do(whoAmI, nil).ok()
	s.clock.forward(61 * time.Second)
	dead(short)
	// By not being staff any more, at once.
	acting = begin(10)
	s.exec(`UPDATE igny8_users SET role = 'owner' WHERE email = 'staff@example.com'`)
	dead(acting)
	s.exec(`UPDATE igny8_users SET role = 'developer' WHERE email = 'staff@example.com'`)
	acting.do(whoAmI, nil).ok()
	// By staff's logging out.
	staff.run("logOut", nil, "").done()
	dead(acting)
	dead(staff)
	owner.do(`{ account { auditEvents(filter: { action: "impersonation." }, first: 100) { nodes { action } } } }`, nil).ok()
}

func TestStaff_SeeAccountsWithoutPeopleAndContentAndShutThem(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	o := s.signUp("canary@example.com", "Canary Person")
	owner := s.as(o.token)
	number, id := o.accountNumber(), o.accountID()
	s.exec(`UPDATE igny8_tenants SET name = 'Shop', slug = 'shop', status = 'active' WHERE id = ?`, number)
	site := owner.run("createSite", map[string]any{"name": "Canary", "domain": "canary.example.com"}, "site { id }").done().str("site.id")
	staff := s.as(s.staff().token)

	staff.do(`{ accounts(filter: { search: "canary@example.com" }) { totalCount nodes { name status plan { slug } credits { available } } } }`, nil).ok().
		want("accounts.totalCount", 1).want("accounts.nodes.0.name", "Shop").want("accounts.nodes.0.plan.slug", "free-trial")
	const field = `query($id: ID!) { staffAccount(id: $id) { name %s } }`
	for _, people := range []string{
		"members { nodes { email } }", "invitations { nodes { email } }", "sites { nodes { name } }", "ledger { nodes { seq } }",
		"auditEvents { nodes { action } }", "billingEmail", "payments { nodes { payerName } }", "removedMembers { nodes { email } }",
	} {
		staff.do(fmt.Sprintf(field, people), map[string]any{"id": id}).refused("FORBIDDEN")
	}
	staff.do(fmt.Sprintf(field, "owner { email }"), map[string]any{"id": id}).ok().want("staffAccount.owner", "<nil>")
	// By every path, below every field, with the ids of all there is.
	ids := strings.Join(s.someIDsOf(number), `", "`)
	for _, operation := range readerOf(t).operations(t, map[string][]string{
		"staffAccount": {`(id: "` + id + `")`}, "site": {`(id: "` + site + `")`}, "node": {`(id: "` + site + `")`}, "nodes": {`(ids: ["` + ids + `"])`},
		"plan": {`(slug: "scale")`}, "invitationByToken": {`(token: "x")`}, "estimateCredits": {`(operation: CLUSTERING)`}, "previewPlanChange": {`(planSlug: "growth")`},
		"invoice": {`(id: "inv_1")`}, "creditUsage": {"(" + neededBeside["Query.creditUsage"] + ")"},
	}) {
		if r := staff.do("{ "+operation+" }", nil); strings.Contains(strings.ToLower(r.text), "canary") {
			t.Errorf("staff read\n%s\nand find %s", operation, r.text)
		}
	}
	decide := func(by *caller, name string) *reply {
		return by.run(name, map[string]any{"accountId": id, "reason": supportCase}, "account { status statusReason }")
	}
	decide(owner, "suspendAccount").refused("FORBIDDEN")
	decide(staff, "suspendAccount").done().want("account.status", "SUSPENDED")
	owner.do(`{ account { status statusReason } }`, nil).ok().want("account.statusReason", supportCase)
	owner.run("createSite", map[string]any{"name": "x", "domain": "x.example.com"}, "").refused("ACCOUNT_SUSPENDED")
	decide(staff, "suspendAccount").faults("INVALID_STATE input accountId")
	decide(staff, "reactivateAccount").done().want("account.status", "ACTIVE")
	owner.run("updateSite", map[string]any{"siteId": site, "name": "Shop"}, "").done()
	owner.do(`{ account { auditEvents(filter: { action: "account." }) { nodes { action actor { kind } } } } }`, nil).ok().
		want("account.auditEvents.nodes.0.action", "account.reactivated").want("account.auditEvents.nodes.0.actor.kind", "STAFF").
		want("account.auditEvents.nodes.1.action", "account.suspended")
	own := staff.do(whoAmI, nil).str("viewer.account.id")
	staff.run("suspendAccount", map[string]any{"accountId": own, "reason": supportCase}, "").faults("INVALID_STATE input accountId")
	s.exec(`UPDATE igny8_tenants SET is_system = true WHERE id = ?`, number)
	decide(staff, "suspendAccount").faults("INVALID_STATE input accountId")
	impersonating(staff, id, 5).faults("INVALID_STATE input accountId")
}

// A browser that a member of staff is signed in with is nobody to the API, and changes no answer to a customer.
func TestStaffsCookie_CountsForNothing(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	o := s.signUp("owner@example.com", "Owner")
	hired := s.staff()
	acting := impersonating(s.as(hired.token), o.accountID(), 10).done().str("accessToken")
	tenant := s.as(o.member("viewer@example.com", account.Viewer).token).authorization()
	bodies := []string{
		`{"query":"{ viewer { role user { email } account { name } } accounts { totalCount } }"}`,
		`{"query":"mutation { createSite(input: {name: \"x\", domain: \"x.example.com\"}) { site { id } userErrors { code } } }"}`,
		`{"query":"{ members { nodes { email } } }"}`,
	}
	for _, token := range []string{hired.token, hired.refresh, acting, o.token} {
		cookie := strings.Join([]string{
			"sessionid=" + token, "access_token=" + token, "Authorization=Bearer " + token, "jwt=" + token, "X-API-Key=" + token,
			"__Host-session=" + token, "igny8=" + token,
		}, "; ")
		for _, body := range bodies {
			nobody := s.with(nil, body)
			if got := s.with(map[string]string{"Cookie": cookie}, body); got != nobody || !strings.Contains(got, "UNAUTHENTICATED") {
				t.Errorf("a cookie alone: %s", got)
			}
			alone := s.with(map[string]string{"Authorization": tenant}, body)
			if both := s.with(map[string]string{"Authorization": tenant, "Cookie": cookie}, body); both != alone || strings.Contains(both, "UNAUTHENTICATED") {
				t.Errorf("a token with a cookie: %s\nalone: %s", both, alone)
			}
		}
	}
}
