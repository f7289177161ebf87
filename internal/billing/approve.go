package billing

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/audit"
	"igny8.com/accounts/internal/enum"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/money"
)

// approvalHolds is how long a first approval waits for the second one. A wrong one of somebody who is not there any
// more stands in nobody's way for ever.
const approvalHolds = 14 * 24 * time.Hour

// PaymentApprovalKind is what a member of staff said should happen.
type PaymentApprovalKind string

// The kinds.
const (
	ApprovedConfirmation PaymentApprovalKind = "confirmation"
	ApprovedCredit       PaymentApprovalKind = "credit"
	ApprovedReturn       PaymentApprovalKind = "return"
	ApprovedRefund       PaymentApprovalKind = "refund"
)

// MarshalGQL writes the enum value.
func (k PaymentApprovalKind) MarshalGQL(w io.Writer) { enum.Marshal(w, k) }

// UnmarshalGQL reads the enum value.
func (k *PaymentApprovalKind) UnmarshalGQL(v any) error { return enum.Unmarshal(k, v) }

// PaymentApproval is what one member of staff said of a sum that takes two. Never changed, never removed.
type PaymentApproval struct {
	bun.BaseModel `bun:"table:igny8_payment_approvals,alias:approval"`

	TenantID    gid.Account         `bun:"tenant_id,pk"`
	ID          int64               `bun:"id,pk,autoincrement"`
	PaymentID   gid.Payment         `bun:"payment_id"`
	Kind        PaymentApprovalKind `bun:"kind"`
	ReceiptID   *gid.Receipt        `bun:"receipt_id"`
	ExternalID  *string             `bun:"external_id"`
	AmountMinor int64               `bun:"amount_minor"`
	Currency    money.Currency      `bun:"currency"`
	ReceivedOn  *time.Time          `bun:"received_on,type:date"`
	// EndsTime says whether a refund ends the time that the payment pays for; nil for what is no refund.
	EndsTime *bool `bun:"ends_time"`
	// RefundedMinor is what had gone back of the payment before a refund was spoken of; nil for what is none.
	RefundedMinor *int64    `bun:"refunded_minor"`
	ApproverID    gid.User  `bun:"approved_by"`
	CreatedAt     time.Time `bun:"created_at"`
}

// Tenant is the account whose payment it is about.
func (p *PaymentApproval) Tenant() gid.Account { return p.TenantID }

// PaymentKey names the payment that it is about.
func (p *PaymentApproval) PaymentKey() PaymentKey { return PaymentKey{p.TenantID, p.PaymentID} }

// Amount is the sum that it is about.
func (p *PaymentApproval) Amount() money.Money {
	return money.Money{Minor: p.AmountMinor, Currency: p.Currency}
}

// ApprovalsByPayments reads what staff said of payments, of each in the order in which they did.
func ApprovalsByPayments(ctx context.Context, db bun.IDB, keys []PaymentKey) ([]*PaymentApproval, error) {
	rows := []*PaymentApproval{}
	err := db.NewSelect().Model(&rows).Where("(tenant_id, payment_id) IN (?)", bun.List(tuples(keys))).Order("id").Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("read approvals: %w", err)
	}
	return rows, nil
}

// confirmationOf is what is said with the facts of a transfer that confirms its payment.
func confirmationOf(externalID string, amount money.Money, receivedOn time.Time) *PaymentApproval {
	return &PaymentApproval{
		Kind: ApprovedConfirmation, ExternalID: &externalID, AmountMinor: amount.Minor, Currency: amount.Currency, ReceivedOn: &receivedOn,
	}
}

// decisionOn is what is said with a decision about a receipt.
func decisionOn(r *Receipt, in Decide) *PaymentApproval {
	said := &PaymentApproval{
		Kind: ApprovedCredit, ReceiptID: &r.ID, AmountMinor: r.Rest().Minor, Currency: r.Currency,
	}
	if in.Decision == ReturnReceipt {
		said.Kind = ApprovedReturn
	}
	if in.ExternalPaymentID != "" {
		said.ExternalID = &in.ExternalPaymentID
	}
	return said
}

// refundOf is what is said with a refund of a payment: all that goes back, to whoever paid and to the account's balance.
func refundOf(p *Payment, g *giveBack) *PaymentApproval {
	return &PaymentApproval{
		Kind: ApprovedRefund, AmountMinor: g.row.AmountMinor + g.row.BalanceMinor, Currency: p.Currency,
		EndsTime: new(g.row.EndedTime), RefundedMinor: new(p.RefundedMinor),
	}
}

// subject is the input that names what is approved.
func (p *PaymentApproval) subject() string {
	if p.ReceiptID != nil {
		return "receiptId"
	}
	return "paymentId"
}

