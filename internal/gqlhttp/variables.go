package gqlhttp

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"igny8.com/accounts/internal/fault"
)

// coerceVariables turns the variables of a request into what the operation declares, or says all
// that is wrong with them. It is stricter than gqlparser, which runs after it and then changes
// nothing: an Int is a JSON integer of 32 bits, a Float a number, a String a string, an ID a
// string or an integer, an enum value is spelled exactly, and @oneOf holds. A variable that no
// operation of the document declares is refused, since it is a misspelled one.
func coerceVariables(
	schema *ast.Schema, d *document, op *ast.OperationDefinition, given map[string]any, maxErrors int,
) (map[string]any, gqlerror.List) {
	c := coercer{schema: schema, maxErrors: maxErrors}
	coerced := make(map[string]any, len(op.VariableDefinitions))
	for _, def := range op.VariableDefinitions {
		c.variable, c.path = def.Variable, c.path[:0]
		v, present := given[def.Variable]
		switch {
		case !present && def.DefaultValue != nil, !present && !def.Type.NonNull:
			continue
		case !present:
			c.complain("is required")
		case v == nil && (def.Type.NonNull || d.strict[op][def.Variable]):
			c.complain("must not be null")
		default:
			coerced[def.Variable] = c.value(def.Type, v)
		}
	}
	for name := range given {
		if !d.declares(name) {
			c.report(coded(fault.BadUserInput, "The operation has no variable %s.", quoted(name)))
		}
	}
	return coerced, c.errs
}

type coercer struct {
	schema    *ast.Schema
	variable  string
	path      []string // from the variable's value down to the one at hand
	maxErrors int
	errs      gqlerror.List
}

// complain reports the value at hand; what completes the sentence "The variable $x …".
func (c *coercer) complain(what string) {
	subject := "The variable $" + c.variable
	if len(c.path) > 0 {
		subject += " at " + strings.Join(c.path, ".")
	}
	e := coded(fault.BadUserInput, "%s", shorten(subject+" "+strings.TrimSuffix(what, ".")+"."))
	e.Extensions["variable"] = c.variable
	if len(c.path) > 0 {
		e.Extensions["field"] = append([]string(nil), c.path...)
	}
	c.report(e)
}

func (c *coercer) report(e *gqlerror.Error) {
	if len(c.errs) < c.maxErrors {
		c.errs = append(c.errs, e)
	}
}

// in coerces a value one step further down.
func (c *coercer) in(step string, typ *ast.Type, v any) any {
	c.path = append(c.path, step)
	defer func() { c.path = c.path[:len(c.path)-1] }()
	return c.value(typ, v)
}

func (c *coercer) value(typ *ast.Type, v any) any {
	if v == nil {
		if typ.NonNull {
			c.complain("must not be null")
		}
		return nil
	}
	if typ.Elem != nil {
		list, ok := v.([]any)
		if !ok {
			return []any{c.value(typ.Elem, v)} // a single value stands for a list of one
		}
		out := make([]any, len(list))
		for i, item := range list {
			out[i] = c.in(strconv.Itoa(i), typ.Elem, item)
		}
		return out
	}
	def := c.schema.Types[typ.NamedType]
	switch def.Kind {
	case ast.InputObject:
		return c.object(def, v)
	case ast.Enum:
		if s, ok := v.(string); ok && def.EnumValues.ForName(s) != nil {
			return s
		}
	default:
		if scalar, ok := coerceScalar(def.Name, v); ok {
			return scalar
		}
	}
	c.complain("must be of type " + def.Name + "." + hint(def))
	return nil
}

// coerceScalar leaves the types that are not GraphQL's own to their own code.
func coerceScalar(name string, v any) (any, bool) {
	number, isNumber := v.(json.Number)
	text, isText := v.(string)
	switch name {
	case "Int":
		n, err := strconv.ParseInt(string(number), 10, 32)
		return n, isNumber && err == nil
	case "Float":
		f, err := number.Float64()
		return f, isNumber && err == nil
	case "String":
		return text, isText
	case "Boolean":
		b, ok := v.(bool)
		return b, ok
	case "ID":
		if isNumber && !strings.ContainsAny(string(number), ".eE") {
			return string(number), true
		}
		return text, isText
	}
	return v, true
}

func (c *coercer) object(def *ast.Definition, v any) any {
	object, ok := v.(map[string]any)
	if !ok {
		c.complain("must be an object of type " + def.Name)
		return nil
	}
	for name := range object {
		if def.Fields.ForName(name) == nil {
			c.complain("has a field " + quoted(name) + ", which " + def.Name + " does not define")
		}
	}
	if isOneOf(def) && len(object) != 1 {
		c.complain("must have exactly one field of " + def.Name)
	}
	out := make(map[string]any, len(object))
	for _, field := range def.Fields {
		member, present := object[field.Name]
		switch {
		case present && member == nil && isOneOf(def):
			c.in(field.Name, &ast.Type{NamedType: field.Type.NamedType, Elem: field.Type.Elem, NonNull: true}, nil)
		case present:
			out[field.Name] = c.in(field.Name, field.Type, member)
		case field.Type.NonNull && field.DefaultValue == nil:
			c.path = append(c.path, field.Name)
			c.complain("is required")
			c.path = c.path[:len(c.path)-1]
		}
	}
	return out
}
