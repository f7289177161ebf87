package site_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/change"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/plan"
	"igny8.com/accounts/internal/postgres/pgtest"
	"igny8.com/accounts/internal/site"
)

func TestCreate_WritesSiteGrantAndAuditEvent(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a := newTenant(t, db, growth)
	editor := a.person(account.Editor)

	made, err := site.Create(a.ctx(), db.App, editor, now, site.NewSite{
		Name: "  Home & Garden Site ", Domain: "https://www.Example.com/shop", IndustryID: new(garden),
	})
	if err != nil {
		t.Fatal(err)
	}
	if made.Name != "Home & Garden Site" || made.Slug != "home-garden-site" || made.Domain != "www.example.com" ||
		*made.IndustryID != garden || made.Status != site.Active || !made.Active || made.TenantID != a.id || made.ID == 0 ||
		!made.CreatedAt.Equal(now) || !made.UpdatedAt.Equal(now) {
		t.Errorf("made %+v", made)
	}
	// An editor sees the site because it was granted, and sees what was returned.
	found, err := site.ByIDs(a.ctx(), db.App, site.ReachOf(editor), []gid.Site{made.ID})
	if err != nil || len(found) != 1 {
		t.Fatalf("the creator finds %d sites: %v", len(found), err)
	}
	if read := found[0]; read.Name != made.Name || read.Slug != made.Slug || read.Domain != made.Domain ||
		*read.IndustryID != garden || read.Status != made.Status || !read.CreatedAt.Equal(made.CreatedAt) {
		t.Errorf("read %+v, made %+v", read, made)
	}
	want := `site.created {"name": "Home & Garden Site", "slug": "home-garden-site", "active": true, "domain": "www.example.com", ` +
		`"status": "active", "industryId": "ind_2"}`
	if got := a.events(); len(got) != 1 || got[0] != want {
		t.Errorf("the audit log has %q, want %q", got, want)
	}
}

func TestCreate_TellsAllFaultsAtOnceAndWritesNothing(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a := newTenant(t, db, enterprise)
	taken := a.site("Taken", nil)
	exec(t, db, `UPDATE igny8_sites SET slug = 'taken' WHERE id = ?`, taken)
	exec(t, db, `UPDATE igny8_industries SET is_active = false WHERE id = ?`, health)
	a.owner.Plan = nil // the actor's plan is not what is asked

	for _, test := range []struct {
		in   site.NewSite
		want []string
	}{
		{
			site.NewSite{Name: " ", Domain: "", Slug: new(""), IndustryID: new(gid.Industry(999))},
			[]string{"REQUIRED at name", "REQUIRED at domain", "REQUIRED at slug", "NOT_FOUND at industryId"},
		},
		{
			site.NewSite{Name: "a\nb", Domain: "localhost", Slug: new("Not A Slug"), IndustryID: new(health)},
			[]string{"INVALID at name", "INVALID at domain", "INVALID at slug", "INVALID at industryId"},
		},
		{
			site.NewSite{
				Name: strings.Repeat("é", 101), Domain: strings.Repeat("a.", 200) + "com", Slug: new(strings.Repeat("a", 61)),
			},
			[]string{"TOO_LONG at name", "TOO_LONG at domain", "TOO_LONG at slug"},
		},
		{
			site.NewSite{Name: "Fine", Domain: "1.2.3.4", Slug: new("taken")},
			[]string{"INVALID at domain", "TAKEN at slug"},
		},
		{site.NewSite{Name: "\xff", Domain: "example.com"}, []string{"INVALID at name"}},
	} {
		_, err := site.Create(a.ctx(), db.App, a.owner, now, test.in)
		wants(t, err, test.want...)
	}
	if n := count(t, db, `SELECT count(*) FROM igny8_sites`); n != 1 {
		t.Errorf("%d sites, want the fixture's alone", n)
	}
	if events := a.events(); len(events) != 0 {
		t.Errorf("refusals left events: %q", events)
	}
}

