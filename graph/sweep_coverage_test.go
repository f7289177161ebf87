package graph

import (
	"slices"
	"strings"
	"testing"

	gql "github.com/vektah/gqlparser/v2/ast"
)

// unruled are the inlets of a schema of which the tables say nothing: what takes a text is swept, or named
// with a reason.
func unruled(s *gql.Schema) []string {
	var found []string
	for _, p := range inlets(s) {
		if _, end := ruleOf(p.String()); end == "" {
			found = append(found, p.String())
		}
	}
	return found
}

// untried are the root fields of a schema that no probe asks for.
func untried(w *neighbourhood, s *gql.Schema) []string {
	done := map[string]bool{"restoreAccount": true}
	for _, d := range doings {
		done[d.name] = true
	}
	base := w.base()
	var found []string
	for _, f := range s.Mutation.Fields {
		if !done[f.Name] || base[f.Name] == nil {
			found = append(found, "Mutation."+f.Name)
		}
	}
	asked := rootReads(s, nil)
	for _, f := range s.Query.Fields {
		if _, read := asked["Query."+f.Name]; !read && !strings.HasPrefix(f.Name, "__") {
			found = append(found, "Query."+f.Name)
		}
	}
	live := liveReads(s, w.arguments())
	for _, f := range s.Subscription.Fields {
		if live["LiveEvents."+f.Name] == "" {
			found = append(found, "LiveEvents."+f.Name)
		}
	}
	nodes := w.ownNodes()
	for _, d := range s.PossibleTypes["Node"] {
		if _, known := nodes[d.Name]; !known {
			found = append(found, d.Name)
		}
	}
	ways := waysTo(nil)
	for _, p := range inlets(s) {
		if p.of != s.Mutation && ways[p.of.Name] == "" {
			found = append(found, p.String()+", to which no way is known")
		}
	}
	return found
}

// inventoried is a neighbourhood without a database, where everybody has enough of everything.
func inventoried(t *testing.T) *neighbourhood {
	t.Helper()
	own := map[string][]string{}
	for _, kind := range append([]string{"other session", "gone user", "gone site", "gone sect", "paid", "owner", "admin", "editor", "viewer", "sevt"}, everyKind...) {
		own[kind] = []string{"x_1", "x_2", "x_3", "x_4"}
	}
	return &neighbourhood{t: t, schema: parsed(t, SDL()), own: own, theirs: own, tokens: map[string]string{}}
}

// Nothing of the schema is left out: every argument and input field that takes a text has a rule, every rule
// has one, and every root field and every type that has an id is asked for.
func TestSweep_CoversTheSchema(t *testing.T) {
	t.Parallel()
	w := inventoried(t)
	if found := unruled(w.schema); len(found) > 0 {
		t.Errorf("no rule says what these are given; see rules in sweep_inputs_test.go: %v", found)
	}
	if found := untried(w, w.schema); len(found) > 0 {
		t.Errorf("not asked for; see doings in sweep_own_test.go and base in sweep_inputs_test.go: %v", found)
	}
	swept, used := 0, map[string]bool{}
	all := inlets(w.schema)
	for _, p := range all {
		r, end := ruleOf(p.String())
		used[end] = true
		if r.why == "" {
			swept++
		}
	}
	for end := range rules {
		if !used[end] {
			t.Errorf("no inlet is ruled by %q", end)
		}
	}
	t.Logf("%d of %d inlets are swept, the others are named with a reason", swept, len(all))
}

// The walk finds what it is for: an input, an argument or a field that is new and that no table knows.
func TestSweep_MissesWhatIsNew(t *testing.T) {
	t.Parallel()
	w := inventoried(t)
	for want, change := range map[string][2]string{
		"Mutation.spendCredits(input.campaignId)":          {"input SpendCreditsInput {", "input SpendCreditsInput {\n  \"New.\"\n  campaignId: ID"},
		"Account.sites(filter.tag)":                        {"input SiteFilter {", "input SiteFilter {\n  \"New.\"\n  tag: String"},
		"Query.viewer(of)":                                 {"  viewer: Viewer", "  viewer(\"New.\" of: ID!): Viewer"},
		"Credits.grants(around), to which no way is known": {"  grants: [CreditGrant!]!", "  grants(\"New.\" around: String): [CreditGrant!]!"},
		"LiveEvents.visited":                               {"type LiveEvents {", "type LiveEvents {\n  \"New.\"\n  visited(\"New.\" siteId: ID!): SiteSynced @public"},
		"Mutation.takeOver":                                {"type Mutation {", "type Mutation {\n  \"New.\"\n  takeOver(\"New.\" input: SignUpInput!): SignUpPayload @public"},
	} {
		sdl := strings.Replace(SDL(), change[0], change[1], 1)
		if sdl == SDL() {
			t.Errorf("the schema no longer says %q", change[0])
			continue
		}
		s := parsed(t, sdl)
		if found := append(unruled(s), untried(w, s)...); !slices.Contains(found, want) {
			t.Errorf("%s is not missed; found: %v", want, found)
		}
	}
}
