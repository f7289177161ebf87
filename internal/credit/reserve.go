package credit

import (
	"context"
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
	m, err := in.movement(ctx, actor, now, reaches)
	if err != nil {
		return nil, err
	}
	return command(ctx, db, actor.AccountID(), m)
}

func (in Reservation) movement(ctx context.Context, actor account.Actor, now time.Time, reaches Reaches) (*movement, error) {
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
	return &movement{
		fingerprint: fingerprint(in.Operation, in.Quantity, in.SiteID, life),
		now:         now, operation: opReserve, key: in.IdempotencyKey, actor: &actor, costs: in.Operation, site: in.SiteID,
		do: func(ctx context.Context, b *book) (*Result, error) {
			cost, required, err := b.price(actor, reached, in.Operation, in.Quantity)
			if err != nil {
				return nil, err
			}
			if err := b.permit(in.SiteID, required); err != nil {
				return nil, err
			}
			by := actor.By(b.tenant)
			hold := &Hold{
				TenantID: b.tenant, Status: HoldOpen, Operation: in.Operation, Quantity: in.Quantity, Amount: required,
				UnitCredits: cost.Credits, UnitSize: cost.UnitSize, SiteID: in.SiteID,
				ActorKind: by.Kind, ActorID: by.ID, CreatedAt: now, ExpiresAt: now.Add(life),
			}
			return &Result{Hold: hold}, b.makeHold(ctx, hold)
		},
	}, nil
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
	m, err := in.movement(actor, now)
	if err != nil {
		return nil, err
	}
	return command(ctx, db, actor.AccountID(), m)
}

func (in Capture) movement(actor account.Actor, now time.Time) (*movement, error) {
	if f := fault.CheckIdempotencyKey(in.IdempotencyKey); f != nil {
		return nil, f
	}
	return &movement{
		fingerprint: fingerprint(factsOf(actor, in.HoldID, in.Quantity)...),
		now:         now, operation: opCapture, key: in.IdempotencyKey, actor: &actor, hold: &in.HoldID,
		do: func(ctx context.Context, b *book) (*Result, error) {
			hold, err := b.openHold(actor, in.HoldID)
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
			return &Result{Transaction: line, Hold: hold}, b.closeHold(ctx, hold, HoldCaptured, &quantity, &line.ID)
		},
	}, nil
}

// Release is which hold is no longer needed.
type Release struct {
	HoldID         gid.CreditHold
	IdempotencyKey string
}

// ReleaseHold frees what was set aside. Errors: REQUIRED, TOO_LONG, NOT_FOUND, INVALID_STATE for a hold
// that is not open, IDEMPOTENCY_CONFLICT.
func ReleaseHold(ctx context.Context, db bun.IDB, actor account.Actor, now time.Time, in Release) (*Result, error) {
	m, err := in.movement(actor, now)
	if err != nil {
		return nil, err
	}
	return command(ctx, db, actor.AccountID(), m)
}

func (in Release) movement(actor account.Actor, now time.Time) (*movement, error) {
	if f := fault.CheckIdempotencyKey(in.IdempotencyKey); f != nil {
		return nil, f
	}
	return &movement{
		fingerprint: fingerprint(factsOf(actor, in.HoldID)...),
		now:         now, operation: opRelease, key: in.IdempotencyKey, actor: &actor, hold: &in.HoldID,
		do: func(ctx context.Context, b *book) (*Result, error) {
			hold, err := b.openHold(actor, in.HoldID)
			if err != nil {
				return nil, err
			}
			return &Result{Hold: hold}, b.closeHold(ctx, hold, HoldReleased, nil, nil)
		},
	}, nil
}

// makeHold sets a hold's amount aside.
func (b *book) makeHold(ctx context.Context, hold *Hold) error {
	id, err := b.holdIDs.next(ctx, b.t)
	if err != nil {
		return err
	}
	hold.ID = gid.CreditHold(id)
	b.undo = append(b.undo, func() { delete(b.holds, hold.ID) })
	b.holds[hold.ID] = hold
	b.made = append(b.made, hold)
	b.state.Held += hold.Amount
	return nil
}

// openHold is a hold that is the actor's business and still open. Holds change behind the ledger's lock alone.
func (b *book) openHold(actor account.Actor, id gid.CreditHold) (*Hold, error) {
	hold := b.holds[id]
	if hold == nil || !concerns(actor, hold.SiteID) {
		return nil, fault.New(fault.NotFound, "there is no such hold").At("holdId")
	}
	if hold.Status != HoldOpen {
		return nil, fault.New(fault.InvalidState, "this hold is %s", hold.Status).At("holdId")
	}
	return hold, nil
}

// closeHold ends an open hold and frees its amount. A grant that expired while the hold kept it alive
// expires now.
func (b *book) closeHold(
	ctx context.Context, hold *Hold, as HoldStatus, captured *int64, line *gid.CreditTransaction,
) error {
	b.change(hold)
	at := b.now
	hold.Status, hold.ClosedAt, hold.CapturedQuantity, hold.TransactionID = as, &at, captured, line
	b.state.Held -= hold.Amount
	_, err := b.expireGrants(ctx)
	return err
}
