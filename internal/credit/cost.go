package credit

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/plan"
)

// Cost is what an operation costs from an instant on: credits for each started unit of so many.
type Cost struct {
	bun.BaseModel `bun:"table:igny8_credit_cost_config,alias:cost"`

	Operation Operation `bun:"operation" json:"operation"`
	// Credits is for each started unit, in whole credits.
	Credits int64 `bun:"credits" json:"credits"`
	// UnitSize is how many words, ideas, images or calls one unit is.
	UnitSize int64 `bun:"unit_size" json:"unit_size"`
	// EffectiveFrom is nil for a cost that is built in.
	EffectiveFrom *time.Time `bun:"effective_from" json:"effective_from"`

	// Next is what the operation will cost afterwards, where Costs or SetCost says it; nil where no other
	// cost is set.
	Next *Cost `bun:"-" json:"-"`
}

// builtIn are the costs of operations for which the database has none that is in effect, in the order in
// which they are listed.
var builtIn = []Cost{
	{Operation: Clustering, Credits: 10, UnitSize: 1},
	{Operation: IdeaGeneration, Credits: 2, UnitSize: 1},
	{Operation: ContentGeneration, Credits: 1, UnitSize: 100},
	{Operation: ImageGeneration, Credits: 5, UnitSize: 1},
	{Operation: ImagePromptExtraction, Credits: 2, UnitSize: 1},
}

// features are what a plan must include for an operation that not every plan allows.
var features = map[Operation]plan.Feature{
	ContentGeneration: plan.AIWriter, ImageGeneration: plan.ImageGen, ImagePromptExtraction: plan.ImageGen,
}

// perCall are the operations that cost the same for each call, so that their quantity is 1.
var perCall = map[Operation]bool{Clustering: true, ImagePromptExtraction: true}

// Feature is what the plan must include for the operation; nil where every plan allows it.
func (c *Cost) Feature() *plan.Feature {
	f, ok := features[c.Operation]
	if !ok {
		return nil
	}
	return &f
}

// PerCall says whether a call costs the same whatever it is about.
func (c *Cost) PerCall() bool { return perCall[c.Operation] }

// MaxQuantity is the most words, ideas or images that one movement is for.
const MaxQuantity = 1_000_000_000

// Of is what the quantity costs, in whole credits: each started unit counts. Errors: INVALID for a
// quantity below 1 or beyond MaxQuantity.
func (c *Cost) Of(quantity int64) (int64, error) {
	if quantity < 1 || quantity > MaxQuantity {
		return 0, fault.New(fault.Invalid, "a quantity is 1 to %d", MaxQuantity).At("quantity")
	}
	units := quantity / c.UnitSize
	if quantity%c.UnitSize > 0 {
		units++
	}
	if units > math.MaxInt64/c.Credits {
		return 0, fault.New(fault.Invalid, "this costs more than can be counted").At("quantity")
	}
	return units * c.Credits, nil
}

// Costs reads what each operation costs at an instant, the newest cost in effect or the built-in one, and
// what it is set to cost afterwards.
func Costs(ctx context.Context, db bun.IDB, now time.Time) ([]*Cost, error) {
	all, err := costs(ctx, db, now, "")
	if err != nil {
		return nil, err
	}
	return all, foresee(ctx, db, now, all...)
}

// foresee gives costs that are in effect at an instant the changes that are set for later, each the next of
// the one before it.
func foresee(ctx context.Context, db bun.IDB, at time.Time, inEffect ...*Cost) error {
	newest := make(map[Operation]*Cost, len(inEffect))
	operations := make([]Operation, len(inEffect))
	for i, c := range inEffect {
		newest[c.Operation], operations[i] = c, c.Operation
	}
	later := []*Cost{}
	err := db.NewSelect().Model(&later).Where("effective_from > ?", at).Where("operation IN (?)", bun.List(operations)).
		OrderExpr("effective_from").Scan(ctx)
	if err != nil {
		return fmt.Errorf("read costs to come: %w", err)
	}
	for _, c := range later {
		newest[c.Operation].Next, newest[c.Operation] = c, c
	}
	return nil
}

