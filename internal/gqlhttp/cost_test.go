package gqlhttp

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	gqlvalidator "github.com/vektah/gqlparser/v2/validator"
	"github.com/vektah/gqlparser/v2/validator/rules"
	"pgregory.net/rapid"
)

// shop has each shape that costs differently.
var shop = gqlparser.MustLoadSchema(&ast.Source{Input: `
schema { query: Query mutation: Mutation }
type Query {
  hello: String
  tags: [String!]
  site(id: ID): Site
  sites(first: Int, last: Int): SiteConnection
  plans: [Plan!]
  node(id: ID): Node
  nodes(ids: [ID!]!): [Node]!
  people(first: Int = 3): [Person!]!
}
type Mutation { rename(name: String): RenamePayload count: Int }
type RenamePayload { site: Site problems: [Problem!]! }
type Problem { message: String }
interface Node { id: ID! }
type Site implements Node { id: ID! name: String plan: Plan sectors: [Sector!]! sites(first: Int): SiteConnection }
type Sector { name: String plan: Plan }
type Plan { name: String }
type Person { name: String plan: Plan }
type SiteConnection { edges: [SiteEdge!]! nodes: [Site!]! pageInfo: PageInfo! totalCount: Int! owner: Person }
type SiteEdge { cursor: String! node: Site! }
type PageInfo { hasNextPage: Boolean! }
`})

// costOf is what a document costs, after all that happens to one before.
func costOf(t tb, w Weights, query string, variables map[string]any) int {
	t.Helper()
	p := &preparer{limits: DefaultLimits(), validator: newValidator(shop, 5), cache: newDocumentCache(1, 1)}
	d, errs := p.document(query)
	if errs != nil {
		t.Fatalf("%s: %v", query, errs)
	}
	op := d.Operations[0]
	coerced, errs := coerceVariables(shop, d, op, variables, 5)
	if errs != nil {
		t.Fatalf("%s: %v", query, errs)
	}
	values, err := gqlvalidator.VariableValues(shop, op, coerced)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return w.Cost(&graphql.OperationContext{Operation: op, Doc: d.QueryDocument, Variables: values})
}

type tb interface {
	Helper()
	Fatalf(format string, args ...any)
}

func TestCost_FollowsItsRules(t *testing.T) {
	t.Parallel()
	type vars = map[string]any
	for _, c := range []struct {
		query string
		vars  vars
		want  int
	}{
		// Scalars, and the least.
		{`{ hello }`, nil, 1},
		{`{ tags }`, nil, 1},
		{`{ __typename }`, nil, 1},
		{`{ __schema { types { name fields { name } } } }`, nil, 1},
		{`{ __schema { types { name } } __type(name: "Site") { name } site { name } }`, nil, 3},
		// Objects.
		{`{ site { name } }`, nil, 1},
		{`{ site { name plan { name } } }`, nil, 2},
		{`{ a: site { name } b: site { name } }`, nil, 2},
		{`{ node(id: 1) { id ... on Site { plan { name } } } }`, nil, 2},
		// Plain lists.
		{`{ plans { name } }`, nil, 5},
		{`{ site { sectors { plan { name } } } }`, nil, 1 + 5*2},
		{`{ people { name } }`, nil, 3},
		{`{ people(first: 7) { plan { name } } }`, nil, 7 * 2},
		// By ids.
		{`{ nodes(ids: [1, 2, 3]) { id ... on Site { plan { name } } } }`, nil, 3 * 2},
		{`{ nodes(ids: 1) { id } }`, nil, 1},
		{`query($i: [ID!]!) { nodes(ids: $i) { id } }`, vars{"i": []any{"1", "2"}}, 2},
		{`query($i: [ID!]!) { nodes(ids: $i) { id } }`, vars{"i": []any{}}, 1},
		// Connections.
		{`{ sites { nodes { name } } }`, nil, 1 + 20},
		{`{ sites { edges { node { name } cursor } } }`, nil, 1 + 20},
		{`{ sites { edges { cursor } } }`, nil, 1 + 20},
		{`{ sites(first: 5) { nodes { name } pageInfo { hasNextPage } totalCount } }`, nil, 1 + 5},
		{`{ sites(last: 5) { nodes { plan { name } } } }`, nil, 1 + 5*2},
		{`{ sites(first: 5, last: 7) { nodes { name } } }`, nil, 1 + 7},
		{`{ sites(first: 0) { nodes { name } } }`, nil, 1},
		{`{ sites(first: 100) { totalCount } }`, nil, 1},
		{`{ sites(first: 9) { owner { plan { name } } } }`, nil, 1 + 2},
		{`query($n: Int) { sites(first: $n) { nodes { name } } }`, vars{"n": json.Number("50")}, 1 + 50},
		{`query($n: Int) { sites(first: $n) { nodes { name } } }`, vars{"n": nil}, 1 + 20},
		{`query($n: Int) { sites(first: $n) { nodes { name } } }`, nil, 1 + 20},
		{`query($n: Int = 8) { sites(first: $n) { nodes { name } } }`, nil, 1 + 8},
		{`{ sites(first: 10) { nodes { sites(first: 10) { nodes { sectors { name } } } } } }`, nil, 1 + 10*(1+1+10*(1+5))},
		// Fragments, and what is left out.
		{`{ sites(first: 3) { ...S } site { sites(first: 4) { ...S } } } fragment S on SiteConnection { nodes { name } }`, nil, 1 + 3 + 1 + 1 + 4},
		{`{ site { ...P ...P } } fragment P on Site { plan { name } }`, nil, 3},
		{`{ site { ... @include(if: false) { plan { name } } } }`, nil, 1},
		{`{ site { ...P @skip(if: true) } } fragment P on Site { plan { name } }`, nil, 1},
		{`query($yes: Boolean!) { site { plan @skip(if: $yes) { name } sectors @include(if: $yes) { name } } }`, vars{"yes": true}, 1 + 5},
		{`query($yes: Boolean = false) { site { plan @skip(if: $yes) { name } sectors @include(if: $yes) { name } } }`, nil, 2},
		// Mutations.
		{`mutation { count }`, nil, 10},
		{`mutation { rename(name: "x") { site { name } } }`, nil, 10 + 1 + 1},
		{`mutation { ...M } fragment M on Mutation { rename { problems { message } } }`, nil, 10 + 1 + 5},
		{`mutation { ... { rename { site { name } } } }`, nil, 10 + 1 + 1},
	} {
		if got := costOf(t, nil, c.query, c.vars); got != c.want {
			t.Errorf("%s with %v costs %d, want %d", c.query, c.vars, got, c.want)
		}
	}
}

