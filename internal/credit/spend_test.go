package credit_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/credit"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/plan"
	"igny8.com/accounts/internal/postgres/pgtest"
)

func TestCost_RoundsStartedUnitsUp(t *testing.T) {
	t.Parallel()
	words := &credit.Cost{Operation: credit.ContentGeneration, Credits: 3, UnitSize: 100}
	for quantity, want := range map[int64]int64{1: 3, 99: 3, 100: 3, 101: 6, 200: 6, 201: 9, credit.MaxQuantity: 30_000_000} {
		if got, err := words.Of(quantity); err != nil || got != want {
			t.Errorf("%d words cost %d, %v; want %d", quantity, got, err, want)
		}
	}
	for _, quantity := range []int64{0, -1, credit.MaxQuantity + 1} {
		if _, err := words.Of(quantity); !fault.Is(err, fault.Invalid) {
			t.Errorf("%d words: %v", quantity, err)
		}
	}
	if _, err := (&credit.Cost{Credits: 1 << 60, UnitSize: 1}).Of(100); !fault.Is(err, fault.Invalid) {
		t.Errorf("what cannot be counted: %v", err)
	}
}

func TestCosts_AreTheNewestInEffectOrBuiltIn(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a := newTenant(t, db)
	list := func(at time.Time) map[credit.Operation][2]int64 {
		all, err := credit.Costs(t.Context(), db.App, at)
		if err != nil {
			t.Fatal(err)
		}
		m := map[credit.Operation][2]int64{}
		for _, c := range all {
			m[c.Operation] = [2]int64{c.Credits, c.UnitSize}
		}
		return m
	}
	builtIn := map[credit.Operation][2]int64{
		credit.Clustering: {10, 1}, credit.IdeaGeneration: {2, 1}, credit.ContentGeneration: {1, 100},
		credit.ImageGeneration: {5, 1}, credit.ImagePromptExtraction: {2, 1},
	}
	if diff := cmp.Diff(builtIn, list(now)); diff != "" {
		t.Errorf("built in:\n%s", diff)
	}
	a.exec(`INSERT INTO igny8_credit_cost_config (operation, credits, unit_size, effective_from)
		VALUES ('image_generation', 7, 1, ?0), ('image_generation', 9, 2, ?1), ('image_generation', 1, 1, ?2)`,
		now, now.Add(time.Hour), now.Add(-time.Hour))
	for at, want := range map[time.Time][2]int64{
		now.Add(-2 * time.Hour): {5, 1}, now.Add(-time.Second): {1, 1}, now: {7, 1}, now.Add(time.Hour): {9, 2},
	} {
		if got := list(at)[credit.ImageGeneration]; got != want {
			t.Errorf("at %s an image costs %v, want %v", at, got, want)
		}
	}
	// The price in effect is what is charged, and the line keeps it.
	a.give(credit.Purchase, 100, now, nil)
	r := did2(t)(a.spend(now, credit.ImageGeneration, 3, "k"))
	if l := r.Transaction; l.Amount != -21 || *l.UnitCredits != 7 || *l.UnitSize != 1 {
		t.Errorf("%+v", l)
	}
}

func TestEstimate_SaysWhatIsRequiredAvailableAndIncluded(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a := newTenant(t, db)
	a.give(credit.Purchase, 11, now, nil)
	words := int64(1001)
	e, err := credit.EstimateFor(a.ctx(), db.App, a.id, a.owner.Plan, now, credit.ContentGeneration, &words)
	if err != nil || e.Required != 11 || e.Available != 11 || !e.Included || !e.Sufficient() {
		t.Errorf("%+v, %v", e, err)
	}
	e, err = credit.EstimateFor(a.ctx(), db.App, a.id, &plan.Plan{}, now, credit.ImagePromptExtraction, nil)
	if err != nil || e.Required != 2 || e.Included {
		t.Errorf("%+v, %v", e, err)
	}
	_, err = credit.EstimateFor(a.ctx(), db.App, a.id, a.owner.Plan, now, credit.IdeaGeneration, nil)
	refused(t, err, fault.Required, "quantity")
}

