package server_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"igny8.com/accounts/internal/server"
)

func isTooLarge(err error) bool {
	_, ok := errors.AsType[*http.MaxBytesError](err)
	return ok
}

func TestLimits_RefuseBodiesThatAreTooLarge(t *testing.T) {
	t.Parallel()
	var readErr error
	reached := false
	s := newServer(t, func(cfg *server.Config) {
		cfg.MaxBody = 10
		cfg.GraphQL = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			reached = true
			_, readErr = io.ReadAll(r.Body)
		})
	})
	post := func(body io.Reader) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/graphql", body))
		return w
	}
	if w := post(strings.NewReader("0123456789")); w.Code != http.StatusOK || readErr != nil {
		t.Errorf("a body at the limit: %d, %v", w.Code, readErr)
	}
	reached = false
	if w := post(strings.NewReader("0123456789+")); w.Code != http.StatusRequestEntityTooLarge || codeOf(t, w) != "BAD_REQUEST" || reached {
		t.Errorf("a body that says it is over the limit: %d, reached the handler: %v", w.Code, reached)
	}
	post(io.MultiReader(strings.NewReader("0123456789+")))
	if !isTooLarge(readErr) {
		t.Errorf("a body that does not say its length: %v", readErr)
	}
}

func TestLimits_EndARequestsTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, func(cfg *server.Config) {
			cfg.GraphQL = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		})
		start := time.Now()
		s.do("POST", "/graphql")
		if took := time.Since(start); took != server.DefaultRequestTimeout {
			t.Errorf("the request had %s", took)
		}
	})
}
