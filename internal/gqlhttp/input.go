package gqlhttp

import (
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// inputSize bounds the values of one request: literals of a document, or its variables.
type inputSize struct {
	limits Limits
	values int
}

// enter counts a value at a depth, 1 for a value that stands alone, with so many items if it is a
// list.
func (s *inputSize) enter(depth, items int) *gqlerror.Error {
	s.values++
	switch l := s.limits; {
	case depth > l.InputDepth:
		return exceeded(InputDepthLimit, l.InputDepth, depth, "Input values nest more than %d deep.", l.InputDepth)
	case items > l.ListLength:
		return exceeded(InputListLimit, l.ListLength, items, "A list has more than %d items.", l.ListLength)
	case s.values > l.InputValues:
		return exceeded(InputSizeLimit, l.InputValues, s.values, "There are more than %d input values.", l.InputValues)
	}
	return nil
}

// guardVariables bounds the variables as they came.
func guardVariables(variables map[string]any, limits Limits) *gqlerror.Error {
	s := inputSize{limits: limits}
	for _, v := range variables {
		if err := s.json(v, 1); err != nil {
			return err
		}
	}
	return nil
}

func (s *inputSize) json(v any, depth int) *gqlerror.Error {
	list, _ := v.([]any)
	if err := s.enter(depth, len(list)); err != nil {
		return err
	}
	for _, item := range list {
		if err := s.json(item, depth+1); err != nil {
			return err
		}
	}
	if object, ok := v.(map[string]any); ok {
		for _, member := range object {
			if err := s.json(member, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// guardLiterals bounds the literals of a document, each fragment's once.
func guardLiterals(doc *ast.QueryDocument, limits Limits) *gqlerror.Error {
	s := inputSize{limits: limits}
	for _, op := range doc.Operations {
		for _, v := range op.VariableDefinitions {
			if v.DefaultValue != nil {
				if err := s.literal(v.DefaultValue, 1); err != nil {
					return err
				}
			}
			if err := s.directives(v.Directives); err != nil {
				return err
			}
		}
		if err := s.directives(op.Directives); err != nil {
			return err
		}
		if err := s.set(op.SelectionSet); err != nil {
			return err
		}
	}
	for _, f := range doc.Fragments {
		if err := s.directives(f.Directives); err != nil {
			return err
		}
		if err := s.set(f.SelectionSet); err != nil {
			return err
		}
	}
	return nil
}

func (s *inputSize) set(set ast.SelectionSet) *gqlerror.Error {
	for _, selection := range set {
		var arguments ast.ArgumentList
		var directives ast.DirectiveList
		var inner ast.SelectionSet
		switch sel := selection.(type) {
		case *ast.Field:
			arguments, directives, inner = sel.Arguments, sel.Directives, sel.SelectionSet
		case *ast.InlineFragment:
			directives, inner = sel.Directives, sel.SelectionSet
		case *ast.FragmentSpread:
			directives = sel.Directives
		}
		if err := s.arguments(arguments); err != nil {
			return err
		}
		if err := s.directives(directives); err != nil {
			return err
		}
		if err := s.set(inner); err != nil {
			return err
		}
	}
	return nil
}

func (s *inputSize) directives(list ast.DirectiveList) *gqlerror.Error {
	for _, d := range list {
		if err := s.arguments(d.Arguments); err != nil {
			return err
		}
	}
	return nil
}

func (s *inputSize) arguments(list ast.ArgumentList) *gqlerror.Error {
	for _, a := range list {
		if err := s.literal(a.Value, 1); err != nil {
			return err
		}
	}
	return nil
}

func (s *inputSize) literal(v *ast.Value, depth int) *gqlerror.Error {
	items := 0
	if v.Kind == ast.ListValue {
		items = len(v.Children)
	}
	if err := s.enter(depth, items); err != nil {
		return at(err, v.Position)
	}
	for _, child := range v.Children {
		if err := s.literal(child.Value, depth+1); err != nil {
			return err
		}
	}
	return nil
}
