package billing

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/audit"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/money"
	"igny8.com/accounts/internal/period"
	"igny8.com/accounts/internal/plan"
	"igny8.com/accounts/internal/postgres"
)

// maxAssigned is for how long staff can assign a plan at once.
const maxAssigned = 5 * 366 * 24 * time.Hour

// Assignment is a plan that staff agreed on with a customer.
type Assignment struct {
	AccountID gid.Account
	PlanSlug  string
	// Monthly is the price of a month; nil for nothing to pay.
	Monthly *money.Money
	// Until is the first instant at which the plan does not hold any more.
	Until          time.Time
	Reason         string
	IdempotencyKey string
}

const assignOperation = "assignPlan"

// Assign puts an account on a plan from now on until an instant, also on one that nobody can choose. What was paid
// for the same time before comes to the account's balance. With a price there is a payment to be made; the plan
// holds meanwhile. The same key and input do nothing again. Errors: REQUIRED, TOO_LONG, INVALID, NOT_FOUND,
// OWN_PAYMENT, PLAN_UNAVAILABLE, INVALID_STATE, CURRENCY_MISMATCH, IDEMPOTENCY_CONFLICT.
func (o Office) Assign(ctx context.Context, db bun.IDB, staff account.Actor, now time.Time, in Assignment) (*Payment, error) {
	in.Reason, in.Until = strings.TrimSpace(in.Reason), period.Instant(in.Until)
	begins, err := o.nowOf(ctx, db, in.AccountID, now)
	if err != nil {
		return nil, err
	}
	if err := in.check(staff, begins); err != nil {
		return nil, err
	}
	facts := fingerprint(in.PlanSlug, in.Monthly, in.Until.UnixMicro(), in.Reason)
	var payment *Payment
	err = postgres.InTx(postgres.WithTenant(ctx, int64(in.AccountID)), db, func(ctx context.Context, tx bun.Tx) error {
		payment = nil
		a, err := o.open(ctx, tx, in.AccountID, &now)
		if err != nil {
			return at(err, "accountId")
		}
		known, replayed, err := recallAny(ctx, tx, in.AccountID, assignOperation, in.IdempotencyKey, facts)
		if err != nil {
			return err
		}
		if replayed {
			if known != 0 {
				payment, err = lockPayment(ctx, tx, in.AccountID, known)
			}
			return err
		}
		if payment, err = o.assign(ctx, tx, a, staff, in, now); err != nil {
			return err
		}
		subject := gid.Payment(0)
		if payment != nil {
			subject = payment.ID
		}
		if err := remember(ctx, tx, &remembered{
			TenantID: in.AccountID, Operation: assignOperation, Key: in.IdempotencyKey,
			Fingerprint: facts, SubjectID: subject, CreatedAt: now,
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

func (in Assignment) check(staff account.Actor, now time.Time) error {
	var faults fault.List
	faults.Add(fault.CheckText(in.Reason, reasonField, 500))
	faults.Add(fault.CheckIdempotencyKey(in.IdempotencyKey))
	if !in.Until.After(now) || in.Until.After(now.Add(maxAssigned)) {
		faults.Add(fault.New(fault.Invalid, "an instant in the next five years").At("until"))
	}
	if in.Monthly != nil && in.Monthly.Minor <= 0 {
		faults.Add(fault.New(fault.Invalid, "more than nothing; leave it out for a plan that costs nothing").At("monthlyPrice"))
	}
	if in.AccountID == staff.AccountID() {
		faults.Add(fault.New(fault.OwnPayment, "somebody else has to assign a plan to your own account").At("accountId"))
	}
	return faults.Err()
}

func (o Office) assign(
	ctx context.Context, tx bun.Tx, a *agreement, staff account.Actor, in Assignment, now time.Time,
) (*Payment, error) {
	to, err := plan.BySlug(ctx, tx, in.PlanSlug)
	if err != nil {
		return nil, err
	}
	switch {
	case to == nil:
		return nil, fault.New(fault.PlanUnavailable, "there is no plan of this name").At("planSlug")
	case in.Monthly != nil && in.Monthly.Currency != to.Currency:
		return nil, fault.New(fault.CurrencyMismatch, "the plan is in %s", to.Currency).At("monthlyPrice", "currencyCode")
	case a.last().End.After(in.Until) && a.last().Kind == PaidPeriod:
		return nil, fault.New(fault.InvalidState, "more is paid for: until %s", a.last().End.Format(time.DateOnly)).At("until")
	}
	if err := a.supersede(ctx, tx, staff, now); err != nil {
		return nil, err
	}
	before := a.standing()
	if a.account.Status != account.Active {
		if a.account.Status, err = a.account.Status.Move(account.StaffDecision); err != nil {
			return nil, at(err, "accountId")
		}
		a.account.StatusReason = ""
	}
	var monthly int64
	a.subscription.AgreedMinor, a.subscription.AgreedCurrency = nil, nil
	if in.Monthly != nil {
		monthly = in.Monthly.Minor
		a.subscription.AgreedMinor, a.subscription.AgreedCurrency = &in.Monthly.Minor, &in.Monthly.Currency
	}
	if err := a.release(ctx, tx, to.Currency, now); err != nil {
		return nil, err
	}
	from, err := a.cutLast(ctx, tx, now)
	if err != nil {
		return nil, err
	}
	a.subscription.Anchor, a.subscription.Status = &from, ActiveSubscription
	a.subscription.PendingPlanID, a.subscription.CancelAtPeriodEnd = nil, false
	assigned, total := assignedPeriods(from, in.Until, to.ID, monthly)
	if err := a.write(ctx, tx, now); err != nil {
		return nil, err
	}
	after := a.standingOn(to.ID)
	after["until"], after[reasonField], after["price"] = in.Until, in.Reason, money.Money{Minor: total, Currency: to.Currency}.String()
	change := audit.On("plan.assigned", "account", a.account.ID).From(before).To(after)
	if err := audit.Record(ctx, tx, a.account.ID, staff.By(a.account.ID), now, change); err != nil {
		return nil, err
	}
	var payment *Payment
	if total == 0 {
		err = a.append(ctx, tx, now, assigned...)
	} else {
		payment, err = o.ask(ctx, tx, a, staff, asked{
			purpose: ForAssignment, plan: to, months: min(len(assigned), MaxMonths),
			net: money.Money{Minor: total, Currency: to.Currency}, periods: assigned,
		}, now)
	}
	if err != nil {
		return nil, err
	}
	return payment, o.settle(ctx, tx, a, now)
}

// assignedPeriods are months from an instant until another, the last one cut where that is no boundary, with
// what each costs and all of them together.
func assignedPeriods(from, until time.Time, of gid.Plan, monthly int64) (periods []*SubscriptionPeriod, total int64) {
	for k := 0; ; k++ {
		month := period.Chain(from, k, 1)[0]
		p := &SubscriptionPeriod{Kind: AssignedPeriod, PlanID: of, Start: month.Start, End: month.End, PriceMinor: monthly}
		if !month.End.Before(until) {
			p.End, p.PriceMinor = until, month.Used(monthly, until)
			return append(periods, p), total + p.PriceMinor
		}
		periods, total = append(periods, p), total+monthly
	}
}

// release gives up what is paid for from now on: the unused part of its price comes to the account's balance, and
// periods that have not begun are written off as lapsed time that what follows takes the place of.
func (a *agreement) release(ctx context.Context, tx bun.Tx, currency money.Currency, now time.Time) error {
	var ahead []*SubscriptionPeriod
	returned := map[gid.Payment]int64{}
	for _, p := range a.chain {
		switch {
		case !p.End.After(now):
		case p.Start.After(now) && p.BegunAt == nil:
			p.giveUp(returned, p.PriceMinor)
			ahead = append(ahead, p)
		default:
			rest := p.Span().Unused(p.PriceMinor, now)
			p.giveUp(returned, rest)
			p.PriceMinor -= rest
			if _, err := tx.NewUpdate().Model(p).WherePK().Column("price_minor").Exec(ctx); err != nil {
				return fmt.Errorf("give up the rest of a period: %w", err)
			}
		}
	}
	if err := a.remove(ctx, tx, ahead); err != nil {
		return err
	}
	return a.giveBack(ctx, tx, returned, currency, now)
}

// giveBack enters parts of payments that are not used into the account's balance, with their tax.
func (a *agreement) giveBack(ctx context.Context, tx bun.Tx, parts map[gid.Payment]int64, currency money.Currency, now time.Time) error {
	unused, err := a.withTax(ctx, tx, parts)
	if err != nil || unused == 0 {
		return err
	}
	return a.enter(ctx, tx, BalanceUnused, unused, currency, nil, "unused time of what was paid for", now)
}

// giveUp notes that a part of the price of a period is not used.
func (p *SubscriptionPeriod) giveUp(returned map[gid.Payment]int64, minor int64) {
	var of gid.Payment // nobody paid for it
	if p.PaymentID != nil {
		of = *p.PaymentID
	}
	returned[of] += minor
}

// withTax is the sum of parts of payments, each with the tax that was paid on it. What was not paid counts for nothing.
func (a *agreement) withTax(ctx context.Context, tx bun.Tx, parts map[gid.Payment]int64) (int64, error) {
	maps.DeleteFunc(parts, func(_ gid.Payment, part int64) bool { return part == 0 })
	if len(parts) == 0 {
		return 0, nil
	}
	payments, err := PaymentsByIDs(ctx, tx, a.account.ID, slices.Collect(maps.Keys(parts)))
	if err != nil {
		return 0, err
	}
	var sum int64
	for _, p := range payments {
		if p.Status == Confirmed {
			sum += parts[p.ID] + min(taxOn(parts[p.ID], p.TaxRate), p.TaxMinor)
		}
	}
	return sum, nil
}

// remove takes periods that have not begun, the last of the chain, out of it.
func (a *agreement) remove(ctx context.Context, tx bun.Tx, ahead []*SubscriptionPeriod) error {
	if len(ahead) == 0 {
		return nil
	}
	ids := make([]gid.Period, len(ahead))
	for i, p := range ahead {
		ids[i] = p.ID
	}
	_, err := tx.NewDelete().Model((*SubscriptionPeriod)(nil)).Where("tenant_id = ?", a.account.ID).
		Where("id IN (?)", bun.List(ids)).Where("begun_at IS NULL").Exec(ctx)
	if err != nil {
		return fmt.Errorf("remove periods that have not begun: %w", err)
	}
	gone := func(p *SubscriptionPeriod) bool { return slices.Contains(ahead, p) }
	a.chain, a.unbegun = slices.DeleteFunc(slices.Clone(a.chain), gone), slices.DeleteFunc(slices.Clone(a.unbegun), gone)
	return nil
}
