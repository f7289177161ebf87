package audit_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/audit"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/page"
	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/postgres/pgtest"
)

var now = time.Date(2026, 11, 22, 9, 30, 0, 123_456_000, time.UTC)

func tenant(t *testing.T, db *pgtest.DB, slug string) gid.Account {
	t.Helper()
	var id gid.Account
	err := db.Admin.NewRaw(`INSERT INTO igny8_tenants (name, slug, plan_id, status) SELECT ?0, ?0, id, 'active' FROM igny8_plans
		WHERE slug = 'starter' RETURNING id`, slug).Scan(t.Context(), &id)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func impersonation(t *testing.T, db *pgtest.DB, of gid.Account) *gid.Impersonation {
	t.Helper()
	var id gid.Impersonation
	err := db.Admin.NewRaw(`INSERT INTO igny8_impersonations (tenant_id, staff_tenant, staff_id, session_id, reason, created_at, expires_at)
		VALUES (?, 1, 5, 1, 'why', ?, ?) RETURNING id`, of, now, now.Add(time.Minute)).Scan(t.Context(), &id)
	if err != nil {
		t.Fatal(err)
	}
	return &id
}

func record(t *testing.T, db *pgtest.DB, of gid.Account, by audit.By, at time.Time, change audit.Change) {
	t.Helper()
	err := postgres.InTx(postgres.WithTenant(t.Context(), int64(of)), db.App, func(ctx context.Context, tx bun.Tx) error {
		return audit.Record(ctx, tx, of, by, at, change)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func by(kind audit.ActorKind, id int64) audit.By {
	return audit.By{Kind: kind, ID: &id, IP: "203.0.113.7", UserAgent: "curl/8", RequestID: "req-1"}
}

// names are a page's events by action and subject, newest first.
func names(c *audit.Connection) []string {
	found := []string{}
	for _, e := range c.Nodes() {
		found = append(found, e.Action+" "+e.SubjectID())
	}
	return found
}

func TestList_FindsWhatTheFilterSays(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	shop, other := tenant(t, db, "shop"), tenant(t, db, "other")
	under := by(audit.Staff, 5)
	under.Impersonation = impersonation(t, db, shop)
	for i, e := range []struct {
		of     gid.Account
		by     audit.By
		change audit.Change
	}{
		{shop, by(audit.User, 5), audit.On("site.created", "site", gid.Site(7))},
		{other, by(audit.User, 5), audit.On("site.created", "site", gid.Site(7))},
		{shop, by(audit.User, 6), audit.On("site.updated", "site", gid.Site(7))},
		{shop, by(audit.APIKey, 5), audit.On("sitemap.read", "site", gid.Site(8))},
		{shop, under, audit.On("sector.added", "sector", gid.Sector(7))},
		{shop, audit.By{Kind: audit.System}, audit.On("session.ended", "session", gid.Session(7))},
	} {
		record(t, db, e.of, e.by, now.Add(time.Duration(i)*time.Minute), e.change)
	}
	const (
		created, updated, read = "site.created site_7", "site.updated site_7", "sitemap.read site_8"
		added, ended           = "sector.added sect_7", "session.ended sess_7"
	)
	at := func(minutes int) *time.Time { return new(now.Add(time.Duration(minutes) * time.Minute)) }
	ctx := postgres.WithTenant(t.Context(), int64(shop))
	for name, c := range map[string]struct {
		filter audit.Filter
		want   []string
	}{
		"nothing":                    {audit.Filter{}, []string{ended, added, read, updated, created}},
		"an action":                  {audit.Filter{Action: new("site.updated")}, []string{updated}},
		"a kind of actions":          {audit.Filter{Action: new("site.")}, []string{updated, created}},
		"no action but a dot":        {audit.Filter{Action: new(".")}, []string{}},
		"part of an action":          {audit.Filter{Action: new("site.up")}, []string{}},
		"a pattern is none":          {audit.Filter{Action: new("s%.")}, []string{}},
		"a kind of actors":           {audit.Filter{ActorKind: new(audit.System)}, []string{ended}},
		"a person, whoever employs":  {audit.Filter{UserID: new(gid.User(5))}, []string{added, created}},
		"one of the account's":       {audit.Filter{UserID: new(gid.User(5)), ActorKind: new(audit.User)}, []string{created}},
		"one of staff":               {audit.Filter{UserID: new(gid.User(5)), ActorKind: new(audit.Staff)}, []string{added}},
		"a key":                      {audit.Filter{APIKeyID: new(gid.APIKey(5))}, []string{read}},
		"a key and a person":         {audit.Filter{APIKeyID: new(gid.APIKey(5)), UserID: new(gid.User(5))}, []string{}},
		"a subject":                  {audit.Filter{SubjectID: new("site_7")}, []string{updated, created}},
		"another of the same number": {audit.Filter{SubjectID: new("sect_7")}, []string{added}},
		"a subject that never was":   {audit.Filter{SubjectID: new("user_7")}, []string{}},
		"an impersonation":           {audit.Filter{ImpersonationID: under.Impersonation}, []string{added}},
		"another impersonation":      {audit.Filter{ImpersonationID: new(gid.Impersonation(987_654))}, []string{}},
		"from":                       {audit.Filter{From: at(4)}, []string{ended, added}},
		"to, without it":             {audit.Filter{To: at(2)}, []string{created}},
		"from and to":                {audit.Filter{From: at(2), To: at(4)}, []string{read, updated}},
		"subject and action":         {audit.Filter{SubjectID: new("site_7"), Action: new("site.created")}, []string{created}},
	} {
		got, err := audit.List(ctx, db.App, shop, c.filter, page.Args{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(c.want, names(got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if n, err := got.TotalCount(ctx); err != nil || n != len(c.want) {
			t.Errorf("%s: %d in all, %v, want %d", name, n, err, len(c.want))
		}
	}
}

func TestList_PagesThroughWhatTheFilterSays(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	shop := tenant(t, db, "shop")
	var all []string
	for i := range 9 {
		subject := gid.Site(i%2 + 1)
		record(t, db, shop, by(audit.User, 5), now, audit.On("site.updated", "site", subject).To(map[string]any{"n": i}))
		if subject == 1 {
			all = append([]string{fmt.Sprintf(`{"n": %d}`, i)}, all...)
		}
	}
	ctx := postgres.WithTenant(t.Context(), int64(shop))
	args := page.Args{First: new(2)}
	var seen []string
	for range all {
		c, err := audit.List(ctx, db.App, shop, audit.Filter{SubjectID: new("site_1")}, args)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range c.Nodes() {
			seen = append(seen, string(e.After))
		}
		if args.After = c.PageInfo.EndCursor; !c.PageInfo.HasNextPage {
			break
		}
	}
	if diff := cmp.Diff(all, seen); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestList_RefusesFiltersThatMeanNothing(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	for name, c := range map[string]struct {
		filter audit.Filter
		code   fault.Code
		field  string
	}{
		"no action":             {audit.Filter{Action: new("")}, fault.BadUserInput, "action"},
		"an action with NUL":    {audit.Filter{Action: new("a\x00")}, fault.BadUserInput, "action"},
		"an action beyond all":  {audit.Filter{Action: new(strings.Repeat("a", 101))}, fault.BadUserInput, "action"},
		"a malformed subject":   {audit.Filter{SubjectID: new("site_07")}, fault.InvalidID, "subjectId"},
		"nothing events are of": {audit.Filter{SubjectID: new("grant_7")}, fault.InvalidID, "subjectId"},
	} {
		ctx, statements := pgtest.CountQueries(t.Context())
		_, err := audit.List(ctx, db.App, 1, c.filter, page.Args{})
		faults := fault.Of(err)
		if len(faults) != 1 || faults[0].Code != c.code || strings.Join(faults[0].Field, ".") != "filter."+c.field || statements.N() != 0 {
			t.Errorf("%s: %v after %q, want %s at %s", name, err, statements.Statements(), c.code, c.field)
		}
	}
}

func TestSubjects_OfAllEventsHaveGlobalIDs(t *testing.T) {
	t.Parallel()
	said := regexp.MustCompile(`audit\.On\(\s*[^,]+,\s*"([a-z_]+)"`)
	files, err := filepath.Glob("../*/*.go")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		for _, m := range said.FindAllStringSubmatch(string(text), -1) {
			found[m[1]] = true
			id := (&audit.Event{SubjectType: m[1], SubjectKey: 7}).SubjectID()
			if subject, err := audit.ParseSubject(id); err != nil || subject != (audit.Subject{Type: m[1], Key: 7}) {
				t.Errorf("%s records events of a %s, whose id would be %q", name, m[1], id)
			}
		}
	}
	if !found["site"] || !found["account"] {
		t.Errorf("only %v were found: the search is broken", found)
	}
}

// attempt runs a statement as a role, in the scope of an account, with the setting that scrubbing asks for.
func attempt(ctx context.Context, db *postgres.DB, as, scrub, statement string, of gid.Account) error {
	return db.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		for _, before := range []string{
			"SET LOCAL ROLE " + as,
			"SELECT set_config('app.scrub_audit', '" + scrub + "', true)",
			fmt.Sprintf("SELECT set_config('app.tenant_id', '%d', true)", of),
		} {
			if _, err := tx.ExecContext(ctx, before); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, statement)
		return err
	})
}

func TestEvents_AreNeverChangedButScrubbedByTheOwner(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	shop := tenant(t, db, "shop")
	record(t, db, shop, by(audit.User, 5), now, audit.On("user.invited", "user", gid.User(5)).To(map[string]any{"email": "ann@shop.example"}))
	const (
		scrub = `UPDATE igny8_audit_events SET before = NULL, after = NULL, ip = '', user_agent = '', request_id = ''`
		super = "postgres"
		owner = "igny8_owner"
	)
	text := func() (s string) {
		if err := db.Admin.NewRaw(`SELECT string_agg(e::text, ',') FROM igny8_audit_events e WHERE tenant_id = ?`, shop).Scan(t.Context(), &s); err != nil {
			t.Fatal(err)
		}
		return s
	}
	before := text()
	for _, c := range []struct{ as, scrub, statement, refusal string }{
		{"igny8_app", "on", scrub, "permission denied"},
		{"igny8_app", "on", `DELETE FROM igny8_audit_events`, "permission denied"},
		{"igny8_app", "on", `TRUNCATE igny8_audit_events`, "permission denied"},
		{super, "on", scrub, "only ever added to"},
		{super, "on", `DELETE FROM igny8_audit_events`, "only ever added to"},
		{super, "on", `TRUNCATE igny8_audit_events`, "only ever added to"},
		{owner, "", scrub, "only ever added to"},
		{owner, "off", scrub, "only ever added to"},
		{owner, "on", `DELETE FROM igny8_audit_events`, "only ever added to"},
		{owner, "on", `TRUNCATE igny8_audit_events`, "only ever added to"},
		{owner, "on", `UPDATE igny8_audit_events SET action = 'nothing'`, "only ever added to"},
		{owner, "on", `UPDATE igny8_audit_events SET actor_id = NULL`, "only ever added to"},
		{owner, "on", `UPDATE igny8_audit_events SET actor_kind = 'system'`, "only ever added to"},
		{owner, "on", `UPDATE igny8_audit_events SET subject_id = 6`, "only ever added to"},
		{owner, "on", `UPDATE igny8_audit_events SET subject_type = 'site'`, "only ever added to"},
		{owner, "on", `UPDATE igny8_audit_events SET created_at = now()`, "only ever added to"},
		{owner, "on", `UPDATE igny8_audit_events SET id = 987654`, "only ever added to"},
	} {
		if err := attempt(t.Context(), db.Admin, c.as, c.scrub, c.statement, shop); err == nil || !strings.Contains(err.Error(), c.refusal) {
			t.Errorf("%s as %s: %v, want %s", c.statement, c.as, err, c.refusal)
		}
	}
	if after := text(); after != before {
		t.Fatalf("the event is now %s", after)
	}
	if err := attempt(t.Context(), db.Admin, owner, "on", scrub, shop); err != nil {
		t.Fatalf("scrubbed by the owner: %v", err)
	}
	if after := text(); strings.Contains(after, "ann@") || strings.Contains(after, "203.0.113") || !strings.Contains(after, "user.invited") {
		t.Errorf("after scrubbing: %s", after)
	}
}
