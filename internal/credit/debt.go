package credit

import (
	"context"
	"fmt"
	"math/big"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/audit"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres"
)

// Reversing is which part of what a payment granted is to be taken back.
type Reversing struct {
	Tenant    gid.Account
	PaymentID gid.Payment
	// Part of Whole is how much of the payment went back by now, and Before how many credits that took back or
	// left as a debt until now.
	Part, Whole, Before int64
	Description         string
	IdempotencyKey      string
	By                  audit.By
	At                  time.Time
}

// debtChange is one change of a debt: what a refund left of it, or what a grant paid.
type debtChange struct {
	TenantID      gid.Account            `json:"tenant_id"`
	Amount        int64                  `json:"amount"`
	DebtAfter     int64                  `json:"debt_after"`
	PaymentID     *gid.Payment           `json:"payment_id"`
	TransactionID *gid.CreditTransaction `json:"transaction_id"`
	CreatedAt     time.Time              `json:"created_at"`
}

// TakeBack takes back credits that a refunded payment had granted, in proportion to what went back and rounded
// down: those that expired unused are nobody's debt. What is unspent goes first, from the payment's own grants and
// then from the others in the order in which they burn; what is set aside for running operations stays. What
// cannot be taken was spent, and is owed: the next grant pays it. It says how many were taken and how many are owed.
func TakeBack(ctx context.Context, tx bun.Tx, in Reversing) (taken, owed int64, err error) {
	b, err := open(ctx, postgres.Joined(tx), in.Tenant, needs{earliest: in.At, latest: in.At, lineIDs: 1}, false)
	if err != nil {
		return 0, 0, err
	}
	// What expires now is not in the database before the flush.
	if _, err := b.sweep(ctx); err != nil {
		return 0, 0, err
	}
	used, err := b.usedOf(ctx, tx, in.PaymentID)
	if err != nil {
		return 0, 0, err
	}
	due := new(big.Int).Mul(big.NewInt(used), big.NewInt(in.Part))
	return b.takeBack(ctx, in, max(0, due.Quo(due, big.NewInt(in.Whole)).Int64()-in.Before))
}

// takeBack takes back as much of so many credits as is there, leaves the rest as a debt, and writes it.
func (b *book) takeBack(ctx context.Context, in Reversing, due int64) (taken, owed int64, err error) {
	if taken = min(due, max(0, b.state.Available())); taken > 0 {
		if err := b.reverse(ctx, in, taken); err != nil {
			return 0, 0, err
		}
	}
	if owed = due - taken; owed > 0 {
		b.owe(&debtChange{Amount: owed, PaymentID: &in.PaymentID})
	}
	b.watch()
	_, err = b.flush(ctx)
	return taken, owed, err
}

// usedOf is how many credits a payment granted, less those of them that expired unused.
func (b *book) usedOf(ctx context.Context, tx bun.Tx, payment gid.Payment) (int64, error) {
	var used int64
	err := tx.NewRaw(`SELECT coalesce(sum(amount), 0)::bigint + coalesce((
			SELECT sum(p.amount) FROM igny8_credit_transaction_grants AS p
			JOIN igny8_credit_grants AS g ON g.tenant_id = p.tenant_id AND g.id = p.grant_id
			JOIN igny8_credit_transactions AS t ON t.tenant_id = p.tenant_id AND t.id = p.transaction_id
			WHERE p.tenant_id = ?0 AND g.tenant_id = ?0 AND t.tenant_id = ?0 AND g.payment_id = ?1 AND t.type = 'expiration'), 0)::bigint
		FROM igny8_credit_grants WHERE tenant_id = ?0 AND payment_id = ?1`, b.tenant, payment).Scan(ctx, &used)
	if err != nil {
		return 0, fmt.Errorf("read what a payment granted: %w", err)
	}
	for _, p := range b.parts {
		if g := b.known[p.GrantID]; g.PaymentID != nil && *g.PaymentID == payment {
			used += p.Amount
		}
	}
	return used, nil
}

// reverse takes credits from the payment's own grants first.
func (b *book) reverse(ctx context.Context, in Reversing, amount int64) error {
	var moves []move
	left := amount
	for _, g := range slices.Clone(b.grants) {
		if g.PaymentID == nil || *g.PaymentID != in.PaymentID || g.over(b.now) {
			continue
		}
		if n := min(g.Remaining, left); n > 0 {
			b.keep(g, g.Remaining-n)
			left -= n
			moves = append(moves, move{g, -n})
		}
	}
	others, err := b.burn(left, false)
	if err != nil {
		return err
	}
	line := &Transaction{
		Type: Reversal, Description: in.Description, ActorKind: in.By.Kind, ActorID: in.By.ID, IdempotencyKey: in.IdempotencyKey,
	}
	return b.write(ctx, line, append(moves, others...))
}

// payDebt has a grant that just came in pay what is owed, as a line of its own.
func (b *book) payDebt(ctx context.Context, g *Grant) error {
	n := min(b.state.Debt, g.Remaining)
	if n == 0 {
		return nil
	}
	b.keep(g, g.Remaining-n)
	line := &Transaction{
		Type: DebtPaid, Description: "For credits that were spent of a refunded payment", ActorKind: audit.System,
		IdempotencyKey: fmt.Sprintf("debt:%d", g.ID),
	}
	if err := b.write(ctx, line, []move{{g, -n}}); err != nil {
		return err
	}
	b.owe(&debtChange{Amount: -n, TransactionID: &line.ID})
	return nil
}

// owe changes the debt.
func (b *book) owe(c *debtChange) {
	b.state.Debt += c.Amount
	c.TenantID, c.DebtAfter, c.CreatedAt = b.tenant, b.state.Debt, b.now
	b.debts = append(b.debts, c)
}