func TestCreate_AcceptsTheLongestNameAndSlug(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a := newTenant(t, db, enterprise)
	in := site.NewSite{Name: strings.Repeat("é", 100), Domain: "example.com"}
	for i, want := range []string{strings.Repeat("e", 60), strings.Repeat("e", 58) + "-2", strings.Repeat("e", 58) + "-3"} {
		made, err := site.Create(a.ctx(), db.App, a.owner, now, in)
		if err != nil || made.Slug != want {
			t.Fatalf("site %d has the slug %q, want %q: %v", i+1, made.Slug, want, err)
		}
	}
	in.Slug = new(strings.Repeat("a", 60))
	if _, err := site.Create(a.ctx(), db.App, a.owner, now, in); err != nil {
		t.Error(err)
	}
}

func TestCreate_StopsAtThePlansLimit(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a := newTenant(t, db, starter)
	in := site.NewSite{Name: "Shop", Domain: "example.com", Slug: new("shop")}
	made, err := site.Create(a.ctx(), db.App, a.owner, now, in)
	if err != nil {
		t.Fatal(err)
	}
	// The very same request meets the limit, not its own slug.
	_, err = site.Create(a.ctx(), db.App, a.owner, now, in)
	wants(t, err, "PLAN_LIMIT_REACHED")
	if f := fault.Of(err); len(f) != 1 || f[0].Details["limit"] != 1 || f[0].Details["used"] != 1 {
		t.Errorf("the fault has the details %v", f)
	}
	// A site that is not in use counts; one that is deleted does not, and its slug is free.
	if _, err := site.Update(a.ctx(), db.App, a.owner, now, site.Changes{SiteID: made.ID, Active: change.To(false)}); err != nil {
		t.Fatal(err)
	}
	_, err = site.Create(a.ctx(), db.App, a.owner, now, in)
	wants(t, err, "PLAN_LIMIT_REACHED")
	a.remove(made.ID)
	if _, err := site.Create(a.ctx(), db.App, a.owner, now, in); err != nil {
		t.Errorf("after the site was deleted: %v", err)
	}
}

func TestCreate_GoesByTheAccountsPlanNotTheActors(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a := newTenant(t, db, starter)
	a.site("One", nil)
	// What the actor knew when the request began is out of date.
	a.owner.Account.PlanID = enterprise
	a.owner.Plan = &plan.Plan{ID: enterprise, MaxSites: 20, Features: []plan.Feature{plan.Unlimited}}
	_, err := site.Create(a.ctx(), db.App, a.owner, now, site.NewSite{Name: "Two", Domain: "example.com"})
	wants(t, err, "PLAN_LIMIT_REACHED")
}

func TestCreate_HasNoLimitOnAnUnlimitedPlan(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a := newTenant(t, db, enterprise)
	exec(t, db, `INSERT INTO igny8_sites (tenant_id, name, slug) SELECT ?, 'S', 's-' || n FROM generate_series(1, 25) n`, a.id)
	if _, err := site.Create(a.ctx(), db.App, a.owner, now, site.NewSite{Name: "S", Domain: "example.com"}); err != nil {
		t.Errorf("with 25 sites of 20: %v", err)
	}
}

func TestCreate_KeepsThePlansLimitUnderFiftyAtOnce(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, pgtest.WithMaxConns(16))
	a := newTenant(t, db, growth)
	editor := a.person(account.Editor)
	got := tally(t, race(50, func(i int) error {
		actor := a.owner
		if i%2 == 0 {
			actor = editor
		}
		_, err := site.Create(a.ctx(), db.App, actor, now, site.NewSite{Name: "Same name", Domain: "example.com"})
		return err
	}))
	if got["ok"] != 3 || got["PLAN_LIMIT_REACHED"] != 47 {
		t.Errorf("50 at once on a plan for 3: %v", got)
	}
	if n := count(t, db, `SELECT count(*) FROM igny8_sites WHERE tenant_id = ?`, a.id); n != 3 {
		t.Errorf("%d sites were written", n)
	}
	if events := a.events(); len(events) != 3 {
		t.Errorf("%d audit events of 3 sites", len(events))
	}
}

