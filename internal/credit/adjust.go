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
	m, change := in.movement(staff, now)
	// It is staff's, rare, and behind the account's own lock: it shares its transaction with nobody.
	err := postgres.InTx(postgres.WithTenant(ctx, int64(tenant)), db, func(ctx context.Context, tx bun.Tx) error {
		if _, err := account.Lock(ctx, tx, tenant); err != nil {
			for _, f := range fault.Of(err) {
				return f.At("accountId")
			}
			return err
		}
		*change = audit.Change{}
		if err := perform(ctx, postgres.Joined(tx), tenant, []*movement{m}); err != nil {
			return err
		}
		if m.err != nil || change.Action == "" { // it is refused, or was made before
			return m.err
		}
		return audit.Record(ctx, tx, tenant, staff.By(tenant), now, *change)
	})
	if err != nil {
		return nil, err
	}
	return m.result, nil
}

// movement is the correction, and what it changed where it is made.
func (in Adjusting) movement(staff account.Actor, now time.Time) (*movement, *audit.Change) {
	change := &audit.Change{}
	return &movement{
		fingerprint: fingerprint(in.Amount, in.Reason, in.ExpiresAt),
		now:         now, operation: opAdjust, key: in.IdempotencyKey,
		do: func(ctx context.Context, b *book) (*Result, error) {
			before := b.state.Balance
			result, err := b.adjust(ctx, staff, in)
			*change = audit.On("credits.adjusted", "account", b.tenant).From(map[string]any{"balance": before}).
				To(map[string]any{"balance": b.state.Balance, "amount": in.Amount, "reason": in.Reason})
			return result, err
		},
	}, change
}

func (b *book) adjust(ctx context.Context, staff account.Actor, in Adjusting) (*Result, error) {
	var moves []move
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
		return &Result{Transaction: line}, b.payDebt(ctx, moves[0].grant)
	}
	return &Result{Transaction: line}, nil
}
