package graph

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/throttle"
	"igny8.com/accounts/internal/ticket"
	"igny8.com/accounts/internal/wordpress"
)

// realm is a server with an account in one status, which has one of everything that operations are about; a
// foreign account that is active and has the same; a deleted account; and the system account with staff.
type realm struct {
	*api
	status string
	people map[string]*principal
	// ids are what the operations are about, by kind and target.
	ids map[string]map[string]string
	// owner, stranger and staff are the owners of the account, of the foreign one and of the system account.
	owner, stranger, staff *session
	// blog is a WordPress that takes every password.
	blog  string
	nodes map[*principal]map[string]string
	// watched says that staff acted for the account since the last restore, of which its log tells.
	watched bool
}

// principal is somebody who asks.
type principal struct {
	name string
	// header is what authenticates them.
	header map[string]string
	// self are their own person, session and key.
	self map[string]string
}

func newRealm(t *testing.T, status string) *realm {
	t.Helper()
	blog := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"id":1}`))
	}))
	t.Cleanup(blog.Close)
	w := &realm{
		api: serve(t, reachingLoopback, fromEverywhere, neverEmpty), status: status, people: map[string]*principal{}, ids: map[string]map[string]string{},
		blog: blog.URL, nodes: map[*principal]map[string]string{},
	}
	w.staff = w.api.staff()
	w.exec(`UPDATE igny8_tenants SET is_system = true, status = 'active' WHERE id = ?`, w.staff.accountNumber())
	w.owner, w.stranger = w.signUp("owner@own.test", "Owner"), w.signUp("owner@foreign.test", "Foreign")
	w.furnish(w.owner, "own", "enterprise")
	w.furnish(w.stranger, "foreign", "scale")
	w.furnishSystem()
	w.meet()
	own, gone := w.owner.accountNumber(), w.deleted()
	if status == "plan_inactive" {
		w.exec(`UPDATE igny8_plans SET is_active = false WHERE slug = 'enterprise'`)
		status = "active"
	}
	w.exec(`UPDATE igny8_tenants SET status = ? WHERE id IN (?, ?)`, status, own, gone)
	w.remember()
	return w
}

// reachingLoopback lets the server speak to the test's own WordPress.
func reachingLoopback(r *Resolver, _ *Config, _ *func(http.Handler) http.Handler) {
	r.WordPress = wordpress.New(r.Vault, wordpress.Config{
		AllowHTTP: true, AnyPort: true, Allowed: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")},
	})
}

// neverEmpty counts what requests cost, in buckets that no matrix empties.
func neverEmpty(r *Resolver, _ *Config, _ *func(http.Handler) http.Handler) {
	deep := throttle.PerSecond(1_000_000_000, 1_000_000)
	gate, err := throttle.NewGate(throttle.NewMemory(), throttle.Policy{Default: deep, Anonymous: deep, SignIn: deep, SignUp: deep, SignUps: deep})
	if err != nil {
		panic(err)
	}
	r.Gate = gate
}

// fromEverywhere has each request come from another address, so that what counts tries by address, and
// remembers them in memory, does not tell one cell of another.
func fromEverywhere(_ *Resolver, _ *Config, middleware *func(http.Handler) http.Handler) {
	var n atomic.Uint32
	inner := *middleware
	*middleware = func(next http.Handler) http.Handler {
		h := inner(next)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			i := n.Add(1)
			r.RemoteAddr = fmt.Sprintf("10.%d.%d.%d:1", i>>16&0xff, i>>8&0xff, i&0xff)
			h.ServeHTTP(w, r)
		})
	}
}

// ask posts an operation as the principal.
func (w *realm) ask(by *principal, query string, variables map[string]any) string {
	w.t.Helper()
	if strings.HasPrefix(query, "subscription") {
		return w.begin(by.header, query, variables)
	}
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		w.t.Fatal(err)
	}
	_, text := w.post(by.header, string(body))
	return text
}

// of is the id of the kind that the target has.
func (w *realm) of(kind, target string) string {
	w.t.Helper()
	id, ok := w.ids[kind][target]
	if !ok {
		w.t.Fatalf("there is no %s that is %s", kind, target)
	}
	return id
}

func (w *realm) know(kind, target string, id any) string {
	if w.ids[kind] == nil {
		w.ids[kind] = map[string]string{}
	}
	w.ids[kind][target] = id.(string)
	return w.ids[kind][target]
}

// done executes a mutation that must succeed and gives what stands at result, a dotted path in its payload.
func (w *realm) done(by *session, name, result string, in fields) any {
	w.t.Helper()
	ans := by.do(mutationText(name, result), input(in)).ok().want(name+".userErrors", "[]")
	return ans.get(name + "." + result)
}

// bearer is a person who asks, with a second session besides the one that asks.
func (w *realm) bearer(name, email string, s *session) *principal {
	w.t.Helper()
	second := w.logIn(email)
	const me = `{ viewer { user { id } sessions { nodes { id current } } } }`
	p := &principal{name: name, header: map[string]string{"Authorization": "Bearer " + s.token}, self: map[string]string{
		"refresh": second.refresh, "user": s.do(me, nil).ok().get("viewer.user.id").(string),
	}}
	for _, device := range second.do(me, nil).ok().get("viewer.sessions.nodes").([]any) {
		if dig(device, "current") == true {
			p.self["session"] = dig(device, "id").(string)
		}
	}
	return p
}

// meet makes the principals and those whom operations are about.
func (w *realm) meet() {
	w.t.Helper()
	w.people["anonymous"] = &principal{}
	w.people["owner"] = w.bearer("owner", "owner@own.test", w.owner)
	w.people["developer"] = w.bearer("developer", "staff@example.com", w.staff)
	for _, role := range []account.Role{account.Viewer, account.Editor, account.Admin} {
		email := string(role) + "@own.test"
		w.people[string(role)] = w.bearer(string(role), email, w.owner.member(email, role))
		w.done(w.owner, "grantSiteAccess", "site.id", fields{"siteId": w.of("site", "own"), "userId": w.people[string(role)].self["user"]})
	}
	for target, owner := range map[string]*session{"own": w.owner, "foreign": w.stranger} {
		email := "colleague@" + target + ".test"
		colleague := w.bearer(target, email, owner.member(email, account.Viewer))
		for kind, id := range colleague.self {
			w.know(kind, target, id)
		}
		w.done(owner, "grantSiteAccess", "site.id", fields{"siteId": w.of("site", target), "userId": colleague.self["user"]})
		email = "removed@" + target + ".test"
		removed := w.bearer(target, email, owner.member(email, account.Viewer)).self["user"]
		w.know("removed", target, w.done(owner, "removeMember", "user.id", fields{"userId": removed}))
		imp := w.done(w.staff, "impersonate", "impersonation.id", fields{"accountId": w.of("account", target), "reason": "asked for help", "minutes": 15})
		w.know("impersonation", target, imp)
	}
	w.know("user", "owner", w.people["owner"].self["user"])
	w.impersonator()
	w.keys()
	for name, p := range w.people {
		p.name = name
	}
}

func (w *realm) impersonator() {
	w.t.Helper()
	ans := w.staff.do(mutationText("impersonate", "accessToken impersonation.id"), input(fields{
		"accountId": w.of("account", "own"), "reason": "asked for help", "minutes": 15,
	})).ok()
	w.know("impersonation", "own", ans.get("impersonate.impersonation.id"))
	w.people["impersonator"] = &principal{
		header: map[string]string{"Authorization": "Bearer " + ans.get("impersonate.accessToken").(string)},
		self:   w.people["developer"].self,
	}
}

func (w *realm) keys() {
	w.t.Helper()
	all := []string{"SITES_READ", "CREDITS", "SYNC"}
	for name, scopes := range map[string][]string{
		"key_sites_read": all[:1], "key_credits": all[1:2], "key_sync": all[2:], "key_expired": all, "key_revoked": all,
	} {
		p := w.key(w.owner, w.of("site", "own"), scopes)
		w.people[name] = p
	}
	w.exec(`UPDATE igny8_site_api_keys SET expires_at = '2020-01-01' WHERE id = ?`, number(w.people["key_expired"].self["apiKey"]))
	w.done(w.owner, "revokeSiteApiKey", "apiKey.id", fields{"apiKeyId": w.people["key_revoked"].self["apiKey"]})
}

func (w *realm) key(owner *session, site string, scopes []string) *principal {
	w.t.Helper()
	ans := owner.do(mutationText("createSiteApiKey", "secret apiKey.id"), input(fields{"siteId": site, "name": "Key", "scopes": scopes})).ok()
	return &principal{
		header: map[string]string{"X-API-Key": ans.get("createSiteApiKey.secret").(string)},
		self:   map[string]string{"apiKey": ans.get("createSiteApiKey.apiKey.id").(string)},
	}
}

// deleted makes an account that was deleted, whose owner was mailed a ticket to bring it back.
func (w *realm) deleted() (number int64) {
	w.t.Helper()
	gone := w.signUp("owner@gone.test", "Gone")
	w.setPlan(gone, "enterprise")
	number = gone.accountNumber()
	slug := gone.do(`{ account { slug } }`, nil).ok().get("account.slug")
	w.done(gone, "deleteAccount", "restoreUntil", fields{"confirm": slug})
	w.ticket("restore", ticket.Restore, "igny8_mail_tokens", "purpose = 'restore_account'", number)
	return number
}

// ticket has the row that a letter was about open to a ticket that the test knows, because what was mailed
// is sealed.
func (w *realm) ticket(kind string, of ticket.Kind, table, where string, tenant int64) {
	w.t.Helper()
	id := scan[int64](w.api, fmt.Sprintf(`SELECT max(id) FROM %s WHERE tenant_id = %d AND %s`, table, tenant, where))
	text, hash := ticket.New(of, gidAccount(tenant), id)
	w.exec(fmt.Sprintf(`UPDATE %s SET token_hash = ? WHERE tenant_id = %d AND id = %d`, table, tenant, id), hash)
	w.know(kind, "own", text)
	w.know(kind, "foreign", "unknown_1")
}

// number is what an id or any other text ends with behind its last underscore.
func number(id string) string { return id[strings.LastIndex(id, "_")+1:] }
