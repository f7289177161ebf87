package graph

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

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
// first's ids, all of them.
func neighbours(a *api) (second *session, ids []string) {
	a.t.Helper()
	staff := a.staff()
	first := a.signUp(canary+"@example.com", canary+" owner")
	second = a.signUp("second@example.com", "Second")
	for i, s := range []*session{first, second} {
		name := []string{canary, "second"}[i]
		site := s.do(createSite, input(map[string]any{"name": name, "domain": name + ".example.com", "industryId": "ind_1"})).ok().
			get("createSite.site.id")
		s.do(`mutation($in: AddSectorInput!) { addSector(input: $in) { sector { id } userErrors { code } } }`,
			input(map[string]any{"siteId": site, "industrySectorId": "isec_1", "name": name})).ok()
		payment := s.do(requestTransfer, input(map[string]any{"planSlug": "starter", "months": 1, "idempotencyKey": "k"})).ok().
			get("requestBankTransfer.payment.id")
		s.do(declare, input(map[string]any{"paymentId": payment, "sentOn": a.clock.day(0), "payerName": name})).ok()
		staff.do(confirm, input(map[string]any{
			"paymentId": payment, "externalPaymentId": name, "receivedOn": a.clock.day(0), "idempotencyKey": name,
			"amount": map[string]any{"amount": "89", "currencyCode": "USD"},
		})).ok().want("confirmPayment.userErrors", "[]")
		s.do(reserve, input(map[string]any{"operation": "CLUSTERING", "quantity": 1, "siteId": site, "idempotencyKey": "k"})).ok().
			want("reserveCredits.userErrors", "[]")
	}
	tenant := first.accountNumber()
	for prefix, table := range map[string]string{
		"acct": "igny8_tenants", "user": "igny8_users", "site": "igny8_sites", "sect": "igny8_sectors", "sub": "igny8_subscriptions",
		"per": "igny8_subscription_periods", "pay": "igny8_payments", "inv": "igny8_invoices", "grant": "igny8_credit_grants",
		"ctx": "igny8_credit_transactions", "hold": "igny8_credit_holds", "evt": "igny8_audit_events",
	} {
		column := "tenant_id"
		if table == "igny8_tenants" {
			column = "id"
		}
		text := scan[string](a, fmt.Sprintf("SELECT string_agg(id::text, ' ') FROM %s WHERE %s = %d", table, column, tenant))
		for id := range strings.FieldsSeq(text) {
			ids = append(ids, prefix+"_"+id)
		}
	}
	return second, ids
}

// never is an id of the same type that was never given.
func never(id string) string {
	prefix, _, _ := strings.Cut(id, "_")
	return prefix + "_987654321"
}

const nodeFields = `__typename id ... on Account { name } ... on User { email } ... on Site { name domain } ... on Sector { name }
	... on Payment { payerName reference } ... on AuditEvent { action } ... on CreditTransaction { seq } ... on Invoice { number }`

// everything reads all lists that the caller has.
const everything = `{ account { name members { nodes { email } } auditEvents { nodes { after } } payments { nodes { payerName reference } }
	sites { nodes { name domain sectors { name } } } ledger { nodes { description actor { user { email } } } } subscription { externalPaymentId } }
	sites { nodes { name } } creditTransactions { nodes { seq } } payments { nodes { payerName } } }`

// leaks asks as the second account for the first's ids and for all lists, and names what came back
// that should not have.
func leaks(t *testing.T, second *session, ids []string) []string {
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
			query := `query($id: ID!) { site(id: $id) { name } creditTransactions(filter: { siteId: $id }) { totalCount } }`
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
			if found := leaks(t, a.logIn("second@example.com"), ids); len(found) > 0 {
				t.Errorf("%d leaks: %s", len(found), strings.Join(found, "\n"))
			}
		})
	}

	// Without any of them there is something to see, or the test above would show nothing.
	t.Run("none", func(t *testing.T) {
		t.Parallel()
		a := serveOn(t, db, withDB(pgtest.WithoutTenantPredicate(t, db.Admin)), open)
		found := strings.Join(leaks(t, a.logIn("second@example.com"), ids), "\n")
		for _, prefix := range []string{"user_", "site_", "sect_", "sub_", "per_", "pay_", "inv_", "grant_", "ctx_", "hold_", "evt_", "lists: "} {
			if !strings.Contains(found, prefix) {
				t.Errorf("%s does not leak without walls", prefix)
			}
		}
	})
}

