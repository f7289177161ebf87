package gqlhttp_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"igny8.com/accounts/internal/gqlhttp"
)

func TestFresh_LetsCachesKeepWhatIsTheSameForEverybody(t *testing.T) {
	t.Parallel()
	const query, failing, private = "query A { hello }", "query A { hello fail(how: FAULT) }", "query B { hello }"
	b := &till{left: 7}
	h := serve(gqlhttp.Config{
		Charge: b.charge, Operations: operations(t, query, failing, private, "mutation A { add(point: {x: 1}) }"),
		Fresh: func(_ context.Context, op *graphql.OperationContext) time.Duration {
			if op.Operation.Name == "A" {
				return time.Minute
			}
			return 0
		},
	})
	byHash := getBy(sha(query), nil)
	byText := request(http.MethodGet, mediaGraphQL, "")
	byText.URL.RawQuery = "query=query+A+%7B+hello+%7D"
	for name, c := range map[string]struct {
		r     *http.Request
		fresh bool
	}{
		"by GET and hash":      {byHash, true},
		"not the same for all": {getBy(sha(private), nil), false},
		"with an error":        {getBy(sha(failing), nil), false},
		"unknown":              {getBy(sha("{ x }"), nil), false},
		"by GET and text":      {byText, false},
		"by POST":              {request(http.MethodPost, mediaGraphQL, persisted(t, sha(query), "")), false},
		"a mutation":           {request(http.MethodPost, mediaGraphQL, persisted(t, sha("mutation A { add(point: {x: 1}) }"), "")), false},
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, c.r)
		control, header, text := w.Header().Get("Cache-Control"), w.Header(), w.Body.String()
		if !c.fresh {
			if control != "no-store" || header.Get("RateLimit-Limit") == "" || !strings.Contains(text, "throttleStatus") {
				t.Errorf("%s: %v %s", name, header, text)
			}
			continue
		}
		if control != "public, max-age=60" || header.Get("Vary") != "Accept, Authorization, X-API-Key" || header.Get("RateLimit-Limit") != "" ||
			text != `{"data":{"hello":"world"}}` {
			t.Errorf("%s: %v %s", name, header, text)
		}
	}
}

// What a request paid is known to its resolvers.
func TestCharge_IsKnownToResolvers(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, time.March, 31, 12, 0, 0, 0, time.UTC)
	for _, b := range []*gqlhttp.Balance{nil, {Limit: 1000, Remaining: 970, RestoreRate: 50, ResetAfter: time.Minute}} {
		var seen *gqlhttp.RateLimit
		h := serve(gqlhttp.Config{
			Weights: gqlhttp.Weights{"Query.hello": 9},
			Charge:  func(context.Context, int) (*gqlhttp.Balance, error) { return b, nil },
			AroundRootFields: []graphql.RootFieldMiddleware{func(ctx context.Context, next graphql.RootResolver) graphql.Marshaler {
				seen = gqlhttp.RateLimitAt(ctx, now)
				return next(ctx)
			}},
		})
		post(t, h, hello)
		if b == nil {
			if seen != nil {
				t.Errorf("nothing is counted, but %+v", seen)
			}
			continue
		}
		if want := (gqlhttp.RateLimit{Cost: 9, Limit: 1000, Remaining: 970, RestoreRate: 50, ResetAt: now.Add(time.Minute)}); seen == nil || *seen != want {
			t.Errorf("%+v, want %+v", seen, want)
		}
	}
}
