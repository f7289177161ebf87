package gqlhttp_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"

	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gqlhttp"
)

// Without data, the status follows from the code, but only for clients that know it is ours.
func TestTransport_SaysByStatusWhyThereIsNoData(t *testing.T) {
	t.Parallel()
	for code, want := range map[fault.Code]int{
		fault.Unauthenticated: 401, fault.PaymentRequired: 402, fault.Forbidden: 403, fault.AccountSuspended: 403,
		fault.Throttled: 429, fault.Unavailable: 503, fault.Timeout: 504, fault.Internal: 500, fault.BadUserInput: 400, "OWN": 400,
	} {
		h := serve(gqlhttp.Config{Prepare: []gqlhttp.PrepareFunc{
			func(ctx context.Context, _ *graphql.OperationContext) (context.Context, error) {
				return ctx, fault.New(code, "No.").With("retryAfterSeconds", 9)
			},
		}})
		got := do(t, h, request(http.MethodPost, mediaGraphQL, hello))
		if got.status != want || got.code() != string(code) || got.Data != nil {
			t.Errorf("%s: status %d, want %d: %s", code, got.status, want, got.raw)
		}
		if is := got.header.Get("WWW-Authenticate") != ""; is != (want == 401) {
			t.Errorf("%s: WWW-Authenticate is %q", code, got.header.Get("WWW-Authenticate"))
		}
		if after := got.header.Get("Retry-After"); (after == "9") != (code == fault.Throttled) {
			t.Errorf("%s: Retry-After is %q", code, after)
		}
		if got := do(t, h, request(http.MethodPost, mediaJSON, hello)); got.status != 200 || got.code() != string(code) {
			t.Errorf("%s as application/json: status %d: %s", code, got.status, got.raw)
		}
	}
}

func TestEdition2026_AnswersWithItsStatuses(t *testing.T) {
	t.Parallel()
	h := serve(gqlhttp.Config{Edition2026: true})
	for body, want := range map[string]int{
		hello:                              200,
		`{"query":"{ fail(how: FAULT) }"}`: 294,
		`{"query":"{ strictFailing { strict } }"}`: 294,
		`{"query":"{"}`:                                 400,
		`{"query":"{ unknown }"}`:                       422,
		`{"query":"query($i: Int!) { echo(int: $i) }"}`: 422,
		`{"query":"{ hello }","operationName":"X"}`:     422,
		`{"query":7}`:                                   400,
		`{`:                                             400,
	} {
		got := do(t, h, request(http.MethodPost, "", body))
		if got.status != want {
			t.Errorf("%s: status %d, want %d", body, got.status, want)
		}
		if media := got.header.Get("Content-Type"); media != mediaGraphQL+"; charset=utf-8" {
			t.Errorf("%s: without a preference the answer is %s", body, media)
		}
	}
	if got := do(t, h, request(http.MethodPost, mediaJSON, `{"query":"{ unknown }"}`)); got.status != 200 {
		t.Errorf("application/json: status %d", got.status)
	}
}

func TestTransport_AnswersInOneOrder(t *testing.T) {
	t.Parallel()
	h := serve(gqlhttp.Config{})
	first := ask(t, h, "{ b: fail(how: FAULT) a: fail(how: FAULT_LIST) failMany(count: 12) { boom(how: FAULT) } }")
	for range 20 {
		if again := ask(t, h, "{ b: fail(how: FAULT) a: fail(how: FAULT_LIST) failMany(count: 12) { boom(how: FAULT) } }"); again.raw != first.raw {
			t.Fatalf("two answers to one question:\n%s\n%s", first.raw, again.raw)
		}
	}
	if len(first.Errors) != 15 || first.Errors[0].Path[0] != "a" || first.Errors[14].Path[1] != 11.0 {
		t.Errorf("got %s", first.raw)
	}
	if !strings.Contains(first.raw, `"data":{"b":null,"a":null`) {
		t.Errorf("data is not in the order of the query: %s", first.raw)
	}
}
