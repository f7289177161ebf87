package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
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

func TestRoutes_AnswerOnTheirPathsAlone(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	for _, c := range []struct {
		method, path string
		status       int
		body, allow  string
	}{
		{"GET", "/graphql", 200, "graphql", ""},
		{"POST", "/graphql", 200, "graphql", ""},
		{"POST", "/graphql?query=x", 200, "graphql", ""},
		{"PUT", "/graphql", 405, "BAD_REQUEST", "GET, POST, OPTIONS"},
		{"OPTIONS", "/graphql", 204, "", "GET, POST, OPTIONS"},
		{"GET", "/", 200, "page", ""},
		{"HEAD", "/", 200, "page", ""},
		{"GET", "/assets/app.js", 200, "page", ""},
		{"POST", "/", 405, "BAD_REQUEST", "GET, HEAD, OPTIONS"},
		{"GET", "/schema.graphql", 200, "type Query", ""},
		{"DELETE", "/schema.graphql", 405, "BAD_REQUEST", "GET, HEAD, OPTIONS"},
		{"GET", "/.well-known/jwks.json", 200, "jwks", ""},
		{"GET", "/healthz", 200, `{"version":"1.2.3","commit":"abc","go":"go1","platform":"linux/amd64","status":"ok"}`, ""},
		{"GET", "/readyz", 200, `{"status":"ready"}`, ""},
		{"POST", "/readyz", 405, "BAD_REQUEST", "GET, HEAD, OPTIONS"},
		{"GET", "/graphql/", 404, "NOT_FOUND", ""},
		{"GET", "//graphql", 404, "NOT_FOUND", ""},
		{"GET", "/Graphql", 404, "NOT_FOUND", ""},
		{"GET", "/assets", 404, "NOT_FOUND", ""},
		{"GET", "/debug/pprof/", 404, "NOT_FOUND", ""},
		{"OPTIONS", "/nowhere", 404, "NOT_FOUND", ""},
		{"BREW", "/nowhere", 404, "NOT_FOUND", ""},
	} {
		w := s.do(c.method, c.path)
		body := strings.TrimSpace(w.Body.String())
		if w.Code >= http.StatusBadRequest {
			body = codeOf(t, w)
			if got := w.Header().Get("Content-Type"); got != "application/json; charset=utf-8" {
				t.Errorf("%s %s: content type %q", c.method, c.path, got)
			}
		}
		if w.Code != c.status || body != c.body || w.Header().Get("Allow") != c.allow {
			t.Errorf("%s %s = %d %q allow %q, want %d %q allow %q",
				c.method, c.path, w.Code, body, w.Header().Get("Allow"), c.status, c.body, c.allow)
		}
	}
}

func TestSchema_AnswersNotModified(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	tag := s.do("GET", "/schema.graphql").Header().Get("Etag")
	if tag == "" {
		t.Fatal("no tag")
	}
	if w := s.do("GET", "/schema.graphql", "If-None-Match", tag); w.Code != http.StatusNotModified || w.Body.Len() != 0 {
		t.Errorf("with the tag: %d, %d bytes", w.Code, w.Body.Len())
	}
}

func TestDebug_IsServedOnlyWhenGiven(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(cfg *server.Config) {
		cfg.Debug = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "profile") })
	})
	if w := s.do("GET", "/debug/pprof/heap"); w.Body.String() != "profile" {
		t.Errorf("%d %q", w.Code, w.Body)
	}
}

