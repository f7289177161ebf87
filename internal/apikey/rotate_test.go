package apikey_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/apikey"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres/pgtest"
)

func TestRotate_LetsBothKeysWorkForTheOverlap(t *testing.T) {
	t.Parallel()
	v, _ := newVault(t)
	a := newTenant(t, pgtest.New(t), v)
	for name, c := range map[string]struct {
		overlap *time.Duration
		works   time.Duration // for so long the old key works
	}{
		"the usual":   {nil, 24 * time.Hour},
		"none":        {new(time.Duration(0)), 0},
		"an hour":     {new(time.Hour), time.Hour},
		"the longest": {new(7 * 24 * time.Hour), 7 * 24 * time.Hour},
	} {
		old, oldSecret := a.create()
		key, secret, err := a.rotate(old.ID, c.overlap, now)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		end := now.Add(c.works)
		before := end.Add(-time.Microsecond)
		if c.works > 0 && a.opens(v, oldSecret, before) == nil {
			t.Errorf("%s: the old key does not work until %s", name, end)
		}
		if a.opens(v, oldSecret, end) != nil {
			t.Errorf("%s: the old key works at %s", name, end)
		}
		if a.opens(v, secret, end.Add(time.Hour)) == nil {
			t.Errorf("%s: the new key does not work", name)
		}
		if key.ID == old.ID || key.Name != old.Name || !cmp.Equal(key.Scopes, old.Scopes) || key.ExpiresAt != nil || key.SiteID != a.site {
			t.Errorf("%s: the successor is %+v", name, key)
		}
	}
}

