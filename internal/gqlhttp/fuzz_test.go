package gqlhttp_test

import (
	"net/http"
	"testing"

	"igny8.com/accounts/internal/gqlhttp"
)

// FuzzDocument sends any text as a document.
func FuzzDocument(f *testing.F) {
	for _, query := range introspectionQueries(f) {
		f.Add(query)
	}
	for _, query := range []string{
		"{ hello }", "query Q($a: Int! = 1) { echo(int: $a) @skip(if: false) }", "mutation { add(point: {x: 1}) }",
		`{ echo(string: "\uD83D\uDE00", any: """b\"""""") }`, "{ ...A } fragment A on Query { ...A }", bomb(18, "...FN ...FN"),
		"{ people(first: 100) { friends(first: 100) { friends(first: 100) { name } } } }", "subscription { ticks }",
		"{ node(id: 1) { ... on Robot { model } ... on Person { name pet { ... on Cat { lives } } } } }", "query($a: [[[Int]]]) { hello }",
		"{ select(by: {id: $a}) filter(filter: {grid: [[1]]}) @include(if: $b) }", "{ __type(name: \"X\") { fields { type { fields { name } } } } }",
		"{ a: hello a: echo b: person { id } b: person { name } }", "query A { hello } query A { hello }", "# \xef\xbb\xbf\n{hello}", "{ hello @defer(if: 1, if: 2) }",
	} {
		f.Add(query)
	}
	h := serve(gqlhttp.Config{})
	f.Fuzz(func(t *testing.T, query string) {
		checkHostile(t, h, toJSON(t, map[string]any{"query": query}))
	})
}

// FuzzBody sends any bytes as a body.
func FuzzBody(f *testing.F) {
	for _, body := range []string{
		hello, `{"query":"query Q($v: Filter!) { filter(filter: $v) }","operationName":"Q","variables":{"v":{"near":{"x":1}}}}`,
		`{"query":"query($v: Any) { echo(any: $v) }","variables":{"v":[1.5e3,"\ud83d\ude00",null,{"a":{}}]}}`,
		`{"query":"{ hello }","variables":null,"extensions":{"persistedQuery":{"version":1,"sha256Hash":"x"}}}`, `[{"query":"{ hello }"}]`,
		`{"query":"query($v: Int = 5) { required(int: $v) }","variables":{"v":null}}`, "", "{", `{"query":"{ hello }"}}`,
	} {
		f.Add([]byte(body))
	}
	h := serve(gqlhttp.Config{})
	f.Fuzz(func(t *testing.T, body []byte) {
		if got, _ := checkHostile(t, h, string(body)); got.Data != nil && got.status != http.StatusOK {
			t.Errorf("data with status %d", got.status)
		}
	})
}
