package graph

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	gql "github.com/vektah/gqlparser/v2/ast"
)

// probe is one thing that somebody asks at a stage.
type probe struct {
	name, who string
	run       func(s *stage) string
	// alone says that nothing can be asked after it: it has a stage of its own.
	alone bool
	// writes says that it is a mutation, logs that it leaves something in the caller's log all the same.
	writes, logs bool
	// fails says that a refusal is what is expected of a mutation.
	fails bool
}

func (p probe) String() string { return p.name + " by " + p.who }

// doings are all mutations as the caller's people and others ask them about what is the caller's, in an
// order in which each finds what it needs.
var doings = []struct {
	name, who    string
	alone, fails bool
	// before brings about, past the API, what the operation meets; ?0 is the caller's account, ?1 now.
	before  string
	changes map[string]any
}{
	{name: "updateProfile", who: "owner"},
	{name: "requestEmailVerification", who: "owner"},
	{name: "verifyEmail", who: "nobody"},
	{name: "updateAccount", who: "owner"},
	{name: "inviteMember", who: "owner"},
	{name: "inviteMember", who: "owner", fails: true, changes: map[string]any{"email": ownWord + "-editor@example.com"}},
	{name: "inviteMember", who: "admin", changes: map[string]any{"email": ownWord + "-another@example.com"}},
	{name: "revokeInvitation", who: "owner"},
	{name: "acceptInvitation", who: "nobody"},
	{name: "changeMemberRole", who: "owner"},
	{name: "changeMemberRole", who: "owner", fails: true, changes: map[string]any{"userId": "owner 0", "role": "ADMIN"}},
	{name: "removeMember", who: "owner"},
	{name: "removeMember", who: "owner", fails: true, changes: map[string]any{"userId": "owner 0"}},
	{name: "restoreMember", who: "owner"},
	{name: "updateSite", who: "editor", changes: map[string]any{"name": ownWord + " renamed", "domain": ownWord + "-renamed.example.com", "slug": ownWord + "-renamed"}},
	{name: "addSector", who: "editor"},
	{name: "updateSector", who: "editor"},
	{name: "spendCredits", who: "editor"},
	{name: "createSite", who: "owner", changes: map[string]any{"slug": ownWord + "-new"}},
	{name: "createSite", who: "owner", fails: true, changes: map[string]any{"slug": ownWord + "-3"}},
	{name: "createSite", who: "owner", changes: map[string]any{"name": ownWord + " 4"}},
	{name: "createSite", who: "editor"},
	{name: "updateSite", who: "owner", changes: map[string]any{"name": ownWord + " again"}},
	{name: "updateSite", who: "owner", fails: true, changes: map[string]any{"industryId": "ind_2"}},
	{name: "deleteSite", who: "owner"},
	{name: "restoreSite", who: "owner"},
	{name: "removeSector", who: "owner"},
	{name: "restoreSector", who: "owner"},
	{name: "removeSector", who: "editor", changes: map[string]any{"sectorId": "sect 2"}},
	{name: "restoreSector", who: "editor", changes: map[string]any{"sectorId": "gone sect 1"}},
	{name: "grantSiteAccess", who: "owner"},
	{name: "revokeSiteAccess", who: "owner"},
	{name: "connectWordPress", who: "owner"},
	{name: "checkWordPress", who: "owner"},
	{name: "disconnectWordPress", who: "owner"},
	{name: "createSiteApiKey", who: "owner"},
	{name: "rotateSiteApiKey", who: "owner"},
	{name: "revokeSiteApiKey", who: "owner"},
	{name: "recordSyncEvent", who: "key"},
	{name: "recordSyncEvent", who: "key", changes: map[string]any{"externalId": "1"}},
	{name: "spendCredits", who: "owner", changes: map[string]any{"idempotencyKey": ownWord + " spend more"}},
	{name: "spendCredits", who: "owner", fails: true, changes: map[string]any{"idempotencyKey": ownWord + " spent", "description": "other"}},
	{name: "spendCredits", who: "owner", changes: map[string]any{"idempotencyKey": ownWord + " spent"}},
	{name: "spendCredits", who: "owner", changes: map[string]any{"idempotencyKey": "1", "description": nil, "metadata": nil}},
	{name: "spendCredits", who: "key", changes: map[string]any{"idempotencyKey": ownWord + " spend by key"}},
	{name: "reserveCredits", who: "owner"},
	{name: "reserveCredits", who: "key", changes: map[string]any{"idempotencyKey": ownWord + " reserve by key"}},
	{name: "captureCredits", who: "owner"},
	{name: "releaseCredits", who: "owner"},
	{name: "refundCredits", who: "owner"},
	{name: "setSiteBudget", who: "owner"},
	{name: "setSiteBudget", who: "admin", changes: map[string]any{"monthlyCredits": nil}},
	{name: "requestBankTransfer", who: "owner"},
	{name: "requestBankTransfer", who: "owner", changes: map[string]any{"idempotencyKey": ownWord + " 0", "months": 1}},
	{name: "declarePayment", who: "owner"},
	{
		name: "cancelPayment", who: "owner", alone: true,
		before: `UPDATE igny8_payments SET declared_at = NULL, sent_on = NULL, payer_name = NULL, proof_url = NULL WHERE tenant_id = ?0 AND status = 'pending'`,
	},
	{
		name: "startCheckout", who: "owner", alone: true,
		before: `UPDATE igny8_payments SET declared_at = NULL, sent_on = NULL, payer_name = NULL, proof_url = NULL WHERE tenant_id = ?0 AND status = 'pending'`,
	},
	{name: "openBillingPortal", who: "owner", alone: true, fails: true},
	{name: "changePlan", who: "owner", alone: true},
	{ // A period that runs has not begun yet.
		name: "requestBankTransfer", who: "owner", alone: true, changes: map[string]any{"idempotencyKey": ownWord + " begins"},
		before: `UPDATE igny8_subscription_periods SET begun_at = NULL WHERE tenant_id = ?0 AND kind = 'paid'`,
	},
	{name: "changePlan", who: "owner", alone: true, changes: map[string]any{"planSlug": "free"}},
	{name: "cancelSubscription", who: "owner", alone: true},
	{name: "resumeSubscription", who: "owner"},
	{name: "assignPlan", who: "staff", alone: true, changes: map[string]any{"until": "2030-01-01T00:00:00Z"}},
	{name: "setAccountTax", who: "staff"},
	{
		// All but one of the payment's own credits are spent, so that others are taken too.
		name: "refundPayment", who: "staff", alone: true, changes: map[string]any{"paymentId": "paid 0"},
		before: `UPDATE igny8_credit_grants AS g SET amount = amount + 1000, remaining = CASE WHEN payment_id IS NULL THEN remaining + moved - 1 ELSE 1 END
			FROM (SELECT sum(remaining) AS moved FROM igny8_credit_grants WHERE tenant_id = ?0 AND payment_id IS NOT NULL) AS m
			WHERE tenant_id = ?0 AND (payment_id IS NOT NULL OR id = (SELECT min(id) FROM igny8_credit_grants WHERE tenant_id = ?0))`,
	},
	{name: "rejectPayment", who: "staff"},
	{name: "retryStripeEvent", who: "staff"},
	{name: "confirmPayment", who: "staff"},
	{name: "recordReceipt", who: "staff", alone: true, changes: map[string]any{"amount": map[string]any{"amount": "500", "currencyCode": "USD"}}},
	{
		name: "decideReceipt", who: "staff", alone: true,
		changes: map[string]any{"decision": "RETURN", "externalPaymentId": ownWord + " sent", "idempotencyKey": ownWord + " sent"},
	},
	{name: "confirmPayment", who: "staff", changes: map[string]any{"paymentId": "paid 0", "externalPaymentId": ownWord, "idempotencyKey": ownWord}},
	{name: "recordReceipt", who: "staff"},
	{
		name: "decideReceipt", who: "staff",
		changes: map[string]any{"receiptId": "rcpt 0", "decision": "RETURN", "externalPaymentId": ownWord + " back", "idempotencyKey": ownWord + " takes two"},
	},
	{name: "decideReceipt", who: "staff"},
	{ // Nothing else of the payment is held.
		name: "decideReceipt", who: "staff", alone: true, changes: map[string]any{"idempotencyKey": ownWord + " the last"},
		before: `UPDATE igny8_receipts SET status = 'returned', decided_at = created_at, decided_by = recorded_by, reason = '', return_id = 'back ' || id
			WHERE tenant_id = ?0 AND status = 'held' AND id <> (SELECT id FROM igny8_receipts WHERE tenant_id = ?0 ORDER BY id OFFSET 1 LIMIT 1)`,
	},
	{name: "setCreditCost", who: "staff"},
	{name: "adjustCredits", who: "staff"},
	{name: "adjustCredits", who: "staff", changes: map[string]any{"amount": -7, "idempotencyKey": ownWord + " adjust less"}},
	{name: "impersonate", who: "staff"},
	{name: "endImpersonation", who: "staff"},
	{name: "logIn", who: "nobody"},
	{name: "logIn", who: "nobody", changes: map[string]any{"email": ownWord + "-viewer@example.com"}}, // whose hash is renewed
	{name: "refreshSession", who: "nobody"},
	{name: "logOut", who: "owner"},
	{name: "revokeSession", who: "owner"},
	{name: "logOutEverywhere", who: "owner"},
	{name: "changePassword", who: "admin"},
	{name: "requestPasswordReset", who: "nobody"},
	{name: "resetPassword", who: "nobody"},
	{name: "signUp", who: "nobody"},
	{name: "endImpersonation", who: "impersonator", alone: true, changes: map[string]any{"accountId": nil}},
	{
		name: "spendCredits", who: "owner", alone: true, changes: map[string]any{"idempotencyKey": ownWord + " of what is over"},
		before: `UPDATE igny8_credit_grants SET expires_at = ?1 WHERE tenant_id = ?0 AND id = (SELECT min(id) FROM igny8_credit_grants WHERE tenant_id = ?0)`,
	},
	{name: "rejectPayment", who: "staff", alone: true, before: `UPDATE igny8_tenants SET status = 'pending_payment' WHERE id = ?0`},
	{name: "suspendAccount", who: "staff", alone: true},
	{name: "reactivateAccount", who: "staff", alone: true, fails: true},
	{
		name: "createTestClock", who: "staff", alone: true,
		before: `WITH paid AS (UPDATE igny8_payments SET status = 'withdrawn' WHERE tenant_id = ?0 AND status NOT IN ('pending', 'expired')),
			subscribed AS (UPDATE igny8_subscriptions SET stripe_subscription_id = NULL WHERE tenant_id = ?0),
			bought AS (DELETE FROM igny8_stripe_customers WHERE tenant_id = ?0),
			began AS (DELETE FROM igny8_stripe_checkouts WHERE tenant_id = ?0)
			UPDATE igny8_tenants SET stripe_customer_id = NULL WHERE id = ?0`,
	},
	{
		name: "advanceTestClock", who: "staff", alone: true,
		before: `UPDATE igny8_tenants SET clock_at = timestamptz '2030-12-01Z' WHERE id = ?0`,
	},
	{name: "transferOwnership", who: "owner", alone: true},
	{name: "deleteAccount", who: "owner", alone: true},
}

