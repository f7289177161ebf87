package credit

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
)

// Refunding is which deduction is to be given back.
type Refunding struct {
	TransactionID gid.CreditTransaction
	// Amount is in whole credits; nil for all that was not given back before.
	Amount         *int64
	Reason         string
	IdempotencyKey string
}

// leastRefundLife is how long a refund lives at least, so that the operation can be tried again.
const leastRefundLife = time.Hour

// RefundLine gives credits of a failed operation back, in whole or in part, never more in total than
// were deducted, to the grants that they came from: to the one that burnt last first, so that what stays
// deducted is what a cheaper operation would have burnt.
//
// Credits of a grant that has expired since come back as a grant of their own, which lives as long as the
// old one had still to live when they were deducted, and an hour at least: a refund restores what was
// lost, and never makes credits live longer.
//
// Errors: REQUIRED, TOO_LONG, INVALID, NOT_FOUND, INVALID_STATE for a line that is no deduction or was
// given back, IDEMPOTENCY_CONFLICT.
func RefundLine(ctx context.Context, db bun.IDB, actor account.Actor, now time.Time, in Refunding) (*Result, error) {
	m, err := in.movement(actor, now)
	if err != nil {
		return nil, err
	}
	return command(ctx, db, actor.AccountID(), m)
}

func (in Refunding) movement(actor account.Actor, now time.Time) (*movement, error) {
	in.Reason = strings.TrimSpace(in.Reason)
	var faults fault.List
	if in.Amount != nil && *in.Amount < 1 {
		faults.Add(fault.New(fault.Invalid, "at least 1 credit").At("amount"))
	}
	faults.Add(fault.CheckText(in.Reason, "reason", maxDescription))
	faults.Add(fault.CheckIdempotencyKey(in.IdempotencyKey))
	if err := faults.Err(); err != nil {
		return nil, err
	}
	return &movement{
		fingerprint: fingerprint(factsOf(actor, in.TransactionID, in.Amount, in.Reason)...),
		now:         now, operation: opRefund, key: in.IdempotencyKey, actor: &actor, refund: &in.TransactionID,
		do: func(ctx context.Context, b *book) (*Result, error) {
			deducted, sources, err := b.refundable(actor, in.TransactionID)
			if err != nil {
				return nil, err
			}
			var left int64
			for _, s := range sources {
				left += s.amount
			}
			amount := left
			if in.Amount != nil {
				amount = *in.Amount
			}
			switch {
			case left == 0:
				return nil, fault.New(fault.InvalidState, "this was given back before").At("transactionId")
			case amount > left:
				return nil, fault.New(fault.Invalid, "at most %d credits are left to give back", left).At("amount").With("left", left)
			}
			moves, err := b.giveBack(ctx, deducted, sources, amount)
			if err != nil {
				return nil, err
			}
			by := actor.By(b.tenant)
			line := &Transaction{
				Type: Type(Refund), Operation: deducted.Operation, SiteID: deducted.SiteID, RefundsID: &deducted.ID,
				Description: in.Reason, ActorKind: by.Kind, ActorID: by.ID, IdempotencyKey: lineKey(opRefund, in.IdempotencyKey),
			}
			b.refunded(deducted.ID, amount)
			return &Result{Transaction: line}, b.write(ctx, line, moves)
		},
	}, nil
}

// refundable is a line that may be given back: what it took from which grants, and how much of it was given
// back before.
type refundable struct {
	line    *Transaction
	sources []move
	given   int64
}

// refunded counts what is given back now.
func (b *book) refunded(id gid.CreditTransaction, amount int64) {
	r := b.refunding[id]
	b.undo = append(b.undo, func() { r.given -= amount })
	r.given += amount
}

// refundable is a deduction and what of it was not given back yet, by the grants that it came from,
// in the order in which they burnt. Earlier refunds took from the end of that order.
func (b *book) refundable(actor account.Actor, id gid.CreditTransaction) (*Transaction, []move, error) {
	r := b.refunding[id]
	if r == nil || !concerns(actor, r.line.SiteID) {
		return nil, nil, fault.New(fault.NotFound, "there is no such transaction").At("transactionId")
	}
	line, given := r.line, r.given
	if line.Type != Deduction {
		return nil, nil, fault.New(fault.InvalidState, "only deductions can be given back").At("transactionId")
	}
	moves := slices.Clone(r.sources)
	slices.SortFunc(moves, func(a, b move) int { return burnsBefore(a.grant, b.grant) })
	var taken int64
	for _, s := range moves {
		taken += s.amount
	}
	if taken != -line.Amount {
		return nil, nil, fmt.Errorf("line %d took %d credits and its grants gave %d", id, -line.Amount, taken)
	}
	for i := len(moves) - 1; i >= 0; i-- {
		n := min(moves[i].amount, given)
		moves[i].amount -= n
		given -= n
	}
	return line, moves, nil
}

// giveBack puts credits back on what they came from, the last burnt first.
func (b *book) giveBack(ctx context.Context, deducted *Transaction, sources []move, amount int64) ([]move, error) {
	var moves []move
	for _, s := range slices.Backward(sources) {
		n := min(s.amount, amount)
		if n == 0 {
			continue
		}
		amount -= n
		g := s.grant
		if !g.over(b.now) {
			b.keep(g, g.Remaining+n)
			moves = append(moves, move{g, n})
			continue
		}
		until := b.now.Add(max(g.ExpiresAt.Sub(deducted.CreatedAt), leastRefundLife))
		again, err := b.issue(ctx, &Grant{Kind: Refund, Amount: n, ExpiresAt: &until})
		if err != nil {
			return nil, err
		}
		moves = append(moves, again)
	}
	return moves, nil
}
