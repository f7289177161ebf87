package gqlhttp_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"igny8.com/accounts/internal/gqlhttp"
	"igny8.com/accounts/internal/gqlhttp/internal/testserver"
)

const (
	mediaGraphQL = "application/graphql-response+json"
	mediaJSON    = "application/json"
)

// tb is what tests, fuzz tests and property tests have in common.
type tb interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
	Fatal(args ...any)
}

// serve is a handler over the test schema that logs nowhere unless cfg says where.
func serve(cfg gqlhttp.Config) http.Handler {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return gqlhttp.New(testserver.New(), cfg)
}

// reply is an answer as a client reads it.
type reply struct {
	status int
	header http.Header
	raw    string

	Data   json.RawMessage `json:"data"`
	Errors []struct {
		Message    string         `json:"message"`
		Path       []any          `json:"path"`
		Locations  []any          `json:"locations"`
		Extensions map[string]any `json:"extensions"`
	} `json:"errors"`
	Extensions map[string]any `json:"extensions"`
}

// code is the first error's, or "".
func (r reply) code() string {
	if len(r.Errors) == 0 {
		return ""
	}
	code, _ := r.Errors[0].Extensions["code"].(string)
	return code
}

func (r reply) codes() []string {
	var codes []string
	for _, e := range r.Errors {
		code, _ := e.Extensions["code"].(string)
		codes = append(codes, code)
	}
	return codes
}

// field decodes one member of data.
func (r reply) field(t *testing.T, name string) any {
	t.Helper()
	var data map[string]any
	if err := json.Unmarshal(r.Data, &data); err != nil {
		t.Fatalf("data is no object: %v in %s", err, r.raw)
	}
	return data[name]
}

// do runs a request and checks what holds for every answer.
func do(t tb, h http.Handler, r *http.Request) reply {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	res := w.Result()
	out := reply{status: res.StatusCode, header: res.Header, raw: w.Body.String()}
	if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
		t.Fatalf("the answer is no JSON: %v\n%s", err, out.raw)
	}
	if got := res.Header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control is %q", got)
	}
	if len(out.Errors) == 0 && out.Data == nil {
		t.Errorf("the answer has neither data nor errors: %s", out.raw)
	}
	for _, e := range out.Errors {
		if code, _ := e.Extensions["code"].(string); code == "" {
			t.Errorf("an error has no code: %s", out.raw)
		}
		if e.Message == "" {
			t.Errorf("an error has no message: %s", out.raw)
		}
	}
	if strings.Contains(out.raw, testserver.Secret) {
		t.Errorf("the answer leaks the text of an internal error: %s", out.raw)
	}
	return out
}

func request(method, accept, body string) *http.Request {
	r := httptest.NewRequest(method, "/graphql", strings.NewReader(body))
	r.Header.Set("Content-Type", mediaJSON)
	if accept != "" {
		r.Header.Set("Accept", accept)
	}
	return r
}

// post sends a raw body.
func post(t tb, h http.Handler, body string) reply {
	t.Helper()
	return do(t, h, request(http.MethodPost, mediaGraphQL, body))
}

// ask sends a document with variables.
func ask(t tb, h http.Handler, query string, variables ...map[string]any) reply {
	t.Helper()
	body := map[string]any{"query": query}
	if len(variables) > 0 {
		body["variables"] = variables[0]
	}
	return post(t, h, toJSON(t, body))
}

func toJSON(t tb, v any) string {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// logBuffer collects log lines.
type logBuffer struct {
	mu    sync.Mutex
	bytes bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.bytes.Write(p)
}

func (b *logBuffer) lines() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Split(strings.TrimSuffix(b.bytes.String(), "\n"), "\n")
}

func (b *logBuffer) logger() *slog.Logger {
	return slog.New(slog.NewJSONHandler(io.Writer(b), nil))
}
