package postgres_test

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"igny8.com/accounts/internal/postgres"
)

// lines are the refusals, one each.
func lines(err error) []string {
	if err == nil {
		return nil
	}
	return strings.Split(err.Error(), "\n")
}

func TestCheck_AcceptsTheServiceOnASafeServer(t *testing.T) {
	t.Parallel()
	if err := postgres.Check(t.Context(), newNotes(t).App.Pool, postgres.AllowVolatile); err != nil {
		t.Error(err)
	}
}

func TestCheck_RefusesAServerThatLosesWrites(t *testing.T) {
	t.Parallel()
	// Test servers run without durability, which is just what a check must find.
	got := lines(postgres.Check(t.Context(), newNotes(t).App.Pool))
	if len(got) != 3 {
		t.Fatalf("refusals: %q", got)
	}
	for i, setting := range []string{"fsync", "full_page_writes", "synchronous_commit"} {
		if !strings.Contains(got[i], "set "+setting+" to on") {
			t.Errorf("refusal %q does not say to set %s", got[i], setting)
		}
	}
}

func TestCheck_RefusesWhatADatabaseSetsWrong(t *testing.T) {
	t.Parallel()
	db := newNotes(t)
	arrange(t, db, `ALTER DATABASE "`+db.Name+`" SET standard_conforming_strings = off`)
	app := open(t, postgres.Config{URL: db.URL(postgres.AppRole)})
	got := lines(postgres.Check(t.Context(), app.Pool, postgres.AllowVolatile))
	if len(got) != 1 || !strings.Contains(got[0], "set it to on") || !strings.Contains(got[0], "standard_conforming_strings") {
		t.Errorf("refusals: %q", got)
	}
}

func TestCheck_RefusesAnEncodingOtherThanUTF8(t *testing.T) {
	t.Parallel()
	db := newNotes(t)
	name := db.Name + "_latin"
	arrange(t, db, `CREATE DATABASE "`+name+`" ENCODING 'LATIN1' TEMPLATE template0`)
	t.Cleanup(func() { arrangeLate(t, db, `DROP DATABASE "`+name+`" WITH (FORCE)`) })
	pool := pool(t, strings.Replace(db.URL(postgres.AppRole), db.Name, name, 1))
	got := lines(postgres.Check(t.Context(), pool, postgres.AllowVolatile))
	if len(got) != 1 || !strings.Contains(got[0], "ENCODING 'UTF8'") {
		t.Errorf("refusals: %q", got)
	}
}

func TestCheck_RefusesRolesThatNoPolicyBinds(t *testing.T) {
	t.Parallel()
	db := newNotes(t)
	super, bypass, heir := db.Name+"_super", db.Name+"_bypass", db.Name+"_heir"
	role(t, db, super, "LOGIN SUPERUSER")
	role(t, db, bypass, "LOGIN BYPASSRLS")
	role(t, db, heir, "LOGIN NOINHERIT IN ROLE "+postgres.OwnerRole)
	for name, c := range map[string]struct {
		cfg   postgres.Config
		allow []postgres.Allowance
		want  string // of the only refusal; empty: none
	}{
		"superuser":               {postgres.Config{URL: db.URL(super)}, nil, "superuser or has BYPASSRLS"},
		"bypassrls":               {postgres.Config{URL: db.URL(bypass)}, nil, "superuser or has BYPASSRLS"},
		"owner by membership":     {postgres.Config{URL: db.URL(heir)}, nil, "owner of the table igny8_labels"},
		"superuser as app":        {postgres.Config{URL: db.URL(super), Role: postgres.AppRole}, nil, super + " is a superuser"},
		"superuser as app in dev": {postgres.Config{URL: db.URL(super), Role: postgres.AppRole}, []postgres.Allowance{postgres.AllowAdminLogin}, ""},
		"superuser as one in dev": {postgres.Config{URL: db.URL(super), Role: bypass}, []postgres.Allowance{postgres.AllowAdminLogin}, bypass + " is a superuser or has BYPASSRLS"},
	} {
		opened := open(t, c.cfg)
		got := lines(postgres.Check(t.Context(), opened.Pool, append(c.allow, postgres.AllowVolatile)...))
		opened.Close()
		if c.want == "" && len(got) > 0 || c.want != "" && (len(got) != 1 || !strings.Contains(got[0], c.want)) {
			t.Errorf("%s: refusals %q, want %q", name, got, c.want)
		}
	}
}

func TestCheck_RefusesTheOwnerItself(t *testing.T) {
	t.Parallel()
	db := newNotes(t)
	owner := open(t, postgres.Config{URL: admin(db).URL, Role: postgres.OwnerRole})
	got := lines(postgres.Check(t.Context(), owner.Pool, postgres.AllowVolatile, postgres.AllowAdminLogin))
	all := strings.Join(got, "\n")
	if len(got) != 2 || !strings.Contains(all, "owner of the table igny8_labels") || !strings.Contains(all, "schema public") {
		t.Errorf("refusals: %q", got)
	}
}

func TestCheck_RefusesARoleThatMayCreateObjects(t *testing.T) {
	t.Parallel()
	db := newNotes(t)
	arrange(t, db, `GRANT CREATE ON SCHEMA public TO PUBLIC`)
	got := lines(postgres.Check(t.Context(), db.App.Pool, postgres.AllowVolatile))
	if len(got) != 1 || !strings.Contains(got[0], "REVOKE CREATE ON SCHEMA public FROM PUBLIC") {
		t.Errorf("refusals: %q", got)
	}
}

// pool opens a pool without the ping of postgres.Open.
func pool(t *testing.T, url string) *pgxpool.Pool {
	t.Helper()
	p, err := pgxpool.New(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}
