package graph

import (
	"fmt"
	"maps"
	"net/url"
	"strings"
	"testing"
	"time"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/apikey"
	"igny8.com/accounts/internal/gid"
)

// makeKey is a new key of a site and its id.
func (c *caller) makeKey(site string, scopes ...string) (secret, id string) {
	c.t.Helper()
	r := c.run("createSiteApiKey", map[string]any{"siteId": site, "name": "Plugin", "scopes": scopes}, "apiKey { id } secret").done()
	return r.str("secret"), r.str("apiKey.id")
}

// partnered is a scene with an account that has two sites, and its owner.
func partnered(t *testing.T) (s *scene, o *session, owner *caller, first, second string) {
	t.Helper()
	s = newScene(t)
	o = s.signUp("owner@example.com", "Owner")
	s.setPlan(o, "growth")
	owner = s.as(o.token)
	first, second = owner.makeSite("First"), owner.makeSite("Second")
	return s, o, owner, first, second
}

const aboutKey = `{ viewer { role user { id } apiKey { id name status site { name } } site { name } account { name } sessions { totalCount } } }`

func TestKey_ActsForItsOneSiteAndIsNeverAPerson(t *testing.T) {
	t.Parallel()
	s, _, owner, first, second := partnered(t)
	secret, id := owner.makeKey(first, "SITES_READ", "CREDITS", "SYNC")
	if !strings.HasPrefix(secret, "igny8_live_") {
		t.Fatalf("the key is %s", secret)
	}
	const shown = `{ sites { nodes { apiKeys { id name prefix status lastUsedAt } } } account { auditEvents { nodes { action before after } } } }`
	if text := owner.do(shown, nil).ok().text; !strings.Contains(text, id) || strings.Contains(text, secret[len("igny8_live_")+14:]) {
		t.Errorf("the secret is shown again, or the key is not: %s", text)
	}
	key := s.withKey(secret)
	key.do(aboutKey, nil).ok().want("viewer.role", "SYSTEM_BOT").want("viewer.user", "<nil>").want("viewer.apiKey.id", id).
		want("viewer.apiKey.site.name", "First").want("viewer.site.name", "First").want("viewer.account.name", "Owner").
		want("viewer.sessions", "<nil>")
	key.do(`{ sites { totalCount nodes { name } } }`, nil).ok().want("sites.totalCount", 1).want("sites.nodes.0.name", "First")

	const look = `query($id: ID!) { site(id: $id) { name } node(id: $id) { id } }`
	key.do(look, map[string]any{"id": first}).ok().want("site.name", "First").want("node.id", first)
	if other, never := key.do(look, map[string]any{"id": second}).ok(), key.do(look, map[string]any{"id": "site_987654321"}).ok(); other.text != never.text {
		t.Errorf("the account's other site: %s", other.text)
	}
	spendOn := func(c *caller, site, idempotency string) *reply {
		return c.run("spendCredits", map[string]any{"operation": "CLUSTERING", "siteId": site, "idempotencyKey": idempotency},
			"transaction { site { name } actor { kind user { email } apiKey { id } } } credits { available }")
	}
	spendOn(key, first, "k1").done().want("transaction.site.name", "First").want("transaction.actor.kind", "API_KEY").
		want("credits.available", 1990)
	spendOn(key, first, "k1").done().want("credits.available", 1990)
	if other, never := spendOn(key, second, "k2"), spendOn(key, "site_987654321", "k2"); other.text != never.text {
		t.Errorf("spent on the other site: %s", other.text)
	} else {
		other.faults("NOT_FOUND input siteId")
	}
	owner.do(`{ creditTransactions { nodes { actor { kind apiKey { id } } } } }`, nil).ok().
		want("creditTransactions.nodes.0.actor.apiKey.id", id)

	// Each scope opens what it names and nothing else.
	for _, scope := range []string{"SITES_READ", "CREDITS", "SYNC"} {
		secret, _ := owner.makeKey(first, scope)
		narrow := s.withKey(secret)
		for want, r := range map[string]*reply{
			"SITES_READ": narrow.do(`{ sites { totalCount } }`, nil),
			"CREDITS":    spendOn(narrow, first, scope),
			"SYNC":       narrow.synced("of "+scope, nil),
		} {
			if forbidden := r.code() == "FORBIDDEN"; forbidden == (scope == want) {
				t.Errorf("a key with the scope %s, asked for %s: %s", scope, want, r.text)
			}
		}
	}
}

