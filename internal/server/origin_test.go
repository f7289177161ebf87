package server_test

import (
	"net/http"
	"strings"
	"testing"

	"igny8.com/accounts/internal/server"
)

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
