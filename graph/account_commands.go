package graph

import (
	"context"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/retention"
)

func (r *mutationResolver) UpdateAccount(ctx context.Context, in UpdateAccountInput) (*UpdateAccountPayload, error) {
	updated, err := account.Update(ctx, r.DB, actor(ctx), r.now(), account.Changes{
		Name: changed(in.Name), Slug: changed(in.Slug), BillingEmail: changed(in.BillingEmail),
		DeletionRetentionDays: changed(in.DeletionRetentionDays),
	})
	errs, err := outcome(err)
	return &UpdateAccountPayload{Account: r.saw(ctx, updated), UserErrors: errs}, err
}

func (r *mutationResolver) DeleteAccount(ctx context.Context, in DeleteAccountInput) (*DeleteAccountPayload, error) {
	defer r.Wake()
	deleted, err := retention.DeleteAccount(ctx, r.DB, r.Mail, actor(ctx), r.now(), retention.Deletion{
		Confirm: in.Confirm, Reason: text(value(in.Reason)),
	})
	errs, err := outcome(err)
	if deleted == nil {
		return &DeleteAccountPayload{UserErrors: errs}, err
	}
	return &DeleteAccountPayload{RestoreUntil: deleted.RestoreUntil, UserErrors: errs}, err
}
