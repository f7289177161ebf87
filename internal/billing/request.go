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
// and input return the first payment again. Errors: REQUIRED, TOO_LONG, INVALID, PLAN_UNAVAILABLE,
// INVALID_STATE, IDEMPOTENCY_CONFLICT.
func RequestTransfer(
	ctx context.Context, db bun.IDB, actor account.Actor, now time.Time, bank BankDetails, in Request,
) (*Payment, error) {
	var faults fault.List
	faults.Add(fault.CheckIdempotencyKey(in.IdempotencyKey))
	if in.Months < 1 || in.Months > MaxMonths {
		faults.Add(fault.New(fault.Invalid, "from 1 to %d months", MaxMonths).At("months"))
	}
	if err := faults.Err(); err != nil {
		return nil, err
	}
	tenant, facts := actor.AccountID(), fingerprint(in.PlanSlug, in.Months)
	var payment *Payment
	err := postgres.InTx(ctx, db, func(ctx context.Context, tx bun.Tx) error {
		if _, err := account.Lock(ctx, tx, tenant); err != nil {
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
		payment, err = request(ctx, tx, actor, now, bank, in)
		if err != nil {
			return err
		}
		return remember(ctx, tx, &remembered{
			TenantID: tenant, Operation: requestOperation, Key: in.IdempotencyKey,
			Fingerprint: facts, SubjectID: payment.ID, CreatedAt: now,
		})
	})
	if err != nil {
		return nil, err
	}
	return payment, nil
}

func request(
	ctx context.Context, tx bun.Tx, actor account.Actor, now time.Time, bank BankDetails, in Request,
) (*Payment, error) {
	p, err := plan.BySlug(ctx, tx, in.PlanSlug)
	if err != nil {
		return nil, err
	}
	if p == nil || !p.SelfServe || p.PriceMinor == 0 {
		return nil, fault.New(fault.PlanUnavailable, "there is no plan of this name that can be paid for").At("planSlug")
	}
	tenant := actor.AccountID()
	subscription, last, err := lockHistory(ctx, tx, tenant)
	if err != nil {
		return nil, err
	}
	if _, err := extend(subscription.Anchor, last, p.ID, in.Months, now); err != nil {
		return nil, at(err, "planSlug")
	}

	var id gid.Payment
	if err := tx.NewSelect().ColumnExpr("nextval('igny8_payments_id_seq')").Scan(ctx, &id); err != nil {
		return nil, fmt.Errorf("number payment: %w", err)
	}
	total := p.Price().Times(in.Months)
	payment := &Payment{
		TenantID: tenant, ID: id, Method: BankTransfer, Status: Pending, PlanID: p.ID, Months: in.Months,
		AmountMinor: total.Minor, Currency: total.Currency, Reference: Reference(tenant, id),
		RequestedBy: actor.User.ID, ExpiresAt: now.Add(bank.Deadline), CreatedAt: now, UpdatedAt: now,
	}
	payment.Instructions = instructions(payment, bank)
	if _, err := tx.NewInsert().Model(payment).Returning("NULL").Exec(ctx); err != nil {
		return nil, fmt.Errorf("insert payment: %w", err)
	}
	change := audit.On("payment.requested", "payment", id).
		To(map[string]any{"plan": p.Slug, "months": in.Months, "amount": total.String()})
	return payment, audit.Record(ctx, tx, tenant, actor.By(tenant), now, change)
}

// Reference is what a customer writes on a transfer: account, payment and a check letter that catches
// a mistyped digit and two neighbours that changed places.
func Reference(tenant gid.Account, id gid.Payment) string {
	digits := fmt.Sprintf("%d-%d", tenant, id)
	return fmt.Sprintf("IGNY8-%s-%c", digits, checkLetter(digits))
}

// checkLetter weighs each digit by its place, modulo a prime, so that every single mistake changes the
// sum. Its letters are none that is mistaken for another or for a digit.
func checkLetter(digits string) byte {
	const letters = "ABCDEFGHJKLMNPQRSTUVWXY" // 23, a prime: without I and O, and Z goes over
	sum, weight := 0, 2
	for _, r := range digits {
		if r != '-' {
			sum += weight * int(r-'0')
			weight++
		}
	}
	return letters[sum%len(letters)]
}

func instructions(p *Payment, bank BankDetails) string {
	return fmt.Sprintf("Send %s and write %s as the reference, by %s.\n%s",
		p.Amount(), p.Reference, p.ExpiresAt.Format("2 January 2006"), bank.Instructions)
}
