package graph

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// operations are everything that the matrix tries.
func operations() []*operation {
	return slices.Concat(
		queries(), signingIn(), accountAndPeople(), sitesAndSectors(), partnersOperations(), payingOperations(), creditOperations(), staffOperations(),
		nodeOperations(), accountFields(), siteFields(), otherFields(), liveEvents(),
	)
}

// A field that nobody tries is a field that anybody may have.
func TestMatrix_CoversEveryRootFieldAndEveryDoor(t *testing.T) {
	t.Parallel()
	s := parsed(t, SDL())
	want := map[string]bool{}
	for name, d := range s.Types {
		for _, f := range d.Fields {
			switch {
			case strings.HasPrefix(f.Name, "__") || d.BuiltIn:
			case d == s.Query || d == s.Mutation || d == s.Subscription:
				want[f.Name] = true
			case f.Directives.ForName("role") != nil:
				want[name+"."+f.Name] = true
			}
		}
	}
	for _, op := range operations() {
		base := op.base()
		typeName, field, nested := strings.Cut(base, ".")
		if nested && s.Types[typeName].Fields.ForName(field) == nil || !nested && !want[base] && s.Query.Fields.ForName(base) == nil && s.Subscription.Fields.ForName(base) == nil && s.Mutation.Fields.ForName(base) == nil {
			t.Errorf("there is no %s", base)
		}
		if len(op.targets) == 0 {
			t.Errorf("%s is tried on nothing", op.name)
		}
	}
	for _, op := range operations() {
		delete(want, op.base())
	}
	for name := range want {
		t.Errorf("%s is not tried", name)
	}
}

func queries() []*operation {
	const page = "(first: 100) { nodes { id } }"
	return []*operation{
		lookUp("node", `query($id: ID!) { node(id: $id) { id } }`, "node", "own sibling foreign").byID("site"),
		lookUp("nodes", `query($id: ID!) { nodes(ids: [$id]) { id } }`, "nodes.0", "own sibling foreign").byID("site"),
		lookUp("viewer", `{ viewer { role account { id } } }`, "viewer", "-"),
		lookUp("account", `{ account { id name status plan { slug } } }`, "account", "-"),
		lookUp("sites", `{ sites`+page+` }`, "sites.nodes", "own sibling foreign").showing("site"),
		lookUp("site", `query($id: ID!) { site(id: $id) { id sectors { id } } }`, "site", "own sibling foreign").byID("site"),
		lookUp("members", `{ members`+page+` }`, "members.nodes", "own foreign").showing("user"),
		lookUp("invitations", `{ invitations`+page+` }`, "invitations.nodes", "own foreign").showing("invitation"),
		lookUp("invitationByToken", `query($id: String!) { invitationByToken(token: $id) { email } }`, "invitationByToken", "own none").byID("invite"),
		lookUp("rateLimit", `{ rateLimit { remaining } }`, "rateLimit", "-"),
		lookUp("plans", `{ plans { id } }`, "plans", "-"),
		lookUp("plan", `{ plan(slug: "starter") { id } }`, "plan", "-"),
		lookUp("industries", `{ industries { id } }`, "industries", "-"),
		lookUp("creditTransactions", `{ creditTransactions`+page+` }`, "creditTransactions.nodes", "own sibling siteless foreign").showing("line"),
		lookUp("creditTransactions:siteId", `query($id: ID) { creditTransactions(first: 100, filter: { siteId: $id }) { nodes { id } } }`,
			"creditTransactions.nodes", "own sibling foreign").byID("site").showing("line"),
		lookUp("creditUsage", `query($from: Date!, $to: Date!) { creditUsage(from: $from, to: $to, groupBy: SITE) { site { id } total } }`,
			"creditUsage", "own sibling foreign").inRange().showing("site"),
		lookUp("creditUsage:siteId", `query($id: ID, $from: Date!, $to: Date!) {
			creditUsage(from: $from, to: $to, groupBy: SITE, filter: { siteId: $id }) { site { id } total } }`,
			"creditUsage", "own sibling foreign").byID("site").inRange().showing("site"),
		lookUp("creditCosts", `{ creditCosts { credits } }`, "creditCosts", "-"),
		lookUp("estimateCredits", `{ estimateCredits(operation: CLUSTERING) { required available } }`, "estimateCredits", "-"),
		lookUp("payments", `{ payments`+page+` }`, "payments.nodes", "own foreign").showing("payment"),
		lookUp("invoices", `{ invoices`+page+` }`, "invoices.nodes", "own foreign").showing("inv"),
		lookUp("invoice", `query($id: ID!) { invoice(id: $id) { id } }`, "invoice", "own foreign").byID("inv"),
		lookUp("previewPlanChange", `{ previewPlanChange(planSlug: "growth") { kind } }`, "previewPlanChange", "-"),
		lookUp("paymentQueue", `{ paymentQueue`+page+` }`, "paymentQueue.nodes", "own foreign").showing("payment"),
		lookUp("stripeDrifts", `{ stripeDrifts(first: 100) { nodes { account { id } } } }`, "stripeDrifts.nodes", "own foreign").showing("account"),
		lookUp("stripePushes", `{ stripePushes(first: 100) { nodes { account { id } } } }`, "stripePushes.nodes", "own foreign").showing("account"),
		lookUp("accounts", `{ accounts`+page+` }`, "accounts.nodes", "own foreign system").showing("account"),
		lookUp("stripeEvents", `{ stripeEvents`+page+` }`, "stripeEvents.nodes", "own foreign system").showing("stripeEvent"),
		lookUp("staffAccount", `query($id: ID!) { staffAccount(id: $id) { id } }`, "staffAccount", "own foreign system").byID("account"),
	}
}

