package credit

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/live"
	"igny8.com/accounts/internal/postgres"
)

// noMetadata is what a line has that was given none, as Postgres keeps it.
var noMetadata = json.RawMessage(`{}`)

// dirty says whether there is anything to write.
func (b *book) dirty() bool {
	return len(b.lines) > 0 || len(b.made) > 0 || len(b.answers) > 0
}

// The insertions and changes of a flush. Rows travel as one JSON array a table, in the columns' names.
const (
	insertGrants = `INSERT INTO igny8_credit_grants (tenant_id, id, kind, amount, remaining, priority, period_id, payment_id, granted_at, expires_at)
		SELECT tenant_id, id, kind, amount, remaining, priority, period_id, payment_id, granted_at, expires_at
		FROM json_populate_recordset(NULL::igny8_credit_grants, %s::json)`
	insertLines = `INSERT INTO igny8_credit_transactions (tenant_id, id, seq, type, amount, balance_after, operation, quantity, unit_credits,
			unit_size, site_id, refunds_id, description, metadata, actor_kind, actor_id, idempotency_key, created_at)
		SELECT tenant_id, id, seq, type, amount, balance_after, operation, quantity, unit_credits,
			unit_size, site_id, refunds_id, description, metadata, actor_kind, actor_id, idempotency_key, created_at
		FROM json_populate_recordset(NULL::igny8_credit_transactions, %s::json) ORDER BY seq RETURNING id, metadata`
	insertParts = `INSERT INTO igny8_credit_transaction_grants (tenant_id, transaction_id, grant_id, amount)
		SELECT tenant_id, transaction_id, grant_id, amount FROM json_populate_recordset(NULL::igny8_credit_transaction_grants, %s::json)`
	updateGrants = `UPDATE igny8_credit_grants AS g SET remaining = d.remaining
		FROM unnest(%s::bigint[], %s::bigint[]) AS d (id, remaining) WHERE g.tenant_id = $1 AND g.id = d.id`
	insertHolds = `INSERT INTO igny8_credit_holds (tenant_id, id, status, operation, quantity, amount, unit_credits, unit_size, site_id,
			captured_quantity, transaction_id, actor_kind, actor_id, created_at, expires_at, closed_at)
		SELECT tenant_id, id, status, operation, quantity, amount, unit_credits, unit_size, site_id,
			captured_quantity, transaction_id, actor_kind, actor_id, created_at, expires_at, closed_at
		FROM json_populate_recordset(NULL::igny8_credit_holds, %s::json)`
	updateHolds = `UPDATE igny8_credit_holds AS h SET status = d.status, captured_quantity = d.captured_quantity,
			transaction_id = d.transaction_id, closed_at = d.closed_at
		FROM json_populate_recordset(NULL::igny8_credit_holds, %s::json) AS d WHERE h.tenant_id = $1 AND h.id = d.id`
	insertAnswers = `INSERT INTO igny8_credit_requests (tenant_id, operation, key, fingerprint, transaction_id, hold_id, balance, held, last_seq, debt,
			created_at)
		SELECT tenant_id, operation, key, fingerprint, transaction_id, hold_id, balance, held, last_seq, debt, created_at
		FROM json_populate_recordset(NULL::igny8_credit_requests, %s::json)`
	insertUse = `INSERT INTO igny8_credit_usage_days AS used (tenant_id, day, site_id, operation, deducted, refunded, quantity, operations)
		SELECT tenant_id, day, site_id, operation, deducted, refunded, quantity, operations
		FROM json_populate_recordset(NULL::igny8_credit_usage_days, %s::json) ON ` + addUse
	insertAlerts = `INSERT INTO igny8_credit_alerts (tenant_id, available, low_below, created_at)
		SELECT tenant_id, available, low_below, created_at FROM json_populate_recordset(NULL::igny8_credit_alerts, %s::json)`
	insertDebts = `INSERT INTO igny8_credit_debts (tenant_id, amount, debt_after, payment_id, transaction_id, created_at)
		SELECT tenant_id, amount, debt_after, payment_id, transaction_id, created_at
		FROM json_populate_recordset(NULL::igny8_credit_debts, %s::json)`
	updateState = `UPDATE igny8_credit_accounts SET balance = %s, held = %s, last_seq = %s, debt = %s, low_below = %s, low_since = %s WHERE tenant_id = $1`
)

// flush writes all that is pending with one statement, and commits a transaction of the book's own. The
// lines' metadata is read back, so that the first answer and its replay are the same text.
func (b *book) flush(ctx context.Context) (map[gid.CreditTransaction]json.RawMessage, error) {
	w := &reader{args: []any{int64(b.tenant)}}
	var failed error
	rows := func(name, text string, n int, of any) {
		if n == 0 {
			return
		}
		raw, err := json.Marshal(of)
		if err != nil {
			failed = fmt.Errorf("write ledger: %w", err)
		}
		w.add(name, text, string(raw))
	}
	rows("issued", insertGrants, len(b.issued), b.issued)
	rows("line", insertLines, len(b.lines), b.lines)
	rows("debt", insertDebts, len(b.debts), b.debts)
	rows("part", insertParts, len(b.parts), b.parts)
	// These two are there though they may be empty: what is over by chance must not make another statement.
	ids, remaining := b.moved()
	w.add("moved", updateGrants, ids, remaining)
	rows("made", insertHolds, len(b.made), b.made)
	rows("changed", updateHolds, 1, b.changed())
	rows("answer", insertAnswers, len(b.answers), b.answers)
	rows("used", insertUse, len(b.used), b.used)
	rows("alert", insertAlerts, len(b.alerts), b.alerts)
	w.add("", updateState, b.state.Balance, b.state.Held, b.state.LastSeq, b.state.Debt, b.watched.LowBelow, b.watched.LowSince)
	if failed != nil {
		return nil, failed
	}

	var text strings.Builder
	for i, name := range w.names[:len(w.names)-1] {
		text.WriteString(map[bool]string{true: "WITH ", false: ",\n"}[i == 0] + name + " AS (" + w.parts[i] + ")")
	}
	text.WriteString("\n" + w.parts[len(w.parts)-1])
	statement := postgres.Statement{Args: w.args}
	var raw []byte
	if slices.ContainsFunc(b.lines, func(l *Transaction) bool { return len(l.Metadata) > len(noMetadata) }) {
		text.WriteString(" RETURNING (SELECT json_object_agg(line.id, line.metadata) FROM line)")
		statement.Scan = scanJSON(&raw)
	}
	statement.SQL = text.String()
	live.Announce(ctx, live.Topic{Account: b.tenant, Kind: live.Credits})
	if err := b.t.Commit(ctx, statement); err != nil {
		return nil, fmt.Errorf("write ledger: %w", err)
	}
	var kept map[gid.CreditTransaction]json.RawMessage
	err := decode(raw, &kept)
	return kept, err
}

// moved are the grants that were there before and what is left on them.
func (b *book) moved() (ids, remaining []int64) {
	ids, remaining = []int64{}, []int64{}
	fresh := make(map[gid.Grant]bool, len(b.issued))
	for _, g := range b.issued {
		fresh[g.ID] = true
	}
	for id := range b.touched {
		if !fresh[id] {
			ids, remaining = append(ids, int64(id)), append(remaining, b.known[id].Remaining)
		}
	}
	return ids, remaining
}

// changed are the holds that were there before and are not as they were.
func (b *book) changed() []*Hold {
	holds := []*Hold{}
	for id := range b.closed {
		if _, there := b.before[id]; there {
			holds = append(holds, b.holds[id])
		}
	}
	return holds
}