func TestRotate_RecordsBothKeys(t *testing.T) {
	t.Parallel()
	v, _ := newVault(t)
	a := newTenant(t, pgtest.New(t), v)
	old, _ := a.create()
	key, _, err := a.rotate(old.ID, new(time.Hour), now)
	if err != nil {
		t.Fatal(err)
	}
	site := gid.Format(a.site)
	want := []string{
		fmt.Sprintf(`api_key.created api_key %d by user {"name": "WordPress", "scopes": ["sites_read", "sync"], "siteId": %q, "expiresAt": null, "rotatedFrom": "key_%d"}`, key.ID, site, old.ID),
		fmt.Sprintf(`api_key.rotated api_key %d by user {"name": "WordPress", "scopes": ["sites_read", "sync"], "siteId": %q, "expiresAt": null} `+
			`{"name": "WordPress", "scopes": ["sites_read", "sync"], "siteId": %[2]q, "expiresAt": "2026-03-31T10:30:00.123456Z", "rotatedTo": "key_%[3]d"}`, old.ID, site, key.ID),
	}
	if diff := cmp.Diff(want, a.events()[1:]); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestRotate_GivesTheSuccessorAsLongALifeAndNeverExtendsTheOldOnes(t *testing.T) {
	t.Parallel()
	v, _ := newVault(t)
	a := newTenant(t, pgtest.New(t), v)
	expires := now.Add(10 * time.Hour)
	old, _ := a.create(func(in *apikey.NewKey) { in.ExpiresAt = &expires })
	later := now.Add(9 * time.Hour)
	key, _, err := a.rotate(old.ID, nil, later)
	if err != nil {
		t.Fatal(err)
	}
	if want := later.Add(10 * time.Hour); !key.ExpiresAt.Equal(want) {
		t.Errorf("the successor expires at %s, want %s", key.ExpiresAt, want)
	}
	if read := a.read(old.ID); !read.ExpiresAt.Equal(expires) || *read.RotatedTo != key.ID || read.StatusAt(later) != account.KeyRetiring {
		t.Errorf("the old key is %+v", read)
	}
	// Five years with two leap days make way for five years with one.
	then := time.Date(2027, 12, 31, 12, 0, 0, 0, time.UTC)
	in := a.usual()
	in.ExpiresAt = new(then.AddDate(5, 0, 0))
	long, _, err := apikey.Create(a.ctx(), a.db.App, v, a.owner, then, in)
	if err != nil {
		t.Fatal(err)
	}
	later = time.Date(2029, 1, 1, 12, 0, 0, 0, time.UTC)
	if key, _, err = a.rotate(long.ID, nil, later); err != nil || !key.ExpiresAt.Equal(later.AddDate(5, 0, 0)) {
		t.Errorf("the successor expires at %v, %v", key, err)
	}
}

func TestRotate_RefusesWhatIsWrongAndWritesNothing(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	v, _ := newVault(t)
	a, other := newTenant(t, db, v), newTenant(t, db, v)
	theirs, _ := other.create()
	live, _ := a.create()
	expired, _ := a.create(func(in *apikey.NewKey) { in.ExpiresAt = new(now.Add(time.Second)) })
	revoked, _ := a.create()
	if _, err := apikey.Revoke(a.ctx(), db.App, a.owner, now, revoked.ID); err != nil {
		t.Fatal(err)
	}
	rotated, _ := a.create()
	if _, _, err := a.rotate(rotated.ID, nil, now); err != nil {
		t.Fatal(err)
	}
	doomed := a.newSite()
	lost, _ := a.create(func(in *apikey.NewKey) { in.SiteID = doomed })
	a.remove(doomed)
	mine, others := a.written(), other.written()
	editor := a.person(account.Editor)
	for name, c := range map[string]struct {
		id      gid.APIKey
		overlap *time.Duration
		actor   account.Actor
		want    []string
	}{
		"another's":        {theirs.ID, nil, a.owner, []string{"NOT_FOUND at apiKeyId"}},
		"none":             {987_654, nil, a.owner, []string{"NOT_FOUND at apiKeyId"}},
		"a deleted site's": {lost.ID, nil, a.owner, []string{"NOT_FOUND at apiKeyId"}},
		"not granted":      {live.ID, nil, editor, []string{"NOT_FOUND at apiKeyId"}},
		"expired":          {expired.ID, nil, a.owner, []string{"INVALID_STATE at apiKeyId"}},
		"revoked":          {revoked.ID, nil, a.owner, []string{"INVALID_STATE at apiKeyId"}},
		"rotated":          {rotated.ID, nil, a.owner, []string{"INVALID_STATE at apiKeyId"}},
		"overlap below 0":  {live.ID, new(-time.Nanosecond), a.owner, []string{"INVALID at overlap"}},
		"overlap too long": {live.ID, new(7*24*time.Hour + 1), a.owner, []string{"INVALID at overlap"}},
		"two wrongs":       {rotated.ID, new(-time.Hour), a.owner, []string{"INVALID_STATE at apiKeyId", "INVALID at overlap"}},
	} {
		key, secret, err := apikey.Rotate(a.ctx(), db.App, v, c.actor, now.Add(time.Second), c.id, c.overlap)
		t.Run(name, func(t *testing.T) { t.Parallel(); wants(t, err, c.want...) })
		if key != nil || secret != "" {
			t.Errorf("%s: a key was given", name)
		}
	}
	if a.written() != mine || other.written() != others {
		t.Errorf("written: %s, before %s; %s, before %s", a.written(), mine, other.written(), others)
	}
}

func TestRotate_MakesOneSuccessorOfFiftyAtOnce(t *testing.T) {
	t.Parallel()
	v, _ := newVault(t)
	a := newTenant(t, pgtest.New(t, pgtest.WithMaxConns(8)), v)
	old, _ := a.create()
	got := race(t, 50, func() error {
		_, _, err := a.rotate(old.ID, nil, now)
		return err
	})
	if want := map[string]int{"ok": 1, "INVALID_STATE": 49}; !cmp.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if a.written() != "2 2 3" {
		t.Errorf("written: %s", a.written())
	}
}

// A chain of rotations must not leave a site with ever more keys that work.
func TestRotate_BoundsTheKeysThatWorkBesideTheirSuccessors(t *testing.T) {
	t.Parallel()
	v, _ := newVault(t)
	a := newTenant(t, pgtest.New(t), v)
	key, _ := a.create()
	for range 20 {
		next, _, err := a.rotate(key.ID, nil, now)
		if err != nil {
			t.Fatal(err)
		}
		key = next
	}
	_, _, err := a.rotate(key.ID, nil, now)
	wants(t, err, "PLAN_LIMIT_REACHED at overlap")
	if _, _, err := a.rotate(key.ID, new(time.Duration(0)), now); err != nil {
		t.Errorf("without an overlap: %v", err)
	}
}
