package credit_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/credit"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/postgres/cluster"
	"igny8.com/accounts/internal/postgres/pgtest"
	"igny8.com/accounts/migrations"
)

func day(month time.Month, day int) time.Time {
	return time.Date(2026, month, day, 0, 0, 0, 0, time.UTC)
}

func (a *tenant) site(slug string) (id gid.Site) {
	a.t.Helper()
	a.scan(&id, `INSERT INTO igny8_sites (tenant_id, name, slug) VALUES (?, 'Site', ?) RETURNING id`, a.id, slug)
	return id
}

// spendFor spends for a site; nil for none.
func (a *tenant) spendFor(site *gid.Site, at time.Time, op credit.Operation, quantity int64, key string) (*credit.Result, error) {
	return credit.Spend(a.ctx(), a.db.App, a.owner, at, anySite,
		credit.Spending{Operation: op, Quantity: &quantity, SiteID: site, IdempotencyKey: key})
}

// used is an account's use as text, a bucket a word.
func (a *tenant) used(reached credit.Reached, in credit.UsageQuery) string {
	a.t.Helper()
	buckets, err := credit.Usage(a.ctx(), a.db.App, a.id, reached, in)
	if err != nil {
		a.t.Fatal(err)
	}
	words := make([]string, len(buckets))
	for i, u := range buckets {
		name := "none"
		switch {
		case u.Operation != nil:
			name = string(*u.Operation)
		case u.SiteID != nil:
			name = gid.Format(*u.SiteID)
		case u.Start != nil:
			name = u.Start.Format(time.RFC3339)
		}
		words[i] = fmt.Sprintf("%s:%d-%d/%d", name, u.Credits+u.Refunded, u.Refunded, u.Operations)
		if u.Quantity != nil {
			words[i] += "x" + strconv.FormatInt(*u.Quantity, 10)
		}
		if u.Tenant() != a.id {
			a.t.Errorf("%+v", u)
		}
	}
	return strings.Join(words, " ")
}

func allSites(_ context.Context, ids []gid.Site) ([]gid.Site, error) { return ids, nil }

// history is an account with use on two sites and none, over two months, some of it given back.
func history(t *testing.T) (a *tenant, one, two gid.Site) {
	t.Helper()
	a = newTenant(t, pgtest.New(t))
	a.give(credit.Purchase, 1000, day(2, 1), nil)
	one, two = a.site("one"), a.site("two")
	failed := did2(t)(a.spendFor(&one, day(2, 28).Add(24*time.Hour-time.Microsecond), credit.ContentGeneration, 950, "a")) // 10
	did2(t)(a.spendFor(&two, day(3, 1), credit.ContentGeneration, 100, "b"))                                               // 1
	did2(t)(a.spendFor(&two, day(3, 1), credit.Clustering, 1, "c"))                                                        // 10
	did2(t)(a.spendFor(nil, day(3, 30).Add(time.Hour), credit.IdeaGeneration, 7, "d"))                                     // 14
	did2(t)(a.refund(day(3, 30).Add(2*time.Hour), failed.Transaction.ID, new(int64(4)), "e"))
	did2(t)(a.refund(day(3, 31), failed.Transaction.ID, nil, "f"))
	held := did2(t)(credit.Reserve(a.ctx(), a.db.App, a.owner, day(3, 31), anySite,
		credit.Reservation{Operation: credit.ImageGeneration, Quantity: 3, SiteID: &one, IdempotencyKey: "g"}))
	did2(t)(a.capture(day(3, 31), held.Hold.ID, new(int64(2)), "h")) // 10
	did2(t)(credit.Adjust(a.ctx(), a.db.App, a.owner, day(3, 31),
		credit.Adjusting{AccountID: a.id, Amount: -50, Reason: "no use", IdempotencyKey: "i"}))
	a.sound()
	return a, one, two
}

func TestUsage_AddsUpByOperationSiteDayAndMonth(t *testing.T) {
	t.Parallel()
	a, one, two := history(t)
	first, second := gid.Format(one), gid.Format(two)
	for name, c := range map[string]struct {
		in   credit.UsageQuery
		want string
	}{
		"operations": {
			credit.UsageQuery{From: day(2, 1), To: day(4, 1), By: credit.ByOperation},
			"clustering:10-0/1x1 content_generation:11-10/2x1050 idea_generation:14-0/1x7 image_generation:10-0/1x2",
		},
		"sites":           {credit.UsageQuery{From: day(2, 1), To: day(4, 1), By: credit.BySite}, second + ":11-0/2 " + first + ":20-10/2 none:14-0/1"},
		"days":            {credit.UsageQuery{From: day(3, 1), To: day(3, 31), By: credit.ByDay}, "2026-03-01T00:00:00Z:11-0/2 2026-03-30T00:00:00Z:14-4/1"},
		"the last moment": {credit.UsageQuery{From: day(2, 28), To: day(3, 1), By: credit.ByDay}, "2026-02-28T00:00:00Z:10-0/1"},
		"months":          {credit.UsageQuery{From: day(2, 1), To: day(4, 1), By: credit.ByMonth}, "2026-02-01T00:00:00Z:10-0/1 2026-03-01T00:00:00Z:35-10/4"},
		"one site":        {credit.UsageQuery{From: day(2, 1), To: day(4, 1), By: credit.ByOperation, Site: &one}, "content_generation:10-10/1x950 image_generation:10-0/1x2"},
		"one operation": {
			credit.UsageQuery{From: day(2, 1), To: day(4, 1), By: credit.ByMonth, Operation: new(credit.ContentGeneration)},
			"2026-02-01T00:00:00Z:10-0/1x950 2026-03-01T00:00:00Z:1-10/1x100",
		},
		"nothing": {credit.UsageQuery{From: day(4, 1), To: day(5, 1), By: credit.BySite}, ""},
	} {
		if got := a.used(allSites, c.in); got != c.want {
			t.Errorf("%s:\n%s, want\n%s", name, got, c.want)
		}
	}
	// The database's own wall away, it is still this account's use alone.
	other := newTenant(t, a.db)
	got, err := credit.Usage(t.Context(), a.db.Admin, other.id, allSites, credit.UsageQuery{From: day(2, 1), To: day(4, 1), By: credit.ByOperation})
	if err != nil || len(got) != 0 {
		t.Errorf("another account sees %v, %v", got, err)
	}
}

