package graph

import (
	"fmt"
	"maps"
	"strconv"
	"strings"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/auth"
)

// settle makes the caller's account: of each thing one to keep, and one for each command that takes it
// away. As many sites, people, sectors and keys are there as let a limit show what is counted.
func (w *neighbourhood) settle(a *stage, staff *session) {
	w.t.Helper()
	owner := a.signUp(ownWord+"@example.com", ownWord+" owner")
	w.caller = owner.accountNumber()
	opened := furnish(staff, owner, ownWord)
	w.headers["key"] = map[string]string{"X-API-Key": opened.key}
	w.bear("owner", owner.token)
	w.bear("impersonator", opened.impersonation)
	w.bear("admin", owner.member(ownWord+"-admin@example.com", account.Admin).token)
	w.bear("viewer", owner.member(ownWord+"-viewer@example.com", account.Viewer).token)
	w.bear("editor", a.logIn(ownWord+"-editor@example.com").token)
	elsewhere := a.logIn(ownWord + "@example.com")
	w.tokens["refresh"], w.tokens["logOut"] = elsewhere.refresh, a.logIn(ownWord+"@example.com").refresh
	a.logIn(ownWord + "@example.com") // the session to revoke
	w.enrich(a, owner, ownWord)
	site := a.idsOf("site", w.caller, "")[0]
	done := func(mutation, name string, in map[string]any) *answer {
		w.t.Helper()
		return owner.do(mutation, input(in)).ok().want(name+".userErrors", "[]")
	}
	for i := range 3 {
		word := fmt.Sprintf("%s %d", ownWord, i)
		done(reserve, "reserveCredits", map[string]any{"operation": "CLUSTERING", "quantity": 1, "siteId": site, "idempotencyKey": word})
		done(requestTransfer, "requestBankTransfer", map[string]any{"planSlug": "starter", "months": 1, "idempotencyKey": word})
		done(bareMutation("inviteMember"), "inviteMember", map[string]any{"email": fmt.Sprintf("%s-guest-%d@example.com", ownWord, i), "role": "EDITOR", "siteIds": []any{site}})
		// These keys are the mirror's as well.
		a.asKey(opened.key, bareMutation("recordSyncEvent"), input(w.syncEvent(strconv.Itoa(i))))
	}
	// Staff name a payment by its number alone, so that one of which a part comes is written by nothing before.
	done(requestTransfer, "requestBankTransfer", map[string]any{"planSlug": "starter", "months": 1, "idempotencyKey": ownWord + " in parts"})
	done(spend, "spendCredits", map[string]any{"operation": "CLUSTERING", "siteId": site, "idempotencyKey": "1"})
	spent := strings.TrimPrefix(a.idsOf("ctx", w.caller, "type = 'deduction'")[0], "ctx_")
	done(refund, "refundCredits", map[string]any{"transactionId": "ctx_" + spent, "amount": 3, "reason": ownWord, "idempotencyKey": "1"})
	done(reserve, "reserveCredits", map[string]any{"operation": "CLUSTERING", "quantity": 1, "siteId": site, "idempotencyKey": "over"})
	done(bareMutation("requestEmailVerification"), "requestEmailVerification", map[string]any{})
	a.do("", bareMutation("requestPasswordReset"), input(map[string]any{"email": ownWord + "-viewer@example.com"})).ok()
	w.fill(a, strings.TrimPrefix(site, "site_"))

	maps.Copy(w.tokens, w.letters(w.t, a.r, a.db.Admin))
	n := w.caller
	w.own = w.inventory(a, n)
	w.own["other session"] = []string{fmt.Sprintf("sess_%d", scan[int64](a.api, `SELECT max(id) FROM igny8_sessions WHERE tenant_id = ? AND user_id = ?`, n, scan[int64](a.api, `SELECT owner_id FROM igny8_tenants WHERE id = ?`, n)))}
	maps.Copy(w.ownCursors, w.pages(a, owner.token, staff.token, w.own))
}

// syncEvent is a report of the caller's key.
func (w *neighbourhood) syncEvent(id string) map[string]any {
	return map[string]any{
		"kind": "PUBLISH", "direction": "TO_SITE", "outcome": "SUCCEEDED", "message": ownWord, "details": map[string]any{"title": ownWord}, "externalId": id,
	}
}

