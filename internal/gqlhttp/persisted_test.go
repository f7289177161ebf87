package gqlhttp_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gqlhttp"
	"igny8.com/accounts/internal/gqlhttp/internal/testserver"
)

func sha(query string) string {
	sum := sha256.Sum256([]byte(query))
	return hex.EncodeToString(sum[:])
}

// persisted is a body that names the document by its hash, and brings it along if query is not empty.
func persisted(t tb, hash, query string) string {
	t.Helper()
	body := map[string]any{"extensions": map[string]any{"persistedQuery": map[string]any{"version": 1, "sha256Hash": hash}}}
	if query != "" {
		body["query"] = query
	}
	return toJSON(t, body)
}

type shareKey struct{}

// by makes a request in somebody's share.
func by(t tb, h http.Handler, who, body string) reply {
	t.Helper()
	r := request(http.MethodPost, mediaGraphQL, body)
	return do(t, h, r.WithContext(context.WithValue(r.Context(), shareKey{}, who)))
}

func shared(ctx context.Context) string {
	who, _ := ctx.Value(shareKey{}).(string)
	return who
}

func TestPersisted_RunsWhatTheCallerRegistered(t *testing.T) {
	t.Parallel()
	h := serve(gqlhttp.Config{Share: shared})
	const query = "query Q($s: String) { hello echo(string: $s) }"
	missing := by(t, h, "ann", persisted(t, sha(query), ""))
	if missing.code() != "PERSISTED_QUERY_NOT_FOUND" || missing.Errors[0].Message != "PersistedQueryNotFound" || missing.status != 400 {
		t.Errorf("before: status %d: %s", missing.status, missing.raw)
	}
	if got := do(t, h, request(http.MethodPost, mediaJSON, persisted(t, sha(query), ""))); got.status != 200 {
		t.Errorf("as application/json: status %d", got.status)
	}
	if got := by(t, h, "ann", persisted(t, sha(query), query)); got.field(t, "hello") != "world" {
		t.Fatalf("with the text: %s", got.raw)
	}
	body := strings.Replace(persisted(t, sha(query), ""), "{", `{"variables":{"s":"x"},"operationName":"Q",`, 1)
	if got := by(t, h, "ann", body); got.field(t, "echo") == nil {
		t.Errorf("by the hash, with variables: %s", got.raw)
	}
	if got := by(t, h, "bob", persisted(t, sha(query), "")); got.raw != missing.raw {
		t.Errorf("somebody else learns of it: %s", got.raw)
	}
}

func TestPersisted_KeepsNothingThatDidNotRun(t *testing.T) {
	t.Parallel()
	b := &till{}
	h := serve(gqlhttp.Config{Share: shared, Charge: b.charge})
	for code, query := range map[string]string{
		"GRAPHQL_PARSE_FAILED":      "{",
		"GRAPHQL_VALIDATION_FAILED": "{ nobody }",
		"REPEAT_LIMIT_EXCEEDED":     "{" + strings.Repeat(" hello", 6) + "}",
		"BAD_USER_INPUT":            "query($i: Int!) { echo(int: $i) }",
		"THROTTLED":                 "{ hello }",
	} {
		b.err = nil
		if code == "THROTTLED" {
			b.err = fault.New(fault.Throttled, "Later.").With("retryAfterSeconds", 1)
		}
		if got := by(t, h, code, persisted(t, sha(query), query)); got.code() != code {
			t.Errorf("%s: %s", code, got.raw)
		}
		b.err = nil
		if got := by(t, h, code, persisted(t, sha(query), "")); got.code() != "PERSISTED_QUERY_NOT_FOUND" {
			t.Errorf("%s was registered: %s", code, got.raw)
		}
	}
}

func TestPersisted_RefusesWhatIsNotTheProtocol(t *testing.T) {
	t.Parallel()
	h := serve(gqlhttp.Config{})
	hash := sha("{ hello }")
	for name, extension := range map[string]string{
		"another document's hash": `{"version":1,"sha256Hash":"` + sha("{ hello } ") + `"}`,
		"another version":         `{"version":2,"sha256Hash":"` + hash + `"}`,
		"a version in quotes":     `{"version":"1","sha256Hash":"` + hash + `"}`,
		"no version":              `{"sha256Hash":"` + hash + `"}`,
		"no hash":                 `{"version":1}`,
		"half a hash":             `{"version":1,"sha256Hash":"` + hash[:32] + `"}`,
		"a hash in capitals":      `{"version":1,"sha256Hash":"` + strings.ToUpper(hash) + `"}`,
		"a list":                  `[]`,
		"a text":                  `"` + hash + `"`,
	} {
		got := post(t, h, `{"query":"{ hello }","extensions":{"persistedQuery":`+extension+`}}`)
		if got.code() != "BAD_REQUEST" || got.status != 400 || got.Data != nil {
			t.Errorf("%s: status %d: %s", name, got.status, got.raw)
		}
	}
	for name, body := range map[string]string{
		"null":               `{"query":"{ hello }","extensions":{"persistedQuery":null}}`,
		"urql's further key": `{"query":"{ hello }","extensions":{"persistedQuery":{"version":1,"sha256Hash":"` + hash + `","miss":true}}}`,
	} {
		if got := post(t, h, body); len(got.Errors) > 0 {
			t.Errorf("%s: %s", name, got.raw)
		}
	}
}

func TestPersisted_SaysWhereItIsNotSupported(t *testing.T) {
	t.Parallel()
	h := serve(gqlhttp.Config{PersistedBytes: -1})
	got := post(t, h, persisted(t, sha("{ hello }"), ""))
	if got.code() != "PERSISTED_QUERY_NOT_SUPPORTED" || got.Errors[0].Message != "PersistedQueryNotSupported" {
		t.Errorf("%s", got.raw)
	}
	if got := post(t, h, persisted(t, sha("{ hello }"), "{ hello }")); got.field(t, "hello") != "world" {
		t.Errorf("with the text: %s", got.raw)
	}
}

