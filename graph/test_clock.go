package graph

import (
	"context"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/billing"
	"igny8.com/accounts/internal/gid"
)

func (r *mutationResolver) CreateTestClock(ctx context.Context, in CreateTestClockInput) (*CreateTestClockPayload, error) {
	made, errs, err := onID(in.AccountID, "accountId", func(id gid.Account) (*account.Account, error) {
		return r.office().CreateClock(ctx, r.DB, actor(ctx), r.now(), billing.NewClock{
			AccountID: id, FrozenAt: value(in.FrozenAt), IdempotencyKey: in.IdempotencyKey,
		})
	})
	return &CreateTestClockPayload{Account: r.saw(ctx, made), UserErrors: errs}, err
}

func (r *mutationResolver) AdvanceTestClock(ctx context.Context, in AdvanceTestClockInput) (*AdvanceTestClockPayload, error) {
	moved, errs, err := onID(in.AccountID, "accountId", func(id gid.Account) (*account.Account, error) {
		return r.office().AdvanceClock(ctx, r.DB, actor(ctx), r.now(), id, in.To)
	})
	return &AdvanceTestClockPayload{Account: r.saw(ctx, moved), UserErrors: errs}, err
}
