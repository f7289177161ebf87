//go:build linux

package torture_test

import (
	"context"
	"fmt"

	"igny8.com/accounts/internal/credit"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres"
)

// findings are what an audit found wrong.
type findings struct {
	// lost are movements that a client was told of and the database does not know as they were told.
	lost []string
	// duplicated counts lines and holds beyond one a key.
	duplicated int64
	// unsound are rows that break a promise of the ledger.
	unsound []string
}

func (f *findings) clean() bool { return len(f.lost)+len(f.unsound) == 0 && f.duplicated == 0 }

func (f *findings) String() string {
	const most = 10
	return fmt.Sprintf("%d lost %v, %d duplicated, %d unsound %v",
		len(f.lost), f.lost[:min(most, len(f.lost))], f.duplicated, len(f.unsound), f.unsound[:min(most, len(f.unsound))])
}

func (f *findings) add(other *findings) {
	f.lost = append(f.lost, other.lost...)
	f.duplicated += other.duplicated
	f.unsound = append(f.unsound, other.unsound...)
}

// examine compares what an account was told with what the database knows, and verifies its ledger. It goes
// past all policies, as whoever looks at the tables themselves. Clients may go on meanwhile.
func examine(ctx context.Context, admin *postgres.DB, account gid.Account, movements []*movement) (*findings, error) {
	f := &findings{}
	known, err := stored(ctx, admin, account, movements)
	if err != nil {
		return nil, err
	}
	for _, m := range movements {
		switch row, ok := known[m.name()]; {
		case !ok:
			f.lost = append(f.lost, fmt.Sprintf("%s of account %d, told %+v", m.name(), account, m.told))
		case row != m.told:
			f.lost = append(f.lost, fmt.Sprintf("%s of account %d, told %+v, is %+v", m.name(), account, m.told, row))
		}
	}
	// The rows that movements leave, against the keys that movements have. One statement is one snapshot.
	const beyond = `SELECT
		(SELECT count(*) FROM igny8_credit_transactions WHERE tenant_id = $1 AND type IN ('deduction', 'refund'))
		- (SELECT count(DISTINCT transaction_id) FROM igny8_credit_requests WHERE tenant_id = $1),
		(SELECT count(*) - count(DISTINCT idempotency_key) FROM igny8_credit_transactions WHERE tenant_id = $1),
		(SELECT count(*) FROM igny8_credit_holds WHERE tenant_id = $1)
		- (SELECT count(DISTINCT hold_id) FROM igny8_credit_requests WHERE tenant_id = $1 AND operation = 'reserve')`
	var lines, keys, holds int64
	if err := admin.Pool.QueryRow(ctx, beyond, int64(account)).Scan(&lines, &keys, &holds); err != nil {
		return nil, fmt.Errorf("count rows beyond one a key: %w", err)
	}
	f.duplicated = max(lines, 0) + max(keys, 0) + max(holds, 0)

	verification, err := credit.Verify(ctx, admin.DB, account)
	if err != nil {
		return nil, err
	}
	for _, p := range verification.Problems {
		f.unsound = append(f.unsound, fmt.Sprintf("account %d: %s", account, p))
	}
	return f, nil
}

// stored reads what the database knows of movements, by their names: the ledger's own lines, found by the
// key that was answered.
func stored(ctx context.Context, admin *postgres.DB, account gid.Account, movements []*movement) (map[string]told, error) {
	commands, keys := make([]string, len(movements)), make([]string, len(movements))
	for i, m := range movements {
		commands[i], keys[i] = m.command, m.key
	}
	const query = `SELECT asked.command || ':' || asked.key, coalesce('ctx_' || line.id, ''), coalesce(line.seq, 0),
			coalesce(line.amount, 0), coalesce(line.balance_after, 0), coalesce('hold_' || hold.id, ''), answered.balance, answered.held
		FROM unnest($2::text[], $3::text[]) AS asked (command, key)
		JOIN igny8_credit_requests AS answered
			ON answered.tenant_id = $1 AND answered.operation = asked.command AND answered.key = asked.key
		LEFT JOIN igny8_credit_transactions AS line
			ON line.tenant_id = $1 AND line.idempotency_key = asked.command || ':' || asked.key
		LEFT JOIN igny8_credit_holds AS hold ON hold.tenant_id = $1 AND hold.id = answered.hold_id`
	rows, err := admin.Pool.Query(ctx, query, int64(account), commands, keys)
	if err != nil {
		return nil, fmt.Errorf("read movements: %w", err)
	}
	defer rows.Close()
	known := make(map[string]told, len(movements))
	for rows.Next() {
		var name string
		var row told
		if err := rows.Scan(&name, &row.Line, &row.Seq, &row.Amount, &row.BalanceAfter, &row.Hold, &row.Balance, &row.Held); err != nil {
			return nil, fmt.Errorf("read a movement: %w", err)
		}
		known[name] = row
	}
	return known, rows.Err()
}
