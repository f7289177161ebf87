package wordpress_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/audit"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres/pgtest"
	"igny8.com/accounts/internal/site"
	"igny8.com/accounts/internal/wordpress"
)

// report is one that is accepted.
func report(id string) wordpress.NewEvent {
	return wordpress.NewEvent{
		Kind: wordpress.Publish, Direction: wordpress.ToSite, Outcome: wordpress.Succeeded, Items: 3, Message: "three posts",
		Details: json.RawMessage(`{"b": [1, 2.50, "x<&>"], "a": {"c": null}}`), ExternalID: id, OccurredAt: new(now.Add(-time.Minute)),
	}
}

func TestRecord_KeepsWhatAKeyReportsOfItsSite(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a := newTenant(t, db)
	s := a.site()
	key := a.key(s)
	got, err := wordpress.Record(a.ctx(), db.App, key, now, report("e-1"))
	if err != nil {
		t.Fatal(err)
	}
	want := &wordpress.SyncEvent{
		TenantID: a.id, ID: got.ID, SiteID: s, Kind: wordpress.Publish, Direction: wordpress.ToSite, Outcome: wordpress.Succeeded,
		Items: 3, Message: "three posts", Details: json.RawMessage(`{"a": {"c": null}, "b": [1, 2.50, "x<&>"]}`), ExternalID: "e-1",
		Fingerprint: got.Fingerprint, ActorKind: audit.APIKey, ActorID: new(int64(key.Key.ID)), OccurredAt: now.Add(-time.Minute), CreatedAt: now,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("recorded (-want +got):\n%s", diff)
	}
	read, err := wordpress.EventsByIDs(a.ctx(), db.App, site.ReachOf(a.owner), []gid.SyncEvent{got.ID})
	if err != nil || len(read) != 1 {
		t.Fatalf("%v, %v", read, err)
	}
	if diff := cmp.Diff(got, read[0]); diff != "" {
		t.Errorf("answered and read differ:\n%s", diff)
	}
	if who := read[0].Actor(); who.Kind != audit.APIKey || *who.ID != int64(key.Key.ID) || who.Tenant != a.id {
		t.Errorf("reported by %+v", who)
	}
	if n := count(t, db, `SELECT count(*) FROM igny8_audit_events`); n != 0 {
		t.Errorf("%d audit events", n)
	}
	// Its own site may be named, and what may be left out be left out.
	bareReport := wordpress.NewEvent{
		SiteID: &s, Kind: wordpress.Taxonomy, Direction: wordpress.FromSite, Outcome: wordpress.Failed, ExternalID: "e-2", Details: json.RawMessage(`null`),
	}
	least, err := wordpress.Record(a.ctx(), db.App, key, now, bareReport)
	if err != nil || !least.OccurredAt.Equal(now) || string(least.Details) != "{}" || least.Message != "" || least.Items != 0 {
		t.Errorf("%+v, %v", least, err)
	}
	// Without a time of its own, a repeated report is the same one later.
	if again, err := wordpress.Record(a.ctx(), db.App, key, now.Add(time.Hour), bareReport); err != nil || again.ID != least.ID {
		t.Errorf("%+v, %v", again, err)
	}
}

func TestRecord_AnswersARepeatedReportWithTheFirst(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a := newTenant(t, db)
	s, sibling := a.site(), a.site()
	first, err := wordpress.Record(a.ctx(), db.App, a.key(s), now, report("e-1"))
	if err != nil {
		t.Fatal(err)
	}
	same := report("e-1")
	same.Details = json.RawMessage(` {"a":{"c":null},"b":[1,2.50,"\u0078<&>"]} `)
	same.OccurredAt = new(same.OccurredAt.In(time.FixedZone("east", 3600)).Add(999 * time.Nanosecond))
	// By another key of the site, written otherwise, and when the time is long out of bounds.
	again, err := wordpress.Record(a.ctx(), db.App, a.key(s), now.AddDate(3, 0, 0), same)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first, again); diff != "" {
		t.Errorf("the repeated answer differs:\n%s", diff)
	}
	for name, change := range map[string]func(in *wordpress.NewEvent){
		"kind":      func(in *wordpress.NewEvent) { in.Kind = wordpress.Update },
		"direction": func(in *wordpress.NewEvent) { in.Direction = wordpress.FromSite },
		"outcome":   func(in *wordpress.NewEvent) { in.Outcome = wordpress.Partial },
		"items":     func(in *wordpress.NewEvent) { in.Items = 4 },
		"message":   func(in *wordpress.NewEvent) { in.Message = "" },
		"details":   func(in *wordpress.NewEvent) { in.Details = nil },
		"time":      func(in *wordpress.NewEvent) { in.OccurredAt = nil },
		"a second":  func(in *wordpress.NewEvent) { in.OccurredAt = new(in.OccurredAt.Add(time.Second)) },
	} {
		in := report("e-1")
		change(&in)
		_, err := wordpress.Record(a.ctx(), db.App, a.key(s), now, in)
		if got := faults(t, err); len(got) != 1 || got[0] != "IDEMPOTENCY_CONFLICT at externalId" {
			t.Errorf("another %s: %v", name, err)
		}
	}
	// Another site has ids of its own.
	other, err := wordpress.Record(a.ctx(), db.App, a.key(sibling), now, report("e-1"))
	if err != nil || other.ID == first.ID || other.SiteID != sibling {
		t.Errorf("%+v, %v", other, err)
	}
	if n := count(t, db, `SELECT count(*) FROM igny8_sync_events`); n != 2 {
		t.Errorf("%d events, want 2", n)
	}
}

