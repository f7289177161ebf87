// Package auth owns signing in: passwords, signing keys, access tokens, the sessions behind refresh
// tokens, and turning an HTTP request into the account.Actor who makes it.
//
// What must always hold:
//
//   - The Authorization header alone authenticates (http.go). A cookie, a query and a body never
//     do, and no cookie is ever set.
//   - An access token names a person, an account and a session, and nothing else of it is believed:
//     role, status and plan are read from the database at each request (principal.go), so that what
//     changes there holds from the next request on.
//   - Whatever is wrong with a token, an email or a password, the answer is one and the same
//     (token.go, login.go), in text and in time.
//   - Refresh tokens work once. The use of an old one ends its session, and that stays so although
//     the request fails (session.go).
//   - Passwords and tokens are stored as hashes, and no error or log line holds one.
//   - Hashing a password takes place outside of transactions, and on no more cores than there are.
//
// Time is read once a request, from Config.Clock, in UTC and whole microseconds, which is what the
// database keeps.
package auth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"igny8.com/accounts/internal/postgres"
)

// Config is what an Authority is made of.
type Config struct {
	// Keys sign and verify access tokens.
	Keys *Keys
	// RefreshSecret is what refresh tokens are derived from: 32 random bytes or more. Another
	// secret ends all sessions.
	RefreshSecret []byte
	// Issuer and Audience are the access tokens' iss and aud.
	Issuer, Audience string
	// Hasher hashes passwords.
	Hasher *Hasher
	// Limits bound the guessing of passwords; DefaultLimits where zero.
	Limits Limits
	// Clock is time.Now where nil.
	Clock func() time.Time
	// ClientIP says where a request comes from. Where nil, it is the connection's other end,
	// which behind a proxy is the proxy.
	ClientIP func(*http.Request) string
	// RequestID says which request a context belongs to; none where nil.
	RequestID func(context.Context) string
	// Logger is told when the database could not be asked who makes a request, and of a password
	// hash that cannot be read; slog.Default() where nil.
	Logger *slog.Logger
}

// Authority decides who is who. It is safe for concurrent use.
type Authority struct {
	db        *postgres.DB
	hasher    *Hasher
	access    *accessTokens
	refresh   *refreshTokens
	guesses   *guesses
	clock     func() time.Time
	clientIP  func(*http.Request) string
	requestID func(context.Context) string
	log       *slog.Logger
}

// New makes an Authority. It fails where the configuration is incomplete or a secret is weak.
func New(db *postgres.DB, cfg Config) (*Authority, error) {
	switch {
	case db == nil:
		return nil, errors.New("auth: no database")
	case cfg.Keys == nil:
		return nil, errors.New("auth: no signing keys")
	case cfg.Hasher == nil:
		return nil, errors.New("auth: no password hasher")
	case cfg.Issuer == "" || cfg.Audience == "":
		return nil, errors.New("auth: access tokens need an issuer and an audience")
	}
	refresh, err := newRefreshTokens(cfg.RefreshSecret)
	if err != nil {
		return nil, fmt.Errorf("auth: %w", err)
	}
	if cfg.Limits == (Limits{}) {
		cfg.Limits = DefaultLimits()
	}
	guesses, err := newGuesses(cfg.Limits)
	if err != nil {
		return nil, fmt.Errorf("auth: %w", err)
	}
	a := &Authority{
		db: db, hasher: cfg.Hasher, refresh: refresh, guesses: guesses,
		clock: cfg.Clock, clientIP: cfg.ClientIP, requestID: cfg.RequestID, log: cfg.Logger,
	}
	if a.clock == nil {
		a.clock = time.Now
	}
	if a.clientIP == nil {
		a.clientIP = peer
	}
	if a.requestID == nil {
		a.requestID = func(context.Context) string { return "" }
	}
	if a.log == nil {
		a.log = slog.Default()
	}
	a.access = newAccessTokens(cfg.Keys, cfg.Issuer, cfg.Audience, a.now)
	return a, nil
}

// now is the time as the database keeps it.
func (a *Authority) now() time.Time { return a.clock().UTC().Truncate(time.Microsecond) }

// peer is the address of the connection's other end.
func peer(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
