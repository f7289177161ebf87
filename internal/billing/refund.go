package billing

import (
	"context"
	"fmt"
	"strconv"
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

// Refund is what staff give back of a payment.
type Refund struct {
	PaymentID gid.Payment
	// Amount is of the money that was received; nil for all that did not go back yet.
	Amount *money.Money
	Reason string
	// EndNow says whether the time that the payment pays for is given up from now on; nil for: with the whole of a
	// payment that is not for an upgrade.
	EndNow         *bool
	IdempotencyKey string
}

const refundOperation = "refundPayment"

// RefundPayment notes that money goes back, with all that follows from it in one transaction: the credit note, the
// time, the credits, the account's status. Said again with the same facts it returns the payment and the same
// refund. The refund is nil where a second member of staff has to say the same first (see SecondAbove): what counts is
// all that went back of the payment with it. Errors: REQUIRED, TOO_LONG, NOT_FOUND, OWN_PAYMENT, INVALID_STATE, INVALID
// and CURRENCY_MISMATCH at amount, IDEMPOTENCY_CONFLICT, SECOND_APPROVER_NEEDED, APPROVAL_MISMATCH.
func (o Office) RefundPayment(
	ctx context.Context, db bun.IDB, staff account.Actor, now time.Time, in Refund,
) (*Payment, *PaymentRefund, error) {
	in.Reason = strings.TrimSpace(in.Reason)
	var faults fault.List
	faults.Add(fault.CheckText(in.Reason, reasonField, 500))
	faults.Add(fault.CheckIdempotencyKey(in.IdempotencyKey))
	if err := faults.Err(); err != nil {
		return nil, nil, err
	}
	tenant, err := payer(ctx, db, staff, in.PaymentID)
	if err != nil {
		return nil, nil, err
	}
	var payment *Payment
	var back *PaymentRefund
	err = postgres.InTx(postgres.WithTenant(ctx, int64(tenant)), db, func(ctx context.Context, tx bun.Tx) error {
		back = nil
		a, err := o.open(ctx, tx, tenant, &now)
		if err != nil {
			return at(err, "paymentId")
		}
		facts := in.facts()
		known, said, err := recallSaid(ctx, tx, tenant, refundOperation, staff, in.IdempotencyKey, facts)
		if err != nil {
			return err
		}
		if payment, err = lockPayment(ctx, tx, tenant, in.PaymentID); err != nil {
			return err
		}
		if known != 0 {
			back, err = refundByID(ctx, tx, tenant, int64(known))
			return err
		}
		if said {
			return nil
		}
		if payment.Status != Confirmed {
			return fault.New(fault.InvalidState, "this payment is %s", payment.Status).At("paymentId")
		}
		if back, err = o.refundBy(ctx, tx, a, staff, payment, in, now); err != nil {
			return err
		}
		key := &remembered{TenantID: tenant, Operation: refundOperation, Key: in.IdempotencyKey, Fingerprint: facts, CreatedAt: now}
		if back == nil {
			key.Operation, key.SubjectID = saidBy(refundOperation, staff), payment.ID
		} else {
			key.SubjectID = gid.Payment(back.ID) // the number of what the operation made
		}
		if err := remember(ctx, tx, key); err != nil {
			return err
		}
		return a.close(ctx, tx)
	})
	if err != nil {
		return nil, nil, err
	}
	return payment, back, nil
}

func (in Refund) facts() []byte {
	amount, end := "all", "as usual"
	if in.Amount != nil {
		amount = in.Amount.String()
	}
	if in.EndNow != nil {
		end = strconv.FormatBool(*in.EndNow)
	}
	return fingerprint(in.PaymentID, amount, in.Reason, end)
}

// PaymentRefund is one refund of a payment, with its credit note.
type PaymentRefund struct {
	bun.BaseModel `bun:"table:igny8_refunds,alias:refund"`

	TenantID     gid.Account    `bun:"tenant_id,pk"`
	ID           int64          `bun:"id,pk,autoincrement"`
	PaymentID    gid.Payment    `bun:"payment_id"`
	CreditNoteID gid.Invoice    `bun:"credit_note_id"`
	AmountMinor  int64          `bun:"amount_minor"`
	BalanceMinor int64          `bun:"balance_minor"`
	Currency     money.Currency `bun:"currency"`
	EndedTime    bool           `bun:"ended_time"`
	CreditsTaken int64          `bun:"credits_taken"`
	CreditsOwed  int64          `bun:"credits_owed"`
	CreatedBy    *int64         `bun:"created_by"`
	CreatedAt    time.Time      `bun:"created_at"`

	CreditNote *Invoice `bun:"-"`
}

// refundBy refunds a payment as a member of staff says; nil where somebody else has to say the same first.
func (o Office) refundBy(
	ctx context.Context, tx bun.Tx, a *agreement, staff account.Actor, p *Payment, in Refund, now time.Time,
) (*PaymentRefund, error) {
	g, err := a.givesBack(ctx, tx, p, in, now)
	if err != nil {
		return nil, err
	}
	// Many small refunds of one payment are a large one.
	said, sum := refundOf(p, g), p.Refunded()
	sum.Minor += said.AmountMinor
	if ok, err := o.approve(ctx, tx, a, staff, p, said, sum, now); err != nil || !ok {
		return nil, err
	}
	back, err := o.carryBack(ctx, tx, a, p, g, in.Reason, staff.By(p.TenantID), now)
	if err != nil {
		return nil, err
	}
	return back, a.pushRefund(ctx, tx, p, back, now)
}

// refund refunds a payment because of what happened elsewhere, which takes nobody's word.
func (o Office) refund(ctx context.Context, tx bun.Tx, a *agreement, p *Payment, in Refund, now time.Time) error {
	g, err := a.givesBack(ctx, tx, p, in, now)
	if err != nil {
		return err
	}
	_, err = o.carryBack(ctx, tx, a, p, g, in.Reason, audit.By{Kind: audit.System}, now)
	return err
}

// carryBack writes all that a refund is.
func (o Office) carryBack(
	ctx context.Context, tx bun.Tx, a *agreement, p *Payment, g *giveBack, reason string, by audit.By, now time.Time,
) (*PaymentRefund, error) {
	row := g.row
	row.CreatedBy = by.ID
	if err := a.returnBalance(ctx, tx, p, g, now); err != nil {
		return nil, err
	}
	before := a.standing()
	if row.EndedTime {
		if err := a.giveUpTime(ctx, tx, g, now); err != nil {
			return nil, err
		}
	}
	note, err := o.noteRefund(ctx, tx, a, p, row, reason, now)
	if err != nil {
		return nil, err
	}
	p.RefundedMinor += note.TotalMinor
	p.UpdatedAt = now
	if g.whole {
		p.Status = Refunded
	}
	if _, err := tx.NewUpdate().Model(p).WherePK().Column("status", "refunded_minor", "updated_at").Exec(ctx); err != nil {
		return nil, fmt.Errorf("refund payment: %w", err)
	}
	if err := takeCredits(ctx, tx, p, row, note, by, now); err != nil {
		return nil, err
	}
	if _, err := tx.NewInsert().Model(row).Returning("id").Exec(ctx); err != nil {
		return nil, fmt.Errorf("insert refund: %w", err)
	}
	after := a.standing()
	after["amount"], after[reasonField], after["creditNote"] = money.Money{Minor: row.AmountMinor, Currency: p.Currency}.String(), reason, note.Number
	after["creditsTaken"], after["creditsOwed"], after["timeEnded"] = row.CreditsTaken, row.CreditsOwed, row.EndedTime
	if err := audit.Record(ctx, tx, p.TenantID, by, now, audit.On("payment.refunded", "payment", p.ID).From(before).To(after)); err != nil {
		return nil, err
	}
	row.CreditNote = note
	return row, o.tellOwner(ctx, tx, a, paymentRefunded(o, a, p, row, note), now)
}

// refundByID reads one refund of an account, with its credit note.
func refundByID(ctx context.Context, tx bun.Tx, tenant gid.Account, id int64) (*PaymentRefund, error) {
	row, note := new(PaymentRefund), new(Invoice)
	if err := tx.NewSelect().Model(row).Where("tenant_id = ?", tenant).Where("id = ?", id).Scan(ctx); err != nil {
		return nil, fmt.Errorf("read a refund: %w", err)
	}
	if err := tx.NewSelect().Model(note).Where("tenant_id = ?", tenant).Where("id = ?", row.CreditNoteID).Scan(ctx); err != nil {
		return nil, fmt.Errorf("read a credit note: %w", err)
	}
	row.CreditNote = note
	return row, nil
}
