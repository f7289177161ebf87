package gqlhttp_test

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"igny8.com/accounts/internal/gqlhttp"
)

const (
	// maxAnswer bounds the answer to a document that is refused.
	maxAnswer = 64 << 10
	// maxRefusal is generous for shared machines: each of these takes a few milliseconds.
	maxRefusal = 2 * time.Second
)

// bomb is a document of nested fragments, each of which spreads the next one twice: 2^levels
// fields in less than a kilobyte or two.
func bomb(levels int, spread string) string {
	var b strings.Builder
	b.WriteString("{ ...F0 }")
	for i := range levels {
		fmt.Fprintf(&b, " fragment F%d on Query { %s }", i, strings.ReplaceAll(spread, "N", strconv.Itoa(i+1)))
	}
	fmt.Fprintf(&b, " fragment F%d on Query { hello }", levels)
	return b.String()
}

func nested(open string, depth int, leaf string) string {
	return strings.Repeat(open, depth) + leaf + strings.Repeat("}", depth)
}

// numbered joins n texts made from a format with the number.
func numbered(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

func TestGuard_RefusesHostileDocuments(t *testing.T) {
	t.Parallel()
	circular := "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }"
	tests := []struct {
		name, query   string
		code          string
		limit, actual float64 // actual 0: not checked
	}{
		{"fragment bomb of 18 levels", bomb(18, "...FN ...FN"), "FIELD_LIMIT_EXCEEDED", 300, 262144},
		{"fragment bomb of 20 levels", bomb(20, "...FN ...FN"), "FRAGMENT_LIMIT_EXCEEDED", 20, 21},
		{"fragment bomb of 40 levels", bomb(40, "...FN ...FN"), "FRAGMENT_LIMIT_EXCEEDED", 20, 41},
		{"fragment bomb of 60 levels", bomb(60, "...FN ...FN"), "FRAGMENT_LIMIT_EXCEEDED", 20, 61},
		{"fragment bomb behind fields", bomb(11, "person { ...on Query { ...FN } } hello ...FN"), "FIELD_LIMIT_EXCEEDED", 300, 0},
		{"fragment bomb that never ends", bomb(19, "...FN ...FN ...FN ...FN ...FN ...FN ...FN ...FN"), "FIELD_LIMIT_EXCEEDED", 300, 1e6},
		{"circular fragments", "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }", "GRAPHQL_VALIDATION_FAILED", 0, 0},
		{"circular fragments through fields", "{ person { ...A } } fragment A on Person { friends { ...A } }", "GRAPHQL_VALIDATION_FAILED", 0, 0},
		{"circular fragments that nobody uses", "{ hello } fragment A on Query { ...A }", "GRAPHQL_VALIDATION_FAILED", 0, 0},
		{
			"a bomb that hides behind a harmless fragment of the same name",
			"{ ...A } fragment A on Query { ...A ...A } fragment A on Query { hello }", "GRAPHQL_VALIDATION_FAILED", 0, 0,
		},
		{"a bomb that nobody uses", "{ hello } fragment A on Query {" + numbered(400, " f%d") + "}", "FIELD_LIMIT_EXCEEDED", 300, 401},
		{"ten thousand repeated fields", "{" + strings.Repeat(" a", 10_000) + "}", "QUERY_LIMIT_EXCEEDED", 16384, 20002},
		{"repeated fields below the size", "{" + strings.Repeat(" __typename", 1000) + "}", "FIELD_LIMIT_EXCEEDED", 300, 1000},
		{"repeated fields below the count", "{" + strings.Repeat(" hello", 299) + "}", "REPEAT_LIMIT_EXCEEDED", 5, 6},
		{"repeats in inline fragments", "{" + strings.Repeat(" ... on Query { hello }", 6) + "}", "REPEAT_LIMIT_EXCEEDED", 5, 6},
		{
			"repeats in named fragments",
			"{" + strings.Repeat(" ...A", 6) + "} fragment A on Query { hello }", "REPEAT_LIMIT_EXCEEDED", 5, 6,
		},
		{"five thousand unknown fields", "{" + numbered(5000, " x%d") + "}", "QUERY_LIMIT_EXCEEDED", 16384, 0},
		{"unknown fields below the size", "{" + numbered(2500, " x%d") + "}", "FIELD_LIMIT_EXCEEDED", 300, 2500},
		{"unknown fields below the count", "{" + numbered(300, " x%d") + "}", "GRAPHQL_VALIDATION_FAILED", 0, 0},
		{"101 aliases", "{" + numbered(101, " a%d: hello") + "}", "ALIAS_LIMIT_EXCEEDED", 20, 101},
		{"depth", nested("{ person ", 13, "{ name }"), "DEPTH_LIMIT_EXCEEDED", 12, 14},
		{"depth through fragments", bomb(14, "person { ...FN }"), "DEPTH_LIMIT_EXCEEDED", 12, 15},
		{"depth beyond the parser", nested("{a", 1200, ""), "GRAPHQL_PARSE_FAILED", 0, 0},
		{"tokens", "{ hello(" + strings.Repeat("a:1 ", 2000) + ") }", "TOKEN_LIMIT_EXCEEDED", 4000, 6005},
		{"comments", strings.Repeat("#\n", 5000) + "{ hello }", "TOKEN_LIMIT_EXCEEDED", 4000, 5003},
		{"a long name", "{ " + strings.Repeat("a", 200) + " }", "NAME_LIMIT_EXCEEDED", 128, 200},
		{"a long document", "{ hello # " + strings.Repeat("x", 17_000) + "\n}", "QUERY_LIMIT_EXCEEDED", 16384, 0},
		{"directives", "{ hello" + strings.Repeat(" @skip(if: false)", 21) + " }", "DIRECTIVE_LIMIT_EXCEEDED", 20, 21},
		{"directives on variables", "query(" + numbered(21, "$v%d: Int @x ") + ") { hello }", "DIRECTIVE_LIMIT_EXCEEDED", 20, 21},
		{
			"directives on fragments",
			"{" + strings.Repeat(" ...A", 7) + "} fragment A on Query @x @y @z { __typename }", "DIRECTIVE_LIMIT_EXCEEDED", 20, 21,
		},
		{"fragments", "{ hello }" + numbered(21, " fragment F%d on Query { hello }"), "FRAGMENT_LIMIT_EXCEEDED", 20, 21},
		{"operations", numbered(11, " query Q%d { hello }"), "OPERATION_LIMIT_EXCEEDED", 10, 11},
		{"fields over several operations", numbered(10, " query Q%[1]d {"+numbered(31, " f%d")+"}"), "FIELD_LIMIT_EXCEEDED", 300, 310},
		{"two mutations", "mutation { a: add(point: {x: 1}) b: add(point: {x: 2}) }", "MUTATION_LIMIT_EXCEEDED", 1, 2},
		{
			"two mutations in fragments",
			"mutation { ...A ...{ b: add(point: {x: 2}) } } fragment A on Mutation { a: add(point: {x: 1}) }",
			"MUTATION_LIMIT_EXCEEDED", 1, 2,
		},
		{"circular introspection", circular, "INTROSPECTION_LIMIT_EXCEEDED", 2, 4},
		{
			"circular introspection in fragments",
			"{ __schema { types { ...T } } } fragment T on __Type { fields { type { ...U } } } fragment U on __Type { fields { name } }",
			"INTROSPECTION_LIMIT_EXCEEDED", 2, 3,
		},
		{
			"introspection by other lists",
			"{ __schema { types { interfaces { possibleTypes { name } } } } }", "INTROSPECTION_LIMIT_EXCEEDED", 2, 3,
		},
		{"deep introspection", "{ __schema { queryType { " + nested("ofType { ", 20, "name ") + "} } }", "INTROSPECTION_LIMIT_EXCEEDED", 20, 23},
		{"the schema many times over", "{" + numbered(5, " a%d: __schema { types { name } }") + "}", "INTROSPECTION_LIMIT_EXCEEDED", 4, 5},
		{"introspection of many fields", "{ __schema {" + numbered(501, " f%d") + "} }", "INTROSPECTION_LIMIT_EXCEEDED", 500, 502},
		{"nested lists", "{ echo(any: " + strings.Repeat("[", 11) + strings.Repeat("]", 11) + ") }", "INPUT_DEPTH_LIMIT_EXCEEDED", 10, 11},
		{"nested objects", "{ echo(any: " + strings.Repeat("{a:", 11) + "1" + strings.Repeat("}", 11) + ") }", "INPUT_DEPTH_LIMIT_EXCEEDED", 10, 11},
		{"a long list", "{ echo(ints: [" + strings.Repeat("1 ", 201) + "]) }", "INPUT_LIST_LIMIT_EXCEEDED", 200, 201},
		{"a long list as a default", "query($v: Any = [" + strings.Repeat("1 ", 201) + "]) { echo(any: $v) }", "INPUT_LIST_LIMIT_EXCEEDED", 200, 201},
		{
			"many values",
			"{ echo(any: [" + strings.Repeat("["+strings.Repeat("1 ", 199)+"]", 11) + "]) }", "INPUT_SIZE_LIMIT_EXCEEDED", 2000, 2001,
		},
		{"nested list types", "query($v: " + strings.Repeat("[", 500) + "Int" + strings.Repeat("]", 500) + ") { hello }", "GRAPHQL_VALIDATION_FAILED", 0, 0},
		{"fragments with variables", "{ ...A } fragment A($v: Int) on Query { hello }", "GRAPHQL_PARSE_FAILED", 0, 0},
		{"deferred fragments", "{ ... @defer { hello } }", "GRAPHQL_VALIDATION_FAILED", 0, 0},
		{"no operation", "fragment A on Query { hello }", "GRAPHQL_VALIDATION_FAILED", 0, 0},
		{"type definitions", "type Query { hello: String }", "GRAPHQL_PARSE_FAILED", 0, 0},
		{"only white space", " \n\t ", "GRAPHQL_VALIDATION_FAILED", 0, 0},
		{"several operations, none named", "query A { hello } query B { hello }", "GRAPHQL_VALIDATION_FAILED", 0, 0},
	}
	h := serve(gqlhttp.Config{})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := refuse(t, h, tt.query)
			if got.code() != tt.code {
				t.Fatalf("code %q, want %q: %.500s", got.code(), tt.code, got.raw)
			}
			if got.status != http.StatusBadRequest {
				t.Errorf("status %d", got.status)
			}
			limit, _ := got.Errors[0].Extensions["limit"].(float64)
			actual, _ := got.Errors[0].Extensions["actual"].(float64)
			if limit != tt.limit || tt.actual != 0 && actual != tt.actual {
				t.Errorf("limit %v, actual %v; want %v, %v", limit, actual, tt.limit, tt.actual)
			}
			if tt.limit != 0 && actual <= limit {
				t.Errorf("actual %v is not above the limit %v", actual, limit)
			}
		})
	}
}

