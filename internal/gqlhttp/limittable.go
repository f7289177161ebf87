package gqlhttp

import (
	"fmt"
	"strings"

	"igny8.com/accounts/internal/fault"
)

// Table lists the limits in Markdown, with the codes of what exceeds them.
func (l Limits) Table() string {
	var b strings.Builder
	b.WriteString("| at most | what | code |\n| --- | --- | --- |\n")
	for _, row := range []struct {
		limit int
		what  string
		code  fault.Code
	}{
		{l.BodyBytes, "bytes of a body, or of a query string", BodyLimit},
		{l.QueryBytes, "bytes of a document", QueryLimit},
		{l.Tokens, "tokens of a document, comments included", TokenLimit},
		{l.NameBytes, "bytes of a name", NameLimit},
		{l.Depth, "fields on the longest path", fault.DepthLimit},
		{l.Fields, "fields, fragments counted wherever they are spread", fault.FieldLimit},
		{l.Aliases, "aliases", fault.AliasLimit},
		{l.Repeats, "selections of one response key in one place", RepeatLimit},
		{l.Directives, "directives", DirectiveLimit},
		{l.Operations, "operations in a document", OperationLimit},
		{l.Fragments, "fragments in a document", FragmentLimit},
		{l.MutationFields, "root field of a mutation", MutationLimit},
		{l.InputDepth, "levels of an input value", InputDepthLimit},
		{l.ListLength, "items of a list in the input", InputListLimit},
		{l.InputValues, "values in the input", InputSizeLimit},
		{l.AnswerFields, "fields that the answer could have if every page were full", AnswerLimit},
		{l.IntrospectionDepth, "fields on the longest path of introspection", IntrospectionLimit},
		{l.IntrospectionFields, "fields of introspection", IntrospectionLimit},
		{l.IntrospectionAliases, "aliases in introspection", IntrospectionLimit},
		{l.IntrospectionLists, "lists of types or fields within each other", IntrospectionLimit},
	} {
		fmt.Fprintf(&b, "| %d | %s | `%s` |\n", row.limit, row.what, row.code)
	}
	return b.String()
}
