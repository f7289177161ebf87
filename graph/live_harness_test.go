package graph

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"igny8.com/accounts/internal/gqlhttp"
	"igny8.com/accounts/internal/live"
	"igny8.com/accounts/internal/postgres"
)

// soon is how long a test waits for what must come.
const soon = 20 * time.Second

// quick are limits under which tests need not wait, where they say nothing else.
func quick() gqlhttp.LiveLimits {
	return gqlhttp.LiveLimits{Pace: time.Millisecond, Recheck: 100 * time.Millisecond}
}

// watching is another server of the api's, which serves live events.
type watching struct {
	*api
	url     string
	streams *gqlhttp.Live
	hub     *live.Hub
}

// watch starts the server. It hears of changes by a connection of its own; what it serves goes through a
// handle of the database of its own, too. When the test ends, nothing of it may be left.
func (a *api) watch(limits gqlhttp.LiveLimits, change ...func(*gqlhttp.Config)) *watching {
	a.t.Helper()
	db, err := postgres.Open(a.t.Context(), postgres.Config{URL: a.db.URL(postgres.AppRole), ApplicationName: "igny8 watching"})
	if err != nil {
		a.t.Fatal(err)
	}
	of := a.resolver
	r := &Resolver{
		DB: db, Hub: live.NewHub(), Auth: of.Auth, Hasher: of.Hasher, Bank: of.Bank, TestClocks: of.TestClocks, Log: of.Log, Clock: of.Clock, Mail: of.Mail,
		Vault: of.Vault, WordPress: of.WordPress, Gate: of.Gate, InFlight: of.InFlight, Wake: of.Wake, mayLeave: of.mayLeave,
	}
	schema := a.schema
	schema.Resolvers = r
	w := &watching{api: a, hub: r.Hub, streams: r.Live(gqlhttp.LiveConfig{LiveLimits: limits, Origins: []string{"https://app.test"}})}
	cfg := gqlhttp.Config{Timeout: 30 * time.Second, Live: w.streams}
	for _, c := range change {
		c(&cfg)
	}
	server := httptest.NewServer(a.resolver.Auth.Middleware(handler(r, schema, cfg)))
	w.url = server.URL
	exchanging := w.exchange(db, r.Hub)
	a.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), soon)
		defer cancel()
		if err := w.streams.Drain(ctx); err != nil {
			a.t.Errorf("%d streams are left: %v", w.streams.Streams(), err)
		}
		server.Close()
		exchanging()
		if n := w.hub.Watched(); n != 0 {
			a.t.Errorf("%d topics are still watched", n)
		}
		db.Close()
	})
	return w
}

// exchange runs the exchange of a server until stop is called.
func (a *api) exchange(db *postgres.DB, hub *live.Hub) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { live.NewExchange(db, hub, a.resolver.Log).Run(ctx) })
	return func() {
		cancel()
		running.Wait()
	}
}

// telling has the api's first server, which serves no live events, tell of its changes.
func (a *api) telling() *api {
	a.t.Cleanup(a.exchange(a.db.App, live.NewHub()))
	return a
}

// client is one that speaks graphql-transport-ws.
type client struct {
	t    *testing.T
	conn *websocket.Conn
}

func (w *watching) dial(t *testing.T, header http.Header) *client {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	//nolint:bodyclose // the package does, where there is a connection
	conn, _, err := websocket.Dial(ctx, w.url, &websocket.DialOptions{Subprotocols: []string{"graphql-transport-ws"}, HTTPHeader: header})
	if err != nil {
		t.Fatal(err)
	}
	conn.SetReadLimit(1 << 20)
	t.Cleanup(func() { _ = conn.CloseNow() })
	return &client{t, conn}
}

// connect is a client that has been let in with the token.
func (w *watching) connect(t *testing.T, token string) *client {
	t.Helper()
	c := w.dial(t, nil)
	c.send(map[string]any{"type": "connection_init", "payload": map[string]any{"authorization": "Bearer " + token}})
	if m := c.next(); m.Type != "connection_ack" {
		t.Fatalf("not let in: %+v", m)
	}
	return c
}

func (c *client) send(v any) {
	c.t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		c.t.Fatal(err)
	}
	if err := c.conn.Write(c.t.Context(), websocket.MessageText, text); err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) subscribe(id, query string, variables map[string]any) {
	c.t.Helper()
	c.send(map[string]any{"id": id, "type": "subscribe", "payload": map[string]any{"query": query, "variables": variables}})
}

// told is a message, or the code by which the connection was closed.
type toldMessage struct {
	ID, Type string
	Payload  json.RawMessage
	closed   websocket.StatusCode
}

