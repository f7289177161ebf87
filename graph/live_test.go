package graph

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/gqlhttp"
)

const (
	watchCredits = `subscription { creditsChanged { credits { balance held available } lastSeq } }`
	watchLow     = `subscription { creditsLow { credits { available } below since } }`
	watchPayment = `subscription($id: ID!) { paymentChanged(paymentId: $id) { payment { id status payerName plan { slug } } } }`
	watchSite    = `subscription($id: ID!, $after: ID) { siteSynced(siteId: $id, after: $after) { syncEvent { id message items actor { kind } } } }`
)

func (s *session) spend(operation, key string, quantity int) *answer {
	s.t.Helper()
	return s.do(`mutation($in: SpendCreditsInput!) { spendCredits(input: $in) { transaction { seq } credits { balance } userErrors { code } } }`,
		input(map[string]any{"operation": operation, "quantity": quantity, "idempotencyKey": key})).ok()
}

func (s *session) site(name string) string {
	s.t.Helper()
	return s.do(createSite, input(map[string]any{"name": name, "domain": strings.ToLower(name) + ".example.com"})).ok().
		get("createSite.site.id").(string)
}

func (s *session) payment() string {
	s.t.Helper()
	return s.do(`mutation($in: RequestBankTransferInput!) { requestBankTransfer(input: $in) { payment { id } userErrors { code } } }`,
		input(map[string]any{"planSlug": "starter", "months": 1, "idempotencyKey": "p"})).ok().get("requestBankTransfer.payment.id").(string)
}

func (s *session) declare(payment, payer string) {
	s.t.Helper()
	s.do(`mutation($in: DeclarePaymentInput!) { declarePayment(input: $in) { payment { status } userErrors { code } } }`,
		input(map[string]any{"paymentId": payment, "sentOn": s.clock.day(0), "payerName": payer})).ok().want("declarePayment.userErrors", "[]")
}

// key makes a key of the site with the scopes.
func (s *session) key(site string, scopes ...string) string {
	s.t.Helper()
	return s.do(`mutation($in: CreateSiteApiKeyInput!) { createSiteApiKey(input: $in) { secret userErrors { code } } }`,
		input(map[string]any{"siteId": site, "name": "Plugin", "scopes": scopes})).ok().get("createSiteApiKey.secret").(string)
}

// synced reports an event with the key and is its id.
func (a *api) synced(key, message string) string {
	a.t.Helper()
	body, err := json.Marshal(map[string]any{
		"query": `mutation($in: RecordSyncEventInput!) { recordSyncEvent(input: $in) { event { id } userErrors { code message } } }`,
		"variables": input(map[string]any{
			"kind": "PUBLISH", "direction": "TO_SITE", "outcome": "SUCCEEDED", "items": 1, "message": message, "externalId": message,
		}),
	})
	if err != nil {
		a.t.Fatal(err)
	}
	status, text := a.post(map[string]string{"X-API-Key": key}, string(body))
	if status != http.StatusOK || !strings.Contains(text, `"userErrors":[]`) {
		a.t.Fatalf("not recorded: %s", text)
	}
	return answerOf(a.t, []byte(text)).get("recordSyncEvent.event.id").(string)
}