// Whoever registers without end loses their own, and what others registered stays.
func TestPersisted_OneCallerDoesNotFlushAnothers(t *testing.T) {
	t.Parallel()
	h := serve(gqlhttp.Config{Share: shared, PersistedBytes: 1 << 20})
	register := func(who, query string) {
		if got := by(t, h, who, persisted(t, sha(query), query)); len(got.Errors) > 0 {
			t.Fatalf("%s: %s", who, got.raw)
		}
	}
	has := func(who, query string) bool {
		return by(t, h, who, persisted(t, sha(query), "")).code() == ""
	}
	const mine = "{ hello } # mine"
	register("ann", mine)
	for i := range 2000 {
		register("bob", fmt.Sprintf("{ hello } # %d %s", i, strings.Repeat("x", 600)))
	}
	if !has("ann", mine) {
		t.Error("ann's is gone")
	}
	if has("bob", "{ hello } # 0 "+strings.Repeat("x", 600)) || !has("bob", "{ hello } # 1999 "+strings.Repeat("x", 600)) {
		t.Error("bob's first is there, or bob's last is not")
	}
}

func getBy(hash string, more url.Values) *http.Request {
	r := request(http.MethodGet, mediaGraphQL, "")
	values := url.Values{"extensions": {`{"persistedQuery":{"version":1,"sha256Hash":"` + hash + `"}}`}}
	maps.Copy(values, more)
	r.URL.RawQuery = values.Encode()
	return r
}

func TestPersisted_RunsQueriesByGET(t *testing.T) {
	t.Parallel()
	h := serve(gqlhttp.Config{})
	const query, mutation = "query($i: Int) { echo(int: $i) }", "mutation { add(point: {x: 1}) }"
	if got := do(t, h, getBy(sha(query), nil)); got.code() != "PERSISTED_QUERY_NOT_FOUND" {
		t.Errorf("before: %s", got.raw)
	}
	for _, document := range []string{query, mutation} {
		if got := post(t, h, persisted(t, sha(document), document)); len(got.Errors) > 0 {
			t.Fatalf("%s", got.raw)
		}
	}
	if got := echoes(t, do(t, h, getBy(sha(query), url.Values{"variables": {`{"i":7}`}})), "echo"); got != `{"int":7}` {
		t.Errorf("the resolver saw %s", got)
	}
	if got := do(t, h, getBy(sha(mutation), nil)); got.status != http.StatusMethodNotAllowed || got.Data != nil {
		t.Errorf("a mutation by GET: status %d: %s", got.status, got.raw)
	}
}

func operations(t *testing.T, documents ...string) *gqlhttp.Operations {
	t.Helper()
	list := map[string]string{}
	for _, d := range documents {
		list[sha(d)] = d
	}
	o, err := gqlhttp.ReadOperations(testserver.New().Schema(), gqlhttp.Limits{}, []byte(toJSON(t, list)))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestOperations_RunByHashBesideWhatClientsRegister(t *testing.T) {
	t.Parallel()
	const known, other = "query Known { hello }", "query Other { hello }"
	h := serve(gqlhttp.Config{Operations: operations(t, known), Share: shared})
	if got := by(t, h, "anybody", persisted(t, sha(known), "")); got.field(t, "hello") != "world" {
		t.Errorf("a registered one: %s", got.raw)
	}
	if got := post(t, h, toJSON(t, map[string]any{"query": other})); len(got.Errors) > 0 {
		t.Errorf("another one: %s", got.raw)
	}
	by(t, h, "ann", persisted(t, sha(other), other))
	if got := by(t, h, "ann", persisted(t, sha(other), "")); len(got.Errors) > 0 {
		t.Errorf("one that ann registered: %s", got.raw)
	}
}

func TestOperationsOnly_RunsNothingElse(t *testing.T) {
	t.Parallel()
	const known = "query Known { hello }"
	h := serve(gqlhttp.Config{Operations: operations(t, known), OperationsOnly: true})
	for name, body := range map[string]string{"the hash": persisted(t, sha(known), ""), "the text": toJSON(t, map[string]any{"query": known}), "both": persisted(t, sha(known), known)} {
		if got := post(t, h, body); got.Data == nil || got.field(t, "hello") != "world" {
			t.Errorf("%s: %s", name, got.raw)
		}
	}
	const other = "query Other { hello }"
	for name, query := range map[string]string{
		"another document": other, "the same with another space": known + " ", "no document": "{", "introspection": introspectionQueries(t)["default"],
		"a type": `{ __type(name: "Query") { name } }`, "the name of the root": "{ __typename }",
	} {
		for _, body := range []string{toJSON(t, map[string]any{"query": query}), persisted(t, sha(query), query)} {
			if got := post(t, h, body); got.code() != "PERSISTED_QUERY_REQUIRED" || got.status != 400 || len(got.Errors) != 1 {
				t.Errorf("%s: status %d: %s", name, got.status, got.raw)
			}
		}
		// It was not registered on the way, either.
		if got := post(t, h, persisted(t, sha(query), "")); got.code() != "PERSISTED_QUERY_NOT_FOUND" {
			t.Errorf("%s by its hash: %s", name, got.raw)
		}
	}
	if got := post(t, serve(gqlhttp.Config{OperationsOnly: true}), toJSON(t, map[string]any{"query": known})); got.code() != "PERSISTED_QUERY_REQUIRED" {
		t.Errorf("without any registered: %s", got.raw)
	}
}
