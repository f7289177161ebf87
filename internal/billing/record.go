package billing

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/audit"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/money"
	"igny8.com/accounts/internal/postgres"
)

// Record is a sum that staff say came in for a bank transfer.
type Record struct {
	PaymentID         gid.Payment
	ExternalPaymentID string
	Amount            money.Money
	ReceivedOn        time.Time
	IdempotencyKey    string
}

const recordOperation = "recordReceipt"

// RecordReceipt records a sum that came in for a bank transfer, whatever was asked for. The receipts of a payment that
// waits add up: where they reach its sum it is confirmed as ConfirmPayment does it, and what is over is held for a
// decision; where they do not, the payment waits for the rest, as long as a new one would. What comes for a payment
// that does not wait any more is held for a decision. Said again with the same facts, it returns the receipt and
// writes nothing. The receipt is nil where a second member of staff has to say the same first. Errors: REQUIRED, TOO_LONG,
// INVALID, NOT_FOUND, OWN_PAYMENT, INVALID_STATE, CURRENCY_MISMATCH, EXTERNAL_REFERENCE_USED, IDEMPOTENCY_CONFLICT,
// SECOND_APPROVER_NEEDED, APPROVAL_MISMATCH.
func (o Office) RecordReceipt(
	ctx context.Context, db bun.IDB, staff account.Actor, now time.Time, in Record,
) (*Payment, *Receipt, error) {
	in.ExternalPaymentID = strings.TrimSpace(in.ExternalPaymentID)
	today, err := o.today(ctx, db, in.PaymentID, now)
	if err != nil {
		return nil, nil, err
	}
	if err := in.check(today); err != nil {
		return nil, nil, err
	}
	tenant, err := payer(ctx, db, staff, in.PaymentID)
	if err != nil {
		return nil, nil, err
	}
	facts := fingerprint(in.PaymentID, externalKey(in.ExternalPaymentID), in.Amount, in.ReceivedOn.Format(time.DateOnly))
	var payment *Payment
	var recorded *Receipt
	err = postgres.InTx(postgres.WithTenant(ctx, int64(tenant)), db, func(ctx context.Context, tx bun.Tx) error {
		recorded = nil
		a, err := o.open(ctx, tx, tenant, &now)
		if err != nil {
			return at(err, "paymentId")
		}
		known, said, err := recallSaid(ctx, tx, tenant, recordOperation, staff, in.IdempotencyKey, facts)
		if err != nil {
			return err
		}
		if payment, err = lockPayment(ctx, tx, tenant, in.PaymentID); err != nil {
			return err
		}
		receipts, err := receiptsOf(ctx, tx, payment)
		if err != nil {
			return err
		}
		if said || known != 0 {
			recorded = receiptWith(receipts, in.ExternalPaymentID)
			return nil
		}
		if recorded = receiptWith(receipts, in.ExternalPaymentID); recorded != nil {
			return in.repeats(recorded)
		}
		if err := in.fits(payment, receipts); err != nil {
			return err
		}
		if recorded, err = o.record(ctx, tx, a, staff, payment, receipts, in, now); err != nil {
			return err
		}
		if err := remember(ctx, tx, in.remembered(staff, payment, recorded, facts, now)); err != nil {
			return err
		}
		return a.close(ctx, tx)
	})
	if err != nil {
		return nil, nil, err
	}
	return payment, recorded, nil
}

// remembered is what the key stands for from now on: the receipt, or what staff said first where it takes two.
func (in Record) remembered(staff account.Actor, p *Payment, recorded *Receipt, facts []byte, now time.Time) *remembered {
	key := &remembered{TenantID: p.TenantID, Operation: recordOperation, Key: in.IdempotencyKey, Fingerprint: facts, CreatedAt: now}
	if recorded == nil {
		key.Operation, key.SubjectID = saidBy(recordOperation, staff), p.ID
	} else {
		key.SubjectID = gid.Payment(recorded.ID) // the number of whatever the operation made
	}
	return key
}

func (in Record) check(now time.Time) error {
	var faults fault.List
	faults.Add(fault.CheckText(in.ExternalPaymentID, "externalPaymentId", 200))
	faults.Add(checkDay(in.ReceivedOn, now, "receivedOn"))
	faults.Add(fault.CheckIdempotencyKey(in.IdempotencyKey))
	switch {
	case in.Amount.Minor <= 0:
		faults.Add(fault.New(fault.Invalid, "more than nothing").At(amountField, amountField))
	case in.Amount.Minor > maxReceived:
		faults.Add(fault.New(fault.Invalid, "this amount is too large").At(amountField, amountField))
	}
	return faults.Err()
}

// repeats says whether the facts are those of a receipt with the same id of the bank.
func (in Record) repeats(r *Receipt) error {
	if r.Amount() == in.Amount && r.ReceivedOn.Format(time.DateOnly) == in.ReceivedOn.Format(time.DateOnly) {
		return nil
	}
	return fault.New(fault.IdempotencyConflict, "this id of the bank was recorded for the payment with other facts").At("externalPaymentId")
}

