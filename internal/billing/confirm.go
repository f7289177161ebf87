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

// Confirm is what staff say was received.
type Confirm struct {
	PaymentID         gid.Payment
	ExternalPaymentID string
	Amount            money.Money
	ReceivedOn        time.Time
	IdempotencyKey    string
}

const confirmOperation = "confirmPayment"

// ConfirmPayment confirms a payment in one transaction with everything that follows from it: the
// account's plan and status, its periods, the credits of those that have begun, the invoice, the audit
// event. Said again with the same facts, it returns the payment and writes nothing. A sum that takes two members
// of staff leaves the payment pending until the second one says the same (see SecondAbove). Errors: REQUIRED,
// TOO_LONG, INVALID, NOT_FOUND, OWN_PAYMENT, INVALID_STATE, AMOUNT_MISMATCH, CURRENCY_MISMATCH,
// EXTERNAL_REFERENCE_USED, IDEMPOTENCY_CONFLICT, SECOND_APPROVER_NEEDED, APPROVAL_MISMATCH.
func (o Office) ConfirmPayment(ctx context.Context, db bun.IDB, staff account.Actor, now time.Time, in Confirm) (*Payment, error) {
	in.ExternalPaymentID = strings.TrimSpace(in.ExternalPaymentID)
	var faults fault.List
	faults.Add(fault.CheckText(in.ExternalPaymentID, "externalPaymentId", 200))
	today, err := o.today(ctx, db, in.PaymentID, now)
	if err != nil {
		return nil, err
	}
	faults.Add(checkDay(in.ReceivedOn, today, "receivedOn"))
	faults.Add(fault.CheckIdempotencyKey(in.IdempotencyKey))
	if err := faults.Err(); err != nil {
		return nil, err
	}
	tenant, err := payer(ctx, db, staff, in.PaymentID)
	if err != nil {
		return nil, err
	}
	var payment *Payment
	err = postgres.InTx(postgres.WithTenant(ctx, int64(tenant)), db, func(ctx context.Context, tx bun.Tx) error {
		a, err := o.open(ctx, tx, tenant, &now)
		if err != nil {
			return at(err, "paymentId")
		}
		facts := fingerprint(in.PaymentID, in.ExternalPaymentID, in.Amount, in.ReceivedOn.Format(time.DateOnly))
		known, said, err := recallSaid(ctx, tx, tenant, confirmOperation, staff, in.IdempotencyKey, facts)
		if err != nil {
			return err
		}
		if payment, err = lockPayment(ctx, tx, tenant, in.PaymentID); err != nil || known != 0 || said {
			return err
		}
		if payment.Status == Confirmed {
			return in.repeats(payment)
		}
		if err := in.fits(payment); err != nil {
			return err
		}
		operation := confirmOperation
		ok, err := o.approve(ctx, tx, a, staff, payment, confirmationOf(in.ExternalPaymentID, in.Amount, in.ReceivedOn), payment.Amount(), now)
		if err != nil {
			return err
		}
		if ok {
			got := receipt{externalID: in.ExternalPaymentID, receivedOn: in.ReceivedOn, by: staff.By(tenant), decidedBy: &staff.User.ID}
			err = o.confirm(ctx, tx, a, payment, got, now)
		} else {
			operation = saidBy(operation, staff)
		}
		if err != nil {
			return err
		}
		if err := remember(ctx, tx, &remembered{
			TenantID: tenant, Operation: operation, Key: in.IdempotencyKey,
			Fingerprint: facts, SubjectID: payment.ID, CreatedAt: now,
		}); err != nil {
			return err
		}
		return a.close(ctx, tx)
	})
	if err != nil {
		return nil, err
	}
	return payment, nil
}

// payer is the account of a payment that staff want to decide on. Errors: NOT_FOUND, OWN_PAYMENT.
func payer(ctx context.Context, db bun.IDB, staff account.Actor, id gid.Payment) (gid.Account, error) {
	var tenants []gid.Account
	err := db.NewSelect().Model((*Payment)(nil)).Column("tenant_id").Where("id = ?", id).
		Scan(postgres.WithStaff(ctx), &tenants)
	if err != nil {
		return 0, fmt.Errorf("find payment: %w", err)
	}
	if len(tenants) == 0 {
		return 0, paymentNotFound()
	}
	if tenants[0] == staff.AccountID() {
		return 0, fault.New(fault.OwnPayment, "somebody else has to decide on a payment of your own account").At("paymentId")
	}
	return tenants[0], nil
}