// synced reports one event.
func (c *caller) synced(id string, more map[string]any) *reply {
	c.t.Helper()
	in := map[string]any{"kind": "PUBLISH", "direction": "TO_SITE", "outcome": "SUCCEEDED", "externalId": id}
	maps.Copy(in, more)
	return c.run("recordSyncEvent", in, "event { id items actor { kind user { email } } }")
}

func TestKey_ReportsWhatWasSyncedOnce(t *testing.T) {
	t.Parallel()
	s, _, owner, first, second := partnered(t)
	secret, _ := owner.makeKey(first, "SYNC")
	key := s.withKey(secret)
	id := key.synced("post-1", nil).done().str("event.id")
	key.synced("post-1", nil).done().want("event.id", id)
	key.synced("post-1", map[string]any{"items": 2}).faults("IDEMPOTENCY_CONFLICT input externalId")
	other, _ := owner.makeKey(second, "SYNC")
	if r := s.withKey(other).synced("post-1", nil).done(); r.str("event.id") == id {
		t.Errorf("another site's event under the same id: %s", r.text)
	}
	owner.synced("post-2", nil).refused("FORBIDDEN")
	events := atOnce(20, func(int) string {
		r, err := key.ask(t.Context(), mutationOf("recordSyncEvent", "event { id }"),
			input(map[string]any{"kind": "PUBLISH", "direction": "TO_SITE", "outcome": "SUCCEEDED", "externalId": "post-3"}))
		if err != nil {
			return err.Error()
		}
		return r.text
	})
	for _, text := range events {
		if text != events[0] || !strings.Contains(text, "sync_") {
			t.Errorf("at once: %s and %s", text, events[0])
		}
	}
	owner.do(`query($id: ID!) { site(id: $id) { syncEvents { totalCount nodes { externalId } } } }`, map[string]any{"id": first}).ok().
		want("site.syncEvents.totalCount", 2).want("site.syncEvents.nodes.1.externalId", "post-1")
}

