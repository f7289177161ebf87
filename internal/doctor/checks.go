package doctor

import (
	"slices"
	"strings"
)

// checks are the promises about one account that cross packages, each as a query for what breaks it:
// check_name, row_name, detail. ?0 is the account.
var checks = []string{
	`SELECT 'account.exists', 'igny8_tenants ' || ?0::bigint, 'rows of this account are left, and the account is not there'
	 WHERE NOT EXISTS (SELECT FROM igny8_tenants WHERE id = ?0)`,
	`SELECT 'account.owner', 'igny8_tenants ' || id, 'nobody owns the account'
	 FROM igny8_tenants AS a
	 WHERE id = ?0 AND deleted_at IS NULL AND NOT EXISTS (
	    SELECT FROM igny8_users AS u
	    WHERE u.tenant_id = ?0 AND u.deleted_at IS NULL AND (u.role = 'owner' OR a.is_system AND u.role = 'developer'))`,
	`SELECT 'account.subscription', 'igny8_tenants ' || id, format('the account has %s subscriptions', n)
	 FROM igny8_tenants, (SELECT count(*) AS n FROM igny8_subscriptions WHERE tenant_id = ?0) AS subscriptions
	 WHERE id = ?0 AND n <> 1`,
	`SELECT 'period.first', 'igny8_tenants ' || id, 'the account has no period'
	 FROM igny8_tenants
	 WHERE id = ?0 AND NOT EXISTS (SELECT FROM igny8_subscription_periods WHERE tenant_id = ?0)`,
	`SELECT 'period.chain', 'igny8_subscription_periods ' || id,
	        format('starts at %s, and %s', start_at, coalesce('the one before ends at ' || before, 'is the first but follows one'))
	 FROM (SELECT id, start_at, previous_end, lag(end_at) OVER (ORDER BY start_at, end_at) AS before
	       FROM igny8_subscription_periods WHERE tenant_id = ?0) AS period
	 WHERE before IS DISTINCT FROM previous_end OR before <> start_at`,
	`SELECT 'period.span', 'igny8_subscription_periods ' || id, format('starts at %s and ends at %s', start_at, end_at)
	 FROM igny8_subscription_periods WHERE tenant_id = ?0 AND start_at >= end_at`,
	`SELECT 'period.payment', 'igny8_subscription_periods ' || period.id, format('is %s, its payment is %s', kind, coalesce(pay.status, 'missing'))
	 FROM igny8_subscription_periods AS period
	 LEFT JOIN igny8_payments AS pay ON pay.tenant_id = ?0 AND pay.id = period.payment_id
	 WHERE period.tenant_id = ?0 AND (kind = 'paid') <> (pay.status IN ('confirmed', 'refunded', 'disputed') IS TRUE)`,
	`SELECT 'payment.invoice', 'igny8_payments ' || pay.id, 'is confirmed and has no invoice'
	 FROM igny8_payments AS pay
	 WHERE pay.tenant_id = ?0 AND pay.status = 'confirmed' AND NOT EXISTS (
	    SELECT FROM igny8_invoices AS i WHERE i.tenant_id = ?0 AND i.payment_id = pay.id AND i.kind = 'invoice')`,
	`SELECT 'refund.notes', 'igny8_payments ' || pay.id, format('%s were refunded, its credit notes are of %s', pay.refunded_minor, coalesce(notes.total, 0))
	 FROM igny8_payments AS pay
	 LEFT JOIN (SELECT payment_id, sum(total_minor) AS total FROM igny8_invoices WHERE tenant_id = ?0 AND kind = 'credit_note' GROUP BY payment_id)
	    AS notes ON notes.payment_id = pay.id
	 WHERE pay.tenant_id = ?0 AND pay.refunded_minor <> coalesce(notes.total, 0)`,
	`SELECT 'invoice.sum', 'igny8_invoices ' || i.id, format('says %s net, its lines are %s', i.net_minor, coalesce(lines.total, 0))
	 FROM igny8_invoices AS i
	 LEFT JOIN (SELECT invoice_id, sum(amount_minor) AS total FROM igny8_invoice_lines WHERE tenant_id = ?0 GROUP BY invoice_id) AS lines
	    ON lines.invoice_id = i.id
	 WHERE i.tenant_id = ?0 AND i.net_minor IS DISTINCT FROM lines.total`,
}

// census counts what one account has: section, name, n, total.
var census = []string{
	`SELECT 'accounts' AS section, CASE WHEN deleted_at IS NULL THEN status ELSE 'deleted' END AS name, 1::bigint AS n, NULL::bigint AS total
	 FROM igny8_tenants WHERE id = ?0`,
	`SELECT 'users', role, count(*), NULL FROM igny8_users WHERE tenant_id = ?0 AND deleted_at IS NULL GROUP BY role`,
	`SELECT 'sites', status, count(*), NULL FROM igny8_sites WHERE tenant_id = ?0 AND deleted_at IS NULL GROUP BY status`,
	`SELECT 'subscriptions', status, count(*), NULL FROM igny8_subscriptions WHERE tenant_id = ?0 GROUP BY status`,
	`SELECT 'payments', status, count(*), NULL FROM igny8_payments WHERE tenant_id = ?0 GROUP BY status`,
	`SELECT 'ledger', type, count(*), sum(amount)::bigint FROM igny8_credit_transactions WHERE tenant_id = ?0 GROUP BY type`,
	`SELECT 'holds', status, count(*), sum(amount)::bigint FROM igny8_credit_holds WHERE tenant_id = ?0 GROUP BY status`,
	`SELECT 'credits', 'balance', 1, balance FROM igny8_credit_accounts WHERE tenant_id = ?0
	 UNION ALL SELECT 'credits', 'held', 1, held FROM igny8_credit_accounts WHERE tenant_id = ?0`,
}

// sections are in the order in which they are reported.
var sections = []string{"accounts", "users", "sites", "subscriptions", "payments", "credits", "ledger", "holds"}

// tally adds counts of the same thing up.
type tally struct{ byName map[[2]string]*Count }

func newCounts() *tally { return &tally{byName: map[[2]string]*Count{}} }

func (t *tally) add(c Count) {
	key := [2]string{c.Section, c.Name}
	known, ok := t.byName[key]
	if !ok {
		t.byName[key] = &c
		return
	}
	known.N += c.N
	if c.Sum != nil {
		sum := *known.Sum + *c.Sum
		known.Sum = &sum
	}
}

func (t *tally) sorted() []Count {
	all := make([]Count, 0, len(t.byName))
	for _, c := range t.byName {
		all = append(all, *c)
	}
	slices.SortFunc(all, func(a, b Count) int {
		if d := slices.Index(sections, a.Section) - slices.Index(sections, b.Section); d != 0 {
			return d
		}
		return strings.Compare(a.Name, b.Name)
	})
	return all
}