// What one account's people change never is another's: each mutation that takes an id, given a
// neighbour's, answers as for an id that never was, and changes nothing.
func TestMutations_TreatANeighboursIDLikeNone(t *testing.T) {
	t.Parallel()
	a := serve(t)
	second, ids := neighbours(a)
	byPrefix := map[string]string{}
	for _, id := range ids {
		prefix, _, _ := strings.Cut(id, "_")
		byPrefix[prefix] = id
	}
	checksum := func() string {
		return scan[string](a, `SELECT md5(concat(
			(SELECT string_agg(t::text, '' ORDER BY id) FROM igny8_sites t), (SELECT string_agg(t::text, '' ORDER BY id) FROM igny8_sectors t),
			(SELECT string_agg(t::text, '' ORDER BY id) FROM igny8_payments t), (SELECT string_agg(t::text, '' ORDER BY id) FROM igny8_credit_holds t),
			(SELECT string_agg(t::text, '' ORDER BY id) FROM igny8_credit_transactions t), (SELECT string_agg(t::text, '' ORDER BY tenant_id) FROM igny8_credit_accounts t), (SELECT string_agg(t::text, '' ORDER BY id) FROM igny8_audit_events t)))`)
	}
	before := checksum()
	for name, c := range map[string]struct {
		mutation, prefix string
		in               func(id string) map[string]any
	}{
		"updateSite": {
			`mutation($in: UpdateSiteInput!) { updateSite(input: $in) { site { name } userErrors { message field code } } }`, "site",
			func(id string) map[string]any { return map[string]any{"siteId": id, "name": "taken over"} },
		},
		"addSector": {
			`mutation($in: AddSectorInput!) { addSector(input: $in) { sector { name } userErrors { message field code } } }`, "site",
			func(id string) map[string]any { return map[string]any{"siteId": id, "industrySectorId": "isec_2"} },
		},
		"removeSector": {
			`mutation($in: RemoveSectorInput!) { removeSector(input: $in) { site { name } userErrors { message field code } } }`, "sect",
			func(id string) map[string]any { return map[string]any{"sectorId": id} },
		},
		"declarePayment": {declare, "pay", func(id string) map[string]any {
			return map[string]any{"paymentId": id, "sentOn": a.clock.day(0), "payerName": "somebody"}
		}},
		"captureCredits": {capture, "hold", func(id string) map[string]any { return map[string]any{"holdId": id, "idempotencyKey": "k"} }},
		"releaseCredits": {release, "hold", func(id string) map[string]any { return map[string]any{"holdId": id, "idempotencyKey": "k"} }},
		"refundCredits": {refund, "ctx", func(id string) map[string]any {
			return map[string]any{"transactionId": id, "reason": "somebody's", "idempotencyKey": "k"}
		}},
		"spendCredits": {spend, "site", func(id string) map[string]any {
			return map[string]any{"operation": "CLUSTERING", "siteId": id, "idempotencyKey": "other"}
		}},
		"reserveCredits": {reserve, "site", func(id string) map[string]any {
			return map[string]any{"operation": "CLUSTERING", "quantity": 1, "siteId": id, "idempotencyKey": "other"}
		}},
	} {
		there := second.raw(t.Context(), second.token, c.mutation, input(c.in(byPrefix[c.prefix])))
		nowhere := second.raw(t.Context(), second.token, c.mutation, input(c.in(never(byPrefix[c.prefix]))))
		if there != nowhere || !strings.Contains(there, "NOT_FOUND") {
			t.Errorf("%s: %s\nfor an id that never was: %s", name, there, nowhere)
		}
		// An id of another type is told apart from one that is not there, before any query.
		second.do(c.mutation, input(c.in("plan_1"))).ok().want(name+".userErrors.0.code", "INVALID_ID")
	}
	if after := checksum(); after != before {
		t.Error("something was changed")
	}
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
	// People below admin do not find money and the log, in the node field as little as in lists.
	viewer := owner.member("viewer@example.com", "viewer")
	for _, id := range ids {
		hidden := strings.HasPrefix(id, "pay_") || strings.HasPrefix(id, "inv_") || strings.HasPrefix(id, "evt_") ||
			strings.HasPrefix(id, "site_") || strings.HasPrefix(id, "sect_") // not granted
		found := viewer.do(`query($id: ID!) { node(id: $id) { id } }`, map[string]any{"id": id}).ok().get("node") != nil
		if found == hidden {
			t.Errorf("%s: a viewer without sites finds it: %v", id, found)
		}
	}
}
