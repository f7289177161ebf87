package server

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"igny8.com/accounts/internal/fault"
)

const (
	graphqlPath   = "/graphql"
	documentsPath = "/documents/"
	webhookPath   = "/webhooks/stripe"
)

// route is one path: who answers, and by which methods.
type route struct {
	methods []string
	handler http.Handler
	// closed says that no page of another origin is told anything, whatever the list of origins says.
	closed bool
}

// router sends a request to its path's handler. Paths are compared as they are: nothing is cleaned
// or redirected, so there is one way to write each of them.
func (s *Server) router() http.Handler {
	read := []string{http.MethodGet, http.MethodHead}
	routes := map[string]route{
		graphqlPath:              {methods: []string{http.MethodGet, http.MethodPost}, handler: s.cfg.Auth(s.cfg.GraphQL)},
		"/export.json":           {methods: []string{http.MethodGet}, handler: s.cfg.Auth(s.cfg.Export)},
		"/":                      {methods: read, handler: s.cfg.Page},
		"/schema.graphql":        {methods: read, handler: sdlHandler(s.cfg.SDL)},
		"/healthz":               {methods: read, handler: http.HandlerFunc(s.healthz)},
		"/readyz":                {methods: read, handler: http.HandlerFunc(s.readyz)},
		"/.well-known/jwks.json": {methods: read, handler: s.cfg.JWKS},
	}
	if s.cfg.Webhook != nil {
		routes[webhookPath] = route{methods: []string{http.MethodPost}, handler: s.cfg.Webhook, closed: true}
	}
	s.paths = map[string]bool{}
	for path := range routes {
		s.paths[path] = true
	}
	find := func(path string) (route, bool) {
		if found, ok := routes[path]; ok {
			return found, true
		}
		switch {
		case s.cfg.PageAssets != "" && strings.HasPrefix(path, s.cfg.PageAssets):
			return route{methods: read, handler: s.cfg.Page}, true
		case s.cfg.Documents != nil && strings.HasPrefix(path, documentsPath):
			return route{methods: []string{http.MethodGet}, handler: s.cfg.Documents}, true
		case s.cfg.Debug != nil && strings.HasPrefix(path, "/debug/"):
			return route{methods: append(slices.Clone(read), http.MethodPost), handler: s.cfg.Debug}, true
		default:
			return route{}, false
		}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		to, ok := find(r.URL.Path)
		if !ok {
			Refuse(w, r, http.StatusNotFound, fault.New(fault.NotFound, "there is nothing at this path"))
			return
		}
		if !to.closed && s.crossOrigin(w, r, to) {
			return
		}
		if !slices.Contains(to.methods, r.Method) {
			allow := strings.Join(append(slices.Clone(to.methods), http.MethodOptions), ", ")
			w.Header().Set("Allow", allow)
			if r.Method == http.MethodOptions {
				w.WriteHeader(http.StatusNoContent)
				return
			}
			Refuse(w, r, http.StatusMethodNotAllowed, fault.New(fault.BadRequest, "this path answers %s", allow))
			return
		}
		to.handler.ServeHTTP(w, r)
	})
}

// routeName is a path as it is counted: one of few.
func (s *Server) routeName(path string) string {
	switch {
	case s.paths[path]:
		return path
	case s.cfg.PageAssets != "" && strings.HasPrefix(path, s.cfg.PageAssets):
		return s.cfg.PageAssets
	default:
		return "other"
	}
}

// limit bounds a request in size and, unless it opens a stream, in time, and takes its cookies away.
func (s *Server) limit(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		most := s.cfg.MaxBody
		if r.URL.Path == webhookPath {
			most = max(most, MaxWebhookBody)
		}
		if r.ContentLength > most {
			w.Header().Set("Connection", "close") // rather than read what was refused
			Refuse(w, r, http.StatusRequestEntityTooLarge,
				fault.New(fault.BadRequest, "the request's body is larger than %d bytes", most))
			return
		}
		if s.cfg.Lasts == nil || r.URL.Path != graphqlPath || !s.cfg.Lasts(r) {
			ctx, cancel := context.WithTimeout(r.Context(), s.cfg.RequestTimeout)
			defer cancel()
			r = r.WithContext(ctx)
		}
		r.Body = http.MaxBytesReader(w, r.Body, most)
		r.Header.Del("Cookie")
		next.ServeHTTP(w, r)
	})
}

// Refuse answers with one coded error, in the shape that GraphQL's errors have.
func Refuse(w http.ResponseWriter, r *http.Request, status int, why *fault.Error) {
	type extensions struct {
		Code      fault.Code `json:"code"`
		RequestID string     `json:"requestId,omitempty"`
	}
	type gqlError struct {
		Message    string     `json:"message"`
		Extensions extensions `json:"extensions"`
	}
	writeJSON(w, status, map[string]any{
		"errors": []gqlError{{why.Message, extensions{why.Code, RequestID(r.Context())}}},
	})
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err) // the values are our own and made of strings
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(append(text, '\n')) // a client that went away is nobody's error
}

// sdlHandler serves the schema as text.
func sdlHandler(sdl string) http.Handler {
	sum := sha256.Sum256([]byte(sdl))
	tag := `"` + hex.EncodeToString(sum[:8]) + `"`
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Cache-Control", "no-cache")
		w.Header().Set("Etag", tag)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader([]byte(sdl)))
	})
}
