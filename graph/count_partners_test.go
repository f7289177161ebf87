package graph

import (
	"net/http"
	"strings"
	"testing"

	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/postgres/pgtest"
)

const partners = `{ account { sites(first: 100) { nodes { name grantedUsers { email } apiKeys { name status site { slug } } wordPress { url }
		syncEvents(first: 2) { totalCount nodes { message actor { apiKey { name } user { email } } } } } }
	invitations(first: 100) { nodes { email invitedBy { email } } }
	auditEvents(first: 100) { nodes { action impersonation { reason } actor { user { email } apiKey { name } } } } } }`

// What partners do on a hundred sites costs no statement a site more to read than on one.
func TestPartners_CostNoStatementASite(t *testing.T) {
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
			`INSERT INTO igny8_sites (tenant_id, name, slug) SELECT ?0, 'Site ' || n, 'site-' || n FROM generate_series(?1::int, ?2::int) n`,
			`INSERT INTO igny8_users (tenant_id, email, role) SELECT ?0, 'editor' || n || '@example.com', 'editor' FROM generate_series(?1::int, ?2::int) n`,
			`INSERT INTO igny8_site_user_access (tenant_id, site_id, user_id) SELECT s.tenant_id, s.id, u.id FROM igny8_sites s
				JOIN igny8_users u ON u.tenant_id = s.tenant_id AND u.email = 'editor' || substr(s.slug, 6) || '@example.com'
				WHERE s.tenant_id = ?0 AND substr(s.slug, 6)::int BETWEEN ?1 AND ?2`,
			`INSERT INTO igny8_site_api_keys (tenant_id, site_id, name, public_id, hash, hash_key_id, scopes, created_at)
				SELECT tenant_id, id, 'Key', slug, 'hash', 'v1', '{sync}', now() FROM igny8_sites
				WHERE tenant_id = ?0 AND substr(slug, 6)::int BETWEEN ?1 AND ?2`,
			`INSERT INTO igny8_wordpress_connections (tenant_id, site_id, url, username, sealed, key_id, connected_at, updated_at)
				SELECT tenant_id, id, 'https://' || slug || '.example.com', 'ada', 'sealed', 'v1', now(), now() FROM igny8_sites
				WHERE tenant_id = ?0 AND substr(slug, 6)::int BETWEEN ?1 AND ?2`,
			`INSERT INTO igny8_sync_events (tenant_id, site_id, kind, direction, outcome, items, message, external_id, fingerprint, actor_kind, actor_id,
					occurred_at, created_at)
				SELECT k.tenant_id, k.site_id, 'publish', 'to_site', 'succeeded', 1, 'Event ' || n, 'e' || n, 'x', 'api_key', k.id, now(), now()
				FROM igny8_site_api_keys k CROSS JOIN generate_series(1, 3) n
				WHERE k.tenant_id = ?0 AND substr(k.public_id, 6)::int BETWEEN ?1 AND ?2`,
			`INSERT INTO igny8_invitations (tenant_id, email, role, token_hash, invited_by, created_at, expires_at)
				SELECT ?0, 'guest' || n || '@example.com', 'viewer', 'hash', (SELECT owner_id FROM igny8_tenants WHERE id = ?0), now(), now() + interval '1 day'
				FROM generate_series(?1::int, ?2::int) n`,
			`INSERT INTO igny8_impersonations (tenant_id, staff_tenant, staff_id, session_id, reason, created_at, expires_at)
				SELECT ?0, 1, n, 1, 'Reason ' || n, now(), now() + interval '1 minute' FROM generate_series(?1::int, ?2::int) n`,
			`INSERT INTO igny8_audit_events (tenant_id, action, subject_type, subject_id, actor_kind, actor_id, impersonation_id, created_at)
				SELECT ?0, 'site.updated', 'site', 1, 'staff', staff_id, id, now() FROM igny8_impersonations
				WHERE tenant_id = ?0 AND staff_id BETWEEN ?1 AND ?2`,
		} {
			a.exec(statement, tenant, from, to)
		}
	}
	statements := func(sites int) int {
		t.Helper()
		counter.Reset()
		ans := s.do(partners, nil).ok()
		if n := len(ans.get("account.sites.nodes").([]any)); n != sites {
			t.Fatalf("%d sites, want %d", n, sites)
		}
		ans.want("account.sites.nodes.0.syncEvents.totalCount", 3).want("account.sites.nodes.0.syncEvents.nodes.0.message", "Event 3").
			want("account.sites.nodes.0.syncEvents.nodes.1.message", "Event 2").
			want("account.sites.nodes.0.grantedUsers.0.email", "editor1@example.com").
			want("account.auditEvents.nodes.0.impersonation.reason", "Reason "+map[int]string{1: "1", 100: "100"}[sites])
		return counter.N()
	}
	fill(1, 1)
	one := statements(1)
	fill(2, 100)
	// People and keys are asked for on several levels of the answer, which run beside each other: which of
	// them meet in one statement is a matter of moments, and of no row more.
	const levels = 3
	if hundred := statements(100); hundred > one+levels {
		t.Errorf("%d statements for one site, %d for a hundred:\n%s", one, hundred, strings.Join(counter.Statements(), "\n"))
	}
	t.Logf("the partners' page takes %d statements", one)
}