func TestAuth_StandsBeforeGraphQLAlone(t *testing.T) {
	t.Parallel()
	type key struct{}
	asked := 0
	s := newServer(t, func(cfg *server.Config) {
		cfg.Auth = func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked++
				next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), key{}, "actor")))
			})
		}
		cfg.GraphQL = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			actor, _ := r.Context().Value(key{}).(string)
			_, _ = io.WriteString(w, actor)
		})
	})
	if w := s.do("POST", "/graphql"); w.Body.String() != "actor" {
		t.Errorf("the handler saw the actor %q", w.Body)
	}
	for _, path := range []string{"/", "/healthz", "/readyz", "/schema.graphql", "/.well-known/jwks.json", "/nowhere"} {
		s.do("GET", path)
	}
	s.do("PUT", "/graphql")
	if asked != 1 {
		t.Errorf("sign-in was asked %d times, want once", asked)
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

func TestOrigins_AreDeniedUnlessListed(t *testing.T) {
	t.Parallel()
	const good = "https://app.igny8.com"
	s := newServer(t, func(cfg *server.Config) { cfg.Origins = []string{good} })
	for _, origin := range []string{good, "https://evil.example", "https://app.igny8.com.evil.example", "null", "http://app.igny8.com"} {
		w := s.do("POST", "/graphql", "Origin", origin)
		want := ""
		if origin == good {
			want = good
		}
		if got := w.Header().Get("Access-Control-Allow-Origin"); got != want {
			t.Errorf("origin %s: allowed %q, want %q", origin, got, want)
		}
		if w.Body.String() != "graphql" {
			t.Errorf("origin %s: answer %q; a page's own requests carry an origin too", origin, w.Body)
		}
		if w.Header().Get("Vary") != "Origin" {
			t.Errorf("origin %s: Vary %q", origin, w.Header().Get("Vary"))
		}
		if w.Header().Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("origin %s: credentials allowed", origin)
		}
	}
	if w := newServer(t, nil).do("POST", "/graphql", "Origin", good); w.Header().Get("Access-Control-Allow-Origin") != "" {
		t.Error("an origin was allowed by a server that lists none")
	}
}

func TestOrigins_PreflightNamesMethodsAndHeaders(t *testing.T) {
	t.Parallel()
	const good = "https://app.igny8.com"
	reached := false
	s := newServer(t, func(cfg *server.Config) {
		cfg.Origins = []string{good}
		cfg.GraphQL = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true })
	})
	ask := func(origin string) http.Header {
		w := s.do("OPTIONS", "/graphql", "Origin", origin, "Access-Control-Request-Method", "POST",
			"Access-Control-Request-Headers", "authorization,content-type")
		if w.Code != http.StatusNoContent {
			t.Errorf("preflight from %s: %d", origin, w.Code)
		}
		return w.Header()
	}
	h := ask(good)
	if h.Get("Access-Control-Allow-Origin") != good || h.Get("Access-Control-Allow-Methods") != "GET, POST" ||
		!strings.Contains(h.Get("Access-Control-Allow-Headers"), "Authorization, Content-Type, X-API-Key") ||
		h.Get("Access-Control-Max-Age") == "" || h.Get("Access-Control-Allow-Credentials") != "" {
		t.Errorf("preflight: %v", h)
	}
	for name := range ask("https://evil.example") {
		if strings.HasPrefix(name, "Access-Control-") {
			t.Errorf("a page that is not listed was told %s", name)
		}
	}
	if reached {
		t.Error("a preflight reached the handler")
	}
}

func TestReadyz_SaysNoMoreThanThatItIsNot(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(cfg *server.Config) {
		cfg.Ready = func(context.Context) error { return errors.New("dial db.internal:5432") }
	})
	w := s.do("GET", "/readyz")
	if w.Code != http.StatusServiceUnavailable || strings.TrimSpace(w.Body.String()) != `{"status":"unavailable"}` {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if lines := s.log.lines(t, "not ready"); len(lines) != 1 || lines[0]["error"] != "dial db.internal:5432" {
		t.Errorf("logged %v", lines)
	}
	if w := s.do("GET", "/healthz"); w.Code != http.StatusOK {
		t.Errorf("/healthz = %d while the database is away", w.Code)
	}
}

