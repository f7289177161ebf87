package graph

import (
	"fmt"
	"slices"
	"strings"
	"time"

	gql "github.com/vektah/gqlparser/v2/ast"
)

// inlet is where the schema takes a value: an argument, or a field of an input beneath one.
type inlet struct {
	// of is the type that has the field, which is a root's or any object's.
	of    *gql.Definition
	field *gql.FieldDefinition
	// path leads from the argument to the value.
	path []string
	// types are those of the argument and of each field on the way.
	types []*gql.Type
}

// String is how tables name an inlet, e.g. Account.auditEvents(filter.subjectId).
func (p inlet) String() string {
	return p.of.Name + "." + p.field.Name + "(" + strings.Join(p.path, ".") + ")"
}

// value is the type of the value itself.
func (p inlet) value() *gql.Type { return p.types[len(p.types)-1] }

// textScalars are those that can name a thing: all that a client writes as it likes. What is left out is
// a number, a truth, a time or one of an enum's words.
var textScalars = map[string]bool{"ID": true, "String": true, "EmailAddress": true, "URL": true, "JSON": true}

// inlets are all that take a text, in order.
func inlets(s *gql.Schema) []inlet {
	var found []inlet
	var walk func(p inlet)
	walk = func(p inlet) {
		t := p.value()
		d := s.Types[t.Name()]
		if d.Kind != gql.InputObject {
			if textScalars[d.Name] {
				found = append(found, p)
			}
			return
		}
		for _, f := range d.Fields {
			walk(inlet{p.of, p.field, append(slices.Clone(p.path), f.Name), append(slices.Clone(p.types), f.Type)})
		}
	}
	for _, d := range s.Types {
		if d.Kind != gql.Object || strings.HasPrefix(d.Name, "__") {
			continue
		}
		for _, f := range d.Fields {
			for _, arg := range f.Arguments {
				if !strings.HasPrefix(f.Name, "__") {
					walk(inlet{d, f, []string{arg.Name}, []*gql.Type{arg.Type}})
				}
			}
		}
	}
	slices.SortFunc(found, func(a, b inlet) int { return strings.Compare(a.String(), b.String()) })
	return found
}

// selector writes selections that ask for everything.
type selector struct {
	schema *gql.Schema
	// left is how many more fields it may write: a document has a limit.
	left int
}

const (
	// fieldsOfAQuery is less than what one document may select.
	fieldsOfAQuery = 240
	// pageOfAQuery is how many rows of a list are asked for beneath another one.
	pageOfAQuery = 10
)

func newSelector(s *gql.Schema) *selector { return &selector{s, fieldsOfAQuery} }

// all selects every field of a type, and of the types beneath it so many levels down.
func (s *selector) all(typeName string, depth int) string {
	d := s.schema.Types[typeName]
	switch {
	case d.Name == "UserError":
		s.left -= 4
		return " { __typename message field code }"
	case d.IsLeafType():
		return ""
	case d.IsAbstractType():
		return " { " + nodeFields + " }"
	}
	var b strings.Builder
	b.WriteString(" {")
	written := 0
	// What was wrong comes first: there is room for it in any case.
	for _, f := range slices.Backward(d.Fields) {
		if strings.HasPrefix(f.Name, "__") {
			continue
		}
		leaf := s.schema.Types[f.Type.Name()].IsLeafType()
		if !leaf && depth == 0 || s.left < 3 {
			continue
		}
		s.left--
		written++
		b.WriteString(" " + f.Name + s.page(f))
		if !leaf {
			b.WriteString(s.all(f.Type.Name(), s.deeper(f, depth)))
		}
	}
	if written == 0 {
		s.left--
		b.WriteString(" __typename")
	}
	b.WriteString(" }")
	return b.String()
}

// deeper is how many levels are left beneath a field: pages cost none, their rows do.
func (s *selector) deeper(f *gql.FieldDefinition, depth int) int {
	if strings.HasSuffix(f.Type.Name(), "Connection") || f.Type.Name() == "PageInfo" {
		return depth
	}
	return depth - 1
}

