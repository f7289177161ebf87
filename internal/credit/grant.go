package credit

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/audit"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres"
)

// Incoming is credits to be granted.
type Incoming struct {
	Tenant gid.Account
	Kind   Kind
	// Amount is in whole credits; 0 grants nothing.
	Amount int64
	// ExpiresAt is when what is left of them expires; nil for never.
	ExpiresAt   *time.Time
	PeriodID    *gid.Period
	PaymentID   *gid.Payment
	Description string
	// IdempotencyKey names the occasion within the account, e.g. period:12. The same occasion
	// grants once, however often it is asked for.
	IdempotencyKey string
	By             audit.By
	At             time.Time
}

// Open starts the ledger of a new account, with nothing in it.
func Open(ctx context.Context, tx bun.Tx, tenant gid.Account) error {
	if _, err := tx.NewInsert().Model(&Account{TenantID: tenant}).Returning("NULL").Exec(ctx); err != nil {
		return fmt.Errorf("open ledger: %w", err)
	}
	return nil
}

// Add grants credits: the grant, its ledger line and the new balance in the caller's transaction. It
// returns the line: the first one's where the occasion was granted before, nil for an amount of 0.
func Add(ctx context.Context, tx bun.Tx, in Incoming) (*Transaction, error) {
	if in.Amount == 0 {
		return nil, nil
	}
	b, err := open(ctx, postgres.Joined(tx), in.Tenant, needs{earliest: in.At, latest: in.At, lineIDs: 2, grantIDs: 1, alone: true}, false)
	if err != nil {
		return nil, err
	}
	before := new(Transaction)
	err = tx.NewSelect().Model(before).
		Where("tenant_id = ?", in.Tenant).Where("idempotency_key = ?", in.IdempotencyKey).Scan(ctx)
	if err == nil {
		return before, nil
	}
	if !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("look for an earlier grant: %w", err)
	}
	granted, err := b.issue(ctx, &Grant{
		Kind: in.Kind, Amount: in.Amount, PeriodID: in.PeriodID, PaymentID: in.PaymentID, ExpiresAt: in.ExpiresAt,
	})
	if err != nil {
		return nil, err
	}
	line := &Transaction{
		Type: Type(in.Kind), Description: in.Description,
		ActorKind: in.By.Kind, ActorID: in.By.ID, IdempotencyKey: in.IdempotencyKey,
	}
	if err := b.write(ctx, line, []move{granted}); err != nil {
		return nil, err
	}
	if err := b.payDebt(ctx, granted.grant); err != nil {
		return nil, err
	}
	b.watch()
	_, err = b.flush(ctx)
	return line, err
}
