package credit

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
)

// How long a hold lives.
const (
	DefaultHoldTime = 15 * time.Minute
	MaxHoldTime     = 24 * time.Hour
)

// Reservation is what credits are to be set aside for.
type Reservation struct {
	Operation Operation
	// Quantity is in words, ideas or images, and is 1 where each call costs the same.
	Quantity int64
	SiteID   *gid.Site
	// ExpiresIn is how long the hold lives; nil for DefaultHoldTime.
	ExpiresIn      *time.Duration
	IdempotencyKey string
}

// Reserve sets aside what an operation may cost at most, at today's price, until the hold is captured,
// released or expires. Errors: REQUIRED, TOO_LONG, INVALID, NOT_FOUND at siteId, FEATURE_NOT_IN_PLAN,
// INSUFFICIENT_CREDITS, BUDGET_EXCEEDED at siteId, IDEMPOTENCY_CONFLICT.
func Reserve(
	ctx context.Context, db bun.IDB, actor account.Actor, now time.Time, reaches Reaches, in Reservation,
) (*Result, error) {
	life := DefaultHoldTime
	if in.ExpiresIn != nil {
		life = *in.ExpiresIn
	}
	var faults fault.List
	_, f := quantityOf(in.Operation, &in.Quantity)
	faults.Add(f)
	if life < time.Second || life > MaxHoldTime {
		faults.Add(fault.New(fault.Invalid, "a hold lives 1 to %d seconds", int(MaxHoldTime.Seconds())).At("expiresIn"))
	}
	faults.Add(fault.CheckIdempotencyKey(in.IdempotencyKey))
	if err := faults.Err(); err != nil {
		return nil, err
	}
	in.SiteID = siteOf(actor, in.SiteID)
	reached, err := reach(ctx, reaches, in.SiteID)
	if err != nil {
		return nil, err
	}
	cost, err := costOf(ctx, db, in.Operation, now)
	if err != nil {
		return nil, err
	}
	facts := []any{in.Operation, in.Quantity, in.SiteID, life}
	return command(ctx, db, actor.AccountID(), now, opReserve, in.IdempotencyKey, facts,
		func(ctx context.Context, b *book) (*Result, error) {
			required, err := price(actor, reached, cost, in.Quantity)
			if err != nil {
				return nil, err
			}
			if err := b.permit(ctx, in.SiteID, required); err != nil {
				return nil, err
			}
			by := actor.By(b.tenant)
			hold := &Hold{
				TenantID: b.tenant, Status: HoldOpen, Operation: in.Operation, Quantity: in.Quantity, Amount: required,
				UnitCredits: cost.Credits, UnitSize: cost.UnitSize, SiteID: in.SiteID,
				ActorKind: by.Kind, ActorID: by.ID, CreatedAt: now, ExpiresAt: now.Add(life),
			}
			if _, err := b.tx.NewInsert().Model(hold).Returning("id").Exec(ctx); err != nil {
				return nil, fmt.Errorf("insert hold: %w", err)
			}
			b.state.Held += required
			return &Result{Hold: hold}, nil
		})
}

// Capture is how much of a hold was used.
type Capture struct {
	HoldID gid.CreditHold
	// Quantity is what the operation came to; nil for all that was reserved.
	Quantity       *int64
	IdempotencyKey string
}