func TestCreate_MakesUniqueSlugsUnderTwentyAtOnce(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, pgtest.WithMaxConns(16))
	a := newTenant(t, db, enterprise)
	slugs := make([]string, 20)
	for _, err := range race(20, func(i int) error {
		made, err := site.Create(a.ctx(), db.App, a.owner, now, site.NewSite{Name: "My Shop", Domain: "example.com"})
		if err == nil {
			slugs[i] = made.Slug
		}
		return err
	}) {
		if err != nil {
			t.Error(err)
		}
	}
	want := []string{"my-shop"}
	for n := 2; n <= 20; n++ {
		want = append(want, fmt.Sprintf("my-shop-%d", n))
	}
	slices.Sort(want)
	slices.Sort(slugs)
	if !slices.Equal(slugs, want) {
		t.Errorf("the slugs are %q", slugs)
	}
}

func TestCreate_GivesAChosenSlugToOneOfTwentyAtOnce(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, pgtest.WithMaxConns(16))
	a := newTenant(t, db, enterprise)
	got := tally(t, race(20, func(int) error {
		_, err := site.Create(a.ctx(), db.App, a.owner, now, site.NewSite{Name: "S", Domain: "example.com", Slug: new("mine")})
		return err
	}))
	if got["ok"] != 1 || got["TAKEN"] != 19 {
		t.Errorf("20 at once for one slug: %v", got)
	}
}

func TestCreate_RefusesTheSlugOfASiteThatTheActorCannotSee(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a, b := newTenant(t, db, enterprise), newTenant(t, db, enterprise)
	in := site.NewSite{Name: "Shop", Domain: "example.com", Slug: new("shop")}
	if _, err := site.Create(a.ctx(), db.App, a.owner, now, in); err != nil {
		t.Fatal(err)
	}
	editor := a.person(account.Editor)
	_, err := site.Create(a.ctx(), db.App, editor, now, in)
	wants(t, err, "TAKEN at slug")
	in.Slug = nil
	if made, err := site.Create(a.ctx(), db.App, editor, now, in); err != nil || made.Slug != "shop-2" {
		t.Errorf("made %+v: %v", made, err)
	}
	in.Slug = new("shop")
	if _, err := site.Create(b.ctx(), db.App, b.owner, now, in); err != nil {
		t.Errorf("another account cannot have the slug: %v", err)
	}
}

// A writer that does not take the account's lock is not seen until it commits: then the index
// speaks, and is understood.
func TestCreate_AnswersTakenWhenTheIndexRefuses(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a := newTenant(t, db, enterprise)
	other, err := db.Admin.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Rollback() }()
	if _, err := other.NewRaw(`INSERT INTO igny8_sites (tenant_id, name, slug) VALUES (?, 'S', 'mine')`, a.id).Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := site.Create(a.ctx(), db.App, a.owner, now, site.NewSite{Name: "S", Domain: "example.com", Slug: new("mine")})
		done <- err
	}()
	waitForLocks(t, db, 1)
	if err := other.Commit(); err != nil {
		t.Fatal(err)
	}
	wants(t, <-done, "TAKEN at slug")
}

func TestCreate_LeavesNothingWhenACommandFailsMidway(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a := newTenant(t, db, growth)
	exec(t, db, `REVOKE INSERT ON igny8_audit_events FROM igny8_app`)
	_, err := site.Create(a.ctx(), db.App, a.owner, now, site.NewSite{Name: "S", Domain: "example.com"})
	if err == nil || fault.Of(err) != nil {
		t.Fatalf("without the right to write the audit log: %v", err)
	}
	if n := count(t, db, `SELECT (SELECT count(*) FROM igny8_sites) + (SELECT count(*) FROM igny8_site_user_access)`); n != 0 {
		t.Errorf("%d rows of a site that was not made", n)
	}
}

func TestCreate_RefusesADeletedAccountAndNobody(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a := newTenant(t, db, growth)
	in := site.NewSite{Name: "S", Domain: "example.com"}
	_, err := site.Create(a.ctx(), db.App, account.Actor{}, now, in)
	wants(t, err, "NOT_FOUND")
	exec(t, db, `UPDATE igny8_tenants SET deleted_at = now(), restore_until = now() WHERE id = ?`, a.id)
	_, err = site.Create(a.ctx(), db.App, a.owner, now, in)
	wants(t, err, "NOT_FOUND")
}
