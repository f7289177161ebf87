package graph

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres/pgtest"
)

// open lets every value through the net.
func open(r *Resolver, _ *Config, _ *func(http.Handler) http.Handler) {
	r.mayLeave = func(context.Context, gid.Account, bool) bool { return true }
}

// canary is a word that stands in everything that the first of two accounts owns, and nowhere else.
const canary = "canary"

// neighbours makes two accounts that have one of everything. It returns the second's owner and the
// first's ids, of all that can be found by its id.
func neighbours(a *api) (second *session, ids []string) {
	a.t.Helper()
	staff := a.staff()
	first := a.signUp(canary+"@example.com", canary+" owner")
	second = a.signUp("second@example.com", "second owner")
	furnish(staff, first, canary)
	furnish(staff, second, "second")
	return second, belongings(first)
}

// credentials are what opens an account's doors beside its owner's password: a key of its site, and a
// token of staff who act for it.
type credentials struct{ key, impersonation string }

// furnish gives an account one of everything; the word stands in each text.
func furnish(staff, s *session, word string) credentials {
	s.t.Helper()
	done := func(mutation, name string, in map[string]any) *answer {
		s.t.Helper()
		return s.do(mutation, input(in)).ok().want(name+".userErrors", "[]")
	}
	s.setPlan(s, "scale")
	site := done(createSite, "createSite", map[string]any{"name": word, "domain": word + ".example.com", "industryId": "ind_1"}).
		get("createSite.site.id").(string)
	gone := done(createSite, "createSite", map[string]any{"name": word + " gone", "domain": word + "-gone.example.com"}).get("createSite.site.id")
	done(bareMutation("deleteSite"), "deleteSite", map[string]any{"siteId": gone})
	const addSector = `mutation($in: AddSectorInput!) { addSector(input: $in) { sector { id } userErrors { message code } } }`
	done(addSector, "addSector", map[string]any{"siteId": site, "industrySectorId": "isec_1", "name": word})
	removed := done(addSector, "addSector", map[string]any{"siteId": site, "industrySectorId": "isec_2", "name": word + " gone"}).get("addSector.sector.id")
	done(bareMutation("removeSector"), "removeSector", map[string]any{"sectorId": removed})

	editor := s.member(word+"-editor@example.com", account.Editor)
	leaver := s.member(word+"-gone@example.com", account.Viewer)
	const whoAmI = `{ viewer { user { id } } }`
	done(bareMutation("grantSiteAccess"), "grantSiteAccess", map[string]any{"siteId": site, "userId": editor.do(whoAmI, nil).ok().get("viewer.user.id")})
	done(bareMutation("removeMember"), "removeMember", map[string]any{"userId": leaver.do(whoAmI, nil).ok().get("viewer.user.id")})
	done(bareMutation("inviteMember"), "inviteMember", map[string]any{"email": word + "-guest@example.com", "role": "EDITOR", "siteIds": []any{site}})

	s.do(`mutation($in: ConnectWordPressInput!) { connectWordPress(input: $in) { wordPress { url } userErrors { message code } } }`,
		input(map[string]any{
			"siteId": site, "url": "https://" + word + ".example.com/blog", "username": word,
			"applicationPassword": "abcd EFGH 1234 ijkl MNOP 5678",
		})).ok().want("connectWordPress.userErrors", "[]")
	secret := done(`mutation($in: CreateSiteApiKeyInput!) { createSiteApiKey(input: $in) { secret userErrors { message code } } }`, "createSiteApiKey",
		map[string]any{"siteId": site, "name": word, "scopes": []any{"SITES_READ", "CREDITS", "SYNC"}}).get("createSiteApiKey.secret").(string)
	if text := s.asKey(secret, bareMutation("recordSyncEvent"), input(map[string]any{
		"kind": "PUBLISH", "direction": "TO_SITE", "outcome": "SUCCEEDED", "message": word, "details": map[string]any{"title": word}, "externalId": word + "-1",
	})); !strings.Contains(text, `"userErrors":[]`) {
		s.t.Fatalf("no sync event: %s", text)
	}
	impersonation := staff.do(`mutation($in: ImpersonateInput!) { impersonate(input: $in) { accessToken userErrors { message code } } }`,
		input(map[string]any{"accountId": s.accountID(), "reason": word + " asked for help", "minutes": 15})).ok().
		want("impersonate.userErrors", "[]").get("impersonate.accessToken").(string)

	done(reserve, "reserveCredits", map[string]any{"operation": "CLUSTERING", "quantity": 1, "siteId": site, "idempotencyKey": word})
	done(spend, "spendCredits", map[string]any{"operation": "CLUSTERING", "siteId": site, "description": word, "metadata": map[string]any{"for": word}, "idempotencyKey": word + " spent"})
	payment := done(requestTransfer, "requestBankTransfer", map[string]any{"planSlug": "starter", "months": 1, "idempotencyKey": word}).
		get("requestBankTransfer.payment.id")
	done(declare, "declarePayment", map[string]any{
		"paymentId": payment, "sentOn": s.clock.day(0), "payerName": word, "proofUrl": "https://" + word + ".example.com/proof",
	})
	staff.do(confirm, input(map[string]any{
		"paymentId": payment, "externalPaymentId": word, "receivedOn": s.clock.day(0), "idempotencyKey": word,
		"amount": map[string]any{"amount": "89", "currencyCode": "USD"},
	})).ok().want("confirmPayment.userErrors", "[]")
	// What takes two members of staff to decide on where the sweep takes place, and what takes one.
	for i, amount := range []string{"300", "1"} {
		staff.do(bareMutation("recordReceipt"), input(map[string]any{
			"paymentId": payment, "externalPaymentId": fmt.Sprint(word, " over ", i), "receivedOn": s.clock.day(0), "idempotencyKey": fmt.Sprint(word, " over ", i),
			"amount": map[string]any{"amount": amount, "currencyCode": "USD"},
		})).ok().want("recordReceipt.userErrors", "[]")
	}
	return credentials{secret, impersonation}
}