// ownProbes ask for all that the caller has, by everybody who may, and do all that can be done with it.
func (w *neighbourhood) ownProbes() []probe {
	var probes []probe
	read := func(name, query string, variables map[string]any, by ...string) {
		for _, who := range by {
			probes = append(probes, probe{name: name, who: who, run: func(s *stage) string { return s.ask(who, query, variables) }})
		}
	}
	everybody := []string{"owner", "editor", "key", "impersonator"}
	for name, query := range sorted(nodeReads(w.schema, w.ownNodes())) {
		read(name, query, nil, everybody...)
	}
	for name, query := range sorted(rootReads(w.schema, w.arguments())) {
		by := everybody
		if f := w.schema.Query.Fields.ForName(strings.TrimPrefix(name, "Query.")); forStaff(f) {
			// Lists of all accounts show the mirror, as they should.
			if len(f.Arguments) > 1 {
				continue
			}
			by = []string{"staff"}
		}
		read(name, query, nil, append(slices.Clone(by), "viewer")...)
	}
	for name, query := range sorted(liveReads(w.schema, w.arguments())) {
		read(name, query, nil, append(slices.Clone(everybody), "viewer")...)
	}
	for _, p := range inlets(w.schema) {
		if p.of == w.schema.Mutation || forStaff(p.field) {
			continue
		}
		for _, value := range w.ownValues(p) {
			read(p.String()+" "+value, p.query(w.schema, waysTo(w.own)), p.variables(w.schema, nil, value), "owner", "editor", "key")
		}
	}
	probes = append(probes, probe{name: "the export", who: "owner", logs: true, run: func(s *stage) string { return s.export("owner") }})

	base := w.base()
	for _, d := range doings {
		in := maps.Clone(base[d.name])
		for k, v := range d.changes {
			in[k] = w.named(v)
		}
		query := w.mutation(d.name)
		probes = append(probes, probe{
			name: strings.TrimSpace(d.name + " " + fmt.Sprint(d.changes)), who: d.who, alone: d.alone, writes: true, fails: d.fails,
			run: func(s *stage) string {
				if d.before != "" {
					s.exec(d.before, w.caller, time.Unix(0, w.nanos).UTC())
				}
				return s.ask(d.who, query, input(in))
			},
		})
	}
	return append(probes, probe{
		name: "restoreAccount", who: "nobody", alone: true, writes: true, run: func(s *stage) string {
			gone := s.ask("owner", w.mutation("deleteAccount"), input(base["deleteAccount"]))
			token := w.letters(s.t, s.r, s.db.Admin)["restore-account "+ownWord+"@example.com"]
			// Somebody who belonged to it is somebody else's by then.
			gone += s.ask("nobody", w.mutation("signUp"), input(map[string]any{"email": ownWord + "-viewer@example.com", "password": password, "name": ownWord}))
			return gone + s.ask("nobody", w.mutation("restoreAccount"), input(map[string]any{"token": token}))
		},
	})
}