// CaptureHold pays for what an operation came to out of its hold, at the hold's price, and frees the
// rest. Errors: REQUIRED, TOO_LONG, NOT_FOUND, INVALID_STATE for a hold that is not open, INVALID for a
// quantity that costs more than is held, IDEMPOTENCY_CONFLICT.
func CaptureHold(ctx context.Context, db bun.IDB, actor account.Actor, now time.Time, in Capture) (*Result, error) {
	if f := fault.CheckIdempotencyKey(in.IdempotencyKey); f != nil {
		return nil, f
	}
	facts := factsOf(actor, in.HoldID, in.Quantity)
	return command(ctx, db, actor.AccountID(), now, opCapture, in.IdempotencyKey, facts,
		func(ctx context.Context, b *book) (*Result, error) {
			hold, err := b.openHold(ctx, actor, in.HoldID)
			if err != nil {
				return nil, err
			}
			quantity := hold.Quantity
			if in.Quantity != nil {
				quantity = *in.Quantity
			}
			if _, f := quantityOf(hold.Operation, &quantity); f != nil {
				return nil, f
			}
			required, err := hold.cost().Of(quantity)
			if err != nil {
				return nil, err
			}
			if required > hold.Amount {
				return nil, fault.New(fault.Invalid, "this costs %d credits, and the hold is of %d", required, hold.Amount).
					At("quantity").With(requiredDetail, required).With("held", hold.Amount)
			}
			moves, err := b.burn(required, true)
			if err != nil {
				return nil, err
			}
			by := actor.By(b.tenant)
			line := &Transaction{
				Type: Deduction, Operation: &hold.Operation, Quantity: &quantity, SiteID: hold.SiteID,
				UnitCredits: &hold.UnitCredits, UnitSize: &hold.UnitSize,
				ActorKind: by.Kind, ActorID: by.ID, IdempotencyKey: lineKey(opCapture, in.IdempotencyKey),
			}
			if err := b.write(ctx, line, moves); err != nil {
				return nil, err
			}
			hold.CapturedQuantity, hold.TransactionID = &quantity, &line.ID
			return &Result{Transaction: line, Hold: hold}, b.closeHold(ctx, hold, HoldCaptured)
		})
}

// Release is which hold is no longer needed.
type Release struct {
	HoldID         gid.CreditHold
	IdempotencyKey string
}

// ReleaseHold frees what was set aside. Errors: REQUIRED, TOO_LONG, NOT_FOUND, INVALID_STATE for a hold
// that is not open, IDEMPOTENCY_CONFLICT.
func ReleaseHold(ctx context.Context, db bun.IDB, actor account.Actor, now time.Time, in Release) (*Result, error) {
	if f := fault.CheckIdempotencyKey(in.IdempotencyKey); f != nil {
		return nil, f
	}
	return command(ctx, db, actor.AccountID(), now, opRelease, in.IdempotencyKey, factsOf(actor, in.HoldID),
		func(ctx context.Context, b *book) (*Result, error) {
			hold, err := b.openHold(ctx, actor, in.HoldID)
			if err != nil {
				return nil, err
			}
			return &Result{Hold: hold}, b.closeHold(ctx, hold, HoldReleased)
		})
}

// openHold reads a hold that is the actor's business and still open. Holds change behind the ledger's lock alone.
func (b *book) openHold(ctx context.Context, actor account.Actor, id gid.CreditHold) (*Hold, error) {
	holds, err := HoldsByIDs(ctx, b.tx, b.tenant, []gid.CreditHold{id})
	if err != nil {
		return nil, err
	}
	if len(holds) == 0 || !concerns(actor, holds[0].SiteID) {
		return nil, fault.New(fault.NotFound, "there is no such hold").At("holdId")
	}
	if holds[0].Status != HoldOpen {
		return nil, fault.New(fault.InvalidState, "this hold is %s", holds[0].Status).At("holdId")
	}
	return holds[0], nil
}

// closeHold ends an open hold and frees its amount. A grant that expired while the hold kept it alive
// expires now.
func (b *book) closeHold(ctx context.Context, hold *Hold, as HoldStatus) error {
	hold.Status, hold.ClosedAt = as, &b.now
	_, err := b.tx.NewUpdate().Model(hold).WherePK().
		Column("status", "captured_quantity", "transaction_id", "closed_at").Exec(ctx)
	if err != nil {
		return fmt.Errorf("close hold: %w", err)
	}
	b.state.Held -= hold.Amount
	_, err = b.expireGrants(ctx)
	return err
}
