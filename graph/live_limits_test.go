package graph

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"igny8.com/accounts/internal/gqlhttp"
	"igny8.com/accounts/internal/live"
	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/throttle"
)

// waitFor waits until a condition holds.
func waitFor(t *testing.T, what string, holds func() bool) {
	t.Helper()
	end := time.After(soon)
	looks := time.NewTicker(5 * time.Millisecond)
	defer looks.Stop()
	for !holds() {
		select {
		case <-looks.C:
		case <-end:
			t.Fatalf("it does not come true that %s", what)
		}
	}
}

// The connection by which a server hears of changes is killed, and something changes before there is
// another one: whoever watches learns of it all the same, and of what comes after.
func TestLive_SurvivesTheLossOfItsConnection(t *testing.T) {
	t.Parallel()
	a := serve(t).telling()
	s := a.signUp("ada@example.com", "Ada")
	w := a.watch(gqlhttp.LiveLimits{Pace: time.Millisecond, Recheck: time.Hour}) // nobody looks by themselves
	c := w.connect(t, s.token)
	c.subscribe("1", watchCredits, nil)
	c.event("1").ok()
	listening := func() int {
		return scan[int](a, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'igny8 watching live'`)
	}
	for i := range 3 {
		waitFor(t, "the server listens", func() bool { return listening() == 1 })
		a.exec(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'igny8 watching live'`)
		s.spend("CLUSTERING", fmt.Sprintf("k%d", i), 1)
		c.event("1").ok().want("creditsChanged.credits.balance", 2000-10*(i+1))
	}
}

// A change is told of by nobody before it is committed, and not at all if it is not.
func TestLive_TellsOfWhatIsCommittedAlone(t *testing.T) {
	t.Parallel()
	a := serve(t)
	s := a.signUp("ada@example.com", "Ada")
	told := make(chan []string, 10)
	a.db.App.OnAnnounce(func(texts []string) { told <- texts })
	s.spend("IMAGE_GENERATION", "too much", 1_000)
	select {
	case texts := <-told:
		t.Errorf("a refused spend is told of: %v", texts)
	default:
	}
	s.spend("CLUSTERING", "k", 1)
	if texts := <-told; len(texts) != 1 || texts[0] != fmt.Sprintf("credits:%d:0", s.accountNumber()) {
		t.Errorf("told: %v", texts)
	}
	ctx, cancel := context.WithTimeout(postgres.WithTenant(t.Context(), s.accountNumber()), soon)
	defer cancel()
	live.Announce(ctx, live.Topic{Account: 1, Kind: live.Credits}) // outside of a transaction: nothing
	select {
	case texts := <-told:
		t.Errorf("told: %v", texts)
	default:
	}
}

func TestLive_IsNotServedOverPlainRequests(t *testing.T) {
	t.Parallel()
	a := serve(t)
	s := a.signUp("ada@example.com", "Ada")
	w := a.watch(quick())
	const urql = "application/graphql-response+json, application/graphql+json, application/json, text/event-stream, multipart/mixed"
	for accept, want := range map[string]string{
		"": "BAD_REQUEST", "application/json": "BAD_REQUEST", "*/*": "BAD_REQUEST", urql: "BAD_REQUEST",
		"text/event-stream;q=0, */*": "BAD_REQUEST", "text/event-stream, application/*;q=0.1": "BAD_REQUEST",
	} {
		header := bearing(s.token)
		header.Set("Accept", accept)
		if accept == "" {
			header.Set("Accept", "application/graphql-response+json")
		}
		e := w.ask(t, header, watchCredits, nil)
		body, err := io.ReadAll(e.resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(body), want) || strings.Contains(e.resp.Header.Get("Content-Type"), "event-stream") {
			t.Errorf("%s: %s %s", accept, e.resp.Header.Get("Content-Type"), body)
		}
	}
	// A query with urql's own list is answered in JSON, where the stock transport would stream.
	header := bearing(s.token)
	header.Set("Accept", urql)
	e := w.ask(t, header, `{ viewer { role } }`, nil)
	if got := e.resp.Header.Get("Content-Type"); got != "application/graphql-response+json; charset=utf-8" {
		t.Errorf("a query of urql's is answered as %s", got)
	}
	header.Set("Accept", "text/event-stream, multipart/mixed") // urql, for subscriptions
	w.ask(t, header, watchCredits, nil).event().ok().want("creditsChanged.lastSeq", 1)
}

