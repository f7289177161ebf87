// Package auth owns signing in: passwords, signing keys, access tokens, the sessions behind refresh
// tokens, and turning an HTTP request into the account.Actor who makes it.
//
// What must always hold:
//
//   - The Authorization header alone authenticates people, and the X-API-Key header alone the keys of
//     sites; a request with both is nobody's (http.go). A cookie, a query and a body never do, and no
//     cookie is ever set.
//   - An access token names a person, an account and a session, and nothing else of it is believed:
//     role, status and plan are read from the database at each request (principal.go), so that what
//     changes there holds from the next request on.
//   - An API key acts for its one site and is read at each request as sessions are (apikey.go).
//   - Whatever is wrong with a token, a key, an email or a password, the answer is one and the same
//     (token.go, login.go), in text and in time.
//   - Refresh tokens work once. The use of an old one ends its session, and that stays so although
//     the request fails (session.go).
//   - Passwords and tokens are stored as hashes, and no error, log line or audit event holds one.
//   - Who asks for a new password learns nothing of whether the address is known, in text and in time:
//     the answer comes before anybody has looked (reset_request.go). A mailed token works once.
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

	"igny8.com/accounts/internal/mail"
	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/vault"
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
	// Vault recognises the API keys of sites; where nil, no key is recognised.
	Vault *vault.Vault
	// Mail is where letters are left: links to a new password and to verify an address, and notices.
	// Where nil, whatever needs a letter fails.
	Mail *mail.Box
	// Limits bound the guessing of passwords; DefaultLimits where zero.
	Limits Limits
	// LetterLimits bound requests for letters by people who are not signed in; DefaultLetterLimits where
	// zero.
	LetterLimits Limits
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
	db      *postgres.DB
	hasher  *Hasher
	access  *accessTokens
	refresh *refreshTokens
	guesses *guesses
	letters *guesses
	mail    *mail.Box
	// asked wakes Work when somebody asked for a new password.
	asked     chan struct{}
	keys      *siteKeys
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
	guesses, err := newGuesses("attempts to sign in", cfg.Limits)
	if err != nil {
		return nil, fmt.Errorf("auth: %w", err)
	}
	if cfg.LetterLimits == (Limits{}) {
		cfg.LetterLimits = DefaultLetterLimits()
	}
	letters, err := newGuesses("requests for letters", cfg.LetterLimits)
	if err != nil {
		return nil, fmt.Errorf("auth: %w", err)
	}
	a := &Authority{
		db: db, hasher: cfg.Hasher, refresh: refresh, guesses: guesses, keys: newSiteKeys(cfg.Vault),
		letters: letters, mail: cfg.Mail, asked: make(chan struct{}, 1),
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
