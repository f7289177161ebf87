package plan_test

import (
	"testing"

	"igny8.com/accounts/internal/plan"
	"igny8.com/accounts/internal/postgres/pgtest"
)

func TestLimits_AreLiftedByUnlimitedAlone(t *testing.T) {
	t.Parallel()
	p := &plan.Plan{MaxSites: 3, MaxUsers: 2, Features: []plan.Feature{plan.AIWriter}}
	if s, u := p.SiteLimit(), p.UserLimit(); s == nil || *s != 3 || u == nil || *u != 2 {
		t.Errorf("limits %v and %v", s, u)
	}
	p.Features = append(p.Features, plan.Unlimited)
	if p.SiteLimit() != nil || p.UserLimit() != nil {
		t.Error("unlimited has limits")
	}
}

// The catalogue that a new database starts with, written out once more.
func TestList_IsTheCatalogueOfANewDatabase(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	type row struct {
		name            string
		cents, credits  int64
		sites, users    int
		features, trial int
		selfServe       bool
	}
	want := map[string]row{
		"free-trial": {"Free Trial", 0, 2000, 1, 1, 2, 14, false},
		"free":       {"Free Plan", 0, 100, 1, 1, 0, 14, true},
		"starter":    {"Starter", 8900, 1000, 1, 2, 2, 14, true},
		"growth":     {"Growth", 13900, 2000, 3, 3, 3, 14, true},
		"scale":      {"Scale", 22900, 4000, 5, 5, 4, 14, true},
		"enterprise": {"Enterprise Plan", 0, 10000, 20, 10000, 5, 14, false},
	}
	plans, err := plan.List(t.Context(), db.App)
	if err != nil {
		t.Fatal(err)
	}
	if len(plans) != len(want) {
		t.Errorf("%d plans", len(plans))
	}
	var last int64
	for _, p := range plans {
		got := row{p.Name, p.PriceMinor, p.IncludedCredits, p.MaxSites, p.MaxUsers, len(p.Features), p.Trial(), p.SelfServe}
		if got != want[p.Slug] || p.Currency != "USD" || !p.Active {
			t.Errorf("%s: %+v, want %+v", p.Slug, got, want[p.Slug])
		}
		if p.PriceMinor < last {
			t.Errorf("%s is cheaper than the plan before it", p.Slug)
		}
		last = p.PriceMinor
	}
}
