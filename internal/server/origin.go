package server

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// What a preflight allows. No credentials: a cookie never counts, and a token is sent by the
// script itself.
const (
	allowedHeaders = "Authorization, Content-Type, X-API-Key, Apollo-Require-Preflight, Apollographql-Client-Name, Apollographql-Client-Version"
	exposedHeaders = RequestIDHeader + ", Retry-After, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset"
	preflightAge   = "600" // seconds
)

// CheckOrigin says what is wrong with an entry of the list of origins. An origin is a scheme, a host
// and, unless it is the scheme's own, a port, as browsers write it. There is no wildcard.
func CheckOrigin(origin string) error {
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" ||
		u.Scheme+"://"+u.Host != origin || origin != strings.ToLower(origin) || strings.ContainsAny(origin, "*") {
		return fmt.Errorf("%q is no origin: write it as browsers do, e.g. https://app.example.com, without a path, in lower case", origin)
	}
	if u.Port() == "443" && u.Scheme == "https" || u.Port() == "80" && u.Scheme == "http" {
		return fmt.Errorf("%q is no origin: browsers leave out the scheme's own port", origin)
	}
	return nil
}

// crossOrigin tells a browser whether the asking page may read the answer. It returns true when the
// request was a preflight, which is answered with that.
func (s *Server) crossOrigin(w http.ResponseWriter, r *http.Request, to route) (answered bool) {
	h := w.Header()
	h.Add("Vary", "Origin")
	origin := r.Header.Get("Origin")
	allowed := origin != "" && slices.Contains(s.cfg.Origins, origin)
	if allowed {
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Expose-Headers", exposedHeaders)
	}
	if r.Method != http.MethodOptions || origin == "" || r.Header.Get("Access-Control-Request-Method") == "" {
		return false
	}
	h.Add("Vary", "Access-Control-Request-Method, Access-Control-Request-Headers")
	if allowed {
		h.Set("Access-Control-Allow-Methods", strings.Join(to.methods, ", "))
		h.Set("Access-Control-Allow-Headers", allowedHeaders)
		h.Set("Access-Control-Max-Age", preflightAge)
	}
	w.WriteHeader(http.StatusNoContent)
	return true
}
