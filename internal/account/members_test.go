package account_test

import (
	"fmt"
	"testing"
	"time"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/page"
	"igny8.com/accounts/internal/postgres/pgtest"
)

func TestMembers_AreThoseWhoAreThere(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	f, other := newFirm(t, db, scale), newFirm(t, db, scale)
	stays, leaves := f.person(account.Viewer), f.person(account.Viewer)
	if _, err := account.RemoveMember(f.ctx(), db.App, f.owner, today, leaves.User.ID); err != nil {
		t.Fatal(err)
	}
	// Row-level security off: the queries alone must keep them out.
	members, err := account.Members(t.Context(), db.Admin, f.id, page.Args{})
	if err != nil {
		t.Fatal(err)
	}
	total, err := members.TotalCount(t.Context())
	nodes := members.Nodes()
	if err != nil || total != 2 || len(nodes) != 2 || nodes[0].ID != f.owner.User.ID || nodes[1].ID != stays.User.ID {
		t.Errorf("%d of %d, %v", len(nodes), total, err)
	}
	read, err := account.UsersByIDs(t.Context(), db.Admin, f.id, []gid.User{leaves.User.ID, other.owner.User.ID, stays.User.ID})
	if err != nil || len(read) != 1 || read[0].ID != stays.User.ID {
		t.Errorf("%v, %v", read, err)
	}
	for at, want := range map[time.Time]int{today: 1, today.AddDate(0, 0, 30).Add(-time.Microsecond): 1, today.AddDate(0, 0, 30): 0} {
		removed, err := account.RemovedMembers(t.Context(), db.Admin, f.id, at, page.Args{})
		if err != nil {
			t.Fatal(err)
		}
		total, err := removed.TotalCount(t.Context())
		if err != nil || total != want || len(removed.Nodes()) != want || (want == 1 && removed.Nodes()[0].ID != leaves.User.ID) {
			t.Errorf("removed at %s: %d of %d, %v", at, len(removed.Nodes()), total, err)
		}
	}
}

func TestRemovedMembers_PagesWithTheLastOneOnTop(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	f := newFirm(t, db, enterprise)
	var want []gid.User
	for n := range 5 {
		p := f.person(account.Viewer)
		if _, err := account.RemoveMember(f.ctx(), db.App, f.owner, today.Add(time.Duration(n/2)*time.Second), p.User.ID); err != nil {
			t.Fatal(err)
		}
		want = append([]gid.User{p.User.ID}, want...)
	}
	var got []gid.User
	args := page.Args{First: new(2)}
	for {
		c, err := account.RemovedMembers(f.ctx(), db.App, f.id, today, args)
		if err != nil {
			t.Fatal(err)
		}
		for _, u := range c.Nodes() {
			got = append(got, u.ID)
		}
		if !c.PageInfo.HasNextPage {
			break
		}
		args.After = c.PageInfo.EndCursor
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v, want %v", got, want)
	}
}
