package gqlhttp_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"igny8.com/accounts/internal/gqlhttp"
	"igny8.com/accounts/internal/nodetest"
)

// auditCount is how many audits serverAudits of graphql-http 1.23.1 holds.
const auditCount = 61

func TestTransport_PassesTheGraphQLOverHTTPAudits(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]gqlhttp.Config{
		"plain": {},
		"metered": {Charge: func(context.Context, int) (*gqlhttp.Balance, error) {
			return &gqlhttp.Balance{Limit: 9, Remaining: 8, RestoreRate: 1}, nil
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			audit(t, cfg)
		})
	}
}

func audit(t *testing.T, cfg gqlhttp.Config) {
	t.Helper()
	server := httptest.NewServer(serve(cfg))
	t.Cleanup(server.Close)
	passed := 0
	for _, line := range nodetest.Lines(nodetest.Run(t, nodetest.Audits, true, "audit.mjs", server.URL)) {
		var audit struct{ ID, Name, Status, Reason string }
		if err := json.Unmarshal([]byte(line), &audit); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		t.Logf("%-5s %s %s", audit.Status, audit.ID, audit.Name)
		if audit.Status != "ok" {
			t.Errorf("%s %s: %s", audit.ID, audit.Name, audit.Reason)
			continue
		}
		passed++
	}
	t.Logf("%d of %d audits passed", passed, auditCount)
	if passed != auditCount {
		t.Errorf("%d of %d audits passed", passed, auditCount)
	}
}

