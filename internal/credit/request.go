package credit

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
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

// copied is the result as it is now, whatever becomes of its parts.
func (r *Result) copied() *Result {
	c := &Result{}
	if r.Transaction != nil {
		line := *r.Transaction
		c.Transaction = &line
	}
	if r.Hold != nil {
		hold := *r.Hold
		c.Hold = &hold
	}
	if r.Credits != nil {
		state := *r.Credits
		c.Credits = &state
	}
	return c
}

// requestKey is what an idempotency key is one of: each command has its own.
type requestKey struct{ operation, key string }

// request is what an idempotency key stood for when it was first used, and what it was answered.
type request struct {
	TenantID  gid.Account `json:"tenant_id"`
	Operation string      `json:"operation"`
	Key       string      `json:"key"`
	// Fingerprint is in hexadecimal digits, as Postgres writes bytes.
	Fingerprint   string                 `json:"fingerprint"`
	TransactionID *gid.CreditTransaction `json:"transaction_id"`
	HoldID        *gid.CreditHold        `json:"hold_id"`
	Balance       int64                  `json:"balance"`
	Held          int64                  `json:"held"`
	LastSeq       int64                  `json:"last_seq"`
	Debt          int64                  `json:"debt"`
	CreatedAt     time.Time              `json:"created_at"`

	// answered is the result where it is known already.
	answered *Result
}

// fingerprint is a hash of an input's facts, in a fixed order.
func fingerprint(facts ...any) string {
	raw, _ := json.Marshal(facts) //nolint:errchkjson // strings, numbers, times and checked JSON always marshal
	sum := sha256.Sum256(raw)
	return `\x` + hex.EncodeToString(sum[:])
}

// command runs a change of an account's credits once for its key, together with those of the same account
// that come at the same time, or in the caller's transaction where db is one.
// Errors: IDEMPOTENCY_CONFLICT where the key was used with other facts, THROTTLED where too many wait, those
// of the gate and of do.
func command(ctx context.Context, db bun.IDB, tenant gid.Account, m *movement) (*Result, error) {
	ctx = postgres.WithTenant(ctx, int64(tenant))
	if pool := postgres.Pool(db); pool != nil {
		return gather(ctx, db, place{pool, tenant, postgres.Staff(ctx)}, m)
	}
	if err := performAll(ctx, db, tenant, []*movement{m}); err != nil {
		return nil, err
	}
	return m.result, m.err
}

// recall answers what the key was answered before; nil where it is new. The ledger is locked, so that
// stays true until the commit.
func (b *book) recall(ctx context.Context, m *movement) (*Result, error) {
	first := b.asked[requestKey{m.operation, m.key}]
	if first == nil {
		return nil, nil
	}
	if first.Fingerprint != m.fingerprint {
		return nil, fault.New(fault.IdempotencyConflict, "this key was used with other input").At("idempotencyKey")
	}
	if first.answered == nil {
		if err := b.recallAll(ctx); err != nil {
			return nil, err
		}
	}
	return first.answered.copied(), nil
}

// recallAll reads what the keys that were used before were answered, all at once.
func (b *book) recallAll(ctx context.Context) error {
	lines, holds := []int64{}, []int64{}
	for _, r := range b.asked {
		if r.answered != nil {
			continue
		}
		if r.TransactionID != nil {
			lines = append(lines, int64(*r.TransactionID))
		}
		if r.HoldID != nil {
			holds = append(holds, int64(*r.HoldID))
		}
	}
	var raw []byte
	r := &reader{args: []any{int64(b.tenant)}}
	r.add("lines", readLines, lines)
	r.add("holds", readHolds, holds)
	err := b.t.Send(ctx, postgres.Statement{
		SQL:  "SELECT json_build_object('lines', " + r.parts[0] + ", 'holds', " + r.parts[1] + ")",
		Args: r.args, Scan: scanJSON(&raw),
	})
	if err != nil {
		return fmt.Errorf("recall idempotency keys: %w", err)
	}
	var read struct {
		Lines []*Transaction `json:"lines"`
		Holds []*Hold        `json:"holds"`
	}
	if err := decode(raw, &read); err != nil {
		return err
	}
	for _, r := range b.asked {
		if r.answered == nil {
			r.answered = r.result(read.Lines, read.Holds)
		}
	}
	return nil
}

// result is what the request was answered. Foreign keys say that its line and hold are there.
func (r *request) result(lines []*Transaction, holds []*Hold) *Result {
	result := &Result{Credits: &Account{TenantID: r.TenantID, Balance: r.Balance, Held: r.Held, LastSeq: r.LastSeq, Debt: r.Debt}}
	for _, line := range lines {
		if r.TransactionID != nil && line.ID == *r.TransactionID {
			result.Transaction = line
		}
	}
	for _, hold := range holds {
		if r.HoldID != nil && hold.ID == *r.HoldID {
			made := *hold
			result.Hold = &made
		}
	}
	if result.Hold != nil && r.Operation == opReserve {
		// A hold is answered as it was made, whatever has become of it.
		h := result.Hold
		h.Status, h.CapturedQuantity, h.TransactionID, h.ClosedAt = HoldOpen, nil, nil, nil
	}
	return result
}

// remember keeps what a movement was answered, for ever.
func (b *book) remember(m *movement, result *Result) {
	r := &request{
		TenantID: b.tenant, Operation: m.operation, Key: m.key, Fingerprint: m.fingerprint, CreatedAt: b.now,
		Balance: result.Credits.Balance, Held: result.Credits.Held, LastSeq: result.Credits.LastSeq, Debt: result.Credits.Debt, answered: result,
	}
	if result.Transaction != nil {
		r.TransactionID = &result.Transaction.ID
	}
	if result.Hold != nil {
		r.HoldID = &result.Hold.ID
	}
	b.answers = append(b.answers, r)
	b.asked[requestKey{m.operation, m.key}] = r
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