// fill puts as much into the caller's account as lets each limit show what is counted, and what only
// time makes: all that is over and not yet swept.
func (w *neighbourhood) fill(a *stage, site string) {
	w.t.Helper()
	n, word := w.caller, ownWord
	for _, statement := range []string{
		`UPDATE igny8_payments SET declared_at = created_at, sent_on = created_at::date, payer_name = ?1 WHERE tenant_id = ?0 AND id = (SELECT max(id) FROM igny8_payments)`,
		`INSERT INTO igny8_sites (tenant_id, name, slug, domain, status) SELECT ?0, ?1 || i, ?1 || '-' || i, ?1 || '-' || i || '.example.com', 'active' FROM generate_series(1, 10) AS i`,
		`INSERT INTO igny8_users (tenant_id, email, name, role) SELECT ?0, ?1 || '-' || i || '@example.com', ?1, 'viewer' FROM generate_series(1, 10) AS i`,
		`INSERT INTO igny8_sectors (tenant_id, site_id, industry_id, industry_sector_id, name) SELECT ?0, ?2, 1, i, ?1 FROM generate_series(3, 4) AS i`,
		`INSERT INTO igny8_sectors (tenant_id, site_id, industry_id, industry_sector_id, name, deleted_at, restore_until) SELECT ?0, ?2, 1, 6, ?1, deleted_at, restore_until FROM igny8_sectors WHERE tenant_id = ?0 AND deleted_at IS NOT NULL`,
		// Keys that work, of which half have a successor.
		`INSERT INTO igny8_site_api_keys (tenant_id, site_id, name, public_id, hash, hash_key_id, scopes, created_by, created_at, rotated_to)
			SELECT tenant_id, site_id, name, ?1 || i, hash, hash_key_id, scopes, created_by, created_at, CASE WHEN i > 12 THEN id END FROM igny8_site_api_keys, generate_series(1, 24) AS i WHERE tenant_id = ?0`,
		`UPDATE igny8_site_api_keys SET last_used_at = created_at - interval '1 hour' WHERE tenant_id = ?0`,
		`INSERT INTO igny8_invitations (tenant_id, email, role, token_hash, invited_by, created_at, expires_at, revoked_at)
			SELECT tenant_id, ?1 || '-was-' || i || '@example.com', role, token_hash, invited_by, created_at, expires_at, created_at FROM igny8_invitations, generate_series(1, 60) AS i
			WHERE tenant_id = ?0 AND email = ?1 || '-guest@example.com'`,
		`UPDATE igny8_credit_holds SET created_at = created_at - interval '1 day', expires_at = created_at - interval '1 hour' WHERE tenant_id = ?0 AND id = (SELECT max(id) FROM igny8_credit_holds)`,
		`INSERT INTO igny8_site_budgets (tenant_id, site_id, monthly_credits, updated_at) SELECT tenant_id, id, 10000, created_at FROM igny8_sites WHERE tenant_id = ?0 AND id = ?2`,
		`UPDATE igny8_credit_accounts SET has_budgets = true WHERE tenant_id = ?0`,
		// The mirror's has the same name at Stripe.
		`UPDATE igny8_subscriptions SET stripe_subscription_id = 'sub_same' WHERE tenant_id = ?0`,
		`INSERT INTO igny8_balance_transactions (tenant_id, seq, type, amount_minor, balance_after, currency, description, payment_id, created_at)
			SELECT tenant_id, 1, 'excess', 100, 100, 'USD', ?1, id, created_at FROM igny8_payments WHERE tenant_id = ?0 AND status = 'confirmed' ORDER BY id LIMIT 1`,
		`INSERT INTO igny8_credit_debts (tenant_id, amount, debt_after, payment_id, created_at) SELECT tenant_id, 1, 1, max(id), max(created_at) FROM igny8_payments WHERE tenant_id = ?0 GROUP BY tenant_id`,
		`UPDATE igny8_credit_accounts SET debt = 1 WHERE tenant_id = ?0`,
		`INSERT INTO igny8_refunds (tenant_id, payment_id, credit_note_id, amount_minor, balance_minor, currency, ended_time, credits_taken, credits_owed, created_at)
			SELECT tenant_id, payment_id, id, 0, 0, 'USD', false, 1, 1, issued_at FROM igny8_invoices WHERE tenant_id = ?0 AND kind = 'invoice'`,
		`INSERT INTO igny8_payment_approvals (tenant_id, payment_id, kind, external_id, amount_minor, currency, received_on, approved_by, created_at)
			SELECT tenant_id, id, 'confirmation', ?1 || ' said', amount_minor, currency, created_at::date, requested_by, created_at FROM igny8_payments WHERE tenant_id = ?0`,
		// Somebody said before what staff say of the first receipt.
		`INSERT INTO igny8_payment_approvals (tenant_id, payment_id, kind, receipt_id, external_id, amount_minor, currency, approved_by, created_at)
			SELECT r.tenant_id, payment_id, 'return', r.id, ?1 || ' back', r.amount_minor - r.used_minor, r.currency, requested_by, r.created_at
			FROM igny8_receipts AS r JOIN igny8_payments AS p ON p.tenant_id = r.tenant_id AND p.id = r.payment_id WHERE r.tenant_id = ?0`,
		`INSERT INTO igny8_billing_notices (tenant_id, kind, for_at, created_at)
			SELECT tenant_id, 'renewal', max(end_at), min(created_at) FROM igny8_subscription_periods WHERE tenant_id = ?0 GROUP BY tenant_id`,
		`INSERT INTO igny8_stripe_customers (customer_id, tenant_id, livemode, created_at) SELECT ?1, id, false, created_at FROM igny8_tenants WHERE id = ?0`,
		`INSERT INTO igny8_stripe_checkouts (tenant_id, session_id, mode, plan_id, status, idempotency_key, fingerprint, created_by, created_at, expires_at, updated_at)
			SELECT id, ?1, 'subscription', plan_id, 'complete', ?1, '', owner_id, created_at AS began, created_at AS ends, created_at FROM igny8_tenants WHERE id = ?0`,
		`INSERT INTO igny8_stripe_subscriptions (tenant_id, subscription_id, customer_id, status, cancelling, plan_slug, amount_minor, currency, version, seen_at, created_at)
			SELECT id, 'sub_same', ?1, 'active', true, 'starter', 8900, 'USD', 1, created_at, created_at FROM igny8_tenants WHERE id = ?0`,
		`INSERT INTO igny8_stripe_invoices (tenant_id, invoice_id, subscription_id, status, amount_minor, currency, seen_at)
			SELECT id, ?1, 'sub_same', 'open', 8900, 'USD', created_at FROM igny8_tenants WHERE id = ?0`,
		`INSERT INTO igny8_stripe_refunds (tenant_id, refund_id, payment_id, amount_minor, currency, created_at)
			SELECT tenant_id, ?1, min(id), 100, 'USD', min(created_at) FROM igny8_payments WHERE tenant_id = ?0 GROUP BY tenant_id`,
		`INSERT INTO igny8_stripe_pushes (tenant_id, kind, subscription_id, wanted, status, created_at, updated_at)
			SELECT id, wish, 'sub_same', '{"atPeriodEnd": true}', 'pending', created_at AS wished, created_at FROM igny8_tenants, unnest(ARRAY['cancel', 'end']) AS wish WHERE id = ?0`,
		`INSERT INTO igny8_credit_alerts (tenant_id, available, low_below, created_at) SELECT id, 1, 2, created_at FROM igny8_tenants WHERE id = ?0`,
		`INSERT INTO igny8_mail_tokens (tenant_id, purpose, user_id, email, token_hash, created_at, expires_at)
			SELECT tenant_id, 'verify_email', id, email, '', created_at - interval '9 days', created_at - interval '8 days' FROM igny8_users WHERE tenant_id = ?0 AND password_hash IS NOT NULL`,
		`INSERT INTO igny8_mail_tokens (tenant_id, purpose, user_id, email, token_hash, created_at, expires_at)
			SELECT tenant_id, 'restore_account', id, email, '', created_at, created_at + interval '8 days' FROM igny8_users WHERE tenant_id = ?0 AND role = 'owner'`,
	} {
		a.exec(statement, n, word, site)
	}
	// A hash that was made with less care than is taken now is renewed when its person signs in.
	hasher, err := auth.NewHasher(auth.Cost{MemoryKiB: 2048, Iterations: 1})
	if err != nil {
		w.t.Fatal(err)
	}
	hash, err := hasher.Hash(w.t.Context(), password)
	if err != nil {
		w.t.Fatal(err)
	}
	a.exec(`UPDATE igny8_users SET password_hash = ? WHERE tenant_id = ? AND email = ?`, hash, n, word+"-viewer@example.com")
}