// refuse asks and expects a small refusal without data, in good time.
func refuse(t tb, h http.Handler, query string) reply {
	t.Helper()
	started := time.Now()
	got := ask(t, h, query)
	// A machine that is busy otherwise gets a second chance, an algorithm that is slow does not.
	for tries := 0; time.Since(started) > maxRefusal && tries < 3; tries++ {
		started = time.Now()
		got = ask(t, h, query)
	}
	if took := time.Since(started); took > maxRefusal {
		t.Errorf("the refusal took %s", took)
	}
	if n := len(got.raw); n > maxAnswer {
		t.Errorf("the refusal is %d bytes", n)
	}
	if got.Data != nil || len(got.Errors) == 0 || len(got.Errors) > 50 {
		t.Errorf("want 1 to 50 errors and no data, got %.500s", got.raw)
	}
	return got
}

// What real clients send must pass: the guard is no good if people have to fight it.
func TestGuard_AcceptsOrdinaryDocuments(t *testing.T) {
	t.Parallel()
	h := serve(gqlhttp.Config{})
	for name, query := range map[string]string{
		"12 levels":          "{ person " + nested("{ friends ", 10, "{ name }") + "}",
		"20 aliases":         "{" + numbered(20, " a%d: hello") + "}",
		"5 repeats":          "{" + strings.Repeat(" hello", 5) + "}",
		"300 fields":         "{" + numbered(20, " a%d: person {"+strings.Repeat(" id name", 5)+" friends { id name } }") + "}",
		"repeats by type":    "{ node(id: 1) {" + strings.Repeat(" ... on Person { name }", 5) + strings.Repeat(" ... on Robot { name }", 5) + "} }",
		"repeats by inner":   "{ node(id: 1) { ... on Named {" + strings.Repeat(" ... on Person { name }", 5) + strings.Repeat(" ... on Robot { name }", 5) + "} } }",
		"fragments":          "{" + numbered(20, " ...F%d") + "}" + numbered(20, " fragment F%[1]d on Query { a%[1]d: hello }"),
		"one mutation":       "mutation { __typename add(point: {x: 1}) }",
		"a type by name":     `{ __type(name: "Person") { fields { name type { name fields { name } ofType { fields { name } } } } } }`,
		"a mutation twice":   "mutation { ...A ...A } fragment A on Mutation { add(point: {x: 1}) }",
		"escapes in strings": `{ echo(string: "\u00e9 \uD83D\uDE00 \u{1F600} \\u0000 \" \n", any: """\uD800 \""" \u0000""") } # \u0000 "`,
		"operations":         "query A { hello }",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := ask(t, h, query); len(got.Errors) > 0 {
				t.Errorf("refused: %s", got.raw)
			}
		})
	}
}

