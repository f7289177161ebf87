package retention_test

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/billing"
	"igny8.com/accounts/internal/credit"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/money"
)

// live fills the account with something of everything, personal data and secrets included.
func (a *tenant) live() gid.Site {
	a.t.Helper()
	t := a.t
	var s gid.Site
	a.scan(&s, `INSERT INTO igny8_sites (tenant_id, name, slug, domain, industry_id) VALUES (?, 'Olive''s shop', ?, 'canary-shop.test', 1) RETURNING id`,
		a.id, fmt.Sprintf("canary-site-%d", serial.Add(1)))
	a.exec(`INSERT INTO igny8_sectors (tenant_id, site_id, industry_id, industry_sector_id, name)
		SELECT ?, ?, industry_id, id, 'canary-sector' FROM igny8_industry_sectors WHERE industry_id = 1 ORDER BY id LIMIT 1`, a.id, s)
	a.exec(`INSERT INTO igny8_site_user_access (tenant_id, site_id, user_id, granted_by) VALUES (?0, ?1, ?2, ?2)`, a.id, s, a.owner.User.ID)
	var key gid.APIKey
	a.scan(&key, `INSERT INTO igny8_site_api_keys (tenant_id, site_id, name, public_id, hash, hash_key_id, scopes, created_at)
		VALUES (?, ?, 'canary-key', ?, 'canary-key-hash', 'v1', '{sync,credits}', ?) RETURNING id`,
		a.id, s, fmt.Sprintf("igny8_live_pub%d", s), now)
	a.exec(`INSERT INTO igny8_api_key_directory (lookup, tenant_id, key_id) VALUES (?, ?, ?)`, fmt.Sprintf("canary-lookup-%d", key), a.id, key)
	a.exec(`INSERT INTO igny8_wordpress_connections (tenant_id, site_id, url, username, sealed, key_id, connected_at, updated_at)
		VALUES (?, ?, 'https://canary-wordpress.test', 'canary-wp-user', 'canary-sealed', 'v1', ?2, ?2)`, a.id, s, now)
	a.exec(`INSERT INTO igny8_sync_events (tenant_id, site_id, kind, direction, outcome, items, message, details, external_id, fingerprint,
			actor_kind, actor_id, occurred_at, created_at)
		SELECT ?0, ?1, 'publish', 'to_site', 'succeeded', 1, 'canary-message', '{"title": "canary-title"}', 'canary-' || n, 'canary-fingerprint',
			'api_key', ?2, ?3, ?3 FROM generate_series(1, 3) AS n`, a.id, s, key, now)
	for _, i := range []struct{ email, accepted, revoked string }{
		{"canary-open@people.test", "NULL", "NULL"}, {"canary-revoked@people.test", "NULL", "now()"}, {"canary-accepted@people.test", "now()", "NULL"},
	} {
		a.exec(fmt.Sprintf(`INSERT INTO igny8_invitations (tenant_id, email, role, site_ids, token_hash, invited_by, created_at, expires_at,
				accepted_at, accepted_by, revoked_at)
			VALUES (?0, ?1, 'editor', ARRAY[?2::bigint], 'canary-invitation-hash', ?3, ?4, ?5, %s, CASE WHEN %[1]s IS NOT NULL THEN ?3 END, %s)`,
			i.accepted, i.revoked), a.id, i.email, s, a.owner.User.ID, now, now.Add(day))
	}
	a.exec(`INSERT INTO igny8_mail_tokens (tenant_id, purpose, user_id, email, token_hash, created_at, expires_at)
		VALUES (?, 'reset_password', ?, 'canary-mail@people.test', 'canary-mail-hash', ?, ?)`, a.id, a.owner.User.ID, now, now.Add(day))
	a.exec(`UPDATE igny8_tenants SET billing_email = 'canary-billing@people.test', billing_address = '{"street": "canary-street"}',
		stripe_customer_id = 'canary-stripe', status_reason = 'canary-reason' WHERE id = ?`, a.id)
	a.exec(`INSERT INTO igny8_impersonations (tenant_id, staff_tenant, staff_id, session_id, reason, created_at, expires_at)
		VALUES (?, 1, 1, 1, 'canary called us', ?, ?)`, a.id, now, now.Add(time.Hour))
	a.exec(`INSERT INTO igny8_site_budgets (tenant_id, site_id, monthly_credits, updated_at) VALUES (?, ?, 7000, ?)`, a.id, s, now)
	a.exec(`UPDATE igny8_credit_accounts SET has_budgets = true WHERE tenant_id = ?`, a.id)
	a.trade(s)
	a.exec(`UPDATE igny8_subscriptions SET stripe_subscription_id = 'canary-stripe-sub' WHERE tenant_id = ?`, a.id)
	if v := a.verify(); !v.OK() {
		t.Fatalf("the fixture's ledger is wrong: %v", v.Problems)
	}
	return s
}

