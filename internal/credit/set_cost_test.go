package credit_test

import (
	"slices"
	"testing"
	"time"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/credit"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres/pgtest"
)

// staff makes an account whose one person is staff.
func staff(t *testing.T, db *pgtest.DB) *tenant {
	t.Helper()
	a := newTenant(t, db)
	a.owner.User.Role = account.Developer
	return a
}

func TestSetCost_TakesEffectFromItsInstantOn(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a, s := newTenant(t, db), staff(t, db)
	a.give(credit.Purchase, 100, now, nil)
	held := did2(t)(a.reserve(now, credit.ContentGeneration, 100, "a"))
	soon := now.Add(time.Minute)
	set, err := credit.SetCost(s.ctx(), db.App, s.owner, now, credit.Pricing{
		Operation: credit.ContentGeneration, Credits: 3, UnitSize: 50, EffectiveFrom: &soon,
	})
	if err != nil || set.Credits != 3 || set.UnitSize != 50 || !set.EffectiveFrom.Equal(soon) {
		t.Fatalf("%+v, %v", set, err)
	}
	// What comes is told of beside what is.
	for at, want := range map[time.Time][]int64{now: {1, 3}, soon.Add(-time.Microsecond): {1, 3}, soon: {3}} {
		all, err := credit.Costs(t.Context(), db.App, at)
		if err != nil {
			t.Fatal(err)
		}
		got := []int64{}
		for c := all[2]; c != nil; c = c.Next {
			got = append(got, c.Credits)
		}
		if !slices.Equal(got, want) || all[0].Next != nil {
			t.Errorf("at %s it costs %v, want %v", at, got, want)
		}
	}
	if r := did2(t)(a.spend(soon.Add(-time.Microsecond), credit.ContentGeneration, 100, "b")); r.Transaction.Amount != -1 {
		t.Errorf("before: %d", r.Transaction.Amount)
	}
	if r := did2(t)(a.spend(soon, credit.ContentGeneration, 100, "c")); r.Transaction.Amount != -6 {
		t.Errorf("from then on: %d", r.Transaction.Amount)
	}
	if r := did2(t)(a.capture(soon, held.Hold.ID, nil, "d")); r.Transaction.Amount != -1 {
		t.Errorf("what was set aside before: %d", r.Transaction.Amount)
	}
	_, err = credit.SetCost(s.ctx(), db.App, s.owner, now, credit.Pricing{
		Operation: credit.ContentGeneration, Credits: 4, UnitSize: 50, EffectiveFrom: &soon,
	})
	refused(t, err, fault.Taken, "effectiveFrom")
	if _, err = credit.SetCost(s.ctx(), db.App, s.owner, soon.Add(time.Hour), credit.Pricing{
		Operation: credit.ContentGeneration, Credits: 4, UnitSize: 50,
	}); err != nil {
		t.Fatal(err)
	}
	var told string
	s.scan(&told, `SELECT string_agg(concat(before->>'credits', '/', before->>'unitSize', '>', after->>'credits', '/', after->>'unitSize'), ' ' ORDER BY id)
		FROM igny8_audit_events WHERE tenant_id = ? AND action = 'credit.cost_changed'`, s.id)
	if told != "1/100>3/50 3/50>4/50" {
		t.Errorf("%s", told)
	}
}

func TestSetCost_RefusesAllButStaffAndWhatIsNoCost(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a, s := newTenant(t, db), staff(t, db)
	good := credit.Pricing{Operation: credit.ContentGeneration, Credits: 1, UnitSize: 1}
	acting := s.owner
	acting.Impersonation = &account.Impersonation{TenantID: a.id}
	for code, who := range map[fault.Code][]account.Actor{
		fault.Unauthenticated: {{}},
		fault.Forbidden:       {a.owner, acting, {Key: &account.Key{TenantID: a.id, ID: 7}, Account: a.owner.Account}},
	} {
		for _, actor := range who {
			_, err := credit.SetCost(s.ctx(), db.App, actor, now, good)
			refused(t, err, code, "")
		}
	}
	for name, c := range map[string]struct {
		change func(*credit.Pricing)
		field  string
	}{
		"an unknown operation": {func(p *credit.Pricing) { p.Operation = "thinking" }, "operation"},
		"for nothing":          {func(p *credit.Pricing) { p.Credits = 0 }, "credits"},
		"for too much":         {func(p *credit.Pricing) { p.Credits = credit.MaxUnitCredits + 1 }, "credits"},
		"of nothing":           {func(p *credit.Pricing) { p.UnitSize = 0 }, "unitSize"},
		"of too many":          {func(p *credit.Pricing) { p.UnitSize = credit.MaxQuantity + 1 }, "unitSize"},
		"of several calls":     {func(p *credit.Pricing) { p.Operation, p.UnitSize = credit.Clustering, 2 }, "unitSize"},
		"in the past":          {func(p *credit.Pricing) { p.EffectiveFrom = new(now.Add(-time.Microsecond)) }, "effectiveFrom"},
	} {
		in := good
		c.change(&in)
		_, err := credit.SetCost(s.ctx(), db.App, s.owner, now, in)
		if f := fault.Of(err); len(f) != 1 || f[0].Code != fault.Invalid || f[0].Field[0] != c.field {
			t.Errorf("%s: %v", name, err)
		}
	}
	var n int
	s.scan(&n, `SELECT (SELECT count(*) FROM igny8_credit_cost_config) + (SELECT count(*) FROM igny8_audit_events)`)
	if n != 0 {
		t.Errorf("%d rows were written", n)
	}
}

func TestGrantsOfLines_SaysWhereCreditsCameFrom(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a, other := newTenant(t, db), newTenant(t, db)
	a.give(credit.Purchase, 100, now, nil)
	a.give(credit.Trial, 4, now, nil)
	spent := did2(t)(a.spend(now, credit.Clustering, 1, "a")).Transaction
	back := did2(t)(a.refund(now, spent.ID, new(int64(7)), "b")).Transaction
	lines := []gid.CreditTransaction{spent.ID, back.ID}
	touched, err := credit.GrantsOfLines(a.ctx(), db.App, a.id, lines)
	if err != nil || len(touched) != 4 {
		t.Fatalf("%v, %v", touched, err)
	}
	for i, want := range []struct {
		line   gid.CreditTransaction
		kind   credit.Kind
		amount int64
	}{{spent.ID, credit.Trial, -4}, {spent.ID, credit.Purchase, -6}, {back.ID, credit.Trial, 1}, {back.ID, credit.Purchase, 6}} {
		l := touched[i]
		if l.TransactionID != want.line || l.Grant.Kind != want.kind || l.Grant.ID != l.GrantID || l.Amount != want.amount || l.Tenant() != a.id {
			t.Errorf("%d: %+v of %+v", i, l, l.Grant)
		}
	}
	for _, ids := range [][]gid.CreditTransaction{lines, nil} {
		if touched, err = credit.GrantsOfLines(other.ctx(), db.App, other.id, ids); err != nil || len(touched) != 0 {
			t.Errorf("%v, %v", touched, err)
		}
	}
}
