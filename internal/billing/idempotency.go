package billing

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
)

// remembered is what an idempotency key stood for when it was first used.
type remembered struct {
	bun.BaseModel `bun:"table:igny8_idempotency_keys,alias:remembered"`

	TenantID    gid.Account `bun:"tenant_id,pk"`
	Operation   string      `bun:"operation,pk"`
	Key         string      `bun:"key,pk"`
	Fingerprint []byte      `bun:"fingerprint"`
	// SubjectID is the payment that the command made or decided on; of a refund, the refund's own id.
	SubjectID gid.Payment `bun:"subject_id"`
	CreatedAt time.Time   `bun:"created_at"`
}

// fingerprint is a hash of an input's facts, in a fixed order. Each is quoted, so that no two lists of
// facts read alike.
func fingerprint(facts ...any) []byte {
	sum := sha256.New()
	for _, fact := range facts {
		// Writing to a hash cannot fail.
		_, _ = fmt.Fprintf(sum, "%q,", fmt.Sprint(fact))
	}
	return sum.Sum(nil)
}

// recall finds the payment that the key stood for; 0 where the key is new. The caller holds the
// account's lock, so the answer stays true until it commits. Errors: IDEMPOTENCY_CONFLICT where the
// key was used with other facts.
func recall(ctx context.Context, tx bun.Tx, tenant gid.Account, operation, key string, facts []byte) (gid.Payment, error) {
	id, _, err := recallAny(ctx, tx, tenant, operation, key, facts)
	return id, err
}

// recallAny is recall for commands that may have made no payment: it says whether the key was used.
func recallAny(
	ctx context.Context, tx bun.Tx, tenant gid.Account, operation, key string, facts []byte,
) (id gid.Payment, used bool, err error) {
	rows := []*remembered{}
	err = tx.NewSelect().Model(&rows).
		Where("tenant_id = ?", tenant).Where("operation = ?", operation).Where("key = ?", key).Scan(ctx)
	if err != nil {
		return 0, false, fmt.Errorf("recall idempotency key: %w", err)
	}
	if len(rows) == 0 {
		return 0, false, nil
	}
	if !bytes.Equal(rows[0].Fingerprint, facts) {
		return 0, true, fault.New(fault.IdempotencyConflict, "this key was used with other input").At("idempotencyKey")
	}
	return rows[0].SubjectID, true, nil
}

func remember(ctx context.Context, tx bun.Tx, r *remembered) error {
	if _, err := tx.NewInsert().Model(r).Returning("NULL").Exec(ctx); err != nil {
		return fmt.Errorf("remember idempotency key: %w", err)
	}
	return nil
}

// checkDay refuses days that have not begun anywhere on earth.
func checkDay(day, now time.Time, field string) *fault.Error {
	const furthestEast = 14 * time.Hour
	if day.After(now.Add(furthestEast)) {
		return fault.New(fault.Invalid, "this day is in the future").At(field)
	}
	if day.Year() < 2000 {
		return fault.New(fault.Invalid, "this day is too long ago").At(field)
	}
	return nil
}