// bareMutation is a mutation that is asked for nothing but what was wrong.
func bareMutation(name string) string {
	return fmt.Sprintf(`mutation($in: %s%sInput!) { %s(input: $in) { userErrors { message field code } } }`, strings.ToUpper(name[:1]), name[1:], name)
}

// asKey posts an operation with a site's API key.
func (a *api) asKey(secret, query string, variables map[string]any) string {
	a.t.Helper()
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		a.t.Fatal(err)
	}
	_, text := a.post(map[string]string{"X-API-Key": secret}, string(body))
	return text
}

// idTables are the tables of what an account has, by the prefix of its ids, with the condition that keeps
// out what an owner does not find.
var idTables = map[string][2]string{
	"acct": {"igny8_tenants", "deleted_at IS NULL"}, "user": {"igny8_users", "deleted_at IS NULL"},
	"site": {"igny8_sites", "deleted_at IS NULL"}, "sect": {"igny8_sectors", "deleted_at IS NULL"},
	"sub": {"igny8_subscriptions", "true"}, "per": {"igny8_subscription_periods", "true"}, "pay": {"igny8_payments", "true"},
	"rcpt": {"igny8_receipts", "true"}, "inv": {"igny8_invoices", "true"}, "grant": {"igny8_credit_grants", "true"}, "ctx": {"igny8_credit_transactions", "true"},
	"hold": {"igny8_credit_holds", "true"}, "evt": {"igny8_audit_events", "true"}, "invite": {"igny8_invitations", "true"},
	"key": {"igny8_site_api_keys", "true"}, "sync": {"igny8_sync_events", "true"}, "imp": {"igny8_impersonations", "true"},
	"sess": {"igny8_sessions", "revoked_at IS NULL AND user_id = (SELECT owner_id FROM igny8_tenants WHERE id = tenant_id)"},
}

