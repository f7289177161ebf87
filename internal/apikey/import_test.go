package apikey_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/apikey"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres/pgtest"
	"igny8.com/accounts/internal/vault"
)

const legacyValue = "3f9c2b7e-legacy-key-of-wordpress"

func TestImport_CarriesAKeyOverThatWorksUntilItIsRotatedOrRevoked(t *testing.T) {
	t.Parallel()
	v, _ := newVault(t)
	a := newTenant(t, pgtest.New(t), v)
	key, err := apikey.Import(t.Context(), a.db.App, v, now, a.id, a.site, legacyValue)
	if err != nil {
		t.Fatal(err)
	}
	if !key.Legacy || key.Prefix() != nil || key.Name != "WordPress (carried over)" || key.ExpiresAt != nil || key.CreatedBy != nil || key.Hash != nil {
		t.Errorf("carried over as %+v", key)
	}
	for _, scope := range []account.Scope{account.SitesRead, account.Credits, account.Sync} {
		if !key.Has(scope) {
			t.Errorf("without the scope %s", scope)
		}
	}
	want := fmt.Sprintf(`api_key.created api_key %d by system {"name": "WordPress (carried over)", "legacy": true, "scopes": ["sites_read", "credits", "sync"], "siteId": %q, "expiresAt": null}`,
		key.ID, gid.Format(a.site))
	if diff := cmp.Diff([]string{want}, a.events()); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	if found := a.opens(v, legacyValue, now); found == nil || found.ID != key.ID {
		t.Fatalf("opens %+v", found)
	}
	// The part that is shown of other keys leads nowhere.
	if a.opens(v, account.KeyPrefix+key.PublicID, now) != nil {
		t.Error("a public id alone opens")
	}
	next, secret, err := a.rotate(key.ID, new(time.Hour), now)
	if err != nil || next.Legacy || !cmp.Equal(next.Scopes, key.Scopes) || next.ExpiresAt != nil {
		t.Fatalf("rotated to %+v, %v", next, err)
	}
	if a.opens(v, legacyValue, now.Add(time.Hour-1)) == nil || a.opens(v, legacyValue, now.Add(time.Hour)) != nil || a.opens(v, secret, now) == nil {
		t.Error("not both work for the overlap")
	}
}

func TestImport_TwiceIsOnceAndNeverRevives(t *testing.T) {
	t.Parallel()
	v, pair := newVault(t)
	a := newTenant(t, pgtest.New(t), v)
	first, err := apikey.Import(t.Context(), a.db.App, v, now, a.id, a.site, legacyValue)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := apikey.Revoke(a.ctx(), a.db.App, a.owner, now, first.ID); err != nil {
		t.Fatal(err)
	}
	before := a.written()
	newer, _ := newVault(t, pair)
	for _, v := range []*vault.Vault{v, newer} {
		again, err := apikey.Import(t.Context(), a.db.App, v, now.Add(time.Hour), a.id, a.site, legacyValue)
		if err != nil || again.ID != first.ID || again.RevokedAt == nil {
			t.Errorf("%+v, %v", again, err)
		}
	}
	if a.written() != before || a.opens(newer, legacyValue, now) != nil {
		t.Errorf("written %s, before %s", a.written(), before)
	}
}

