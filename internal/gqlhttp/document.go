package gqlhttp

import (
	"context"
	"errors"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/parser"

	"igny8.com/accounts/internal/fault"
)

// document is a document that has passed all checks. It is shared between requests and never
// changed.
type document struct {
	*ast.QueryDocument
	strict strictVariables
	cost   int // estimated memory, in bytes
}

// declares says whether any operation has the variable. GraphiQL sends the variables of all
// operations in its editor along with each.
func (d *document) declares(variable string) bool {
	for _, op := range d.Operations {
		if op.VariableDefinitions.ForName(variable) != nil {
			return true
		}
	}
	return false
}

// preparer is the gqlgen extension that checks a request before gqlgen does anything with it. It
// must be the last that sees the request's parameters.
type preparer struct {
	limits    Limits
	validator *validator
	cache     *documentCache
	library   *library
}

var _ interface {
	graphql.OperationParameterMutator
	graphql.OperationContextMutator
	graphql.HandlerExtension
} = (*preparer)(nil)

// ExtensionName names the extension in gqlgen's own messages.
func (*preparer) ExtensionName() string { return "RequestPreparer" }

// Validate has nothing to ask of a schema.
func (*preparer) Validate(graphql.ExecutableSchema) error { return nil }

// MutateOperationParameters refuses the request or replaces its variables by coerced ones and
// leaves the document where the executor's cache finds it.
func (p *preparer) MutateOperationParameters(ctx context.Context, params *graphql.RawParams) *gqlerror.Error {
	d, err := p.library.resolve(ctx, params)
	if err != nil {
		return err
	}
	if d == nil {
		var errs gqlerror.List
		if d, errs = p.document(params.Query); errs != nil {
			return one(errs)
		}
	}
	op, err := operation(d, params.OperationName)
	if err != nil {
		return err
	}
	if err := guardVariables(params.Variables, p.limits); err != nil {
		return err
	}
	variables, errs := coerceVariables(p.validator.schema, d, op, params.Variables, p.limits.Errors)
	if errs != nil {
		return one(errs)
	}
	if err := guardAnswer(op, variables, p.limits.AnswerFields); err != nil {
		return err
	}
	params.Variables = variables
	graphql.GetOperationContext(ctx).Stats.SetExtension(preparedDocument, d)
	return nil
}

// MutateOperationContext lets every client introspect: the schema is published anyway.
func (*preparer) MutateOperationContext(_ context.Context, op *graphql.OperationContext) *gqlerror.Error {
	op.DisableIntrospection = false
	return nil
}

// document parses, guards and validates a document, or finds one that has been through it.
func (p *preparer) document(query string) (*document, gqlerror.List) {
	if d, ok := p.cache.get(query); ok {
		return d, nil
	}
	tokens, refused := guardText(query, p.limits)
	if refused != nil {
		return nil, gqlerror.List{refused}
	}
	doc, err := parser.ParseQuery(&ast.Source{Input: query})
	if err != nil {
		return nil, gqlerror.List{syntaxError(err)}
	}
	if len(doc.Operations) == 0 {
		return nil, gqlerror.List{coded(fault.ValidationFailed, "The document defines no operation.")}
	}
	if err := guardDocument(doc, p.limits); err != nil {
		return nil, gqlerror.List{err}
	}
	strict, errs := p.validator.validate(doc)
	if errs != nil {
		return nil, errs
	}
	d := &document{QueryDocument: doc, strict: strict, cost: documentCost(len(query), tokens)}
	p.cache.add(query, d)
	return d, nil
}

func operation(d *document, name string) (*ast.OperationDefinition, *gqlerror.Error) {
	if op := d.Operations.ForName(name); op != nil {
		return op, nil
	}
	if name == "" {
		return nil, coded(fault.ValidationFailed, "The document defines several operations: give operationName.")
	}
	return nil, coded(fault.ValidationFailed, "The document has no operation named %s.", quoted(name))
}

// syntaxError keeps the parser's message, which names the unexpected token, but nothing of a
// string: what people put between quotes is not ours to repeat.
func syntaxError(err error) *gqlerror.Error {
	e, ok := errors.AsType[*gqlerror.Error](err)
	if !ok {
		return coded(fault.ParseFailed, "Syntax error.")
	}
	message := e.Message
	for _, kind := range []string{"Unexpected String", "Unexpected BlockString", "Invalid character escape sequence"} {
		if strings.HasPrefix(message, kind) {
			message = kind
		}
	}
	out := coded(fault.ParseFailed, "%s", shorten("Syntax error: "+message))
	out.Locations = e.Locations
	return out
}
