package gqlhttp

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/coder/websocket"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"igny8.com/accounts/internal/fault"
)

// socketProtocol is the subprotocol of the package graphql-ws. The one of the package before it, which was
// named graphql-ws too, is not spoken.
const socketProtocol = "graphql-transport-ws"

// The codes by which a socket is closed, beside those of the protocol of WebSocket itself. Those at which
// the package graphql-ws does not come back are marked with a !.
const (
	closeBadMessage   websocket.StatusCode = 4400 // ! a message that is none, or none that a client sends
	closeUnauthorized websocket.StatusCode = 4401 // ! an operation before connection_ack; or the session or the key has ended
	closeForbidden    websocket.StatusCode = 4403 // the credentials are not good, or not any more: come back with others
	closeNotSpoken    websocket.StatusCode = 4406 // ! a subprotocol that is not spoken
	closeInitTimeout  websocket.StatusCode = 4408 // no connection_init in time
	closeKnownID      websocket.StatusCode = 4409 // ! an id of an operation that is under way
	closeSecondInit   websocket.StatusCode = 4429 // ! a second connection_init
	closeServerStops                       = websocket.StatusGoingAway
	closeTryLater                          = websocket.StatusTryAgainLater
)

// maxID is the length of an operation's id, in bytes.
const maxID = 128

func wantsSocket(r *http.Request) bool {
	return r.Method == http.MethodGet && slices.ContainsFunc(r.Header.Values("Upgrade"), func(v string) bool {
		return strings.EqualFold(strings.TrimSpace(v), "websocket")
	})
}

// mayOpen says whether a page of the request's origin may open a socket: what is no browser sends none. A
// page could do nothing without a token that it has to know, but it could take up sockets.
func (l *Live) mayOpen(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" || slices.Contains(l.cfg.Origins, origin) {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && strings.EqualFold(u.Host, r.Host)
}

// serveSocket speaks graphql-transport-ws until the client leaves or has to.
func (h *handler) serveSocket(w http.ResponseWriter, r *http.Request) {
	refuse := func(status int, a answer) {
		w.Header().Set("Cache-Control", "no-store")
		if err := h.write(w, mediaJSON, status, a); err != nil {
			panic(err)
		}
	}
	if !h.live.mayOpen(r) {
		refuse(http.StatusForbidden, answer{errors: gqlerror.List{coded(fault.Forbidden, "Pages of this origin may not open a socket.")}})
		return
	}
	if !h.live.begin() {
		refuse(http.StatusServiceUnavailable, answer{errors: gqlerror.List{noRoom()}})
		return
	}
	defer h.live.end()
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{
		Subprotocols: []string{socketProtocol}, InsecureSkipVerify: true, // mayOpen has looked
		CompressionMode: websocket.CompressionDisabled,
	})
	if err != nil {
		return // answered by Accept: no socket was asked for properly
	}
	defer func() { _ = conn.CloseNow() }()
	if conn.Subprotocol() != socketProtocol {
		_ = conn.Close(closeNotSpoken, "speak "+socketProtocol)
		return
	}
	conn.SetReadLimit(int64(h.limits.BodyBytes))
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	c := &socket{h: h, live: h.live, conn: conn, ctx: ctx, upgrade: r}
	c.serve(cancel)
}

// socket is one connection that speaks the protocol.
type socket struct {
	h       *handler
	live    *Live
	conn    *websocket.Conn
	upgrade *http.Request
	// ctx ends with the connection.
	ctx context.Context //nolint:containedctx // the socket is what it is of

	stream *stream
	// working are the operations that end by themselves.
	working sync.WaitGroup
}

// serve reads until the connection ends. Everything that it has started has ended when it returns.
func (c *socket) serve(cancel context.CancelFunc) {
	var others sync.WaitGroup
	defer func() {
		cancel()
		c.working.Wait()
		others.Wait()
	}()
	caller, ok := c.greet()
	if !ok {
		return
	}
	defer c.live.part(caller.Account)
	others.Go(func() { c.close(c.stream.run(caller, nil, false)) })
	others.Go(func() { c.keepAlive(cancel) })
	for {
		m, ok := c.read()
		if !ok || !c.handle(m) {
			return
		}
	}
}

// close tells the client why the server ends the stream.
func (c *socket) close(why ending) {
	switch why {
	case clientLeft:
		_ = c.conn.CloseNow()
	case serverStops:
		_ = c.conn.Close(closeServerStops, "the server stops: connect again")
	case signInExpired:
		_ = c.conn.Close(closeForbidden, "the token has expired: connect again with a new one")
	case signInEnded:
		_ = c.conn.Close(closeUnauthorized, "the session or key has ended: sign in again")
	}
}

// keepAlive asks for a pong from time to time. It gives up on a client from which none comes.
func (c *socket) keepAlive(giveUp context.CancelFunc) {
	ticks := time.NewTicker(c.live.cfg.KeepAlive)
	defer ticks.Stop()
	for {
		select {
		case <-c.ctx.Done():
			return
		case <-ticks.C:
		}
		ctx, cancel := context.WithTimeout(c.ctx, c.live.cfg.Write)
		err := c.conn.Ping(ctx)
		cancel()
		if err != nil {
			giveUp()
			return
		}
	}
}