// costOf reads what one operation costs at an instant.
func costOf(ctx context.Context, db bun.IDB, op Operation, now time.Time) (*Cost, error) {
	all, err := costs(ctx, db, now, op)
	if err != nil {
		return nil, err
	}
	for _, c := range all {
		if c.Operation == op {
			return c, nil
		}
	}
	return nil, fault.New(fault.Invalid, "there is no such operation").At("operation")
}

// costs reads the costs of one operation, or of all where op is empty.
func costs(ctx context.Context, db bun.IDB, now time.Time, op Operation) ([]*Cost, error) {
	configured := []*Cost{}
	q := db.NewSelect().Model(&configured).DistinctOn("operation").Where("effective_from <= ?", now)
	if op != "" {
		q = q.Where("operation = ?", op)
	}
	if err := q.OrderExpr("operation, effective_from DESC").Scan(ctx); err != nil {
		return nil, fmt.Errorf("read costs: %w", err)
	}
	byOperation := make(map[Operation]*Cost, len(configured))
	for _, c := range configured {
		byOperation[c.Operation] = c
	}
	all := make([]*Cost, len(builtIn))
	for i := range builtIn {
		c := builtIn[i]
		all[i] = &c
		if set, ok := byOperation[c.Operation]; ok {
			all[i] = set
		}
	}
	return all, nil
}

// Estimate is what an operation would cost an account now.
type Estimate struct {
	Operation Operation
	Quantity  int64
	// Required is the cost in whole credits; Available what the account can spend.
	Required, Available int64
	// Included says whether the account's plan allows the operation.
	Included bool
}

// Sufficient says whether there are credits enough.
func (e *Estimate) Sufficient() bool { return e.Available >= e.Required }

// EstimateFor says what the quantity of an operation would cost an account on the plan. Errors: REQUIRED
// and INVALID at quantity.
func EstimateFor(
	ctx context.Context, db bun.IDB, tenant gid.Account, on *plan.Plan, now time.Time, op Operation, quantity *int64,
) (*Estimate, error) {
	n, f := quantityOf(op, quantity)
	if f != nil {
		return nil, f
	}
	cost, err := costOf(ctx, db, op, now)
	if err != nil {
		return nil, err
	}
	required, err := cost.Of(n)
	if err != nil {
		return nil, err
	}
	states, err := Accounts(ctx, db, []gid.Account{tenant})
	if err != nil {
		return nil, err
	}
	e := &Estimate{Operation: op, Quantity: n, Required: required, Included: allows(on, op) == nil}
	for _, s := range states {
		e.Available = s.Available()
	}
	return e, nil
}

// quantityOf is how many of an operation are meant: 1 for one that costs the same for each call.
func quantityOf(op Operation, quantity *int64) (int64, *fault.Error) {
	switch {
	case perCall[op] && quantity == nil:
		return 1, nil
	case quantity == nil:
		return 0, fault.New(fault.Required, "say for how many").At("quantity")
	case perCall[op] && *quantity != 1:
		return 0, fault.New(fault.Invalid, "this operation costs the same for each call: its quantity is 1").At("quantity")
	case *quantity < 1 || *quantity > MaxQuantity:
		return 0, fault.New(fault.Invalid, "a quantity is 1 to %d", MaxQuantity).At("quantity")
	}
	return *quantity, nil
}

// allows refuses an operation that the plan does not include. Errors: FEATURE_NOT_IN_PLAN.
func allows(on *plan.Plan, op Operation) *fault.Error {
	feature, ok := features[op]
	if !ok || on.Has(feature) {
		return nil
	}
	return fault.New(fault.FeatureNotInPlan, "the plan %s does not include this operation", on.Name).At("operation").
		With("feature", string(feature)).With("plan", on.Slug)
}