// belongings are the ids of all that the session's account has and its owner finds.
func belongings(s *session) []string {
	var ids []string
	for prefix := range idTables {
		ids = append(ids, s.idsOf(prefix, s.accountNumber(), "")...)
	}
	return ids
}

// idsOf are the ids of one type that an account has, which its owner finds or for which a condition
// holds, in order.
func (a *api) idsOf(prefix string, tenant int64, condition string) []string {
	a.t.Helper()
	table, column := idTables[prefix], "tenant_id"
	if condition == "" {
		condition = table[1]
	}
	if prefix == "acct" {
		column = "id"
	}
	text := scan[string](a, fmt.Sprintf("SELECT coalesce(string_agg(id::text, ' ' ORDER BY id), '') FROM %s WHERE %s = %d AND %s", table[0], column, tenant, condition))
	var ids []string
	for id := range strings.FieldsSeq(text) {
		ids = append(ids, prefix+"_"+id)
	}
	return ids
}

// goneOf are the ids of what was deleted or removed and can be restored.
func (a *api) goneOf(prefix string, tenant int64) []string {
	return a.idsOf(prefix, tenant, "deleted_at IS NOT NULL")
}

// never is an id of the same type that was never given.
func never(id string) string {
	prefix, _, _ := strings.Cut(id, "_")
	return prefix + "_987654321"
}

const nodeFields = `__typename id ... on Account { name } ... on User { email } ... on Site { name domain } ... on Sector { name }
	... on Payment { payerName reference } ... on AuditEvent { action } ... on CreditTransaction { seq } ... on Invoice { number }
	... on Invitation { email } ... on ApiKey { name prefix } ... on SyncEvent { message externalId } ... on Impersonation { reason }
	... on Device { userAgent ip }`

// everything reads all lists that the caller has.
const everything = `{ account { name members { nodes { email } } auditEvents { nodes { after impersonation { reason } } } payments { nodes { payerName reference } }
	sites { nodes { name domain sectors { name } grantedUsers { email } apiKeys { name prefix } wordPress { url username } syncEvents { nodes { message details } } } }
	deletedSites { nodes { name } } removedMembers { nodes { email } } invitations { nodes { email } }
	ledger { nodes { description actor { user { email } } } } subscription { externalPaymentId } }
	viewer { sessions { nodes { userAgent } } } members { nodes { email } } invitations { nodes { email } }
	sites { nodes { name } } creditTransactions { nodes { seq } } payments { nodes { payerName } } }`

// leaks asks as the second account for the first's ids and for all lists, and names what came back
// that should not have. counts is what is asked of a list beside its rows.
func leaks(t *testing.T, second *session, ids []string, counts string) []string {
	t.Helper()
	var found []string
	for _, id := range ids {
		query := `query($id: ID!) { node(id: $id) { ` + nodeFields + ` } nodes(ids: [$id]) { ` + nodeFields + ` } }`
		there := second.raw(t.Context(), second.token, query, map[string]any{"id": id})
		nowhere := second.raw(t.Context(), second.token, query, map[string]any{"id": never(id)})
		if there != nowhere {
			found = append(found, id+": "+there)
		}
		if strings.HasPrefix(id, "site_") {
			// Counts are beyond the net: the lock and the wall keep them.
			query := `query($id: ID!) { site(id: $id) { name } creditTransactions(filter: { siteId: $id }) { nodes { seq } ` + counts + ` } }`
			if second.raw(t.Context(), second.token, query, map[string]any{"id": id}) !=
				second.raw(t.Context(), second.token, query, map[string]any{"id": never(id)}) {
				found = append(found, "site: "+id)
			}
		}
	}
	if text := second.raw(t.Context(), second.token, everything, nil); strings.Contains(text, canary) {
		found = append(found, "lists: "+text)
	}
	return found
}