// Nobody, a page of another origin, and whoever breaks the protocol are turned away, each by its code.
func TestLive_TurnsAway(t *testing.T) {
	t.Parallel()
	a := serve(t)
	s := a.signUp("ada@example.com", "Ada")
	limits := quick()
	limits.Init, limits.Subscriptions, limits.AccountStreams = 300*time.Millisecond, 2, 3
	w := a.watch(limits)
	first := func(m any, header http.Header) *client {
		c := w.dial(t, header)
		c.send(m)
		return c
	}
	initWith := func(payload any) any { return map[string]any{"type": "connection_init", "payload": payload} }
	first(initWith(nil), nil).closed(4403)
	first(initWith(map[string]any{"authorization": "Bearer nonsense"}), nil).closed(4403)
	first(initWith(map[string]any{"authorization": "Bearer " + s.token}), bearing(s.token)).closed(4403)
	first(initWith(map[string]any{"authorization": "Bearer " + s.token, "X-API-Key": "igny8_live_x"}), nil).closed(4403)
	first(initWith(map[string]any{"authorization": 7}), nil).closed(4400)
	first(initWith(nil), http.Header{"Cookie": {"authorization=Bearer " + s.token}}).closed(4403)
	first(map[string]any{"id": "1", "type": "subscribe", "payload": map[string]any{"query": "{ plans { slug } }"}}, bearing(s.token)).closed(4401)
	first(map[string]any{"type": "connection_init", "id": 5}, nil).closed(4400)
	first([]any{}, nil).closed(4400)
	w.dial(t, nil).closed(4408)

	c := w.connect(t, s.token)
	c.send(map[string]any{"type": "ping"})
	if m := c.next(); m.Type != "pong" {
		t.Errorf("a ping is answered by %+v", m)
	}
	c.send(initWith(nil))
	c.closed(4429)
	c = w.connect(t, s.token)
	c.subscribe("1", watchCredits, nil)
	c.event("1").ok()
	c.subscribe("2", watchLow, nil)
	c.subscribe("3", watchLow, nil)
	c.refused("3", "SUBSCRIPTION_LIMIT_EXCEEDED")
	c.subscribe("1", watchLow, nil)
	c.closed(4409)
	c = w.connect(t, s.token)
	c.send(map[string]any{"type": "connection_ack"})
	c.closed(4400)
	c = w.connect(t, s.token)
	c.send(map[string]any{"type": "ping", "payload": map[string]any{"much": strings.Repeat("x", 64<<10)}})
	c.closed(websocket.StatusMessageTooBig)

	waitFor(t, "all have left", func() bool { return w.streams.Streams() == 0 })
	for range 3 {
		w.connect(t, s.token)
	}
	first(initWith(map[string]any{"authorization": "Bearer " + s.token}), nil).closed(websocket.StatusTryAgainLater)
	if e := w.ask(t, bearing(s.token), watchCredits, nil); e.resp.StatusCode != http.StatusTooManyRequests || e.resp.Header.Get("Retry-After") == "" {
		t.Errorf("a fourth stream: %s", e.resp.Status)
	}
	if e := w.ask(t, http.Header{}, watchCredits, nil); e.resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("nobody's stream: %s", e.resp.Status)
	}
	for origin, want := range map[string]int{"https://evil.test": 403, "https://app.test": 101, w.url: 101, "null": 403} {
		//nolint:bodyclose // the package does, where there is a connection
		conn, resp, err := websocket.Dial(t.Context(), w.url, &websocket.DialOptions{
			Subprotocols: []string{"graphql-transport-ws"}, HTTPHeader: http.Header{"Origin": {origin}},
		})
		if resp.StatusCode != want {
			t.Errorf("a page of %s: %s, %v", origin, resp.Status, err)
		}
		if err == nil {
			_ = conn.CloseNow()
		}
	}
	//nolint:bodyclose // the package does, where there is a connection
	conn, _, err := websocket.Dial(t.Context(), w.url, &websocket.DialOptions{Subprotocols: []string{"graphql-ws"}})
	if err != nil {
		t.Fatal(err)
	}
	(&client{t, conn}).closed(4406)
}

