package site_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/page"
	"igny8.com/accounts/internal/postgres/pgtest"
	"igny8.com/accounts/internal/site"
)

// Whatever the page's size, the order and the direction of walking, a walk visits every row that was
// there when it began exactly once, in order, also while rows are added.
func TestList_VisitsEveryRowOnce(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	rapid.Check(t, func(r *rapid.T) {
		a := newTenant(t, db, enterprise)
		names := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "A", "b", "é", "É", "e", "Z", "_", "1", "10", "日本", "😀", "a b", "a-b", "\"\\'"}), 0, 25).
			Draw(r, "names")
		ages := rapid.SliceOfN(rapid.IntRange(0, 4), len(names), len(names)).Draw(r, "ages")
		want := make([]*site.Site, 0, len(names))
		for i, name := range names {
			created := now.Add(time.Duration(ages[i]) * time.Microsecond)
			want = append(want, &site.Site{
				TenantID: a.id, Name: name, Slug: fmt.Sprint("s-", i), Status: site.Active, Active: true, CreatedAt: created, UpdatedAt: created,
			})
		}
		if len(want) > 0 {
			if _, err := db.Admin.NewInsert().Model(&want).Exec(t.Context()); err != nil {
				r.Fatal(err)
			}
		}
		order := site.Order{
			Field:      rapid.SampledFrom([]site.OrderField{"", site.ByName, site.ByCreatedAt}).Draw(r, "field"),
			Descending: rapid.Bool().Draw(r, "descending"),
		}
		slices.SortFunc(want, func(x, y *site.Site) int {
			c := strings.Compare(x.Name, y.Name)
			if order.Field == site.ByCreatedAt {
				c = x.CreatedAt.Compare(y.CreatedAt)
			}
			if c == 0 {
				c = int(x.ID - y.ID)
			}
			if order.Descending {
				c = -c
			}
			return c
		})
		backward, adding := rapid.Bool().Draw(r, "backward"), rapid.Bool().Draw(r, "adding")
		size := rapid.IntRange(1, 12).Draw(r, "size")
		got := walk(r, a, order, size, backward, func(n int) {
			if adding && n < 10 {
				late := &site.Site{
					TenantID: a.id, Name: names[n%len(names)], Slug: fmt.Sprint("late-", n), Status: site.Active, CreatedAt: now, UpdatedAt: now,
				}
				if _, err := db.Admin.NewInsert().Model(late).Exec(t.Context()); err != nil {
					r.Fatal(err)
				}
			}
		})
		got = slices.DeleteFunc(got, func(s *site.Site) bool { return strings.HasPrefix(s.Slug, "late-") })
		ids := func(sites []*site.Site) []gid.Site {
			ids := make([]gid.Site, len(sites))
			for i, s := range sites {
				ids[i] = s.ID
			}
			return ids
		}
		if !slices.Equal(ids(got), ids(want)) {
			r.Fatalf("walked %v, want %v", ids(got), ids(want))
		}
	})
}

// walk reads the whole list page by page and gives it in the list's order; between is called after
// each page but the last.
func walk(r *rapid.T, a *tenant, order site.Order, size int, backward bool, between func(n int)) []*site.Site {
	var got []*site.Site
	args := page.Args{First: &size}
	if backward {
		args = page.Args{Last: &size}
	}
	// There are 35 rows at most, so a walk that goes on is one that goes in circles.
	for n := range 40 {
		list, err := site.List(a.ctx(), a.db.App, site.ReachOf(a.owner), site.Filter{}, order, args)
		if err != nil {
			r.Fatal(err)
		}
		info := list.PageInfo
		more, came := info.HasNextPage, info.HasPreviousPage
		if backward {
			more, came = came, more
			got = append(list.Nodes(), got...)
			args.Before = info.StartCursor
		} else {
			got = append(got, list.Nodes()...)
			args.After = info.EndCursor
		}
		if came != (n > 0) {
			r.Fatalf("page %d says of the pages before it: %v", n, came)
		}
		if len(list.Edges) > size || more && len(list.Edges) != size {
			r.Fatalf("a page of %d has %d rows", size, len(list.Edges))
		}
		if !more {
			return got
		}
		between(n)
	}
	r.Fatal("the walk does not end")
	return nil
}