func TestImport_RefusesWhatIsWrongAndWritesNothing(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	v, _ := newVault(t)
	a, other := newTenant(t, db, v), newTenant(t, db, v)
	if _, err := apikey.Import(t.Context(), db.App, v, now, other.id, other.site, legacyValue); err != nil {
		t.Fatal(err)
	}
	gone := a.newSite()
	a.remove(gone)
	deleted := newTenant(t, db, v)
	deleted.exec(`UPDATE igny8_tenants SET deleted_at = now(), restore_until = now() WHERE id = ?`, deleted.id)
	_, ours := other.create()
	const good = "another-key-of-wordpress"
	before := a.written()
	for name, c := range map[string]struct {
		tenant gid.Account
		site   gid.Site
		value  string
		want   string
	}{
		"too short":         {a.id, a.site, "fifteen-letters", "INVALID at key"},
		"empty":             {a.id, a.site, "", "INVALID at key"},
		"too long":          {a.id, a.site, strings.Repeat("a", 129), "INVALID at key"},
		"a space":           {a.id, a.site, "a key with spaces in it", "INVALID at key"},
		"a line break":      {a.id, a.site, legacyValue + "\n", "INVALID at key"},
		"not ASCII":         {a.id, a.site, "ein-schlüssel-von-früher", "INVALID at key"},
		"our beginning":     {a.id, a.site, "igny8_live_something-else", "INVALID at key"},
		"one of ours":       {a.id, a.site, ours, "INVALID at key"},
		"another account's": {a.id, a.site, legacyValue, "TAKEN at key"},
		"another's site":    {a.id, other.site, good, "NOT_FOUND at site"},
		"a deleted site":    {a.id, gone, good, "NOT_FOUND at site"},
		"no site":           {a.id, 987_654, good, "NOT_FOUND at site"},
		"no account":        {987_654, a.site, good, "NOT_FOUND at tenant"},
		"a deleted account": {deleted.id, deleted.site, good, "NOT_FOUND at tenant"},
	} {
		key, err := apikey.Import(t.Context(), db.App, v, now, c.tenant, c.site, c.value)
		t.Run(name, func(t *testing.T) { t.Parallel(); wants(t, err, c.want) })
		if key != nil {
			t.Errorf("%s: gave %+v", name, key)
		}
		if err != nil && len(c.value) > 10 && strings.Contains(err.Error(), c.value) {
			t.Errorf("%s: the error holds the key: %v", name, err)
		}
	}
	if a.written() != before {
		t.Errorf("written %s, before %s", a.written(), before)
	}
}

func TestImport_RacesToOneKey(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, pgtest.WithMaxConns(8))
	v, _ := newVault(t)
	a, other := newTenant(t, db, v), newTenant(t, db, v)
	tenants := make(chan *tenant, 20)
	for range 10 {
		tenants <- a
		tenants <- other
	}
	got := race(t, 20, func() error {
		of := <-tenants
		_, err := apikey.Import(context.WithoutCancel(t.Context()), db.App, v, now, of.id, of.site, legacyValue)
		return err
	})
	if want := map[string]int{"ok": 10, "TAKEN": 10}; !cmp.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if n := a.written() + other.written(); n != "1 1 10 0 0" && n != "0 0 01 1 1" {
		t.Errorf("written %s; %s", a.written(), other.written())
	}
}

func TestImportCSV_CarriesKeysOfManyAccountsOver(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	v, _ := newVault(t)
	a, b, c := newTenant(t, db, v), newTenant(t, db, v), newTenant(t, db, v)
	second := a.newSite()
	var slug string
	a.scan(&slug, `SELECT slug FROM igny8_sites WHERE id = ?`, second)
	if _, err := apikey.Import(t.Context(), db.App, v, now, c.id, c.site, "present-since-long-ago"); err != nil {
		t.Fatal(err)
	}
	lines := []string{
		"tenant,site,key",
		fmt.Sprintf("%d,%d,key-of-the-first-site", b.id, b.site),
		fmt.Sprintf("%s,%s,key-of-the-second-site", a.slug, slug),
		fmt.Sprintf(`%s,%s,"quoted,""key""-of-the-third"`, gid.Format(a.id), gid.Format(a.site)),
		fmt.Sprintf("%s,%d,present-since-long-ago", c.slug, c.site),
		fmt.Sprintf("%s,%d,key-of-the-second-site", a.slug, second),
	}
	text := strings.Join(lines, "\r\n") + "\r\n"
	for i, want := range []apikey.Report{{Imported: 3, Present: 2}, {Present: 5}} {
		report, err := apikey.ImportCSV(t.Context(), db.App, v, strings.NewReader(text), now)
		if err != nil || report != want {
			t.Errorf("run %d: %+v, %v; want %+v", i+1, report, err, want)
		}
	}
	// The connections went back without the scope that the import had.
	for range 20 {
		var seen int
		if err := db.App.NewRaw(`SELECT count(*) FROM igny8_site_api_keys`).Scan(t.Context(), &seen); err != nil || seen != 0 {
			t.Fatalf("%d keys are seen without a scope, %v", seen, err)
		}
	}
	for _, opens := range []struct {
		of    *tenant
		site  gid.Site
		value string
	}{{b, b.site, "key-of-the-first-site"}, {a, second, "key-of-the-second-site"}, {a, a.site, `quoted,"key"-of-the-third`}} {
		if key := opens.of.opens(v, opens.value, now); key == nil || key.SiteID != opens.site {
			t.Errorf("%s opens %+v", opens.value, key)
		}
	}
	if a.written() != "2 2 2" || b.written() != "1 1 1" || c.written() != "1 1 1" {
		t.Errorf("written %s; %s; %s", a.written(), b.written(), c.written())
	}
}

