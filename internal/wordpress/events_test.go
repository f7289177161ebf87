package wordpress_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/page"
	"igny8.com/accounts/internal/postgres/pgtest"
	"igny8.com/accounts/internal/site"
	"igny8.com/accounts/internal/wordpress"
)

// The same answers with row-level security and, as the superuser, without it.
func TestEvents_ShowsWhatIsInReachAlone(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a, other := newTenant(t, db), newTenant(t, db)
	first, second, gone, foreign := a.site(), a.site(), a.site(), other.site()
	events := map[gid.Site]gid.SyncEvent{}
	for s, of := range map[gid.Site]*tenant{first: a, second: a, gone: a, foreign: other} {
		event, err := wordpress.Record(of.ctx(), db.App, of.key(s), now, report("e-1"))
		if err != nil {
			t.Fatal(err)
		}
		events[s] = event.ID
	}
	a.remove(gone)
	editor := a.person(account.Editor)
	a.grant(second, editor)
	a.grant(gone, editor)
	for name, c := range map[string]struct {
		actor account.Actor
		want  []gid.Site
	}{
		"owner": {a.owner, []gid.Site{first, second}}, "editor": {editor, []gid.Site{second}}, "key": {a.key(first), []gid.Site{first}},
		"nobody": {account.Actor{}, nil}, "a key of a deleted site": {a.key(gone), nil},
	} {
		for wall, conn := range map[string]*pgtest.DB{"policies": {App: db.App}, "the select": {App: db.Admin}} {
			var listed, byIDs []gid.Site
			for s := range events {
				list, err := wordpress.Events(a.ctx(), conn.App, site.ReachOf(c.actor), s, page.Args{})
				if err != nil {
					t.Fatal(err)
				}
				total, err := list.TotalCount(a.ctx())
				if err != nil || total != len(list.Edges) {
					t.Errorf("%s by %s: %d of %d, %v", name, wall, len(list.Edges), total, err)
				}
				for _, e := range list.Nodes() {
					listed = append(listed, e.SiteID)
				}
			}
			found, err := wordpress.EventsByIDs(a.ctx(), conn.App, site.ReachOf(c.actor), slices.Collect(maps.Values(events)))
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range found {
				byIDs = append(byIDs, e.SiteID)
			}
			slices.Sort(listed)
			slices.Sort(byIDs)
			if !slices.Equal(listed, c.want) || !slices.Equal(byIDs, c.want) {
				t.Errorf("%s by %s lists %v and finds %v, want %v", name, wall, listed, byIDs, c.want)
			}
		}
	}
}

func TestEvents_WalksNewestFirstWithoutLossInBothDirections(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a := newTenant(t, db)
	s, sibling := a.site(), a.site()
	var want []string
	for i := range 7 {
		for _, of := range []gid.Site{s, sibling} {
			if _, err := wordpress.Record(a.ctx(), db.App, a.key(of), now, report(fmt.Sprint("e-", i))); err != nil {
				t.Fatal(err)
			}
		}
		want = append([]string{fmt.Sprint("e-", i)}, want...)
	}
	walk := func(args page.Args) []string {
		var got []string
		for range 10 {
			list, err := wordpress.Events(a.ctx(), db.App, site.ReachOf(a.owner), s, args)
			if err != nil {
				t.Fatal(err)
			}
			var ids []string
			for _, e := range list.Nodes() {
				ids = append(ids, e.ExternalID)
			}
			if args.Last != nil {
				got = append(ids, got...)
				if args.Before = list.PageInfo.StartCursor; !list.PageInfo.HasPreviousPage {
					return got
				}
				continue
			}
			got = append(got, ids...)
			if args.After = list.PageInfo.EndCursor; !list.PageInfo.HasNextPage {
				return got
			}
		}
		return got
	}
	for name, args := range map[string]page.Args{"forwards": {First: new(3)}, "backwards": {Last: new(3)}, "at once": {}} {
		if got := walk(args); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	for _, cursor := range []string{"", "x", "WyJhIl0", "WzEsMl0"} {
		if _, err := wordpress.Events(a.ctx(), db.App, site.ReachOf(a.owner), s, page.Args{After: &cursor}); !fault.Is(err, fault.BadUserInput) {
			t.Errorf("the cursor %q: %v", cursor, err)
		}
	}
}
