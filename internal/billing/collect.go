package billing

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
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

// StripeInvoice is an invoice of a Stripe subscription as it is there now.
type StripeInvoice struct {
	ID, SubscriptionID string
	// Status is Stripe's word.
	Status string
	// Total is of the invoice, Received what was paid of it.
	Total, Received money.Money
	// PlanSlug, Months, NetMinor and TaxRate are what it is for, as was agreed to when the subscription began.
	PlanSlug string
	Months   int
	NetMinor int64
	TaxRate  *int
	// CheckoutID is the checkout that the subscription began with; 0 where that is not known.
	CheckoutID int64
	// PaidAt is when it was paid.
	PaidAt time.Time
	// Attempted says that Stripe tried to collect it; Link is where the owner can pay it.
	Attempted bool
	Link      string
}

// Stripe's words for where an invoice stands.
const (
	invoiceOpen = "open"
	invoicePaid = "paid"
)

// Reviewed is the member of staff who looked at what came from Stripe and had it done all the same; nil for nobody.
type Reviewed = *gid.User

// CollectInvoice brings our side to what an invoice of a Stripe subscription is now. A paid one becomes a confirmed
// payment with all that follows from it, once, however often it is said; the owner is told of one that could not be
// paid, once. Errors: NOT_FOUND; PLAN_UNAVAILABLE, AMOUNT_MISMATCH, CURRENCY_MISMATCH, INVALID, INVALID_STATE and
// EXTERNAL_REFERENCE_USED where it was paid and cannot be counted.
func (o Office) CollectInvoice(
	ctx context.Context, db bun.IDB, tenant gid.Account, now time.Time, in StripeInvoice, reviewed Reviewed,
) (*Payment, error) {
	var payment *Payment
	err := postgres.InTx(postgres.WithTenant(ctx, int64(tenant)), db, func(ctx context.Context, tx bun.Tx) error {
		a, err := o.open(ctx, tx, tenant, &now)
		if err != nil {
			return err
		}
		row, err := in.row(ctx, tx, tenant, now)
		if err != nil {
			return err
		}
		switch {
		case row.PaymentID != nil:
			if payment, err = lockPayment(ctx, tx, tenant, *row.PaymentID); err != nil {
				return err
			}
		case in.Status == invoicePaid:
			if payment, err = o.collect(ctx, tx, a, in, reviewed, now); err != nil {
				return err
			}
			row.PaymentID = &payment.ID
		case in.Status == invoiceOpen && in.Attempted && row.ToldAt == nil:
			if err := o.tellOwner(ctx, tx, a, notCollected(o, a, in), now); err != nil {
				return err
			}
			row.ToldAt = &now
		}
		if err := row.write(ctx, tx); err != nil {
			return err
		}
		return a.close(ctx, tx)
	})
	if err != nil {
		return nil, err
	}
	return payment, nil
}

// row is what is known of the invoice, as it is now.
func (in StripeInvoice) row(ctx context.Context, tx bun.Tx, tenant gid.Account, now time.Time) (*Collected, error) {
	row := new(Collected)
	err := tx.NewSelect().Model(row).Where("tenant_id = ?", tenant).Where("invoice_id = ?", in.ID).For("UPDATE").Scan(ctx)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("read an invoice of Stripe: %w", err)
	}
	row.TenantID, row.InvoiceID, row.SubscriptionID = tenant, in.ID, in.SubscriptionID
	if row.Status != invoicePaid { // it stays paid, whatever an older look says
		row.Status, row.AmountMinor, row.Currency = in.Status, in.Total.Minor, in.Total.Currency
	}
	row.SeenAt = now
	return row, nil
}

func (c *Collected) write(ctx context.Context, tx bun.Tx) error {
	_, err := tx.NewInsert().Model(c).On("CONFLICT (tenant_id, invoice_id) DO UPDATE").
		Set("status = EXCLUDED.status").Set("amount_minor = EXCLUDED.amount_minor").Set("currency = EXCLUDED.currency").
		Set("payment_id = EXCLUDED.payment_id").Set("told_at = EXCLUDED.told_at").Set("seen_at = EXCLUDED.seen_at").
		Returning("NULL").Exec(ctx)
	if err != nil {
		return fmt.Errorf("write an invoice of Stripe: %w", err)
	}
	return nil
}

