package gqlhttp

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"igny8.com/accounts/internal/fault"
)

// serveEvents answers a request by server-sent events: graphql-sse, in its mode of a connection an
// operation. What is wrong with the request itself, or with who sends it, is answered in JSON with a status
// of its own; what is wrong with the document is an event, as the protocol asks.
func (h *handler) serveEvents(w http.ResponseWriter, r *http.Request) {
	ctx := withLogShare(graphql.StartOperationTrace(r.Context()))
	defer h.recover(ctx, w, mediaJSON)
	header := w.Header()
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	refuse := func(status int, errs ...*gqlerror.Error) {
		if err := h.write(w, mediaJSON, status, answer{errors: errs}); err != nil {
			panic(err)
		}
	}
	if r.Method != http.MethodGet && r.Method != http.MethodPost {
		header.Set("Allow", "GET, POST")
		refuse(0, coded(MethodNotAllowed, "Use POST, or GET for queries and subscriptions."))
		return
	}
	params, unreadable := readRequest(w, r, h.limits)
	if unreadable != nil {
		refuse(0, unreadable)
		return
	}
	r.Header.Del("Cookie")
	caller, err := h.live.cfg.Enter(r)
	switch {
	case err != nil:
		e := h.present(ctx, err)
		refuse(http.StatusServiceUnavailable, e)
		return
	case caller.Account == 0:
		refuse(http.StatusUnauthorized, coded(fault.Unauthenticated, "Live events are for who is signed in: %s.", signInFirst))
		return
	case !h.live.begin():
		refuse(http.StatusServiceUnavailable, noRoom())
		return
	}
	defer h.live.end()
	if !h.live.join(caller.Account) {
		refuse(http.StatusTooManyRequests, tooManyStreams(h.live.cfg.AccountStreams))
		return
	}
	defer h.live.part(caller.Account)
	h.sendEvents(w, r, caller, params)
}

const signInFirst = "send Authorization: Bearer followed by the access token, or X-API-Key followed by a site's key"

func noRoom() *gqlerror.Error {
	e := coded(fault.Unavailable, "This server has no room for more streams, or is about to stop. Try again.")
	e.Extensions["retryable"] = true
	return e
}

func tooManyStreams(limit int) *gqlerror.Error {
	const seconds = 5
	e := coded(fault.Throttled, "This account has %d streams open already: close one first.", limit)
	e.Extensions["retryAfterSeconds"] = seconds
	return e
}

// sendEvents runs the operation of a request that has been let in.
func (h *handler) sendEvents(w http.ResponseWriter, r *http.Request, caller Caller, params *graphql.RawParams) {
	out := &eventWire{w: w, control: http.NewResponseController(w), patience: h.live.cfg.Write}
	// The server's limits are for requests that end. What cannot be set is not limited.
	_ = out.control.SetReadDeadline(time.Time{})
	defer func() { _ = out.control.SetWriteDeadline(time.Time{}) }()

	ctx := withLogShare(graphql.StartOperationTrace(caller.Context))
	header := w.Header()
	header.Set("Content-Type", mediaEvents+"; charset=utf-8")
	header.Set("X-Accel-Buffering", "no") // nginx would gather events
	op, a := h.start(ctx, header, r.Method, params)
	if op == nil {
		out.answerTo(a)
		return
	}
	s := h.newStream(r, out)
	sub, refused := h.subscribe(ctx, s, "", op)
	if refused != nil {
		out.answerTo(answer{errors: refused})
		return
	}
	s.subs[""] = sub
	s.nudge()
	if s.run(caller, out.beat, true) == signInEnded {
		out.answerTo(answer{errors: gqlerror.List{coded(fault.Unauthenticated, "Your session or key has ended: sign in again.")}})
	}
	// Otherwise the stream just breaks off, which tells the client to come back with a token that is good.
}

// eventWire writes server-sent events.
type eventWire struct {
	w        http.ResponseWriter
	control  *http.ResponseController
	patience time.Duration

	mu sync.Mutex
}

// send writes text and sees that it leaves.
func (e *eventWire) send(text []byte) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	_ = e.control.SetWriteDeadline(time.Now().Add(e.patience)) // what cannot be set is not limited
	//nolint:gosec // G705: JSON, sent as an event stream that must not be sniffed
	if _, err := e.w.Write(text); err != nil {
		return fmt.Errorf("send an event: %w", err)
	}
	if err := e.control.Flush(); err != nil {
		return fmt.Errorf("send an event: %w", err)
	}
	return nil
}

// quiet sends the headers and a comment: from here on nothing is missed.
func (e *eventWire) quiet(string) error { return e.beat() }

func (e *eventWire) beat() error { return e.send([]byte(":\n\n")) }

func (e *eventWire) next(_ string, a answer) error {
	text, err := a.text()
	if err != nil {
		return err
	}
	// Resolvers' own JSON may have line breaks, between whose parts the protocol wants its field's name.
	text = bytes.ReplaceAll(text, []byte("\n"), []byte("\ndata: "))
	return e.send(append(append([]byte("event: next\ndata: "), text...), "\n\n"...))
}

func (e *eventWire) fail(id string, errs gqlerror.List) error {
	if err := e.next(id, answer{errors: errs}); err != nil {
		return err
	}
	return e.complete(id)
}

func (e *eventWire) complete(string) error { return e.send([]byte("event: complete\ndata: \n\n")) }

// answerTo sends one answer and the end.
func (e *eventWire) answerTo(a answer) {
	if e.next("", a) == nil {
		_ = e.complete("") // the client may be gone
	}
}

// text is the whole answer as JSON.
func (a answer) text() ([]byte, error) {
	head, tail, err := a.encode()
	if err != nil {
		return nil, err
	}
	return slices.Concat(head, a.data, tail), nil
}
