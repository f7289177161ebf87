package gqlhttp_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gqlhttp"
)

// till charges as it is told and remembers what it was asked for.
type till struct {
	asked []int
	left  int
	err   error
}

func (b *till) charge(_ context.Context, cost int) (*gqlhttp.Balance, error) {
	b.asked = append(b.asked, cost)
	return &gqlhttp.Balance{Limit: 1000, Remaining: b.left, RestoreRate: 50, ResetAfter: 1500 * time.Millisecond}, b.err
}

func TestCharge_TellsTheCostAndWhatIsLeft(t *testing.T) {
	t.Parallel()
	b := &till{left: 970}
	h := serve(gqlhttp.Config{Charge: b.charge, Weights: gqlhttp.Weights{"Query.hello": 9}})
	got := ask(t, h, `{ hello crowd(first: 20) { nodes { name } } }`)
	if want := `"extensions":{"cost":{"requestedQueryCost":30,"actualQueryCost":30,"throttleStatus":{"maximumAvailable":1000,"currentlyAvailable":970,"restoreRate":50}}}}`; !strings.HasSuffix(got.raw, want) {
		t.Errorf("the answer ends otherwise than with %s: %s", want, got.raw)
	}
	if len(got.Errors) > 0 || got.field(t, "hello") != "world" {
		t.Errorf("got %s", got.raw)
	}
	for name, want := range map[string]string{"RateLimit-Limit": "1000", "RateLimit-Remaining": "970", "RateLimit-Reset": "2", "Retry-After": ""} {
		if value := got.header.Get(name); value != want {
			t.Errorf("%s is %q, want %q", name, value, want)
		}
	}
	if !slices.Equal(b.asked, []int{30}) {
		t.Errorf("it was charged %v", b.asked)
	}
}

func TestCharge_LeavesNoTraceWhereThereIsNone(t *testing.T) {
	t.Parallel()
	none := func(context.Context, int) (*gqlhttp.Balance, error) { return nil, nil }
	for _, cfg := range []gqlhttp.Config{{}, {Charge: none}} {
		got := post(t, serve(cfg), hello)
		if got.raw != `{"data":{"hello":"world"}}` || got.header.Get("RateLimit-Limit") != "" {
			t.Errorf("got %s with %v", got.raw, got.header)
		}
	}
}

func TestCharge_RefusesBeforeAnyResolver(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		refusal *fault.Error
		status  int
		after   string
	}{
		{fault.New(fault.Throttled, "Later.").With("retryAfterSeconds", 7), http.StatusTooManyRequests, "7"},
		{fault.New(fault.CostLimit, "Never.").With("limit", 1000).With("actual", 2000), http.StatusBadRequest, ""},
	} {
		b := &till{err: c.refusal}
		ran := false
		h := serve(gqlhttp.Config{Charge: b.charge, AroundRootFields: []graphql.RootFieldMiddleware{
			func(ctx context.Context, next graphql.RootResolver) graphql.Marshaler {
				ran = true
				return next(ctx)
			},
		}})
		got := do(t, h, request(http.MethodPost, mediaGraphQL, hello))
		if got.status != c.status || got.code() != string(c.refusal.Code) || got.Data != nil || ran {
			t.Errorf("%s: status %d, a resolver ran: %v: %s", c.refusal.Code, got.status, ran, got.raw)
		}
		if after := got.header.Get("Retry-After"); after != c.after {
			t.Errorf("%s: Retry-After is %q", c.refusal.Code, after)
		}
		if !strings.Contains(got.raw, `"actualQueryCost":0,`) || got.header.Get("RateLimit-Remaining") != "0" {
			t.Errorf("%s: the state of the bucket is not told: %s", c.refusal.Code, got.raw)
		}
		// A client that speaks application/json alone gets the header too, but no status of a proxy.
		got = do(t, h, request(http.MethodPost, mediaJSON, hello))
		if got.status != http.StatusOK || got.header.Get("Retry-After") != c.after {
			t.Errorf("%s as application/json: status %d, Retry-After %q", c.refusal.Code, got.status, got.header.Get("Retry-After"))
		}
	}
}

func TestCharge_MasksWhatIsNoFault(t *testing.T) {
	t.Parallel()
	b := &till{err: errors.New("SQLSTATE 42P01 at 10.0.0.7")}
	if got := post(t, serve(gqlhttp.Config{Charge: b.charge}), hello); got.code() != string(fault.Internal) {
		t.Errorf("got %s", got.raw)
	}
}

