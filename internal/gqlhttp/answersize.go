package gqlhttp

import (
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

const (
	// assumedPage is how many items a paged field is taken to have if neither first nor last is
	// given, assumedList how many a list has that is not paged.
	assumedPage = 20
	assumedList = 10
	// unpaged is the page of a selection set whose parent has no page to hand on.
	unpaged = -1
)

// guardAnswer bounds how many fields the answer to an operation may have. A document of a few
// fields asks for millions of them where pages nest in pages; once resolvers run, nothing stops
// them but their own number.
func guardAnswer(op *ast.OperationDefinition, variables map[string]any, limit int) *gqlerror.Error {
	e := estimator{op: op, variables: variables}
	if n := e.set(op.SelectionSet, unpaged); n > limit {
		return at(exceeded(AnswerLimit, limit, n,
			"The answer could have more than %d fields. Ask for smaller pages, or for fewer pages within pages.", limit), op.Position)
	}
	return nil
}

// estimator works on a document that is valid, whose fields know their definitions.
type estimator struct {
	op        *ast.OperationDefinition
	variables map[string]any
	memo      map[estimated]int
}

type estimated struct {
	fragment string
	page     int
}

// set estimates a selection set in which lists have page items, as the field above it has said.
func (e *estimator) set(set ast.SelectionSet, page int) int {
	total := 0
	for _, selection := range set {
		switch s := selection.(type) {
		case *ast.Field:
			total += e.field(s, page)
		case *ast.InlineFragment:
			total += e.set(s.SelectionSet, page)
		case *ast.FragmentSpread:
			key := estimated{s.Name, page}
			n, done := e.memo[key]
			if !done {
				n = e.set(s.Definition.SelectionSet, page)
				if e.memo == nil {
					e.memo = map[estimated]int{}
				}
				e.memo[key] = n
			}
			total += n
		}
	}
	return min(total, countCap)
}

func (e *estimator) field(f *ast.Field, page int) int {
	if strings.HasPrefix(f.Name, "__") {
		return 1 // introspection is bounded on its own
	}
	own, paged := e.page(f)
	if f.Definition.Type.Elem == nil {
		inner := unpaged
		if paged {
			inner = own // a connection: the lists in it are its page
		}
		return 1 + e.set(f.SelectionSet, inner)
	}
	n := assumedList
	switch {
	case paged:
		n = own
	case page != unpaged:
		n = page
	}
	return 1 + min(n*e.set(f.SelectionSet, unpaged), countCap)
}

// page is the number of items that a field is asked for by first or last, and whether it has such
// an argument at all.
func (e *estimator) page(f *ast.Field) (n int, paged bool) {
	given := false
	for _, name := range [...]string{"first", "last"} {
		def := f.Definition.Arguments.ForName(name)
		if def == nil {
			continue
		}
		paged = true
		value := def.DefaultValue
		if arg := f.Arguments.ForName(name); arg != nil {
			value = arg.Value
		}
		if items, ok := e.integer(value); ok {
			n, given = max(n, items), true
		}
	}
	if !given {
		n = assumedPage
	}
	return n, paged
}

// integer is the value of a literal or a variable, within 0 and countCap.
func (e *estimator) integer(value *ast.Value) (int, bool) {
	if value != nil && value.Kind == ast.Variable {
		if v, given := e.variables[value.Raw]; given {
			n, ok := v.(int64)
			return int(min(max(n, 0), countCap)), ok
		}
		// The value's own link to the definition may be another operation's.
		def := e.op.VariableDefinitions.ForName(value.Raw)
		if def == nil {
			return 0, false
		}
		value = def.DefaultValue
	}
	v, err := value.Value(nil)
	n, ok := v.(int64)
	return int(min(max(n, 0), countCap)), ok && err == nil
}
