package demo_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/demo"
	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/postgres/cluster"
	"igny8.com/accounts/internal/postgres/pgtest"
)

func TestLoad_MarksTheDatabaseForEveryRole(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	db := pgtest.New(t)
	expect := func(isNew, present bool) {
		t.Helper()
		for role, as := range map[string]*postgres.DB{"the application": db.App, "the superuser": db.Admin} {
			if got, err := demo.New(ctx, as); err != nil || got != isNew {
				t.Errorf("New as %s is %v, %v; want %v", role, got, err, isNew)
			}
			if got, err := demo.Present(ctx, as); err != nil || got != present {
				t.Errorf("Present as %s is %v, %v; want %v", role, got, err, present)
			}
		}
	}
	expect(true, false)
	if err := demo.Load(ctx, db.Admin, hash, now); err != nil {
		t.Fatal(err)
	}
	expect(false, true)

	for _, statement := range []string{
		"DELETE FROM igny8_database_marks", "UPDATE igny8_database_marks SET name = 'x'", "INSERT INTO igny8_database_marks (name) VALUES ('x')",
	} {
		_, err := db.App.Pool.Exec(ctx, statement)
		if pgErr, ok := errors.AsType[*pgconn.PgError](err); !ok || pgErr.Code != "42501" {
			t.Errorf("the application's %q gives %v, want permission denied", statement, err)
		}
	}
}

func TestLoad_RefusesASecondTimeAndWritesNothing(t *testing.T) {
	t.Parallel()
	db := loaded(t)
	before := contents(t, db)
	if err := demo.Load(t.Context(), db.Admin, hash, now.AddDate(0, 0, 1)); !errors.Is(err, demo.ErrNotNew) {
		t.Errorf("got %v, want ErrNotNew", err)
	}
	if diff := cmp.Diff(before, contents(t, db)); diff != "" {
		t.Error(diff)
	}
}

func TestLoad_RefusesADatabaseWithAnAccount_EvenADeletedOne(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	db := pgtest.New(t)
	_, err := db.Admin.ExecContext(ctx, `INSERT INTO igny8_tenants (name, slug, plan_id, status, deleted_at, restore_until)
		VALUES ('Somebody', 'somebody', 1, 'cancelled', now(), now())`)
	if err != nil {
		t.Fatal(err)
	}
	before := contents(t, db)
	if err := demo.Load(ctx, db.Admin, hash, now); !errors.Is(err, demo.ErrNotNew) {
		t.Errorf("got %v, want ErrNotNew", err)
	}
	if diff := cmp.Diff(before, contents(t, db)); diff != "" {
		t.Error(diff)
	}
	if isNew, err := demo.New(ctx, db.App); err != nil || isNew {
		t.Errorf("New is %v, %v", isNew, err)
	}
	if present, err := demo.Present(ctx, db.App); err != nil || present {
		t.Errorf("Present is %v, %v", present, err)
	}
}

