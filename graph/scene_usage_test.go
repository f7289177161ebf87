package graph

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"igny8.com/accounts/internal/account"
)

const (
	usage = `query($from: Date!, $to: Date!, $by: CreditUsageGroup!, $filter: CreditUsageFilter) {
		creditUsage(from: $from, to: $to, groupBy: $by, filter: $filter) { operation site { slug } start spent refunded total count quantity } }`
)

// newYear is when these scenes begin, so that months and days stand where they are expected.
var newYear = time.Date(2031, 1, 30, 12, 0, 0, 0, time.UTC)

// shop opens an account on a plan of several sites, which has this many, at the time.
func (a *api) shop(at time.Time, sites int) (owner *session, ids []string) {
	a.t.Helper()
	a.clock.nanos.Store(at.UnixNano())
	owner = a.signUp("ada@example.com", "Ada")
	a.setPlan(owner, "scale")
	for i := range sites {
		ids = append(ids, owner.do(createSite, input(map[string]any{
			"name": fmt.Sprintf("Shop %d", i), "slug": fmt.Sprintf("shop-%d", i), "domain": fmt.Sprintf("shop%d.example.com", i),
		})).ok().get("createSite.site.id").(string))
	}
	return owner, ids
}

// days go by; whoever is signed in stays so no longer.
func (s *session) days(n int) *session {
	s.t.Helper()
	s.clock.forward(time.Duration(n) * 24 * time.Hour)
	return s.logIn("ada@example.com")
}

func (s *session) spends(op string, quantity int, site any) string {
	s.t.Helper()
	ans := s.do(spend, input(map[string]any{
		"operation": op, "quantity": quantity, "siteId": site, "idempotencyKey": fmt.Sprintf("%s %d %v %d", op, quantity, site, s.clock.nanos.Load()),
	})).ok().want("spendCredits.userErrors", "[]")
	return ans.get("spendCredits.transaction.id").(string)
}

// buckets are creditUsage's, one as what=spent-refunded/count.
func (s *session) buckets(from, to, by string, filter map[string]any) string {
	s.t.Helper()
	ans := s.do(usage, map[string]any{"from": from, "to": to, "by": by, "filter": filter}).ok()
	told := []string{}
	for _, each := range ans.get("creditUsage").([]any) {
		b := each.(map[string]any)
		what := "none"
		for _, name := range []string{"operation", "start"} {
			if b[name] != nil {
				what = b[name].(string)
			}
		}
		if site, ok := b["site"].(map[string]any); ok {
			what = site["slug"].(string)
		}
		if b["total"].(float64) != b["spent"].(float64)-b["refunded"].(float64) {
			s.t.Errorf("it does not add up: %v", b)
		}
		told = append(told, fmt.Sprintf("%s=%v-%v/%v", what, b["spent"], b["refunded"], b["count"]))
	}
	return strings.Join(told, " ")
}

// What credits went into is told by operation, site, day and month, each day within the range counting.
func TestCreditUsage_TellsWhatCreditsWentInto(t *testing.T) {
	t.Parallel()
	a := serve(t)
	s, sites := a.shop(newYear, 2)
	s.spends("CLUSTERING", 1, sites[0])
	s = s.days(2) // in February
	line := s.spends("IMAGE_GENERATION", 3, sites[1])
	s.spends("IMAGE_GENERATION", 1, nil)
	s = s.days(1)
	s.do(refund, input(map[string]any{"transactionId": line, "amount": 5, "reason": "it failed", "idempotencyKey": "r"})).ok().
		want("refundCredits.userErrors", "[]")

	const from, to = "2031-01-30", "2031-02-02"
	for _, c := range []struct {
		from, to, by string
		filter       map[string]any
		want         string
	}{
		{from, to, "OPERATION", nil, "CLUSTERING=10-0/1 IMAGE_GENERATION=20-5/2"},
		{from, to, "SITE", nil, "shop-0=10-0/1 shop-1=15-5/1 none=5-0/1"},
		{from, to, "DAY", nil, "2031-01-30=10-0/1 2031-02-01=20-0/2 2031-02-02=0-5/0"},
		{from, to, "MONTH", nil, "2031-01-01=10-0/1 2031-02-01=20-5/2"},
		// Both days count, and no others.
		{"2031-02-01", "2031-02-01", "DAY", nil, "2031-02-01=20-0/2"},
		{"2031-01-31", "2031-02-01", "MONTH", nil, "2031-02-01=20-0/2"},
		{"2031-01-31", "2031-01-31", "DAY", nil, ""},
		{from, to, "DAY", map[string]any{"operation": "CLUSTERING"}, "2031-01-30=10-0/1"},
		{from, to, "OPERATION", map[string]any{"siteId": sites[1]}, "IMAGE_GENERATION=15-5/1"},
		{from, to, "OPERATION", map[string]any{"siteId": sites[1], "operation": "CLUSTERING"}, ""},
		{from, to, "SITE", map[string]any{"siteId": nil, "operation": nil}, "shop-0=10-0/1 shop-1=15-5/1 none=5-0/1"},
	} {
		if got := s.buckets(c.from, c.to, c.by, c.filter); got != c.want {
			t.Errorf("%s to %s by %s with %v: %q, want %q", c.from, c.to, c.by, c.filter, got, c.want)
		}
	}
	s.do(usage, map[string]any{"from": from, "to": to, "by": "OPERATION"}).ok().want("creditUsage.1.quantity", 4)
	s.do(usage, map[string]any{"from": from, "to": to, "by": "DAY"}).ok().want("creditUsage.1.quantity", "<nil>")
	s.do(usage, map[string]any{"from": "2031-01-01", "to": "2032-01-01", "by": "MONTH"}).ok() // 366 days
	for _, c := range [][3]string{{"2031-01-01", "2032-01-02", "to"}, {"2031-02-02", "2031-02-01", "to"}, {"0001-01-01", "9999-12-31", "to"}} {
		ans := s.do(usage, map[string]any{"from": c[0], "to": c[1], "by": "DAY"})
		ans.refused("BAD_USER_INPUT")
		if field := fmt.Sprint(ans.Errors[0].Extensions["field"]); field != "["+c[2]+"]" {
			t.Errorf("%s to %s blames %s: %s", c[0], c[1], field, ans.text)
		}
	}
	s.do(usage, map[string]any{"from": from, "to": to, "by": "DAY", "filter": map[string]any{"siteId": "user_1"}}).refused("INVALID_ID")
}