// What one server does reaches whoever watches on another, by both protocols, and is read there.
func TestLive_ReachesWhoWatchesOnAnotherServer(t *testing.T) {
	t.Parallel()
	a := serve(t).telling()
	s := a.signUp("ada@example.com", "Ada")
	w := a.watch(quick())
	socket, stream := w.connect(t, s.token), w.ask(t, bearing(s.token), watchCredits, nil)
	socket.subscribe("1", watchCredits, nil)
	socket.event("1").ok().want("creditsChanged.credits.balance", 2000).want("creditsChanged.lastSeq", 1)
	stream.event().ok().want("creditsChanged.credits.balance", 2000)
	s.spend("CLUSTERING", "k1", 1)
	socket.event("1").ok().want("creditsChanged.credits.balance", 1990).want("creditsChanged.lastSeq", 2)
	stream.event().ok().want("creditsChanged.credits.balance", 1990).want("creditsChanged.lastSeq", 2)

	payment := s.payment()
	socket.subscribe("2", watchPayment, map[string]any{"id": payment})
	socket.event("2").ok().want("paymentChanged.payment.status", "PENDING").want("paymentChanged.payment.plan.slug", "starter")
	s.declare(payment, "Ada L.")
	socket.event("2").ok().want("paymentChanged.payment.payerName", "Ada L.")
	staff := a.staff()
	staff.do(`mutation($in: RejectPaymentInput!) { rejectPayment(input: $in) { payment { status } userErrors { code } } }`,
		input(map[string]any{"paymentId": payment, "reason": "Nothing came."})).ok().want("rejectPayment.userErrors", "[]")
	socket.event("2").ok().want("paymentChanged.payment.status", "REJECTED")

	site := s.site("First")
	key := s.key(site, "SYNC")
	zero := a.synced(key, "zero")
	a.synced(key, "before")
	socket.subscribe("3", watchSite, map[string]any{"id": site, "after": zero})
	first := socket.event("3").ok().want("siteSynced.syncEvent.message", "before").want("siteSynced.syncEvent.actor.kind", "API_KEY")
	a.synced(key, "after")
	socket.event("3").ok().want("siteSynced.syncEvent.message", "after")
	// Whoever comes back goes on where they were.
	again := w.ask(t, http.Header{"X-Api-Key": {key}}, watchSite, map[string]any{"id": site, "after": first.get("siteSynced.syncEvent.id")})
	again.event().ok().want("siteSynced.syncEvent.message", "after")

	// The client has had enough; another operation of the connection goes on.
	socket.send(map[string]any{"id": "1", "type": "complete"})
	s.spend("CLUSTERING", "k2", 1)
	stream.event().ok().want("creditsChanged.credits.balance", 1980)
	a.synced(key, "last")
	socket.event("3").ok().want("siteSynced.syncEvent.message", "last")
}

func TestLive_TellsOfLowCreditsOnceACrossing(t *testing.T) {
	t.Parallel()
	a := serve(t).telling()
	s := a.signUp("ada@example.com", "Ada")
	w := a.watch(quick())
	stream := w.ask(t, bearing(s.token), watchLow, nil)
	if kind, data := stream.next(); kind != "" {
		t.Fatalf("told while nothing is low: %s %s", kind, data)
	}
	s.spend("CONTENT_GENERATION", "k1", 180_001) // 1,801 of 2,000
	stream.event().ok().want("creditsLow.credits.available", 199).want("creditsLow.below", 200)
	s.spend("CLUSTERING", "k2", 1)
	a.exec(`UPDATE igny8_credit_accounts SET low_since = NULL, low_below = 1`) // as another grant would have it
	s.spend("CLUSTERING", "k3", 1)
	a.exec(`UPDATE igny8_credit_accounts SET low_below = 200`)
	s.spend("CLUSTERING", "k4", 1)
	stream.event().ok().want("creditsLow.credits.available", 169)
}

// Nothing of another account arrives: what is told next after it changed is what one did oneself.
func TestLive_TellsNothingOfOtherAccounts(t *testing.T) {
	t.Parallel()
	a := serve(t).telling()
	ours, theirs := a.signUp("ada@example.com", "Ada"), a.signUp("canary@example.com", "Canary")
	ourSite, site := ours.site("Ours"), theirs.site("Theirs")
	payment, ourKey, key := theirs.payment(), ours.key(ourSite, "SYNC", "CREDITS"), theirs.key(site, "SYNC")
	w := a.watch(quick())
	for query, id := range map[string]string{watchPayment: payment, watchSite: site} {
		c := w.connect(t, ours.token)
		c.subscribe("theirs", query, map[string]any{"id": id})
		never := strings.Split(id, "_")[0] + "_987654321"
		m := c.next()
		c.subscribe("never", query, map[string]any{"id": never})
		if n := c.next(); m.Type != "error" || string(m.Payload) != string(n.Payload) || !strings.Contains(string(m.Payload), "NOT_FOUND") {
			t.Errorf("theirs: %s %s; what never was: %s", m.Type, m.Payload, n.Payload)
		}
	}
	c := w.connect(t, ours.token)
	c.subscribe("credits", watchCredits, nil)
	c.event("credits").ok()
	c.subscribe("site", watchSite, map[string]any{"id": ourSite, "after": a.synced(ourKey, "zero")})
	byKey := w.ask(t, http.Header{"X-Api-Key": {ourKey}}, watchCredits, nil)
	byKey.event().ok()
	theirs.spend("CLUSTERING", "k", 1)
	theirs.declare(payment, "Canary")
	a.synced(key, "canary")
	ours.spend("CLUSTERING", "k", 1)
	c.event("credits").ok().want("creditsChanged.credits.balance", 1990)
	byKey.event().ok().want("creditsChanged.credits.balance", 1990)
	a.synced(ourKey, "ours")
	c.event("site").ok().want("siteSynced.syncEvent.message", "ours")
}

