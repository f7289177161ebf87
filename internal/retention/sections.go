package retention

// section is a part of an export. Columns are named one by one: what is not named is not exported.
type section struct {
	// name is the member of the document.
	name string
	// from is the table, and what else its rows are judged by; the table's alias is t.
	from string
	// columns are the fields of a row, named as they are exported.
	columns string
	// where narrows the rows of the account; empty for all of them.
	where string
	// key orders the rows; empty for id.
	key string
	// tenant is the column of the account; empty for tenant_id.
	tenant string
	// one says that there is one row and not a list.
	one bool
}

// query selects the section's rows with a key beyond ?1, at most ?2, of the account ?0.
func (s section) query() string {
	key, tenant, where := "t."+or(s.key, "id"), "t."+or(s.tenant, "tenant_id"), ""
	if s.where != "" {
		where = " AND (" + s.where + ")"
	}
	return `SELECT ` + key + ` AS key, row_to_json(r) AS data FROM ` + s.from + ` AS t
		CROSS JOIN LATERAL (SELECT ` + s.columns + `) AS r
		WHERE ` + tenant + ` = ?0 AND ` + key + ` > ?1` + where + ` ORDER BY ` + key + ` LIMIT ?2`
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

const (
	// live is the condition for what was not deleted: that is absent here as it is everywhere.
	live = "t.deleted_at IS NULL"
	// onLiveSite is live for what belongs to a site.
	onLiveSite = `EXISTS (SELECT FROM igny8_sites AS s WHERE s.tenant_id = t.tenant_id AND s.id = t.site_id AND s.deleted_at IS NULL)`

	// actorColumns are who did something; members of staff are not named.
	actorColumns = `t.actor_kind AS "actorKind",
			CASE t.actor_kind WHEN 'user' THEN 'user_' WHEN 'api_key' THEN 'key_' END || t.actor_id AS "actorId"`
)

// sections are the parts of an export, in their order.
var sections = []section{
	{
		name: "account", from: "igny8_tenants", tenant: "id", one: true, where: live,
		columns: `'acct_' || t.id AS id, t.name, t.slug, (SELECT p.slug FROM igny8_plans AS p WHERE p.id = t.plan_id) AS plan,
			t.status, t.status_reason AS "statusReason", 'user_' || t.owner_id AS "ownerId", t.billing_email AS "billingEmail",
			t.billing_address AS "billingAddress", t.stripe_customer_id AS "stripeCustomerId",
			t.tax_rate AS "taxRate", t.tax_id AS "taxId",
			t.deletion_retention_days AS "deletionRetentionDays", t.created_at AS "createdAt", t.updated_at AS "updatedAt"`,
	},
	{
		name: "credits", from: "igny8_credit_accounts", key: "tenant_id", one: true,
		columns: `t.balance, t.held, t.balance - t.held AS available, t.last_seq AS "lastSeq", t.debt`,
	},
	{
		name: "people", from: "igny8_users", where: live,
		columns: `'user_' || t.id AS id, t.email, t.name, t.role, t.email_verified_at AS "emailVerifiedAt",
			t.last_login_at AS "lastLoginAt", t.created_at AS "createdAt", t.updated_at AS "updatedAt",
			(SELECT coalesce(json_agg(json_build_object('siteId', 'site_' || a.site_id, 'grantedBy', 'user_' || a.granted_by,
					'grantedAt', a.granted_at) ORDER BY a.site_id), '[]')
			 FROM igny8_site_user_access AS a JOIN igny8_sites AS s ON s.tenant_id = a.tenant_id AND s.id = a.site_id
			 WHERE a.tenant_id = t.tenant_id AND a.user_id = t.id AND s.deleted_at IS NULL) AS "siteAccess"`,
	},
	{
		name: "invitations", from: "igny8_invitations",
		columns: `'invite_' || t.id AS id, t.email, t.role,
			(SELECT coalesce(json_agg('site_' || s ORDER BY s), '[]') FROM unnest(t.site_ids) AS s) AS "siteIds",
			'user_' || t.invited_by AS "invitedBy", t.created_at AS "createdAt", t.expires_at AS "expiresAt",
			t.accepted_at AS "acceptedAt", 'user_' || t.accepted_by AS "acceptedBy", t.revoked_at AS "revokedAt"`,
	},
	{
		name: "sites", from: "igny8_sites", where: live,
		columns: `'site_' || t.id AS id, t.name, t.slug, t.domain,
			(SELECT i.slug FROM igny8_industries AS i WHERE i.id = t.industry_id) AS industry,
			t.status, t.is_active AS active, t.created_at AS "createdAt", t.updated_at AS "updatedAt"`,
	},
	{
		name: "sectors", from: "igny8_sectors", where: live + " AND " + onLiveSite,
		columns: `'sect_' || t.id AS id, 'site_' || t.site_id AS "siteId", t.name,
			(SELECT i.slug FROM igny8_industry_sectors AS i WHERE i.industry_id = t.industry_id AND i.id = t.industry_sector_id)
				AS "industrySector",
			t.status, t.is_active AS active, t.created_at AS "createdAt", t.updated_at AS "updatedAt"`,
	},
	{
		name: "apiKeys", from: "igny8_site_api_keys", where: onLiveSite,
		columns: `'key_' || t.id AS id, 'site_' || t.site_id AS "siteId", t.name, t.public_id AS "publicId", to_json(t.scopes) AS scopes,
			t.is_legacy AS legacy, 'user_' || t.created_by AS "createdBy", t.created_at AS "createdAt", t.expires_at AS "expiresAt",
			t.last_used_at AS "lastUsedAt", t.revoked_at AS "revokedAt", 'user_' || t.revoked_by AS "revokedBy",
			'key_' || t.rotated_to AS "rotatedTo"`,
	},
	{
		name: "wordPress", from: "igny8_wordpress_connections", key: "site_id", where: onLiveSite,
		columns: `'site_' || t.site_id AS "siteId", t.url, t.username, 'user_' || t.connected_by AS "connectedBy",
			t.connected_at AS "connectedAt", t.updated_at AS "updatedAt", t.checked_at AS "checkedAt"`,
	},
	{
		name: "syncEvents", from: "igny8_sync_events", where: onLiveSite,
		columns: `'sync_' || t.id AS id, 'site_' || t.site_id AS "siteId", t.kind, t.direction, t.outcome, t.items, t.message, t.details,
			t.external_id AS "externalId", ` + actorColumns + `, t.occurred_at AS "occurredAt", t.created_at AS "createdAt"`,
	},
	{
		name: "subscription", from: "igny8_subscriptions", one: true,
		columns: `'sub_' || t.id AS id, t.status, t.payment_method AS "paymentMethod", t.anchor, t.trial_end AS "trialEnd",
			t.cancel_at_period_end AS "cancelAtPeriodEnd", t.external_payment_id AS "externalPaymentId",
			t.stripe_subscription_id AS "stripeSubscriptionId",
			(SELECT p.slug FROM igny8_plans AS p WHERE p.id = t.pending_plan_id) AS "pendingPlan", t.agreed_minor AS "agreedMinor",
			t.agreed_currency AS "agreedCurrency", t.cancelled_at AS "cancelledAt", t.created_at AS "createdAt", t.updated_at AS "updatedAt"`,
	},
	{
		name: "periods", from: "igny8_subscription_periods",
		columns: `'per_' || t.id AS id, t.kind, (SELECT p.slug FROM igny8_plans AS p WHERE p.id = t.plan_id) AS plan,
			t.start_at AS start, t.end_at AS "end", t.price_minor AS "priceMinor", 'pay_' || t.payment_id AS "paymentId", t.created_at AS "createdAt"`,
	},
	{
		name: "payments", from: "igny8_payments",
		columns: `'pay_' || t.id AS id, t.method, t.status, (SELECT p.slug FROM igny8_plans AS p WHERE p.id = t.plan_id) AS plan,
			t.purpose, t.months, t.net_minor AS "netMinor", t.credited_minor AS "creditedMinor", t.tax_minor AS "taxMinor",
			t.applied_minor AS "appliedMinor", t.amount_minor AS "amountMinor", t.refunded_minor AS "refundedMinor", t.currency, t.reference, t.instructions,
			'user_' || t.requested_by AS "requestedBy", t.expires_at AS "expiresAt", t.declared_at AS "declaredAt", t.sent_on AS "sentOn",
			t.payer_name AS "payerName", t.proof_url AS "proofUrl", t.external_payment_id AS "externalPaymentId",
			t.received_on AS "receivedOn", t.decided_at AS "decidedAt", t.rejection_reason AS "rejectionReason",
			t.held_minor AS "heldMinor", t.held_since AS "heldSince",
			t.created_at AS "createdAt", t.updated_at AS "updatedAt"`,
	},
	{
		name: "receipts", from: "igny8_receipts",
		columns: `'rcpt_' || t.id AS id, 'pay_' || t.payment_id AS "paymentId", t.external_id AS "externalPaymentId", t.amount_minor AS "amountMinor",
			t.used_minor AS "usedMinor", t.currency, t.received_on AS "receivedOn", t.status, t.created_at AS "createdAt",
			t.decided_at AS "decidedAt", t.reason, t.return_id AS "returnExternalPaymentId", t.balance_seq AS "balanceSeq"`,
	},
	{
		name: "approvals", from: "igny8_payment_approvals",
		columns: `'pay_' || t.payment_id AS "paymentId", t.kind, 'rcpt_' || t.receipt_id AS "receiptId", t.external_id AS "externalPaymentId",
			t.amount_minor AS "amountMinor", t.currency, t.received_on AS "receivedOn", t.ends_time AS "endsTime",
			t.refunded_minor AS "refundedBeforeMinor", t.created_at AS "createdAt"`,
	},
	{
		name: "invoices", from: "igny8_invoices",
		columns: `'inv_' || t.id AS id, t.number, t.kind, 'inv_' || t.refers_to AS "refersTo", 'pay_' || t.payment_id AS "paymentId",
			t.net_minor AS "netMinor", t.taxable_minor AS "taxableMinor", t.tax_rate AS "taxRate", t.tax_minor AS "taxMinor",
			t.total_minor AS "totalMinor", t.from_balance_minor AS "fromBalanceMinor", t.currency, t.issued_at AS "issuedAt", t.note,
			t.seller_name AS "sellerName", t.seller_address AS "sellerAddress", t.seller_tax_id AS "sellerTaxId", t.buyer_name AS "buyerName",
			t.buyer_address AS "buyerAddress", t.buyer_email AS "buyerEmail", t.buyer_tax_id AS "buyerTaxId",
			(SELECT coalesce(json_agg(json_build_object('position', l.position, 'description', l.description,
					'periodStart', l.period_start, 'periodEnd', l.period_end, 'amountMinor', l.amount_minor) ORDER BY l.position), '[]')
			 FROM igny8_invoice_lines AS l WHERE l.tenant_id = t.tenant_id AND l.invoice_id = t.id) AS lines`,
	},
	{
		name: "balance", from: "igny8_balance_transactions", key: "seq",
		columns: `t.seq, t.type, t.amount_minor AS "amountMinor", t.balance_after AS "balanceAfter", t.currency,
			'pay_' || t.payment_id AS "paymentId", t.description, t.created_at AS "createdAt"`,
	},
	{
		name: "refunds", from: "igny8_refunds",
		columns: `'pay_' || t.payment_id AS "paymentId", 'inv_' || t.credit_note_id AS "creditNoteId", t.amount_minor AS "amountMinor",
			t.balance_minor AS "balanceMinor", t.currency, t.ended_time AS "endedTime", t.credits_taken AS "creditsTaken",
			t.credits_owed AS "creditsOwed", t.created_at AS "createdAt"`,
	},
	{
		name: "creditDebts", from: "igny8_credit_debts",
		columns: `t.amount, t.debt_after AS "debtAfter", 'pay_' || t.payment_id AS "paymentId", 'ctx_' || t.transaction_id AS "transactionId",
			t.created_at AS "createdAt"`,
	},
	{
		name: "grants", from: "igny8_credit_grants",
		columns: `'grant_' || t.id AS id, t.kind, t.amount, t.remaining, t.priority, 'per_' || t.period_id AS "periodId",
			'pay_' || t.payment_id AS "paymentId", t.granted_at AS "grantedAt", t.expires_at AS "expiresAt"`,
	},
	{
		name: "ledger", from: "igny8_credit_transactions", key: "seq",
		columns: `'ctx_' || t.id AS id, t.seq, t.type, t.amount, t.balance_after AS "balanceAfter", t.operation, t.quantity,
			t.unit_credits AS "unitCredits", t.unit_size AS "unitSize", 'site_' || t.site_id AS "siteId",
			'ctx_' || t.refunds_id AS "refundsId", t.description, t.metadata, ` + actorColumns + `,
			t.idempotency_key AS "idempotencyKey", t.created_at AS "createdAt",
			(SELECT coalesce(json_agg(json_build_object('grantId', 'grant_' || p.grant_id, 'amount', p.amount) ORDER BY p.grant_id), '[]')
			 FROM igny8_credit_transaction_grants AS p WHERE p.tenant_id = t.tenant_id AND p.transaction_id = t.id) AS grants`,
	},
	{
		name: "siteBudgets", from: "igny8_site_budgets", key: "site_id", where: onLiveSite,
		columns: `'site_' || t.site_id AS "siteId", t.monthly_credits AS "monthlyCredits", t.updated_at AS "updatedAt"`,
	},
	{
		name: "holds", from: "igny8_credit_holds",
		columns: `'hold_' || t.id AS id, t.status, t.operation, t.quantity, t.amount, t.unit_credits AS "unitCredits",
			t.unit_size AS "unitSize", 'site_' || t.site_id AS "siteId", t.captured_quantity AS "capturedQuantity",
			'ctx_' || t.transaction_id AS "transactionId", ` + actorColumns + `, t.created_at AS "createdAt",
			t.expires_at AS "expiresAt", t.closed_at AS "closedAt"`,
	},
	{
		name: "auditEvents", from: "igny8_audit_events",
		columns: `'evt_' || t.id AS id, t.action, t.subject_type AS "subjectType", t.subject_id AS "subjectNumber", ` + actorColumns + `,
			'imp_' || t.impersonation_id AS "impersonationId", t.before, t.after, t.ip, t.user_agent AS "userAgent",
			t.request_id AS "requestId", t.created_at AS "createdAt"`,
	},
}
