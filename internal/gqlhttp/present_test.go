package gqlhttp_test

import (
	"context"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"igny8.com/accounts/internal/gqlhttp"
	"igny8.com/accounts/internal/gqlhttp/internal/testserver"
)

// logged is a log line of the handler.
type logged struct {
	Level, Msg, Error, Panic, Stack, Path, Operation string

	RequestID string `json:"request_id"`
	Last      bool   `json:"last_of_request"`
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
	entries := log.entries(t)
	if len(entries) != 10 {
		t.Fatalf("%d log lines, want 10", len(entries))
	}
	// Resolvers run side by side, so the lines may be written in another order than they were counted in.
	last := 0
	for _, entry := range entries {
		if entry.Last {
			last++
		}
	}
	if last != 1 {
		t.Errorf("%d lines say that they are the last", last)
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
