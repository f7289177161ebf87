package billing

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/audit"
	"igny8.com/accounts/internal/enum"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/money"
	"igny8.com/accounts/internal/postgres"
)

// ReceiptDecision is what becomes of money that is held.
type ReceiptDecision string

// The decisions.
const (
	// CreditReceipt makes it the account's balance, which pays towards the next payment.
	CreditReceipt ReceiptDecision = "credit"
	// ReturnReceipt says that it was sent back.
	ReturnReceipt ReceiptDecision = "return"
)

// MarshalGQL writes the enum value.
func (d ReceiptDecision) MarshalGQL(w io.Writer) { enum.Marshal(w, d) }

// UnmarshalGQL reads the enum value.
func (d *ReceiptDecision) UnmarshalGQL(v any) error { return enum.Unmarshal(d, v) }

// status is where the decision leaves a receipt.
func (d ReceiptDecision) status() ReceiptStatus {
	if d == CreditReceipt {
		return ReceiptCredited
	}
	return ReceiptReturned
}

// Decide is what staff decide about money that is held.
type Decide struct {
	ReceiptID gid.Receipt
	Decision  ReceiptDecision
	// ExternalPaymentID is the bank's id of what went back; empty where none is known.
	ExternalPaymentID string
	Reason            string
	IdempotencyKey    string
}

const decideOperation = "decideReceipt"

// DecideReceipt decides what becomes of money that is held: it is entered into the account's balance, or noted as sent
// back. What of the receipt went into its payment stays there. Said again alike, it returns the receipt and writes
// nothing. The receipt is still held where a second member of staff has to say the same. Errors: REQUIRED, TOO_LONG,
// INVALID, NOT_FOUND, OWN_PAYMENT, INVALID_STATE, CURRENCY_MISMATCH, EXTERNAL_REFERENCE_USED, IDEMPOTENCY_CONFLICT,
// SECOND_APPROVER_NEEDED, APPROVAL_MISMATCH.
func (o Office) DecideReceipt(
	ctx context.Context, db bun.IDB, staff account.Actor, now time.Time, in Decide,
) (*Payment, *Receipt, error) {
	in.Reason, in.ExternalPaymentID = strings.TrimSpace(in.Reason), strings.TrimSpace(in.ExternalPaymentID)
	if err := in.check(); err != nil {
		return nil, nil, err
	}
	of, err := recipient(ctx, db, staff, in.ReceiptID)
	if err != nil {
		return nil, nil, err
	}
	facts := fingerprint(in.ReceiptID, in.Decision, externalKey(in.ExternalPaymentID), in.Reason)
	var payment *Payment
	var decided *Receipt
	err = postgres.InTx(postgres.WithTenant(ctx, int64(of.Tenant)), db, func(ctx context.Context, tx bun.Tx) error {
		a, err := o.open(ctx, tx, of.Tenant, &now)
		if err != nil {
			return at(err, "receiptId")
		}
		known, said, err := recallSaid(ctx, tx, of.Tenant, decideOperation, staff, in.IdempotencyKey, facts)
		if err != nil {
			return err
		}
		if payment, err = lockPayment(ctx, tx, of.Tenant, of.Payment); err != nil {
			return at(err, "receiptId")
		}
		receipts, err := receiptsOf(ctx, tx, payment)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(receipts, func(r *Receipt) bool { return r.ID == in.ReceiptID })
		if i < 0 {
			return receiptNotFound()
		}
		decided = receipts[i]
		if said || known != 0 {
			return nil
		}
		if decided.Status != ReceiptHeld {
			return in.repeats(decided)
		}
		done, err := o.decide(ctx, tx, a, staff, payment, receipts, decided, in, now)
		if err != nil {
			return err
		}
		operation := decideOperation
		if !done {
			operation = saidBy(decideOperation, staff)
		}
		if err := remember(ctx, tx, &remembered{
			TenantID: of.Tenant, Operation: operation, Key: in.IdempotencyKey,
			Fingerprint: facts, SubjectID: gid.Payment(decided.ID), CreatedAt: now, // the number of what was decided on
		}); err != nil {
			return err
		}
		return a.close(ctx, tx)
	})
	if err != nil {
		return nil, nil, err
	}
	return payment, decided, nil
}

func (in Decide) check() error {
	var faults fault.List
	faults.Add(fault.CheckText(in.Reason, reasonField, 500))
	faults.Add(fault.CheckIdempotencyKey(in.IdempotencyKey))
	faults.Add(fault.CheckLength(in.ExternalPaymentID, "externalPaymentId", 200))
	if in.Decision != CreditReceipt && in.Decision != ReturnReceipt {
		faults.Add(fault.New(fault.Invalid, "CREDIT or RETURN").At("decision"))
	}
	if in.Decision == CreditReceipt && in.ExternalPaymentID != "" {
		faults.Add(fault.New(fault.Invalid, "nothing goes through a bank where money is credited; leave it out").At("externalPaymentId"))
	}
	return faults.Err()
}

