package credit

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
)

// Reaches says whether a site is one that the actor may reach. Sites are another package's, which this
// one does not know.
type Reaches func(ctx context.Context, id gid.Site) (bool, error)

// Spending is what credits are to be spent on.
type Spending struct {
	Operation Operation
	// Quantity is in words, ideas or images; nil and 1 are the same where each call costs the same.
	Quantity    *int64
	SiteID      *gid.Site
	Description string
	// Metadata is a JSON object of at most 4096 bytes, or nil.
	Metadata       json.RawMessage
	IdempotencyKey string
}

const (
	requiredDetail  = "required"
	availableDetail = "available"
)

// InsufficientError is a fault of too few credits, with how many are required and available.
type InsufficientError struct {
	*fault.Error

	Required, Available int64
}

// Insufficient is the fault with its facts, shown as f is.
func Insufficient(f *fault.Error) *InsufficientError {
	required, _ := f.Details[requiredDetail].(int64)
	available, _ := f.Details[availableDetail].(int64)
	return &InsufficientError{Error: f, Required: required, Available: available}
}

// Spend pays for an operation at once. Errors: REQUIRED, TOO_LONG, INVALID, NOT_FOUND at siteId,
// FEATURE_NOT_IN_PLAN, INSUFFICIENT_CREDITS, BUDGET_EXCEEDED at siteId, IDEMPOTENCY_CONFLICT.
func Spend(
	ctx context.Context, db bun.IDB, actor account.Actor, now time.Time, reaches Reaches, in Spending,
) (*Result, error) {
	m, err := in.movement(ctx, actor, now, reaches)
	if err != nil {
		return nil, err
	}
	return command(ctx, db, actor.AccountID(), m)
}

func (in Spending) movement(ctx context.Context, actor account.Actor, now time.Time, reaches Reaches) (*movement, error) {
	in.Description = strings.TrimSpace(in.Description)
	var faults fault.List
	quantity, f := quantityOf(in.Operation, in.Quantity)
	faults.Add(f)
	faults.Add(fault.CheckLength(in.Description, "description", maxDescription))
	metadata, f := fault.CheckObject(in.Metadata, "metadata", maxMetadata)
	faults.Add(f)
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
		fingerprint: fingerprint(in.Operation, quantity, in.SiteID, in.Description, metadata),
		now:         now, operation: opSpend, key: in.IdempotencyKey, actor: &actor, costs: in.Operation, site: in.SiteID,
		do: func(ctx context.Context, b *book) (*Result, error) {
			cost, required, err := b.price(actor, reached, in.Operation, quantity)
			if err != nil {
				return nil, err
			}
			if err := b.permit(in.SiteID, required); err != nil {
				return nil, err
			}
			moves, err := b.burn(required, false)
			if err != nil {
				return nil, err
			}
			by := actor.By(b.tenant)
			line := &Transaction{
				Type: Deduction, Operation: &in.Operation, Quantity: &quantity, SiteID: in.SiteID,
				UnitCredits: &cost.Credits, UnitSize: &cost.UnitSize, Description: in.Description, Metadata: metadata,
				ActorKind: by.Kind, ActorID: by.ID, IdempotencyKey: lineKey(opSpend, in.IdempotencyKey),
			}
			return &Result{Transaction: line}, b.write(ctx, line, moves)
		},
	}, nil
}

// siteOf is the site that credits are spent on: an API key's own where none is named.
func siteOf(actor account.Actor, named *gid.Site) *gid.Site {
	if named == nil && actor.Key != nil {
		return &actor.Key.SiteID
	}
	return named
}

// concerns says whether a movement for a site is the actor's business: an API key has no part in those
// of other sites.
func concerns(actor account.Actor, id *gid.Site) bool {
	return actor.Key == nil || id != nil && *id == actor.Key.SiteID
}

// factsOf are the facts of an input that names no site: an API key's own belongs to them, so that no key
// learns what became of another site's request.
func factsOf(actor account.Actor, facts ...any) []any {
	if actor.Key != nil {
		facts = append(facts, actor.Key.SiteID)
	}
	return facts
}

// reach asks for a site before the ledger is locked; whether it matters is known behind the lock.
func reach(ctx context.Context, reaches Reaches, id *gid.Site) (bool, error) {
	if id == nil {
		return true, nil
	}
	return reaches(ctx, *id)
}

// price is what an operation costs and what an actor has to pay for the quantity, on the plan that the
// account is on behind the lock. Errors: NOT_FOUND, FEATURE_NOT_IN_PLAN, INVALID.
func (b *book) price(actor account.Actor, reached bool, op Operation, quantity int64) (*Cost, int64, error) {
	cost := b.costOf(op)
	if cost == nil {
		return nil, 0, fault.New(fault.Invalid, "there is no such operation").At("operation")
	}
	if !reached {
		return nil, 0, fault.New(fault.NotFound, "there is no such site").At("siteId")
	}
	if f := allows(b.current(actor).Plan, op); f != nil {
		return nil, 0, f
	}
	required, err := cost.Of(quantity)
	return cost, required, err
}

// costOf is what the operation costs at the time of the movement under way: the newest cost in effect, or
// the built-in one; nil where there is no such operation.
func (b *book) costOf(op Operation) *Cost {
	var cost *Cost
	for i := range builtIn {
		if builtIn[i].Operation == op {
			c := builtIn[i]
			cost = &c
		}
	}
	for _, c := range b.costs {
		if c.Operation != op || c.EffectiveFrom.After(b.now) {
			continue
		}
		if cost == nil || cost.EffectiveFrom == nil || c.EffectiveFrom.After(*cost.EffectiveFrom) {
			cost = c
		}
	}
	return cost
}