func TestKey_EndsByRotationRevocationAndWithItsSite(t *testing.T) {
	t.Parallel()
	s, o, owner, first, _ := partnered(t)
	number := o.accountNumber()
	old, id := owner.makeKey(first, "SITES_READ")
	rotate := func(id string, overlap int) *reply {
		return owner.run("rotateSiteApiKey", map[string]any{"apiKeyId": id, "overlap": overlap}, "apiKey { id } secret")
	}
	r := rotate(id, 3600).done()
	next, nextID := r.str("secret"), r.str("apiKey.id")
	s.withKey(old).do(aboutKey, nil).ok().want("viewer.apiKey.status", "RETIRING")
	s.withKey(next).do(aboutKey, nil).ok().want("viewer.apiKey.id", nextID).want("viewer.apiKey.status", "ACTIVE")
	rotate(id, 3600).faults("INVALID_STATE input apiKeyId")
	s.clock.forward(time.Hour + time.Second)
	s.withKey(old).do(aboutKey, nil).refused("UNAUTHENTICATED")
	s.withKey(next).do(aboutKey, nil).ok()

	owner, _ = s.entering("owner@example.com", password).signedIn(s.api)
	owner.run("revokeSiteApiKey", map[string]any{"apiKeyId": nextID}, "apiKey { status }").done().want("apiKey.status", "REVOKED")
	s.withKey(next).do(aboutKey, nil).refused("UNAUTHENTICATED")

	// One that was carried over works as it was until it is rotated.
	const legacy = "wp-4f9c2be1d07a4f9c2be1d07a"
	site, err := gid.Parse[gid.Site](first)
	if err != nil {
		t.Fatal(err)
	}
	carried, err := apikey.Import(t.Context(), s.r.DB, s.r.Vault, s.clock.now(), gid.Account(number), site, legacy)
	if err != nil {
		t.Fatal(err)
	}
	s.withKey(legacy).do(`{ viewer { apiKey { legacy prefix } } sites { totalCount } }`, nil).ok().
		want("viewer.apiKey.legacy", true).want("viewer.apiKey.prefix", "<nil>").want("sites.totalCount", 1)
	successor := s.withKey(rotate(gid.Format(carried.ID), 0).done().str("secret"))
	s.withKey(legacy).do(aboutKey, nil).refused("UNAUTHENTICATED")
	successor.do(`{ viewer { apiKey { legacy } } sites { totalCount } }`, nil).ok().want("viewer.apiKey.legacy", false)

	s.exec(`UPDATE igny8_tenants SET status = 'pending_payment' WHERE id = ?`, number)
	successor.do(aboutKey, nil).ok()
	for status, code := range map[account.Status]string{account.Suspended: "ACCOUNT_SUSPENDED", account.Cancelled: "ACCOUNT_CANCELLED"} {
		s.exec(`UPDATE igny8_tenants SET status = ? WHERE id = ?`, status, number)
		successor.do(aboutKey, nil).refused(code)
	}
	s.exec(`UPDATE igny8_tenants SET status = 'active' WHERE id = ?`, number)
	owner.run("deleteSite", map[string]any{"siteId": first}, "site { id }").done()
	successor.do(aboutKey, nil).refused("UNAUTHENTICATED")
	owner.run("restoreSite", map[string]any{"siteId": first}, "site { id }").done()
	successor.do(aboutKey, nil).ok()
}

func TestKey_IsReadFromItsOwnHeaderAlone(t *testing.T) {
	t.Parallel()
	s, o, owner, first, _ := partnered(t)
	secret, _ := owner.makeKey(first, "SITES_READ")
	const who = `{"query":"{ viewer { role } }"}`
	nobody := s.with(nil, who)
	if !strings.Contains(nobody, "UNAUTHENTICATED") {
		t.Fatalf("nobody: %s", nobody)
	}
	for what, header := range map[string]map[string]string{
		"a key beside a token":         {"X-API-Key": secret, "Authorization": "Bearer " + o.token},
		"a key beside an empty scheme": {"X-API-Key": secret, "Authorization": ""},
		"a key as a token":             {"Authorization": "Bearer " + secret},
		"a key as a cookie":            {"Cookie": "X-API-Key=" + secret + "; api_key=" + secret},
		"a token as a key":             {"X-API-Key": o.token},
		"a key with a space":           {"X-API-Key": secret + " x"},
		"a key's first half":           {"X-API-Key": secret[:30]},
		"a key with another checksum":  {"X-API-Key": secret[:len(secret)-1] + flip(secret)},
		"a key in another header":      {"Api-Key": secret, "X-Igny8-Key": secret},
	} {
		if text := s.with(header, who); text != nobody {
			t.Errorf("%s: %s", what, text)
		}
	}
	for what, at := range map[string]string{
		"in the query string": s.url + "/?api_key=" + url.QueryEscape(secret) + "&X-API-Key=" + url.QueryEscape(secret),
		"in the URL's user":   strings.Replace(s.url, "http://", "http://x:"+secret+"@", 1),
	} {
		r, err := s.nobody().send(t.Context(), at, []byte(who))
		if err != nil || r.text != nobody {
			t.Errorf("a key %s: %v %v", what, r, err)
		}
	}
	body := fmt.Sprintf(`{"query":"{ viewer { role } }","extensions":{"apiKey":%q,"headers":{"X-API-Key":%q}}}`, secret, secret)
	if text := s.with(nil, body); text != nobody {
		t.Errorf("a key in the body: %s", text)
	}
}
