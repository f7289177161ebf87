// Package server owns the way in by HTTP: which paths there are, what every request passes before
// it reaches one, and how the process stops without dropping a request.
//
// A request passes, in this order: its id and its client's address; the access log; the net under
// panics; the headers that every answer carries; the limits; the list of origins; the route; and on
// /graphql and /export.json alone, the sign-in. The first two stand outside of the net so that a panic is logged
// under the request's id.
//
// What must always hold: a cookie neither comes in nor goes out (it is dropped on both ways, so no
// handler can come to rely on one); a header that names the client or the request counts only when
// a trusted proxy sent it; no log line holds a query string, a body, a header or a token; every
// refusal is JSON with a code.
package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sync/singleflight"

	"igny8.com/accounts/internal/build"
)

// Limits that hold where Config does not say otherwise.
const (
	// DefaultMaxBody is the largest request body in bytes. /graphql has a lower limit of its own.
	DefaultMaxBody = 128 << 10
	// MaxWebhookBody is the largest body of a webhook in bytes: what it tells of can have many lines.
	MaxWebhookBody = 512 << 10
	// DefaultRequestTimeout is how long a request may take. Resolvers have a shorter limit.
	DefaultRequestTimeout = 15 * time.Second
	// DefaultDrainTimeout is how long a stop waits for requests to finish.
	DefaultDrainTimeout = 20 * time.Second
	// ReadyTimeout is how long the database may take to answer before the service is not ready.
	ReadyTimeout = time.Second
)

// Config is what the server is made of.
type Config struct {
	// Log gets one line a request, and what goes wrong.
	Log *slog.Logger
	// Build is what /healthz tells.
	Build build.Info

	// GraphQL answers GET and POST on /graphql.
	GraphQL http.Handler
	// Lasts says whether a request for /graphql opens a stream, which the limit on requests' time must not
	// end; none does where it is nil. Drain, unless it is nil, ends all streams when the server stops and
	// waits for that: those over sockets are not the HTTP server's own any more.
	Lasts func(*http.Request) bool
	Drain func(context.Context) error
	// Export answers GET on /export.json.
	Export http.Handler
	// Documents, if set, answers GET on everything below /documents/: addresses that open something for whoever has
	// them, so that they stay out of the log.
	Documents http.Handler
	// Webhook, if set, answers POST on /webhooks/stripe: it judges by the request's own signature who sends it.
	Webhook http.Handler
	// Auth puts the actor into the context of requests for /graphql and /export.json.
	Auth func(http.Handler) http.Handler
	// Page answers / and everything below PageAssets.
	Page http.Handler
	// PageAssets is the prefix of the files that the page loads, e.g. /assets/.
	PageAssets string
	// SDL is the text at /schema.graphql.
	SDL string
	// JWKS answers /.well-known/jwks.json.
	JWKS http.Handler
	// Ready says whether requests can be answered; /readyz asks it. Its context ends after
	// ReadyTimeout.
	Ready ReadyFunc
	// Observe, if set, is told of every request that was answered. Route is the path as the server knows it, or
	// "other", so that its values are few.
	Observe func(route, method string, status int, took time.Duration)
	// Debug, if set, answers everything below /debug/. Never in production.
	Debug http.Handler

	// Origins are the web origins whose scripts may read answers, e.g. https://app.igny8.com.
	// None by default.
	Origins []string
	// TrustedProxies are the addresses of the proxies before this server.
	TrustedProxies []netip.Prefix
	// HTTPS says that clients reach the service by https, so that browsers can be told to insist.
	HTTPS bool

	// MaxBody, RequestTimeout and DrainTimeout replace the defaults where they are positive.
	MaxBody        int64
	RequestTimeout time.Duration
	DrainTimeout   time.Duration
}

// Server is the service's HTTP side. It is an http.Handler, and Run serves it.
type Server struct {
	cfg     Config
	handler http.Handler
	// paths are those that have a route of their own.
	paths  map[string]bool
	probes singleflight.Group
}

// New puts the server together. It fails when a part is missing or an origin is none.
func New(cfg Config) (*Server, error) {
	if cfg.Log == nil || cfg.GraphQL == nil || cfg.Export == nil || cfg.Auth == nil || cfg.Page == nil || cfg.JWKS == nil || cfg.Ready == nil || cfg.SDL == "" {
		return nil, errors.New("server: a part of the configuration is missing")
	}
	for _, origin := range cfg.Origins {
		if err := CheckOrigin(origin); err != nil {
			return nil, fmt.Errorf("server: %w", err)
		}
	}
	cfg.MaxBody = orDefault(cfg.MaxBody, DefaultMaxBody)
	cfg.RequestTimeout = orDefault(cfg.RequestTimeout, DefaultRequestTimeout)
	cfg.DrainTimeout = orDefault(cfg.DrainTimeout, DefaultDrainTimeout)

	s := &Server{cfg: cfg}
	s.handler = s.router()
	for _, wrap := range slices.Backward([]func(http.Handler) http.Handler{
		s.identify, s.accessLog, s.catchPanics, s.secure, s.limit,
	}) {
		s.handler = wrap(s.handler)
	}
	return s, nil
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// secure sets the headers that hold wherever a handler does not set its own.
func (s *Server) secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		h.Set("Cache-Control", "no-store")
		if s.cfg.HTTPS {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		next.ServeHTTP(w, r)
	})
}

func orDefault[T int64 | time.Duration](value, otherwise T) T {
	if value > 0 {
		return value
	}
	return otherwise
}