// What cannot run costs the least, so that a flood of it is not free; what is no GraphQL request costs
// nothing, since nothing was done for it.
func TestCharge_IsOneForWhatCannotRun(t *testing.T) {
	t.Parallel()
	for body, want := range map[string][]int{
		`{"query":"{"}`:                                 {1},
		`{"query":"{ unknown }"}`:                       {1},
		`{"query":"query($i: Int!) { echo(int: $i) }"}`: {1},
		`{"query":"{ hello }","operationName":"X"}`:     {1},
		`{"query":"subscription { ticks }"}`:            {1},
		`{"query":"mutation { add(point: {x: 1}) }"}`:   {10},
		`{"query":"{ fail(how: PANIC) }"}`:              {1},
		`{"query":7}`:                                   nil,
		`{`:                                             nil,
	} {
		b := &till{left: 9}
		got := post(t, serve(gqlhttp.Config{Charge: b.charge}), body)
		if !slices.Equal(b.asked, want) {
			t.Errorf("%s was charged %v, want %v", body, b.asked, want)
		}
		if told := got.Extensions["cost"] != nil; told != (want != nil) {
			t.Errorf("%s: the cost is told: %v: %s", body, told, got.raw)
		}
	}
	b := &till{}
	r := request(http.MethodGet, mediaGraphQL, "")
	r.URL.RawQuery = "query=mutation%7B__typename%7D"
	if got := do(t, serve(gqlhttp.Config{Charge: b.charge}), r); got.status != http.StatusMethodNotAllowed || !slices.Equal(b.asked, []int{1}) {
		t.Errorf("a mutation by GET: status %d, charged %v", got.status, b.asked)
	}
}

func TestCharge_StandsBesideOtherExtensions(t *testing.T) {
	t.Parallel()
	b := &till{}
	got := ask(t, serve(gqlhttp.Config{Charge: b.charge, Limits: gqlhttp.Limits{Errors: 2}}), `{ failMany(count: 5) { boom(how: FAULT) } }`)
	if got.Extensions["cost"] == nil || got.Extensions["errorsOmitted"] != 3.0 {
		t.Errorf("got %s", got.raw)
	}
}

func TestAdmit_RefusesBeforeTheDocumentIsLookedAt(t *testing.T) {
	t.Parallel()
	b := &till{}
	h := serve(gqlhttp.Config{Charge: b.charge, Admit: func(context.Context) (func(), error) {
		return nil, fault.New(fault.Throttled, "Too many at once.").With("retryAfterSeconds", 1)
	}})
	for _, body := range []string{hello, `{"query":"{"}`} {
		got := post(t, h, body)
		if got.status != http.StatusTooManyRequests || got.code() != string(fault.Throttled) || got.header.Get("Retry-After") != "1" {
			t.Errorf("status %d, Retry-After %q: %s", got.status, got.header.Get("Retry-After"), got.raw)
		}
	}
	if b.asked != nil {
		t.Errorf("it was charged %v", b.asked)
	}
}

func TestAdmit_WaitsNoLongerThanTheRequestMay(t *testing.T) {
	t.Parallel()
	h := serve(gqlhttp.Config{Timeout: 20 * time.Millisecond, Admit: func(ctx context.Context) (func(), error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}})
	if got := post(t, h, hello); got.code() != string(fault.Timeout) || got.status != http.StatusGatewayTimeout {
		t.Errorf("status %d: %s", got.status, got.raw)
	}
}

// However a request ends, its place is free again by the time that it is answered.
func TestAdmit_ReleasesEachPlaceOnce(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		hello, `{"query":"{"}`, `{"query":"{ fail(how: PANIC) }"}`, `{"query":"{ fail(how: TIMEOUT) }"}`, `{"query":"subscription { ticks }"}`,
	} {
		entered, left := 0, 0
		h := serve(gqlhttp.Config{Admit: func(context.Context) (func(), error) {
			entered++
			return func() { left++ }, nil
		}})
		if got := post(t, h, body); entered != 1 || left != 1 {
			t.Errorf("%s: entered %d times, left %d times: %s", body, entered, left, got.raw)
		}
	}
	left := 0
	h := serve(gqlhttp.Config{
		Admit:  func(context.Context) (func(), error) { return func() { left++ }, nil },
		Charge: func(context.Context, int) (*gqlhttp.Balance, error) { panic("as planned") },
	})
	if got := post(t, h, hello); got.code() != string(fault.Internal) || left != 1 {
		t.Errorf("after a panic outside of resolvers left %d times: %s", left, got.raw)
	}
}
