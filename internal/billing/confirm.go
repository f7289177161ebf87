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
	"igny8.com/accounts/internal/plan"
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
// event. Said again with the same facts, it returns the payment and writes nothing. Errors: REQUIRED,
// TOO_LONG, INVALID, NOT_FOUND, OWN_PAYMENT, INVALID_STATE, AMOUNT_MISMATCH, CURRENCY_MISMATCH,
// EXTERNAL_REFERENCE_USED, IDEMPOTENCY_CONFLICT.
func ConfirmPayment(ctx context.Context, db bun.IDB, staff account.Actor, now time.Time, in Confirm) (*Payment, error) {
	in.ExternalPaymentID = strings.TrimSpace(in.ExternalPaymentID)
	var faults fault.List
	faults.Add(fault.CheckText(in.ExternalPaymentID, "externalPaymentId", 200))
	faults.Add(checkDay(in.ReceivedOn, now, "receivedOn"))
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
		payer, err := account.Lock(ctx, tx, tenant)
		if err != nil {
			return at(err, "paymentId")
		}
		facts := fingerprint(in.PaymentID, in.ExternalPaymentID, in.Amount, in.ReceivedOn.Format(time.DateOnly))
		known, err := recall(ctx, tx, tenant, confirmOperation, in.IdempotencyKey, facts)
		if err != nil {
			return err
		}
		if payment, err = lockPayment(ctx, tx, tenant, in.PaymentID); err != nil || known != 0 {
			return err
		}
		if payment.Status == Confirmed {
			return in.repeats(payment)
		}
		if err := in.fits(payment); err != nil {
			return err
		}
		if err := confirm(ctx, tx, staff, now, payer, payment, in); err != nil {
			return err
		}
		return remember(ctx, tx, &remembered{
			TenantID: tenant, Operation: confirmOperation, Key: in.IdempotencyKey,
			Fingerprint: facts, SubjectID: payment.ID, CreatedAt: now,
		})
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
		return fault.New(fault.AmountMismatch, "the payment is of %s", p.Amount()).At("amount", "amount")
	}
	return nil
}

// confirm writes all that a confirmation is, behind the locks of the account and the payment.
func confirm(
	ctx context.Context, tx bun.Tx, staff account.Actor, now time.Time, payer *account.Account, p *Payment, in Confirm,
) error {
	plans, err := plan.ByIDs(ctx, tx, []gid.Plan{p.PlanID})
	if err != nil {
		return err
	}
	bought := plans[0] // a foreign key says that it is there
	before := map[string]any{"status": payer.Status, "planId": gid.Format(payer.PlanID)}
	status, err := payer.Status.Move(account.PaymentConfirmed)
	if err != nil {
		return at(err, "paymentId")
	}
	subscription, last, err := lockHistory(ctx, tx, payer.ID)
	if err != nil {
		return err
	}
	ext, err := extend(subscription.Anchor, last, p.PlanID, p.Months, now)
	if err != nil {
		return at(err, "paymentId")
	}
	periods, err := appendPeriods(ctx, tx, last, ext, p, now)
	if err != nil {
		return err
	}
	payer.Status, payer.StatusReason, payer.PlanID, payer.UpdatedAt = status, "", p.PlanID, now
	_, err = tx.NewUpdate().Model(payer).WherePK().Column("status", "status_reason", "plan_id", "updated_at").Exec(ctx)
	if err != nil {
		return fmt.Errorf("activate account: %w", err)
	}
	subscription.Status, subscription.PaymentMethod, subscription.CancelAtPeriodEnd = ActiveSubscription, &p.Method, false
	subscription.Anchor, subscription.ExternalPaymentID, subscription.UpdatedAt = &ext.anchor, &in.ExternalPaymentID, now
	_, err = tx.NewUpdate().Model(subscription).WherePK().
		Column("status", "payment_method", "cancel_at_period_end", "anchor", "external_payment_id", "updated_at").Exec(ctx)
	if err != nil {
		return fmt.Errorf("activate subscription: %w", err)
	}
	p.Status, p.ExternalPaymentID, p.ReceivedOn = Confirmed, &in.ExternalPaymentID, &in.ReceivedOn
	p.DecidedAt, p.DecidedBy, p.UpdatedAt = &now, &staff.User.ID, now
	_, err = tx.NewUpdate().Model(p).WherePK().
		Column("status", "external_payment_id", "received_on", "decided_at", "decided_by", "updated_at").Exec(ctx)
	if err != nil {
		return fmt.Errorf("confirm payment: %w", err)
	}
	by := staff.By(payer.ID)
	if err := grantBegun(ctx, tx, bought, periods, by, now); err != nil {
		return err
	}
	if err := useExternalID(ctx, tx, p); err != nil {
		return err
	}
	invoice, err := issueInvoice(ctx, tx, p, bought, periods, now)
	if err != nil {
		return err
	}
	change := audit.On("payment.confirmed", "payment", p.ID).From(before).To(map[string]any{
		"status": payer.Status, "planId": gid.Format(payer.PlanID), "amount": p.Amount().String(),
		"externalPaymentId": in.ExternalPaymentID, "invoice": invoice.Number,
	})
	return audit.Record(ctx, tx, payer.ID, by, now, change)
}

// useExternalID takes the bank's id for this payment. Ids that differ in case alone are one.
func useExternalID(ctx context.Context, tx bun.Tx, p *Payment) error {
	result, err := tx.NewRaw(
		`INSERT INTO igny8_external_payments (method, external_id, tenant_id, payment_id)
		 VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		p.Method, strings.ToUpper(*p.ExternalPaymentID), p.TenantID, p.ID).Exec(ctx)
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