// page bounds a list beneath another one.
func (s *selector) page(f *gql.FieldDefinition) string {
	if f.Arguments.ForName("first") == nil {
		return ""
	}
	return fmt.Sprintf("(first: %d)", pageOfAQuery)
}

// neededBeside are the arguments that fields must be given beside the one that is tried. The days are all
// of which use is summed up at once, around any on which the sweep takes place.
var neededBeside = map[string]string{"Query.creditUsage": usageArguments(time.Now())}

func usageArguments(now time.Time) string {
	return fmt.Sprintf("from: %q, to: %q, groupBy: SITE", now.UTC().AddDate(0, 0, -180).Format(time.DateOnly), now.UTC().AddDate(0, 0, 180).Format(time.DateOnly))
}

// query gives an inlet a value, as the variable v. ways lead from the root to values of each type; the
// rest of a mutation's input is base.
func (p inlet) query(s *gql.Schema, ways map[string]string) string {
	sel := newSelector(s)
	depth := 2
	if p.of == s.Mutation {
		return fmt.Sprintf("mutation($in: %s) { %s(input: $in)%s }", p.types[0], p.field.Name, sel.all(p.field.Type.Name(), depth))
	}
	argument := "$v"
	for _, name := range slices.Backward(p.path[1:]) {
		argument = "{ " + name + ": " + argument + " }"
	}
	if p.of == s.Subscription {
		given := p.path[0] + ": " + argument
		if p.field.Name == "siteSynced" && p.path[0] != "siteId" {
			given = ways["LiveEvents.siteSynced"] + given
		}
		return fmt.Sprintf("subscription($v: %s) { %s(%s)%s }", p.value(), p.field.Name, given, sel.all(p.field.Type.Name(), depth))
	}
	others := ""
	if given := neededBeside[p.of.Name+"."+p.field.Name]; given != "" {
		others = given + ", "
	}
	// A field of an input may be null; a variable for it as well.
	return fmt.Sprintf("query($v: %s) { "+ways[p.of.Name]+" }", p.value(),
		fmt.Sprintf("%s(%s%s: %s)%s", p.field.Name, others, p.path[0], argument, sel.all(p.field.Type.Name(), depth)))
}

// nodeReads asks, for each type of Node, what it has: its plain fields at once, and each other field by
// itself with two levels beneath. own is an id of each type.
func nodeReads(s *gql.Schema, own map[string]string) map[string]string {
	found := map[string]string{}
	for _, d := range s.PossibleTypes["Node"] {
		id, ok := own[d.Name]
		if !ok {
			continue
		}
		var plain strings.Builder
		for _, f := range d.Fields {
			if s.Types[f.Type.Name()].IsLeafType() {
				plain.WriteString(" " + f.Name)
				continue
			}
			sel := newSelector(s)
			found[d.Name+"."+f.Name] = fmt.Sprintf("{ node(id: %q) { ... on %s { %s%s%s } } }",
				id, d.Name, f.Name, sel.page(f), sel.all(f.Type.Name(), 2))
		}
		found[d.Name] = fmt.Sprintf("{ node(id: %q) { ... on %s {%s } } }", id, d.Name, plain.String())
	}
	return found
}

// rootReads asks every field of Query, as values gives its arguments, with two levels beneath.
func rootReads(s *gql.Schema, arguments map[string]string) map[string]string {
	found := map[string]string{}
	for _, f := range s.Query.Fields {
		if strings.HasPrefix(f.Name, "__") {
			continue
		}
		sel := newSelector(s)
		given, ok := arguments[f.Name]
		if !ok {
			given = sel.page(f)
		}
		found["Query."+f.Name] = "{ " + f.Name + given + sel.all(f.Type.Name(), 2) + " }"
	}
	return found
}

// liveReads begin to watch by every field of LiveEvents, as values gives its arguments, with two levels
// beneath.
func liveReads(s *gql.Schema, arguments map[string]string) map[string]string {
	found := map[string]string{}
	for _, f := range s.Subscription.Fields {
		sel := newSelector(s)
		given, ok := arguments[f.Name]
		if !ok && len(f.Arguments) > 0 {
			continue
		}
		found["LiveEvents."+f.Name] = "subscription { " + f.Name + given + sel.all(f.Type.Name(), 2) + " }"
	}
	return found
}
