package stripetest

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v86/webhook"
)

// Secret is a signing secret of a webhook.
const Secret = "whsec_fake0123456789abcdef"

// Sign is the header by which Stripe signs a body at an instant.
func Sign(body []byte, secret string, at time.Time) string {
	return webhook.GenerateTestSignedPayload(&webhook.UnsignedPayload{Payload: body, Secret: secret, Timestamp: at}).Header
}

// Deliver sends an event to a webhook as Stripe does, signed now, and gives the status of the answer.
func Deliver(tb testing.TB, to http.Handler, e Event, now time.Time) int {
	tb.Helper()
	return Send(tb, to, e.Body, Sign(e.Body, Secret, now)).Code
}

// Send sends a body to a webhook.
func Send(tb testing.TB, to http.Handler, body []byte, signature string) *httptest.ResponseRecorder {
	tb.Helper()
	r := httptest.NewRequestWithContext(tb.Context(), http.MethodPost, "/webhooks/stripe", bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	if signature != "" {
		r.Header.Set("Stripe-Signature", signature)
	}
	w := httptest.NewRecorder()
	to.ServeHTTP(w, r)
	return w
}
