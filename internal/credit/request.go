package credit

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres"
)

// Result is what a command did. A command that is said again with the same key and input answers the
// first one's result, equal in every field.
type Result struct {
	// Transaction is the ledger line; nil for commands that only set aside or free.
	Transaction *Transaction
	// Hold is as the command left it; nil for commands without one.
	Hold *Hold
	// Credits is the account's state right after the command.
	Credits *Account
}

// request is what an idempotency key stood for when it was first used, and what it was answered.
type request struct {
	bun.BaseModel `bun:"table:igny8_credit_requests,alias:request"`

	TenantID      gid.Account            `bun:"tenant_id,pk"`
	Operation     string                 `bun:"operation,pk"`
	Key           string                 `bun:"key,pk"`
	Fingerprint   []byte                 `bun:"fingerprint"`
	TransactionID *gid.CreditTransaction `bun:"transaction_id"`
	HoldID        *gid.CreditHold        `bun:"hold_id"`
	Balance       int64                  `bun:"balance"`
	Held          int64                  `bun:"held"`
	LastSeq       int64                  `bun:"last_seq"`
	CreatedAt     time.Time              `bun:"created_at"`
}

// command runs a change of an account's credits once for its key, in one transaction behind the
// account's lock. facts are the whole input; do is not called for a key that was used before. Errors:
// IDEMPOTENCY_CONFLICT where the key was used with other facts, and those of do.
func command(
	ctx context.Context, db bun.IDB, tenant gid.Account, now time.Time, operation, key string, facts []any, do change,
) (*Result, error) {
	var result *Result
	err := postgres.InTx(postgres.WithTenant(ctx, int64(tenant)), db, func(ctx context.Context, tx bun.Tx) error {
		var err error
		result, err = commandIn(ctx, tx, tenant, now, operation, key, facts, do)
		return err
	})
	if err != nil {
		return nil, err
	}
	return result, nil
}

// change is what a command does behind the lock.
type change func(ctx context.Context, b *book) (*Result, error)

func commandIn(
	ctx context.Context, tx bun.Tx, tenant gid.Account, now time.Time, operation, key string, facts []any, do change,
) (*Result, error) {
	b, err := lock(ctx, tx, tenant, now, false)
	if err != nil {
		return nil, err
	}
	req := &request{TenantID: tenant, Operation: operation, Key: key, Fingerprint: fingerprint(facts), CreatedAt: now}
	if first, err := req.recall(ctx, tx); err != nil || first != nil {
		if first != nil {
			first.Credits.Debt = b.state.Debt // as it is now: it moves by refunds and grants alone
		}
		return first, err
	}
	if _, err := b.open(ctx); err != nil {
		return nil, err
	}
	result, err := do(ctx, b)
	if err != nil {
		return nil, err
	}
	if err := b.close(ctx); err != nil {
		return nil, err
	}
	result.Credits = b.state
	return result, req.remember(ctx, tx, result)
}

// fingerprint is a hash of an input's facts, in a fixed order.
func fingerprint(facts []any) []byte {
	raw, _ := json.Marshal(facts) //nolint:errchkjson // strings, numbers, times and checked JSON always marshal
	sum := sha256.Sum256(raw)
	return sum[:]
}

// recall answers what the key was answered before; nil where it is new. The ledger is locked, so that
// stays true until the commit.
func (r *request) recall(ctx context.Context, tx bun.Tx) (*Result, error) {
	rows := []*request{}
	err := tx.NewSelect().Model(&rows).Where("tenant_id = ?", r.TenantID).
		Where("operation = ?", r.Operation).Where("key = ?", r.Key).Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("recall idempotency key: %w", err)
	}
	if len(rows) == 0 {
		return nil, nil
	}
	first := rows[0]
	if !bytes.Equal(first.Fingerprint, r.Fingerprint) {
		return nil, fault.New(fault.IdempotencyConflict, "this key was used with other input").At("idempotencyKey")
	}
	result := &Result{Credits: &Account{
		TenantID: first.TenantID, Balance: first.Balance, Held: first.Held, LastSeq: first.LastSeq,
	}}
	if first.TransactionID != nil {
		lines, err := TransactionsByIDs(ctx, tx, r.TenantID, []gid.CreditTransaction{*first.TransactionID})
		if err != nil {
			return nil, err
		}
		result.Transaction = lines[0] // a foreign key says that it is there
	}
	if first.HoldID != nil {
		holds, err := HoldsByIDs(ctx, tx, r.TenantID, []gid.CreditHold{*first.HoldID})
		if err != nil {
			return nil, err
		}
		result.Hold = holds[0] // a foreign key says that it is there
		if r.Operation == opReserve {
			// A hold is answered as it was made, whatever has become of it.
			h := result.Hold
			h.Status, h.CapturedQuantity, h.TransactionID, h.ClosedAt = HoldOpen, nil, nil, nil
		}
	}
	return result, nil
}

func (r *request) remember(ctx context.Context, tx bun.Tx, result *Result) error {
	r.Balance, r.Held, r.LastSeq = result.Credits.Balance, result.Credits.Held, result.Credits.LastSeq
	if result.Transaction != nil {
		r.TransactionID = &result.Transaction.ID
	}
	if result.Hold != nil {
		r.HoldID = &result.Hold.ID
	}
	if _, err := tx.NewInsert().Model(r).Returning("NULL").Exec(ctx); err != nil {
		return fmt.Errorf("remember idempotency key: %w", err)
	}
	return nil
}

// The commands, as the database names them. A line bears command and key together, so that no key of a
// client's can stand for an occasion of the service's own, such as period:12.
const (
	opSpend   = "spend"
	opReserve = "reserve"
	opCapture = "capture"
	opRelease = "release"
	opRefund  = "refund"
	opAdjust  = "adjust"
)

func lineKey(operation, key string) string { return operation + ":" + key }

const (
	maxDescription = 500
	// maxMetadata is in bytes of JSON.
	maxMetadata = 4096
)