// Validation looks into both of two fragments with one name, and would find four hundred mistakes.
func TestGuard_RefusesASecondFragmentOfOneNameUnseen(t *testing.T) {
	t.Parallel()
	got := ask(t, serve(gqlhttp.Config{}), "{ ...A } fragment A on Query { hello } fragment A on Query {"+numbered(400, " x%d")+"}")
	if got.code() != "GRAPHQL_VALIDATION_FAILED" || len(got.Errors) != 1 {
		t.Errorf("%d errors: %.500s", len(got.Errors), got.raw)
	}
}

func TestGuard_HonoursOtherLimits(t *testing.T) {
	t.Parallel()
	h := serve(gqlhttp.Config{Limits: gqlhttp.Limits{Depth: 2, Errors: 3}})
	if got := ask(t, h, "{ person { friends { name } } }"); got.code() != "DEPTH_LIMIT_EXCEEDED" {
		t.Errorf("got %s", got.raw)
	}
	if got := ask(t, h, "{ a b c d e }"); len(got.Errors) != 3 {
		t.Errorf("want 3 errors, got %s", got.raw)
	}
	if got := ask(t, h, "{"+numbered(20, " a%d: hello")+"}"); len(got.Errors) > 0 {
		t.Errorf("a limit that was not given has no default: %s", got.raw)
	}
}

func TestGuard_ReportsAtMostFiftyErrorsInOrder(t *testing.T) {
	t.Parallel()
	got := ask(t, serve(gqlhttp.Config{}), "{"+numbered(200, "\n unknown%d")+"}")
	if len(got.Errors) != 50 {
		t.Fatalf("%d errors", len(got.Errors))
	}
	var lines []float64
	for _, e := range got.Errors {
		lines = append(lines, e.Locations[0].(map[string]any)["line"].(float64))
	}
	if omitted := got.Extensions["errorsOmitted"]; omitted != nil {
		t.Errorf("validation went on for %v errors that nobody is shown", omitted)
	}
	if !slices.IsSorted(lines) {
		t.Errorf("the errors are not in the order of the document: %v", lines)
	}
}
