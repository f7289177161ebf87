package pgtest

import "testing"

func TestDropTenantPredicates_TakesOutTheAccountAndNothingElse(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`SELECT * FROM s WHERE ("site"."tenant_id" = 30) AND ("site"."id" = 5)`: `SELECT * FROM s WHERE (TRUE) AND ("site"."id" = 5)`,
		`SELECT * FROM s WHERE tenant_id = 30 AND id = 5`:                       `SELECT * FROM s WHERE TRUE AND id = 5`,
		`SELECT * FROM s WHERE id = 5 AND s.tenant_id='30'::bigint`:             `SELECT * FROM s WHERE id = 5 AND TRUE`,
		`select * from s where not tenant_id = 30`:                              `select * from s where not TRUE`,
		`SELECT * FROM s WHERE tenant_id = $1 AND id = $2`:                      `SELECT * FROM s WHERE $1::bigint IS NOT NULL AND id = $2`,
		`SELECT * FROM s WHERE tenant_id IN (30)`:                               `SELECT * FROM s WHERE TRUE`,
		`SELECT * FROM s WHERE ("s"."tenant_id" IN (30, 31)) AND (id IN (1))`:   `SELECT * FROM s WHERE (TRUE) AND (id IN (1))`,
		`SELECT * FROM s WHERE tenant_id = ANY ('{30,31}'::bigint[])`:           `SELECT * FROM s WHERE TRUE`,
		`SELECT * FROM s WHERE (tenant_id, id) IN ((30, 5), (30, 6))`:           `SELECT * FROM s WHERE (id) IN ((5), (6))`,
		`SELECT * FROM s WHERE ("s"."id", "s"."tenant_id") IN ((5, 30))`:        `SELECT * FROM s WHERE ("s"."id") IN ((5))`,
		`SELECT * FROM s WHERE (tenant_id, a, b) IN ((30, 5, 6))`:               `SELECT * FROM s WHERE (a, b) IN ((5, 6))`,
		`SELECT * FROM a JOIN b ON b.tenant_id = 30 AND b.a = a.id`:             `SELECT * FROM a JOIN b ON TRUE AND b.a = a.id`,
		`WITH x AS (SELECT 1 FROM s WHERE tenant_id = 30) SELECT * FROM x`:      `WITH x AS (SELECT 1 FROM s WHERE TRUE) SELECT * FROM x`,
		`UPDATE s SET name = 'n' WHERE (tenant_id = 30) AND (id = 5)`:           `UPDATE s SET name = 'n' WHERE (TRUE) AND (id = 5)`,
	} {
		if got := dropTenantPredicates(in); got != want {
			t.Errorf("%s\n got %s\nwant %s", in, got, want)
		}
	}
	for _, kept := range []string{
		`INSERT INTO s (tenant_id, id) VALUES (30, 5) ON CONFLICT (tenant_id, id) DO NOTHING`,
		`UPDATE s SET name = 'n', tenant_id = 30 WHERE id = 5`,
		`UPDATE s SET tenant_id = 30 WHERE id = 5`,
		`SELECT * FROM a JOIN b ON a.tenant_id = b.tenant_id AND a.id = b.a`,
		`SELECT tenant_id FROM s WHERE id = 5 ORDER BY tenant_id`,
		`SELECT * FROM t WHERE id = 30`,
		`SELECT * FROM s WHERE subtenant_id = 30`,
	} {
		if got := dropTenantPredicates(kept); got != kept {
			t.Errorf("%s\nbecame %s", kept, got)
		}
	}
}