func TestUsage_PutsSitesOutOfReachToThoseWithoutASite(t *testing.T) {
	t.Parallel()
	a, one, two := history(t)
	in := credit.UsageQuery{From: day(2, 1), To: day(4, 1), By: credit.BySite}
	only := func(kept ...gid.Site) credit.Reached {
		return func(_ context.Context, ids []gid.Site) ([]gid.Site, error) {
			return slices.DeleteFunc(slices.Clone(ids), func(id gid.Site) bool { return !slices.Contains(kept, id) }), nil
		}
	}
	if got, want := a.used(only(one), in), gid.Format(one)+":20-10/2 none:25-0/3"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got, want := a.used(only(two), in), gid.Format(two)+":11-0/2 none:34-10/3"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got := a.used(only(), in); got != "none:45-10/5" {
		t.Errorf("%s", got)
	}
}

func TestUsage_RefusesWhatIsNoRangeOfDays(t *testing.T) {
	t.Parallel()
	a := newTenant(t, pgtest.New(t))
	for name, c := range map[string]struct {
		in    credit.UsageQuery
		field string
	}{
		"backwards":         {credit.UsageQuery{From: day(3, 2), To: day(3, 1), By: credit.ByDay}, "to"},
		"empty":             {credit.UsageQuery{From: day(3, 1), To: day(3, 1), By: credit.ByDay}, "to"},
		"too long":          {credit.UsageQuery{From: day(3, 1), To: day(3, 1).AddDate(0, 0, 367), By: credit.ByDay}, "to"},
		"a part of a day":   {credit.UsageQuery{From: day(3, 1).Add(time.Hour), To: day(3, 3), By: credit.ByDay}, "from"},
		"an end in a day":   {credit.UsageQuery{From: day(3, 1), To: day(3, 3).Add(time.Microsecond), By: credit.ByDay}, "to"},
		"an unknown way to": {credit.UsageQuery{From: day(3, 1), To: day(3, 3), By: "weather"}, "groupBy"},
	} {
		_, err := credit.Usage(a.ctx(), a.db.App, a.id, allSites, c.in)
		if f := fault.Of(err); len(f) != 1 || f[0].Code != fault.BadUserInput || fmt.Sprint(f[0].Field) != "["+c.field+"]" {
			t.Errorf("%s: %v", name, err)
		}
	}
	a.used(allSites, credit.UsageQuery{From: day(3, 1), To: day(3, 1).AddDate(0, 0, 366), By: credit.ByDay})
}

func TestVerify_FindsUseThatItsLinesDoNotMake(t *testing.T) {
	t.Parallel()
	for name, plant := range map[string]string{
		"a sum":         `UPDATE igny8_credit_usage_days SET deducted = deducted + 1 WHERE day = '2026-02-28'`,
		"a count":       `UPDATE igny8_credit_usage_days SET operations = operations + 1 WHERE day = '2026-02-28'`,
		"a missing day": `DELETE FROM igny8_credit_usage_days WHERE day = '2026-02-28'`,
		"another day":   `UPDATE igny8_credit_usage_days SET day = '2026-02-27' WHERE day = '2026-02-28'`,
	} {
		a, _, _ := history(t)
		a.exec(plant)
		v, err := credit.Verify(a.ctx(), a.db.App, a.id)
		if err != nil {
			t.Fatal(err)
		}
		if len(v.Problems) == 0 || v.Problems[len(v.Problems)-1].Check != "usage.day" || !strings.Contains(v.Problems[0].Row, "2026-02-2") {
			t.Errorf("%s is not found: %v", name, v.Problems)
		}
	}
}

func TestUsage_OfLinesWrittenElsewhereIsSummedUpAlike(t *testing.T) {
	t.Parallel()
	a, _, _ := history(t)
	a.exec(`DELETE FROM igny8_credit_usage_days`)
	a.in(func(ctx context.Context, tx bun.Tx) error { return credit.SumUsage(ctx, tx, a.id) })
	a.sound()
}

// A database that had ledgers before use was summed up has all of it afterwards.
func TestMigration_SumsUpTheUseThatWas(t *testing.T) {
	t.Parallel()
	a, _, _ := history(t)
	a.give(credit.Trial, 1234, day(3, 31), nil)
	var steps int
	a.scan(&steps, `SELECT count(*) FROM igny8_migrations WHERE name >= '0018'`)
	cfg := postgres.Config{URL: a.db.URL(cluster.Superuser)}
	if _, err := postgres.MigrateDown(t.Context(), cfg, migrations.FS, steps); err != nil {
		t.Fatal(err)
	}
	if _, err := postgres.MigrateUp(t.Context(), cfg, migrations.FS); err != nil {
		t.Fatal(err)
	}
	a.sound()
	var below string
	a.scan(&below, `SELECT concat_ws(' ', low_below, low_since IS NULL) FROM igny8_credit_accounts WHERE tenant_id = ?`, a.id)
	if below != "124 t" {
		t.Errorf("low below %s", below)
	}
}