// differs is the input in which what is said differs from what somebody said before; nil where it does not.
func (p *PaymentApproval) differs(before *PaymentApproval) []string {
	text := func(s *string) string {
		if s == nil {
			return ""
		}
		return *s
	}
	switch {
	case p.Kind != before.Kind:
		return []string{"decision"}
	case !sameExternalID(text(p.ExternalID), text(before.ExternalID)):
		return []string{"externalPaymentId"}
	case p.Amount() != before.Amount() && p.Kind == ApprovedRefund:
		return []string{amountField} // which may have been left out
	case p.Amount() != before.Amount():
		return []string{amountField, amountField}
	case p.ReceivedOn != nil && p.ReceivedOn.Format(time.DateOnly) != before.ReceivedOn.Format(time.DateOnly):
		return []string{"receivedOn"}
	case p.EndsTime != nil && *p.EndsTime != *before.EndsTime:
		return []string{"endNow"}
	}
	return nil
}

// takesTwo says whether one member of staff is not enough for a sum.
func (o Office) takesTwo(sum money.Money) bool {
	for _, limit := range o.SecondAbove {
		if limit.Currency == sum.Currency {
			return sum.Minor > limit.Minor
		}
	}
	return len(o.SecondAbove) > 0
}

// approve says whether what a member of staff says of a payment can be carried out: at once where the sum is one for
// one, else where somebody else said the same before. Where nobody did, it keeps what was said for somebody else to
// say it too; who said it with other facts before corrects themselves. Errors: SECOND_APPROVER_NEEDED, where the
// same person says the same again; APPROVAL_MISMATCH, where somebody else said something else;
// EXTERNAL_REFERENCE_USED.
func (o Office) approve(
	ctx context.Context, tx bun.Tx, a *agreement, staff account.Actor, p *Payment, said *PaymentApproval, sum money.Money, now time.Time,
) (bool, error) {
	if !o.takesTwo(sum) {
		return true, nil
	}
	// A first word on a refund is of that refund alone: once money went back, of whatever origin, it counts no more.
	before := []*PaymentApproval{}
	err := tx.NewSelect().Model(&before).Where("tenant_id = ?", p.TenantID).Where("payment_id = ?", p.ID).
		Where("receipt_id IS NOT DISTINCT FROM ?", said.ReceiptID).Where("refunded_minor IS NOT DISTINCT FROM ?", said.RefundedMinor).
		Where("created_at > ?", now.Add(-approvalHolds)).
		Order("id DESC").Limit(1).Scan(ctx)
	if err != nil {
		return false, fmt.Errorf("read the first approval: %w", err)
	}
	second := false
	if len(before) > 0 {
		differs, same := said.differs(before[0]), before[0].ApproverID == staff.User.ID
		switch {
		case same && differs == nil:
			return false, fault.New(fault.SecondApproverNeeded, "a sum like this takes two: somebody else has to say the same").At(said.subject())
		case !same && differs != nil:
			return false, fault.New(fault.ApprovalMismatch, "somebody else approved it with something else here").At(differs...)
		}
		second = !same
	}
	if !second && said.ExternalID != nil {
		if err := unused(ctx, tx, p.Method, *said.ExternalID); err != nil {
			return false, err
		}
	}
	said.TenantID, said.PaymentID, said.ApproverID, said.CreatedAt = p.TenantID, p.ID, staff.User.ID, now
	if _, err := tx.NewInsert().Model(said).Returning("id").Exec(ctx); err != nil {
		return false, fmt.Errorf("insert approval: %w", err)
	}
	if second {
		return true, nil
	}
	after := map[string]any{"what": said.Kind, amountField: said.Amount().String()}
	if said.ExternalID != nil {
		after["externalPaymentId"] = *said.ExternalID
	}
	if said.ReceiptID != nil {
		after["receiptId"] = gid.Format(*said.ReceiptID)
	}
	if said.EndsTime != nil {
		after["timeEnds"] = *said.EndsTime
	}
	change := audit.On("payment.approved", "payment", p.ID).To(after)
	if err := audit.Record(ctx, tx, p.TenantID, staff.By(p.TenantID), now, change); err != nil {
		return false, err
	}
	return false, o.tellStaff(ctx, tx, a, secondNeeded(o, a, p, said), now)
}

// unused refuses a bank's id that was used before. Whoever uses it for good finds out by writing it.
func unused(ctx context.Context, tx bun.Tx, method Method, externalID string) error {
	n, err := tx.NewSelect().Table("igny8_external_payments").Where("method = ?", method).
		Where("external_id = ?", externalKey(externalID)).Count(ctx)
	if err != nil {
		return fmt.Errorf("look for an external id: %w", err)
	}
	if n > 0 {
		return externalIDUsed()
	}
	return nil
}

// saidBy is the operation under which a key of somebody's first approval is remembered: the second one may use the
// same key.
func saidBy(operation string, staff account.Actor) string {
	return operation + " approved by " + gid.Format(staff.User.ID)
}

// recallSaid is recall for operations that take two where the sum is large: known is what was done under the key, said
// that this person said so under it and it waited for somebody else.
func recallSaid(
	ctx context.Context, tx bun.Tx, tenant gid.Account, operation string, staff account.Actor, key string, facts []byte,
) (known gid.Payment, said bool, err error) {
	if known, err = recall(ctx, tx, tenant, operation, key, facts); err != nil || known != 0 {
		return known, false, err
	}
	first, err := recall(ctx, tx, tenant, saidBy(operation, staff), key, facts)
	return 0, first != 0, err
}
