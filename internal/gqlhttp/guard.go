package gqlhttp

import (
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/lexer"

	"igny8.com/accounts/internal/fault"
)

// guardText bounds a document before it is parsed, and counts its tokens.
func guardText(query string, limits Limits) (tokens int, err *gqlerror.Error) {
	if n := len(query); n > limits.QueryBytes {
		return 0, exceeded(QueryLimit, limits.QueryBytes, n, "The document is longer than %d bytes.", limits.QueryBytes)
	}
	for lex := lexer.New(&ast.Source{Input: query}); ; {
		token, err := lex.ReadToken()
		if err != nil || token.Kind == lexer.EOF {
			break // the parser will say what is wrong
		}
		tokens++
		if n := len(token.Value); token.Kind == lexer.Name && n > limits.NameBytes {
			return tokens, at(exceeded(NameLimit, limits.NameBytes, n, "A name is longer than %d bytes.", limits.NameBytes), &token.Pos)
		}
	}
	if tokens > limits.Tokens {
		return tokens, exceeded(TokenLimit, limits.Tokens, tokens, "The document has more than %d tokens.", limits.Tokens)
	}
	return tokens, checkEscapes(query)
}

// guardDocument bounds a parsed document before it is validated: validation, and what gqlgen does
// before the first resolver, takes time that grows faster than the document.
func guardDocument(doc *ast.QueryDocument, limits Limits) *gqlerror.Error {
	if n := len(doc.Operations); n > limits.Operations {
		return exceeded(OperationLimit, limits.Operations, n, "The document defines more than %d operations.", limits.Operations)
	}
	if n := len(doc.Fragments); n > limits.Fragments {
		return exceeded(FragmentLimit, limits.Fragments, n, "The document defines more than %d fragments.", limits.Fragments)
	}
	m := newMeasurer(doc)
	total, err := m.document()
	if err != nil {
		return err
	}
	if err := total.check(limits); err != nil {
		return err
	}
	if err := m.mutations(limits.MutationFields); err != nil {
		return err
	}
	if err := m.repeats(limits.Repeats); err != nil {
		return err
	}
	return guardLiterals(doc, limits)
}

// check compares what a document asks for with what it may.
func (s size) check(limits Limits) *gqlerror.Error {
	for _, c := range []struct {
		code          fault.Code
		limit, actual int
		what          string
	}{
		{fault.DepthLimit, limits.Depth, s.depth, "nests fields more than %d deep"},
		{fault.FieldLimit, limits.Fields, s.fields, "selects more than %d fields"},
		{fault.AliasLimit, limits.Aliases, s.aliases, "uses more than %d aliases"},
		{DirectiveLimit, limits.Directives, s.directives, "uses more than %d directives"},
		{IntrospectionLimit, limits.IntrospectionDepth, s.introspection.depth, "nests introspection fields more than %d deep"},
		{IntrospectionLimit, limits.IntrospectionFields, s.introspection.fields, "selects more than %d introspection fields"},
		{IntrospectionLimit, limits.IntrospectionAliases, s.introspection.aliases, "uses more than %d aliases in introspection"},
		{IntrospectionLimit, limits.IntrospectionLists, s.introspection.lists, "nests lists of types or fields more than %d deep"},
	} {
		if c.actual > c.limit {
			return exceeded(c.code, c.limit, c.actual, "The document "+c.what+", fragments included.", c.limit)
		}
	}
	return nil
}

// mutations bounds the root fields of each mutation: they run one after another, and each is
// meant to be one transaction.
func (m *measurer) mutations(limit int) *gqlerror.Error {
	for _, op := range m.doc.Operations {
		if op.Operation != ast.Mutation {
			continue
		}
		if n := m.rootFields(op.SelectionSet, map[string]bool{}); n > limit {
			return at(exceeded(MutationLimit, limit, n, "A mutation may have %d field; send one request for each.", limit), op.Position)
		}
	}
	return nil
}

// rootFields counts fields of a selection set itself; a fragment that is spread again adds none,
// because its fields are the same ones.
func (m *measurer) rootFields(set ast.SelectionSet, seen map[string]bool) int {
	n := 0
	for _, selection := range set {
		switch s := selection.(type) {
		case *ast.Field:
			if s.Name != "__typename" {
				n++
			}
		case *ast.InlineFragment:
			n += m.rootFields(s.SelectionSet, seen)
		case *ast.FragmentSpread:
			if f := m.fragments[s.Name]; f != nil && !seen[s.Name] {
				seen[s.Name] = true
				n += m.rootFields(f.SelectionSet, seen)
			}
		}
	}
	return n
}

// responseKey is a key of the answer under one type condition: the same key in fragments on
// different types is no repeat.
type responseKey struct{ on, key string }

// repeats bounds how often one response key is selected in one selection set, which is what makes
// the merging of fields quadratic. It runs after the count of fields has been bounded, so that
// adding up fragments is cheap. __typename is free: clients add it to every selection by themselves.
func (m *measurer) repeats(limit int) *gqlerror.Error {
	r := repeatCounter{measurer: m, limit: limit, memo: map[string]keyCounts{}}
	for _, op := range m.doc.Operations {
		if _, err := r.set(op.SelectionSet); err != nil {
			return err
		}
	}
	for name := range m.fragments {
		if _, err := r.fragment(name); err != nil {
			return err
		}
	}
	return nil
}

// keyCounts counts the selections of each response key in one selection set, fragments included.
type keyCounts map[responseKey]int

type repeatCounter struct {
	*measurer

	limit int
	memo  map[string]keyCounts
}

func (r *repeatCounter) fragment(name string) (keyCounts, *gqlerror.Error) {
	if keys, done := r.memo[name]; done || r.fragments[name] == nil {
		return keys, nil
	}
	keys, err := r.set(r.fragments[name].SelectionSet)
	r.memo[name] = keys
	return keys, err
}

func (r *repeatCounter) set(set ast.SelectionSet) (keyCounts, *gqlerror.Error) {
	keys := make(keyCounts, len(set))
	for _, selection := range set {
		inner, on, err := r.selection(selection)
		if err != nil {
			return nil, err
		}
		for key, n := range inner {
			if key.on == "" {
				key.on = on
			}
			if keys[key] += n; keys[key] > r.limit {
				return nil, at(exceeded(RepeatLimit, r.limit, keys[key],
					"One response key is selected more than %d times in one place.", r.limit), selection.GetPosition())
			}
		}
	}
	return keys, nil
}

// selection is what one selection adds to the set that it stands in, and the type that it is on.
func (r *repeatCounter) selection(selection ast.Selection) (keys keyCounts, on string, err *gqlerror.Error) {
	switch s := selection.(type) {
	case *ast.InlineFragment:
		keys, err = r.set(s.SelectionSet)
		return keys, s.TypeCondition, err
	case *ast.FragmentSpread:
		if f := r.fragments[s.Name]; f != nil {
			on = f.TypeCondition
		}
		keys, err = r.fragment(s.Name)
		return keys, on, err
	case *ast.Field:
		if _, err = r.set(s.SelectionSet); err == nil && s.Name != "__typename" {
			keys = keyCounts{{key: s.Alias}: 1}
		}
	}
	return keys, on, err
}