func TestWeights_ReplaceWhatFieldsCost(t *testing.T) {
	t.Parallel()
	w := Weights{"Problem": 0, "SiteConnection.totalCount": 5, "Mutation.rename": 50, "Plan": 3, "Sector.plan": 0, "Query.tags": 4}
	if err := w.Check(shop); err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]int{
		`mutation { rename { problems { message } } }`:         10 + 50,
		`{ sites(first: 2) { totalCount } }`:                   1 + 5,
		`{ site { plan { name } sectors { plan { name } } } }`: 1 + 3 + 5,
		`{ tags }`: 4,
	} {
		if got := costOf(t, w, query, nil); got != want {
			t.Errorf("%s costs %d, want %d", query, got, want)
		}
	}
	for _, name := range []string{"Nothing", "Query.nothing", "Nothing.name", "Query.", ""} {
		if (Weights{name: 1}).Check(shop) == nil {
			t.Errorf("a weight of %q is accepted", name)
		}
	}
	if (Weights{"Plan": -1}).Check(shop) == nil {
		t.Error("a negative weight is accepted")
	}
}

func TestCost_StopsCountingAtAMillion(t *testing.T) {
	t.Parallel()
	query := strings.Repeat(`sites(first: 100) { nodes { `, 6)
	query = `{ site { ` + query + `name` + strings.Repeat(` }`, 12) + ` } }`
	doc, err := gqlparser.LoadQueryWithRules(shop, query, rules.NewDefaultRules())
	if err != nil {
		t.Fatal(err)
	}
	cost := Weights{"Site": 1 << 60}.Cost(&graphql.OperationContext{Operation: doc.Operations[0], Doc: doc})
	if cost != countCap {
		t.Errorf("six pages of 100 in each other cost %d", cost)
	}
}

// Each fragment spreads the next one twice: walked at every spread, sixty of them would never end.
func TestCost_WalksAFragmentOnce(t *testing.T) {
	t.Parallel()
	const fragments = 60
	// By hand: the guard refuses such a document before it is validated, which would take for ever too.
	doc, err := gqlparser.LoadQueryWithRules(shop, `{ site { name } }`, rules.NewDefaultRules())
	if err != nil {
		t.Fatal(err)
	}
	plan := &ast.Field{
		Name: "plan", Definition: shop.Types["Site"].Fields.ForName("plan"), ObjectDefinition: shop.Types["Site"],
		SelectionSet: ast.SelectionSet{&ast.Field{Name: "name", Definition: shop.Types["Plan"].Fields.ForName("name"), ObjectDefinition: shop.Types["Plan"]}},
	}
	last := &ast.FragmentDefinition{Name: "F", SelectionSet: ast.SelectionSet{plan}}
	for i := range fragments {
		spread := func() *ast.FragmentSpread { return &ast.FragmentSpread{Name: last.Name, Definition: last} }
		last = &ast.FragmentDefinition{Name: fmt.Sprint("F", i), SelectionSet: ast.SelectionSet{spread(), spread()}}
	}
	op := doc.Operations[0]
	op.SelectionSet = ast.SelectionSet{&ast.FragmentSpread{Name: last.Name, Definition: last}}
	done := make(chan int, 1)
	go func() { done <- Weights(nil).Cost(&graphql.OperationContext{Operation: op}) }()
	select {
	case cost := <-done:
		if cost != countCap {
			t.Errorf("2^60 plans cost %d", cost)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the fragments are walked again and again")
	}
}

// A larger page never costs less, and a selection more never makes a document cheaper.
func TestCost_GrowsWithWhatIsAsked(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		outer, inner := rapid.IntRange(0, 100).Draw(t, "outer"), rapid.IntRange(0, 100).Draw(t, "inner")
		more := rapid.IntRange(0, 50).Draw(t, "more")
		ask := func(outer, inner int, extra string) int {
			return costOf(t, nil, fmt.Sprintf(`{ sites(first: %d) { nodes { sites(first: %d) { nodes { name } } %s } } }`, outer, inner, extra), nil)
		}
		base := ask(outer, inner, "")
		if want := max(1, 1+outer*(2+inner)); base != want {
			t.Fatalf("%d pages of %d cost %d, want %d", outer, inner, base, want)
		}
		if ask(outer+more, inner, "") < base || ask(outer, inner+more, "") < base || ask(outer, inner, "plan { name }") < base {
			t.Fatalf("more costs less than %d", base)
		}
	})
}

func TestCostRules_SayTheNumbers(t *testing.T) {
	t.Parallel()
	text := CostRules()
	for _, number := range []int{assumedPage, pricedList, mutationCost, minCost} {
		if !strings.Contains(text, fmt.Sprint(" ", number)) {
			t.Errorf("the rules do not say %d:\n%s", number, text)
		}
	}
}
