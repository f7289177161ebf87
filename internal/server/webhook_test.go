package server_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"igny8.com/accounts/internal/server"
)

func TestWebhook_IsForStripeAlone(t *testing.T) {
	t.Parallel()
	const app = "https://app.example.com"
	s := newServer(t, func(c *server.Config) {
		c.Origins = []string{app}
		c.Webhook = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				server.Refuse(w, r, http.StatusRequestEntityTooLarge, nil)
				return
			}
			if len(body) > 0 {
				_, _ = io.WriteString(w, "took it")
			}
		})
	})
	send := func(method, path string, size int) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(strings.Repeat("x", size)))
		r.Header.Set("Origin", app)
		r.Header.Set("Access-Control-Request-Method", http.MethodPost)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		return w
	}
	for _, c := range []struct {
		method, path string
		size, status int
	}{
		{"POST", "/webhooks/stripe", server.DefaultMaxBody + 1, 200},
		{"POST", "/webhooks/stripe", server.MaxWebhookBody, 200},
		{"POST", "/webhooks/stripe", server.MaxWebhookBody + 1, 413},
		{"POST", "/graphql", server.DefaultMaxBody + 1, 413},
		{"GET", "/webhooks/stripe", 0, 405},
		{"OPTIONS", "/webhooks/stripe", 0, 204},
		{"POST", "/webhooks/stripe/", 1, 404},
	} {
		w := send(c.method, c.path, c.size)
		if w.Code != c.status {
			t.Errorf("%s %s of %d bytes: %d, want %d", c.method, c.path, c.size, w.Code, c.status)
		}
		if got := w.Header().Get("Access-Control-Allow-Origin"); got != "" && c.path == "/webhooks/stripe" {
			t.Errorf("%s %s tells %q", c.method, c.path, got)
		}
	}
	if w := newServer(t, nil).do("POST", "/webhooks/stripe"); w.Code != http.StatusNotFound {
		t.Errorf("without a webhook: %d", w.Code)
	}
}