// Over a socket go queries and mutations, too; what is wrong with a document is told as over HTTP.
func TestLive_SocketAnswersQueriesAndRefusals(t *testing.T) {
	t.Parallel()
	a := serve(t)
	s := a.signUp("ada@example.com", "Ada")
	a.setPlan(s, "growth")
	c := a.watch(quick()).connect(t, s.token)
	complete := func(id string) {
		t.Helper()
		if m := c.next(); m.Type != "complete" || m.ID != id {
			t.Errorf("not complete: %+v", m)
		}
	}
	c.subscribe("q", `{ viewer { role } paymentQueue { nodes { id } } }`, nil)
	partial := c.event("q")
	partial.want("viewer.role", "OWNER").want("paymentQueue", "<nil>").refused("FORBIDDEN")
	complete("q")
	c.subscribe("m", `mutation($in: CreateSiteInput!) { createSite(input: $in) { site { name } } }`, input(map[string]any{"name": "New", "domain": "new.example.com"}))
	c.event("m").ok().want("createSite.site.name", "New")
	complete("m")
	for query, code := range map[string]string{
		`{ nothing }`: "GRAPHQL_VALIDATION_FAILED",
		`{`:           "GRAPHQL_PARSE_FAILED",
		``:            "BAD_REQUEST",
		`subscription { creditsChanged { lastSeq } creditsLow { below } }`:                                    "GRAPHQL_VALIDATION_FAILED",
		`subscription { creditsChanged @skip(if: true) { lastSeq } }`:                                         "GRAPHQL_VALIDATION_FAILED",
		`subscription { paymentChanged(paymentId: "site_1") { payment { id } } }`:                             "INVALID_ID",
		`subscription { siteSynced(siteId: "site_1", after: "site_1") { syncEvent { id } } }`:                 "INVALID_ID",
		`subscription { creditsChanged { lastSeq ` + strings.Repeat("lastSeq ", 21) + `} }`:                   "REPEAT_LIMIT_EXCEEDED",
		`subscription { creditsChanged { credits { balance nothing } lastSeq } }`:                             "GRAPHQL_VALIDATION_FAILED",
		`subscription { siteSynced(siteId: "site_987654321") { syncEvent { id } } }`:                          "NOT_FOUND",
		`subscription($a: ID!) { siteSynced(siteId: $a) { syncEvent { id } } }`:                               "BAD_USER_INPUT",
		`subscription { siteSynced(siteId: "site_987654321", after: "sync_987654321") { syncEvent { id } } }`: "NOT_FOUND",
	} {
		c.subscribe("x", query, nil)
		m := c.next()
		if m.Type != "error" || !strings.Contains(string(m.Payload), `"code":"`+code+`"`) {
			t.Errorf("%s: not %s, but %s %s", query, code, m.Type, m.Payload)
		}
	}
	// An error within an event says where it belongs.
	w := a.watch(quick())
	key := s.key(s.site("First"), "CREDITS")
	e := w.ask(t, http.Header{"X-Api-Key": {key}}, `subscription { mine: creditsChanged { credits { verification { ok } } lastSeq } }`, nil).event()
	e.want("mine.lastSeq", 1).refused("FORBIDDEN")
	if fmt.Sprint(e.Errors[0].Path) != "[mine credits verification]" {
		t.Errorf("the error's path is %v", e.Errors[0].Path)
	}
}

// What the account's bucket cannot pay for comes later, as things are then; it is no error.
func TestLive_WaitsForPoints(t *testing.T) {
	t.Parallel()
	a := serve(t).telling()
	s := a.signUp("ada@example.com", "Ada")
	bucket := &emptying{Store: throttle.NewMemory()}
	gate, err := throttle.NewGate(bucket, throttle.DefaultPolicy())
	if err != nil {
		t.Fatal(err)
	}
	a.resolver.Gate = gate
	w := a.watch(quick())
	c := w.connect(t, s.token)
	c.subscribe("1", watchCredits, nil)
	c.event("1").ok()
	bucket.empty.Store(true)
	s.spend("CLUSTERING", "k1", 1)
	waitFor(t, "an event is refused", func() bool { return bucket.refused.Load() > 0 })
	bucket.empty.Store(false)
	s.spend("CLUSTERING", "k2", 1)
	c.event("1").ok().want("creditsChanged.credits.balance", 1980)
}