func TestLoad_FailsWithoutTheCatalogueAndWritesNothing(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	for name, breakage := range map[string]string{
		"a plan is missing":     "DELETE FROM igny8_plans WHERE slug = 'scale'",
		"an industry is hidden": "UPDATE igny8_industries SET is_active = false WHERE name = 'Home & Garden'",
		"a sector too few": `DELETE FROM igny8_industry_sectors WHERE id IN (SELECT s.id FROM igny8_industry_sectors s
			JOIN igny8_industries i ON i.id = s.industry_id WHERE i.name = 'Healthcare & Medical' ORDER BY s.id OFFSET 2)`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := pgtest.New(t)
			if _, err := db.Admin.ExecContext(ctx, breakage); err != nil {
				t.Fatal(err)
			}
			before := contents(t, db)
			if err := demo.Load(ctx, db.Admin, hash, now); err == nil || !strings.Contains(err.Error(), "the catalogue lacks") {
				t.Errorf("got %v", err)
			}
			if diff := cmp.Diff(before, contents(t, db)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestLoad_HashesThePasswordOnceAndStopsWhereThatFails(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	before := contents(t, db)
	broken := errors.New("no memory")
	err := demo.Load(t.Context(), db.Admin, func(context.Context, string) (string, error) { return "", broken }, now)
	if !errors.Is(err, broken) {
		t.Errorf("got %v, want %v", err, broken)
	}
	if diff := cmp.Diff(before, contents(t, db)); diff != "" {
		t.Error(diff)
	}
	calls := 0
	err = demo.Load(t.Context(), db.Admin, func(ctx context.Context, password string) (string, error) {
		calls++
		return hash(ctx, password)
	}, now)
	if err != nil || calls != 1 {
		t.Errorf("%d calls, error %v", calls, err)
	}
}

func TestLoad_WorksForTheTablesOwner_WhomPoliciesBind(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	db, other := pgtest.New(t), loaded(t)
	owner, err := postgres.Open(ctx, postgres.Config{URL: db.URL(cluster.Superuser), Role: postgres.OwnerRole, MaxConns: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer owner.Close()
	if err := demo.Load(ctx, owner, hash, now); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(withoutMigrations(contents(t, other)), withoutMigrations(contents(t, db))); diff != "" {
		t.Errorf("the superuser (-) and the owner (+) load different states:\n%s", diff)
	}
	// The scope that Load moved through ended with it. The pool does not set the connection's again for a
	// context of the scope that Load began in, so what was left behind would show here.
	if n := scalar(t, postgres.WithStaff(ctx), owner, "SELECT count(*) FROM igny8_users"); n != 0 {
		t.Errorf("the connection was given back with %d people in sight", n)
	}
	if err := demo.Load(ctx, owner, hash, now); !errors.Is(err, demo.ErrNotNew) {
		t.Errorf("the second load gives %v, want ErrNotNew", err)
	}
}

func TestLoad_IsRefusedToTheApplication(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	before := contents(t, db)
	if err := demo.Load(t.Context(), db.App, hash, now); err == nil {
		t.Error("the application's role loaded the demo state")
	}
	if diff := cmp.Diff(before, contents(t, db)); diff != "" {
		t.Error(diff)
	}
}

func TestLoad_LeavesTheNextIdsFree(t *testing.T) {
	t.Parallel()
	db := loaded(t)
	accountID, userID, siteID := signUp(t, db)
	if accountID != 31 || userID != 60 || siteID != 20 {
		t.Errorf("the next account is %d, user %d, site %d; want 31, 60, 20", accountID, userID, siteID)
	}
}

func TestLoad_NeverTakesASequenceBack(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	db := pgtest.New(t)
	// Sign-ups that failed have taken ids.
	for _, name := range []string{"tenants", "users", "sites"} {
		if _, err := db.Admin.Pool.Exec(ctx, fmt.Sprintf("SELECT setval('igny8_%s_id_seq', 700)", name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := demo.Load(ctx, db.Admin, hash, now); err != nil {
		t.Fatal(err)
	}
	accountID, userID, siteID := signUp(t, db)
	if accountID != 701 || userID != 702 || siteID != 701 { // the owner whose id was not recorded is 701
		t.Errorf("the next account is %d, user %d, site %d; want 701, 702, 701", accountID, userID, siteID)
	}
}

// signUp writes an account, a user and a site as the application does, with ids from the sequences.
func signUp(t *testing.T, db *pgtest.DB) (accountID, userID, siteID int64) {
	t.Helper()
	ctx := t.Context()
	accountID = scalar(t, ctx, db.App, "SELECT nextval('igny8_tenants_id_seq')")
	err := postgres.InTx(postgres.WithTenant(ctx, accountID), db.App, func(ctx context.Context, tx bun.Tx) error {
		if _, err := tx.ExecContext(ctx, "INSERT INTO igny8_tenants (id, name, slug, plan_id, status) VALUES (?, 'New', 'new', 1, 'trial')", accountID); err != nil {
			return err
		}
		if err := tx.NewRaw("INSERT INTO igny8_users (tenant_id, email, role) VALUES (?, 'new@example.com', 'owner') RETURNING id", accountID).Scan(ctx, &userID); err != nil {
			return err
		}
		return tx.NewRaw("INSERT INTO igny8_sites (tenant_id, name, slug) VALUES (?, 'New', 'new') RETURNING id", accountID).Scan(ctx, &siteID)
	})
	if err != nil {
		t.Fatal(err)
	}
	return accountID, userID, siteID
}

// withoutMigrations leaves out the table that says when a database was migrated.
func withoutMigrations(contents []string) []string {
	kept := []string{}
	for _, line := range contents {
		if !strings.HasPrefix(line, "igny8_migrations ") {
			kept = append(kept, line)
		}
	}
	return kept
}