// The queries in testdata/introspection.json, which tests that need no node use, are what the
// installed graphql-js makes.
func TestIntrospectionQueries_AreThoseOfGraphQLJS(t *testing.T) {
	t.Parallel()
	got := nodetest.Run(t, nodetest.Audits, false, "introspection.mjs")
	want, err := os.ReadFile(filepath.FromSlash("testdata/introspection.json"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("testdata/introspection.json is not what introspection.mjs prints")
	}
}

// The same requirements as the audits', for machines without node: by id, what is sent and what
// must come back.
func TestTransport_ConformsToGraphQLOverHTTP(t *testing.T) {
	t.Parallel()
	const (
		typename = `{"query":"{ __typename }"}`
		named    = `{"operationName":"Query","query":"query Query { __typename }"}`
		vars     = `{"query":"query Type($name: String!) { __type(name: $name) { name } }","variables":{"name":"sometype"}}`
		invalid  = `{"query":"{ 8f31403dfe404bccbb0e835f2629c6a7 }"}`
		coercion = `{"query":"query CoerceFailure($id: ID!){ __typename }","variables":{"id":null}}`
		get      = "GET"
		none     = "\x00none" // no such header at all
	)
	type want struct {
		status int
		media  string // of the answer; any if empty
		errors bool
	}
	ok := func(media string) want { return want{200, media, false} }
	refused := func(status int) want { return want{status: status, errors: true} }
	tests := []struct {
		want

		id                            string
		method, content, accept, body string // for GET, body is the query string
	}{
		{id: "22EB", accept: mediaGraphQL, body: typename, want: ok(mediaGraphQL)},
		{id: "4655", accept: mediaJSON, body: typename, want: ok(mediaJSON)},
		{id: "47DE", accept: "*/*", body: typename, want: ok(mediaJSON)},
		{id: "80D8", body: typename, want: ok(mediaJSON)},
		{id: "BF61", content: "application/json; charset=utf-8", body: `{"query":"{ __type(name: \"Run🏃Swim🏊\") { name } }"}`, want: ok("")},
		{id: "5A70", method: get, body: "query=%7B+__typename+%7D", want: ok("")},
		{id: "9C48", method: get, accept: mediaGraphQL, body: "query=" + url.QueryEscape("mutation { __typename }"), want: refused(405)},
		{id: "9ABE", content: none, want: refused(415)},
		{id: "A5BF", want: refused(400)},
		{id: "423L", accept: mediaGraphQL, body: `{"notquery":"{ __typename }"}`, want: refused(400)},
		{id: "LKJ0", body: `{"query":{"obj":"ect"}}`, want: refused(400)},
		{id: "LKJ1", body: `{"query":0}`, want: refused(400)},
		{id: "LKJ2", body: `{"query":false}`, want: refused(400)},
		{id: "LKJ3", body: `{"query":["array"]}`, want: refused(400)},
		{id: "6C00", body: `{"operationName":{"obj":"ect"},"query":"{ __typename }"}`, want: refused(400)},
		{id: "6C01", body: `{"operationName":0,"query":"{ __typename }"}`, want: refused(400)},
		{id: "6C02", body: `{"operationName":false,"query":"{ __typename }"}`, want: refused(400)},
		{id: "6C03", body: `{"operationName":["array"],"query":"{ __typename }"}`, want: refused(400)},
		{id: "8161", accept: mediaGraphQL, body: named, want: ok(mediaGraphQL)},
		{id: "B8B3", accept: mediaJSON, body: named, want: ok(mediaJSON)},
		{id: "94B0", accept: mediaGraphQL, body: `{"query":"{ __typename }","variables":null}`, want: ok("")},
		{id: "94B1", accept: mediaGraphQL, body: `{"query":"{ __typename }","operationName":null}`, want: ok("")},
		{id: "94B2", accept: mediaGraphQL, body: `{"query":"{ __typename }","extensions":null}`, want: ok("")},
		{id: "0220", accept: mediaJSON, body: `{"query":"{ __typename }","variables":null}`, want: ok("")},
		{id: "0221", accept: mediaJSON, body: `{"query":"{ __typename }","operationName":null}`, want: ok("")},
		{id: "0222", accept: mediaJSON, body: `{"query":"{ __typename }","extensions":null}`, want: ok("")},
		{id: "4760", body: `{"query":"{ __typename }","variables":"string"}`, want: refused(400)},
		{id: "4761", body: `{"query":"{ __typename }","variables":0}`, want: refused(400)},
		{id: "4762", body: `{"query":"{ __typename }","variables":false}`, want: refused(400)},
		{id: "4763", body: `{"query":"{ __typename }","variables":["array"]}`, want: refused(400)},
		{id: "2EA1", accept: mediaGraphQL, body: vars, want: ok("")},
		{id: "28B9", accept: mediaJSON, body: vars, want: ok("")},
		{id: "D6D5", method: get, accept: mediaGraphQL, body: getVars(), want: ok("")},
		{id: "6A70", method: get, accept: mediaJSON, body: getVars(), want: ok("")},
		{id: "58B0", body: `{"query":"{ __typename }","extensions":"string"}`, want: refused(400)},
		{id: "58B1", body: `{"query":"{ __typename }","extensions":0}`, want: refused(400)},
		{id: "58B2", body: `{"query":"{ __typename }","extensions":false}`, want: refused(400)},
		{id: "58B3", body: `{"query":"{ __typename }","extensions":["array"]}`, want: refused(400)},
		{id: "428F", accept: mediaGraphQL, body: `{"query":"{ __typename }","extensions":{"some":"value"}}`, want: ok("")},
		{id: "1B7A", accept: mediaJSON, body: `{"query":"{ __typename }","extensions":{"some":"value"}}`, want: ok("")},
		{id: "BCF8", body: `{ "not a JSON`, want: refused(400)},
		{id: "3E3A", body: `{"qeury":"{ __typename }"}`, want: refused(400)},
		{id: "572B", accept: mediaJSON, body: `{"query":"{"}`, want: refused(200)},
		{id: "FDE2", accept: mediaJSON, body: invalid, want: refused(200)},
		{id: "7B9B", accept: mediaJSON, body: coercion, want: refused(200)},
		{id: "556A", accept: mediaGraphQL, body: `{"query":"{"}`, want: refused(400)},
		{id: "74FF", accept: mediaGraphQL, body: invalid, want: refused(400)},
		{id: "86EE", accept: mediaGraphQL, body: coercion, want: refused(400)},
	}
	h := serve(gqlhttp.Config{})
	for _, tt := range tests {
		t.Run(tt.id, func(t *testing.T) {
			t.Parallel()
			r := request(http.MethodPost, tt.accept, tt.body)
			if tt.method == get {
				r = request(http.MethodGet, tt.accept, "")
				r.URL.RawQuery = tt.body
			}
			switch tt.content {
			case "":
			case none:
				r.Header.Del("Content-Type")
			default:
				r.Header.Set("Content-Type", tt.content)
			}
			got := do(t, h, r)
			if got.status != tt.status {
				t.Errorf("status %d, want %d: %s", got.status, tt.status, got.raw)
			}
			media, params, _ := strings.Cut(got.header.Get("Content-Type"), ";")
			if tt.media != "" && media != tt.media || strings.TrimSpace(params) != "charset=utf-8" {
				t.Errorf("the answer is %q;%q, want %q in UTF-8", media, params, tt.media)
			}
			if hasErrors := len(got.Errors) > 0; hasErrors != tt.errors {
				t.Errorf("errors: %v, want %v: %s", hasErrors, tt.errors, got.raw)
			}
			if tt.errors && strings.Contains(got.raw, `"data"`) {
				t.Errorf("a request error has an entry data: %s", got.raw)
			}
		})
	}
}

func getVars() string {
	return url.Values{
		"query":     {"query Type($name: String!) { __type(name: $name) { name } }"},
		"variables": {`{"name":"sometype"}`},
	}.Encode()
}
