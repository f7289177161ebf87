package credit_test

import (
	"context"
	"strconv"
	"testing"
	"time"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/credit"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres/pgtest"
)

// budget sets a site's budget, which has to succeed.
func (a *tenant) budget(site gid.Site, monthly *int64) *credit.SiteBudget {
	a.t.Helper()
	set, err := credit.SetBudget(a.ctx(), a.db.App, a.owner, now, anySite, site, monthly)
	if err != nil {
		a.t.Fatal(err)
	}
	return set
}

func TestBudget_AHundredAtOnceNeverExceedIt(t *testing.T) {
	t.Parallel()
	a := newTenant(t, pgtest.New(t))
	a.give(credit.Purchase, 10_000, now, nil)
	site, other := a.site("limited"), a.site("free")
	key := account.Actor{Key: &account.Key{TenantID: a.id, ID: 7, SiteID: site}, Account: a.owner.Account, Plan: a.owner.Plan}
	a.budget(site, new(int64(305)))
	got := together(140, func(i int) (err error) {
		quantity, id := int64(1), strconv.Itoa(i)
		switch {
		case i >= 100: // for another site and for none
			_, err = a.spendFor([]*gid.Site{&other, nil}[i%2], now, credit.Clustering, 1, id)
		case i%3 == 0:
			_, err = credit.Reserve(a.ctx(), a.db.App, a.owner, now, anySite,
				credit.Reservation{Operation: credit.Clustering, Quantity: 1, SiteID: &site, IdempotencyKey: id})
		case i%3 == 1: // an API key names no site
			_, err = credit.Spend(a.ctx(), a.db.App, key, now, anySite,
				credit.Spending{Operation: credit.Clustering, Quantity: &quantity, IdempotencyKey: id})
		default:
			_, err = a.spendFor(&site, now, credit.Clustering, 1, id)
		}
		return err
	})
	wantTally(t, got, map[string]int{"ok": 70, "BUDGET_EXCEEDED": 70})
	budgets, err := credit.Budgets(a.ctx(), a.db.App, a.id, []gid.Site{site, other}, now)
	if err != nil || len(budgets) != 1 {
		t.Fatalf("%v, %v", budgets, err)
	}
	if s := budgets[0]; s.Used+s.Held != 300 || s.Held == 0 || s.Left() != 5 || !s.ResetsAt.Equal(day(4, 1)) {
		t.Errorf("%+v", s)
	}
	a.sound()
}

func TestBudget_SaysWhatIsLeftAndCountsWhatIsHeldAndGivenBack(t *testing.T) {
	t.Parallel()
	a := newTenant(t, pgtest.New(t))
	a.give(credit.Purchase, 100, day(3, 1), nil)
	site := a.site("limited")
	// What was used in the month before the budget was set counts.
	first := did2(t)(a.spendFor(&site, day(3, 1), credit.Clustering, 1, "a"))
	a.budget(site, new(int64(25)))
	held := did2(t)(credit.Reserve(a.ctx(), a.db.App, a.owner, now, anySite,
		credit.Reservation{Operation: credit.Clustering, Quantity: 1, SiteID: &site, IdempotencyKey: "b"}))
	before := a.rows()
	_, err := a.spendFor(&site, now, credit.IdeaGeneration, 3, "c")
	f := refused(t, err, fault.BudgetExceeded, "siteId")
	if b := credit.Budget(f); b.Required != 6 || b.Available != 5 || !f.Correctable() {
		t.Errorf("%+v", b)
	}
	if after := a.rows(); after != before {
		t.Errorf("a refused spend wrote\n%s\nbefore\n%s", after, before)
	}
	// More than the account has at all: both are told.
	_, err = a.spendFor(&site, now, credit.IdeaGeneration, 60, "d")
	if faults := fault.Of(err); len(faults) != 2 || faults[0].Code != fault.InsufficientCredits || faults[1].Code != fault.BudgetExceeded {
		t.Errorf("%v", err)
	}
	// A hold that is captured is used and not held any more, and one that is over is neither.
	did2(t)(a.capture(now, held.Hold.ID, nil, "e"))
	did2(t)(credit.Reserve(a.ctx(), a.db.App, a.owner, now, anySite,
		credit.Reservation{Operation: credit.ContentGeneration, Quantity: 500, SiteID: &site, IdempotencyKey: "f"}))
	_, err = a.spendFor(&site, now, credit.ContentGeneration, 1, "g")
	refused(t, err, fault.BudgetExceeded, "siteId")
	later := now.Add(credit.DefaultHoldTime)
	budgets, err := credit.Budgets(a.ctx(), a.db.App, a.id, []gid.Site{site}, later) // before anybody closed it
	if err != nil || len(budgets) != 1 || budgets[0].Held != 0 || budgets[0].Left() != 5 {
		t.Errorf("%+v, %v", budgets, err)
	}
	did2(t)(a.spendFor(&site, later, credit.ContentGeneration, 500, "g"))
	// What is given back can be spent again; so can everything when the month is over.
	did2(t)(a.refund(later, first.Transaction.ID, nil, "h"))
	did2(t)(a.spendFor(&site, later, credit.Clustering, 1, "i"))
	_, err = a.spendFor(&site, day(4, 1).Add(-time.Microsecond), credit.ContentGeneration, 1, "j")
	refused(t, err, fault.BudgetExceeded, "siteId")
	did2(t)(a.spendFor(&site, day(4, 1), credit.Clustering, 1, "k"))
	a.sound()
}

