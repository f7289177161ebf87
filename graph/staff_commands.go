package graph

import (
	"context"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/staff"
)

func (r *mutationResolver) SuspendAccount(ctx context.Context, in SuspendAccountInput) (*SuspendAccountPayload, error) {
	changed, errs, err := onID(in.AccountID, "accountId", func(id gid.Account) (*account.Account, error) {
		return staff.Suspend(ctx, r.DB, actor(ctx), r.now(), id, in.Reason)
	})
	return &SuspendAccountPayload{Account: r.saw(ctx, changed), UserErrors: errs}, err
}

func (r *mutationResolver) ReactivateAccount(ctx context.Context, in ReactivateAccountInput) (*ReactivateAccountPayload, error) {
	changed, errs, err := onID(in.AccountID, "accountId", func(id gid.Account) (*account.Account, error) {
		return staff.Reactivate(ctx, r.DB, actor(ctx), r.now(), id, in.Reason)
	})
	return &ReactivateAccountPayload{Account: r.saw(ctx, changed), UserErrors: errs}, err
}

// saw announces what an account refers to.
func (r *Resolver) saw(ctx context.Context, a *account.Account) *account.Account {
	if a != nil {
		load(ctx).sawAccounts([]*account.Account{a})
	}
	return a
}

func (r *mutationResolver) Impersonate(ctx context.Context, in ImpersonateInput) (*ImpersonatePayload, error) {
	made, errs, err := onID(in.AccountID, "accountId", func(id gid.Account) (*account.Impersonation, error) {
		return staff.Impersonate(ctx, r.DB, actor(ctx), r.now(), staff.Impersonating{AccountID: id, Reason: in.Reason, Minutes: in.Minutes})
	})
	if err != nil || made == nil {
		return &ImpersonatePayload{UserErrors: errs}, err
	}
	token, expires, err := r.Auth.IssueImpersonation(actor(ctx), made)
	if err != nil {
		return nil, err
	}
	return &ImpersonatePayload{AccessToken: &token, ExpiresAt: &expires, Impersonation: made, UserErrors: errs}, nil
}

func (r *mutationResolver) EndImpersonation(ctx context.Context, in EndImpersonationInput) (*EndImpersonationPayload, error) {
	of, f := optionalID[gid.Account](value(in.AccountID), "accountId")
	if f != nil {
		return &EndImpersonationPayload{UserErrors: []UserError{userError(f)}}, nil
	}
	_, err := staff.End(ctx, r.DB, actor(ctx), r.now(), of)
	errs, err := outcome(err)
	return &EndImpersonationPayload{UserErrors: errs}, err
}
