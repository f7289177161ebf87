package server_test

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"igny8.com/accounts/internal/server"
)

func TestPanic_IsMaskedAndLoggedOnce(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(cfg *server.Config) {
		cfg.GraphQL = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("secret of the house") })
	})
	w := s.do("POST", "/graphql")
	if w.Code != http.StatusInternalServerError || codeOf(t, w) != "INTERNAL_SERVER_ERROR" || strings.Contains(w.Body.String(), "secret") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	id := w.Header().Get(server.RequestIDHeader)
	lines := s.log.lines(t, "panic")
	if len(lines) != 1 || lines[0]["cause"] != "secret of the house" || lines[0]["request_id"] != id ||
		!strings.Contains(fmt.Sprint(lines[0]["stack"]), "log_test.go") {
		t.Errorf("logged %v", lines)
	}
	if lines := s.log.lines(t, "request"); len(lines) != 1 || lines[0]["status"] != 500.0 || lines[0]["level"] != "WARN" {
		t.Errorf("access log %v", lines)
	}
}

func TestPanic_BreaksAnAnswerThatHasBegun(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(cfg *server.Config) {
		cfg.GraphQL = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"data":`)
			_ = http.NewResponseController(w).Flush()
			panic("halfway")
		})
	})
	web := httptest.NewServer(s)
	defer web.Close()
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, web.URL+"/graphql", http.NoBody)
	resp, err := web.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if body, err := io.ReadAll(resp.Body); err == nil {
		t.Errorf("half an answer %q looked whole", body)
	}
	web.Close() // waits for the handler, and so for its log line
	if lines := s.log.lines(t, "request"); len(lines) != 1 || lines[0]["aborted"] != true {
		t.Errorf("access log %v", lines)
	}
}

func TestAccessLog_HoldsNothingSecret(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(cfg *server.Config) {
		cfg.GraphQL = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			server.Annotate(r.Context(), slog.String("account", "acct_30"))
			w.WriteHeader(http.StatusAccepted)
			_, _ = io.WriteString(w, "four")
		})
	})
	r := httptest.NewRequest(http.MethodPost, "/graphql?token=hush1&query=hush2", strings.NewReader(`{"password":"hush3"}`))
	r.Header.Set("Authorization", "Bearer hush4")
	r.Header.Set("X-API-Key", "hush5")
	r.Header.Set("Cookie", "sessionid=hush6")
	r.Header.Set("User-Agent", "hush7")
	r.Header.Set("Referer", "https://x/?hush8")
	r.RemoteAddr = "203.0.113.9:1"
	s.ServeHTTP(httptest.NewRecorder(), r)
	if strings.Contains(s.log.String(), "hush") {
		t.Errorf("log: %s", s.log)
	}
	lines := s.log.lines(t, "request")
	if len(lines) != 1 {
		t.Fatalf("log: %s", s.log)
	}
	for name, want := range map[string]any{
		"method": "POST", "path": "/graphql", "status": 202.0, "bytes": 4.0, "client": "203.0.113.9", "account": "acct_30", "level": "INFO",
	} {
		if lines[0][name] != want {
			t.Errorf("%s = %v, want %v", name, lines[0][name], want)
		}
	}
	if ms, ok := lines[0]["ms"].(float64); !ok || ms < 0 {
		t.Errorf("ms = %v", lines[0]["ms"])
	}
}

func TestAccessLog_KeepsProbesQuietAndPathsShort(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	s.do("GET", "/healthz")
	s.do("GET", "/"+strings.Repeat("a", 5000))
	lines := s.log.lines(t, "request")
	if len(lines) != 2 || lines[0]["level"] != "DEBUG" || lines[1]["level"] != "INFO" {
		t.Fatalf("log: %s", s.log)
	}
	if path, _ := lines[1]["path"].(string); len(path) > 210 {
		t.Errorf("a path of %d bytes was logged", len(path))
	}
}
