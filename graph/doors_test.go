package graph

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/postgres/pgtest"
)

// Staff's operations show accounts and money; people and content stay shut.
func TestStaff_SeeNoPeopleAndNoContent(t *testing.T) {
	t.Parallel()
	a := serve(t)
	_, _ = neighbours(a)
	staff := a.logIn("staff@example.com")
	a.exec(`UPDATE igny8_payments SET status = 'pending'`)
	ans := staff.do(`{ paymentQueue { nodes { account { name credits { balance } subscription { status } plan { slug } owner { email } } } } }`, nil).ok()
	ans.want("paymentQueue.nodes.0.account.owner", "<nil>").want("paymentQueue.nodes.0.account.plan.slug", "starter")
	for _, field := range []string{"sites { nodes { name } }", "members { nodes { email } }", "ledger { nodes { seq } }", "auditEvents { nodes { action } }", "billingEmail", "payments { nodes { id } }"} {
		ans := staff.do(`{ paymentQueue { nodes { account { name `+field+` } } } }`, nil)
		if len(ans.Errors) == 0 || ans.Errors[0].Extensions["code"] != "FORBIDDEN" || strings.Contains(ans.text, canary+"@") {
			t.Errorf("%s: %s", field, ans.text)
		}
	}
	// Outside of staff's own operations there is nothing of the sort.
	if text := staff.raw(t.Context(), staff.token, everything, nil); strings.Contains(text, canary) {
		t.Errorf("staff see without asking as staff: %s", text)
	}
}

