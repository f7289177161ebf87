package graph

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/postgres/pgtest"
)

// Two pages, because use and the account both ask for sites and run beside each other.
const (
	usagePage = `query($from: Date!, $to: Date!) {
	creditUsage(from: $from, to: $to, groupBy: SITE) { site { name industry { name } budget { left } } total } }`
	budgetsPage = `{ account { credits { runOut { at dailyRate } }
		sites(first: 100) { nodes { name budget { monthlyCredits used held left resetsAt } removedSectors { name site { name } industrySector { name } } } }
		ledger(first: 100) { nodes { seq grants { amount grant { kind remaining } } } } }
	creditCosts { operation credits next { credits next { credits } } } }`
)

// Use, budgets, removed sectors and the grants of lines cost no statement a site more on a hundred sites than on one.
func TestUsage_CostsNoStatementASite(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	tracer, counter := pgtest.CountPool()
	counted, err := postgres.Open(t.Context(), postgres.Config{URL: db.URL("igny8_app"), Tracer: tracer})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(counted.Close)
	a := serveOn(t, db, func(r *Resolver, _ *Config, _ *func(http.Handler) http.Handler) { r.DB = counted })
	s := a.signUp("ada@example.com", "Ada")
	tenant := s.accountNumber()
	fill := func(from, to int) {
		t.Helper()
		for _, statement := range []string{
			`INSERT INTO igny8_sites (tenant_id, name, slug, industry_id) SELECT ?0, 'Site ' || n, 'site-' || n, 1 FROM generate_series(?1::int, ?2::int) n`,
			`INSERT INTO igny8_site_budgets (tenant_id, site_id, monthly_credits, updated_at) SELECT tenant_id, id, 100, now() FROM igny8_sites
				WHERE tenant_id = ?0 AND substr(slug, 6)::int BETWEEN ?1 AND ?2`,
			`INSERT INTO igny8_sectors (tenant_id, site_id, industry_id, industry_sector_id, name, deleted_at, restore_until)
				SELECT tenant_id, id, 1, 1, 'Gone', now(), now() + interval '1 day' FROM igny8_sites WHERE tenant_id = ?0 AND substr(slug, 6)::int BETWEEN ?1 AND ?2`,
			`INSERT INTO igny8_credit_usage_days (tenant_id, day, site_id, operation, deducted, refunded, quantity, operations)
				SELECT tenant_id, (now() AT TIME ZONE 'UTC')::date, id, 'clustering', 10, 3, 1, 1 FROM igny8_sites
				WHERE tenant_id = ?0 AND substr(slug, 6)::int BETWEEN ?1 AND ?2`,
			`INSERT INTO igny8_credit_transactions (tenant_id, seq, type, amount, balance_after, actor_kind, idempotency_key, created_at)
				SELECT ?0, n + 1, 'deduction', -1, 5000, 'system', 'n:' || n, now() FROM generate_series(?1::int, ?2::int) n`,
			`INSERT INTO igny8_credit_transaction_grants (tenant_id, transaction_id, grant_id, amount)
				SELECT ?0, t.id, g.id, -1 FROM igny8_credit_transactions t JOIN igny8_credit_grants g ON g.tenant_id = t.tenant_id
				WHERE t.tenant_id = ?0 AND t.seq - 1 BETWEEN ?1 AND ?2`,
			`INSERT INTO igny8_credit_cost_config (operation, credits, unit_size, effective_from)
				SELECT 'clustering', n, 1, now() + n * interval '1 hour' FROM generate_series(?1::int, ?2::int) n`,
		} {
			a.exec(statement, tenant, from, to)
		}
	}
	day := func(days int) string { return time.Now().UTC().AddDate(0, 0, days).Format(time.DateOnly) }
	statements := func(sites int) int {
		t.Helper()
		counter.Reset()
		use := s.do(usagePage, map[string]any{"from": day(-1), "to": day(1)}).ok().want("creditUsage.0.total", 7).want("creditUsage.0.site.budget.left", 93)
		ans := s.do(budgetsPage, nil).ok().want("account.sites.nodes.0.budget.left", 93)
		if n, m := len(use.get("creditUsage").([]any)), len(ans.get("account.sites.nodes").([]any)); n != sites || m != sites {
			t.Fatalf("%d sites are used and %d are there, want %d", n, m, sites)
		}
		ans.want("account.sites.nodes.0.removedSectors.0.site.name", "Site 1").want("account.ledger.nodes.0.grants.0.grant.kind", "TRIAL").
			want("account.credits.runOut.dailyRate", 7*sites).want("creditCosts.0.next.credits", 1)
		return counter.N()
	}
	fill(1, 1)
	one := statements(1)
	fill(2, 100)
	if hundred := statements(100); hundred != one {
		t.Errorf("%d statements for one site, %d for a hundred:\n%s", one, hundred, strings.Join(counter.Statements(), "\n"))
	}
	t.Logf("both pages take %d statements", one)
}