// trade pays, rejects, spends and holds, by the commands that do so.
func (a *tenant) trade(s gid.Site) {
	a.t.Helper()
	t, at := a.t, now.Add(-2*day)
	staff := account.Actor{User: &account.User{ID: 1, TenantID: 1 << 40, Role: account.Developer}, Account: &account.Account{ID: 1 << 40}}
	office := billing.Office{
		Bank: billing.BankDetails{Instructions: "canary-instructions", Deadline: 300 * day},
		Mail: a.box,
	}
	var waits gid.Payment
	for i, decide := range []string{"confirm", "reject", "wait"} {
		p, err := office.RequestTransfer(a.ctx(), a.App, a.owner, at,
			billing.Request{PlanSlug: "starter", Months: 2, IdempotencyKey: fmt.Sprint("pay ", i)})
		must(t, err)
		proof := "https://canary-proof.test/1"
		_, err = office.DeclarePayment(a.ctx(), a.App, a.owner, at,
			billing.Declare{PaymentID: p.ID, SentOn: at.Truncate(day), PayerName: "Canary Payer", ProofURL: &proof})
		must(t, err)
		switch decide {
		case "confirm":
			_, err = office.ConfirmPayment(a.ctx(), a.App, staff, at, billing.Confirm{
				PaymentID: p.ID, ExternalPaymentID: fmt.Sprint("bank-", p.ID), Amount: p.Amount(), ReceivedOn: at.Truncate(day),
				IdempotencyKey: fmt.Sprint("confirm ", p.ID),
			})
		case "reject":
			_, err = office.RejectPayment(a.ctx(), a.App, staff, at, p.ID, "canary-rejection")
		default:
			waits = p.ID
		}
		must(t, err)
	}
	a.exec(`INSERT INTO igny8_balance_transactions (tenant_id, seq, type, amount_minor, balance_after, currency, description, created_at)
		VALUES (?, 1, 'unused', 100, 100, 'USD', 'unused time', ?)`, a.id, at)
	// Some money is sent back, and what is left of it takes two to decide on, of whom one did.
	office.SecondAbove = []money.Money{{Minor: 2000, Currency: "USD"}}
	for i, sum := range []int64{1000, 3000} {
		_, r, err := office.RecordReceipt(a.ctx(), a.App, staff, at, billing.Record{
			PaymentID: waits, ExternalPaymentID: fmt.Sprint("part-", waits, "-", i), Amount: money.Money{Minor: sum, Currency: "USD"},
			ReceivedOn: at.Truncate(day), IdempotencyKey: fmt.Sprint("part ", i),
		})
		must(t, err)
		_, _, err = office.DecideReceipt(a.ctx(), a.App, staff, at, billing.Decide{
			ReceiptID: r.ID, Decision: billing.ReturnReceipt, Reason: "canary-return", IdempotencyKey: fmt.Sprint("back ", i),
		})
		must(t, err)
	}
	reaches := func(context.Context, gid.Site) (bool, error) { return true, nil }
	for i := range 3 {
		ideas := int64(i + 1)
		_, err := credit.Spend(a.ctx(), a.App, a.owner, at, reaches, credit.Spending{
			Operation: credit.IdeaGeneration, Quantity: &ideas, SiteID: &s, Description: "canary-description",
			Metadata: json.RawMessage(`{"for": "canary-metadata"}`), IdempotencyKey: fmt.Sprint("spend ", i),
		})
		must(t, err)
	}
	// The credits of the confirmed payment went where its money then went back, and more come in.
	var paid billing.Refund
	a.scan(&paid.PaymentID, `SELECT id FROM igny8_payments WHERE tenant_id = ? AND status = 'confirmed'`, a.id)
	end := false
	paid.Amount, paid.Reason, paid.EndNow, paid.IdempotencyKey = &money.Money{Minor: 1000, Currency: "USD"}, "canary-reason", &end, "back"
	_, err := credit.Adjust(a.ctx(), a.App, staff, at, credit.Adjusting{AccountID: a.id, Amount: -2980, Reason: "canary-use", IdempotencyKey: "used"})
	must(t, err)
	_, _, err = office.RefundPayment(a.ctx(), a.App, staff, at, paid)
	must(t, err)
	_, err = credit.Adjust(a.ctx(), a.App, staff, at, credit.Adjusting{AccountID: a.id, Amount: 1000, Reason: "canary-gift", IdempotencyKey: "given"})
	must(t, err)
	life := 20 * time.Hour
	_, err = credit.Reserve(a.ctx(), a.App, a.owner, now, reaches,
		credit.Reservation{Operation: credit.IdeaGeneration, Quantity: 5, SiteID: &s, ExpiresIn: &life, IdempotencyKey: "hold"})
	must(t, err)
}