// Editors see all use, as they see the whole ledger, but by name only that of the sites granted to them; and
// a site of another account is one that never was.
func TestCreditUsage_NamesTheSitesThatOneReaches(t *testing.T) {
	t.Parallel()
	a := serve(t)
	s, sites := a.shop(newYear, 2)
	s.spends("CLUSTERING", 1, sites[0])
	s.spends("IMAGE_GENERATION", 3, sites[1])
	s.spends("IMAGE_GENERATION", 1, nil)
	editor := s.member("editor@example.com", account.Editor)
	a.exec(`INSERT INTO igny8_site_user_access (tenant_id, site_id, user_id) SELECT tenant_id, ?, id FROM igny8_users WHERE email = 'editor@example.com'`,
		strings.TrimPrefix(sites[1], "site_"))
	const day = "2031-01-30"
	for _, c := range []struct {
		filter any
		want   string
	}{
		{nil, "shop-1=15-0/1 none=15-0/2"},
		{sites[0], ""},
		{sites[1], "shop-1=15-0/1"},
	} {
		if got := editor.buckets(day, day, "SITE", map[string]any{"siteId": c.filter}); got != c.want {
			t.Errorf("with %v: %q, want %q", c.filter, got, c.want)
		}
	}
	if got := editor.buckets(day, day, "OPERATION", nil); got != "CLUSTERING=10-0/1 IMAGE_GENERATION=20-0/2" {
		t.Errorf("all operations: %s", got)
	}
	other := a.signUp("bob@example.com", "Bob")
	foreign := func(id string) string {
		return other.do(usage, map[string]any{"from": day, "to": day, "by": "SITE", "filter": map[string]any{"siteId": id}}).ok().text
	}
	if theirs, never := foreign(sites[0]), foreign("site_987654321"); theirs != never || !strings.Contains(theirs, `"creditUsage":[]`) {
		t.Errorf("another account's site answers %s, one that never was %s", theirs, never)
	}
	if got := other.buckets(day, day, "SITE", nil); got != "" {
		t.Errorf("another account uses %s", got)
	}
	// What is used for no site is not what is used for a site that is not there.
	if got := s.buckets(day, day, "SITE", map[string]any{"siteId": "site_987654321"}); got != "" {
		t.Errorf("for a site that never was: %s", got)
	}
}

func TestRunOut_TellsWhenCreditsAreUsedUp(t *testing.T) {
	t.Parallel()
	a := serve(t)
	const query = `{ account { credits { available runOut { at dailyRate } } } }`
	s, _ := a.shop(newYear, 0)
	s.do(query, nil).ok().want("account.credits.runOut", "<nil>")
	a.exec(`UPDATE igny8_credit_grants SET expires_at = NULL`)
	s.spends("CLUSTERING", 1, nil)
	s = s.days(3)
	s.spends("CLUSTERING", 1, nil)
	// 20 in three days; 1980 are left, which takes 297.
	ans := s.do(query, nil).ok().want("account.credits.runOut.dailyRate", 6.67)
	at := instantOf(t, ans.get("account.credits.runOut.at"))
	if want := newYear.AddDate(0, 0, 3+297); at.Sub(want).Abs() > time.Hour {
		t.Errorf("used up at %s, want %s", at, want)
	}
	// Ever more slowly it takes more than a year.
	s = s.days(7)
	s.do(query, nil).ok().want("account.credits.runOut.at", "<nil>").want("account.credits.runOut.dailyRate", 2)
	// The use of others is no business of whoever is no member.
	staff := a.staff()
	staff.do(`mutation($in: AdjustCreditsInput!) { adjustCredits(input: $in) { credits { runOut { at } } } }`,
		input(map[string]any{"accountId": s.accountID(), "amount": 1, "reason": "x", "idempotencyKey": "k"})).refused("FORBIDDEN")
}

// written are how many rows there are of all that these scenes' commands write, and the balances.
func (a *api) written() string {
	a.t.Helper()
	return scan[string](a, `SELECT concat_ws(' ', (SELECT count(*) FROM igny8_credit_transactions), (SELECT count(*) FROM igny8_credit_holds),
		(SELECT count(*) FROM igny8_credit_requests), (SELECT count(*) FROM igny8_credit_cost_config), (SELECT count(*) FROM igny8_audit_events),
		(SELECT string_agg(d::text, ' ' ORDER BY d::text) FROM igny8_credit_usage_days AS d), (SELECT string_agg(b::text, ' ' ORDER BY b::text) FROM igny8_site_budgets AS b),
		(SELECT string_agg(c::text, ' ' ORDER BY c::text) FROM igny8_credit_accounts AS c))`)
}