// Who may not reach a site watches nothing there, and who may no longer is told so.
func TestLive_FollowsWhoMayReachASite(t *testing.T) {
	t.Parallel()
	a := serve(t).telling()
	s := a.signUp("ada@example.com", "Ada")
	a.setPlan(s, "growth")
	editor := s.member("ed@example.com", account.Editor)
	site, other := s.site("First"), s.site("Second")
	key := s.key(site, "SYNC")
	w := a.watch(quick())
	c := w.connect(t, editor.token)
	c.subscribe("1", watchSite, map[string]any{"id": site})
	c.refused("1", "NOT_FOUND")
	grant := input(map[string]any{"siteId": site, "userId": editor.do(`{ viewer { user { id } } }`, nil).get("viewer.user.id")})
	s.do(`mutation($in: GrantSiteAccessInput!) { grantSiteAccess(input: $in) { userErrors { code } } }`, grant).ok()
	c.subscribe("2", watchSite, map[string]any{"id": site, "after": a.synced(key, "zero")})
	a.synced(key, "seen")
	c.event("2").ok().want("siteSynced.syncEvent.message", "seen")
	s.do(`mutation($in: RevokeSiteAccessInput!) { revokeSiteAccess(input: $in) { userErrors { code } } }`, grant).ok()
	a.synced(key, "unseen")
	c.refused("2", "NOT_FOUND")

	byKey := w.ask(t, http.Header{"X-Api-Key": {key}}, watchSite, map[string]any{"id": other})
	if kind, data := byKey.next(); !strings.Contains(data, "NOT_FOUND") {
		t.Errorf("a key watches another site: %s %s", kind, data)
	}
	for query, variables := range map[string]map[string]any{watchCredits: nil, watchLow: nil, watchPayment: {"id": "pay_1"}} {
		byKey := w.ask(t, http.Header{"X-Api-Key": {key}}, query, variables)
		if kind, data := byKey.next(); !strings.Contains(data, "FORBIDDEN") {
			t.Errorf("a key for syncing watches %s: %s %s", query, kind, data)
		}
	}
	c.subscribe("3", watchPayment, map[string]any{"id": "pay_1"})
	c.refused("3", "FORBIDDEN")
}

// A session that ends takes its streams with it: at the next event, and without one within a check's time.
func TestLive_EndsWithTheSession(t *testing.T) {
	t.Parallel()
	a := serve(t).telling()
	for name, limits := range map[string]gqlhttp.LiveLimits{
		"by the next event": {Pace: time.Millisecond, Recheck: time.Hour},
		"without any event": quick(),
	} {
		email := strings.ReplaceAll(name, " ", ".") + "@example.com"
		s := a.signUp(email, "Ada")
		w := a.watch(limits)
		byOwner, leaving := w.connect(t, s.token), a.logIn(email)
		socket, stream := w.connect(t, leaving.token), w.ask(t, bearing(leaving.token), watchCredits, nil)
		for _, c := range []*client{byOwner, socket} {
			c.subscribe("1", watchCredits, nil)
			c.event("1").ok()
		}
		stream.event().ok()
		leaving.do(`mutation { logOut(input: {}) { userErrors { code } } }`, nil).ok()
		if limits.Recheck == time.Hour {
			s.spend("CLUSTERING", "k1", 1)
		}
		socket.closed(4401)
		stream.event().refused("UNAUTHENTICATED")
		if kind, _ := stream.next(); kind != "complete" {
			t.Errorf("%s: the stream is not complete: %s", name, kind)
		}
		s.spend("CLUSTERING", "k2", 1)
		byOwner.until("1", func(e *answer) bool { return e.ok().get("creditsChanged.lastSeq") != nil })
	}
}

