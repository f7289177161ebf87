package gqlhttp_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"igny8.com/accounts/internal/gqlhttp"
)

func introspectionQueries(t tb) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.FromSlash("testdata/introspection.json"))
	if err != nil {
		t.Fatal(err)
	}
	var queries map[string]string
	if err := json.Unmarshal(text, &queries); err != nil {
		t.Fatal(err)
	}
	return queries
}

func TestGuard_AcceptsTheIntrospectionQueriesOfTools(t *testing.T) {
	t.Parallel()
	h := serve(gqlhttp.Config{})
	queries := introspectionQueries(t)
	if len(queries) < 3 {
		t.Fatalf("only %d queries", len(queries))
	}
	for name, query := range queries {
		got := post(t, h, toJSON(t, map[string]any{"query": query, "operationName": "IntrospectionQuery"}))
		if got.status != 200 || len(got.Errors) > 0 || !strings.Contains(got.raw, `"name":"Selector"`) {
			t.Errorf("%s: status %d: %.500s", name, got.status, got.raw)
		}
	}
}

// rewriter replaces the document before it is guarded.
type rewriter struct{ query string }

func (rewriter) ExtensionName() string                   { return "Rewriter" }
func (rewriter) Validate(graphql.ExecutableSchema) error { return nil }
func (r rewriter) MutateOperationParameters(_ context.Context, p *graphql.RawParams) *gqlerror.Error {
	p.Query = r.query
	return nil
}

func TestGuard_GuardsWhatExtensionsPutInPlace(t *testing.T) {
	t.Parallel()
	h := serve(gqlhttp.Config{Extensions: []graphql.HandlerExtension{rewriter{"{ hello }"}}})
	if got := post(t, h, `{"extensions":{"rewrite":{}}}`); got.status != 200 || got.field(t, "hello") != "world" {
		t.Errorf("status %d: %s", got.status, got.raw)
	}
	h = serve(gqlhttp.Config{Extensions: []graphql.HandlerExtension{rewriter{"{" + strings.Repeat(" hello", 6) + "}"}}})
	if got := post(t, h, hello); got.code() != "REPEAT_LIMIT_EXCEEDED" {
		t.Errorf("status %d: %s", got.status, got.raw)
	}
}

func TestGuard_BoundsTheAnswer(t *testing.T) {
	t.Parallel()
	h := serve(gqlhttp.Config{})
	for name, tt := range map[string]struct {
		query     string
		variables map[string]any
		actual    float64 // 0: accepted
	}{
		"pages within pages":       {query: "{ people(first: 100) { friends(first: 100) { friends(first: 100) { name } } } }", actual: 1_000_000},
		"one page too large":       {query: "{ people(first: 30000) { name } }", actual: 30_001},
		"by a variable":            {query: "query($n: Int) { people(first: $n) { friends(first: $n) { id name } } }", variables: map[string]any{"n": 150}, actual: 45_151},
		"by a variable's default":  {query: "query($n: Int = 150) { people(first: $n) { friends(first: $n) { id name } } }", actual: 45_151},
		"by the schema's default":  {query: "{ people(first: 100) { friends(first: 100) { friends { friends { friends { name } } } } } }", actual: 150_101},
		"in fragments":             {query: "{ ...A ...A } fragment A on Query { people(first: 100) { ...B ...B } } fragment B on Person { friends(first: 70) { name } }", actual: 28_402},
		"a connection":             {query: "{ crowd(first: 100) { nodes { friends(first: 150) { id name } } } }", actual: 30_102},
		"a connection's last page": {query: "{ crowd(last: 200) { edges { node { friends(first: 150) { name } } } } }", actual: 30_402},
		"a connection's fragment":  {query: "{ crowd(first: 200) { ...C } } fragment C on Crowd { edges { node { friends(first: 100) { id name } } } }", actual: 40_402},
		"a page by default":        {query: "{ crowd { nodes { friends(first: 100) { friends(first: 20) { name } } } } }", actual: 42_022},
		"a negative page":          {query: "{ people(first: -5) { name } }"},
		"a page":                   {query: "{ people(first: 100) { id name friends(first: 10) { id name } } }"},
		"a small page by variable": {query: "query($n: Int = 150) { people(first: $n) { friends(first: $n) { id name } } }", variables: map[string]any{"n": 2}},
	} {
		got := ask(t, h, tt.query, tt.variables)
		if tt.actual == 0 {
			if got.code() == "ANSWER_LIMIT_EXCEEDED" {
				t.Errorf("%s: %s", name, got.raw)
			}
			continue
		}
		if got.code() != "ANSWER_LIMIT_EXCEEDED" || got.status != 400 || got.Data != nil {
			t.Errorf("%s: status %d: %.300s", name, got.status, got.raw)
			continue
		}
		if actual := got.Errors[0].Extensions["actual"]; actual != tt.actual {
			t.Errorf("%s: actual is %v, want %v", name, actual, tt.actual)
		}
	}
}
