package wordpress_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/page"
	"igny8.com/accounts/internal/postgres/pgtest"
	"igny8.com/accounts/internal/site"
	"igny8.com/accounts/internal/wordpress"
)

// The first pages of several sites are those that each site answers alone.
func TestFirstEvents_AreEachSitesOwnFirstPage(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a, stranger := newTenant(t, db), newTenant(t, db)
	ids := []gid.Site{a.site(), a.site(), a.site(), stranger.site()} // the third has no events
	for i := range 5 {
		for at, id := range ids {
			of := a
			if at == 3 {
				of = stranger
			}
			if at == 2 || at == 1 && i > 1 {
				continue
			}
			if _, err := wordpress.Record(of.ctx(), db.App, of.key(id), now, report(fmt.Sprint("e-", i))); err != nil {
				t.Fatal(err)
			}
		}
	}
	counts, err := wordpress.CountEvents(a.ctx(), db.App, site.ReachOf(a.owner), ids)
	if err != nil || counts[ids[0]] != 5 || counts[ids[1]] != 2 || len(counts) != 2 {
		t.Errorf("%v, %v", counts, err)
	}
	count := func(_ context.Context, id gid.Site) (int, error) { return counts[id], nil }
	for name, args := range map[string]page.Args{"20": {}, "3": {First: new(3)}, "the last 3": {Last: new(3)}, "5": {First: new(5)}} {
		for who, reach := range map[string]site.Reach{"the owner": site.ReachOf(a.owner), "a key": site.ReachOf(a.key(ids[1]))} {
			together, err := wordpress.FirstEvents(a.ctx(), db.App, reach, ids, args, count)
			if err != nil {
				t.Fatal(err)
			}
			for i, id := range ids {
				alone, err := wordpress.Events(a.ctx(), db.App, reach, id, args)
				if err != nil {
					t.Fatal(err)
				}
				diff := cmp.Diff(alone, together[id], cmpopts.IgnoreTypes(bun.BaseModel{}), cmpopts.IgnoreFields(wordpress.EventConnection{}, "Count"), cmpopts.EquateEmpty())
				if diff != "" {
					t.Errorf("%s, %s, site %d: %s", who, name, i, diff)
				}
				n, err := together[id].TotalCount(t.Context())
				if err != nil || n != counts[id] {
					t.Errorf("%s, site %d: %d in all, %v", who, i, n, err)
				}
			}
		}
	}
	cursor := "WzFd"
	if _, err := wordpress.FirstEvents(a.ctx(), db.App, site.ReachOf(a.owner), ids, page.Args{After: &cursor}, count); !fault.Is(err, fault.BadUserInput) {
		t.Errorf("with a cursor: %v", err)
	}
}