// did2 is did for the two values of a command.
func did2(tb testing.TB) func(*credit.Result, error) *credit.Result {
	tb.Helper()
	return func(r *credit.Result, err error) *credit.Result {
		tb.Helper()
		return did(tb, r, err)
	}
}

func TestSpend_WritesALineWithAllItsFacts(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a := newTenant(t, db)
	a.give(credit.Purchase, 100, now, nil)
	var site gid.Site
	a.scan(&site, `INSERT INTO igny8_sites (tenant_id, name, slug, domain) VALUES (?, 'S', 's', 's.example.com') RETURNING id`, a.id)
	quantity := int64(250)
	in := credit.Spending{
		Operation: credit.ContentGeneration, Quantity: &quantity, SiteID: &site, Description: " An article ",
		Metadata: json.RawMessage(`{"z": 1, "a": {"n": 12345678901234567890}}`), IdempotencyKey: "k",
	}
	first := did2(t)(credit.Spend(a.ctx(), db.App, a.owner, now, anySite, in))
	line := first.Transaction
	if line.Seq != 2 || line.Type != credit.Deduction || line.Amount != -3 || line.BalanceAfter != 97 || *line.Quantity != 250 ||
		*line.Operation != credit.ContentGeneration || *line.SiteID != site || line.Description != "An article" ||
		*line.ActorID != int64(a.owner.User.ID) || line.ActorKind != "user" || !line.CreatedAt.Equal(now) {
		t.Errorf("%+v", line)
	}
	if first.Credits.Balance != 97 || first.Credits.Available() != 97 {
		t.Errorf("%+v", first.Credits)
	}
	// The same again, later and after other movements, with the metadata written in another order.
	did2(t)(a.spend(now, credit.Clustering, 1, "other"))
	in.Metadata = json.RawMessage(`{"a":{"n":12345678901234567890},"z":1}`)
	again := did2(t)(credit.Spend(a.ctx(), db.App, a.owner, now.Add(time.Hour), anySite, in))
	if diff := cmp.Diff(first, again, cmpopts.IgnoreTypes(bun.BaseModel{})); diff != "" {
		t.Errorf("the replay is another result (-first +again):\n%s", diff)
	}
	in.Description = "Another article"
	_, err := credit.Spend(a.ctx(), db.App, a.owner, now, anySite, in)
	refused(t, err, fault.IdempotencyConflict, "idempotencyKey")
	a.sound()
}

func TestSpend_ReplaysWhatIsNoLongerAllowed(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a := newTenant(t, db)
	a.give(credit.Purchase, 5, now, nil)
	first := did2(t)(a.spend(now, credit.ImageGeneration, 1, "k"))
	// The plan that counts is the one that the account is on behind the lock, not the one it was on at the door.
	a.exec(`UPDATE igny8_tenants SET plan_id = (SELECT id FROM igny8_plans WHERE slug = 'free') WHERE id = ?`, a.id)
	again := did2(t)(a.spend(now, credit.ImageGeneration, 1, "k"))
	if again.Transaction.ID != first.Transaction.ID {
		t.Errorf("%d, want %d", again.Transaction.ID, first.Transaction.ID)
	}
	_, err := a.spend(now, credit.ImageGeneration, 1, "k2")
	refused(t, err, fault.FeatureNotInPlan, "operation")
}

