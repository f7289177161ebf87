package gqlhttp_test

import (
	"flag"
	"maps"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"igny8.com/accounts/internal/gqlhttp"
)

// alone is given by make hostile, which runs nothing beside this and so may insist on the promised time.
var alone = flag.Bool("alone", false, "hostile documents have the machine to themselves: every answer within 50 ms")

// slowest bounds the answer to a hostile document. Each takes a few milliseconds. A machine that does other things as
// well, with the race detector on top, says nothing of time but that none of them hangs.
func slowest() time.Duration {
	if *alone {
		return 50 * time.Millisecond
	}
	return 5 * time.Second
}

// worst is the longest that an answer took and the largest that a refusal was.
type worst struct {
	sync.Mutex

	documents, size int
	took            time.Duration
}

func (w *worst) saw(took time.Duration, got reply) {
	w.Lock()
	defer w.Unlock()
	w.documents++
	w.took = max(w.took, took)
	if got.Data == nil {
		w.size = max(w.size, len(got.raw))
	}
}

// Whatever the document: an answer in time, coded, with at most fifty errors and, if the document
// is refused, small; never a 500.
func TestHandler_SurvivesHostileDocuments(t *testing.T) {
	t.Parallel()
	h := serve(gqlhttp.Config{})
	seen := map[string]int{}
	var w worst
	rapid.Check(t, func(t *rapid.T) {
		const perRun = 40 // rapid runs 100 times: 4,000 documents
		for range perRun {
			document := newWriter(t)
			body := map[string]any{"query": document.document(), "operationName": "Q0"}
			if document.chance(50) {
				body["variables"] = document.variables()
			}
			got, took := checkHostile(t, h, toJSON(t, body))
			w.saw(took, got)
			seen[got.code()]++
		}
	})
	t.Logf("%d documents; the slowest answer took %s, the largest refusal was %d bytes; answers by code: %v", w.documents, w.took, w.size, seen)
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
func checkHostile(t tb, h http.Handler, body string) (got reply, took time.Duration) {
	t.Helper()
	// A machine that is busy otherwise gets another chance, an algorithm that is slow does not.
	for range 4 {
		started := time.Now()
		got = post(t, h, body)
		if took = time.Since(started); took <= slowest() {
			break
		}
	}
	if took > slowest() {
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
	return got, took
}
