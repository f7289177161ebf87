package graph

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/ticket"
)

func gidAccount(n int64) gid.Account { return gid.Account(n) }

// furnish gives an account one of everything that operations are about, and knows it as the target.
func (w *realm) furnish(owner *session, target, plan string) {
	w.t.Helper()
	w.know("account", target, owner.accountID())
	w.pay(owner, target)
	w.setPlan(owner, plan)
	site := func(name string) string {
		return w.done(owner, "createSite", "site.id", fields{"name": name, "domain": name + "." + target + ".test", "industryId": "ind_1"}).(string)
	}
	w.furnishSite(owner, target, site("granted"))
	if target == "own" {
		w.furnishSite(owner, "sibling", site("sibling"))
		w.credits(owner, "siteless", nil)
	}
	w.know("deletedSite", target, w.done(owner, "deleteSite", "site.id", fields{"siteId": site("deleted")}))
	w.know("invitation", target, w.done(owner, "inviteMember", "invitation.id", fields{"email": "invited@" + target + ".test", "role": "VIEWER"}))
	tenant := owner.accountNumber()
	w.dealWithStripe(tenant)
	w.exec(`UPDATE igny8_tenants SET billing_email = 'billing@' || slug || '.test', tax_rate = 1900, tax_id = 'DE123456789' WHERE id = ?`, tenant)
	w.exec(`UPDATE igny8_subscriptions SET stripe_subscription_id = 'stripe-' || tenant_id WHERE tenant_id = ?`, tenant)
	// It is to end, so that a transfer can be asked for.
	w.exec(`INSERT INTO igny8_stripe_subscriptions (tenant_id, subscription_id, customer_id, status, cancelling, plan_slug, amount_minor, currency, version, seen_at, created_at)
		VALUES (?0, 'stripe-' || ?0, 'cus_matrix', 'active', true, 'starter', 8900, 'USD', 1, now(), now())`, tenant)
	for kind, table := range map[string]string{
		"sub": "igny8_subscriptions", "per": "igny8_subscription_periods", "grant": "igny8_credit_grants", "inv": "igny8_invoices", "evt": "igny8_audit_events",
	} {
		w.know(kind, target, fmt.Sprintf("%s_%d", kind, scan[int64](w.api, fmt.Sprintf(`SELECT min(id) FROM %s WHERE tenant_id = %d`, table, tenant))))
	}
	w.tellOfStripe(target, tenant)
	if target != "own" {
		return
	}
	w.ticket("invite", ticket.Invitation, "igny8_invitations", "email LIKE 'invited@%'", tenant)
	w.ticket("verify", ticket.Email, "igny8_mail_tokens", "purpose = 'verify_email'", tenant)
	w.exec(`INSERT INTO igny8_mail_tokens (tenant_id, purpose, user_id, email, token_hash, created_at, expires_at)
		SELECT tenant_id, 'reset_password', user_id, email, '', now(), now() + interval '30 minutes' FROM igny8_login_directory WHERE tenant_id = ?`, tenant)
	w.ticket("reset", ticket.Password, "igny8_mail_tokens", "purpose = 'reset_password'", tenant)
}

// pay leaves one payment that was confirmed, one that waits for a decision, one of which a part came, and one that waits
// for its money.
func (w *realm) pay(owner *session, target string) {
	w.t.Helper()
	ask := func(key string) any {
		return w.done(owner, "requestBankTransfer", "payment.id", fields{"planSlug": "starter", "months": 1, "idempotencyKey": key})
	}
	request := func(key string) any {
		return w.done(owner, "declarePayment", "payment.id", fields{"paymentId": ask(key), "sentOn": w.clock.day(0), "payerName": "Payer"})
	}
	w.know("paid", target, w.done(w.staff, "confirmPayment", "payment.id", confirmation(w, request("first").(string), "first-"+target)))
	w.know("payment", target, request("second"))
	part := confirmation(w, ask("part").(string), "part-"+target)
	part["amount"] = fields{"amount": "1", "currencyCode": "USD"}
	w.know("receipt", target, w.done(w.staff, "recordReceipt", "receipt.id", part))
	w.know("asked", target, ask("asked"))
	w.exec(`INSERT INTO igny8_balance_transactions (tenant_id, seq, type, amount_minor, balance_after, currency, created_at)
		VALUES (?, 1, 'unused', 100, 100, 'USD', now())`, owner.accountNumber())
}

