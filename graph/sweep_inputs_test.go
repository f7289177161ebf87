package graph

import (
	"maps"
	"slices"
	"strings"

	gql "github.com/vektah/gqlparser/v2/ast"
)

// rule says what an inlet is given.
type rule struct {
	// theirs are values of the neighbour's. never is one of the same form that never was anybody's, made
	// of one of theirs.
	theirs func(w *neighbourhood) []string
	never  func(theirs string) string
	// echoed says that the answer repeats the value, which is no secret to whoever gave it.
	echoed bool
	// accepted says that the value is taken as any other is, so that the operation succeeds.
	accepted bool
	// why is the reason for which the inlet is not swept: no value of it is one account's, or the
	// contract has it told.
	why string
}

func ids(kinds ...string) rule {
	return rule{never: never, theirs: func(w *neighbourhood) []string {
		var all []string
		for _, kind := range kinds {
			all = append(all, w.theirs[kind]...)
		}
		return all
	}}
}

// word sweeps what are texts of the neighbour's.
func word(texts ...string) rule {
	return rule{
		theirs: func(*neighbourhood) []string { return texts },
		never:  func(theirs string) string { return strings.Replace(theirs, canary, "cuckoo", 1) },
	}
}

func echo(r rule) rule {
	r.echoed, r.accepted = true, true
	return r
}

func accept(r rule) rule {
	r.accepted = true
	return r
}

func because(why string) rule { return rule{why: why} }

// ticketed sweeps a token that names something of the neighbour's and proves nothing, against one that names
// what never was. A good one is no other account's value: whoever holds it is who it was mailed to.
func ticketed(kind string) rule {
	return rule{never: unknownTicket, theirs: func(w *neighbourhood) []string {
		return []string{forgedTicket(w.tokens[kind])}
	}}
}

const (
	global   = "the catalogue is everybody's"
	ownPages = "only pages of the web application are led back to"
	freeText = "a text that is kept, and compared with nothing"
	bearer   = "whoever has it is who it was given to"
)

// rules say what inlets are given, by the end of their names, the longest that fits.
var rules = map[string]rule{
	"Query.invoice(id)": ids("inv"),
	"taxId)":            because("a text that is kept, and compared with nothing"),
	"Query.node(id)":    ids(everyKind...), "Query.nodes(ids)": ids(everyKind...),
	"(id)":                         ids("site", "gone site"),
	"siteId)":                      ids("site", "gone site"),
	"siteIds)":                     ids("site", "gone site"),
	"sectorId)":                    ids("sect", "gone sect"),
	"userId)":                      ids("user", "gone user"),
	"invitationId)":                ids("invite"),
	"apiKeyId)":                    ids("key"),
	"paymentId)":                   ids("pay"),
	"receiptId)":                   ids("rcpt"),
	"holdId)":                      ids("hold"),
	"transactionId)":               ids("ctx"),
	"sessionId)":                   ids("sess"),
	"accountId)":                   ids("acct"),
	"staffAccount(id)":             ids("acct"),
	"actorId)":                     ids("user", "gone user", "key"),
	"subjectId)":                   ids(append(slices.Clone(everyKind), "gone site", "gone user", "gone sect")...),
	"(after)":                      {never: elsewhere}, // theirs are the list's own
	"(before)":                     {never: elsewhere},
	"LiveEvents.siteSynced(after)": because("a place in the list of the caller's own site, by its number alone"),

	"idempotencyKey)":                       accept(word(canary)),
	"externalId)":                           echo(word(canary + "-1")),
	"createSite(input.slug)":                echo(word(canary + "-shop")),
	"updateSite(input.slug)":                echo(word(canary + "-market")),
	"createSite(input.name)":                echo(word(canary + " fair")),
	"domain)":                               echo(word(canary + "-shop.example.com")),
	"confirm)":                              word(canary + "-owner"),
	"inviteMember(input.email)":             echo(word(canary+"@example.com", canary+"-guest@example.com", canary+"-gone@example.com")),
	"billingEmail)":                         echo(word(canary + "@example.com")),
	"logIn(input.email)":                    word(canary + "@example.com"),
	"requestPasswordReset(input.email)":     word(canary + "@example.com"),
	"requestEmailVerification(input.email)": word(canary + "@example.com"),
	"externalPaymentId)":                    word(canary),
	"search)":                               word(canary),
	"logOut(input.refreshToken)": {
		theirs: func(w *neighbourhood) []string { return []string{w.tokens["their refresh token"]} },
		never:  func(theirs string) string { return theirs[:len(theirs)-8] + "00000000" },
	},
	"invitationByToken(token)":      ticketed("accept-invitation " + canary + "-guest@example.com"),
	"acceptInvitation(input.token)": ticketed("accept-invitation " + canary + "-guest@example.com"),
	"resetPassword(input.token)":    ticketed("reset-password " + canary + "@example.com"),
	"verifyEmail(input.token)":      ticketed("verify-email " + canary + "@example.com"),
	"restoreAccount(input.token)":   ticketed("restore-account " + canary + "-left@example.com"),

	"successUrl)":                          because(ownPages),
	"cancelUrl)":                           because(ownPages),
	"returnUrl)":                           because(ownPages),
	"eventId)":                             because("staff's list of what Stripe told is of all accounts"),
	"stripeEvents(filter.type)":            because("the names of types are Stripe's"),
	"Query.paymentQueue(filter.reference)": because("it names account and payment, for staff alone, whose list is of all accounts"),
	"planSlug)":                            because(global),
	"Query.plan(slug)":                     because(global),
	"industryId)":                          because(global),
	"industrySectorId)":                    because(global),
	"signUp(input.email)":                  because("an address signs one person in: sign-up has to say TAKEN"),
	"updateAccount(input.slug)":            because("the slugs of accounts are unique among all: it has to say TAKEN"),
	"refreshSession(input.refreshToken)":   because(bearer),
	"ame)":                                 because(freeText), // name, accountName, payerName, username
	"description)":                         because(freeText),
	"reason)":                              because(freeText),
	"message)":                             because(freeText),
	"details)":                             because(freeText),
	"metadata)":                            because(freeText),
	"proofUrl)":                            because(freeText),
	"input.url)":                           because(freeText),
	"action)":                              because("the names of actions are everybody's"),
	"assword)":                             because("compared with one person's alone, whom another inlet names"),
}