// recipient is the payment of a receipt that staff want to decide on. Errors: NOT_FOUND, OWN_PAYMENT.
func recipient(ctx context.Context, db bun.IDB, staff account.Actor, id gid.Receipt) (PaymentKey, error) {
	rows := []*Receipt{}
	err := db.NewSelect().Model(&rows).Column("tenant_id", "payment_id").Where("id = ?", id).Scan(postgres.WithStaff(ctx))
	if err != nil {
		return PaymentKey{}, fmt.Errorf("find receipt: %w", err)
	}
	if len(rows) == 0 {
		return PaymentKey{}, receiptNotFound()
	}
	if rows[0].TenantID == staff.AccountID() {
		return PaymentKey{}, fault.New(fault.OwnPayment, "somebody else has to decide on money of your own account").At("receiptId")
	}
	return rows[0].PaymentKey(), nil
}

// repeats says whether the same was decided before.
func (in Decide) repeats(r *Receipt) error {
	if r.Status == ReceiptUsed {
		return fault.New(fault.InvalidState, "all of it went into its payment").At("receiptId")
	}
	returned := ""
	if r.ReturnID != nil {
		returned = *r.ReturnID
	}
	if r.Status == in.Decision.status() && sameExternalID(returned, in.ExternalPaymentID) {
		return nil
	}
	return fault.New(fault.InvalidState, "it was %s already", r.Status).At("receiptId")
}

// decide writes a decision and what follows from it; false where somebody else has to say the same first.
func (o Office) decide(
	ctx context.Context, tx bun.Tx, a *agreement, staff account.Actor, p *Payment, receipts []*Receipt, r *Receipt, in Decide, now time.Time,
) (bool, error) {
	rest := r.Rest()
	if in.Decision == CreditReceipt && a.balance.minor > 0 && a.balance.currency != rest.Currency {
		return false, fault.New(fault.CurrencyMismatch, "the account's balance is in %s", a.balance.currency).At("decision")
	}
	// Many small sums of one payment are a large one.
	sum := rest
	for _, other := range receipts {
		if other.Status == in.Decision.status() {
			sum.Minor += other.Rest().Minor
		}
	}
	if ok, err := o.approve(ctx, tx, a, staff, p, decisionOn(r, in), sum, now); err != nil || !ok {
		return false, err
	}
	r.Status, r.DecidedAt, r.DecidedBy, r.Reason = in.Decision.status(), &now, &staff.User.ID, &in.Reason
	if err := a.carryOut(ctx, tx, p, receipts, r, in, rest, now); err != nil {
		return false, err
	}
	_, err := tx.NewUpdate().Model(r).WherePK().
		Column("status", "decided_at", "decided_by", "reason", "return_id", "balance_seq").Exec(ctx)
	if err != nil {
		return false, fmt.Errorf("decide on a receipt: %w", err)
	}
	if p.Status == Pending {
		p.HeldMinor -= rest.Minor
		p.Instructions = instructions(p, o.Bank)
		a.replace(p)
	}
	if err := p.hold(ctx, tx, receipts, now); err != nil {
		return false, err
	}
	change := audit.On("receipt."+string(r.Status), "receipt", r.ID).To(map[string]any{
		"paymentId": gid.Format(p.ID), amountField: rest.String(), "externalPaymentId": in.ExternalPaymentID, reasonField: in.Reason,
	})
	if err := audit.Record(ctx, tx, p.TenantID, staff.By(p.TenantID), now, change); err != nil {
		return false, err
	}
	return true, o.tellBoth(ctx, tx, a, receiptDecided(o, a, p, r), decidedToStaff(o, a, p, r), now)
}

// carryOut does with the rest of a receipt what was decided.
func (a *agreement) carryOut(
	ctx context.Context, tx bun.Tx, p *Payment, receipts []*Receipt, r *Receipt, in Decide, rest money.Money, now time.Time,
) error {
	if in.Decision == CreditReceipt {
		err := a.enter(ctx, tx, BalanceExcess, rest.Minor, rest.Currency, &p.ID, "received for "+p.Reference+" and not needed", now)
		if err != nil {
			return err
		}
		seq := a.balance.seq
		r.BalanceSeq = &seq
		return nil
	}
	if in.ExternalPaymentID == "" {
		return nil
	}
	r.ReturnID = &in.ExternalPaymentID
	// One transfer may send several sums of a payment back.
	for _, other := range receipts {
		if other != r && other.ReturnID != nil && sameExternalID(*other.ReturnID, in.ExternalPaymentID) {
			return nil
		}
	}
	return useExternalID(ctx, tx, p.Key(), p.Method, in.ExternalPaymentID)
}

func receiptNotFound() error {
	return fault.New(fault.NotFound, "there is no such receipt").At("receiptId")
}