// fits says whether the sum can have come in for the payment.
func (in Record) fits(p *Payment, receipts []*Receipt) error {
	switch {
	case p.Method != BankTransfer:
		return fault.New(fault.InvalidState, "this payment is not a bank transfer").At("paymentId")
	case p.Currency != in.Amount.Currency:
		return fault.New(fault.CurrencyMismatch, "the payment is in %s", p.Currency).At(amountField, "currencyCode")
	case len(receipts) >= MaxReceipts:
		return fault.New(fault.InvalidState, "%d sums came in for this payment, which is the most", len(receipts)).At("paymentId")
	}
	return nil
}

// record writes what a receipt is and what follows from it; nil where somebody else has to say the same first.
func (o Office) record(
	ctx context.Context, tx bun.Tx, a *agreement, staff account.Actor, p *Payment, receipts []*Receipt, in Record, now time.Time,
) (*Receipt, error) {
	r := &Receipt{
		TenantID: p.TenantID, PaymentID: p.ID, ExternalID: in.ExternalPaymentID, AmountMinor: in.Amount.Minor, Currency: p.Currency,
		ReceivedOn: in.ReceivedOn, Status: ReceiptHeld, RecordedBy: staff.User.ID, CreatedAt: now,
	}
	completes := p.Status == Pending && r.AmountMinor >= p.Outstanding().Minor
	if completes {
		ok, err := o.approve(ctx, tx, a, staff, p, confirmationOf(in.ExternalPaymentID, in.Amount, in.ReceivedOn), p.Amount(), now)
		if err != nil || !ok {
			return nil, err
		}
		if err := use(ctx, tx, p, receipts, r); err != nil {
			return nil, err
		}
	}
	if _, err := tx.NewInsert().Model(r).Returning("id").Exec(ctx); err != nil {
		return nil, fmt.Errorf("insert receipt: %w", err)
	}
	by := staff.By(p.TenantID)
	change := audit.On("receipt.recorded", "receipt", r.ID).To(map[string]any{
		"paymentId": gid.Format(p.ID), amountField: r.Amount().String(), "externalPaymentId": r.ExternalID,
		"receivedOn": r.ReceivedOn.Format(time.DateOnly), "status": r.Status,
	})
	if err := audit.Record(ctx, tx, p.TenantID, by, now, change); err != nil {
		return nil, err
	}
	if !completes {
		return r, o.keep(ctx, tx, a, p, append(receipts, r), r, now)
	}
	if err := p.hold(ctx, tx, append(receipts, r), now); err != nil {
		return nil, err
	}
	got := receipt{externalID: r.ExternalID, receivedOn: r.ReceivedOn, by: by, decidedBy: &staff.User.ID}
	if err := o.confirm(ctx, tx, a, p, got, now); err != nil {
		return nil, err
	}
	if p.HeldMinor == 0 {
		return r, nil
	}
	return r, o.tellBoth(ctx, tx, a, excessReceived(o, a, p, r), excessToStaff(o, a, p, r), now)
}

// keep holds a sum that does not confirm its payment: of one that waits, the rest can come as long as a new payment
// could.
func (o Office) keep(
	ctx context.Context, tx bun.Tx, a *agreement, p *Payment, receipts []*Receipt, r *Receipt, now time.Time,
) error {
	waits := p.Status == Pending
	if later := now.Add(o.Bank.Deadline); waits && p.ExpiresAt.Before(later) {
		p.ExpiresAt = later
	}
	if waits {
		p.HeldMinor += r.AmountMinor
		p.Instructions = instructions(p, o.Bank)
		a.replace(p)
	}
	if err := p.hold(ctx, tx, receipts, now); err != nil {
		return err
	}
	if err := useExternalID(ctx, tx, p.Key(), p.Method, r.ExternalID); err != nil {
		return err
	}
	if waits {
		return o.tellBoth(ctx, tx, a, partReceived(o, a, p, r), partToStaff(o, a, p, r), now)
	}
	return o.tellBoth(ctx, tx, a, lateReceived(o, a, p, r), lateToStaff(o, a, p, r), now)
}

// use lets what came in go into the payment: all that was held, and of the newest receipt, which is not written yet,
// what was missing.
func use(ctx context.Context, tx bun.Tx, p *Payment, held []*Receipt, newest *Receipt) error {
	missing := p.AmountMinor
	for _, r := range held {
		if r.Status != ReceiptHeld {
			continue
		}
		r.Status, r.UsedMinor = ReceiptUsed, r.AmountMinor
		missing -= r.AmountMinor
		if _, err := tx.NewUpdate().Model(r).WherePK().Column("status", "used_minor").Exec(ctx); err != nil {
			return fmt.Errorf("use a receipt: %w", err)
		}
	}
	newest.UsedMinor = missing
	if newest.UsedMinor == newest.AmountMinor {
		newest.Status = ReceiptUsed
	}
	return nil
}
