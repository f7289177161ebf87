package billing

import (
	"context"
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

// MaxMonths is how many months one payment may pay for.
const MaxMonths = 24

// BankDetails is how a customer pays by transfer.
type BankDetails struct {
	// Instructions name the receiving bank account, for people.
	Instructions string
	// Deadline is how long a requested payment may be made.
	Deadline time.Duration
}

// Request asks to pay for a plan by bank transfer.
type Request struct {
	PlanSlug       string
	Months         int
	IdempotencyKey string
}

const requestOperation = "requestBankTransfer"

// RequestTransfer makes a pending payment with its amount, reference and instructions. The same key
// and input return the first payment again. What Stripe goes on collecting for is not paid by a transfer too. Errors:
// REQUIRED, TOO_LONG, INVALID, PLAN_UNAVAILABLE, INVALID_STATE, IDEMPOTENCY_CONFLICT.
func (o Office) RequestTransfer(ctx context.Context, db bun.IDB, actor account.Actor, now time.Time, in Request) (*Payment, error) {
	var faults fault.List
	faults.Add(fault.CheckIdempotencyKey(in.IdempotencyKey))
	faults.Add(checkMonths(in.Months))
	if err := faults.Err(); err != nil {
		return nil, err
	}
	tenant, facts := actor.AccountID(), fingerprint(in.PlanSlug, in.Months)
	var payment *Payment
	err := postgres.InTx(ctx, db, func(ctx context.Context, tx bun.Tx) error {
		a, err := o.open(ctx, tx, tenant, &now)
		if err != nil {
			return err
		}
		known, err := recall(ctx, tx, tenant, requestOperation, in.IdempotencyKey, facts)
		if err != nil {
			return err
		}
		if known != 0 {
			payment, err = lockPayment(ctx, tx, tenant, known)
			return err
		}
		if payment, err = o.request(ctx, tx, a, actor, now, in); err != nil {
			return err
		}
		if err := remember(ctx, tx, &remembered{
			TenantID: tenant, Operation: requestOperation, Key: in.IdempotencyKey,
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

func checkMonths(n int) *fault.Error {
	if n < 1 || n > MaxMonths {
		return fault.New(fault.Invalid, "from 1 to %d months", MaxMonths).At("months")
	}
	return nil
}

func (o Office) request(
	ctx context.Context, tx bun.Tx, a *agreement, actor account.Actor, now time.Time, in Request,
) (*Payment, error) {
	p, err := plan.BySlug(ctx, tx, in.PlanSlug)
	if err != nil {
		return nil, err
	}
	if p == nil || !a.payable(p) {
		return nil, fault.New(fault.PlanUnavailable, "there is no plan of this name that can be paid for").At("planSlug")
	}
	if a.assignmentWaits() {
		return nil, fault.New(fault.InvalidState, "the plan that was assigned is to be paid for first").At("planSlug")
	}
	if a.running(now) && a.planAfter() != p.ID {
		return nil, fault.New(fault.InvalidState, "another plan is paid for until %s; change the plan first",
			a.last().End.Format(time.DateOnly)).At("planSlug")
	}
	goesOn, err := a.goesOn(ctx, tx)
	if err != nil {
		return nil, err
	}
	if goesOn {
		return nil, fault.New(fault.InvalidState, "Stripe collects for this account, and would be paid as well: "+
			"pay there, or cancel the subscription at the period's end first and then ask for a transfer").At("planSlug")
	}
	return o.ask(ctx, tx, a, actor, asked{
		purpose: ForPeriods, plan: p, months: in.Months, net: a.price(p).Times(in.Months),
	}, now)
}

// payable says whether the account can pay for a plan: one that everybody may choose, or the one that staff
// assigned to it at a price.
func (a *agreement) payable(p *plan.Plan) bool {
	assigned := a.last().Kind == AssignedPeriod && a.last().PlanID == p.ID
	return (p.SelfServe || assigned || a.agreedOn(p.ID)) && a.price(p).Minor > 0
}

// asked is what a payment is asked for.
type asked struct {
	purpose  Purpose
	plan     *plan.Plan
	months   int
	net      money.Money
	credited int64
	// periods are those that it pays for, where they begin before it is made.
	periods []*SubscriptionPeriod
}

// ask makes a pending payment. What the account has with us goes towards it at once, and comes back if the
// payment is not made.
func (o Office) ask(
	ctx context.Context, tx bun.Tx, a *agreement, actor account.Actor, in asked, now time.Time,
) (*Payment, error) {
	var id gid.Payment
	if err := tx.NewSelect().ColumnExpr("nextval('igny8_payments_id_seq')").Scan(ctx, &id); err != nil {
		return nil, fmt.Errorf("number payment: %w", err)
	}
	tenant := a.account.ID
	owed := money.Money{Minor: in.net.Minor - in.credited, Currency: in.net.Currency}
	tax := taxOn(owed.Minor, a.account.TaxRate)
	owed.Minor += tax
	applied := a.applicable(owed)
	payment := &Payment{
		TenantID: tenant, ID: id, Method: BankTransfer, Status: Pending, PlanID: in.plan.ID, Months: in.months, Purpose: in.purpose,
		NetMinor: in.net.Minor, CreditedMinor: in.credited, TaxMinor: tax, TaxRate: a.account.TaxRate, AppliedMinor: applied, AmountMinor: owed.Minor - applied,
		Currency: owed.Currency, Reference: Reference(tenant, id),
		RequestedBy: actor.User.ID, ExpiresAt: now.Add(o.Bank.Deadline), CreatedAt: now, UpdatedAt: now,
	}
	payment.Instructions = instructions(payment, o.Bank)
	if _, err := tx.NewInsert().Model(payment).Returning("NULL").Exec(ctx); err != nil {
		return nil, fmt.Errorf("insert payment: %w", err)
	}
	for _, q := range in.periods {
		q.PaymentID = &payment.ID
	}
	if len(in.periods) > 0 {
		if err := a.append(ctx, tx, now, in.periods...); err != nil {
			return nil, err
		}
	}
	if applied > 0 {
		if err := a.enter(ctx, tx, BalanceApplied, -applied, payment.Currency, &payment.ID, "towards "+payment.Reference, now); err != nil {
			return nil, err
		}
	}
	a.pending = append(a.pending, payment)
	change := audit.On("payment.requested", "payment", id).
		To(map[string]any{"plan": in.plan.Slug, "months": in.months, "amount": payment.Amount().String(), "purpose": in.purpose})
	if err := audit.Record(ctx, tx, tenant, actor.By(tenant), now, change); err != nil {
		return nil, err
	}
	if payment.AmountMinor > 0 {
		return payment, o.tellBoth(ctx, tx, a, paymentAsked(o, a, payment), askedOfStaff(o, a, payment), now)
	}
	// Nothing is left to wait for.
	paid := receipt{externalID: "balance " + payment.Reference, receivedOn: now, by: audit.By{Kind: audit.System}}
	return payment, o.confirm(ctx, tx, a, payment, paid, now)
}

// instructions are how to pay what is outstanding.
func instructions(p *Payment, bank BankDetails) string {
	return fmt.Sprintf("Send %s and write %s as the reference, by %s.\n%s",
		p.Outstanding(), p.Reference, p.ExpiresAt.Format("2 January 2006"), bank.Instructions)
}
