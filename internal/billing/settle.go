package billing

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/audit"
	"igny8.com/accounts/internal/credit"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/period"
	"igny8.com/accounts/internal/plan"
	"igny8.com/accounts/internal/postgres"
)

const (
	// dueBatch is how many accounts one look for what is due finds.
	dueBatch = 500
	// mostEvents bounds what can fall due for one account at one look: a month each for four centuries.
	mostEvents = 5000
)

// EachDue calls do with every account for which something fell due by the instant now, and since when it is. One
// that fails does not stop the others: their errors come together. Accounts on a test clock are left to it.
func EachDue(
	ctx context.Context, db bun.IDB, now time.Time, do func(ctx context.Context, tenant gid.Account, since time.Time) error,
) (int, error) {
	done := 0
	var failed []error
	var last gid.Account
	for {
		due := []struct {
			TenantID gid.Account `bun:"tenant_id"`
			DueAt    time.Time   `bun:"due_at"`
		}{}
		err := db.NewRaw(`SELECT s.tenant_id, s.due_at FROM igny8_subscriptions AS s
			JOIN igny8_tenants AS a ON a.id = s.tenant_id AND a.deleted_at IS NULL AND a.clock_at IS NULL
			WHERE s.due_at <= ?0 AND s.tenant_id > ?1 ORDER BY s.tenant_id LIMIT ?2`, now, last, dueBatch).
			Scan(postgres.WithStaff(postgres.WithTenant(ctx, 0)), &due)
		if err != nil {
			return done, errors.Join(append(failed, fmt.Errorf("look for what is due: %w", err))...)
		}
		for _, d := range due {
			if err := do(ctx, d.TenantID, d.DueAt.UTC()); err != nil {
				failed = append(failed, fmt.Errorf("account %s: %w", gid.Format(d.TenantID), err))
				continue
			}
			done++
		}
		if len(due) < dueBatch || ctx.Err() != nil {
			return done, errors.Join(failed...)
		}
		last = due[len(due)-1].TenantID
	}
}

// SettleDue settles every account for which something fell due by the instant now, and says how many those were.
func (o Office) SettleDue(ctx context.Context, db bun.IDB, now time.Time) (int, error) {
	return EachDue(ctx, db, now, func(ctx context.Context, tenant gid.Account, _ time.Time) error {
		return o.Settle(ctx, db, tenant, now)
	})
}