var naming = regexp.MustCompile(`^(owner|paid|rcpt|sect|gone sect) (\d)$`)

// named is the id that a change names by what the caller has and its number, or the value itself.
func (w *neighbourhood) named(value any) any {
	text, _ := value.(string)
	if parts := naming.FindStringSubmatch(text); parts != nil {
		return w.own[parts[1]][parts[2][0]-'0']
	}
	return value
}

func (w *neighbourhood) mutation(name string) string {
	f := w.schema.Mutation.Fields.ForName(name)
	return inlet{of: w.schema.Mutation, field: f, types: []*gql.Type{f.Arguments[0].Type}}.query(w.schema, nil)
}

// ownNodes are one id of each type.
func (w *neighbourhood) ownNodes() map[string]string {
	own := map[string]string{"Plan": "plan_2", "Industry": "ind_1", "IndustrySector": "isec_1"}
	for typeName, prefix := range map[string]string{
		"Account": "acct", "User": "user", "Site": "site", "Sector": "sect", "Subscription": "sub", "SubscriptionPeriod": "per", "Payment": "paid",
		"Receipt": "rcpt", "Invoice": "inv", "CreditGrant": "grant", "CreditTransaction": "ctx", "CreditHold": "hold", "AuditEvent": "evt", "Invitation": "invite",
		"ApiKey": "key", "SyncEvent": "sync", "Impersonation": "imp", "Device": "sess", "StripeEvent": "sevt",
	} {
		own[typeName] = first(w.own[prefix])
	}
	return own
}

