package billing

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/mail"
	"igny8.com/accounts/internal/money"
	"igny8.com/accounts/internal/plan"
	"igny8.com/accounts/internal/queue"
)

// Office is what the business side works with.
type Office struct {
	Bank BankDetails
	// Seller is who issues invoices.
	Seller Party
	// StaffEmail is where staff are told what waits for them; empty for nowhere.
	StaffEmail string
	// SecondAbove are sums, one a currency, above which two members of staff have to say the same. With any, a sum in a
	// currency that is not among them takes two as well; with none, one is enough.
	SecondAbove []money.Money
	// Mail is where letters about the agreement are left.
	Mail *mail.Box
	// TestClocks allows test clocks to be made and advanced.
	TestClocks bool
}

// agreement is all that decides what falls due for an account, read behind the account's lock.
type agreement struct {
	account      *account.Account
	subscription *Subscription
	// chain is the periods that end after the instant of reading, and always the one that ends last.
	chain []*SubscriptionPeriod
	// unbegun is the periods with a beginning that was not worked off, by start.
	unbegun []*SubscriptionPeriod
	// pending is the payments that wait, by id.
	pending []*Payment
	noticed map[noticeKey]bool
	plans   map[gid.Plan]*plan.Plan
	// balance is what the account has with us in money, in minor units of its currency, and the number of the
	// newest line that says so.
	balance balance
	// readAt is the instant of reading, and collected what Stripe was to do then.
	readAt    time.Time
	collected collection
	// resumes says that Stripe is to go on collecting although it was to stop, stops that it is to stop at once.
	resumes, stops bool
}

// open locks an account and reads its agreement, brought to what it must be at the instant now: a command
// never judges by a state that only a job was late to change. now becomes what the account takes for it, which is
// known for certain behind its lock alone. Errors: NOT_FOUND.
func (o Office) open(ctx context.Context, tx bun.Tx, tenant gid.Account, now *time.Time) (*agreement, error) {
	locked, err := account.Lock(ctx, tx, tenant)
	if err != nil {
		return nil, err
	}
	*now = locked.Now(*now)
	a, err := read(ctx, tx, locked, *now)
	if err != nil {
		return nil, err
	}
	return a, o.settle(ctx, tx, a, *now)
}

// close writes when something falls due next, and leaves the job for it. It is every command's last step.
func (a *agreement) close(ctx context.Context, tx bun.Tx) error {
	if err := a.tellStripe(ctx, tx); err != nil {
		return err
	}
	var due *time.Time
	if next, ok := a.next(); ok {
		due = &next.at
	}
	if same(a.subscription.DueAt, due) {
		return nil
	}
	a.subscription.DueAt = due
	if _, err := tx.NewUpdate().Model(a.subscription).WherePK().Column("due_at").Exec(ctx); err != nil {
		return fmt.Errorf("note what is due: %w", err)
	}
	if due == nil || a.account.ClockAt != nil { // nobody waits for a clock that stands still
		return nil
	}
	return queue.SettleAt(ctx, tx, a.account.ID, *due)
}

func same(a, b *time.Time) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Equal(*b)
}

