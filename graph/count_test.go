package graph

import (
	"net/http"
	"strings"
	"testing"

	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/postgres/pgtest"
)

const dashboard = `{ account { name plan { name } owner { email } credits { balance grants { remaining } }
	subscription { status currentPeriodStart currentPeriodEnd periods { nodes { kind plan { slug } } } }
	sites(first: 100) { nodes { name industry { name sectors { name } } sectors { name site { name } industrySector { name industry { slug } } } } }
	ledger(first: 100) { nodes { seq amount site { name } actor { user { email } } } }
	payments(first: 100) { nodes { reference plan { slug } account { name } invoice { number lines { description } } } } } }`

// The dashboard costs the same number of statements for one site as for a hundred.
func TestDashboard_CostsTheSameStatementsForOneSiteAndForAHundred(t *testing.T) {
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
	statements := func(sites int) int {
		t.Helper()
		counter.Reset()
		ans := s.do(dashboard, nil).ok()
		if n := len(ans.get("account.sites.nodes").([]any)); n != sites {
			t.Fatalf("%d sites, want %d", n, sites)
		}
		if n := len(ans.get("account.sites.nodes.0.sectors").([]any)); n != 3 {
			t.Fatalf("%d sectors", n)
		}
		if n := len(ans.get("account.ledger.nodes").([]any)); n != min(sites+1, 100) {
			t.Fatalf("%d lines", n)
		}
		return counter.N()
	}
	fill := func(from, to int) {
		t.Helper()
		a.exec(`INSERT INTO igny8_sites (tenant_id, name, slug, domain, industry_id)
			SELECT ?0, 'Site ' || n, 'site-' || n, 's' || n || '.example.com', 1 + n % 2 FROM generate_series(?1::int, ?2::int) n`, tenant, from, to)
		a.exec(`INSERT INTO igny8_sectors (tenant_id, site_id, industry_id, industry_sector_id, name)
			SELECT s.tenant_id, s.id, s.industry_id, i.id, i.name FROM igny8_sites s
			CROSS JOIN LATERAL (SELECT id, name FROM igny8_industry_sectors WHERE industry_id = s.industry_id ORDER BY id LIMIT 3) i
			WHERE s.tenant_id = ? AND NOT EXISTS (SELECT FROM igny8_sectors x WHERE x.tenant_id = s.tenant_id AND x.site_id = s.id)`, tenant)
		a.exec(`INSERT INTO igny8_credit_transactions (tenant_id, seq, type, amount, balance_after, site_id, actor_kind, actor_id, idempotency_key, created_at)
			SELECT s.tenant_id, 1 + row_number() OVER (ORDER BY s.id) + ?1, 'deduction', -1, 5000, s.id, 'user', u.id, 'site:' || s.id, now()
			FROM igny8_sites s JOIN igny8_users u ON u.tenant_id = s.tenant_id
			WHERE s.tenant_id = ?0 AND NOT EXISTS (SELECT FROM igny8_credit_transactions x WHERE x.tenant_id = s.tenant_id AND x.site_id = s.id)`, tenant, from-1)
		a.exec(`INSERT INTO igny8_payments (tenant_id, method, plan_id, months, net_minor, amount_minor, currency, reference, requested_by, expires_at)
			SELECT ?0, 'bank_transfer', 2, 1, 8900, 8900, 'USD', 'R' || n, (SELECT owner_id FROM igny8_tenants WHERE id = ?0), now()
			FROM generate_series(?1::int, ?2::int) n`, tenant, from, to)
	}
	fill(1, 1)
	one := statements(1)
	fill(2, 100)
	hundred := statements(100)
	if one != hundred {
		t.Errorf("%d statements for one site, %d for a hundred:\n%s", one, hundred, strings.Join(counter.Statements(), "\n"))
	}
	t.Logf("the dashboard takes %d statements", one)
}