// collect confirms the payment that a paid invoice is.
func (o Office) collect(ctx context.Context, tx bun.Tx, a *agreement, in StripeInvoice, reviewed Reviewed, now time.Time) (*Payment, error) {
	of, err := plan.BySlug(ctx, tx, in.PlanSlug)
	if err != nil {
		return nil, err
	}
	tax := taxOn(in.NetMinor, in.TaxRate)
	sum := money.Money{Minor: in.NetMinor + tax, Currency: in.Total.Currency}
	switch {
	case of == nil:
		return nil, fault.New(fault.PlanUnavailable, "the invoice is for a plan that there is not")
	case in.Total.Currency != of.Currency || in.Received.Currency != of.Currency:
		return nil, fault.New(fault.CurrencyMismatch, "the plan is in %s and the invoice in %s", of.Currency, in.Total.Currency)
	case in.Months < 1 || in.Months > MaxMonths || in.NetMinor <= 0 || in.TaxRate != nil && (*in.TaxRate < 0 || *in.TaxRate > maxTaxRate):
		return nil, fault.New(fault.Invalid, "the invoice does not say what it is for")
	case in.Total != sum || in.Received != sum:
		return nil, fault.New(fault.AmountMismatch, "%s was agreed on, the invoice is over %s and %s of it was paid", sum, in.Total, in.Received)
	}
	if err := a.mayReturn(reviewed); err != nil {
		return nil, err
	}
	first, err := a.uncounted(ctx, tx, in.SubscriptionID)
	if err != nil {
		return nil, err
	}
	payer, err := a.subscriber(ctx, tx, in.CheckoutID)
	if err != nil {
		return nil, err
	}
	var id gid.Payment
	if err := tx.NewSelect().ColumnExpr("nextval('igny8_payments_id_seq')").Scan(ctx, &id); err != nil {
		return nil, fmt.Errorf("number payment: %w", err)
	}
	payment := &Payment{
		TenantID: a.account.ID, ID: id, Method: Stripe, Status: Pending, PlanID: of.ID, Months: in.Months, Purpose: ForPeriods,
		NetMinor: in.NetMinor, TaxMinor: tax, TaxRate: in.TaxRate, AmountMinor: sum.Minor, Currency: sum.Currency,
		Reference: Reference(a.account.ID, id), RequestedBy: payer, ExpiresAt: now, CreatedAt: now, UpdatedAt: now,
	}
	if _, err := tx.NewInsert().Model(payment).Returning("NULL").Exec(ctx); err != nil {
		return nil, fmt.Errorf("insert payment: %w", err)
	}
	ending := a.subscription.CancelAtPeriodEnd
	if err := o.confirm(ctx, tx, a, payment, received(in.ID, in.PaidAt, reviewed), now); err != nil {
		return nil, err
	}
	if !first && ending {
		// A renewal that was on its way does not take a cancellation back.
		a.subscription.CancelAtPeriodEnd = true
		return payment, a.write(ctx, tx, now)
	}
	return payment, nil
}

// received is how Stripe's money was received.
func received(externalID string, at time.Time, reviewed Reviewed) receipt {
	got := receipt{externalID: externalID, receivedOn: at.UTC().Truncate(24 * time.Hour), by: audit.By{Kind: audit.System}, decidedBy: reviewed}
	if reviewed != nil {
		by := int64(*reviewed)
		got.by = audit.By{Kind: audit.Staff, ID: &by}
	}
	return got
}

// mayReturn refuses money for an account that was cancelled, until staff have looked at it. Errors: INVALID_STATE.
func (a *agreement) mayReturn(reviewed Reviewed) error {
	if a.account.Status == account.Cancelled && reviewed == nil {
		return fault.New(fault.InvalidState, "the account is cancelled: staff decide whether the payment brings it back")
	}
	return nil
}

// uncounted says whether no invoice of a Stripe subscription was counted yet.
func (a *agreement) uncounted(ctx context.Context, tx bun.Tx, subscription string) (bool, error) {
	counted, err := tx.NewSelect().Model((*Collected)(nil)).Where("tenant_id = ?", a.account.ID).
		Where("subscription_id = ?", subscription).Where("payment_id IS NOT NULL").Exists(ctx)
	if err != nil {
		return false, fmt.Errorf("look for invoices of Stripe: %w", err)
	}
	return !counted, nil
}

// subscriber is who began a Stripe subscription: the owner, where that is not known.
func (a *agreement) subscriber(ctx context.Context, tx bun.Tx, checkout int64) (gid.User, error) {
	var found []gid.User
	err := tx.NewSelect().Model((*Checkout)(nil)).Column("created_by").Where("tenant_id = ?", a.account.ID).
		Where("id = ?", checkout).Scan(ctx, &found)
	if err != nil {
		return 0, fmt.Errorf("find who began a Stripe subscription: %w", err)
	}
	switch {
	case len(found) > 0:
		return found[0], nil
	case a.account.OwnerID != nil:
		return *a.account.OwnerID, nil
	default:
		return 0, fmt.Errorf("find who began a Stripe subscription: account %s has no owner", gid.Format(a.account.ID))
	}
}

func notCollected(o Office, a *agreement, in StripeInvoice) note {
	where := in.Link
	if where == "" {
		where = o.Mail.App
	}
	return note{
		kind: "payment_failed", subject: "A payment for IGNY8 did not go through",
		text: fmt.Sprintf(`The payment of %s for the IGNY8 account %s did not go through. It is tried again
by itself. To pay now, or by another card:

%s

The plan goes on without a gap if it is paid for within %d days of its end.
`, in.Total, a.account.Name, where, int(Grace.Hours()/24)),
	}
}
