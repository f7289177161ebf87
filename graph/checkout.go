package graph

import (
	"context"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/billing"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/stripe"
)

func (r *mutationResolver) StartCheckout(ctx context.Context, in StartCheckoutInput) (*StartCheckoutPayload, error) {
	checkout, err := r.startCheckout(ctx, in)
	errs, err := outcome(err)
	return &StartCheckoutPayload{Checkout: checkout, UserErrors: errs}, err
}

func (r *mutationResolver) startCheckout(ctx context.Context, in StartCheckoutInput) (*stripe.Checkout, error) {
	payment, f := optionalID[gid.Payment](value(in.PaymentID), "paymentId")
	switch {
	case f != nil:
		return nil, f
	case r.Stripe == nil:
		return nil, stripe.NotSetUp()
	}
	return r.Stripe.StartCheckout(ctx, actor(ctx), r.now(), stripe.StartCheckout{
		PlanSlug: value(in.PlanSlug), PaymentID: payment, SuccessURL: value(in.SuccessURL), CancelURL: value(in.CancelURL),
		IdempotencyKey: in.IdempotencyKey,
	})
}

func (r *mutationResolver) OpenBillingPortal(ctx context.Context, in OpenBillingPortalInput) (*OpenBillingPortalPayload, error) {
	payload := &OpenBillingPortalPayload{}
	url, err := r.openBillingPortal(ctx, in)
	payload.UserErrors, err = outcome(err)
	if url != "" {
		payload.URL = &url
	}
	return payload, err
}

func (r *mutationResolver) openBillingPortal(ctx context.Context, in OpenBillingPortalInput) (string, error) {
	if r.Stripe == nil {
		return "", stripe.NotSetUp()
	}
	return r.Stripe.OpenPortal(ctx, actor(ctx), value(in.ReturnURL))
}

func (r *queryResolver) StripeDrifts(
	ctx context.Context, open bool, first *int, after *string, last *int, before *string,
) (*stripe.DriftConnection, error) {
	found, err := stripe.Drifts(ctx, r.DB, open, pageArgs(first, after, last, before))
	return found.Each(load(ctx).sawDrifts), err
}

func (r *queryResolver) StripePushes(
	ctx context.Context, status *billing.PushStatus, first *int, after *string, last *int, before *string,
) (*billing.PushConnection, error) {
	found, err := billing.Pushes(ctx, r.DB, status, pageArgs(first, after, last, before))
	return found.Each(load(ctx).sawPushes), err
}

func (r *stripeDriftResolver) Account(ctx context.Context, obj *stripe.Drift) (*account.Account, error) {
	if obj.TenantID == nil {
		return nil, nil //nolint:nilnil // it is about none of ours
	}
	return load(ctx).accounts.load(ctx, *obj.TenantID)
}

func (r *stripePushResolver) Account(ctx context.Context, obj *billing.Push) (*account.Account, error) {
	return load(ctx).accounts.load(ctx, obj.TenantID)
}

func (l *loaders) sawDrifts(rows []*stripe.Drift) []*stripe.Drift {
	for _, d := range rows {
		if d.TenantID != nil {
			l.accounts.announce(*d.TenantID)
		}
	}
	return rows
}

func (l *loaders) sawPushes(rows []*billing.Push) []*billing.Push {
	for _, p := range rows {
		l.accounts.announce(p.TenantID)
	}
	return rows
}
