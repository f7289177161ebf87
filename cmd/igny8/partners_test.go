package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/demo"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/postgres/pgtest"
	"igny8.com/accounts/internal/vault"
	"igny8.com/accounts/internal/wordpress"
)

const carriedOver = "0123456789abcdef0123456789ABCDEF"

func TestImportKeys_CarriesOverAllOrNothingAndTellsNoKey(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	if err := demo.Load(t.Context(), db.Admin, cheapHasher(t).Hash, time.Now()); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"DATABASE_URL": db.URL(postgres.AppRole), "IGNY8_VAULT_KEYS": vault.Generate()}
	var tenant, site int64
	if err := db.Admin.NewRaw(`SELECT tenant_id, id FROM igny8_sites ORDER BY id LIMIT 1`).Scan(t.Context(), &tenant, &site); err != nil {
		t.Fatal(err)
	}
	file := func(text string) string {
		path := filepath.Join(t.TempDir(), "keys.csv")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	line := gid.Format(gid.Account(tenant)) + "," + gid.Format(gid.Site(site)) + "," + carriedOver + "\n"
	keys := func() (n int) {
		if err := db.Admin.NewRaw(`SELECT count(*) FROM igny8_site_api_keys`).Scan(t.Context(), &n); err != nil {
			t.Fatal(err)
		}
		return n
	}

	bad := command(t.Context(), env, "import", "keys", file("tenant,site,key\n"+line+"nobody,19,"+carriedOver+"x\n"))
	if bad.code != exitFailure || !strings.Contains(bad.stderr, "line 3") || strings.Contains(bad.stderr+bad.stdout, carriedOver) || keys() != 0 {
		t.Errorf("%+v, %d keys", bad, keys())
	}
	good := file("tenant,site,key\n" + line)
	if got := command(t.Context(), env, "import", "keys", good); got.code != exitOK || !strings.HasPrefix(got.stdout, "1 key carried over, 0") {
		t.Errorf("%+v", got)
	}
	if got := command(t.Context(), env, "import", "keys", good); got.code != exitOK || !strings.HasPrefix(got.stdout, "0 keys carried over, 1") || keys() != 1 {
		t.Errorf("said again: %+v, %d keys", got, keys())
	}
	if got := command(t.Context(), map[string]string{}, "import", "keys", good); got.code != exitUsage || len(got.problems(t)) != 2 {
		t.Errorf("without configuration: %+v", got)
	}
}

func TestReseal_LeavesNothingThatTheOldKeyOpensAlone(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	if err := demo.Load(t.Context(), db.Admin, cheapHasher(t).Hash, time.Now()); err != nil {
		t.Fatal(err)
	}
	before, after := vault.Generate(), vault.Generate()
	old, err := vault.Parse(before)
	if err != nil {
		t.Fatal(err)
	}
	var s struct {
		TenantID gid.Account
		ID       gid.Site
		UserID   gid.User
	}
	err = db.Admin.NewRaw(`SELECT s.tenant_id, s.id, a.owner_id AS user_id FROM igny8_sites s JOIN igny8_tenants a ON a.id = s.tenant_id ORDER BY s.id LIMIT 1`).
		Scan(t.Context(), &s)
	if err != nil {
		t.Fatal(err)
	}
	owner := account.Actor{User: &account.User{TenantID: s.TenantID, ID: s.UserID, Role: account.Owner}, Account: &account.Account{ID: s.TenantID}}
	_, err = wordpress.New(old, wordpress.Config{}).Connect(postgres.WithTenant(t.Context(), int64(s.TenantID)), db.App, owner, time.Now().UTC(),
		wordpress.NewConnection{SiteID: s.ID, URL: "https://www.example.com", Username: "editor", ApplicationPassword: "abcd efgh ijkl mnop qrst uvwx"})
	if err != nil {
		t.Fatal(err)
	}
	run := func(keys string) result {
		return command(t.Context(), map[string]string{"DATABASE_URL": db.URL(postgres.AppRole), "IGNY8_VAULT_KEYS": keys}, "reseal")
	}
	if got := run(after); got.code != exitFailure || !strings.Contains(got.stderr, "1 password does not open") {
		t.Errorf("without the old key: %+v", got)
	}
	if got := run(after + "," + before); got.code != exitOK || !strings.HasPrefix(got.stdout, "1 password sealed") {
		t.Errorf("with both: %+v", got)
	}
	if got := run(after); got.code != exitOK || !strings.HasPrefix(got.stdout, "0 passwords sealed") {
		t.Errorf("afterwards, without the old key: %+v", got)
	}
}
