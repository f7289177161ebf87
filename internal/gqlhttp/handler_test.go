package gqlhttp_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"igny8.com/accounts/internal/gqlhttp"
	"igny8.com/accounts/internal/gqlhttp/internal/testserver"
)

// An operation middleware that uses up the time leaves nothing to answer with.
func TestHandler_AnswersTimeoutIfNothingWasRun(t *testing.T) {
	t.Parallel()
	h := serve(gqlhttp.Config{Timeout: 20 * time.Millisecond, AroundOperations: []graphql.OperationMiddleware{
		func(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
			<-ctx.Done()
			return next(ctx)
		},
	}})
	if got := ask(t, h, "{ hello }"); got.status != http.StatusGatewayTimeout || got.code() != "TIMEOUT" || got.Data != nil {
		t.Errorf("status %d: %s", got.status, got.raw)
	}
}

func TestHandler_SaysUnavailableIfTheRequestIsCancelled(t *testing.T) {
	t.Parallel()
	log := &logBuffer{}
	ctx, cancel := context.WithCancel(t.Context())
	h := serve(gqlhttp.Config{Log: log.logger(), Prepare: []gqlhttp.PrepareFunc{
		func(ctx context.Context, _ *graphql.OperationContext) (context.Context, error) {
			cancel()
			return ctx, nil
		},
	}})
	got := do(t, h, request(http.MethodPost, mediaGraphQL, hello).WithContext(ctx))
	if got.status != http.StatusServiceUnavailable || got.code() != "UNAVAILABLE" {
		t.Errorf("status %d: %s", got.status, got.raw)
	}
	if entries := log.entries(t); len(entries) > 0 {
		t.Errorf("a client that went away was logged: %v", entries)
	}
}

func TestHandler_MasksPanicsOutsideOfResolvers(t *testing.T) {
	t.Parallel()
	log := &logBuffer{}
	h := serve(gqlhttp.Config{Log: log.logger(), AroundOperations: []graphql.OperationMiddleware{
		func(context.Context, graphql.OperationHandler) graphql.ResponseHandler { panic(testserver.Secret) },
	}})
	for _, accept := range []string{mediaJSON, mediaGraphQL} {
		got := do(t, h, request(http.MethodPost, accept, hello))
		if got.status != http.StatusInternalServerError || got.code() != "INTERNAL_SERVER_ERROR" || got.Data != nil {
			t.Errorf("status %d: %s", got.status, got.raw)
		}
	}
	if entries := log.entries(t); len(entries) != 2 || entries[0].Panic != testserver.Secret {
		t.Errorf("logged: %v", entries)
	}
}

func TestHandler_LetsAbortedRequestsAbort(t *testing.T) {
	t.Parallel()
	h := serve(gqlhttp.Config{AroundOperations: []graphql.OperationMiddleware{
		func(context.Context, graphql.OperationHandler) graphql.ResponseHandler { panic(http.ErrAbortHandler) },
	}})
	defer func() {
		if v := recover(); v != any(http.ErrAbortHandler) {
			t.Errorf("recovered %v", v)
		}
	}()
	h.ServeHTTP(httptest.NewRecorder(), request(http.MethodPost, "", hello))
	t.Error("the request was answered")
}

// Errors of middlewares that forget the code are masked on the way out, and so are answers that
// say nothing.
func TestHandler_LetsNoErrorWithoutACodePass(t *testing.T) {
	t.Parallel()
	for name, response := range map[string]*graphql.Response{
		"no code": graphql.ErrorResponse(t.Context(), "%s", testserver.Secret),
		"empty":   {},
	} {
		log := &logBuffer{}
		h := serve(gqlhttp.Config{Log: log.logger(), AroundOperations: []graphql.OperationMiddleware{
			func(context.Context, graphql.OperationHandler) graphql.ResponseHandler {
				return graphql.OneShot(response)
			},
		}})
		if got := ask(t, h, "{ hello }"); got.status != 500 || got.code() != "INTERNAL_SERVER_ERROR" {
			t.Errorf("%s: status %d: %s", name, got.status, got.raw)
		}
		if n := len(log.entries(t)); n != 1 {
			t.Errorf("%s: %d log lines", name, n)
		}
	}
}

