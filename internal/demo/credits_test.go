package demo_test

import "testing"

func TestLoad_WritesTheSystemAccountsLedger(t *testing.T) {
	t.Parallel()
	db := loaded(t)
	check(t, db, `SELECT count(*), sum(amount)::bigint, (sum(amount) FILTER (WHERE type = 'opening'))::bigint FROM igny8_credit_transactions WHERE tenant_id = 5`,
		"280 | 454 | 10000")
	check(t, db, `
		SELECT seq, type, amount, balance_after, operation, quantity, description, metadata
		FROM igny8_credit_transactions WHERE tenant_id = 5 AND seq >= 278 ORDER BY seq DESC`,
		"280 | deduction | -2 | 454 | image_prompt_extraction | 1 | image_prompt_extraction | map[]",
		"279 | deduction | -2 | 456 | image_prompt_extraction | 1 | image_prompt_extraction | map[]",
		"278 | deduction | -2 | 458 | image_prompt_extraction | 1 | image_prompt_extraction | map[]",
	)
	check(t, db, `
		SELECT seq, type, amount, balance_after, operation, metadata
		FROM igny8_credit_transactions WHERE tenant_id = 5 AND seq = 1`,
		"1 | opening | 10000 | 10000 | <nil> | map[]")
	check(t, db, `
		SELECT count(*), sum(amount)::bigint, min(amount), max(amount), count(operation), count(quantity), count(DISTINCT metadata), min(metadata ->> 'reconstructed')
		FROM igny8_credit_transactions WHERE tenant_id = 5 AND seq BETWEEN 2 AND 277 AND type = 'deduction'`,
		"276 | -9540 | -35 | -34 | 0 | 0 | 1 | true")
}

func TestLoad_OpensTheOtherLedgersWithTheirBalance(t *testing.T) {
	t.Parallel()
	db := loaded(t)
	check(t, db, `
		SELECT tenant_id, seq, type, amount, balance_after, operation
		FROM igny8_credit_transactions WHERE tenant_id <> 5 ORDER BY tenant_id`,
		"14 | 1 | opening | 8000 | 8000 | <nil>",
		"29 | 1 | opening | 8000 | 8000 | <nil>",
		"30 | 1 | opening | 100 | 100 | <nil>",
	)
	check(t, db, `
		SELECT tenant_id, kind, amount, remaining, priority, period_id, payment_id, expires_at, granted_at
		FROM igny8_credit_grants ORDER BY tenant_id`,
		"5 | opening | 10000 | 454 | 40 | <nil> | <nil> | <nil> | 2027-01-31T12:30:15.123456Z",
		"14 | opening | 8000 | 8000 | 40 | <nil> | <nil> | <nil> | 2027-01-31T12:30:15.123456Z",
		"29 | opening | 8000 | 8000 | 40 | <nil> | <nil> | <nil> | 2027-01-31T12:30:15.123456Z",
		"30 | opening | 100 | 100 | 40 | <nil> | <nil> | <nil> | 2027-01-31T12:30:15.123456Z",
	)
}

func TestLoad_LeavesEveryLedgerAddingUp(t *testing.T) {
	t.Parallel()
	db := loaded(t)
	check(t, db, `
		SELECT c.tenant_id, c.balance, c.last_seq,
		       (SELECT coalesce(sum(amount), 0)::bigint FROM igny8_credit_transactions l WHERE l.tenant_id = c.tenant_id),
		       (SELECT coalesce(sum(remaining), 0)::bigint FROM igny8_credit_grants g WHERE g.tenant_id = c.tenant_id),
		       (SELECT coalesce(sum(amount), 0)::bigint FROM igny8_credit_transaction_grants p WHERE p.tenant_id = c.tenant_id)
		FROM igny8_credit_accounts c ORDER BY c.tenant_id`,
		"5 | 454 | 280 | 454 | 454 | 454",
		"14 | 8000 | 1 | 8000 | 8000 | 8000",
		"28 | 0 | 0 | 0 | 0 | 0",
		"29 | 8000 | 1 | 8000 | 8000 | 8000",
		"30 | 100 | 1 | 100 | 100 | 100",
	)
	// A line that breaks any rule of the ledger is listed.
	check(t, db, `
		SELECT tenant_id, seq FROM (
			SELECT l.*,
			       row_number() OVER ledger AS place,
			       coalesce(lag(balance_after) OVER ledger, 0) AS balance_before,
			       lag(created_at) OVER ledger AS previous_at,
			       lag(id) OVER ledger AS previous_id,
			       (SELECT sum(p.amount) FROM igny8_credit_transaction_grants p
			        WHERE p.tenant_id = l.tenant_id AND p.transaction_id = l.id) AS parts
			FROM igny8_credit_transactions l
			WINDOW ledger AS (PARTITION BY tenant_id ORDER BY seq)
		) AS line
		WHERE seq <> place OR balance_after <> balance_before + amount OR parts IS DISTINCT FROM amount
		   OR created_at < previous_at OR id < previous_id OR idempotency_key <> 'opening:' || seq
		   OR actor_kind <> 'system' OR actor_id IS NOT NULL OR site_id IS NOT NULL OR description = ''`)
	// And the amounts that a grant lost and got back are what is missing of it.
	check(t, db, `
		SELECT g.tenant_id FROM igny8_credit_grants g
		WHERE g.remaining <> (SELECT sum(p.amount) FROM igny8_credit_transaction_grants p
		                      WHERE p.tenant_id = g.tenant_id AND p.grant_id = g.id)`)
}