// everyKind are the types of things that have ids and belong to accounts.
var everyKind = slices.Sorted(maps.Keys(idTables))

// ruleOf is the rule of an inlet, with the end of its name that has it; none where the tables do not know
// it.
func ruleOf(name string) (r rule, end string) {
	for candidate := range rules {
		if strings.HasSuffix(name, candidate) && len(candidate) > len(end) {
			end = candidate
		}
	}
	return rules[end], end
}

// base is the input of each mutation: valid, and about what is the caller's.
func (w *neighbourhood) base() map[string]map[string]any {
	own := func(kind string, n int) string {
		if n < len(w.own[kind]) {
			return w.own[kind][n]
		}
		w.t.Errorf("the caller has no %s %d", kind, n)
		return ""
	}
	site, word := own("site", 0), ownWord
	day := w.day()
	return map[string]map[string]any{
		"signUp":                   {"email": word + "-new@example.com", "password": password, "name": word},
		"logIn":                    {"email": word + "@example.com", "password": password},
		"refreshSession":           {"refreshToken": w.tokens["refresh"]},
		"logOut":                   {"refreshToken": w.tokens["logOut"]},
		"logOutEverywhere":         {"keepCurrent": true},
		"revokeSession":            {"sessionId": own("other session", 0)},
		"changePassword":           {"currentPassword": password, "newPassword": password + " too"},
		"updateProfile":            {"name": word + " renamed"},
		"requestPasswordReset":     {"email": word + "@example.com"},
		"resetPassword":            {"token": w.tokens["reset-password "+word+"-viewer@example.com"], "newPassword": password + " too"},
		"requestEmailVerification": {"email": word + "@example.com"},
		"verifyEmail":              {"token": w.tokens["verify-email "+word+"@example.com"]},

		"updateAccount":     {"name": word + " renamed", "slug": word + "-renamed", "billingEmail": word + "-bills@example.com", "deletionRetentionDays": 20},
		"deleteAccount":     {"confirm": word + "-owner", "reason": word},
		"restoreAccount":    {"token": w.tokens["restore-account "+word+"@example.com"]},
		"transferOwnership": {"userId": own("admin", 0)},
		"inviteMember":      {"email": word + "-invited@example.com", "role": "EDITOR", "siteIds": []any{site}},
		"revokeInvitation":  {"invitationId": own("invite", 1)},
		"acceptInvitation":  {"token": w.tokens["accept-invitation "+word+"-guest@example.com"], "name": word, "password": password},
		"changeMemberRole":  {"userId": own("viewer", 1), "role": "EDITOR"},
		"removeMember":      {"userId": own("viewer", 2)},
		"restoreMember":     {"userId": own("gone user", 0)},
		"grantSiteAccess":   {"siteId": own("site", 1), "userId": own("editor", 0)},
		"revokeSiteAccess":  {"siteId": site, "userId": own("editor", 0)},

		"createSite":    {"name": word + " new", "domain": word + "-new.example.com", "industryId": "ind_1"},
		"updateSite":    {"siteId": site},
		"deleteSite":    {"siteId": own("site", 2)},
		"restoreSite":   {"siteId": own("gone site", 0)},
		"addSector":     {"siteId": site, "industrySectorId": "isec_5", "name": word + " new"},
		"updateSector":  {"sectorId": own("sect", 0), "name": word + " renamed", "active": false},
		"restoreSector": {"sectorId": own("gone sect", 0)},
		"removeSector":  {"sectorId": own("sect", 1)},

		"connectWordPress": {
			"siteId": site, "url": "https://" + word + ".example.com/other", "username": word + " other",
			"applicationPassword": "abcd EFGH 1234 ijkl MNOP 9999",
		},
		"checkWordPress":      {"siteId": site},
		"disconnectWordPress": {"siteId": site},
		"createSiteApiKey":    {"siteId": site, "name": word + " new", "scopes": []any{"SYNC"}},
		"rotateSiteApiKey":    {"apiKeyId": own("key", 1), "overlap": 60},
		"revokeSiteApiKey":    {"apiKeyId": own("key", 2)},
		"recordSyncEvent": {
			"kind": "PUBLISH", "direction": "TO_SITE", "outcome": "SUCCEEDED", "message": word, "details": map[string]any{"title": word}, "externalId": word + " new",
		},

		"spendCredits":   {"operation": "CLUSTERING", "siteId": site, "description": word, "metadata": map[string]any{"for": word}, "idempotencyKey": word + " spend"},
		"reserveCredits": {"operation": "CLUSTERING", "quantity": 1, "siteId": site, "idempotencyKey": word + " reserve"},
		"captureCredits": {"holdId": own("hold", 1), "idempotencyKey": word + " capture"},
		"releaseCredits": {"holdId": own("hold", 2), "idempotencyKey": word + " release"},
		"refundCredits":  {"transactionId": own("ctx", 0), "reason": word, "idempotencyKey": word + " refund"},
		"setSiteBudget":  {"siteId": site, "monthlyCredits": 9000},

		"requestBankTransfer": {"planSlug": "starter", "months": 2, "idempotencyKey": word + " request"},
		"declarePayment":      {"paymentId": own("pay", 0), "sentOn": day, "payerName": word, "proofUrl": "https://" + word + ".example.com/proof"},
		"confirmPayment": {
			"paymentId": own("pay", 1), "externalPaymentId": word + " new", "receivedOn": day, "idempotencyKey": word + " confirm",
			"amount": map[string]any{"amount": "89", "currencyCode": "USD"},
		},
		"cancelPayment":      {"paymentId": own("pay", 2)},
		"startCheckout":      {"paymentId": own("pay", 2), "idempotencyKey": word + " checkout"},
		"openBillingPortal":  {},
		"changePlan":         {"planSlug": "scale", "months": 1, "idempotencyKey": word + " change"},
		"cancelSubscription": {"reason": word},
		"resumeSubscription": {"keepPlan": true},
		"assignPlan": {
			"accountId": own("acct", 0), "planSlug": "enterprise", "until": day + "T00:00:00Z", "reason": word, "idempotencyKey": word + " assign",
			"monthlyPrice": map[string]any{"amount": "500", "currencyCode": "USD"},
		},
		"refundPayment": {"paymentId": own("pay", 1), "reason": word, "idempotencyKey": word + " refund"},
		"setAccountTax": {"accountId": own("acct", 0), "taxRate": 1900, "taxId": "DE123456789"},
		"recordReceipt": {
			"paymentId": own("pay", 3), "externalPaymentId": word + " part", "receivedOn": day, "idempotencyKey": word + " record",
			"amount": map[string]any{"amount": "1", "currencyCode": "USD"},
		},
		"decideReceipt":     {"receiptId": own("rcpt", 1), "decision": "CREDIT", "reason": word, "idempotencyKey": word + " decide"},
		"retryStripeEvent":  {"eventId": own("sevt", 0)},
		"rejectPayment":     {"paymentId": own("pay", 2), "reason": word},
		"adjustCredits":     {"accountId": own("acct", 0), "amount": 5, "reason": word, "idempotencyKey": word + " adjust"},
		"setCreditCost":     {"operation": "CLUSTERING", "credits": 11, "unitSize": 1},
		"suspendAccount":    {"accountId": own("acct", 0), "reason": word},
		"reactivateAccount": {"accountId": own("acct", 0), "reason": word},
		"createTestClock":   {"accountId": own("acct", 0), "idempotencyKey": word + " clock"},
		"advanceTestClock":  {"accountId": own("acct", 0), "to": "2031-01-01T00:00:00Z"},
		"impersonate":       {"accountId": own("acct", 0), "reason": word + " asked again", "minutes": 5},
		"endImpersonation":  {"accountId": own("acct", 0)},
	}
}

// with is a copy of an input in which the value at a path is another one.
func with(in map[string]any, path []string, value any) map[string]any {
	changed := maps.Clone(in)
	if changed == nil {
		changed = map[string]any{}
	}
	if len(path) == 1 {
		changed[path[0]] = value
		return changed
	}
	inner, _ := changed[path[0]].(map[string]any)
	changed[path[0]] = with(inner, path[1:], value)
	return changed
}

// variables give an inlet a value; a list is of this one.
func (p inlet) variables(schema *gql.Schema, base map[string]map[string]any, value string) map[string]any {
	var given any = value
	if p.value().Elem != nil {
		given = []any{value}
	}
	if p.of == schema.Mutation {
		return input(with(base[p.field.Name], p.path[1:], given))
	}
	return map[string]any{"v": given}
}
