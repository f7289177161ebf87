package graph

import (
	"fmt"
	"strings"

	"igny8.com/accounts/internal/postgres/pgtest"
)

// keyDirectory leads from what a key says to one account.
const keyDirectory = "igny8_api_key_directory"

// reflect makes the database with the caller's mirror: every row of the caller's again, under the same
// numbers, before the caller's own in the table's file or behind them. Payments and receipts stand behind in
// both, because staff name one by its number alone.
func (w *neighbourhood) reflect(before bool) *pgtest.DB {
	w.t.Helper()
	db := pgtest.Copy(w.t, w.alone)
	s := &stage{api: &api{t: w.t, db: db}, w: w}
	tables := append([]string{"igny8_tenants"}, s.tenantTables()...)
	// Keys and triggers stay off: the copy is as whole as the original.
	script := []string{"SET session_replication_role = replica"}
	for _, table := range tables {
		script = append(script, w.again(s, table, before && table != "igny8_payments" && table != "igny8_receipts" && table != keyDirectory)...)
	}
	conn, err := db.Admin.Pool.Acquire(w.t.Context())
	for _, statement := range script {
		if err == nil {
			_, err = conn.Exec(w.t.Context(), statement)
		}
	}
	if err != nil {
		w.t.Fatal(err)
	}
	conn.Release()
	for _, table := range tables[1:] {
		count := `SELECT count(*) FROM ` + table + ` WHERE tenant_id = ?`
		own, again := scan[int](s.api, count, w.caller), scan[int](s.api, count, w.mirror)
		if own != again && table != keyDirectory {
			w.t.Errorf("%s: the mirror has %d rows of %d", table, again, own)
		}
		if own == 0 {
			w.t.Errorf("%s: the caller has nothing, so the sweep shows nothing of it; see fill in sweep_caller_test.go", table)
		}
	}
	// What comes next has its number or key at the mirror already: a ticket to restore the account, and the
	// grant of the next account's trial.
	s.exec(`INSERT INTO igny8_mail_tokens (tenant_id, id, purpose, user_id, email, token_hash, created_at, expires_at)
		SELECT tenant_id, (SELECT last_value + 1 FROM igny8_mail_tokens_id_seq), purpose, user_id, email, token_hash, created_at, expires_at
		FROM igny8_mail_tokens WHERE tenant_id = ? AND purpose = 'restore_account'`, w.mirror)
	s.exec(`UPDATE igny8_credit_transactions SET idempotency_key = 'period:' || (SELECT last_value + 1 FROM igny8_subscription_periods_id_seq)
		WHERE tenant_id = ? AND seq = 1`, w.mirror)
	db.Freeze(w.t)
	return db
}

// again are the statements that give a table the mirror's rows.
func (w *neighbourhood) again(s *stage, table string, before bool) []string {
	w.t.Helper()
	tenant := "tenant_id"
	if table == "igny8_tenants" {
		tenant = "id"
	}
	columns := scan[string](s.api, `SELECT string_agg(quote_ident(column_name), ', ') FROM information_schema.columns
		WHERE table_schema = 'public' AND table_name = ? AND is_generated = 'NEVER'`, table)
	where := fmt.Sprintf("WHERE %s = %d", tenant, w.caller)
	own := fmt.Sprintf("INSERT INTO %s (%s) SELECT %s FROM own", table, columns, columns)
	mirrored := fmt.Sprintf(`INSERT INTO %[1]s (%[2]s) SELECT %[3]s FROM own, jsonb_populate_record(NULL::%[1]s,
		replace(replace(to_jsonb(own)::text, '%[4]s', '%[5]s'), upper('%[4]s'), upper('%[5]s'))::jsonb || '{"%[6]s": %[7]d}') AS m
		ON CONFLICT DO NOTHING`,
		table, columns, "m."+strings.ReplaceAll(columns, ", ", ", m."), ownWord, mirrorWord, tenant, w.mirror)
	order := [2]string{own, mirrored}
	if before {
		order = [2]string{mirrored, own}
	}
	return []string{
		fmt.Sprintf("CREATE TEMP TABLE own AS SELECT %s FROM %s %s", columns, table, where), fmt.Sprintf("DELETE FROM %s %s", table, where),
		// Without a gap in its file, a table keeps rows in the order in which they come.
		"VACUUM FULL " + table, order[0], order[1], "DROP TABLE own",
	}
}