func (a *api) post(header map[string]string, body string) (int, string) {
	a.t.Helper()
	req, err := http.NewRequestWithContext(a.t.Context(), http.MethodPost, a.url, strings.NewReader(body))
	if err != nil {
		a.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	for k, v := range header {
		req.Header.Set(k, v)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		a.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		a.t.Fatal(err)
	}
	if len(resp.Header.Values("Set-Cookie")) > 0 {
		a.t.Error("a cookie was set")
	}
	return resp.StatusCode, string(text)
}

func TestCookies_NeverCount(t *testing.T) {
	t.Parallel()
	a := serve(t)
	staff, tenant := a.staff(), a.signUp("tenant@example.com", "Tenant")
	const who = `{"query":"{ viewer { role user { email } account { name } } }"}`
	cookie := "sessionid=" + staff.token + "; access_token=" + staff.token + "; Authorization=Bearer " + staff.token
	if _, text := a.post(map[string]string{"Cookie": cookie}, who); !strings.Contains(text, "UNAUTHENTICATED") {
		t.Errorf("a cookie alone: %s", text)
	}
	_, alone := a.post(map[string]string{"Authorization": "Bearer " + tenant.token}, who)
	_, both := a.post(map[string]string{"Authorization": "Bearer " + tenant.token, "Cookie": cookie}, who)
	if alone != both || !strings.Contains(both, "tenant@example.com") {
		t.Errorf("with a cookie: %s\nwithout: %s", both, alone)
	}
}

func TestSession_EndsAtLogOut(t *testing.T) {
	t.Parallel()
	a := serve(t)
	s := a.signUp("ada@example.com", "Ada")
	const refresh = `mutation($in: RefreshSessionInput!) { refreshSession(input: $in) { session { accessToken refreshToken } userErrors { code } } }`
	ans := s.do(refresh, input(map[string]any{"refreshToken": s.refresh})).ok()
	next := &session{a, ans.get("refreshSession.session.accessToken").(string), ans.get("refreshSession.session.refreshToken").(string)}
	next.do(`{ viewer { role } }`, nil).ok()

	// The first token again, after the grace for a lost answer: the whole session ends.
	a.clock.forward(time.Minute)
	a.do("", refresh, input(map[string]any{"refreshToken": s.refresh})).ok().want("refreshSession.userErrors.0.code", "INVALID_CREDENTIALS")
	next.do(`{ viewer { role } }`, nil).refused("UNAUTHENTICATED")
	a.do("", refresh, input(map[string]any{"refreshToken": next.refresh})).ok().want("refreshSession.userErrors.0.code", "INVALID_CREDENTIALS")

	again := a.logIn("ada@example.com")
	again.do(`mutation { logOut(input: {}) { userErrors { code } } }`, nil).ok()
	again.do(`{ viewer { role } }`, nil).refused("UNAUTHENTICATED")
	a.do("", logInMutation, input(map[string]any{"email": "ada@example.com", "password": "wrong password"})).ok().
		want("logIn.userErrors.0.code", "INVALID_CREDENTIALS").want("logIn.session", "<nil>")
}

func TestSites_KeepThePlansLimitUnderFiftyAtOnce(t *testing.T) {
	t.Parallel()
	a := serve(t)
	s := a.signUp("ada@example.com", "Ada")
	a.setPlan(s, "growth") // three sites
	var wg sync.WaitGroup
	var mu sync.Mutex
	outcomes := map[string]int{}
	for i := range 50 {
		wg.Go(func() {
			ans := s.do(createSite, input(map[string]any{"name": fmt.Sprintf("Site %d", i), "domain": fmt.Sprintf("s%d.example.com", i)})).ok()
			mu.Lock()
			defer mu.Unlock()
			if ans.get("createSite.site") != nil {
				outcomes["made"]++
			} else {
				outcomes[fmt.Sprint(ans.get("createSite.userErrors.0.code"))]++
			}
		})
	}
	wg.Wait()
	if outcomes["made"] != 3 || outcomes["PLAN_LIMIT_REACHED"] != 47 {
		t.Errorf("%v", outcomes)
	}
}

func TestErrors_HideWhatIsOursAndNameTheRequest(t *testing.T) {
	t.Parallel()
	const secret = "dial tcp 10.0.0.7: pq: relation igny8_secret does not exist"
	for what, fail := range map[string]func(){
		"an unknown error": nil,
		"a panic":          func() { panic(secret) },
	} {
		a := serve(t, func(_ *Resolver, schema *Config, _ *func(http.Handler) http.Handler) {
			schema.Directives.Public = func(ctx context.Context, _ any, _ graphql.Resolver) (any, error) {
				if fail != nil {
					fail()
				}
				return nil, fmt.Errorf("list plans: %w", errors.New(secret))
			}
		})
		ans := a.do("", `{ plans { slug } }`, nil).refused("INTERNAL_SERVER_ERROR")
		id, _ := ans.Errors[0].Extensions["requestId"].(string)
		if id == "" || strings.Contains(ans.text, "igny8_secret") || strings.Contains(ans.text, "10.0.0.7") {
			t.Errorf("%s: %s", what, ans.text)
		}
		if n := strings.Count(a.log.String(), id); n != 1 {
			t.Errorf("%s is logged %d times: %s", what, n, a.log)
		}
	}
}

func TestOutcome_PutsFaultsWhereClientsLookForThem(t *testing.T) {
	t.Parallel()
	errs, err := outcome(fault.List{fault.New(fault.Taken, "taken").At("slug"), fault.New(fault.Required, "needed").At("amount", "amount")})
	if err != nil || len(errs) != 2 {
		t.Fatalf("%v, %v", errs, err)
	}
	if f := errs[1].(*fault.Error).Field; fmt.Sprint(f) != "[input amount amount]" {
		t.Errorf("path %v", f)
	}
	if errs, err := outcome(fault.New(fault.Throttled, "later")); err == nil || errs != nil {
		t.Error("a refusal that no form can mend is data")
	}
	if errs, err := outcome(nil); err != nil || errs == nil || len(errs) != 0 {
		t.Error("no error is not an empty list")
	}
}

// Even past the scope of queries and the policies of Postgres, an operation of staff answers no people.
func TestStaff_TheNetAloneKeepsPeopleIn(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	_, _ = neighbours(serveOn(t, db))
	a := serveOn(t, db, withDB(pgtest.WithoutTenantPredicate(t, db.Admin)))
	a.exec(`UPDATE igny8_payments SET status = 'pending'`)
	ans := a.logIn("staff@example.com").do(`{ paymentQueue { nodes { account { name owner { email } } } } }`, nil).ok()
	if len(ans.get("paymentQueue.nodes").([]any)) != 2 || strings.Contains(ans.text, "@example.com") {
		t.Errorf("%s", ans.text)
	}
}

// An editor who was not granted a site finds it nowhere: not by its id, in no list, count, ledger or change.
func TestEditor_FindsGrantedSitesAlone(t *testing.T) {
	t.Parallel()
	a := serve(t)
	owner := a.signUp("owner@example.com", "Owner")
	a.setPlan(owner, "growth")
	editor := owner.member("editor@example.com", account.Editor)
	hidden := owner.do(createSite, input(map[string]any{"name": "Hidden", "domain": "h.example.com"})).ok().get("createSite.site.id")
	own := editor.do(createSite, input(map[string]any{"name": "Granted", "domain": "g.example.com"})).ok().get("createSite.site.id")
	a.exec(`INSERT INTO igny8_credit_transactions (tenant_id, seq, type, amount, balance_after, site_id, actor_kind, idempotency_key, created_at)
		SELECT tenant_id, 1 + row_number() OVER (ORDER BY id), 'deduction', -1, 1, id, 'system', 'site ' || id, now() FROM igny8_sites`)

	const query = `query($id: ID!) { site(id: $id) { name } node(id: $id) { id } creditTransactions(filter: { siteId: $id }) { totalCount nodes { seq } } }`
	ask := func(s *session, id any) string { return s.raw(t.Context(), s.token, query, map[string]any{"id": id}) }
	if got, nowhere := ask(editor, hidden), ask(editor, "site_987654321"); got != nowhere {
		t.Errorf("a site that was not granted: %s\none that never was: %s", got, nowhere)
	}
	if got := ask(editor, own); !strings.Contains(got, "Granted") || !strings.Contains(got, `"totalCount":1`) {
		t.Errorf("the editor's own site: %s", got)
	}
	editor.do(`{ sites { totalCount nodes { name } } creditTransactions { totalCount nodes { site { name } } } }`, nil).ok().
		want("sites.totalCount", 1).want("sites.nodes.0.name", "Granted").want("creditTransactions.totalCount", 3).
		want("creditTransactions.nodes.1.site", "<nil>")
	editor.do(`mutation($in: UpdateSiteInput!) { updateSite(input: $in) { site { name } userErrors { code } } }`,
		input(map[string]any{"siteId": hidden, "name": "Taken"})).ok().want("updateSite.userErrors.0.code", "NOT_FOUND")
	owner.do(`{ sites { totalCount } }`, nil).ok().want("sites.totalCount", 2)
}
