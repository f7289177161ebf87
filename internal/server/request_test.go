package server_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"igny8.com/accounts/internal/server"
)

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
