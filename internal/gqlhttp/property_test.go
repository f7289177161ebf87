package gqlhttp_test

import (
	"maps"
	"net/http"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"igny8.com/accounts/internal/gqlhttp"
)

// slowest bounds a refusal. Each takes a few milliseconds; the rest is room for machines that do
// other things as well.
const slowest = 250 * time.Millisecond

// Whatever the document: an answer in time, coded, with at most fifty errors and, if the document
// is refused, small; never a 500.
func TestHandler_SurvivesHostileDocuments(t *testing.T) {
	t.Parallel()
	h := serve(gqlhttp.Config{})
	seen := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		const perRun = 40 // rapid runs 100 times: 4,000 documents
		for range perRun {
			w := newWriter(t)
			body := map[string]any{"query": w.document(), "operationName": "Q0"}
			if w.chance(50) {
				body["variables"] = w.variables()
			}
			seen[checkHostile(t, h, toJSON(t, body)).code()]++
		}
	})
	t.Log(seen)
	// The writer is of use only as long as its documents get everywhere.
	for _, code := range []string{
		"", "BAD_USER_INPUT", "GRAPHQL_PARSE_FAILED", "GRAPHQL_VALIDATION_FAILED", "BAD_REQUEST", "INTERNAL_SERVER_ERROR",
		"DEPTH_LIMIT_EXCEEDED", "FIELD_LIMIT_EXCEEDED", "ALIAS_LIMIT_EXCEEDED", "INTROSPECTION_LIMIT_EXCEEDED",
	} {
		if seen[code] == 0 {
			t.Errorf("no document was answered by %q; codes: %v", code, slices.Sorted(maps.Keys(seen)))
		}
	}
}

// checkHostile posts a body and checks what must hold of the answer to any.
func checkHostile(t tb, h http.Handler, body string) reply {
	t.Helper()
	started := time.Now()
	got := post(t, h, body)
	// A machine that is busy otherwise gets a second chance, an algorithm that is slow does not.
	for tries := 0; got.Data == nil && time.Since(started) > slowest && tries < 3; tries++ {
		started = time.Now()
		got = post(t, h, body)
	}
	if took := time.Since(started); got.Data == nil && took > slowest {
		t.Errorf("took %s: %s", took, body)
	}
	if got.status >= http.StatusInternalServerError && got.code() != "TIMEOUT" {
		t.Errorf("status %d for %s: %s", got.status, body, got.raw)
	}
	if got.Data == nil && len(got.raw) > maxAnswer {
		t.Errorf("a refusal of %d bytes for %s", len(got.raw), body)
	}
	if len(got.Errors) > 50 {
		t.Errorf("%d errors for %s", len(got.Errors), body)
	}
	return got
}
