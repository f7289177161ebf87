package credit

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres"
)

// Problem is a row that breaks one of the package's promises.
type Problem struct {
	// Check names the promise, e.g. ledger.seq.
	Check string `bun:"check_name"`
	// Row names the row: its table and key.
	Row string `bun:"row_name"`
	// Detail says what it is and what it should be.
	Detail string `bun:"detail"`
}

func (p *Problem) String() string { return p.Check + ": " + p.Row + ": " + p.Detail }

// Verification is the outcome of adding an account's ledger up.
type Verification struct {
	// CheckedLines is how many ledger lines were read.
	CheckedLines int64
	// Problems are at most MaxProblems.
	Problems []*Problem
}

// OK says whether nothing is wrong.
func (v *Verification) OK() bool { return len(v.Problems) == 0 }

// MaxProblems is how many rows a verification names.
const MaxProblems = 100

// checks are the promises of one account's credits, each as a query for what breaks it: check_name,
// row_name, detail. ?0 is the account.
var checks = []string{
	// An account has its row, and no credits are anywhere without it.
	`SELECT 'credits.owner', 'igny8_tenants ' || ?0::bigint, 'the account has no row in igny8_credit_accounts'
	 WHERE NOT EXISTS (SELECT FROM igny8_credit_accounts WHERE tenant_id = ?0)`,
	`SELECT 'credits.owner', 'igny8_credit_accounts ' || tenant_id, 'the credits belong to no account'
	 FROM igny8_credit_accounts WHERE tenant_id = ?0 AND NOT EXISTS (SELECT FROM igny8_tenants WHERE id = ?0)`,
	`SELECT 'balance.ledger', 'igny8_credit_accounts ' || tenant_id, format('balance is %s, the ledger adds up to %s', balance, total)
	 FROM igny8_credit_accounts, (SELECT coalesce(sum(amount), 0) AS total FROM igny8_credit_transactions WHERE tenant_id = ?0) AS ledger
	 WHERE tenant_id = ?0 AND balance <> total`,
	`SELECT 'balance.grants', 'igny8_credit_accounts ' || tenant_id, format('balance is %s, the grants have %s left', balance, total)
	 FROM igny8_credit_accounts, (SELECT coalesce(sum(remaining), 0) AS total FROM igny8_credit_grants WHERE tenant_id = ?0) AS grants
	 WHERE tenant_id = ?0 AND balance <> total`,
	`SELECT 'balance.seq', 'igny8_credit_accounts ' || tenant_id, format('last_seq is %s, the newest line is %s', last_seq, newest)
	 FROM igny8_credit_accounts, (SELECT coalesce(max(seq), 0) AS newest FROM igny8_credit_transactions WHERE tenant_id = ?0) AS ledger
	 WHERE tenant_id = ?0 AND last_seq <> newest`,
	`SELECT 'balance.held', 'igny8_credit_accounts ' || tenant_id, format('held is %s, the open holds are of %s', held, total)
	 FROM igny8_credit_accounts,
	      (SELECT coalesce(sum(amount), 0) AS total FROM igny8_credit_holds WHERE tenant_id = ?0 AND status = 'open') AS holds
	 WHERE tenant_id = ?0 AND held <> total`,
	`SELECT 'balance.available', 'igny8_credit_accounts ' || tenant_id, format('%s are held of %s', held, balance)
	 FROM igny8_credit_accounts WHERE tenant_id = ?0 AND held > balance`,
	`SELECT 'ledger.seq', 'igny8_credit_transactions ' || id, format('seq %s follows %s', seq, before)
	 FROM (SELECT id, seq, lag(seq, 1, 0::bigint) OVER (ORDER BY seq) AS before
	       FROM igny8_credit_transactions WHERE tenant_id = ?0) AS line WHERE seq <> before + 1`,
	`SELECT 'ledger.balance_after', 'igny8_credit_transactions ' || id,
	        format('seq %s: balance_after is %s, and %s before with %s makes %s', seq, balance_after, before, amount, before + amount)
	 FROM (SELECT id, seq, amount, balance_after, lag(balance_after, 1, 0::bigint) OVER (ORDER BY seq) AS before
	       FROM igny8_credit_transactions WHERE tenant_id = ?0) AS line WHERE balance_after <> before + amount`,
	`SELECT 'ledger.parts', 'igny8_credit_transactions ' || line.id,
	        format('seq %s: amount is %s, its grants moved by %s', line.seq, line.amount, coalesce(moved.total, 0))
	 FROM igny8_credit_transactions AS line
	 LEFT JOIN (SELECT transaction_id, sum(amount) AS total FROM igny8_credit_transaction_grants
	            WHERE tenant_id = ?0 GROUP BY transaction_id) AS moved ON moved.transaction_id = line.id
	 WHERE line.tenant_id = ?0 AND line.amount IS DISTINCT FROM moved.total`,
	`SELECT 'ledger.part_owner', format('igny8_credit_transaction_grants %s, %s', transaction_id, grant_id),
	        'the line or the grant is missing'
	 FROM igny8_credit_transaction_grants AS p
	 WHERE p.tenant_id = ?0
	   AND (NOT EXISTS (SELECT FROM igny8_credit_transactions AS t WHERE t.tenant_id = ?0 AND t.id = p.transaction_id)
	     OR NOT EXISTS (SELECT FROM igny8_credit_grants AS g WHERE g.tenant_id = ?0 AND g.id = p.grant_id))`,
	`SELECT 'grant.remaining', 'igny8_credit_grants ' || g.id,
	        format('%s are left, its lines make it %s', g.remaining, coalesce(moved.total, 0))
	 FROM igny8_credit_grants AS g
	 LEFT JOIN (SELECT grant_id, sum(amount) AS total FROM igny8_credit_transaction_grants
	            WHERE tenant_id = ?0 GROUP BY grant_id) AS moved ON moved.grant_id = g.id
	 WHERE g.tenant_id = ?0 AND g.remaining IS DISTINCT FROM moved.total`,
	`SELECT 'grant.amount', 'igny8_credit_grants ' || g.id, format('amount is %s, %s came in', g.amount, coalesce(first.amount, 0))
	 FROM igny8_credit_grants AS g
	 LEFT JOIN (SELECT DISTINCT ON (p.grant_id) p.grant_id, p.amount
	            FROM igny8_credit_transaction_grants AS p
	            JOIN igny8_credit_transactions AS t ON t.tenant_id = p.tenant_id AND t.id = p.transaction_id
	            WHERE p.tenant_id = ?0 AND t.tenant_id = ?0 ORDER BY p.grant_id, t.seq) AS first ON first.grant_id = g.id
	 WHERE g.tenant_id = ?0 AND g.amount IS DISTINCT FROM first.amount`,
	`SELECT 'refund.total', 'igny8_credit_transactions ' || line.id,
	        format('seq %s: %s were given back of %s', line.seq, back.total, -line.amount)
	 FROM igny8_credit_transactions AS line
	 JOIN (SELECT refunds_id, sum(amount) AS total FROM igny8_credit_transactions
	       WHERE tenant_id = ?0 AND refunds_id IS NOT NULL GROUP BY refunds_id) AS back ON back.refunds_id = line.id
	 WHERE line.tenant_id = ?0 AND (line.type <> 'deduction' OR back.total > -line.amount)`,
	`SELECT 'hold.owner', 'igny8_credit_holds ' || hold.id, 'whoever made the hold is not there'
	 FROM igny8_credit_holds AS hold
	 WHERE hold.tenant_id = ?0 AND (NOT EXISTS (SELECT FROM igny8_credit_accounts WHERE tenant_id = ?0)
	   OR hold.actor_kind = 'user' AND NOT EXISTS (
	      SELECT FROM igny8_users AS u WHERE u.tenant_id = ?0 AND u.id = hold.actor_id))`,
	`SELECT 'hold.captured', 'igny8_credit_holds ' || hold.id,
	        format('%s were held, its line is %s', hold.amount, coalesce(line.type || ' of ' || line.amount, 'missing'))
	 FROM igny8_credit_holds AS hold
	 LEFT JOIN igny8_credit_transactions AS line ON line.tenant_id = ?0 AND line.id = hold.transaction_id
	 WHERE hold.tenant_id = ?0 AND hold.status = 'captured'
	   AND (line.id IS NULL OR line.type <> 'deduction' OR -line.amount > hold.amount)`,
	`SELECT 'usage.day', format('igny8_credit_usage_days %s, site %s, %s', day, site_id, coalesce(nullif(operation, ''), 'no operation')),
	        format('%s deducted, %s refunded, %s in %s operations; its lines make it %s, %s, %s in %s',
	               coalesce(d.deducted, 0), coalesce(d.refunded, 0), coalesce(d.quantity, 0), coalesce(d.operations, 0),
	               coalesce(l.deducted, 0), coalesce(l.refunded, 0), coalesce(l.quantity, 0), coalesce(l.operations, 0))
	 FROM (SELECT day, site_id, operation, deducted, refunded, quantity, operations
	       FROM igny8_credit_usage_days WHERE tenant_id = ?0) AS d
	 FULL JOIN (` + useOfLines + `) AS l USING (day, site_id, operation)
	 WHERE (d.deducted, d.refunded, d.quantity, d.operations) IS DISTINCT FROM (l.deducted, l.refunded, l.quantity, l.operations)`,
	`SELECT 'debt.sum', 'igny8_credit_accounts ' || tenant_id, format('debt is %s, its changes add up to %s', debt, total)
	 FROM igny8_credit_accounts, (SELECT coalesce(sum(amount), 0) AS total FROM igny8_credit_debts WHERE tenant_id = ?0) AS changes
	 WHERE tenant_id = ?0 AND debt <> total`,
	`SELECT 'budget.marked', 'igny8_credit_accounts ' || tenant_id, 'says that no site has a budget, and one has'
	 FROM igny8_credit_accounts
	 WHERE tenant_id = ?0 AND NOT has_budgets AND EXISTS (SELECT FROM igny8_site_budgets WHERE tenant_id = ?0)`,
}

// Verify adds an account's ledger up and checks every promise of the package, in one snapshot and
// without changing or locking anything.
func Verify(ctx context.Context, db bun.IDB, tenant gid.Account) (*Verification, error) {
	v := &Verification{Problems: []*Problem{}}
	ctx = postgres.WithTenant(ctx, int64(tenant))
	tx, err := db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return nil, fmt.Errorf("verify ledger: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // nothing was written
	query := `SELECT check_name, row_name, detail FROM (` + strings.Join(checks, "\nUNION ALL\n") + `) AS problem (check_name, row_name, detail)
		ORDER BY check_name, row_name LIMIT ?1`
	if err := tx.NewRaw(query, tenant, MaxProblems).Scan(ctx, &v.Problems); err != nil {
		return nil, fmt.Errorf("verify ledger: %w", err)
	}
	lines := []*Transaction{}
	n, err := scoped(tx, tenant, &lines).Count(ctx)
	if err != nil {
		return nil, fmt.Errorf("count ledger: %w", err)
	}
	v.CheckedLines = n
	return v, nil
}