func (c *client) next() toldMessage {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), soon)
	defer cancel()
	_, text, err := c.conn.Read(ctx)
	if err != nil {
		if code := websocket.CloseStatus(err); code != -1 {
			return toldMessage{closed: code}
		}
		c.t.Fatal(err)
	}
	var m toldMessage
	if err := json.Unmarshal(text, &m); err != nil {
		c.t.Fatalf("%v in %s", err, text)
	}
	return m
}

// event is the next message, which must be an event of that id.
func (c *client) event(id string) *answer {
	c.t.Helper()
	m := c.next()
	if m.Type != "next" || m.ID != id {
		c.t.Fatalf("no event of %s, but %s %s %s, closed by %d", id, m.Type, m.ID, m.Payload, m.closed)
	}
	return answerOf(c.t, m.Payload)
}

// until reads events until one is as wanted, and is that one: those between may be told or not.
func (c *client) until(id string, as func(*answer) bool) *answer {
	c.t.Helper()
	for {
		if e := c.event(id); as(e) {
			return e
		}
	}
}

// refused is that the next message ends the operation with the code.
func (c *client) refused(id, code string) {
	c.t.Helper()
	m := c.next()
	if m.Type != "error" || m.ID != id || !strings.Contains(string(m.Payload), `"code":"`+code+`"`) {
		c.t.Errorf("not %s, but %s %s %s, closed by %d", code, m.Type, m.ID, m.Payload, m.closed)
	}
}

// closed is that the connection is closed by the code, and that nothing came before.
func (c *client) closed(code websocket.StatusCode) {
	c.t.Helper()
	if m := c.next(); m.closed != code {
		c.t.Errorf("not closed by %d, but %s %s %s, closed by %d", code, m.Type, m.ID, m.Payload, m.closed)
	}
}

func answerOf(tb testing.TB, text []byte) *answer {
	tb.Helper()
	ans := &answer{t: tb, text: string(text)}
	if err := json.Unmarshal(text, ans); err != nil {
		tb.Fatalf("%v in %s", err, text)
	}
	return ans
}

// events is an answer by server-sent events.
type events struct {
	t     testing.TB
	lines *bufio.Scanner
	resp  *http.Response
}

// begin begins to watch, and is what is told first: how things are, or that it is refused, or nothing yet,
// which is written as an event that says so.
func (a *api) begin(header map[string]string, query string, variables map[string]any) string {
	a.t.Helper()
	given := http.Header{}
	for name, value := range header {
		given.Set(name, value)
	}
	e := askEvents(a.t, a.url, given, query, variables)
	defer func() { _ = e.resp.Body.Close() }()
	if !strings.HasPrefix(e.resp.Header.Get("Content-Type"), "text/event-stream") {
		text, err := io.ReadAll(e.resp.Body)
		if err != nil {
			a.t.Fatal(err)
		}
		return string(text)
	}
	kind, data := e.next()
	if kind != "" {
		return data
	}
	_, selection, _ := strings.Cut(query, "{")
	field := strings.FieldsFunc(selection, func(r rune) bool { return strings.ContainsRune("{( ", r) })[0]
	return fmt.Sprintf(`{"data":{%q:"nothing yet"}}`, field)
}

// ask asks for server-sent events, by an Accept of the caller's choice if there is one.
func (w *watching) ask(tb testing.TB, header http.Header, query string, variables map[string]any) *events {
	tb.Helper()
	return askEvents(tb, w.url, header, query, variables)
}

func askEvents(tb testing.TB, url string, header http.Header, query string, variables map[string]any) *events {
	tb.Helper()
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		tb.Fatal(err)
	}
	req, err := http.NewRequestWithContext(tb.Context(), http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		tb.Fatal(err)
	}
	req.Header = header.Clone()
	req.Header.Set("Content-Type", "application/json")
	if req.Header.Get("Accept") == "" {
		req.Header.Set("Accept", "text/event-stream")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = resp.Body.Close() })
	return &events{tb, bufio.NewScanner(resp.Body), resp}
}

func bearing(token string) http.Header { return http.Header{"Authorization": {"Bearer " + token}} }

// next is the next event's kind and data; "" for a comment, "end" for the end of the stream.
func (e *events) next() (kind, data string) {
	e.t.Helper()
	for e.lines.Scan() {
		line := e.lines.Text()
		switch {
		case line == ":":
			e.lines.Scan()
			return "", ""
		case line == "":
			return kind, data
		case strings.HasPrefix(line, "event: "):
			kind = strings.TrimPrefix(line, "event: ")
		case strings.HasPrefix(line, "data: "):
			data += strings.TrimPrefix(line, "data: ")
		default:
			e.t.Fatalf("no line of this protocol: %q", line)
		}
	}
	return "end", ""
}

func (e *events) event() *answer {
	e.t.Helper()
	for {
		switch kind, data := e.next(); kind {
		case "":
		case "next":
			return answerOf(e.t, []byte(data))
		default:
			e.t.Fatalf("no event, but %s", kind)
		}
	}
}