// tellOfStripe leaves an event of Stripe about the account that could not be done.
func (w *realm) tellOfStripe(target string, tenant int64) {
	w.t.Helper()
	w.exec(`INSERT INTO igny8_stripe_events (event_id, type, livemode, api_version, object_type, object_id, created, received_at, status, error, tenant_id, updated_at)
		VALUES ('evt_' || ?0, 'invoice.paid', false, '', 'invoice', 'in_1', now(), current_timestamp, 'dead', 'another sum', ?1, now())`, target, tenant)
	w.know("stripeEvent", target, fmt.Sprintf("sevt_%d", scan[int64](w.api, fmt.Sprintf(`SELECT id FROM igny8_stripe_events WHERE tenant_id = %d`, tenant))))
}

// dealWithStripe lets the account be a customer of Stripe, with something that differs and something that Stripe is to do.
func (w *realm) dealWithStripe(tenant int64) {
	w.t.Helper()
	w.exec(`INSERT INTO igny8_stripe_customers (customer_id, tenant_id, livemode, created_at) VALUES (?, ?, false, now())`, w.fake.Customer(nil), tenant)
	w.exec(`INSERT INTO igny8_stripe_drifts (kind, object_id, tenant_id, found_at, seen_at) VALUES ('subscription_plan', 'sub_' || ?0, ?0, now(), now())`, tenant)
	w.exec(`INSERT INTO igny8_stripe_pushes (tenant_id, kind, subscription_id, status, created_at, updated_at) VALUES (?0, 'cancel', 'sub_' || ?0, 'failed', now(), now())`, tenant)
}

// furnishSystem lets staff's own account wait for a payment too, on which they may not decide.
func (w *realm) furnishSystem() {
	w.t.Helper()
	w.know("account", "system", w.staff.accountID())
	id := w.done(w.staff, "requestBankTransfer", "payment.id", fields{"planSlug": "starter", "months": 1, "idempotencyKey": "first"})
	w.know("payment", "system", id)
	// Test clocks are for accounts that paid nothing.
	fresh, sandbox := w.signUp("fresh@example.test", "Fresh").accountID(), w.signUp("sandbox@example.test", "Sandbox").accountID()
	w.done(w.staff, "createTestClock", "account.id", fields{"accountId": sandbox, "idempotencyKey": "sandbox"})
	w.know("fresh", "foreign", fresh)
	w.know("sandbox", "foreign", sandbox)
	w.know("fresh", "system", w.staff.accountID())
	w.know("sandbox", "system", w.staff.accountID())
	// Nobody of staff can record it.
	w.exec(`INSERT INTO igny8_receipts (tenant_id, payment_id, external_id, amount_minor, currency, received_on, status, recorded_by, created_at)
		SELECT tenant_id, id, 'ours', 100, currency, created_at::date, 'held', requested_by, created_at FROM igny8_payments WHERE 'pay_' || id = ?`, id)
	w.know("receipt", "system", scan[string](w.api, `SELECT 'rcpt_' || id FROM igny8_receipts WHERE external_id = 'ours'`))
	w.tellOfStripe("system", w.staff.accountNumber())
}

func confirmation(w *realm, payment, bank string) fields {
	return fields{
		"paymentId": payment, "externalPaymentId": bank, "receivedOn": w.clock.day(0), "idempotencyKey": "confirm-" + bank,
		"amount": fields{"amount": "89", "currencyCode": "USD"},
	}
}

func (w *realm) furnishSite(owner *session, target, site string) {
	w.t.Helper()
	w.know("site", target, site)
	w.know("sector", target, w.done(owner, "addSector", "sector.id", fields{"siteId": site, "industrySectorId": "isec_1"}))
	removed := w.done(owner, "addSector", "sector.id", fields{"siteId": site, "industrySectorId": "isec_2"})
	w.done(owner, "removeSector", "site.id", fields{"sectorId": removed})
	w.know("removedSector", target, removed)
	w.done(owner, "connectWordPress", "wordPress.url", w.wordPress(site))
	w.done(owner, "setSiteBudget", "site.id", fields{"siteId": site, "monthlyCredits": 900_000})
	w.credits(owner, target, site)
	key := w.key(owner, site, []string{"SYNC", "CREDITS"})
	w.know("apiKey", target, key.self["apiKey"])
	event := w.ask(key, mutationText("recordSyncEvent", "event.id"), input(syncEvent("first")))
	w.know("syncEvent", target, w.found(event, "recordSyncEvent.event.id"))
	line := w.ask(key, mutationText("spendCredits", "transaction.id"), input(fields{"operation": "CLUSTERING", "idempotencyKey": "by key " + target}))
	w.know("keysLine", target, w.found(line, "spendCredits.transaction.id"))
}

