package graph

import (
	"context"
	"time"

	"igny8.com/accounts/internal/credit"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/site"
)

func (r *mutationResolver) SpendCredits(ctx context.Context, in SpendCreditsInput) (*SpendCreditsPayload, error) {
	siteID, f := optionalID[gid.Site](value(in.SiteID), "siteId")
	if f != nil {
		return &SpendCreditsPayload{UserErrors: []UserError{userError(f)}}, nil
	}
	did, err := credit.Spend(ctx, r.DB, actor(ctx), r.at(ctx), r.reaches, credit.Spending{
		Operation: in.Operation, Quantity: wide(value(in.Quantity)), SiteID: siteID,
		Description: text(value(in.Description)), Metadata: in.Metadata.Value(), IdempotencyKey: in.IdempotencyKey,
	})
	m, errs, err := moved(ctx, did, err)
	return &SpendCreditsPayload{Transaction: m.Transaction, Credits: m.Credits, UserErrors: errs}, err
}

func (r *mutationResolver) ReserveCredits(ctx context.Context, in ReserveCreditsInput) (*ReserveCreditsPayload, error) {
	siteID, f := optionalID[gid.Site](value(in.SiteID), "siteId")
	if f != nil {
		return &ReserveCreditsPayload{UserErrors: []UserError{userError(f)}}, nil
	}
	var life *time.Duration
	if seconds := value(in.ExpiresIn); seconds != nil {
		d := time.Duration(*seconds) * time.Second
		life = &d
	}
	did, err := credit.Reserve(ctx, r.DB, actor(ctx), r.at(ctx), r.reaches, credit.Reservation{
		Operation: in.Operation, Quantity: int64(in.Quantity), SiteID: siteID, ExpiresIn: life, IdempotencyKey: in.IdempotencyKey,
	})
	m, errs, err := moved(ctx, did, err)
	return &ReserveCreditsPayload{Hold: m.Hold, Credits: m.Credits, UserErrors: errs}, err
}

func (r *mutationResolver) CaptureCredits(ctx context.Context, in CaptureCreditsInput) (*CaptureCreditsPayload, error) {
	id, f := requiredID[gid.CreditHold](in.HoldID, "holdId")
	if f != nil {
		return &CaptureCreditsPayload{UserErrors: []UserError{userError(f)}}, nil
	}
	id, err := r.reachableHold(ctx, id)
	if err != nil {
		return nil, err
	}
	did, err := credit.CaptureHold(ctx, r.DB, actor(ctx), r.at(ctx), credit.Capture{
		HoldID: id, Quantity: wide(value(in.Quantity)), IdempotencyKey: in.IdempotencyKey,
	})
	m, errs, err := moved(ctx, did, err)
	return &CaptureCreditsPayload{Transaction: m.Transaction, Hold: m.Hold, Credits: m.Credits, UserErrors: errs}, err
}

func (r *mutationResolver) ReleaseCredits(ctx context.Context, in ReleaseCreditsInput) (*ReleaseCreditsPayload, error) {
	id, f := requiredID[gid.CreditHold](in.HoldID, "holdId")
	if f != nil {
		return &ReleaseCreditsPayload{UserErrors: []UserError{userError(f)}}, nil
	}
	id, err := r.reachableHold(ctx, id)
	if err != nil {
		return nil, err
	}
	did, err := credit.ReleaseHold(ctx, r.DB, actor(ctx), r.at(ctx), credit.Release{HoldID: id, IdempotencyKey: in.IdempotencyKey})
	m, errs, err := moved(ctx, did, err)
	return &ReleaseCreditsPayload{Hold: m.Hold, Credits: m.Credits, UserErrors: errs}, err
}

func (r *mutationResolver) RefundCredits(ctx context.Context, in RefundCreditsInput) (*RefundCreditsPayload, error) {
	id, f := requiredID[gid.CreditTransaction](in.TransactionID, "transactionId")
	if f != nil {
		return &RefundCreditsPayload{UserErrors: []UserError{userError(f)}}, nil
	}
	id, err := r.reachableLine(ctx, id)
	if err != nil {
		return nil, err
	}
	did, err := credit.RefundLine(ctx, r.DB, actor(ctx), r.at(ctx), credit.Refunding{
		TransactionID: id, Amount: wide(value(in.Amount)), Reason: in.Reason, IdempotencyKey: in.IdempotencyKey,
	})
	m, errs, err := moved(ctx, did, err)
	return &RefundCreditsPayload{Transaction: m.Transaction, Credits: m.Credits, UserErrors: errs}, err
}

func (r *mutationResolver) AdjustCredits(ctx context.Context, in AdjustCreditsInput) (*AdjustCreditsPayload, error) {
	id, f := requiredID[gid.Account](in.AccountID, "accountId")
	if f != nil {
		return &AdjustCreditsPayload{UserErrors: []UserError{userError(f)}}, nil
	}
	did, err := credit.Adjust(ctx, r.DB, actor(ctx), r.now(), credit.Adjusting{
		AccountID: id, Amount: int64(in.Amount), Reason: in.Reason, ExpiresAt: value(in.ExpiresAt), IdempotencyKey: in.IdempotencyKey,
	})
	m, errs, err := moved(ctx, did, err)
	return &AdjustCreditsPayload{Transaction: m.Transaction, Credits: m.Credits, UserErrors: errs}, err
}

// moved parts what a movement of credits answered for its payload; its fields are nil where it failed.
func moved(ctx context.Context, did *credit.Result, err error) (credit.Result, []UserError, error) {
	errs, err := outcome(err)
	if did == nil {
		return credit.Result{}, errs, err
	}
	if did.Transaction != nil {
		load(ctx).sawLines([]*credit.Transaction{did.Transaction})
	}
	return *did, errs, err
}

// reaches says whether the caller may reach a site.
func (r *Resolver) reaches(ctx context.Context, id gid.Site) (bool, error) {
	sites, err := site.ByIDs(ctx, r.DB, site.ReachOf(actor(ctx)), []gid.Site{id})
	return len(sites) > 0, err
}

// wide is a number of the schema's as the domain counts.
func wide(n *int) *int64 {
	if n == nil {
		return nil
	}
	wide := int64(*n)
	return &wide
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// reachableHold is the id of a hold, or none that ever was where the hold is for a site that the caller
// may not reach. What site a hold is for never changes, so it is read before the ledger is locked.
func (r *Resolver) reachableHold(ctx context.Context, id gid.CreditHold) (gid.CreditHold, error) {
	if site.ReachOf(actor(ctx)).All {
		return id, nil
	}
	found, err := credit.HoldsByIDs(ctx, r.DB, actor(ctx).AccountID(), []gid.CreditHold{id})
	if err != nil || len(found) == 0 || found[0].SiteID == nil {
		return id, err
	}
	if reached, err := r.reaches(ctx, *found[0].SiteID); err != nil || !reached {
		return 0, err
	}
	return id, nil
}

// reachableLine is reachableHold for a line of the ledger.
func (r *Resolver) reachableLine(ctx context.Context, id gid.CreditTransaction) (gid.CreditTransaction, error) {
	if site.ReachOf(actor(ctx)).All {
		return id, nil
	}
	found, err := credit.TransactionsByIDs(ctx, r.DB, actor(ctx).AccountID(), []gid.CreditTransaction{id})
	if err != nil || len(found) == 0 || found[0].SiteID == nil {
		return id, err
	}
	if reached, err := r.reaches(ctx, *found[0].SiteID); err != nil || !reached {
		return 0, err
	}
	return id, nil
}
