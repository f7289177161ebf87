package graph

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"igny8.com/accounts/internal/throttle"
)

func hashOf(query string) string {
	sum := sha256.Sum256([]byte(query))
	return hex.EncodeToString(sum[:])
}

// byHash sends the hash of a document, and the document too if it is to be registered.
func (c *caller) byHash(query string, register bool) *reply {
	c.t.Helper()
	body := map[string]any{"extensions": map[string]any{"persistedQuery": map[string]any{"version": 1, "sha256Hash": hashOf(query)}}}
	if register {
		body["query"] = query
	}
	text, err := json.Marshal(body)
	if err != nil {
		c.t.Fatal(err)
	}
	r, err := c.send(c.t.Context(), c.url, text)
	if err != nil {
		c.t.Fatal(err)
	}
	return r
}

// What an account registered its people and keys run by the hash, each with their own rights; nobody else
// learns that it is there.
func TestPersisted_BelongsToTheAccountThatRegisteredIt(t *testing.T) {
	t.Parallel()
	s, o, owner, site, _ := partnered(t)
	secret, _ := owner.makeKey(site, "SITES_READ")
	const query = "query Who { viewer { role } members { totalCount } }"
	owner.byHash(query, false).refused("PERSISTED_QUERY_NOT_FOUND")
	owner.byHash(query, true).ok().want("viewer.role", "OWNER")
	s.as(o.token).byHash(query, false).ok().want("viewer.role", "OWNER")
	s.withKey(secret).byHash(query, false).refused("FORBIDDEN").want("viewer.role", "SYSTEM_BOT")
	neighbour := s.as(s.signUp("neighbour@example.com", "Neighbour").token)
	neighbour.byHash(query, false).refused("PERSISTED_QUERY_NOT_FOUND")
	s.nobody().byHash(query, false).refused("PERSISTED_QUERY_NOT_FOUND")
}

func (c *caller) get(query string) (status int, header http.Header) {
	c.t.Helper()
	values := url.Values{"extensions": {`{"persistedQuery":{"version":1,"sha256Hash":"` + hashOf(query) + `"}}`}}
	req, err := http.NewRequestWithContext(c.t.Context(), http.MethodGet, c.url+"?"+values.Encode(), http.NoBody)
	if err != nil {
		c.t.Fatal(err)
	}
	for name, value := range c.header {
		req.Header.Set(name, value)
	}
	resp, err := c.client.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	return resp.StatusCode, resp.Header
}

func TestPersisted_OnlyStrangersCatalogueMayBeKeptByCaches(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	member := s.as(s.signUp("ann@example.com", "Ann").token)
	const catalogue, mixed = "{ plans { slug } industries { name } }", "{ plans { slug } rateLimit { limit } }"
	for _, c := range []*caller{s.nobody(), member} {
		c.byHash(catalogue, true).ok()
		c.byHash(mixed, true).ok()
	}
	for _, c := range []struct {
		by    *caller
		query string
		want  string
	}{
		{s.nobody(), catalogue, "public, max-age=60"}, {s.nobody(), mixed, "no-store"}, {member, catalogue, "no-store"},
	} {
		status, header := c.by.get(c.query)
		if got := header.Get("Cache-Control"); status != http.StatusOK || got != c.want {
			t.Errorf("%s: status %d, Cache-Control %q, want %q", c.query, status, got, c.want)
		}
	}
}

func TestRateLimit_SaysWhatTheRequestPaid(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	ann := s.as(s.signUp("ann@example.com", "Ann").token)
	const query = `{ rateLimit { cost limit remaining restoreRate resetAt } sites(first: 10) { nodes { id } } }`
	if got := ann.do(query, nil).ok().get("rateLimit"); got != nil {
		t.Errorf("nothing is counted, but %v", got)
	}
	s.throttled(throttle.NewMemory(), nil)
	r := ann.do(query, nil)
	c := r.cost(t)
	r.ok().want("rateLimit.cost", 11).want("rateLimit.limit", 1000).want("rateLimit.remaining", 989).want("rateLimit.restoreRate", 50)
	if c.RequestedQueryCost != 11 || c.ActualQueryCost != 11 || c.ThrottleStatus.CurrentlyAvailable != 989 {
		t.Errorf("the field and the extension differ: %s", r.text)
	}
	if full := instantOf(t, r.get("rateLimit.resetAt")).Sub(s.clock.now()); full < 200*time.Millisecond || full > 240*time.Millisecond {
		t.Errorf("11 points come back in %s", full)
	}
	s.nobody().do(`{ rateLimit { limit } }`, nil).ok().want("rateLimit.limit", 500)
}

// The introspection of the served schema has no directive that is not served.
func TestSchema_ServesNoDefer(t *testing.T) {
	t.Parallel()
	a := serve(t)
	ans := a.do("", `{ __schema { directives { name } } }`, nil).ok()
	if text := ans.text; strings.Contains(text, "defer") || !strings.Contains(text, "oneOf") || !strings.Contains(text, `"role"`) {
		t.Errorf("%s", text)
	}
	ans = a.do("", `{ ... @defer { plans { slug } } }`, nil).refused("GRAPHQL_VALIDATION_FAILED")
	if !strings.Contains(ans.Errors[0].Message, `Unknown directive "@defer"`) {
		t.Errorf("%s", ans.text)
	}
}
