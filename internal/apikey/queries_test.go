package apikey_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/apikey"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/page"
	"igny8.com/accounts/internal/postgres/pgtest"
	"igny8.com/accounts/internal/site"
)

func reach(actor account.Actor) site.Reach { return site.ReachOf(actor) }

func (a *tenant) read(id gid.APIKey) *account.Key {
	a.t.Helper()
	keys, err := apikey.ByIDs(a.ctx(), a.db.App, reach(a.owner), []gid.APIKey{id})
	if err != nil || len(keys) != 1 {
		a.t.Fatalf("read key %d: %v, %v", id, keys, err)
	}
	return keys[0]
}

func ids(keys []*account.Key) []gid.APIKey {
	found := []gid.APIKey{}
	for _, key := range keys {
		found = append(found, key.ID)
	}
	return found
}

func TestReads_GiveTheKeysOfSitesWithinReachAlone(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	v, _ := newVault(t)
	a, other := newTenant(t, db, v), newTenant(t, db, v)
	second, gone := a.newSite(), a.newSite()
	of := func(id gid.Site) func(*apikey.NewKey) { return func(in *apikey.NewKey) { in.SiteID = id } }
	one, _ := a.create()
	two, _ := a.create(of(second))
	three, _ := a.create(of(gone))
	theirs, _ := other.create()
	a.remove(gone)
	editor, stranger := a.person(account.Editor), a.person(account.Viewer)
	a.grant(second, editor)
	ofKey := account.Actor{Key: one, Account: a.owner.Account, Plan: a.owner.Plan}
	all := []gid.APIKey{one.ID, two.ID, three.ID, theirs.ID}
	sites := []gid.Site{a.site, second, gone, other.site}
	for name, c := range map[string]struct {
		actor account.Actor
		want  []gid.APIKey
	}{
		"an owner":           {a.owner, []gid.APIKey{two.ID, one.ID}},
		"an admin":           {a.person(account.Admin), []gid.APIKey{two.ID, one.ID}},
		"an editor":          {editor, []gid.APIKey{two.ID}},
		"one without grants": {stranger, []gid.APIKey{}},
		"a key":              {ofKey, []gid.APIKey{one.ID}},
		"nobody":             {account.Actor{}, []gid.APIKey{}},
	} {
		// Past row-level security, so that the queries alone keep accounts apart.
		byIDs, err := apikey.ByIDs(t.Context(), db.Admin, reach(c.actor), all)
		slices.SortFunc(byIDs, func(a, b *account.Key) int { return int(b.ID - a.ID) })
		if diff := cmp.Diff(c.want, ids(byIDs)); err != nil || diff != "" {
			t.Errorf("%s by id: %v %s", name, err, diff)
		}
		bySites, err := apikey.BySites(t.Context(), db.Admin, reach(c.actor), now, sites)
		if diff := cmp.Diff(c.want, ids(bySites)); err != nil || diff != "" {
			t.Errorf("%s by site: %v %s", name, err, diff)
		}
		listed := []gid.APIKey{}
		for _, id := range []gid.Site{other.site, gone, second, a.site} {
			list, err := apikey.List(t.Context(), db.Admin, reach(c.actor), id, page.Args{})
			if err != nil {
				t.Fatal(err)
			}
			listed = append(listed, ids(list.Nodes())...)
			if n, err := list.TotalCount(t.Context()); err != nil || n != len(list.Nodes()) {
				t.Errorf("%s: %d of site %d counted, %v", name, n, id, err)
			}
		}
		if diff := cmp.Diff(c.want, listed); diff != "" {
			t.Errorf("%s listed: %s", name, diff)
		}
		for _, key := range slices.Concat(byIDs, bySites) {
			if key.Hash != nil || key.HashKeyID != "" {
				t.Errorf("%s: key %d came with its hash", name, key.ID)
			}
		}
	}
}

func TestReads_TellWorkingKeysFromThoseThatDoNot(t *testing.T) {
	t.Parallel()
	v, _ := newVault(t)
	a := newTenant(t, pgtest.New(t), v)
	active, _ := a.create()
	expired, _ := a.create(func(in *apikey.NewKey) { in.ExpiresAt = new(now.Add(time.Second)) })
	revoked, _ := a.create()
	if _, err := apikey.Revoke(a.ctx(), a.db.App, a.owner, now, revoked.ID); err != nil {
		t.Fatal(err)
	}
	retiring, _ := a.create()
	next, _, err := a.rotate(retiring.ID, nil, now)
	if err != nil {
		t.Fatal(err)
	}
	later := now.Add(time.Second)
	live, err := apikey.BySites(a.ctx(), a.db.App, reach(a.owner), later, []gid.Site{a.site})
	if diff := cmp.Diff([]gid.APIKey{next.ID, retiring.ID, active.ID}, ids(live)); err != nil || diff != "" {
		t.Errorf("working: %v %s", err, diff)
	}
	var listed []gid.APIKey
	statuses := map[gid.APIKey]account.KeyStatus{}
	for args := (page.Args{First: new(2)}); ; {
		list, err := apikey.List(a.ctx(), a.db.App, reach(a.owner), a.site, args)
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range list.Nodes() {
			listed = append(listed, key.ID)
			statuses[key.ID] = key.StatusAt(later)
		}
		if !list.PageInfo.HasNextPage {
			break
		}
		args.After = list.PageInfo.EndCursor
	}
	if diff := cmp.Diff([]gid.APIKey{next.ID, retiring.ID, revoked.ID, expired.ID, active.ID}, listed); diff != "" {
		t.Errorf("listed: %s", diff)
	}
	want := map[gid.APIKey]account.KeyStatus{
		active.ID: account.KeyActive, expired.ID: account.KeyExpired, revoked.ID: account.KeyRevoked,
		retiring.ID: account.KeyRetiring, next.ID: account.KeyActive,
	}
	if diff := cmp.Diff(want, statuses); diff != "" {
		t.Errorf("statuses: %s", diff)
	}
}
