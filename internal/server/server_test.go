package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"igny8.com/accounts/internal/build"
	"igny8.com/accounts/internal/server"
)

// logBuffer collects log lines; the server writes them from many goroutines.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// lines are the log's entries with the given message.
func (b *logBuffer) lines(t *testing.T, message string) []map[string]any {
	t.Helper()
	var found []map[string]any
	for line := range strings.SplitSeq(strings.TrimSpace(b.String()), "\n") {
		var entry map[string]any
		if line == "" {
			continue
		}
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatalf("log line %q: %v", line, err)
		}
		if entry["msg"] == message {
			found = append(found, entry)
		}
	}
	return found
}

type fixture struct {
	*server.Server

	log *logBuffer
}

// newServer makes a server whose parts are simple; change alters what a test is about.
func newServer(t *testing.T, change func(*server.Config)) fixture {
	t.Helper()
	log := &logBuffer{}
	text := func(body string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) })
	}
	cfg := server.Config{
		Log:        slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Build:      build.Info{Version: "1.2.3", Commit: "abc", Go: "go1", Platform: "linux/amd64"},
		GraphQL:    text("graphql"),
		Export:     text("export"),
		Auth:       func(next http.Handler) http.Handler { return next },
		Page:       text("page"),
		PageAssets: "/assets/",
		SDL:        "type Query",
		JWKS:       text("jwks"),
		Ready:      func(context.Context) error { return nil },
	}
	if change != nil {
		change(&cfg)
	}
	s, err := server.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return fixture{Server: s, log: log}
}

func (f fixture) do(method, path string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, http.NoBody)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	return w
}

// codeOf is the code of the one error in the answer.
func codeOf(t *testing.T, w *httptest.ResponseRecorder) string {
	t.Helper()
	var body struct {
		Errors []struct {
			Message    string `json:"message"`
			Extensions struct {
				Code      string `json:"code"`
				RequestID string `json:"requestId"`
			} `json:"extensions"`
		} `json:"errors"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || len(body.Errors) != 1 {
		t.Fatalf("answer %q is not one error: %v", w.Body, err)
	}
	if got := body.Errors[0].Extensions.RequestID; got == "" || got != w.Header().Get(server.RequestIDHeader) {
		t.Errorf("request id in the body %q, in the header %q", got, w.Header().Get(server.RequestIDHeader))
	}
	return body.Errors[0].Extensions.Code
}

func TestNew_RefusesWhatIsIncompleteOrNoOrigin(t *testing.T) {
	t.Parallel()
	if _, err := server.New(server.Config{}); err == nil {
		t.Error("a server without parts was made")
	}
	for origin, good := range map[string]bool{
		"https://app.igny8.com":      true,
		"http://localhost:3000":      true,
		"https://app.igny8.com:8443": true,
		"http://127.0.0.1:5173":      true,
		"*":                          false,
		"null":                       false,
		"":                           false,
		"https://*.igny8.com":        false,
		"https://app.igny8.com/":     false,
		"https://app.igny8.com/x":    false,
		"https://App.igny8.com":      false,
		"https://app.igny8.com:443":  false,
		"http://app.igny8.com:80":    false,
		"https://u@app.igny8.com":    false,
		"ftp://app.igny8.com":        false,
		"app.igny8.com":              false,
	} {
		if err := server.CheckOrigin(origin); (err == nil) != good {
			t.Errorf("CheckOrigin(%q) = %v, want good: %v", origin, err, good)
		}
	}
}

func TestHeaders_AreOnEveryAnswer(t *testing.T) {
	t.Parallel()
	for _, https := range []bool{false, true} {
		s := newServer(t, func(cfg *server.Config) { cfg.HTTPS = https })
		for _, path := range []string{"/graphql", "/", "/healthz", "/nowhere"} {
			h := s.do("GET", path).Header()
			for name, want := range map[string]string{
				"X-Content-Type-Options":  "nosniff",
				"Referrer-Policy":         "no-referrer",
				"X-Frame-Options":         "DENY",
				"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
				"Cache-Control":           "no-store",
			} {
				if got := h.Get(name); got != want {
					t.Errorf("%s: %s = %q, want %q", path, name, got, want)
				}
			}
			if got := h.Get("Strict-Transport-Security") != ""; got != https {
				t.Errorf("%s: told to insist on https: %v, want %v", path, got, https)
			}
		}
	}
}

func TestHeaders_OfAHandlerWin(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(cfg *server.Config) {
		cfg.Page = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Security-Policy", "script-src 'self'")
			w.Header().Set("Cache-Control", "no-cache")
		})
	})
	h := s.do("GET", "/").Header()
	if h.Get("Content-Security-Policy") != "script-src 'self'" || h.Get("Cache-Control") != "no-cache" {
		t.Errorf("headers %v", h)
	}
}

func TestCookies_NeitherComeInNorGoOut(t *testing.T) {
	t.Parallel()
	for name, write := range map[string]func(http.ResponseWriter){
		"with a status": func(w http.ResponseWriter) { w.WriteHeader(http.StatusTeapot) },
		"with a body":   func(w http.ResponseWriter) { _, _ = io.WriteString(w, "x") },
		"flushed":       func(w http.ResponseWriter) { w.(http.Flusher).Flush() },
		"with nothing":  func(http.ResponseWriter) {},
	} {
		var came string
		s := newServer(t, func(cfg *server.Config) {
			cfg.GraphQL = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				came = r.Header.Get("Cookie")
				http.SetCookie(w, &http.Cookie{Name: "sessionid", Value: "1"})
				write(w)
			})
		})
		web := httptest.NewServer(s)
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, web.URL+"/graphql", http.NoBody)
		r.Header.Set("Cookie", "sessionid=staff")
		resp, err := web.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		web.Close()
		if came != "" {
			t.Errorf("%s: the handler saw the cookie %q", name, came)
		}
		if out := resp.Header.Values("Set-Cookie"); len(out) != 0 {
			t.Errorf("%s: the answer sets %v", name, out)
		}
	}
}