// read reads the agreement of a locked account.
func read(ctx context.Context, tx bun.Tx, locked *account.Account, now time.Time) (*agreement, error) {
	a := &agreement{account: locked, subscription: new(Subscription), noticed: map[noticeKey]bool{}, plans: map[gid.Plan]*plan.Plan{}}
	tenant := locked.ID
	if err := tx.NewSelect().Model(a.subscription).Where("tenant_id = ?", tenant).For("UPDATE").Scan(ctx); err != nil {
		return nil, fmt.Errorf("lock subscription: %w", err)
	}
	periods := []*SubscriptionPeriod{}
	err := tx.NewSelect().Model(&periods).Where("tenant_id = ?", tenant).
		Where(`end_at > ? OR begun_at IS NULL
			OR end_at = (SELECT max(end_at) FROM igny8_subscription_periods WHERE tenant_id = ?)`, now, tenant).
		Order("start_at").Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("read periods: %w", err)
	}
	for i, p := range periods {
		if p.End.After(now) || i == len(periods)-1 {
			a.chain = append(a.chain, p)
		}
		// What was carried over brings nothing of its own, whether it says that it began or not.
		if p.BegunAt == nil && p.Kind.begins() {
			a.unbegun = append(a.unbegun, p)
		}
	}
	a.pending = []*Payment{}
	if err := scoped(tx, tenant, &a.pending).Where("payment.status = ?", Pending).Order("payment.id").Scan(ctx); err != nil {
		return nil, fmt.Errorf("read waiting payments: %w", err)
	}
	var written []*notice
	err = tx.NewSelect().Model(&written).Where("tenant_id = ?", tenant).Where("for_at >= ?", a.last().End).Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("read notices: %w", err)
	}
	for _, n := range written {
		a.noticed[noticeKey{n.Kind, n.For}.in()] = true
	}
	if a.balance, err = readBalance(ctx, tx, tenant); err != nil {
		return nil, err
	}
	if a.subscription.PendingPlanID != nil {
		if _, err := a.plan(ctx, tx, *a.subscription.PendingPlanID); err != nil {
			return nil, err
		}
	}
	a.readAt, a.collected = now, a.collection()
	return a, nil
}

// last is the period that ends last.
func (a *agreement) last() *SubscriptionPeriod { return a.chain[len(a.chain)-1] }

// standing is where the account stands, for the audit log.
func (a *agreement) standing() map[string]any { return a.standingOn(a.account.PlanID) }

// standingOn is where the account stands once it is on a plan.
func (a *agreement) standingOn(id gid.Plan) map[string]any {
	return map[string]any{"status": a.account.Status, "planId": gid.Format(id)}
}

// plan reads a plan, once.
func (a *agreement) plan(ctx context.Context, tx bun.Tx, id gid.Plan) (*plan.Plan, error) {
	if p := a.plans[id]; p != nil {
		return p, nil
	}
	plans, err := plan.ByIDs(ctx, tx, []gid.Plan{id})
	if err != nil {
		return nil, err
	}
	if len(plans) == 0 {
		return nil, fault.New(fault.PlanUnavailable, "there is no such plan")
	}
	a.plans[id] = plans[0]
	return plans[0], nil
}

// write keeps what changed of the account and the subscription.
func (a *agreement) write(ctx context.Context, tx bun.Tx, now time.Time) error {
	a.account.UpdatedAt, a.subscription.UpdatedAt = now, now
	_, err := tx.NewUpdate().Model(a.account).WherePK().Column("status", "status_reason", "plan_id", "updated_at").Exec(ctx)
	if err != nil {
		return fmt.Errorf("write account: %w", err)
	}
	_, err = tx.NewUpdate().Model(a.subscription).WherePK().
		Column("status", "payment_method", "anchor", "cancel_at_period_end", "cancelled_at", "pending_plan_id", "agreed_minor",
			"agreed_currency", "external_payment_id", "stripe_subscription_id", "updated_at").Exec(ctx)
	if err != nil {
		return fmt.Errorf("write subscription: %w", err)
	}
	return nil
}

// append writes periods that follow the last one. Those of a kind that begins with something are worked off by
// settle, which every command does after it.
func (a *agreement) append(ctx context.Context, tx bun.Tx, now time.Time, periods ...*SubscriptionPeriod) error {
	for _, p := range periods {
		p.TenantID, p.CreatedAt, p.PreviousEnd = a.account.ID, now, &p.Start
		if !p.Kind.begins() {
			p.BegunAt = &now
		}
	}
	if _, err := tx.NewInsert().Model(&periods).Returning("id").Exec(ctx); err != nil {
		return fmt.Errorf("insert periods: %w", err)
	}
	for _, p := range periods {
		a.chain = append(a.chain, p)
		if p.BegunAt == nil {
			a.unbegun = append(a.unbegun, p)
		}
	}
	return nil
}

// begins says whether periods of the kind begin with credits and a plan.
func (k PeriodKind) begins() bool { return k == PaidPeriod || k == FreePeriod || k == AssignedPeriod }