func TestWalls_EachHoldsAlone(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, pgtest.WithMaxConns(4))
	_, ids := neighbours(serveOn(t, db))

	for name, options := range map[string][]option{
		"all three":                        nil,
		"the scope of queries alone":       {withDB(db.Admin), open},
		"the net of @tenant alone":         {withDB(pgtest.WithoutTenantPredicate(t, db.Admin))},
		"the policies of Postgres alone":   {withDB(pgtest.WithoutTenantPredicate(t, db.App)), open},
		"the scope and the net":            {withDB(db.Admin)},
		"the net and the policies":         {withDB(pgtest.WithoutTenantPredicate(t, db.App))},
		"the scope and the policies alone": {open},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := serveOn(t, db, options...)
			counts := "totalCount"
			if name == "the net of @tenant alone" {
				counts = ""
			}
			if found := leaks(t, a.logIn("second@example.com"), ids, counts); len(found) > 0 {
				t.Errorf("%d leaks: %s", len(found), strings.Join(found, "\n"))
			}
		})
	}

	// Without any of them there is something to see, or the test above would show nothing.
	t.Run("none", func(t *testing.T) {
		t.Parallel()
		a := serveOn(t, db, withDB(pgtest.WithoutTenantPredicate(t, db.Admin)), open)
		found := strings.Join(leaks(t, a.logIn("second@example.com"), ids, "totalCount"), "\n")
		for _, prefix := range []string{"user_", "site_", "sect_", "sub_", "per_", "pay_", "inv_", "grant_", "ctx_", "hold_", "evt_", "invite_", "key_", "sync_", "imp_", "lists: "} {
			if !strings.Contains(found, prefix) {
				t.Errorf("%s does not leak without walls", prefix)
			}
		}
	})
}

// What the walls keep from a neighbour is there for its owner: every type, by its id, in the order asked.
func TestNodes_FindTheCallersOwnThings(t *testing.T) {
	t.Parallel()
	a := serve(t)
	_, ids := neighbours(a)
	owner := a.logIn(canary + "@example.com")
	ids = append(ids, "plan_2", "ind_1", "isec_1", "site_987654321")
	nodes := owner.do(`query($ids: [ID!]!) { nodes(ids: $ids) { `+nodeFields+` } }`, map[string]any{"ids": ids}).ok().get("nodes").([]any)
	for i, id := range ids[:len(ids)-1] {
		if node, ok := nodes[i].(map[string]any); !ok || node["id"] != id {
			t.Errorf("%s is %v", id, nodes[i])
		}
	}
	if nodes[len(ids)-1] != nil {
		t.Errorf("an id that never was is %v", nodes[len(ids)-1])
	}
	for _, id := range []string{"nobody_1", "site_x", "", "site_0"} {
		owner.do(`query($id: ID!) { node(id: $id) { id } }`, map[string]any{"id": id}).refused("INVALID_ID")
	}
	// People below admin do not find money, the log and colleagues, in the node field as little as in lists.
	viewer := owner.member("viewer@example.com", "viewer")
	for _, id := range ids {
		hidden := strings.HasPrefix(id, "pay_") || strings.HasPrefix(id, "rcpt_") || strings.HasPrefix(id, "inv_") || strings.HasPrefix(id, "evt_") ||
			strings.HasPrefix(id, "invite_") || strings.HasPrefix(id, "key_") || strings.HasPrefix(id, "imp_") ||
			strings.HasPrefix(id, "sess_") || strings.HasPrefix(id, "user_") || // somebody else's
			strings.HasPrefix(id, "site_") || strings.HasPrefix(id, "sect_") || strings.HasPrefix(id, "sync_") // not granted
		found := viewer.do(`query($id: ID!) { node(id: $id) { id } }`, map[string]any{"id": id}).ok().get("node") != nil
		if found == hidden {
			t.Errorf("%s: a viewer without sites finds it: %v", id, found)
		}
	}
}
