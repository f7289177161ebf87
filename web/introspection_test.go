package web_test

import (
	"github.com/99designs/gqlgen/graphql/introspection"
	"github.com/vektah/gqlparser/v2/ast"
)

type object = map[string]any

// introspect answers the standard introspection query in full, whatever part of it was asked for, which
// is all that the page's GraphiQL needs.
func introspect(schema *ast.Schema) object {
	wrapped := introspection.WrapSchema(schema)
	return object{"__schema": object{
		"description":      wrapped.Description(),
		"queryType":        object{"name": wrapped.QueryType().Name(), "kind": "OBJECT"},
		"mutationType":     object{"name": wrapped.MutationType().Name(), "kind": "OBJECT"},
		"subscriptionType": nil,
		"types":            each(wrapped.Types(), fullType),
		"directives": each(wrapped.Directives(), func(d *introspection.Directive) object {
			return object{
				"name": d.Name, "description": d.Description(), "locations": d.Locations,
				"isRepeatable": d.IsRepeatable, "args": each(d.Args, inputValue),
			}
		}),
	}}
}

func fullType(t *introspection.Type) object {
	return object{
		"kind": t.Kind(), "name": t.Name(), "description": t.Description(),
		"specifiedByURL": t.SpecifiedByURL(), "isOneOf": t.IsOneOf(),
		"interfaces":    each(t.Interfaces(), typeRef),
		"possibleTypes": each(t.PossibleTypes(), typeRef),
		"inputFields":   each(t.InputFields(), inputValue),
		"fields": each(t.Fields(true), func(f *introspection.Field) object {
			return object{
				"name": f.Name, "description": f.Description(), "args": each(f.Args, inputValue),
				"type": typeRef(f.Type), "isDeprecated": f.IsDeprecated(), "deprecationReason": f.DeprecationReason(),
			}
		}),
		"enumValues": each(t.EnumValues(true), func(v *introspection.EnumValue) object {
			return object{
				"name": v.Name, "description": v.Description(),
				"isDeprecated": v.IsDeprecated(), "deprecationReason": v.DeprecationReason(),
			}
		}),
	}
}

func inputValue(v *introspection.InputValue) object {
	return object{
		"name": v.Name, "description": v.Description(), "type": typeRef(v.Type),
		"defaultValue": v.DefaultValue, "isDeprecated": v.IsDeprecated(), "deprecationReason": v.DeprecationReason(),
	}
}

func typeRef(t *introspection.Type) object {
	if t == nil {
		return nil
	}
	return object{"kind": t.Kind(), "name": t.Name(), "ofType": typeRef(t.OfType())}
}

func each[T any](values []T, describe func(*T) object) []object {
	described := make([]object, len(values))
	for i := range values {
		described[i] = describe(&values[i])
	}
	return described
}