// inventory is what an account has: of each type the ids, and apart from them what was taken away.
func (w *neighbourhood) inventory(a *stage, tenant int64) map[string][]string {
	w.t.Helper()
	found := map[string][]string{}
	for prefix := range idTables {
		found[prefix] = a.idsOf(prefix, tenant, "")
	}
	for _, prefix := range []string{"site", "user", "sect"} {
		found["gone "+prefix] = a.goneOf(prefix, tenant)
	}
	found["pay"] = a.idsOf("pay", tenant, "status = 'pending'")
	found["paid"] = a.idsOf("pay", tenant, "status = 'confirmed'")
	found["ctx"] = a.idsOf("ctx", tenant, "type = 'deduction'")
	found["hold"] = a.idsOf("hold", tenant, "status = 'open'")
	for id := range strings.FieldsSeq(scan[string](a.api, fmt.Sprintf(`SELECT coalesce(string_agg(id::text, ' '), '') FROM igny8_stripe_events WHERE tenant_id = %d`, tenant))) {
		found["sevt"] = append(found["sevt"], "sevt_"+id)
	}
	for _, role := range []account.Role{account.Owner, account.Admin, account.Editor, account.Viewer} {
		found[string(role)] = a.idsOf("user", tenant, fmt.Sprintf("deleted_at IS NULL AND role = '%s'", role))
	}
	if len(found["pay"]) == 0 {
		found["pay"] = found["paid"]
	}
	return found
}
