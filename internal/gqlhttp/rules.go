package gqlhttp

import (
	"slices"
	"strconv"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/validator/core"
	"github.com/vektah/gqlparser/v2/validator/rules"

	"igny8.com/accounts/internal/fault"
)

// validator validates documents against one schema. gqlparser's own driver sorts its rules anew
// for each document, never stops, and its rule for literals repeats them in its messages and lets
// an Int be 2^31; hence this one.
type validator struct {
	schema    *ast.Schema
	rules     []core.Rule
	maxErrors int
}

func newValidator(schema *ast.Schema, maxErrors int) *validator {
	stock := rules.NewDefaultRules()
	stock.RemoveRule(rules.ValuesOfCorrectTypeRule.Name)
	v := &validator{schema: schema, maxErrors: maxErrors}
	for name, rule := range stock.GetInner() {
		v.rules = append(v.rules, core.Rule{Name: name, RuleFunc: rule})
	}
	v.rules = append(v.rules, core.Rule{Name: "StrictLiterals", RuleFunc: strictLiterals})
	if schema.Directives["defer"] != nil { // else it is unknown anyway
		v.rules = append(v.rules, core.Rule{Name: "NoDefer", RuleFunc: noDefer})
	}
	slices.SortFunc(v.rules, func(a, b core.Rule) int { return strings.Compare(a.Name, b.Name) })
	return v
}

// enough ends the validation of a document that has more errors than anybody will be shown.
type enough struct{}

// validate also resolves, in doc, what every name refers to. A document must be validated once,
// before it is shared.
func (v *validator) validate(doc *ast.QueryDocument) (strict strictVariables, errs gqlerror.List) {
	defer func() {
		if r := recover(); r != nil && r != any(enough{}) {
			panic(r)
		}
	}()
	strict = strictVariables{}
	observers := &core.Events{}
	for _, rule := range v.rules {
		rule.RuleFunc(observers, func(options ...core.ErrorOption) {
			e := coded(fault.ValidationFailed, "")
			e.Rule = rule.Name
			for _, option := range options {
				option(e)
			}
			e.Message = shorten(e.Message)
			if errs = append(errs, e); len(errs) >= v.maxErrors {
				panic(enough{})
			}
		})
	}
	observers.OnValue(strict.observe)
	core.Walk(v.schema, doc, observers)
	return strict, errs
}

// strictVariables are the variables that an operation uses where null is not allowed. Validation
// lets a nullable variable stand there if it has a default; an explicit null must then be refused
// when the variables arrive, because gqlgen takes it for the zero value, or panics in @skip.
type strictVariables map[*ast.OperationDefinition]map[string]bool

func (s strictVariables) observe(walker *core.Walker, value *ast.Value) {
	op := walker.CurrentOperation
	if op == nil || value.Kind != ast.Variable || value.ExpectedType == nil || !value.ExpectedType.NonNull {
		return
	}
	if s[op] == nil {
		s[op] = map[string]bool{}
	}
	s[op][value.Raw] = true
}

// noDefer refuses the one directive that gqlparser adds to every schema and that we do not serve:
// its wire format differs from client to client, and a plain answer would lack the deferred part.
func noDefer(observers *core.Events, report core.AddErrFunc) {
	observers.OnDirective(func(_ *core.Walker, d *ast.Directive) {
		if d.Name == "defer" {
			report(core.Message(`The directive "@defer" is not supported.`), core.At(d.Position))
		}
	})
}

// strictLiterals is the rule "values of correct type", as strict as variables are. Its messages
// name types, never values.
func strictLiterals(observers *core.Events, report core.AddErrFunc) {
	observers.OnValue(func(_ *core.Walker, value *ast.Value) {
		complain := func(format string, args ...any) {
			report(core.Message(format, args...), core.At(value.Position))
		}
		// Whatever its type, gqlgen reads the number before anybody else sees it.
		if value.Kind == ast.IntValue && !fits(value.Raw, 64) {
			complain("An integer literal does not fit 64 bits.")
			return
		}
		if value.Kind == ast.FloatValue {
			if _, err := strconv.ParseFloat(value.Raw, 64); err != nil {
				complain("A number literal is out of range.")
				return
			}
		}
		expected, def := value.ExpectedType, value.Definition
		if expected == nil || def == nil || value.Kind == ast.Variable {
			return // judged by other rules
		}
		switch {
		case value.Kind == ast.NullValue:
			if expected.NonNull {
				complain("Expected a value of type %q, found null.", expected.String())
			}
		case value.Kind == ast.ListValue && (expected.Elem != nil || isCustom(def)):
			// Its items are visited on their own.
		case def.Kind == ast.InputObject && value.Kind == ast.ObjectValue:
			checkObject(value, report)
		case !literalFits(def, value):
			complain("Expected a value of type %q.%s", expected.String(), hint(def))
		}
	})
}

func literalFits(def *ast.Definition, value *ast.Value) bool {
	kind := value.Kind
	switch {
	case def.Kind == ast.Enum:
		return kind == ast.EnumValue && def.EnumValues.ForName(value.Raw) != nil
	case def.Kind == ast.InputObject, kind == ast.ListValue && !isCustom(def):
		return false
	}
	text := kind == ast.StringValue || kind == ast.BlockValue
	switch def.Name {
	case "Int":
		return kind == ast.IntValue && fits(value.Raw, 32)
	case "Float":
		return kind == ast.IntValue || kind == ast.FloatValue
	case "String":
		return text
	case "Boolean":
		return kind == ast.BooleanValue
	case "ID":
		return text || kind == ast.IntValue
	}
	return true
}

func checkObject(value *ast.Value, report core.AddErrFunc) {
	def := value.Definition
	for _, field := range def.Fields {
		if field.Type.NonNull && field.DefaultValue == nil && value.Children.ForName(field.Name) == nil {
			report(core.Message("The field %q of %q is required.", field.Name, def.Name), core.At(value.Position))
		}
	}
	for _, child := range value.Children {
		if def.Fields.ForName(child.Name) == nil {
			report(
				core.Message("The type %q has no field %s.", def.Name, quoted(child.Name)),
				core.SuggestListQuoted("Did you mean", child.Name, fieldNames(def)),
				core.At(child.Position),
			)
		}
	}
	if isOneOf(def) {
		if len(value.Children) != 1 || value.Children[0].Value.Kind == ast.NullValue {
			report(core.Message("Give exactly one field of %q, and not null.", def.Name), core.At(value.Position))
		}
	}
}

func fieldNames(def *ast.Definition) []string {
	names := make([]string, len(def.Fields))
	for i, field := range def.Fields {
		names[i] = field.Name
	}
	return names
}

func isOneOf(def *ast.Definition) bool { return def.Directives.ForName("oneOf") != nil }

// isCustom says whether the type's own code decides what a value may be.
func isCustom(def *ast.Definition) bool {
	return def.Kind == ast.Scalar && !def.OneOf("Int", "Float", "String", "Boolean", "ID")
}

// fits says whether text is an integer that fits so many bits.
func fits(text string, bits int) bool {
	_, err := strconv.ParseInt(text, 10, bits)
	return err == nil
}

// hint says what a type accepts where its name does not.
func hint(def *ast.Definition) string {
	switch {
	case def.Kind == ast.Enum:
		names := make([]string, len(def.EnumValues))
		for i, v := range def.EnumValues {
			names[i] = v.Name
		}
		return " It is one of " + strings.Join(names, ", ") + "."
	case def.Name == "Int":
		return " It is an integer of 32 bits."
	}
	return ""
}