// arguments are what root fields take that must be given something.
func (w *neighbourhood) arguments() map[string]string {
	return map[string]string{
		"node": fmt.Sprintf("(id: %q)", first(w.own["site"])), "nodes": fmt.Sprintf("(ids: [%q, %q])", first(w.own["user"]), first(w.own["hold"])),
		"invoice": fmt.Sprintf("(id: %q)", first(w.own["inv"])),
		"site":    fmt.Sprintf("(id: %q)", first(w.own["site"])), "staffAccount": fmt.Sprintf("(id: %q)", first(w.own["acct"])),
		"paymentChanged": fmt.Sprintf("(paymentId: %q)", first(w.own["pay"])), "siteSynced": fmt.Sprintf("(siteId: %q, after: \"sync_1\")", first(w.own["site"])),
		"plan": `(slug: "starter")`, "estimateCredits": "(operation: CLUSTERING)", "previewPlanChange": `(planSlug: "growth")`,
		"creditUsage":       "(" + neededBeside["Query.creditUsage"] + ")",
		"invitationByToken": fmt.Sprintf("(token: %q)", w.tokens["accept-invitation "+ownWord+"-guest@example.com"]),
	}
}

// ownValues are the caller's own values of an inlet of a query.
func (w *neighbourhood) ownValues(p inlet) []string {
	r, _ := ruleOf(p.String())
	if list := p.of.Name + "." + p.field.Name; p.path[0] == "after" || p.path[0] == "before" {
		return w.ownCursors[list]
	}
	if r.theirs == nil || p.of == w.schema.Query && p.value().Name() != "ID" {
		return nil
	}
	mine := *w
	mine.theirs = w.own
	return eachKind(r.theirs(&mine))
}

// eachKind keeps the first id of each type.
func eachKind(ids []string) []string {
	var kept []string
	seen := map[string]bool{}
	for _, id := range ids {
		prefix, _, isID := strings.Cut(id, "_")
		if !isID || !seen[prefix] {
			kept = append(kept, id)
		}
		seen[prefix] = true
	}
	return kept
}

func sorted(m map[string]string) func(func(string, string) bool) {
	return func(yield func(string, string) bool) {
		for _, k := range slices.Sorted(maps.Keys(m)) {
			if !yield(k, m[k]) {
				return
			}
		}
	}
}

// day is the day on which the sweep takes place.
func (w *neighbourhood) day() string { return time.Unix(0, w.nanos).UTC().Format(time.DateOnly) }
