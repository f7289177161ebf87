package graph

import (
	"context"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/auth"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/retention"
)

func (r *mutationResolver) LogOutEverywhere(ctx context.Context, in LogOutEverywhereInput) (*LogOutEverywherePayload, error) {
	end := r.Auth.LogOutEverywhere
	if in.KeepCurrent {
		end = r.Auth.LogOutElsewhere
	}
	errs, err := outcome(end(ctx, actor(ctx)))
	return &LogOutEverywherePayload{UserErrors: errs}, err
}

func (r *mutationResolver) RevokeSession(ctx context.Context, in RevokeSessionInput) (*RevokeSessionPayload, error) {
	_, errs, err := onID(in.SessionID, "sessionId", func(id gid.Session) (struct{}, error) {
		return struct{}{}, r.Auth.RevokeSession(ctx, actor(ctx), id)
	})
	return &RevokeSessionPayload{UserErrors: errs}, err
}

func (r *mutationResolver) ChangePassword(ctx context.Context, in ChangePasswordInput) (*ChangePasswordPayload, error) {
	defer r.Wake()
	errs, err := outcome(r.Auth.ChangePassword(ctx, actor(ctx), in.CurrentPassword, in.NewPassword))
	return &ChangePasswordPayload{UserErrors: errs}, err
}

func (r *mutationResolver) UpdateProfile(ctx context.Context, in UpdateProfileInput) (*UpdateProfilePayload, error) {
	updated, err := account.UpdateProfile(ctx, r.DB, actor(ctx), r.now(), account.ProfileChanges{Name: changed(in.Name)})
	errs, err := outcome(err)
	return &UpdateProfilePayload{User: updated, UserErrors: errs}, err
}

func (r *mutationResolver) RequestPasswordReset(
	ctx context.Context, in RequestPasswordResetInput,
) (*RequestPasswordResetPayload, error) {
	if err := r.Gate.SignIn(ctx, actor(ctx).Origin.IP); err != nil {
		return nil, err
	}
	defer r.Wake()
	errs, err := outcome(r.Auth.RequestPasswordReset(ctx, in.Email, actor(ctx).Origin))
	return &RequestPasswordResetPayload{UserErrors: errs}, err
}

func (r *mutationResolver) ResetPassword(ctx context.Context, in ResetPasswordInput) (*ResetPasswordPayload, error) {
	if err := r.Gate.SignIn(ctx, actor(ctx).Origin.IP); err != nil {
		return nil, err
	}
	defer r.Wake()
	session, err := r.Auth.ResetPassword(ctx, in.Token, in.NewPassword, actor(ctx).Origin)
	errs, err := outcome(err)
	return &ResetPasswordPayload{Session: session, UserErrors: errs}, err
}

func (r *mutationResolver) RequestEmailVerification(
	ctx context.Context, in RequestEmailVerificationInput,
) (*RequestEmailVerificationPayload, error) {
	if email := value(in.Email); email != nil {
		if clean, f := account.Email(*email); f != nil || clean != actor(ctx).User.Email {
			f = fault.New(fault.Invalid, "this is not the address that you sign in with").At("email")
			return &RequestEmailVerificationPayload{UserErrors: []UserError{userError(f)}}, nil
		}
	}
	defer r.Wake()
	errs, err := outcome(r.Auth.RequestEmailVerification(ctx, actor(ctx)))
	return &RequestEmailVerificationPayload{UserErrors: errs}, err
}

func (r *mutationResolver) VerifyEmail(ctx context.Context, in VerifyEmailInput) (*VerifyEmailPayload, error) {
	if err := r.Gate.SignIn(ctx, actor(ctx).Origin.IP); err != nil {
		return nil, err
	}
	errs, err := outcome(r.Auth.VerifyEmail(ctx, in.Token, actor(ctx).Origin))
	return &VerifyEmailPayload{UserErrors: errs}, err
}

func (r *mutationResolver) RestoreAccount(ctx context.Context, in RestoreAccountInput) (*RestoreAccountPayload, error) {
	origin, now := actor(ctx).Origin, r.now()
	if err := r.Gate.SignIn(ctx, origin.IP); err != nil {
		return nil, err
	}
	var session *auth.Session
	_, err := retention.RestoreAccount(ctx, r.DB, now, in.Token, origin,
		func(ctx context.Context, tx bun.Tx, owner *account.User) (err error) {
			session, err = r.Auth.StartSession(ctx, tx, owner, origin, now)
			return err
		})
	if err != nil {
		session = nil // of a transaction that was not committed
	}
	errs, err := outcome(err)
	return &RestoreAccountPayload{Session: session, UserErrors: errs}, err
}
