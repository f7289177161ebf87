package credit

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/audit"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/period"
	"igny8.com/accounts/internal/postgres"
)

// Pricing is what an operation is to cost.
type Pricing struct {
	Operation Operation
	// Credits is for each started unit, 1 to MaxUnitCredits; UnitSize how many words, ideas, images or
	// calls one unit is, 1 to MaxQuantity.
	Credits, UnitSize int64
	// EffectiveFrom is from when on; nil for now.
	EffectiveFrom *time.Time
}

// MaxUnitCredits is the most that one unit of an operation costs.
const MaxUnitCredits = 1_000_000

// costKey is the rule that an operation has one cost from an instant on.
const costKey = "igny8_credit_cost_config_effective_key"

// SetCost has an operation cost something else from an instant on, for all accounts. What was charged or set
// aside before stays as it was, and what was set is never changed: another cost takes effect later. The event
// is in the staff's own account. Errors: UNAUTHENTICATED and FORBIDDEN for anybody but staff; INVALID at
// operation, credits, unitSize and, for the past, effectiveFrom; TAKEN at effectiveFrom where a cost of the
// operation takes effect at that very instant.
func SetCost(ctx context.Context, db bun.IDB, staff account.Actor, now time.Time, in Pricing) (*Cost, error) {
	switch {
	case !staff.SignedIn():
		return nil, fault.New(fault.Unauthenticated, "nobody is signed in")
	case !staff.Staff():
		return nil, fault.New(fault.Forbidden, "this is for staff")
	}
	from := now
	if in.EffectiveFrom != nil {
		from = period.Instant(*in.EffectiveFrom)
	}
	if err := in.check(now, from); err != nil {
		return nil, err
	}
	cost := &Cost{Operation: in.Operation, Credits: in.Credits, UnitSize: in.UnitSize, EffectiveFrom: &from}
	tenant := staff.AccountID()
	err := postgres.InTx(postgres.WithTenant(ctx, int64(tenant)), db, func(ctx context.Context, tx bun.Tx) error {
		if _, err := account.Lock(ctx, tx, tenant); err != nil {
			return err
		}
		before, err := costOf(ctx, tx, in.Operation, from)
		if err != nil {
			return err
		}
		if _, err := tx.NewInsert().Model(cost).Returning("NULL").Exec(ctx); err != nil {
			return fmt.Errorf("insert cost: %w", err)
		}
		if err := foresee(ctx, tx, from, cost); err != nil {
			return err
		}
		return audit.Record(ctx, tx, tenant, staff.By(tenant), now,
			audit.On("credit.cost_changed", "account", tenant).From(before.facts()).To(cost.facts()))
	})
	if postgres.Violates(err, costKey) {
		return nil, fault.New(fault.Taken, "another cost of this operation takes effect at that instant").At("effectiveFrom")
	}
	if err != nil {
		return nil, err
	}
	return cost, nil
}

func (in Pricing) check(now, from time.Time) error {
	var faults fault.List
	known := false
	for _, c := range builtIn {
		known = known || c.Operation == in.Operation
	}
	if !known {
		faults.Add(fault.New(fault.Invalid, "there is no such operation").At("operation"))
	}
	if in.Credits < 1 || in.Credits > MaxUnitCredits {
		faults.Add(fault.New(fault.Invalid, "1 to %d credits", MaxUnitCredits).At("credits"))
	}
	switch {
	case in.UnitSize < 1 || in.UnitSize > MaxQuantity:
		faults.Add(fault.New(fault.Invalid, "a unit is of 1 to %d", MaxQuantity).At("unitSize"))
	case perCall[in.Operation] && in.UnitSize != 1:
		faults.Add(fault.New(fault.Invalid, "this operation costs the same for each call: a unit is 1 call").At("unitSize"))
	}
	if from.Before(now) {
		faults.Add(fault.New(fault.Invalid, "a cost takes effect now or later").At("effectiveFrom"))
	}
	return faults.Err()
}

// facts are what the audit log keeps of a cost.
func (c *Cost) facts() map[string]any {
	facts := map[string]any{"operation": c.Operation, "credits": c.Credits, "unitSize": c.UnitSize}
	if c.EffectiveFrom != nil {
		facts["effectiveFrom"] = c.EffectiveFrom.UTC()
	}
	return facts
}