func TestRecord_KeepsOneOfAHundredAtOnce(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, pgtest.WithMaxConns(8))
	a := newTenant(t, db)
	key := a.key(a.site())
	ids := make([]gid.SyncEvent, 100)
	for i, err := range race(len(ids), func(i int) error {
		event, err := wordpress.Record(a.ctx(), db.App, key, now.Add(time.Duration(i)), report("e-1"))
		if event != nil {
			ids[i] = event.ID
		}
		return err
	}) {
		if err != nil || ids[i] != ids[0] {
			t.Errorf("%d: event %d, %v", i, ids[i], err)
		}
	}
	if n := count(t, db, `SELECT count(*) FROM igny8_sync_events`); n != 1 {
		t.Errorf("%d events", n)
	}
	// With different facts, one is first and all others are told.
	kinds := race(20, func(i int) error {
		in := report("e-2")
		in.Items = i
		_, err := wordpress.Record(a.ctx(), db.App, key, now, in)
		return err
	})
	conflicts := 0
	for _, err := range kinds {
		if fault.Is(err, fault.IdempotencyConflict) {
			conflicts++
		} else if err != nil {
			t.Error(err)
		}
	}
	if n := count(t, db, `SELECT count(*) FROM igny8_sync_events`); n != 2 || conflicts != 19 {
		t.Errorf("%d events, %d conflicts", n, conflicts)
	}
}

// The same report again, while the first is written but not committed.
func TestRecord_WaitsForTheFirstReport(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a := newTenant(t, db)
	key := a.key(a.site())
	tx, err := db.App.BeginTx(a.ctx(), nil)
	if err != nil {
		t.Fatal(err)
	}
	first, err := wordpress.Record(a.ctx(), tx, key, now, report("e-1"))
	if err != nil {
		t.Fatal(err)
	}
	again := make(chan *wordpress.SyncEvent, 1)
	go func() {
		event, err := wordpress.Record(a.ctx(), db.App, key, now, report("e-1"))
		if err != nil {
			t.Error(err)
		}
		again <- event
	}()
	waitForLocks(t, db, 1)
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first, <-again); diff != "" {
		t.Errorf("the repeated answer differs:\n%s", diff)
	}
}

