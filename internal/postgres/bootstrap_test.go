package postgres_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/postgres/cluster"
	"igny8.com/accounts/internal/postgres/pgtest"
	"igny8.com/accounts/migrations"
)

// newCluster is a server without our roles: these belong to a whole cluster, and the one that the
// tests share has them.
func newCluster(t *testing.T) *cluster.Cluster {
	t.Helper()
	opts := pgtest.ClusterOptions()
	opts.MaxConnections = 50
	c, err := cluster.Start(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := c.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	return c
}

// serves proves that the service can work in the database: migrated, and safe but for the test
// server's volatility.
func serves(t *testing.T, migrate, app postgres.Config, allow ...postgres.Allowance) {
	t.Helper()
	if _, err := postgres.MigrateUp(t.Context(), migrate, migrations.FS); err != nil {
		t.Fatal(err)
	}
	db, err := postgres.Open(t.Context(), app)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := postgres.Check(t.Context(), db.Pool, append(allow, postgres.AllowVolatile)...); err != nil {
		t.Error(err)
	}
	var plans int
	if err := db.NewRaw("SELECT count(*) FROM igny8_plans").Scan(t.Context(), &plans); err != nil {
		t.Error(err)
	}
}

func TestBootstrap_ManyAtOnceMakeRolesAndDatabases(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	names := []string{"igny8", "igny8", "igny8", "igny8", "other", "other", "third", "fourth"}
	var group sync.WaitGroup
	for _, name := range names {
		group.Go(func() {
			if err := postgres.Bootstrap(t.Context(), c.URL(cluster.Superuser, name)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
	group.Wait()
	if err := postgres.Bootstrap(t.Context(), c.URL(cluster.Superuser, "igny8")); err != nil {
		t.Errorf("again: %v", err)
	}
	serves(t, postgres.Config{URL: c.URL(cluster.Superuser, "igny8")}, postgres.Config{URL: c.URL(postgres.AppRole, "igny8")})
	serves(t, postgres.Config{URL: c.URL(cluster.Superuser, "fourth")}, postgres.Config{URL: c.URL(postgres.AppRole, "fourth")})

	if _, err := postgres.Open(t.Context(), postgres.Config{URL: c.URL(postgres.OwnerRole, "igny8")}); codeOf(err) != "28000" {
		t.Errorf("logging in as the owner: %v, want a refusal", err)
	}
}

func TestBootstrap_WorksForAnAdministratorWhoIsNoSuperuser(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	super, err := pgx.Connect(t.Context(), c.URL(cluster.Superuser, "postgres"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = super.Close(context.Background()) })
	for _, statement := range []string{
		"CREATE ROLE chief LOGIN CREATEROLE CREATEDB", "CREATE DATABASE given OWNER chief", "CREATE ROLE visitor LOGIN",
	} {
		if _, err := super.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}

	// Refused to one who may do nothing, with a hint at what to do.
	err = postgres.Bootstrap(t.Context(), c.URL("visitor", "given"))
	if codeOf(err) != "42501" || !strings.Contains(err.Error(), "let a superuser run this once") {
		t.Errorf("a visitor's bootstrap: %v", err)
	}
	// A database that somebody else made, and one that does not exist yet.
	for _, name := range []string{"given", "made"} {
		admin := c.URL("chief", name)
		if err := postgres.Bootstrap(t.Context(), admin); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		serves(t, postgres.Config{URL: admin}, postgres.Config{URL: admin, Role: postgres.AppRole}, postgres.AllowAdminLogin)
	}
}