// liveEvents are tried by server-sent events; who is let in to watch is told "ok", whether or not there is
// something to tell.
func liveEvents() []*operation {
	ops := []*operation{
		lookUp("creditsChanged", `subscription { creditsChanged { credits { balance } lastSeq } }`, "creditsChanged", "-"),
		lookUp("creditsLow", `subscription { creditsLow { below } }`, "creditsLow", "-"),
		lookUp("paymentChanged", `subscription($id: ID!) { paymentChanged(paymentId: $id) { payment { id } } }`, "paymentChanged", "own foreign").byID("payment"),
		lookUp("siteSynced", `subscription($id: ID!) { siteSynced(siteId: $id) { syncEvent { id } } }`, "siteSynced", "own sibling foreign").byID("site"),
	}
	for _, op := range ops {
		op.through = []string{"LiveEvents." + op.path}
	}
	return ops
}

// nodeTargets are the kinds of things that have a global id, by which node finds them, and what of each is tried.
var nodeTargets = map[string]struct{ name, targets string }{
	"account": {"Account", "own foreign system"}, "user": {"User", "own foreign"}, "removed": {"User:removed", "own foreign"},
	"site": {"Site", "own sibling foreign"}, "deletedSite": {"Site:deleted", "own foreign"},
	"sector": {"Sector", "own sibling foreign"}, "removedSector": {"Sector:removed", "own sibling foreign"},
	"sub": {"Subscription", "own foreign"}, "per": {"SubscriptionPeriod", "own foreign"}, "payment": {"Payment", "own foreign system"},
	"receipt": {"Receipt", "own foreign system"}, "inv": {"Invoice", "own foreign"}, "grant": {"CreditGrant", "own foreign"}, "line": {"CreditTransaction", "own sibling siteless foreign"},
	"hold": {"CreditHold", "own sibling siteless foreign"}, "session": {"Device", "self own foreign"},
	"syncEvent": {"SyncEvent", "own sibling foreign"}, "apiKey": {"ApiKey", "self own sibling foreign"},
	"invitation": {"Invitation", "own foreign"}, "impersonation": {"Impersonation", "own foreign"}, "evt": {"AuditEvent", "own foreign"},
	"stripeEvent": {"StripeEvent", "own foreign system"},
}

func nodeOperations() []*operation {
	var ops []*operation
	for _, kind := range slices.Sorted(maps.Keys(nodeTargets)) {
		op := lookUp("nodes:"+nodeTargets[kind].name, "", "nodes", nodeTargets[kind].targets)
		op.node = kind
		ops = append(ops, op)
	}
	return ops
}

// node says whether the principal finds an id; it asks for those of all kinds at once.
func (w *realm) node(by *principal, id string) string {
	w.t.Helper()
	if w.nodes[by] == nil {
		w.nodes[by] = w.findNodes(by)
	}
	return w.nodes[by][id]
}

func (w *realm) findNodes(by *principal) map[string]string {
	w.t.Helper()
	asked := map[string]bool{}
	for kind, of := range nodeTargets {
		for target := range strings.FieldsSeq(of.targets) {
			id := cell{w: w, by: by, target: target}.id(kind)
			asked[id] = true
			asked[never(id)] = true
		}
	}
	ids := slices.Sorted(maps.Keys(asked))
	w.watched = w.watched || by.name == "impersonator"
	text := w.ask(by, `query($ids: [ID!]!) { nodes(ids: $ids) { id } }`, map[string]any{"ids": ids})
	found := map[string]string{}
	for i, id := range ids {
		op := &operation{name: "nodes", path: fmt.Sprintf("nodes.%d", i)}
		found[id] = op.read(w, cell{}, text)
		if strings.HasSuffix(id, "_987654321") && found[id] == "ok" {
			w.t.Errorf("%s finds %s, which never was", by.name, id)
		}
	}
	return found
}