// repeats says whether the facts are those that the payment was confirmed with.
func (in Confirm) repeats(p *Payment) error {
	if *p.ExternalPaymentID == in.ExternalPaymentID && p.Amount() == in.Amount &&
		p.ReceivedOn.Format(time.DateOnly) == in.ReceivedOn.Format(time.DateOnly) {
		return nil
	}
	return fault.New(fault.IdempotencyConflict, "this payment was confirmed with other facts").At("paymentId")
}

// fits says whether the facts can confirm the payment.
func (in Confirm) fits(p *Payment) error {
	switch {
	case p.Status != Pending:
		return fault.New(fault.InvalidState, "this payment is %s", p.Status).At("paymentId")
	case p.Currency != in.Amount.Currency:
		return fault.New(fault.CurrencyMismatch, "the payment is in %s", p.Currency).At("amount", "currencyCode")
	case p.AmountMinor != in.Amount.Minor:
		return fault.New(fault.AmountMismatch, "the payment is of %s; another sum is recorded as a receipt", p.Amount()).At("amount", "amount")
	case p.HeldMinor > 0:
		return fault.New(fault.InvalidState, "%s of it came before; what comes now is recorded as a receipt", p.Held()).At("paymentId")
	}
	return nil
}

// receipt is how the money of a payment was received.
type receipt struct {
	externalID string
	receivedOn time.Time
	by         audit.By
	// decidedBy is who confirmed it; nil where the service did.
	decidedBy *gid.User
}

// confirm writes all that a confirmation is, behind the locks of the account and the payment.
func (o Office) confirm(ctx context.Context, tx bun.Tx, a *agreement, p *Payment, got receipt, now time.Time) error {
	before := a.standing()
	var err error
	// What was assigned and is over by now is paid for, and opens nothing.
	if p.Purpose != ForAssignment || a.last().End.After(now) {
		if err = a.activate(now); err != nil {
			return at(err, "paymentId")
		}
	}
	bought := billed{tax: p.TaxMinor}
	switch p.Purpose {
	case ForUpgrade:
		bought, err = a.upgradeBy(ctx, tx, p, now)
	case ForAssignment:
		bought.lines, err = a.payAssigned(ctx, tx, p)
	default:
		bought.lines, err = a.extendBy(ctx, tx, p, now)
	}
	if err != nil {
		return err
	}
	a.subscription.PaymentMethod, a.subscription.ExternalPaymentID = &p.Method, &got.externalID
	if err := a.write(ctx, tx, now); err != nil {
		return err
	}
	p.Status, p.ExternalPaymentID, p.ReceivedOn = Confirmed, &got.externalID, &got.receivedOn
	p.DecidedAt, p.DecidedBy, p.UpdatedAt = &now, got.decidedBy, now
	_, err = tx.NewUpdate().Model(p).WherePK().
		Column("status", "external_payment_id", "received_on", "decided_at", "decided_by", "updated_at").Exec(ctx)
	if err != nil {
		return fmt.Errorf("confirm payment: %w", err)
	}
	a.done(p)
	// What begins by it begins with it: plan and credits are there when the answer is.
	if err := o.settle(ctx, tx, a, now); err != nil {
		return err
	}
	if err := useExternalID(ctx, tx, p.Key(), p.Method, got.externalID); err != nil {
		return err
	}
	invoice, err := o.issueInvoice(ctx, tx, a, p, bought, now)
	if err != nil {
		return err
	}
	after := a.standing()
	after["amount"], after["externalPaymentId"], after["invoice"] = p.Amount().String(), got.externalID, invoice.Number
	change := audit.On("payment.confirmed", "payment", p.ID).From(before).To(after)
	if err := audit.Record(ctx, tx, a.account.ID, got.by, now, change); err != nil {
		return err
	}
	return o.tellBoth(ctx, tx, a, paymentConfirmed(o, a, p, invoice), confirmedToStaff(o, a, p), now)
}

