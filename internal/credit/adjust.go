package credit

import (
	"context"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/audit"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/period"
	"igny8.com/accounts/internal/postgres"
)

// Adjusting is a correction of an account's balance by staff.
type Adjusting struct {
	AccountID gid.Account
	// Amount is in whole credits: given where positive, taken where negative.
	Amount int64
	// Reason is for the account's people to read.
	Reason string
	// ExpiresAt is when given credits expire; nil for never.
	ExpiresAt      *time.Time
	IdempotencyKey string
}

// MaxAdjustment is the most credits that one correction gives or takes.
const MaxAdjustment = 100_000_000

// Adjust corrects an account's balance, with an audit event in its log. What is taken burns like a
// deduction and never exceeds what is available. Errors: REQUIRED, TOO_LONG, INVALID, NOT_FOUND at
// accountId, INSUFFICIENT_CREDITS, IDEMPOTENCY_CONFLICT.
func Adjust(ctx context.Context, db bun.IDB, staff account.Actor, now time.Time, in Adjusting) (*Result, error) {
	in.Reason = strings.TrimSpace(in.Reason)
	if in.ExpiresAt != nil {
		kept := period.Instant(*in.ExpiresAt)
		in.ExpiresAt = &kept
	}
	var faults fault.List
	if in.Amount == 0 || in.Amount > MaxAdjustment || in.Amount < -MaxAdjustment {
		faults.Add(fault.New(fault.Invalid, "1 to %d credits, given or taken", MaxAdjustment).At("amount"))
	}
	if in.ExpiresAt != nil && (in.Amount < 0 || !in.ExpiresAt.After(now)) {
		faults.Add(fault.New(fault.Invalid, "only credits that are given expire, and in the future").At("expiresAt"))
	}
	faults.Add(fault.CheckText(in.Reason, "reason", maxDescription))
	faults.Add(fault.CheckIdempotencyKey(in.IdempotencyKey))
	if err := faults.Err(); err != nil {
		return nil, err
	}
	tenant := in.AccountID
	var result *Result
	err := postgres.InTx(postgres.WithTenant(ctx, int64(tenant)), db, func(ctx context.Context, tx bun.Tx) error {
		if _, err := account.Lock(ctx, tx, tenant); err != nil {
			for _, f := range fault.Of(err) {
				return f.At("accountId")
			}
			return err
		}
		var err error
		facts := []any{in.Amount, in.Reason, in.ExpiresAt}
		result, err = commandIn(ctx, tx, tenant, now, opAdjust, in.IdempotencyKey, facts,
			func(ctx context.Context, b *book) (*Result, error) { return b.adjust(ctx, staff, in) })
		return err
	})
	if err != nil {
		return nil, err
	}
	return result, nil
}

func (b *book) adjust(ctx context.Context, staff account.Actor, in Adjusting) (*Result, error) {
	var moves []move
	before := b.state.Balance
	if in.Amount > 0 {
		given, err := b.issue(ctx, &Grant{Kind: Adjustment, Amount: in.Amount, ExpiresAt: in.ExpiresAt})
		if err != nil {
			return nil, err
		}
		moves = []move{given}
	} else {
		if err := b.afford(-in.Amount); err != nil {
			return nil, err
		}
		var err error
		if moves, err = b.burn(-in.Amount, false); err != nil {
			return nil, err
		}
	}
	by := staff.By(b.tenant)
	line := &Transaction{
		Type: Type(Adjustment), Description: in.Reason, ActorKind: by.Kind, ActorID: by.ID,
		IdempotencyKey: lineKey(opAdjust, in.IdempotencyKey),
	}
	if err := b.write(ctx, line, moves); err != nil {
		return nil, err
	}
	if in.Amount > 0 {
		if err := b.payDebt(ctx, moves[0].grant); err != nil {
			return nil, err
		}
	}
	change := audit.On("credits.adjusted", "account", b.tenant).From(map[string]any{"balance": before}).
		To(map[string]any{"balance": b.state.Balance, "amount": in.Amount, "reason": in.Reason})
	return &Result{Transaction: line}, audit.Record(ctx, b.tx, b.tenant, by, b.now, change)
}
