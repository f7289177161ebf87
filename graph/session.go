package graph

import (
	"context"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/auth"
	"igny8.com/accounts/internal/signup"
)

func (r *mutationResolver) SignUp(ctx context.Context, in SignUpInput) (*SignUpPayload, error) {
	if err := r.Gate.SignUp(ctx, actor(ctx).Origin.IP); err != nil {
		return nil, err
	}
	defer r.Wake()
	session, err := r.signUp(ctx, in)
	errs, err := outcome(err)
	return &SignUpPayload{Session: session, UserErrors: errs}, err
}

func (r *mutationResolver) signUp(ctx context.Context, in SignUpInput) (*auth.Session, error) {
	request := signup.Request{Email: in.Email, Name: in.Name, AccountName: value(in.AccountName)}
	faults := request.Check()
	faults.Add(auth.CheckPassword(in.Password, in.Email, in.Name))
	if err := faults.Err(); err != nil {
		return nil, err
	}
	// Before the transaction: hashing takes its time, and no connection waits for it.
	hash, err := r.Hasher.Hash(ctx, in.Password)
	if err != nil {
		return nil, err
	}
	request.PasswordHash = hash
	origin, now := actor(ctx).Origin, r.now()
	var session *auth.Session
	_, err = signup.Run(ctx, r.DB, request, origin, now, func(ctx context.Context, tx bun.Tx, owner *account.User) error {
		if err := r.Auth.PostVerification(ctx, tx, owner, now); err != nil {
			return err
		}
		session, err = r.Auth.StartSession(ctx, tx, owner, origin, now)
		return err
	})
	if err != nil {
		return nil, err
	}
	return session, nil
}

func (r *mutationResolver) LogIn(ctx context.Context, in LogInInput) (*LogInPayload, error) {
	if err := r.Gate.SignIn(ctx, actor(ctx).Origin.IP); err != nil {
		return nil, err
	}
	session, err := r.Auth.LogIn(ctx, in.Email, in.Password, actor(ctx).Origin)
	errs, err := outcome(err)
	return &LogInPayload{Session: session, UserErrors: errs}, err
}

func (r *mutationResolver) RefreshSession(ctx context.Context, in RefreshSessionInput) (*RefreshSessionPayload, error) {
	if err := r.Gate.SignIn(ctx, actor(ctx).Origin.IP); err != nil {
		return nil, err
	}
	session, err := r.Auth.Refresh(ctx, in.RefreshToken, actor(ctx).Origin)
	errs, err := outcome(err)
	return &RefreshSessionPayload{Session: session, UserErrors: errs}, err
}

func (r *mutationResolver) LogOut(ctx context.Context, in LogOutInput) (*LogOutPayload, error) {
	errs, err := outcome(r.Auth.LogOut(ctx, actor(ctx), value(in.RefreshToken)))
	return &LogOutPayload{UserErrors: errs}, err
}
