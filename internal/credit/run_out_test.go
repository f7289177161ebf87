package credit_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"igny8.com/accounts/internal/credit"
	"igny8.com/accounts/internal/postgres/pgtest"
)

// anyGrants draws grants in the order in which they burn, as the package reads them.
func anyGrants(rt *rapid.T) []*credit.Grant {
	grants := make([]*credit.Grant, rapid.IntRange(0, 6).Draw(rt, "grants"))
	for i := range grants {
		g := &credit.Grant{Remaining: rapid.Int64Range(1, 40).Draw(rt, "left"), Priority: rapid.IntRange(1, 3).Draw(rt, "priority")}
		if rapid.Bool().Draw(rt, "expires") {
			end := now.Add(time.Duration(rapid.IntRange(-5, 90).Draw(rt, "seconds")) * time.Second)
			g.ExpiresAt = &end
		}
		grants[i] = g
	}
	far := now.AddDate(100, 0, 0)
	end := func(g *credit.Grant) time.Time {
		if g.ExpiresAt == nil {
			return far
		}
		return *g.ExpiresAt
	}
	slices.SortStableFunc(grants, func(a, b *credit.Grant) int {
		if d := a.Priority - b.Priority; d != 0 {
			return d
		}
		return end(a).Compare(end(b))
	})
	return grants
}

// slowly takes a credit a second, one second after the other.
func slowly(grants []*credit.Grant, held int64) time.Time {
	left := make([]int64, len(grants))
	over := func(i int, at time.Time) bool { return grants[i].ExpiresAt != nil && !grants[i].ExpiresAt.After(at) }
	for i, g := range grants {
		left[i] = g.Remaining
	}
	for _, first := range []bool{true, false} {
		for i := range grants {
			for ; held > 0 && left[i] > 0 && over(i, now) == first; held-- {
				left[i]--
			}
		}
	}
	for at := now; ; at = at.Add(time.Second) {
		found := false
		for i := range grants {
			if left[i] > 0 && !over(i, at) {
				left[i]--
				found = true
				break
			}
		}
		if !found {
			return at
		}
	}
}

func TestProject_SaysWhatTakingACreditASecondComesTo(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		grants, held := anyGrants(rt), rapid.Int64Range(0, 60).Draw(rt, "held")
		got := credit.Project(grants, held, credit.Rate{Credits: 1, Per: time.Second}, now)
		want := slowly(grants, held)
		if got == nil || got.Before(now) || got.Sub(want.Truncate(time.Second)).Abs() > time.Second {
			rt.Fatalf("%v, want %v", got, want)
		}
	})
}

func TestProject_ComesNearerWithEachExpiryAndFurtherWithEachCredit(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		grants := anyGrants(rt)
		rate := credit.Rate{Credits: rapid.Int64Range(1, 500).Draw(rt, "credits"), Per: time.Duration(rapid.IntRange(1, 400).Draw(rt, "seconds")) * time.Second}
		at := *credit.Project(grants, 0, rate, now)
		faster := *credit.Project(grants, 0, credit.Rate{Credits: rate.Credits + 1, Per: rate.Per}, now)
		held := *credit.Project(grants, 1, rate, now)
		more := *credit.Project(append(slices.Clone(grants), &credit.Grant{Remaining: 5, Priority: 9}), 0, rate, now)
		forever := make([]*credit.Grant, len(grants))
		var total int64
		for i, g := range grants {
			c := *g
			if c.ExpiresAt == nil || c.ExpiresAt.After(now) {
				total += c.Remaining
				c.ExpiresAt = nil
			}
			forever[i] = &c
		}
		never := *credit.Project(forever, 0, rate, now)
		if faster.After(at) || held.After(at) || more.Before(at) || never.Before(at) {
			rt.Fatalf("%v; faster %v, held %v, more %v, never expiring %v", at, faster, held, more, never)
		}
		plain := now.Add(time.Duration(float64(total) / float64(rate.Credits) * float64(rate.Per)))
		if never.Sub(plain).Abs() > time.Second {
			rt.Fatalf("%v without expiry, want %v", never, plain)
		}
	})
}

func TestProject_SaysNothingOfWhatIsNotUsedOrFarAway(t *testing.T) {
	t.Parallel()
	grants := []*credit.Grant{{Remaining: 366}}
	for name, rate := range map[string]credit.Rate{
		"nothing used": {Per: time.Hour}, "more given back": {Credits: -1, Per: time.Hour}, "beyond a year": {Credits: 1, Per: 24 * time.Hour},
	} {
		if at := credit.Project(grants, 0, rate, now); at != nil {
			t.Errorf("%s: %v", name, at)
		}
	}
	grants[0].Remaining = 365
	if at := credit.Project(grants, 0, credit.Rate{Credits: 1, Per: 24 * time.Hour}, now); at == nil || at.Before(now.AddDate(0, 0, 364)) {
		t.Errorf("within a year: %v", at)
	}
}

func TestRunOut_GoesOnAsTheLastDaysWent(t *testing.T) {
	t.Parallel()
	a := newTenant(t, pgtest.New(t))
	at := func(want *time.Time, when time.Time) {
		t.Helper()
		got, err := credit.RunOut(a.ctx(), a.db.App, a.id, when)
		if err != nil || (got == nil) != (want == nil) || got != nil && (got.At == nil || got.At.Sub(*want).Abs() > time.Second) {
			t.Fatalf("%+v, %v; want %v", got, err, want)
		}
	}
	at(nil, day(3, 1)) // without a line
	a.give(credit.Purchase, 100, day(3, 1), nil)
	at(nil, day(3, 1))
	did2(t)(a.spend(day(3, 1).Add(time.Hour), credit.Clustering, 1, "a"))
	// A young account is judged by a day: 10 a day, 90 left.
	at(new(day(3, 1).Add(time.Hour+9*24*time.Hour)), day(3, 1).Add(time.Hour))
	rate := func(want float64, when time.Time) {
		t.Helper()
		if o, err := credit.RunOut(a.ctx(), a.db.App, a.id, when); err != nil || o.DailyRate() != want || o.Tenant() != a.id {
			t.Fatalf("%+v a day, %v; want %v", o, err, want)
		}
	}
	rate(10, day(3, 1).Add(time.Hour))
	rate(3.33, day(3, 4))
	// Four days later 10 in four days.
	at(new(day(3, 5).AddDate(0, 0, 36)), day(3, 5))
	// What is held counts as gone, what is given back as not used.
	held := did2(t)(a.reserve(day(3, 5), credit.Clustering, 1, "b"))
	at(new(day(3, 5).AddDate(0, 0, 32)), day(3, 5))
	did2(t)(a.release(day(3, 5), held.Hold.ID, "c"))
	// Credits that end before they are reached do not count: 50 burn first in 20 days, and end in 4.
	a.give(credit.Promotion, 50, day(3, 5), new(day(3, 9)))
	at(new(day(3, 9).AddDate(0, 0, 36)), day(3, 5))
	// When the spend is older than 28 days it says nothing any more.
	at(nil, day(3, 29))
}
