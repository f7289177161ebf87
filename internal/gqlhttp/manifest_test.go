package gqlhttp_test

import (
	"strings"
	"testing"

	"igny8.com/accounts/internal/gqlhttp"
	"igny8.com/accounts/internal/gqlhttp/internal/testserver"
)

func readOperations(manifest string) (*gqlhttp.Operations, error) {
	return gqlhttp.ReadOperations(testserver.New().Schema(), gqlhttp.Limits{}, []byte(manifest))
}

func apollo(t *testing.T, operations ...map[string]any) string {
	t.Helper()
	return toJSON(t, map[string]any{"format": "apollo-persisted-query-manifest", "version": 1, "operations": operations})
}

func entry(name, kind, body string) map[string]any {
	return map[string]any{"id": sha(body), "name": name, "type": kind, "body": body}
}

func TestReadOperations_TakesBothFormats(t *testing.T) {
	t.Parallel()
	const query, mutation = "query Hello { hello }", "mutation Add { add(point: {x: 1}) }"
	for name, manifest := range map[string]string{
		"Apollo's":          apollo(t, entry("Hello", "query", query), entry("Add", "mutation", mutation)),
		"documents by hash": toJSON(t, map[string]any{sha(query): query, sha(mutation): mutation}),
	} {
		if o, err := readOperations(manifest); err != nil || o.Len() != 2 {
			t.Errorf("%s: %v, %v", name, o, err)
		}
	}
}

func TestReadOperations_NamesWhatItRefuses(t *testing.T) {
	t.Parallel()
	const fine = "query Fine { hello }"
	for want, manifest := range map[string]string{
		"not acceptable JSON":                                              `{"a":1,}`,
		"has the same member twice":                                        `{"a":"x","a":"y"}`,
		"no JSON object":                                                   `[]`,
		"lists no operation":                                               `{}`,
		"not of the format apollo":                                         `{"format":"apollo-persisted-query-manifest","version":2,"operations":[]}`,
		"operation 2 of the manifest: its body":                            apollo(t, entry("Fine", "query", fine), map[string]any{"id": "x", "name": "y", "type": "query"}),
		"the operation abc: it is no text":                                 `{"abc":7}`,
		"the operation abc: its id is no SHA-256":                          `{"abc":"{ hello }"}`,
		"its id is not the hash of its text, which is " + sha("{ hello }"): `{"` + sha(fine) + `":"{ hello }"}`,
		`"Twice" (` + sha("query Twice { hello }") + "): it is listed twice": apollo(t,
			entry("Twice", "query", "query Twice { hello }"), entry("Twice", "query", "query Twice { hello }")),
		`"Cut" (` + sha("query Cut {") + "): line 1, column 12: Syntax error":                            apollo(t, entry("Cut", "query", "query Cut {")),
		`line 1, column 17: Cannot query field "nobody"`:                                                 apollo(t, entry("Unknown", "query", "query Unknown { nobody }")),
		`selects more than 300 fields, fragments included. (301)`:                                        apollo(t, entry("Large", "query", "query Large {"+strings.Repeat(" hello", 301)+"}")),
		`"Other" (` + sha("query Name { hello }") + "): its text has no operation of that name and type": apollo(t, entry("Other", "query", "query Name { hello }")),
		`"Kind" (` + sha("query Kind { hello }") + "): its text has no operation of that name and type":  apollo(t, entry("Kind", "mutation", "query Kind { hello }")),
	} {
		if o, err := readOperations(manifest); err == nil || !strings.Contains(err.Error(), want) || o != nil {
			t.Errorf("want %q, got %v", want, err)
		}
	}
	_, err := readOperations(toJSON(t, map[string]any{sha(fine): fine, sha("{ a }"): "{ a }", sha("{ b }"): "{ b }"}))
	if err == nil || strings.Count(err.Error(), "\n") != 1 || strings.Contains(err.Error(), sha(fine)) {
		t.Errorf("want one line for each of the two that are wrong: %v", err)
	}
}