func TestHandler_MasksAnswersThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	h := serve(gqlhttp.Config{AroundResponses: []graphql.ResponseMiddleware{
		func(ctx context.Context, next graphql.ResponseHandler) *graphql.Response {
			response := next(ctx)
			response.Extensions = map[string]any{"unwritable": func() {}}
			return response
		},
	}})
	if got := ask(t, h, "{ hello }"); got.status != 500 || got.code() != "INTERNAL_SERVER_ERROR" {
		t.Errorf("status %d: %s", got.status, got.raw)
	}
}

func TestHooks_RunInTheirOrder(t *testing.T) {
	t.Parallel()
	type key struct{}
	var calls []string
	h := serve(gqlhttp.Config{
		Prepare: []gqlhttp.PrepareFunc{
			func(ctx context.Context, op *graphql.OperationContext) (context.Context, error) {
				calls = append(calls, "prepare "+op.Operation.Name)
				return context.WithValue(ctx, key{}, "loaders"), nil
			},
		},
		AroundOperations: []graphql.OperationMiddleware{
			func(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
				calls = append(calls, "operation "+ctx.Value(key{}).(string))
				return next(ctx)
			},
		},
		AroundResponses: []graphql.ResponseMiddleware{
			func(ctx context.Context, next graphql.ResponseHandler) *graphql.Response {
				calls = append(calls, "response")
				graphql.RegisterExtension(ctx, "cost", 7)
				return next(ctx)
			},
		},
		AroundRootFields: []graphql.RootFieldMiddleware{
			func(ctx context.Context, next graphql.RootResolver) graphql.Marshaler {
				calls = append(calls, "root")
				return next(ctx)
			},
		},
		AroundFields: []graphql.FieldMiddleware{
			func(ctx context.Context, next graphql.Resolver) (any, error) {
				calls = append(calls, "field "+ctx.Value(key{}).(string))
				return next(ctx)
			},
		},
	})
	got := ask(t, h, "mutation M { add(point: {x: 1}) }")
	want := []string{"prepare M", "operation loaders", "response", "root", "field loaders"}
	if !reflect.DeepEqual(calls, want) {
		t.Errorf("called %q, want %q", calls, want)
	}
	if got.field(t, "add") != 8.0 || got.Extensions["cost"] != 7.0 {
		t.Errorf("got %s", got.raw)
	}
}

func TestRefuse_PresentsErrorsAsResolversDo(t *testing.T) {
	t.Parallel()
	log := &logBuffer{}
	h := serve(gqlhttp.Config{Log: log.logger(), AroundOperations: []graphql.OperationMiddleware{
		func(context.Context, graphql.OperationHandler) graphql.ResponseHandler {
			return gqlhttp.Refuse(errors.New(testserver.Secret))
		},
	}})
	got := ask(t, h, "{ hello }")
	if got.status != 500 || got.code() != "INTERNAL_SERVER_ERROR" || got.Data != nil || len(log.entries(t)) != 1 {
		t.Errorf("status %d: %s; logged %v", got.status, got.raw, log.entries(t))
	}
}

// A document is validated once and then shared; only the race detector can say that it is not
// changed meanwhile.
func TestHandler_ServesOneDocumentToManyAtOnce(t *testing.T) {
	t.Parallel()
	h := serve(gqlhttp.Config{CacheEntries: 2})
	const query = "query($n: Int = 2, $s: Boolean = false) { people(first: $n) { ...P } } fragment P on Person { name @skip(if: $s) pet { ... on Cat { lives } } }"
	queries := []string{query, query + " # 2", query + " # 3"}
	var wait sync.WaitGroup
	for i := range 60 {
		wait.Go(func() {
			got := ask(t, h, queries[i%len(queries)], map[string]any{"n": i % 7})
			if people, _ := got.field(t, "people").([]any); len(people) != i%7 {
				t.Errorf("want %d people, got %s", i%7, got.raw)
			}
		})
	}
	wait.Wait()
}

func BenchmarkHandler(b *testing.B) {
	h := serve(gqlhttp.Config{})
	for name, query := range map[string]string{
		"one":  "{ hello }",
		"page": "query { people(first: 20) { id name pet { ... on Cat { lives } ... on Dog { barks } } } }",
	} {
		body := toJSON(b, map[string]any{"query": query})
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				w := httptest.NewRecorder()
				h.ServeHTTP(w, request(http.MethodPost, mediaGraphQL, body))
				if w.Code != http.StatusOK {
					b.Fatal(w.Body.String())
				}
			}
		})
	}
}
