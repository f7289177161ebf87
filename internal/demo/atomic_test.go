package demo_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"igny8.com/accounts/internal/demo"
	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/postgres/cluster"
	"igny8.com/accounts/internal/postgres/pgtest"
)

func TestLoad_AtOnce_LetsOneThrough(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	const loads = 4
	errs := make([]error, loads)
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() { errs[i] = demo.Load(t.Context(), db.Admin, hash, now) })
	}
	all.Wait()
	through := 0
	for _, err := range errs {
		if err == nil {
			through++
		} else if !errors.Is(err, demo.ErrNotNew) {
			t.Errorf("got %v, want ErrNotNew", err)
		}
	}
	if through != 1 {
		t.Errorf("%d loads went through, want 1", through)
	}
	check(t, db, `SELECT count(*) FROM igny8_tenants`, "5")
}

func TestLoad_WaitsForASignUpAndThenRefuses(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	db := pgtest.New(t)
	signingUp, err := db.App.BeginTx(postgres.WithTenant(ctx, 5), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = signingUp.Rollback() }()
	if _, err := signingUp.ExecContext(ctx, "INSERT INTO igny8_tenants (id, name, slug, plan_id, status) VALUES (5, 'Early', 'early', 1, 'trial')"); err != nil {
		t.Fatal(err)
	}
	loading := make(chan error, 1)
	go func() { loading <- demo.Load(ctx, db.Admin, hash, now) }()
	deadline := time.Now().Add(30 * time.Second)
	for scalar(t, ctx, db.App, "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'igny8_tenants'::regclass") == 0 {
		select {
		case err := <-loading:
			t.Fatalf("the load did not wait: %v", err)
		default:
		}
		if time.Now().After(deadline) {
			t.Fatal("the load neither waits nor ends")
		}
	}
	if err := signingUp.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := <-loading; !errors.Is(err, demo.ErrNotNew) {
		t.Errorf("got %v, want ErrNotNew", err)
	}
	check(t, db, "SELECT slug FROM igny8_tenants", "early")
}

func TestLoad_KilledOnItsWay_LeavesAllOrNothing(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	load := func(ctx context.Context, db *pgtest.DB) error {
		t.Helper()
		admin, err := postgres.Open(ctx, postgres.Config{URL: db.URL(cluster.Superuser), MaxConns: 1, Tracer: pgtest.Tracer()})
		if err != nil {
			t.Fatal(err)
		}
		defer admin.Close()
		return demo.Load(ctx, admin, hash, now)
	}
	counting, counter := pgtest.CountQueries(ctx)
	if err := load(counting, pgtest.New(t)); err != nil {
		t.Fatal(err)
	}
	last := counter.N() // the commit

	db := pgtest.New(t)
	empty := contents(t, db)
	points := []int{2, last - 1, last}
	for n := 10; n < last-1; n += 10 {
		points = append(points, n)
	}
	for _, n := range points {
		killing, killer := pgtest.KillBefore(t, ctx, n)
		err := load(killing, db)
		statement, fired := killer.Fired()
		if !fired || err == nil {
			t.Fatalf("killed before statement %d of %d (%q): %v, error %v", n, last, statement, fired, err)
		}
		if diff := cmp.Diff(empty, contents(t, db)); diff != "" {
			t.Fatalf("killed before %q (%v):\n%s", statement, err, diff)
		}
	}
	if err := load(ctx, db); err != nil {
		t.Errorf("the load after the kills: %v", err)
	}
}
