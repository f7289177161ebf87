package billing

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/enum"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/money"
)

// BalanceType is why what an account has with us in money changed.
type BalanceType string

// The types.
const (
	// BalanceExcess is money that came and was not needed for what it was meant for.
	BalanceExcess BalanceType = "excess"
	// BalanceUnused is the unused part of a price.
	BalanceUnused BalanceType = "unused"
	// BalanceApplied went towards a payment.
	BalanceApplied BalanceType = "applied"
	// BalanceReturned came back from a payment that was not made.
	BalanceReturned BalanceType = "returned"
	// BalanceRefund was paid out.
	BalanceRefund BalanceType = "refund"
	// BalanceAdjustment is what staff entered.
	BalanceAdjustment BalanceType = "adjustment"
)

// MarshalGQL writes the enum value.
func (t BalanceType) MarshalGQL(w io.Writer) { enum.Marshal(w, t) }

// UnmarshalGQL reads the enum value.
func (t *BalanceType) UnmarshalGQL(v any) error { return enum.Unmarshal(t, v) }

// BalanceTransaction is one change of what an account has with us in money. Never changed, never removed.
type BalanceTransaction struct {
	bun.BaseModel `bun:"table:igny8_balance_transactions,alias:entry"`

	TenantID     gid.Account    `bun:"tenant_id,pk"`
	ID           int64          `bun:"id,pk,autoincrement"`
	Seq          int64          `bun:"seq"`
	Type         BalanceType    `bun:"type"`
	AmountMinor  int64          `bun:"amount_minor"`
	BalanceAfter int64          `bun:"balance_after"`
	Currency     money.Currency `bun:"currency"`
	PaymentID    *gid.Payment   `bun:"payment_id"`
	Description  string         `bun:"description"`
	CreatedAt    time.Time      `bun:"created_at"`
}

// Tenant is the account whose money it is.
func (b *BalanceTransaction) Tenant() gid.Account { return b.TenantID }

// Amount is by how much the balance changed: positive came in.
func (b *BalanceTransaction) Amount() money.Money {
	return money.Money{Minor: b.AmountMinor, Currency: b.Currency}
}

// balance is where an account's money with us stands.
type balance struct {
	minor    int64
	currency money.Currency
	seq      int64
}

func readBalance(ctx context.Context, tx bun.Tx, tenant gid.Account) (balance, error) {
	newest := new(BalanceTransaction)
	err := tx.NewSelect().Model(newest).Where("tenant_id = ?", tenant).Order("seq DESC").Limit(1).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return balance{}, nil
	}
	if err != nil {
		return balance{}, fmt.Errorf("read balance: %w", err)
	}
	return balance{minor: newest.BalanceAfter, currency: newest.Currency, seq: newest.Seq}, nil
}

// applicable is how much of a sum the account can pay from what it has with us.
func (a *agreement) applicable(sum money.Money) int64 {
	if a.balance.currency != sum.Currency {
		return 0
	}
	return min(a.balance.minor, sum.Minor)
}

// enter writes one change of what the account has with us; p is the payment that it has to do with, or nil.
func (a *agreement) enter(
	ctx context.Context, tx bun.Tx, kind BalanceType, minor int64, currency money.Currency, p *gid.Payment, description string,
	now time.Time,
) error {
	if a.balance.minor > 0 && a.balance.currency != currency {
		return fmt.Errorf("enter %d %s: the account's balance is in %s", minor, currency, a.balance.currency)
	}
	row := &BalanceTransaction{
		TenantID: a.account.ID, Seq: a.balance.seq + 1, Type: kind, AmountMinor: minor, BalanceAfter: a.balance.minor + minor,
		Currency: currency, PaymentID: p, Description: description, CreatedAt: now,
	}
	if _, err := tx.NewInsert().Model(row).Returning("id").Exec(ctx); err != nil {
		return fmt.Errorf("enter a change of the balance: %w", err)
	}
	a.balance = balance{minor: row.BalanceAfter, currency: currency, seq: row.Seq}
	return nil
}