func TestSpend_RefusesAndWritesNothing(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a := newTenant(t, db)
	past, soon := now.Add(-time.Hour), now.Add(-time.Minute)
	a.give(credit.Trial, 100, past, &soon) // expired, and not written off yet
	a.give(credit.Purchase, 4, now, nil)
	before := a.rows()
	one, zero, many, n := int64(1), int64(0), int64(credit.MaxQuantity+1), gid.Site(1)
	nowhere := func(context.Context, gid.Site) (bool, error) { return false, nil }
	for name, c := range map[string]struct {
		in    credit.Spending
		code  fault.Code
		field string
	}{
		"too few credits":       {credit.Spending{Operation: credit.ImageGeneration, Quantity: &one, IdempotencyKey: "k"}, fault.InsufficientCredits, ""},
		"no quantity":           {credit.Spending{Operation: credit.ImageGeneration, IdempotencyKey: "k"}, fault.Required, "quantity"},
		"nothing":               {credit.Spending{Operation: credit.ImageGeneration, Quantity: &zero, IdempotencyKey: "k"}, fault.Invalid, "quantity"},
		"too much":              {credit.Spending{Operation: credit.ImageGeneration, Quantity: &many, IdempotencyKey: "k"}, fault.Invalid, "quantity"},
		"calls that are one":    {credit.Spending{Operation: credit.Clustering, Quantity: &many, IdempotencyKey: "k"}, fault.Invalid, "quantity"},
		"no key":                {credit.Spending{Operation: credit.Clustering, IdempotencyKey: " "}, fault.Required, "idempotencyKey"},
		"a long key":            {credit.Spending{Operation: credit.Clustering, IdempotencyKey: strings.Repeat("k", 201)}, fault.TooLong, "idempotencyKey"},
		"a long description":    {credit.Spending{Operation: credit.Clustering, Description: strings.Repeat("d", 501), IdempotencyKey: "k"}, fault.TooLong, "description"},
		"large metadata":        {credit.Spending{Operation: credit.Clustering, Metadata: json.RawMessage(`{"a":"` + strings.Repeat("x", 4096) + `"}`), IdempotencyKey: "k"}, fault.TooLong, "metadata"},
		"metadata of no object": {credit.Spending{Operation: credit.Clustering, Metadata: json.RawMessage(`[1]`), IdempotencyKey: "k"}, fault.Invalid, "metadata"},
		"metadata with a NUL":   {credit.Spending{Operation: credit.Clustering, Metadata: json.RawMessage(`{"a":["\u0000"]}`), IdempotencyKey: "k"}, fault.Invalid, "metadata"},
		"a number beyond all":   {credit.Spending{Operation: credit.Clustering, Metadata: json.RawMessage(`{"a":1e200000}`), IdempotencyKey: "k"}, fault.Invalid, "metadata"},
		"a site out of reach":   {credit.Spending{Operation: credit.Clustering, SiteID: &n, IdempotencyKey: "k"}, fault.NotFound, "siteId"},
	} {
		_, err := credit.Spend(a.ctx(), db.App, a.owner, now, nowhere, c.in)
		faults := fault.Of(err)
		if len(faults) != 1 || faults[0].Code != c.code || strings.Join(faults[0].Field, ".") != c.field {
			t.Errorf("%s: %v, want %s at %s", name, err, c.code, c.field)
		}
		if after := a.rows(); after != before {
			t.Errorf("%s: was written\n%s\nbefore\n%s", name, after, before)
		}
	}
	_, err := a.spend(now, credit.ImageGeneration, 1, "k")
	if e := credit.Insufficient(refused(t, err, fault.InsufficientCredits, "")); e.Required != 5 || e.Available != 4 {
		t.Errorf("required %d, available %d", e.Required, e.Available)
	}
}

func TestSpend_BurnsInOrder(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a := newTenant(t, db)
	week, month := now.AddDate(0, 0, 7), now.AddDate(0, 1, 0)
	a.give(credit.Purchase, 10, now, nil)                   // 6: last
	a.give(credit.Subscription, 10, now, nil)               // 5: never expires
	a.give(credit.Subscription, 10, now, &month)            // 4: later
	a.give(credit.Subscription, 10, now, &week)             // 2: sooner, then older
	a.give(credit.Subscription, 10, now, &week)             // 3: the same instant, so by id
	a.give(credit.Trial, 10, now.Add(-time.Minute), &month) // 1: what was given burns first
	for i, want := range []string{
		"10 10 10 10 10 5", "10 10 10 10 10 0", "10 10 10 5 10 0", "10 10 10 0 10 0", "10 10 10 0 5 0", "10 10 10 0 0 0",
		"10 10 5 0 0 0", "10 10 0 0 0 0", "10 5 0 0 0 0", "10 0 0 0 0 0", "5 0 0 0 0 0", "0 0 0 0 0 0",
	} {
		did2(t)(a.spend(now, credit.ImageGeneration, 1, strings.Repeat("k", i+1)))
		if got := a.left(); got != want {
			t.Fatalf("after %d: %s, want %s", i+1, got, want)
		}
	}
	a.sound()
}