// credits spends and sets aside credits for a site, or for none.
func (w *realm) credits(owner *session, target string, site any) {
	w.t.Helper()
	in := fields{"operation": "CLUSTERING", "quantity": 1, "siteId": site, "idempotencyKey": target}
	w.know("line", target, w.done(owner, "spendCredits", "transaction.id", in))
	w.know("hold", target, w.done(owner, "reserveCredits", "hold.id", in))
}

func (w *realm) wordPress(site string) fields {
	return fields{"siteId": site, "url": w.blog, "username": "editor", "applicationPassword": strings.Repeat("abcd ", 6)}
}

func syncEvent(id string) fields {
	return fields{"kind": "PUBLISH", "direction": "TO_SITE", "outcome": "SUCCEEDED", "externalId": id}
}

// catalogue are the tables that no operation writes.
var catalogue = []string{"igny8_plans", "igny8_industries", "igny8_industry_sectors", "igny8_database_marks"}

// remember keeps the database as it is, for restore.
func (w *realm) remember() {
	w.t.Helper()
	tables := strings.Fields(scan[string](w.api, `SELECT string_agg(tablename, ' ' ORDER BY tablename) FROM pg_tables
		WHERE schemaname = 'public' AND tablename LIKE 'igny8\_%'`))
	tables = slices.DeleteFunc(tables, func(name string) bool { return slices.Contains(catalogue, name) })
	var body strings.Builder
	w.exec(`CREATE SCHEMA kept`)
	for _, table := range tables {
		w.exec(`CREATE TABLE kept.` + table + ` AS TABLE public.` + table)
		columns := scan[string](w.api, `SELECT string_agg(quote_ident(column_name), ', ') FROM information_schema.columns
			WHERE table_schema = 'public' AND table_name = ? AND is_generated = 'NEVER'`, table)
		fmt.Fprintf(&body, `
			DELETE FROM public.%[1]s AS a WHERE NOT EXISTS (SELECT FROM kept.%[1]s AS b WHERE b = a);
			GET DIAGNOSTICS n = ROW_COUNT;
			INSERT INTO public.%[1]s (%[2]s) OVERRIDING SYSTEM VALUE
				SELECT %[2]s FROM kept.%[1]s AS b WHERE NOT EXISTS (SELECT FROM public.%[1]s AS a WHERE b = a);
			GET DIAGNOSTICS m = ROW_COUNT;
			IF n + m > 0 THEN changed := changed || '%[1]s '; END IF;`, table, columns)
	}
	// Neither triggers nor foreign keys run as a replica, so that the order of tables does not matter.
	w.exec(`CREATE FUNCTION kept.restore() RETURNS text LANGUAGE plpgsql AS $$
		DECLARE n bigint; m bigint; changed text := '';
		BEGIN
			PERFORM set_config('session_replication_role', 'replica', true);` + body.String() + `
			RETURN changed;
		END $$`)
}

// restore makes the database as it was, and says which tables were not.
func (w *realm) restore() map[string]bool {
	w.t.Helper()
	changed := map[string]bool{}
	for table := range strings.FieldsSeq(scan[string](w.api, `SELECT kept.restore()`)) {
		changed[table] = true
	}
	return changed
}

// found is what stands at the dotted path in an answer's data.
func (w *realm) found(text, path string) string {
	w.t.Helper()
	var ans answer
	if err := json.Unmarshal([]byte(text), &ans); err != nil {
		w.t.Fatalf("%v in %s", err, text)
	}
	id, ok := dig(ans.Data, path).(string)
	if !ok {
		w.t.Fatalf("no %s in %s", path, text)
	}
	return id
}