func TestSetBudget_ChangesLiftsAndTells(t *testing.T) {
	t.Parallel()
	a := newTenant(t, pgtest.New(t))
	a.give(credit.Purchase, 100, now, nil)
	one, two := a.site("one"), a.site("two")
	if set := a.budget(one, new(int64(0))); set.MonthlyCredits != 0 || set.Left() != 0 || set.SiteID != one || set.Tenant() != a.id {
		t.Errorf("%+v", set)
	}
	_, err := a.spendFor(&one, now, credit.ContentGeneration, 1, "a")
	refused(t, err, fault.BudgetExceeded, "siteId")
	a.budget(two, new(int64(7)))
	a.budget(one, new(int64(9)))
	before := a.rows()
	a.budget(one, new(int64(9)))
	if after := a.rows(); after != before {
		t.Errorf("no change wrote\n%s\nbefore\n%s", after, before)
	}
	if set := a.budget(one, nil); set != nil {
		t.Errorf("%+v", set)
	}
	did2(t)(a.spendFor(&one, now, credit.Clustering, 1, "b"))
	// The other site's stays.
	_, err = a.spendFor(&two, now, credit.Clustering, 1, "c")
	refused(t, err, fault.BudgetExceeded, "siteId")
	a.budget(two, nil)
	did2(t)(a.spendFor(&two, now, credit.Clustering, 1, "c"))
	var told string
	a.scan(&told, `SELECT string_agg(concat(subject_type, subject_id = ?1, before->>'monthlyCredits', '>', after->>'monthlyCredits'), ' ' ORDER BY id)
		FROM igny8_audit_events WHERE tenant_id = ?0 AND action = 'site.budget_changed'`, a.id, one)
	if told != "sitet>0 sitef>7 sitet0>9 sitet9> sitef7>" {
		t.Errorf("%s", told)
	}
	a.sound()
}

func TestSetBudget_RefusesWhatIsNoBudgetOrNoSite(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a, b := newTenant(t, db), newTenant(t, db)
	site, foreign := a.site("one"), b.site("two")
	for _, n := range []int64{-1, credit.MaxBudget + 1} {
		_, err := credit.SetBudget(a.ctx(), a.db.App, a.owner, now, anySite, site, &n)
		refused(t, err, fault.Invalid, "monthlyCredits")
	}
	_, err := credit.SetBudget(a.ctx(), a.db.App, a.owner, now, noneReached, site, new(int64(1)))
	refused(t, err, fault.NotFound, "siteId")
	// Past the first wall, the database has no such key.
	_, err = credit.SetBudget(a.ctx(), a.db.App, a.owner, now, anySite, foreign, new(int64(1)))
	refused(t, err, fault.NotFound, "siteId")
	var n int
	a.scan(&n, `SELECT count(*) FROM igny8_site_budgets`)
	if n != 0 {
		t.Errorf("%d budgets", n)
	}
}

func TestVerify_FindsABudgetThatIsNotMarked(t *testing.T) {
	t.Parallel()
	a := newTenant(t, pgtest.New(t))
	a.budget(a.site("one"), new(int64(1)))
	a.sound()
	a.exec(`UPDATE igny8_credit_accounts SET has_budgets = false`)
	v, err := credit.Verify(a.ctx(), a.db.App, a.id)
	if err != nil || len(v.Problems) != 1 || v.Problems[0].Check != "budget.marked" {
		t.Errorf("%+v, %v", v, err)
	}
}

func noneReached(context.Context, gid.Site) (bool, error) { return false, nil }