func TestRecord_TellsAllThatIsWrongAndWritesNothing(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a, other := newTenant(t, db), newTenant(t, db)
	s, sibling, foreign, gone := a.site(), a.site(), other.site(), a.site()
	a.remove(gone)
	key, editor := a.key(s), a.person(account.Editor)
	details := func(text string) func(*wordpress.NewEvent) {
		return func(in *wordpress.NewEvent) { in.Details = json.RawMessage(text) }
	}
	at := func(when time.Time) func(*wordpress.NewEvent) {
		return func(in *wordpress.NewEvent) { in.OccurredAt = &when }
	}
	of := func(id gid.Site) func(*wordpress.NewEvent) { return func(in *wordpress.NewEvent) { in.SiteID = &id } }
	type refusal struct {
		actor  account.Actor
		change func(*wordpress.NewEvent)
		want   []string
	}
	cases := map[string]refusal{
		"a key's sibling site":      {key, of(sibling), []string{"NOT_FOUND at siteId"}},
		"another account's site":    {key, of(foreign), []string{"NOT_FOUND at siteId"}},
		"another's, by the owner":   {a.owner, of(foreign), []string{"NOT_FOUND at siteId"}},
		"a site that never was":     {key, of(1 << 60), []string{"NOT_FOUND at siteId"}},
		"a key of a deleted site":   {a.key(gone), func(*wordpress.NewEvent) {}, []string{"NOT_FOUND at siteId"}},
		"a site not granted":        {editor, of(s), []string{"NOT_FOUND at siteId"}},
		"a person without a site":   {a.owner, func(*wordpress.NewEvent) {}, []string{"REQUIRED at siteId"}},
		"no kind":                   {key, func(in *wordpress.NewEvent) { in.Kind = "" }, []string{"INVALID at kind"}},
		"no direction":              {key, func(in *wordpress.NewEvent) { in.Direction = "sideways" }, []string{"INVALID at direction"}},
		"no outcome":                {key, func(in *wordpress.NewEvent) { in.Outcome = "PARTIAL" }, []string{"INVALID at outcome"}},
		"less than nothing":         {key, func(in *wordpress.NewEvent) { in.Items = -1 }, []string{"INVALID at items"}},
		"too many":                  {key, func(in *wordpress.NewEvent) { in.Items = 1_000_001 }, []string{"INVALID at items"}},
		"a long message":            {key, func(in *wordpress.NewEvent) { in.Message = strings.Repeat("é", 501) }, []string{"TOO_LONG at message"}},
		"NUL in the message":        {key, func(in *wordpress.NewEvent) { in.Message = "a\x00" }, []string{"INVALID at message"}},
		"no id":                     {key, func(in *wordpress.NewEvent) { in.ExternalID = " " }, []string{"REQUIRED at externalId"}},
		"a long id":                 {key, func(in *wordpress.NewEvent) { in.ExternalID = strings.Repeat("x", 201) }, []string{"TOO_LONG at externalId"}},
		"an id that is no text":     {key, func(in *wordpress.NewEvent) { in.ExternalID = "\xff" }, []string{"INVALID at externalId"}},
		"tomorrow and a bit":        {key, at(now.Add(24*time.Hour + time.Microsecond)), []string{"INVALID at occurredAt"}},
		"a year and a bit ago":      {key, at(now.AddDate(-1, 0, 0).Add(-time.Microsecond)), []string{"INVALID at occurredAt"}},
		"no time at all":            {key, at(time.Time{}), []string{"INVALID at occurredAt"}},
		"4097 bytes of details":     {key, details(`{"a":"` + strings.Repeat("x", 4097-8) + `"}`), []string{"TOO_LONG at details"}},
		"4097 blanks about details": {key, details(`{}` + strings.Repeat(" ", 4095)), []string{"TOO_LONG at details"}},
		"everything at once": {key, func(in *wordpress.NewEvent) {
			*in = wordpress.NewEvent{SiteID: &sibling, Items: -1, Message: "\x00", Details: json.RawMessage(`[]`), OccurredAt: new(now.AddDate(1, 0, 0))}
		}, []string{
			"INVALID at details", "INVALID at direction", "INVALID at items", "INVALID at kind", "INVALID at message",
			"INVALID at occurredAt", "INVALID at outcome", "NOT_FOUND at siteId", "REQUIRED at externalId",
		}},
	}
	for _, text := range []string{
		`[]`, `"x"`, `1`, `true`, `{`, `{"a":1}x`, `{"a":1}]`, `{"a":1}{}`, `{"a":"\u0000"}`, `{"\u0000":1}`, `{"a":[{"b":"\u0000"}]}`,
		`{"a":1e31}`, `{"a":[0e-16000]}`, `{"a":{"b":1E+400}}`, `{"a":0e-99999}`, `{"a":1e99999999999999999999}`, `{a:1}`, `{"a":NaN}`,
	} {
		cases["details "+text] = refusal{key, details(text), []string{"INVALID at details"}}
	}
	for name, c := range cases {
		in := report("refused")
		c.change(&in)
		event, err := wordpress.Record(a.ctx(), db.App, c.actor, now, in)
		if got := faults(t, err); event != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, %v; want %q", name, event, err, c.want)
		}
	}
	if n := count(t, db, `SELECT count(*) FROM igny8_sync_events`); n != 0 {
		t.Errorf("refused reports left %d events", n)
	}
	// The bounds themselves are within.
	for i, change := range []func(*wordpress.NewEvent){
		at(now.Add(24 * time.Hour)), at(now.AddDate(-1, 0, 0)), details(`{"a":"` + strings.Repeat("x", 4096-8) + `"}`), details(`{"a":-1.5e-30}`),
		details(`{"a":` + strings.Repeat("[", 2000) + strings.Repeat("]", 2000) + `}`), details(`{"a":` + strings.Repeat("9", 4000) + `}`),
		func(in *wordpress.NewEvent) { in.Items, in.Message = 1_000_000, strings.Repeat("é", 500) },
	} {
		in := report(fmt.Sprint("bound-", i))
		change(&in)
		if _, err := wordpress.Record(a.ctx(), db.App, key, now, in); err != nil {
			t.Errorf("bound %d: %v", i, err)
		}
	}
}
