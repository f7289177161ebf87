package graph

import (
	"context"
	"time"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/billing"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/money"
	"igny8.com/accounts/internal/plan"
)

func (r *queryResolver) PreviewPlanChange(ctx context.Context, planSlug string, months int) (*billing.PlanChange, error) {
	change, err := r.office().PreviewPlanChange(ctx, r.DB, actor(ctx), r.at(ctx), planSlug, months)
	return load(ctx).sawChange(change), err
}

func (r *mutationResolver) ChangePlan(ctx context.Context, in ChangePlanInput) (*ChangePlanPayload, error) {
	payment, change, err := r.office().Change(ctx, r.DB, actor(ctx), r.at(ctx), billing.ChangePlan{
		PlanSlug: in.PlanSlug, Months: in.Months, IdempotencyKey: in.IdempotencyKey,
	})
	errs, err := outcome(err)
	payload := &ChangePlanPayload{Payment: payment, Change: load(ctx).sawChange(change), UserErrors: errs}
	if err != nil || len(errs) > 0 {
		return payload, err
	}
	payload.Subscription, err = load(ctx).subscriptions.load(ctx, actor(ctx).AccountID())
	return payload, err
}

func (r *mutationResolver) CancelSubscription(
	ctx context.Context, in CancelSubscriptionInput,
) (*CancelSubscriptionPayload, error) {
	reason := ""
	if said := value(in.Reason); said != nil {
		reason = *said
	}
	subscription, err := r.office().CancelSubscription(ctx, r.DB, actor(ctx), r.at(ctx), reason)
	errs, err := outcome(err)
	return &CancelSubscriptionPayload{Subscription: subscription, UserErrors: errs}, err
}

func (r *mutationResolver) ResumeSubscription(
	ctx context.Context, in ResumeSubscriptionInput,
) (*ResumeSubscriptionPayload, error) {
	subscription, err := r.office().ResumeSubscription(ctx, r.DB, actor(ctx), r.at(ctx), in.KeepPlan)
	errs, err := outcome(err)
	return &ResumeSubscriptionPayload{Subscription: subscription, UserErrors: errs}, err
}

func (r *mutationResolver) CancelPayment(ctx context.Context, in CancelPaymentInput) (*CancelPaymentPayload, error) {
	id, f := requiredID[gid.Payment](in.PaymentID, "paymentId")
	if f != nil {
		return &CancelPaymentPayload{UserErrors: []UserError{userError(f)}}, nil
	}
	payment, err := r.office().WithdrawPayment(ctx, r.DB, actor(ctx), r.at(ctx), id)
	errs, err := outcome(err)
	return &CancelPaymentPayload{Payment: payment, UserErrors: errs}, err
}

func (r *mutationResolver) AssignPlan(ctx context.Context, in AssignPlanInput) (*AssignPlanPayload, error) {
	payload, err := r.assignPlan(ctx, in)
	errs, err := outcome(err)
	payload.UserErrors = errs
	return payload, err
}

func (r *mutationResolver) assignPlan(ctx context.Context, in AssignPlanInput) (*AssignPlanPayload, error) {
	none := &AssignPlanPayload{}
	var faults fault.List
	id, f := requiredID[gid.Account](in.AccountID, "accountId")
	faults.Add(f)
	var monthly *money.Money
	if price := value(in.MonthlyPrice); price != nil {
		sum, err := money.Parse(price.Amount, price.CurrencyCode)
		if err != nil {
			return none, under(err, "monthlyPrice")
		}
		monthly = &sum
	}
	if err := faults.Err(); err != nil {
		return none, err
	}
	payment, err := r.office().Assign(ctx, r.DB, actor(ctx), r.now(), billing.Assignment{
		AccountID: id, PlanSlug: in.PlanSlug, Monthly: monthly, Until: in.Until, Reason: in.Reason, IdempotencyKey: in.IdempotencyKey,
	})
	if err != nil {
		return none, err
	}
	accounts, err := account.ByIDs(ctx, r.DB, []gid.Account{id})
	if err != nil {
		return none, err
	}
	return &AssignPlanPayload{Payment: payment, Account: only(load(ctx).sawAccounts(accounts))}, nil
}

func (r *subscriptionResolver) PaidUntil(ctx context.Context, obj *billing.Subscription) (*time.Time, error) {
	horizon, err := load(ctx).horizons.load(ctx, obj.TenantID)
	if err != nil || horizon == nil {
		return nil, err
	}
	return &horizon.PaidUntil, nil
}

func (r *subscriptionResolver) PendingChange(ctx context.Context, obj *billing.Subscription) (*billing.PendingPlanChange, error) {
	if obj.PendingPlanID == nil {
		return nil, nil
	}
	horizon, err := load(ctx).horizons.load(ctx, obj.TenantID)
	if err != nil || horizon == nil || horizon.PlanUntil == nil {
		return nil, err
	}
	follows, err := load(ctx).plans.load(ctx, *obj.PendingPlanID)
	return &billing.PendingPlanChange{Plan: follows, EffectiveAt: *horizon.PlanUntil}, err
}

func (r *accountResolver) Balance(ctx context.Context, obj *account.Account) (*money.Money, error) {
	newest, err := load(ctx).balances.load(ctx, obj.ID)
	if err != nil || newest == nil {
		return nil, err
	}
	return &money.Money{Minor: newest.BalanceAfter, Currency: newest.Currency}, nil
}

func (r *planChangeResolver) From(ctx context.Context, obj *billing.PlanChange) (*plan.Plan, error) {
	return load(ctx).plans.load(ctx, obj.FromID)
}

func (r *planChangeResolver) To(ctx context.Context, obj *billing.PlanChange) (*plan.Plan, error) {
	return load(ctx).plans.load(ctx, obj.ToID)
}

func (l *loaders) sawChange(c *billing.PlanChange) *billing.PlanChange {
	if c != nil {
		l.plans.announce(c.FromID)
		l.plans.announce(c.ToID)
	}
	return c
}