func TestImportCSV_TellsEveryLineThatIsWrongAndCarriesNothingOver(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	v, _ := newVault(t)
	a, b := newTenant(t, db, v), newTenant(t, db, v)
	if _, err := apikey.Import(t.Context(), db.App, v, now, b.id, b.site, legacyValue); err != nil {
		t.Fatal(err)
	}
	// Ids of sites are an account's own: that two are alike means nothing.
	a.exec(`INSERT INTO igny8_sites (tenant_id, id, name, slug) VALUES (?, ?, 'Site', 'same-id')`, b.id, a.site)
	file := func(lines ...string) string {
		text := strings.Join(append([]string{"tenant,site,key"}, lines...), "\n")
		return strings.NewReplacer("$a", a.slug, "$s", gid.Format(a.site), "$b", b.slug, "$t", gid.Format(b.site)).Replace(text)
	}
	for name, c := range map[string]struct{ file, want string }{
		"empty":            {"", "line 1: INVALID: a file of keys begins with the line tenant,site,key"},
		"no heading":       {"1,2,secret-key-of-a-site", "line 1: INVALID: a file of keys begins with the line tenant,site,key"},
		"columns swapped":  {"tenant,key,site", "line 1: INVALID: a file of keys begins with the line tenant,site,key"},
		"a column missing": {file("$a,$s,secret-of-a-good-line", "$a,secret-of-another"), "line 3: INVALID: wrong number of fields"},
		"a quote":          {file(`$a,$s,"secret-of-a"-line`), `line 2: INVALID: extraneous or missing " in quoted-field`},
		"many": {
			file("$a,$s,secret-of-a-good-line", "nobody,$s,secret-of-nobody-at-all", "$a,acct_1,secret-of-no-site-at-all", "$a,$s,short",
				"$a,nowhere,secret-of-no-such-site", "987654,1,secret-of-no-account", "$a,$s,"+legacyValue, "$b,$t,secret-of-a-good-line", ",,", "0,0,secret-of-no-account"),
			`line 3: NOT_FOUND at tenant: there is no such account
line 4: NOT_FOUND at site: there is no such site in this account
line 5: INVALID at key: a key that is carried over has 16 to 128 characters of printable ASCII and does not begin with igny8_live_
line 6: NOT_FOUND at site: there is no such site in this account
line 7: NOT_FOUND at tenant: there is no such account
line 8: TAKEN at key: another site has this key; give one of them a new key
line 9: TAKEN at key: another site has this key; give one of them a new key
line 10: NOT_FOUND at tenant: there is no such account
line 10: NOT_FOUND at site: there is no such site in this account
line 11: NOT_FOUND at tenant: there is no such account
line 11: NOT_FOUND at site: there is no such site in this account`,
		},
		"another's site": {file("$a,$t,secret-of-a-good-line"), "line 2: NOT_FOUND at site: there is no such site in this account"},
		"one key of two accounts": {
			file("$a,$s,secret-of-a-good-line", "$b,$t,secret-of-a-good-line", "$b,$s,secret-of-a-good-line"),
			"line 3: TAKEN at key: another site has this key; give one of them a new key\n" +
				"line 4: TAKEN at key: another site has this key; give one of them a new key",
		},
	} {
		report, err := apikey.ImportCSV(t.Context(), db.App, v, strings.NewReader(c.file), now)
		if err == nil {
			t.Errorf("%s: carried over %+v", name, report)
			continue
		}
		if _, ok := errors.AsType[*apikey.ImportError](err); !ok {
			t.Errorf("%s: %T", name, err)
		}
		if diff := cmp.Diff(c.want, err.Error()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if report != (apikey.Report{}) || a.written() != "0 0 0" || b.written() != "1 1 1" {
			t.Fatalf("%s: %+v; written %s; %s", name, report, a.written(), b.written())
		}
	}
	_, err := apikey.ImportCSV(t.Context(), db.App, v, iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader(file("$a,$s,secret-of-a-good-line")))), now)
	if !errors.Is(err, iotest.ErrTimeout) || a.written() != "0 0 0" {
		t.Errorf("a file that cannot be read: %v", err)
	}
}
