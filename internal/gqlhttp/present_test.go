package gqlhttp_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"igny8.com/accounts/internal/gqlhttp"
	"igny8.com/accounts/internal/gqlhttp/internal/testserver"
)

// logged is a log line of the handler.
type logged struct {
	Level, Msg, RequestID, Error, Panic, Stack, Path, Operation string
}

func (b *logBuffer) entries(t *testing.T) []logged {
	t.Helper()
	var out []logged
	for _, line := range b.lines() {
		if line == "" {
			continue
		}
		var e logged
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		out = append(out, e)
	}
	return out
}

func TestPresenter_ShowsFaultsAsTheyAre(t *testing.T) {
	t.Parallel()
	log := &logBuffer{}
	h := serve(gqlhttp.Config{Log: log.logger()})
	for _, how := range []string{"FAULT", "FAULT_WRAPPED"} {
		got := ask(t, h, "{ hello\n x: fail(how: "+how+") }")
		if got.status != 200 || len(got.Errors) != 1 {
			t.Fatalf("status %d: %s", got.status, got.raw)
		}
		e := got.Errors[0]
		want := map[string]any{"code": "NOT_FOUND", "kind": "thing", "field": []any{"input", "thingId"}}
		if e.Message != "There is no such thing." || !reflect.DeepEqual(e.Extensions, want) {
			t.Errorf("%s: %s", how, got.raw)
		}
		if len(e.Path) != 1 || e.Path[0] != "x" || len(e.Locations) != 1 || e.Locations[0].(map[string]any)["line"] != 2.0 {
			t.Errorf("%s: the place is wrong: %s", how, got.raw)
		}
		if got.field(t, "hello") != "world" {
			t.Errorf("%s: the neighbour is lost: %s", how, got.raw)
		}
	}
	if entries := log.entries(t); len(entries) > 0 {
		t.Errorf("faults were logged: %v", entries)
	}
}

func TestPresenter_ShowsEachFaultOfAList(t *testing.T) {
	t.Parallel()
	got := ask(t, serve(gqlhttp.Config{}), "{ x: fail(how: FAULT_LIST) }")
	if codes := got.codes(); !reflect.DeepEqual(codes, []string{"TOO_LONG", "NOT_FOUND"}) && !reflect.DeepEqual(codes, []string{"NOT_FOUND", "TOO_LONG"}) {
		t.Fatalf("got %s", got.raw)
	}
	for _, e := range got.Errors {
		if len(e.Path) != 1 || len(e.Locations) != 1 || e.Extensions["field"] == nil {
			t.Errorf("an error lacks its place: %s", got.raw)
		}
	}
}

func TestPresenter_MasksTheRestAndLogsItOnce(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"PLAIN", "UNCODED", "FAULT_INTERNAL", "PANIC", "ABORT"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			log := &logBuffer{}
			h := serve(gqlhttp.Config{Log: log.logger(), RequestID: func(context.Context) string { return "req-1" }})
			got := ask(t, h, "query Q { hello x: fail(how: "+how+") }")
			if got.status != 200 || got.code() != "INTERNAL_SERVER_ERROR" || len(got.Errors) != 1 || got.field(t, "hello") != "world" {
				t.Fatalf("status %d: %s", got.status, got.raw)
			}
			if !reflect.DeepEqual(got.Errors[0].Extensions, map[string]any{"code": "INTERNAL_SERVER_ERROR", "requestId": "req-1"}) {
				t.Errorf("got %s", got.raw)
			}
			entries := log.entries(t)
			if len(entries) != 1 {
				t.Fatalf("%d log lines: %v", len(entries), entries)
			}
			e := entries[0]
			if e.Level != "ERROR" || e.RequestID != "req-1" || e.Path != "x" {
				t.Errorf("logged %+v", e)
			}
			switch how {
			case "PANIC":
				if e.Panic != testserver.Secret || !strings.Contains(e.Stack, "resolvers.go") {
					t.Errorf("the log lacks the panic or its stack: %+v", e)
				}
			case "ABORT":
			default:
				if !strings.Contains(e.Error, testserver.Secret) {
					t.Errorf("the log lacks the error: %+v", e)
				}
			}
		})
	}
}

func TestPresenter_GivesEachMaskedErrorAnIDIfTheRequestHasNone(t *testing.T) {
	t.Parallel()
	log := &logBuffer{}
	got := ask(t, serve(gqlhttp.Config{Log: log.logger()}), "{ fail(how: PLAIN) }")
	id, _ := got.Errors[0].Extensions["requestId"].(string)
	if entries := log.entries(t); id == "" || len(entries) != 1 || entries[0].RequestID != id {
		t.Errorf("the answer says %q, the log %v", id, entries)
	}
}

func TestPresenter_BoundsWhatOneRequestLogs(t *testing.T) {
	t.Parallel()
	log := &logBuffer{}
	got := ask(t, serve(gqlhttp.Config{Log: log.logger()}), "{ failMany(count: 200) { boom } }")
	if len(got.Errors) != 50 || got.Extensions["errorsOmitted"] != 150.0 {
		t.Errorf("%d errors, extensions %v", len(got.Errors), got.Extensions)
	}
	if n := len(log.entries(t)); n != 11 {
		t.Errorf("%d log lines, want 10 and one that says that there are more", n)
	}
}

func TestPresenter_KeepsCodesThatAreThere(t *testing.T) {
	t.Parallel()
	got := ask(t, serve(gqlhttp.Config{}), "{ fail(how: CODED) }")
	if got.code() != "OWN_CODE" || got.Errors[0].Message != "Own code." || len(got.Errors[0].Path) != 1 {
		t.Errorf("got %s", got.raw)
	}
}

// What a scalar's own code refuses is the client's mistake, also where it says so in plain words.
func TestPresenter_BlamesArgumentsOnTheClient(t *testing.T) {
	t.Parallel()
	log := &logBuffer{}
	h := serve(gqlhttp.Config{Log: log.logger()})
	for _, query := range []string{`{ x: echo(date: "tomorrow") }`, `{ x: echo(date: 7) }`, `{ x: echo(date: ["tomorrow"]) }`} {
		got := ask(t, h, query)
		if got.code() != "BAD_USER_INPUT" || len(got.Errors) != 1 || len(got.Errors[0].Path) != 1 || strings.Contains(got.raw, "no date") {
			t.Errorf("%s: %s", query, got.raw)
		}
	}
	if entries := log.entries(t); len(entries) > 0 {
		t.Errorf("logged: %v", entries)
	}
}

func TestPresenter_CodesTheDeadline(t *testing.T) {
	t.Parallel()
	log := &logBuffer{}
	h := serve(gqlhttp.Config{Timeout: 20 * time.Millisecond, Log: log.logger()})
	got := ask(t, h, "{ hello fail(how: TIMEOUT) }")
	if got.status != 200 || got.code() != "TIMEOUT" || got.field(t, "hello") != "world" {
		t.Errorf("status %d: %s", got.status, got.raw)
	}
	if entries := log.entries(t); len(entries) != 1 || entries[0].Level != "WARN" {
		t.Errorf("logged: %v", entries)
	}
}

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