// activate moves the account to where a confirmed payment leads. A cancelled one comes back only as long as
// what was deleted could be restored. Errors: INVALID_STATE.
func (a *agreement) activate(now time.Time) error {
	cause := account.PaymentConfirmed
	if a.account.Status == account.Cancelled {
		cause = account.ConfirmedForReturn
		window := time.Duration(a.account.DeletionRetentionDays) * 24 * time.Hour
		if a.subscription.CancelledAt == nil || !now.Before(a.subscription.CancelledAt.Add(window)) {
			return fault.New(fault.InvalidState, "this account was cancelled too long ago to come back")
		}
	}
	status, err := a.account.Status.Move(cause)
	if err != nil {
		return err
	}
	a.account.Status, a.account.StatusReason = status, ""
	return nil
}

// extendBy appends the periods that a payment pays for. Errors: INVALID_STATE at paymentId.
func (a *agreement) extendBy(ctx context.Context, tx bun.Tx, p *Payment, now time.Time) ([]*InvoiceLine, error) {
	if a.assignmentWaits() {
		return nil, fault.New(fault.InvalidState, "the plan that was assigned is to be paid for, or taken back, first").At("paymentId")
	}
	if a.running(now) && a.planAfter() != p.PlanID {
		return nil, fault.New(fault.InvalidState, "another plan is paid for until %s", a.last().End.Format(time.DateOnly)).At("paymentId")
	}
	bought, err := a.plan(ctx, tx, p.PlanID)
	if err != nil {
		return nil, err
	}
	last, ext := a.last(), a.extend(p.Months, now)
	a.leave(p.PlanID)
	if ext.cutLast != nil {
		last.End = *ext.cutLast
		if _, err := tx.NewUpdate().Model(last).Column("end_at").WherePK().Exec(ctx); err != nil {
			return nil, fmt.Errorf("end period: %w", err)
		}
	}
	all := []*SubscriptionPeriod{}
	if ext.lapsed != nil {
		all = append(all, &SubscriptionPeriod{Kind: LapsedPeriod, PlanID: last.PlanID, Start: ext.lapsed.Start, End: ext.lapsed.End})
	}
	lines := make([]*InvoiceLine, len(ext.paid))
	for i, span := range ext.paid {
		price := share(p.NetMinor, len(ext.paid), i)
		all = append(all, &SubscriptionPeriod{
			Kind: PaidPeriod, PlanID: p.PlanID, PaymentID: &p.ID, PriceMinor: price, Start: span.Start, End: span.End,
		})
		lines[i] = &InvoiceLine{Description: bought.Name, PeriodStart: span.Start, PeriodEnd: span.End, AmountMinor: price}
	}
	a.subscription.Status, a.subscription.CancelAtPeriodEnd, a.subscription.Anchor = ActiveSubscription, false, &ext.anchor
	return lines, a.append(ctx, tx, now, all...)
}

// useExternalID takes a bank's or Stripe's id for a payment. Ids of banks that differ in case alone are one; Stripe's
// are compared as they are. Errors: EXTERNAL_REFERENCE_USED.
func useExternalID(ctx context.Context, tx bun.Tx, of PaymentKey, method Method, externalID string) error {
	if method != Stripe {
		externalID = externalKey(externalID)
	}
	result, err := tx.NewRaw(
		`INSERT INTO igny8_external_payments (method, external_id, tenant_id, payment_id)
		 VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		method, externalID, of.Tenant, of.Payment).Exec(ctx)
	if err != nil {
		return fmt.Errorf("use external id: %w", err)
	}
	n, err := result.RowsAffected()
	if err != nil {
		return fmt.Errorf("use external id: %w", err)
	}
	if n == 1 {
		return nil
	}
	return externalIDUsed()
}

func externalIDUsed() error {
	return fault.New(fault.ExternalReferenceUse, "this id of the bank was used for a payment before").At("externalPaymentId")
}

// at blames the input at path for a fault; other errors stay as they are.
func at(err error, path ...string) error {
	if faults := fault.Of(err); len(faults) == 1 {
		return faults[0].At(path...)
	}
	return err
}

func paymentNotFound() error {
	return fault.New(fault.NotFound, "there is no such payment").At("paymentId")
}
