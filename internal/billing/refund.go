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
// refund. Errors: REQUIRED, TOO_LONG, NOT_FOUND, OWN_PAYMENT, INVALID_STATE, INVALID and CURRENCY_MISMATCH at
// amount, IDEMPOTENCY_CONFLICT.
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
		a, err := o.open(ctx, tx, tenant, &now)
		if err != nil {
			return at(err, "paymentId")
		}
		amount, end := "all", "as usual"
		if in.Amount != nil {
			amount = in.Amount.String()
		}
		if in.EndNow != nil {
			end = strconv.FormatBool(*in.EndNow)
		}
		facts := fingerprint(in.PaymentID, amount, in.Reason, end)
		known, err := recall(ctx, tx, tenant, refundOperation, in.IdempotencyKey, facts)
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
		if payment.Status != Confirmed {
			return fault.New(fault.InvalidState, "this payment is %s", payment.Status).At("paymentId")
		}
		if back, err = o.refund(ctx, tx, a, payment, in, staff.By(tenant), now); err != nil {
			return err
		}
		if err := a.pushRefund(ctx, tx, payment, back, now); err != nil {
			return err
		}
		if err := remember(ctx, tx, &remembered{
			TenantID: tenant, Operation: refundOperation, Key: in.IdempotencyKey, Fingerprint: facts, SubjectID: gid.Payment(back.ID), CreatedAt: now,
		}); err != nil {
			return err
		}
		return a.close(ctx, tx)
	})
	if err != nil {
		return nil, nil, err
	}
	return payment, back, nil
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

func (o Office) refund(
	ctx context.Context, tx bun.Tx, a *agreement, p *Payment, in Refund, by audit.By, now time.Time,
) (*PaymentRefund, error) {
	row := &PaymentRefund{
		TenantID: p.TenantID, PaymentID: p.ID, Currency: p.Currency, CreatedBy: by.ID, CreatedAt: now,
	}
	whole, err := a.backFrom(ctx, tx, p, in, row, now)
	if err != nil {
		return nil, err
	}
	row.EndedTime = whole && p.Purpose != ForUpgrade
	if in.EndNow != nil {
		row.EndedTime = *in.EndNow
	}
	before := a.standing()
	if row.EndedTime {
		if err := a.giveUpTime(ctx, tx, p, now); err != nil {
			return nil, err
		}
	}
	note, err := o.noteRefund(ctx, tx, a, p, row, in.Reason, now)
	if err != nil {
		return nil, err
	}
	p.RefundedMinor += note.TotalMinor
	p.UpdatedAt = now
	if whole {
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
	after["amount"], after[reasonField], after["creditNote"] = money.Money{Minor: row.AmountMinor, Currency: p.Currency}.String(), in.Reason, note.Number
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

// backFrom says how much goes back, to whoever paid and to the account's balance, and whether that is all. What of
// the payment became the account's balance goes back from there.
func (a *agreement) backFrom(ctx context.Context, tx bun.Tx, p *Payment, in Refund, row *PaymentRefund, now time.Time) (whole bool, err error) {
	// What the balance had paid goes back with the last of the money.
	left := p.AmountMinor - p.RefundedMinor
	var excess int64
	// What receipts brought beyond its sum is no part of it.
	err = tx.NewRaw(`SELECT coalesce(sum(amount_minor), 0)::bigint FROM igny8_balance_transactions
		WHERE tenant_id = ?0 AND payment_id = ?1 AND type = 'excess'
		AND seq NOT IN (SELECT balance_seq FROM igny8_receipts WHERE tenant_id = ?0 AND payment_id = ?1 AND balance_seq IS NOT NULL)`,
		p.TenantID, p.ID).Scan(ctx, &excess)
	if err != nil {
		return false, fmt.Errorf("read what became balance: %w", err)
	}
	row.AmountMinor, whole = left, true
	if in.Amount != nil {
		row.AmountMinor, whole = in.Amount.Minor, in.Amount.Minor == left
		switch {
		case in.Amount.Currency != p.Currency:
			return false, fault.New(fault.CurrencyMismatch, "the payment is in %s", p.Currency).At("amount", "currencyCode")
		case in.Amount.Minor <= 0 || in.Amount.Minor > left || !whole && in.Amount.Minor > left-excess:
			most := money.Money{Minor: left, Currency: p.Currency}
			return false, fault.New(fault.Invalid, "more than nothing, and at most %s", most).At("amount", "amount")
		}
	}
	if !whole {
		return false, nil
	}
	row.BalanceMinor = p.AppliedMinor
	if row.AmountMinor+row.BalanceMinor == 0 {
		return false, fault.New(fault.InvalidState, "nothing was paid").At("paymentId")
	}
	if excess > a.balance.minor {
		return false, fault.New(fault.InvalidState, "a part of it became the account's balance, which was used since; give back less").At("paymentId")
	}
	if excess > 0 {
		if err := a.enter(ctx, tx, BalanceRefund, -excess, p.Currency, &p.ID, "went back with "+p.Reference, now); err != nil {
			return false, err
		}
	}
	if row.BalanceMinor > 0 {
		return true, a.enter(ctx, tx, BalanceReturned, row.BalanceMinor, p.Currency, &p.ID, "not used for "+p.Reference, now)
	}
	return true, nil
}

// giveUpTime ends what a payment pays for: periods that have not begun are removed, and the one that runs ends now,
// and the agreement with it. Stripe collects no more for it either.
func (a *agreement) giveUpTime(ctx context.Context, tx bun.Tx, p *Payment, now time.Time) error {
	a.stops = true
	var ahead []*SubscriptionPeriod
	ends, found := false, false
	for _, q := range a.chain {
		switch own := q.PaymentID != nil && *q.PaymentID == p.ID; {
		case !q.End.After(now):
		case own && q.Start.After(now):
			ahead, found = append(ahead, q), true
		case own:
			ends, found = true, true
		case found:
			return fault.New(fault.InvalidState, "a later payment pays for the time after it: refund that one first, or leave the time").At("paymentId")
		}
	}
	if err := a.remove(ctx, tx, ahead); err != nil || !ends {
		return err
	}
	if _, err := a.cutLast(ctx, tx, now); err != nil {
		return err
	}
	const reason = "The payment was refunded."
	cancelled := a.subscription.CancelAtPeriodEnd
	a.subscription.PendingPlanID, a.subscription.CancelAtPeriodEnd = nil, false
	switch {
	case a.account.System:
		return a.write(ctx, tx, now)
	case a.account.Status == account.Active && cancelled:
		return a.cancel(ctx, tx, reason, now)
	case a.account.Status == account.Active:
		a.subscription.Status = ExpiredByItself
		return a.move(ctx, tx, account.StaffDecision, reason, now)
	case a.subscription.Status == ActiveSubscription:
		a.subscription.Status = ExpiredByItself
	}
	return a.write(ctx, tx, now)
}
