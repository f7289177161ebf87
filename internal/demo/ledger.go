package demo

import (
	"encoding/json"
	"strconv"
	"time"

	"igny8.com/accounts/internal/audit"
	"igny8.com/accounts/internal/credit"
)

// What the lines say for people.
const (
	openingBalance  = "Balance carried over from the system before this one"
	openingGrant    = "Credits granted in the system before this one"
	unrecordedUsage = "Usage in the system before this one; its single amounts were not recorded, so this is an even share of the total"
)

// ledger is the account's lines, oldest first: the opening, the usage of which only the sum is known, split
// as evenly as whole numbers allow, and the deductions that were recorded. The balance after the last
// line is the account's; an account that was never given anything has no lines.
//
// All lines bear the instant of loading, because none of theirs was recorded; seq tells their order.
func (t *tenant) ledger(now time.Time) []*credit.Transaction {
	if t.granted == 0 {
		return nil
	}
	l := &book{tenant: t, now: now}
	text := openingBalance
	if t.usage.lines > 0 {
		text = openingGrant
	}
	l.add(&credit.Transaction{Type: credit.Type(credit.Opening), Amount: t.granted, Description: text})

	total, n := t.unrecorded()
	for i := int64(1); i <= n; i++ {
		l.add(&credit.Transaction{
			// The share of i is what brings the sum so far to i n-ths of the total.
			Type: credit.Deduction, Amount: -(total*i/n - total*(i-1)/n), Description: unrecordedUsage,
			Metadata: json.RawMessage(`{"reconstructed": true}`),
		})
	}
	for _, d := range t.usage.last {
		// The operation costs the same for each call, so one line is one call.
		operation, quantity := d.operation, int64(1)
		l.add(&credit.Transaction{
			Type: credit.Deduction, Amount: d.amount, Operation: &operation, Quantity: &quantity, Description: string(d.operation),
		})
	}
	return l.lines
}

// unrecorded is how many credits were used in how many lines of which no amount was recorded.
func (t *tenant) unrecorded() (total, lines int64) {
	if t.usage.lines == 0 {
		return 0, 0
	}
	total = t.granted - t.balance
	for _, d := range t.usage.last {
		total += d.amount
	}
	return total, int64(t.usage.lines - 1 - len(t.usage.last))
}

// grant is where all of the account's credits came from; nil for an account that was given none.
func (t *tenant) grant(now time.Time) *credit.Grant {
	if t.granted == 0 {
		return nil
	}
	return &credit.Grant{
		TenantID: t.id, Kind: credit.Opening, Amount: t.granted, Remaining: t.balance,
		Priority: credit.Opening.Priority(), GrantedAt: now,
	}
}

// book writes lines one after the other.
type book struct {
	tenant  *tenant
	now     time.Time
	balance int64
	lines   []*credit.Transaction
}

func (b *book) add(line *credit.Transaction) {
	b.balance += line.Amount
	line.TenantID, line.Seq, line.BalanceAfter = b.tenant.id, int64(len(b.lines))+1, b.balance
	line.ActorKind, line.CreatedAt = audit.System, b.now
	line.IdempotencyKey = "opening:" + strconv.FormatInt(line.Seq, 10)
	b.lines = append(b.lines, line)
}
