package server_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"igny8.com/accounts/internal/server"
)

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

func TestReadyz_GivesTheDatabaseOneSecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		s := newServer(t, func(cfg *server.Config) {
			cfg.Ready = func(ctx context.Context) error {
				asked++
				<-ctx.Done()
				return ctx.Err()
			}
		})
		start := time.Now()
		const probes = 20
		codes := make(chan int, probes)
		for range probes {
			go func() { codes <- s.do("GET", "/readyz").Code }()
		}
		for range probes {
			if code := <-codes; code != http.StatusServiceUnavailable {
				t.Errorf("status %d", code)
			}
		}
		if took := time.Since(start); took != server.ReadyTimeout {
			t.Errorf("answered after %s", took)
		}
		if asked != 1 {
			t.Errorf("%d probes at once asked the database %d times, want once", probes, asked)
		}
	})
}