// emptying are buckets that can be found empty by what costs two points, as an event does here.
type emptying struct {
	throttle.Store

	empty   atomic.Bool
	refused atomic.Int32
}

// Take refuses while the bucket is to be found empty.
func (e *emptying) Take(ctx context.Context, key string, limit throttle.Limit, cost int) (throttle.Status, error) {
	if cost == 2 && e.empty.Load() {
		e.refused.Add(1)
		return throttle.Status{Limit: limit.Burst, RetryAfter: time.Second}, nil
	}
	return e.Store.Take(ctx, key, limit, cost)
}

// The server stops: clients are told to come back, and none keeps it waiting.
func TestLive_DrainTellsClientsToComeBack(t *testing.T) {
	t.Parallel()
	a := serve(t)
	s := a.signUp("ada@example.com", "Ada")
	w := a.watch(quick())
	c, greeting, stream := w.connect(t, s.token), w.dial(t, nil), w.ask(t, bearing(s.token), watchCredits, nil)
	c.subscribe("1", watchCredits, nil)
	c.event("1").ok()
	stream.event().ok()
	drained := make(chan error, 1)
	go func() { drained <- w.streams.Drain(t.Context()) }()
	c.closed(websocket.StatusGoingAway)
	greeting.closed(websocket.StatusGoingAway)
	if kind, data := stream.next(); kind != "end" {
		t.Errorf("the stream goes on: %s %s", kind, data)
	}
	if err := <-drained; err != nil {
		t.Error(err)
	}
	if e := w.ask(t, bearing(s.token), watchCredits, nil); e.resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("a new stream: %s", e.resp.Status)
	}
}

// A client that reads nothing is let go, and costs others nothing meanwhile.
func TestLive_LetsSlowReadersGo(t *testing.T) {
	t.Parallel()
	a := serve(t).telling()
	s := a.signUp("ada@example.com", "Ada")
	site := s.site("First")
	a.exec(`INSERT INTO igny8_sync_events (tenant_id, site_id, kind, direction, outcome, items, message, details, external_id, fingerprint, actor_kind, occurred_at, created_at)
		SELECT ?, ?, 'publish', 'to_site', 'succeeded', 1, repeat('x', 500), jsonb_build_object('x', repeat('x', 4000)), n::text, '', 'system', now(), now()
		FROM generate_series(1, 5000) AS n`, s.accountNumber(), strings.TrimPrefix(site, "site_"))
	limits := quick()
	limits.Write = 300 * time.Millisecond
	w := a.watch(limits)
	stuck := w.connect(t, s.token)
	stuck.subscribe("1", `subscription($id: ID!) { siteSynced(siteId: $id, after: "sync_1") { syncEvent { id message details } } }`, map[string]any{"id": site})
	_ = w.ask(t, bearing(s.token), `subscription($id: ID!) { siteSynced(siteId: $id, after: "sync_1") { syncEvent { id message details } } }`, map[string]any{"id": site})
	c := w.connect(t, s.token)
	c.subscribe("1", watchCredits, nil)
	c.event("1").ok()
	s.spend("CLUSTERING", "k", 1)
	c.event("1").ok().want("creditsChanged.credits.balance", 1990)
	waitFor(t, "those who do not read are gone", func() bool { return w.streams.Streams() == 1 })
}

// A reader who follows gets every event once and in order, however many there are.
func TestLive_TellsEverySyncEventOnceAndInOrder(t *testing.T) {
	t.Parallel()
	a := serve(t).telling()
	s := a.signUp("ada@example.com", "Ada")
	site := s.site("First")
	key := s.key(site, "SYNC")
	const before, during = 45, 30
	zero := a.synced(key, "zero")
	for i := range before {
		a.synced(key, fmt.Sprintf("event %d", i))
	}
	c := a.watch(quick()).connect(t, s.token)
	c.subscribe("1", watchSite, map[string]any{"id": site, "after": zero})
	var reporting sync.WaitGroup
	defer reporting.Wait()
	reporting.Go(func() {
		for i := range during {
			a.synced(key, fmt.Sprintf("event %d", before+i))
		}
	})
	for i := range before + during {
		c.event("1").ok().want("siteSynced.syncEvent.message", fmt.Sprintf("event %d", i))
	}
}