func TestLive_EndsWithTheToken(t *testing.T) {
	t.Parallel()
	a := serve(t).telling()
	s := a.signUp("ada@example.com", "Ada")
	w := a.watch(quick())
	socket, stream := w.connect(t, s.token), w.ask(t, bearing(s.token), watchCredits, nil)
	socket.subscribe("1", watchCredits, nil)
	socket.event("1").ok()
	stream.event().ok()
	a.clock.forward(16 * time.Minute)
	socket.closed(4403)
	if kind, data := stream.next(); kind != "end" { // which sends graphql-sse back for another try
		t.Errorf("the stream does not just end: %s %s", kind, data)
	}
	c := w.dial(t, nil)
	c.send(map[string]any{"type": "connection_init", "payload": map[string]any{"Authorization": "Bearer " + s.token}})
	c.closed(4403)
}

// The gate is passed again before each event: whom it shuts out is told why.
func TestLive_EndsForThoseWhomTheGateShutsOut(t *testing.T) {
	t.Parallel()
	a := serve(t).telling()
	s := a.signUp("ada@example.com", "Ada")
	viewer := s.member("vi@example.com", account.Viewer)
	key := s.key(s.site("First"), "CREDITS")
	w := a.watch(quick())
	clients := map[string]*client{}
	for name, header := range map[string]http.Header{"owner": bearing(s.token), "viewer": bearing(viewer.token), "key": {"X-Api-Key": {key}}} {
		c := w.dial(t, header)
		c.send(map[string]any{"type": "connection_init"})
		if m := c.next(); m.Type != "connection_ack" {
			t.Fatalf("%s is not let in by a header: %+v", name, m)
		}
		c.subscribe("1", watchCredits, nil)
		c.event("1").ok()
		clients[name] = c
	}
	a.exec(`UPDATE igny8_tenants SET status = 'suspended' WHERE id = ?`, s.accountNumber())
	clients["viewer"].refused("1", "ACCOUNT_SUSPENDED")
	clients["key"].refused("1", "ACCOUNT_SUSPENDED")
	a.exec(`UPDATE igny8_credit_accounts SET held = 1 WHERE tenant_id = ?`, s.accountNumber())
	clients["owner"].event("1").ok().want("creditsChanged.credits.held", 1)
}

// The net between accounts is under what live events tell as it is under all else.
func TestLive_PassesTheNet(t *testing.T) {
	t.Parallel()
	var shut atomic.Bool
	caught := make(chan struct{}, 1000)
	a := serve(t, func(r *Resolver, _ *Config, _ *func(http.Handler) http.Handler) {
		r.mayLeave = func(ctx context.Context, tenant gid.Account, staff bool) bool {
			if shut.Load() {
				caught <- struct{}{}
				return false
			}
			return ownOrStaffs(ctx, tenant, staff)
		}
	}).telling()
	s := a.signUp("ada@example.com", "Ada")
	c := a.watch(quick()).connect(t, s.token)
	c.subscribe("1", watchCredits, nil)
	c.event("1").ok()
	shut.Store(true)
	s.do(`mutation { spendCredits(input: {operation: CLUSTERING, idempotencyKey: "k1"}) { userErrors { code } } }`, nil).ok()
	<-caught
	shut.Store(false)
	// What did not leave was not told: it is now, with what came since.
	s.spend("CLUSTERING", "k2", 1)
	c.until("1", func(e *answer) bool { return e.ok().get("creditsChanged.credits.balance") == float64(1980) })
}
