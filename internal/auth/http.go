package auth

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"time"
	"unicode"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/postgres"
)

// Authenticate says who makes a request: a person by its Authorization header, Bearer and an access token,
// or a site's key by its X-API-Key header, and by nothing else. Either header stands there once and alone;
// any other request is nobody's. The error means that the database could not be asked, so that nobody
// knows.
func (a *Authority) Authenticate(r *http.Request) (account.Actor, error) {
	actor, _, err := a.authenticate(r)
	return actor, err
}

// Enter says who makes a request, as Authenticate does, in a context with that actor and in the scope of the
// actor's account, and until when the credentials are good: the zero time for those that do not expire. It
// is for connections that outlast their first request, which ask again and again.
func (a *Authority) Enter(r *http.Request) (ctx context.Context, actor account.Actor, until time.Time, err error) {
	actor, until, err = a.authenticate(r)
	if err != nil {
		return nil, account.Actor{}, time.Time{}, err
	}
	return postgres.WithTenant(account.WithActor(r.Context(), actor), int64(actor.AccountID())), actor, until, nil
}

func (a *Authority) authenticate(r *http.Request) (account.Actor, time.Time, error) {
	origin := account.Origin{
		IP:        a.clientIP(r),
		UserAgent: printable(r.UserAgent()),
		RequestID: a.requestID(r.Context()),
	}
	actor, until, err := a.bearerOf(r)
	if err != nil {
		return account.Actor{}, time.Time{}, err
	}
	actor.Origin = origin
	return actor, until, nil
}

// bearerOf is whom a request's headers make its actor, and until when at the latest.
func (a *Authority) bearerOf(r *http.Request) (account.Actor, time.Time, error) {
	keys := r.Header.Values("X-API-Key")
	switch {
	case len(keys) > 1, len(keys) == 1 && len(r.Header.Values("Authorization")) > 0:
		// Whoever chose between them could choose another than whoever wrote them meant.
		return account.Actor{}, time.Time{}, nil
	case len(keys) == 1:
		actor, err := a.whose(r.Context(), keys[0], a.now())
		if actor.Key != nil && actor.Key.ExpiresAt != nil {
			return actor, *actor.Key.ExpiresAt, err
		}
		return actor, time.Time{}, err
	}
	token, ok := bearerToken(r.Header)
	if !ok {
		return account.Actor{}, time.Time{}, nil
	}
	b, ok := a.access.verify(token)
	if !ok {
		return account.Actor{}, time.Time{}, nil
	}
	actor, err := a.whois(r.Context(), b, a.now())
	return actor, b.expires, err
}

// Middleware gives each request its actor and its statements the scope of the actor's account. A
// request whose actor cannot be found out is refused with 503: to take it for nobody's would tell
// somebody who is signed in that they are not.
func (a *Authority) Middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		actor, err := a.Authenticate(r)
		if err != nil {
			a.log.ErrorContext(r.Context(), "request not authenticated",
				slog.String("request_id", a.requestID(r.Context())), slog.Any("error", err))
			refuse(w, r, fault.New(fault.Unavailable, "we cannot tell who you are at the moment: try again"))
			return
		}
		ctx := postgres.WithTenant(account.WithActor(r.Context(), actor), int64(actor.AccountID()))
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// bearerToken finds the token of the Authorization header (RFC 6750).
func bearerToken(header http.Header) (string, bool) {
	values := header.Values("Authorization")
	if len(values) != 1 {
		return "", false
	}
	scheme, token, found := strings.Cut(values[0], " ")
	if !found || !strings.EqualFold(scheme, "Bearer") {
		return "", false
	}
	token = strings.TrimLeft(token, " ")
	return token, token != ""
}

// printable is a client's name for itself as it can be kept and shown: text without control
// characters, of a bounded length.
func printable(text string) string {
	const most = 256
	text = text[:min(len(text), 4*most)]
	text = strings.Map(func(r rune) rune {
		if r == unicode.ReplacementChar || !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, text)
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most])
	}
	return text
}

// refuse answers a request before it reaches GraphQL, in GraphQL's form.
func refuse(w http.ResponseWriter, r *http.Request, f *fault.Error) {
	type graphQLError struct {
		Message    string         `json:"message"`
		Extensions map[string]any `json:"extensions"`
	}
	body, err := json.Marshal(map[string][]graphQLError{
		"errors": {{Message: f.Message, Extensions: map[string]any{"code": f.Code, "retryable": true}}},
	})
	if err != nil { // cannot happen: strings and a boolean
		http.Error(w, f.Message, http.StatusServiceUnavailable)
		return
	}
	mediaType := "application/json; charset=utf-8"
	if strings.Contains(r.Header.Get("Accept"), "application/graphql-response+json") {
		mediaType = "application/graphql-response+json; charset=utf-8"
	}
	header := w.Header()
	header.Set("Content-Type", mediaType)
	header.Set("Cache-Control", "no-store")
	header.Set("Retry-After", "1")
	header.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(http.StatusServiceUnavailable)
	_, _ = w.Write(body) // the client may be gone
}