func TestClient_IsReadFromTrustedProxiesAlone(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, peer string
		forwarded  []string
		want       string
	}{
		{"no proxy", "203.0.113.9:1000", nil, "203.0.113.9"},
		{"an untrusted peer's claim", "203.0.113.9:1000", []string{"198.51.100.1"}, "203.0.113.9"},
		{"one proxy", "10.0.0.1:1000", []string{"198.51.100.1"}, "198.51.100.1"},
		{"the client's invention", "10.0.0.1:1000", []string{"1.1.1.1, 198.51.100.1"}, "198.51.100.1"},
		{"two proxies", "10.0.0.1:1000", []string{"198.51.100.1, 10.0.0.2"}, "198.51.100.1"},
		{"a header a proxy", "10.0.0.1:1000", []string{"1.1.1.1", "198.51.100.1", "10.0.0.2"}, "198.51.100.1"},
		{"only proxies", "10.0.0.1:1000", []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3"},
		{"no header", "10.0.0.1:1000", nil, "10.0.0.1"},
		{"not an address", "10.0.0.1:1000", []string{"198.51.100.1, unknown"}, "10.0.0.1"},
		{"not an address on the left", "10.0.0.1:1000", []string{"<script>, 10.0.0.2"}, "10.0.0.2"},
		{"with a port", "10.0.0.1:1000", []string{"198.51.100.1:4711"}, "198.51.100.1"},
		{"version 6", "[fd00::1]:1000", []string{"2001:db8::7"}, "2001:db8::7"},
		{"version 6 in brackets", "[fd00::1]:1000", []string{"[2001:db8::7]:443"}, "2001:db8::7"},
		{"version 4 in 6", "[::ffff:10.0.0.1]:1000", []string{"::ffff:198.51.100.1"}, "198.51.100.1"},
		{"a zone", "10.0.0.1:1000", []string{"fe80::1%eth0"}, "fe80::1"},
	} {
		var client netip.Addr
		s := newServer(t, func(cfg *server.Config) {
			cfg.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
			cfg.GraphQL = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { client = server.ClientIP(r.Context()) })
		})
		r := httptest.NewRequest(http.MethodPost, "/graphql", http.NoBody)
		r.RemoteAddr = c.peer
		for _, value := range c.forwarded {
			r.Header.Add("X-Forwarded-For", value)
		}
		s.ServeHTTP(httptest.NewRecorder(), r)
		if client.String() != c.want {
			t.Errorf("%s: client %s, want %s", c.name, client, c.want)
		}
	}
}

func TestRequestID_IsTakenFromTrustedProxiesAlone(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		peer, sent string
		kept       bool
	}{
		{"203.0.113.9:1", "0123456789abcdef", false},
		{"10.0.0.1:1", "0123456789abcdef", true},
		{"10.0.0.1:1", "trace-1.2_3ABC", true},
		{"10.0.0.1:1", "short", false},
		{"10.0.0.1:1", strings.Repeat("a", 65), false},
		{"10.0.0.1:1", "white space", false},
		{"10.0.0.1:1", "<script>alert(1)</script>", false},
		{"10.0.0.1:1", "", false},
	} {
		var inside string
		s := newServer(t, func(cfg *server.Config) {
			cfg.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
			cfg.GraphQL = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { inside = server.RequestID(r.Context()) })
		})
		r := httptest.NewRequest(http.MethodPost, "/graphql", http.NoBody)
		r.RemoteAddr = c.peer
		r.Header.Set(server.RequestIDHeader, c.sent)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if inside == "" || inside != w.Header().Get(server.RequestIDHeader) {
			t.Errorf("%q from %s: inside %q, answered %q", c.sent, c.peer, inside, w.Header().Get(server.RequestIDHeader))
		}
		if (inside == c.sent) != c.kept {
			t.Errorf("%q from %s became %q, want kept: %v", c.sent, c.peer, inside, c.kept)
		}
	}
	if server.RequestID(t.Context()) != "" || server.ClientIP(t.Context()).IsValid() {
		t.Error("a context outside of requests has an id or a client")
	}
}
