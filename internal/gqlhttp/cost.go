package gqlhttp

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
)

const (
	// minCost is what every request costs at least, also one that is refused before it runs.
	minCost = 1
	// mutationCost is what each root field of a mutation costs beside its selection.
	mutationCost = 10
	// pricedList is how many items a list counts as that nobody asked for by number. It is smaller than
	// assumedList, by which answers are bounded: a bound looks at the worst, a price at what is usual.
	pricedList = 5
)

// Weights replace what fields cost by themselves, before pages multiply it: by "Type.field" for one
// field, or by "Type" for every field that answers that type. They hold for scalars too.
type Weights map[string]int

// CostRules says in Markdown, for people, what an operation costs.
func CostRules() string {
	return fmt.Sprintf(`An operation costs points, by its document and variables, before it runs:

- A scalar or an enum costs nothing, an object 1.
- A list costs its items: each 1, and what is selected in it. A connection, which itself costs 1, has as
  many as `+"`first` or `last`"+` asks for, %d if neither does; a list that is asked for by `+"`ids`"+` as many as
  there are; any other list counts as %d.
- `+"`pageInfo`, and `node` beneath `edges`"+`, cost nothing by themselves, so that `+"`edges { node { … } }`"+` costs what
  `+"`nodes { … }`"+` does.
- A mutation's field costs %d more. `+"`__schema` and `__type`"+` cost 1, whatever is selected in them.
- What `+"`@skip` and `@include`"+` leave out costs nothing. What is selected in two places counts twice.
- Every request costs at least %d, also one that is refused.
`, assumedPage, pricedList, mutationCost, minCost)
}

// Cost is what an operation costs by the rules of CostRules and these weights: from 1 up to a million,
// where counting stops. The operation must be valid. It takes time in proportion to the document: a
// fragment is walked once for each page size that it is spread with.
func (w Weights) Cost(op *graphql.OperationContext) int {
	c := coster{
		estimator: estimator{op: op.Operation, variables: op.Variables},
		weights:   w,
		mutation:  op.Operation.Operation == ast.Mutation,
		memo:      map[costed]int{},
	}
	return max(minCost, c.set(op.Operation.SelectionSet, unpaged, true))
}

// Check says which weights name no type or field of the schema, or are negative.
func (w Weights) Check(schema *ast.Schema) error {
	for _, name := range slices.Sorted(maps.Keys(w)) {
		typeName, field, ofField := strings.Cut(name, ".")
		def := schema.Types[typeName]
		if w[name] < 0 || def == nil || ofField && def.Fields.ForName(field) == nil {
			return fmt.Errorf("gqlhttp: there is no cost of %d for %q", w[name], name)
		}
	}
	return nil
}

// coster adds up what selections cost; pages and variables are read as for the size of the answer.
type coster struct {
	estimator

	weights  Weights
	mutation bool
	memo     map[costed]int
}

type costed struct {
	fragment string
	page     int
	root     bool
}

// set is the cost of a selection set in which lists have page items, as the field above it has said.
func (c *coster) set(set ast.SelectionSet, page int, root bool) int {
	total := 0
	for _, selection := range set {
		switch s := selection.(type) {
		case *ast.Field:
			if c.selected(s.Directives) {
				total += c.field(s, page, root)
			}
		case *ast.InlineFragment:
			if c.selected(s.Directives) {
				total += c.set(s.SelectionSet, page, root)
			}
		case *ast.FragmentSpread:
			if c.selected(s.Directives) {
				total += c.fragment(s, page, root)
			}
		}
		total = min(total, countCap)
	}
	return total
}

func (c *coster) fragment(s *ast.FragmentSpread, page int, root bool) int {
	key := costed{s.Name, page, root}
	n, done := c.memo[key]
	if !done {
		n = c.set(s.Definition.SelectionSet, page, root)
		c.memo[key] = n
	}
	return n
}

func (c *coster) field(f *ast.Field, page int, root bool) int {
	switch {
	case f.Name == "__typename":
		return 0
	case strings.HasPrefix(f.Name, "__"):
		return 1
	}
	own, paged := c.page(f)
	cost, inner := c.weight(f), unpaged
	list := f.Definition.Type.Elem != nil
	if paged && !list {
		inner = own // a connection: the lists in it are its page
	}
	cost += c.set(f.SelectionSet, inner, false)
	if list && len(f.SelectionSet) > 0 {
		items := pricedList
		if ids, given := c.ids(f); given {
			items = ids
		} else if paged {
			items = own
		} else if page != unpaged {
			items = page
		}
		cost *= items
	}
	if root && c.mutation {
		cost += mutationCost
	}
	return min(cost, countCap)
}

// weight is what one item of a field costs without what is selected in it.
func (c *coster) weight(f *ast.Field) int {
	return c.weights.of(f.ObjectDefinition.Name, f.Definition, len(f.SelectionSet) == 0)
}

// of is what one item of a type's field costs by itself; leaf says that nothing is selected in it.
func (w Weights) of(typeName string, f *ast.FieldDefinition, leaf bool) int {
	answers := f.Type.Name()
	for _, name := range [...]string{typeName + "." + f.Name, answers} {
		if n, given := w[name]; given {
			return min(max(n, 0), countCap)
		}
	}
	switch {
	case leaf, answers == "PageInfo":
		return 0
	case f.Name == "node" && strings.HasSuffix(typeName, "Edge"):
		return 0
	}
	return 1
}

// ids is how many items a field is asked for by their ids.
func (c *coster) ids(f *ast.Field) (n int, given bool) {
	arg := f.Arguments.ForName("ids")
	if arg == nil {
		return 0, false
	}
	v, err := arg.Value.Value(c.variables)
	if err != nil {
		return 0, false
	}
	list, ok := v.([]any)
	if !ok {
		return 1, v != nil // a single value stands for a list of one
	}
	return len(list), true
}

// selected says whether @skip and @include leave a selection in.
func (c *coster) selected(directives ast.DirectiveList) bool {
	for _, d := range directives {
		if d.Name != "skip" && d.Name != "include" {
			continue
		}
		arg := d.Arguments.ForName("if")
		if arg == nil {
			continue
		}
		v, err := arg.Value.Value(c.variables)
		if yes, ok := v.(bool); err == nil && ok && yes == (d.Name == "skip") {
			return false
		}
	}
	return true
}