// greet awaits connection_init and says who the client is, whose account the stream is counted as then.
func (c *socket) greet() (Caller, bool) {
	inTime := time.AfterFunc(c.live.cfg.Init, func() { _ = c.conn.Close(closeInitTimeout, "no connection_init in time") })
	defer inTime.Stop()
	stop := c.whileGreeting()
	defer stop()
	for {
		m, ok := c.read()
		if !ok {
			return Caller{}, false
		}
		switch m.Type {
		case "ping":
			if c.send(message{Type: "pong"}) != nil {
				return Caller{}, false
			}
			continue
		case "pong":
			continue
		case "connection_init":
		default:
			_ = c.conn.Close(closeUnauthorized, "send connection_init first")
			return Caller{}, false
		}
		request, ok := c.credentials(m.Payload)
		if !ok {
			_ = c.conn.Close(closeBadMessage, "the payload of connection_init must be an object of strings")
			return Caller{}, false
		}
		c.stream = c.h.newStream(request, c)
		caller, err := c.live.cfg.Enter(request)
		switch {
		case err != nil:
			_ = c.h.present(c.ctx, err) // writes it into the log
			_ = c.conn.Close(closeTryLater, "we cannot tell who you are at the moment: try again")
			return Caller{}, false
		case caller.Account == 0:
			_ = c.conn.Close(closeForbidden, "sign in first, or again")
			return Caller{}, false
		case !c.live.join(caller.Account):
			_ = c.conn.Close(closeTryLater, "this account has too many connections open")
			return Caller{}, false
		}
		if c.send(message{Type: "connection_ack"}) != nil {
			c.live.part(caller.Account)
			return Caller{}, false
		}
		return caller, true
	}
}

// whileGreeting closes the connection if the server stops before it is known whose it is.
func (c *socket) whileGreeting() (stop func()) {
	done := make(chan struct{})
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		select {
		case <-c.live.stopping:
			c.close(serverStops)
		case <-done:
		}
	}()
	return func() {
		close(done)
		<-gone
	}
}

// credentials is a request that has those of the payload, beside those of the upgrade. A client that sends
// both is nobody, as with any request.
func (c *socket) credentials(payload any) (*http.Request, bool) {
	r := c.upgrade.Clone(c.ctx)
	r.Header = http.Header{}
	for _, name := range []string{"Authorization", "X-Api-Key", "User-Agent"} {
		if values := c.upgrade.Header.Values(name); len(values) > 0 {
			r.Header[name] = slices.Clone(values)
		}
	}
	if payload == nil {
		return r, true
	}
	object, ok := payload.(map[string]any)
	if !ok {
		return nil, false
	}
	for name, value := range object {
		if !strings.EqualFold(name, "authorization") && !strings.EqualFold(name, "x-api-key") {
			continue // clients send other things, e.g. their names
		}
		text, ok := value.(string)
		if !ok {
			return nil, false
		}
		r.Header.Add(name, text)
	}
	return r, true
}

// handle does what a message asks. It is false where the connection is closed for it.
func (c *socket) handle(m message) bool {
	switch m.Type {
	case "ping":
		return c.send(message{Type: "pong"}) == nil
	case "pong":
		return true
	case "complete":
		c.stream.drop(m.ID)
		return true
	case "subscribe":
		return c.subscribe(m)
	case "connection_init":
		_ = c.conn.Close(closeSecondInit, "connection_init was sent already")
	default:
		_ = c.conn.Close(closeBadMessage, "no client sends a message of this type")
	}
	return false
}

func (c *socket) subscribe(m message) bool {
	object, isObject := m.Payload.(map[string]any)
	if m.ID == "" || len(m.ID) > maxID || !isObject {
		_ = c.conn.Close(closeBadMessage, "subscribe needs an id, at most 128 bytes long, and a payload")
		return false
	}
	params, refused := parameters(object)
	if refused != nil {
		return c.fail(m.ID, gqlerror.List{refused}) == nil
	}
	known, full := c.stream.reserve(m.ID)
	if known {
		_ = c.conn.Close(closeKnownID, "Subscriber for "+m.ID[:min(len(m.ID), 64)]+" already exists")
		return false
	}
	if full {
		limit := c.live.cfg.Subscriptions
		return c.fail(m.ID, gqlerror.List{exceeded(SubscriptionLimit, limit, limit+1,
			"A connection may have %d operations under way.", limit)}) == nil
	}
	params.Headers = c.stream.request.Header
	c.working.Go(func() { c.operate(m.ID, params) })
	return true
}

// operate runs one operation, or begins it if it goes on.
func (c *socket) operate(id string, params *graphql.RawParams) {
	caller, err := c.live.cfg.Enter(c.stream.request)
	if err != nil {
		c.finish(id, c.h.refuse(c.ctx, err))
		return
	}
	ctx := withLogShare(graphql.StartOperationTrace(caller.Context))
	params.ReadTime = graphql.TraceTiming{Start: graphql.GetStartTime(ctx), End: graphql.Now()}
	op, a := c.h.start(ctx, http.Header{}, http.MethodPost, params)
	if op == nil {
		c.finish(id, a)
		return
	}
	sub, refused := c.h.subscribe(ctx, c.stream, id, op)
	if refused != nil {
		c.finish(id, answer{errors: refused})
		return
	}
	c.stream.add(sub)
}

// finish sends the answer to an operation that has ended, unless the client does not want it any more.
func (c *socket) finish(id string, a answer) {
	if !c.stream.release(id) {
		return
	}
	if a.data == nil {
		_ = c.fail(id, a.errors)
		return
	}
	if c.next(id, a) == nil {
		_ = c.complete(id)
	}
}
