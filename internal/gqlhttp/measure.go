package gqlhttp

import (
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"igny8.com/accounts/internal/fault"
)

// countCap is where counting stops: a fragment bomb of sixty levels has more fields than an int.
const countCap = 1_000_000

// size is how large a selection is once its fragments are expanded. Depth is the length of the
// longest path of fields in it, lists the largest number of lists of types on one path; the rest
// are sums. What lies under an introspection field is kept apart.
type size struct {
	depth, fields, aliases, directives int
	introspection                      struct{ depth, fields, aliases, lists int }
}

// plus is the size of two selections side by side.
func (s size) plus(o size) size {
	s.depth = max(s.depth, o.depth)
	s.fields = min(s.fields+o.fields, countCap)
	s.aliases = min(s.aliases+o.aliases, countCap)
	s.directives = min(s.directives+o.directives, countCap)
	s.introspection.depth = max(s.introspection.depth, o.introspection.depth)
	s.introspection.fields = min(s.introspection.fields+o.introspection.fields, countCap)
	s.introspection.aliases = min(s.introspection.aliases+o.introspection.aliases, countCap)
	s.introspection.lists = max(s.introspection.lists, o.introspection.lists)
	return s
}

// measurer measures a document. Each fragment is walked at most twice, once for each way of
// counting, however often it is spread.
type measurer struct {
	doc       *ast.QueryDocument
	fragments map[string]*ast.FragmentDefinition
	memo      map[measured]size
	open      map[string]bool // fragments that are being walked
}

type measured struct {
	fragment      string
	introspection bool
}

func newMeasurer(doc *ast.QueryDocument) *measurer {
	m := &measurer{
		doc:       doc,
		fragments: make(map[string]*ast.FragmentDefinition, len(doc.Fragments)),
		memo:      map[measured]size{},
		open:      map[string]bool{},
	}
	for _, f := range doc.Fragments {
		if m.fragments[f.Name] == nil {
			m.fragments[f.Name] = f
		}
	}
	return m
}

// document is the size of all operations together, and of the fragments that none of them uses:
// those are refused later, but only after they have been looked at.
func (m *measurer) document() (size, *gqlerror.Error) {
	var total size
	for _, op := range m.doc.Operations {
		s, err := m.set(op.SelectionSet, false)
		if err != nil {
			return total, err
		}
		s.directives += len(op.Directives)
		for _, v := range op.VariableDefinitions {
			s.directives += len(v.Directives)
		}
		total = total.plus(s)
	}
	for _, f := range m.doc.Fragments {
		if len(f.VariableDefinition) > 0 {
			return total, at(coded(fault.ParseFailed, "A fragment cannot define variables."), f.Position)
		}
		if m.fragments[f.Name] != f {
			// Only one of the two would be measured, and validation may follow the other.
			return total, at(coded(fault.ValidationFailed, "There are two fragments named %s.", quoted(f.Name)), f.Position)
		}
		if m.used(f.Name) {
			continue
		}
		s, err := m.fragment(&ast.FragmentSpread{Name: f.Name, Position: f.Position}, false)
		if err != nil {
			return total, err
		}
		total = total.plus(s)
	}
	return total, nil
}

func (m *measurer) used(fragment string) bool {
	_, plain := m.memo[measured{fragment, false}]
	_, introspection := m.memo[measured{fragment, true}]
	return plain || introspection
}

// set measures a selection set; introspection says whether it lies under __schema or __type.
func (m *measurer) set(set ast.SelectionSet, introspection bool) (size, *gqlerror.Error) {
	var total size
	for _, selection := range set {
		var s size
		var err *gqlerror.Error
		switch sel := selection.(type) {
		case *ast.Field:
			s, err = m.field(sel, introspection)
		case *ast.InlineFragment:
			s, err = m.set(sel.SelectionSet, introspection)
			s.directives += len(sel.Directives)
		case *ast.FragmentSpread:
			s, err = m.fragment(sel, introspection)
			s.directives += len(sel.Directives)
		}
		if err != nil {
			return total, err
		}
		total = total.plus(s)
	}
	return total, nil
}

func (m *measurer) field(f *ast.Field, introspection bool) (size, *gqlerror.Error) {
	alias := 0
	if f.Alias != f.Name {
		alias = 1
	}
	root := f.Name == "__schema" || f.Name == "__type"
	s, err := m.set(f.SelectionSet, introspection || root)
	s.directives += len(f.Directives)
	if root || introspection {
		s.introspection.depth++
		s.introspection.fields = min(s.introspection.fields+1, countCap)
		s.introspection.aliases += alias
		if listsTypes[f.Name] {
			s.introspection.lists++
		}
	}
	if !introspection {
		s.depth++
		s.fields = min(s.fields+1, countCap)
		s.aliases += alias
	}
	return s, err
}

// listsTypes are the introspection fields whose items lead on to further types; nested in each
// other they list the schema many times over.
var listsTypes = map[string]bool{
	"types": true, "fields": true, "inputFields": true, "interfaces": true, "possibleTypes": true,
}

func (m *measurer) fragment(spread *ast.FragmentSpread, introspection bool) (size, *gqlerror.Error) {
	f := m.fragments[spread.Name]
	if f == nil {
		return size{}, nil // validation will say so
	}
	key := measured{f.Name, introspection}
	if s, done := m.memo[key]; done {
		return s, nil
	}
	if m.open[f.Name] {
		return size{}, at(coded(fault.ValidationFailed, "The fragment %s spreads itself.", quoted(f.Name)), spread.Position)
	}
	m.open[f.Name] = true
	defer delete(m.open, f.Name)
	s, err := m.set(f.SelectionSet, introspection)
	s.directives += len(f.Directives)
	m.memo[key] = s
	return s, err
}
