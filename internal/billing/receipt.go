package billing

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/enum"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/money"
)

const (
	// MaxReceipts is how many sums can come in for one payment.
	MaxReceipts = 100
	// amountField and reasonField are how inputs and the log name a sum, and why something is as it is.
	amountField, reasonField = "amount", "reason"
	// maxReceived bounds one sum in minor units, so that those of a payment add up.
	maxReceived = 1_000_000_000_000
)

// ReceiptStatus is what became of a sum that came in.
type ReceiptStatus string

// The statuses of a receipt.
const (
	// ReceiptHeld waits, for the rest of its payment or for a decision.
	ReceiptHeld ReceiptStatus = "held"
	// ReceiptUsed went into its payment as a whole.
	ReceiptUsed ReceiptStatus = "used"
	// ReceiptCredited became the account's balance, as far as its payment did not need it.
	ReceiptCredited ReceiptStatus = "credited"
	// ReceiptReturned went back, as far as its payment did not need it.
	ReceiptReturned ReceiptStatus = "returned"
)

// MarshalGQL writes the enum value.
func (s ReceiptStatus) MarshalGQL(w io.Writer) { enum.Marshal(w, s) }

// UnmarshalGQL reads the enum value.
func (s *ReceiptStatus) UnmarshalGQL(v any) error { return enum.Unmarshal(s, v) }

// Receipt is one sum that came in for a bank transfer. What came in never changes; what became of it is written
// when that is known.
type Receipt struct {
	bun.BaseModel `bun:"table:igny8_receipts,alias:receipt"`

	TenantID    gid.Account    `bun:"tenant_id,pk"`
	ID          gid.Receipt    `bun:"id,pk,autoincrement"`
	PaymentID   gid.Payment    `bun:"payment_id"`
	ExternalID  string         `bun:"external_id"`
	AmountMinor int64          `bun:"amount_minor"`
	UsedMinor   int64          `bun:"used_minor"`
	Currency    money.Currency `bun:"currency"`
	ReceivedOn  time.Time      `bun:"received_on,type:date"`
	Status      ReceiptStatus  `bun:"status"`
	RecordedBy  gid.User       `bun:"recorded_by"`
	CreatedAt   time.Time      `bun:"created_at"`
	DecidedBy   *gid.User      `bun:"decided_by"`
	DecidedAt   *time.Time     `bun:"decided_at"`
	Reason      *string        `bun:"reason"`
	// ReturnID is the bank's id of what went back.
	ReturnID *string `bun:"return_id"`
	// BalanceSeq is the line of the account's balance that the rest became.
	BalanceSeq *int64 `bun:"balance_seq"`
}

// IsNode marks the type as having a global id.
func (*Receipt) IsNode() {}

// Tenant is the account whose payment it came in for.
func (r *Receipt) Tenant() gid.Account { return r.TenantID }

// PaymentKey names the payment that it came in for.
func (r *Receipt) PaymentKey() PaymentKey { return PaymentKey{r.TenantID, r.PaymentID} }

// Amount is the sum that came in.
func (r *Receipt) Amount() money.Money {
	return money.Money{Minor: r.AmountMinor, Currency: r.Currency}
}

// Used is what of it went into the payment.
func (r *Receipt) Used() money.Money { return money.Money{Minor: r.UsedMinor, Currency: r.Currency} }

// Rest is what of it did not go into the payment.
func (r *Receipt) Rest() money.Money {
	return money.Money{Minor: r.AmountMinor - r.UsedMinor, Currency: r.Currency}
}

// paid says whether the payment was made, whatever became of the money since.
func (p *Payment) paid() bool {
	return p.Status == Confirmed || p.Status == Refunded || p.Status == Disputed
}

// Received is what is there for the payment: its sum once it is confirmed, and what is held.
func (p *Payment) Received() money.Money {
	sum := money.Money{Minor: p.HeldMinor, Currency: p.Currency}
	if p.paid() {
		sum.Minor += p.AmountMinor
	}
	return sum
}

// Outstanding is what is missing of a payment that waits, and nothing of any other.
func (p *Payment) Outstanding() money.Money {
	sum := money.Money{Currency: p.Currency}
	if p.Status == Pending {
		sum.Minor = max(p.AmountMinor-p.HeldMinor, 0)
	}
	return sum
}

// Held is what of its receipts waits, for the rest or for a decision.
func (p *Payment) Held() money.Money { return money.Money{Minor: p.HeldMinor, Currency: p.Currency} }

// hold writes what is held of a payment, which its receipts add up to.
func (p *Payment) hold(ctx context.Context, tx bun.Tx, receipts []*Receipt, now time.Time) error {
	p.HeldMinor, p.HeldSince, p.UpdatedAt = 0, nil, now
	for _, r := range receipts {
		if r.Status != ReceiptHeld {
			continue
		}
		p.HeldMinor += r.Rest().Minor
		if p.HeldSince == nil || r.CreatedAt.Before(*p.HeldSince) {
			p.HeldSince = &r.CreatedAt
		}
	}
	_, err := tx.NewUpdate().Model(p).WherePK().
		Column("held_minor", "held_since", "expires_at", "instructions", "updated_at").Exec(ctx)
	if err != nil {
		return fmt.Errorf("write what is held of a payment: %w", err)
	}
	return nil
}

// receiptsOf reads the receipts of a payment in the order in which they were recorded. The caller holds the account.
func receiptsOf(ctx context.Context, tx bun.Tx, p *Payment) ([]*Receipt, error) {
	rows, err := ReceiptsByPayments(ctx, tx, []PaymentKey{p.Key()})
	return rows, err
}

// ReceiptsByPayments reads the receipts of payments, those of each in the order in which they were recorded.
func ReceiptsByPayments(ctx context.Context, db bun.IDB, keys []PaymentKey) ([]*Receipt, error) {
	rows := []*Receipt{}
	err := db.NewSelect().Model(&rows).Where("(tenant_id, payment_id) IN (?)", bun.List(tuples(keys))).Order("id").Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("read receipts: %w", err)
	}
	return rows, nil
}

// ReceiptsByIDs reads receipts of one account, in no order.
func ReceiptsByIDs(ctx context.Context, db bun.IDB, tenant gid.Account, ids []gid.Receipt) ([]*Receipt, error) {
	rows := []*Receipt{}
	err := db.NewSelect().Model(&rows).Where("tenant_id = ?", tenant).Where("id IN (?)", bun.List(ids)).Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("read receipts: %w", err)
	}
	return rows, nil
}

// externalKey is what tells a bank's ids apart. Ids that differ in case alone are one.
func externalKey(id string) string { return strings.ToUpper(id) }

func sameExternalID(a, b string) bool { return externalKey(a) == externalKey(b) }

// receiptWith finds the receipt with a bank's id; nil where there is none.
func receiptWith(receipts []*Receipt, externalID string) *Receipt {
	i := slices.IndexFunc(receipts, func(r *Receipt) bool { return sameExternalID(r.ExternalID, externalID) })
	if i < 0 {
		return nil
	}
	return receipts[i]
}