// Settle does all that fell due for one account until the instant now, each thing at its own instant and in
// its order, however late it comes. It is repeatable and safe beside others of its kind. An account that is
// gone has nothing due.
func (o Office) Settle(ctx context.Context, db bun.IDB, tenant gid.Account, now time.Time) error {
	return postgres.InTx(postgres.WithTenant(ctx, int64(tenant)), db, func(ctx context.Context, tx bun.Tx) error {
		a, err := o.open(ctx, tx, tenant, &now)
		if fault.Is(err, fault.NotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		return a.close(ctx, tx)
	})
}

// settle does what is due in a transaction that holds the account.
func (o Office) settle(ctx context.Context, tx bun.Tx, a *agreement, now time.Time) error {
	for range mostEvents {
		e, ok := a.next()
		if !ok || e.at.After(now) {
			return nil
		}
		if err := o.do(ctx, tx, a, e, now); err != nil {
			return err
		}
	}
	return fmt.Errorf("settle: more than %d things fell due at once", mostEvents)
}

func (o Office) do(ctx context.Context, tx bun.Tx, a *agreement, e event, now time.Time) error {
	switch e.kind {
	case paymentExpires:
		return o.expire(ctx, tx, a, e.payment, now)
	case noticeDue:
		return o.notify(ctx, tx, a, e, now)
	case trialEnds:
		return a.endTrial(ctx, tx, e, now)
	case periodEnds:
		return o.endPeriod(ctx, tx, a, e, now)
	case graceEnds:
		return a.endGrace(ctx, tx, now)
	case periodBegins:
		return a.begin(ctx, tx, e.period, now)
	}
	return fmt.Errorf("settle: event %d is not known", e.kind)
}

// move moves the account's status, says why, writes it and tells the audit log.
func (a *agreement) move(ctx context.Context, tx bun.Tx, cause account.Cause, reason string, now time.Time) error {
	before := a.standing()
	to, err := a.account.Status.Move(cause)
	if err != nil {
		return err
	}
	a.account.Status, a.account.StatusReason = to, reason
	if err := a.write(ctx, tx, now); err != nil {
		return err
	}
	after := a.standing()
	after["cause"] = string(cause)
	change := audit.On("account.moved", "account", a.account.ID).From(before).To(after)
	return audit.Record(ctx, tx, a.account.ID, audit.By{Kind: audit.System}, now, change)
}

// endTrial is the end of a trial that nobody paid for: it waits where a declared transfer does.
func (a *agreement) endTrial(ctx context.Context, tx bun.Tx, _ event, now time.Time) error {
	switch {
	case a.subscription.CancelAtPeriodEnd:
		return a.cancel(ctx, tx, "", now)
	case a.declared():
		a.subscription.Status = PendingReview
		return a.move(ctx, tx, account.TrialEndedPaying, "The trial has ended and the payment waits for its confirmation.", now)
	default:
		a.subscription.Status = ExpiredByItself
		return a.move(ctx, tx, account.TrialEnded, "The trial has ended.", now)
	}
}

// declared says whether a payment waits that somebody said was sent, or of which a part came.
func (a *agreement) declared() bool {
	for _, p := range a.pending {
		if p.DeclaredAt != nil || p.HeldMinor > 0 {
			return true
		}
	}
	return false
}

// endPeriod is the end of the last period: the free plan goes on by itself, an agreement that was cancelled
// ends, and what has to be paid for is past due.
func (o Office) endPeriod(ctx context.Context, tx bun.Tx, a *agreement, e event, now time.Time) error {
	switch {
	case a.subscription.CancelAtPeriodEnd:
		return a.cancel(ctx, tx, "", now)
	case a.followedByFree():
		free := a.planAfter()
		a.subscription.PendingPlanID = nil
		if a.subscription.Anchor == nil {
			a.subscription.Anchor = &e.at
		}
		a.leave(free)
		if err := a.append(ctx, tx, now, a.freePeriod(e.at, free)); err != nil {
			return err
		}
		return a.write(ctx, tx, now)
	default:
		a.subscription.Status = PastDue
		if err := a.write(ctx, tx, now); err != nil {
			return err
		}
		return o.tellPastDue(ctx, tx, a, now)
	}
}

// freePeriod is the free period from an instant until the account's next boundary.
func (a *agreement) freePeriod(from time.Time, free gid.Plan) *SubscriptionPeriod {
	k := period.Around(*a.subscription.Anchor, from)
	return &SubscriptionPeriod{Kind: FreePeriod, PlanID: free, Start: from, End: period.Boundary(*a.subscription.Anchor, k+1)}
}

// cancel is the end of an agreement.
func (a *agreement) cancel(ctx context.Context, tx bun.Tx, reason string, now time.Time) error {
	a.subscription.Status, a.subscription.CancelAtPeriodEnd, a.subscription.PendingPlanID = CancelledByAgreement, false, nil
	a.subscription.CancelledAt = &now
	if reason == "" {
		reason = "The subscription was cancelled."
	}
	return a.move(ctx, tx, account.CancellationTakes, reason, now)
}

// endGrace is the end of the time in which a renewal would have gone on without a gap.
func (a *agreement) endGrace(ctx context.Context, tx bun.Tx, now time.Time) error {
	a.subscription.Status = ExpiredByItself
	if a.account.Status != account.Active {
		return a.write(ctx, tx, now) // staff suspended it before
	}
	return a.move(ctx, tx, account.GraceEnded, "The plan was not renewed in time.", now)
}

// begin is the beginning of a period: its plan holds from then on, and its credits come, also where the period
// is over by now, because it was paid for. A period begins once.
func (a *agreement) begin(ctx context.Context, tx bun.Tx, p *SubscriptionPeriod, now time.Time) error {
	of, err := a.plan(ctx, tx, p.PlanID)
	if err != nil {
		return err
	}
	return a.beginWith(ctx, tx, p, of.IncludedCredits, now)
}

// beginWith is begin with a number of credits of its own.
func (a *agreement) beginWith(ctx context.Context, tx bun.Tx, p *SubscriptionPeriod, credits int64, now time.Time) error {
	of, err := a.plan(ctx, tx, p.PlanID)
	if err != nil {
		return err
	}
	by := audit.By{Kind: audit.System}
	if a.account.PlanID != p.PlanID {
		before := a.standing()
		a.account.PlanID = p.PlanID
		if a.subscription.PendingPlanID != nil && *a.subscription.PendingPlanID == p.PlanID {
			a.subscription.PendingPlanID = nil
		}
		if err := a.write(ctx, tx, now); err != nil {
			return err
		}
		change := audit.On("plan.changed", "account", a.account.ID).From(before).To(a.standing())
		if err := audit.Record(ctx, tx, a.account.ID, by, now, change); err != nil {
			return err
		}
	}
	if err := a.grant(ctx, tx, p, of, credits, now); err != nil {
		return err
	}
	return a.begun(ctx, tx, p, now)
}

// grant gives a period credits that expire with it.
func (a *agreement) grant(
	ctx context.Context, tx bun.Tx, p *SubscriptionPeriod, of *plan.Plan, amount int64, now time.Time,
) error {
	at := now
	if !p.End.After(now) {
		at = p.Start // a grant cannot come after its own end
	}
	_, err := credit.Add(ctx, tx, credit.Incoming{
		Tenant: p.TenantID, Kind: credit.Subscription, Amount: amount, ExpiresAt: &p.End,
		PeriodID: &p.ID, PaymentID: p.PaymentID, By: audit.By{Kind: audit.System}, At: at,
		Description:    fmt.Sprintf("%s, %s to %s", of.Name, p.Start.Format(time.DateOnly), p.End.Format(time.DateOnly)),
		IdempotencyKey: fmt.Sprintf("period:%d", p.ID),
	})
	return err
}

// begun notes that the beginning of a period was worked off.
func (a *agreement) begun(ctx context.Context, tx bun.Tx, p *SubscriptionPeriod, now time.Time) error {
	p.BegunAt = &now
	if _, err := tx.NewUpdate().Model(p).WherePK().Column("begun_at").Exec(ctx); err != nil {
		return fmt.Errorf("note a period's beginning: %w", err)
	}
	for i, u := range a.unbegun {
		if u == p {
			a.unbegun = append(a.unbegun[:i:i], a.unbegun[i+1:]...)
			break
		}
	}
	return nil
}

// expire ends a payment that nobody made in time, and with it an account that waited for it alone.
func (o Office) expire(ctx context.Context, tx bun.Tx, a *agreement, p *Payment, now time.Time) error {
	p.Status, p.UpdatedAt = Expired, now
	if _, err := tx.NewUpdate().Model(p).WherePK().Column("status", "updated_at").Exec(ctx); err != nil {
		return fmt.Errorf("expire payment: %w", err)
	}
	if err := notify(ctx, tx, p); err != nil {
		return err
	}
	if err := o.unpaid(ctx, tx, a, p, "The payment was not made in time.", p.deadline(), now); err != nil {
		return err
	}
	change := audit.On("payment.expired", "payment", p.ID).To(map[string]any{"amount": p.Amount().String()})
	if err := audit.Record(ctx, tx, a.account.ID, audit.By{Kind: audit.System}, now, change); err != nil {
		return err
	}
	return o.tellBoth(ctx, tx, a, paymentExpired(o, a, p), expiredToStaff(o, a, p), now)
}

// unpaid settles a payment that was not made, and tells staff where a plan that they assigned ends with it.
func (o Office) unpaid(ctx context.Context, tx bun.Tx, a *agreement, p *Payment, reason string, at, now time.Time) error {
	ended, err := a.settled(ctx, tx, p, reason, at, now)
	if err != nil || !ended {
		return err
	}
	of, err := a.plan(ctx, tx, p.PlanID)
	if err != nil {
		return err
	}
	return o.tellStaff(ctx, tx, a, assignmentEnded(o, a, p, of), now)
}

// settled takes a payment out of those that wait, for nothing, as of the instant at: what the account had paid
// towards it from its balance comes back, what staff assigned for it ends, which it says, and an account that waited for
// it alone is suspended.
func (a *agreement) settled(ctx context.Context, tx bun.Tx, p *Payment, reason string, at, now time.Time) (ended bool, err error) {
	a.done(p)
	if p.AppliedMinor > 0 {
		if err := a.enter(ctx, tx, BalanceReturned, p.AppliedMinor, p.Currency, &p.ID, "not used for "+p.Reference, now); err != nil {
			return false, err
		}
	}
	if p.Purpose == ForAssignment {
		if ended, err = a.unassign(ctx, tx, p, at, now); err != nil {
			return false, err
		}
	}
	if a.account.Status != account.PendingPayment || a.declared() {
		return ended, nil
	}
	a.subscription.Status = ExpiredByItself
	return ended, a.move(ctx, tx, account.PaymentFailed, reason, now)
}

// done takes a payment out of those that wait.
func (a *agreement) done(p *Payment) {
	for i, waiting := range a.pending {
		if waiting.ID == p.ID {
			a.pending = append(a.pending[:i:i], a.pending[i+1:]...)
			return
		}
	}
}
