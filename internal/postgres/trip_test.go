package postgres_test

import (
	"context"
	"errors"
	"testing"

	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/postgres/pgtest"
)

const insertThing = `INSERT INTO trip_things (n) VALUES ($1::int)`

func newTrips(t *testing.T) *pgtest.DB {
	t.Helper()
	db := pgtest.New(t)
	if _, err := db.Admin.Exec(`CREATE TABLE trip_things (n int CHECK (n > 0)); GRANT ALL ON trip_things TO ` + postgres.AppRole); err != nil {
		t.Fatal(err)
	}
	return db
}

func things(t *testing.T, db *pgtest.DB) (n int) {
	t.Helper()
	if err := db.Admin.NewRaw(`SELECT count(*) FROM trip_things`).Scan(t.Context(), &n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestInTrips_CommitsWhatWasSentAndReadsInOrder(t *testing.T) {
	t.Parallel()
	db := newTrips(t)
	ctx, counter := pgtest.CountQueries(postgres.WithTenant(t.Context(), 7))
	var scope string
	var n int
	var found bool
	err := postgres.InTrips(ctx, db.App, func(ctx context.Context, trips postgres.Trips) error {
		err := trips.Send(ctx,
			postgres.Statement{SQL: `SELECT current_setting('app.tenant_id')`, Scan: postgres.ScanOne(&found, &scope)},
			postgres.Statement{SQL: insertThing, Args: []any{1}},
			postgres.Statement{SQL: `SELECT count(*) FROM trip_things`, Scan: postgres.ScanOne(new(bool), &n)})
		return errors.Join(err, trips.Commit(ctx, postgres.Statement{SQL: insertThing, Args: []any{2}}))
	})
	if err != nil || !found || scope != "7" || n != 1 || things(t, db) != 2 || counter.N() != 7 {
		t.Errorf("%v %v %q %d, %d things, %q", err, found, scope, n, things(t, db), counter.Statements())
	}
}

func TestInTrips_LeavesNothingWithoutACommit(t *testing.T) {
	t.Parallel()
	db := newTrips(t)
	lost := errors.New("lost")
	for name, fn := range map[string]func(ctx context.Context, trips postgres.Trips) error{
		"it never commits": func(ctx context.Context, trips postgres.Trips) error {
			return trips.Send(ctx, postgres.Statement{SQL: insertThing, Args: []any{1}})
		},
		"it fails after": func(ctx context.Context, trips postgres.Trips) error {
			return errors.Join(trips.Send(ctx, postgres.Statement{SQL: insertThing, Args: []any{1}}), lost)
		},
		"a later statement of the commit is refused": func(ctx context.Context, trips postgres.Trips) error {
			return trips.Commit(ctx, postgres.Statement{SQL: insertThing, Args: []any{1}}, postgres.Statement{SQL: insertThing, Args: []any{-1}})
		},
		"it cannot be prepared": func(ctx context.Context, trips postgres.Trips) error {
			err := trips.Send(ctx, postgres.Statement{SQL: insertThing, Args: []any{1}})
			return errors.Join(err, trips.Commit(ctx, postgres.Statement{SQL: `SELECT nonsense`}))
		},
	} {
		if err := postgres.InTrips(t.Context(), db.App, fn); (err == nil) != (name == "it never commits") {
			t.Errorf("%s: %v", name, err)
		}
		if n := things(t, db); n != 0 {
			t.Errorf("%s: %d things", name, n)
		}
	}
	// The connections are as good as new.
	for range 8 {
		var one int
		if err := db.App.NewRaw("SELECT 1").Scan(t.Context(), &one); err != nil {
			t.Error(err)
		}
	}
}

// The scope is the transaction's own: a connection that served one account serves the next, whatever became of
// the transaction, and is the first one's again.
func TestInTrips_HasItsOwnScopeAndLeavesTheConnectionAsItWas(t *testing.T) {
	t.Parallel()
	db := newNotes(t, pgtest.WithMaxConns(1))
	arrange(t, db, `INSERT INTO igny8_notes (tenant_id, body) VALUES (1, 'a'), (1, 'b'), (2, 'c')`)
	one := db.App
	lost := errors.New("lost")
	first, second := postgres.WithTenant(t.Context(), 1), postgres.WithTenant(t.Context(), 2)
	for _, broken := range []string{"", `SELECT nonsense`, `SELECT 1 / 0`} {
		if n := count(t, first, one); n != 2 {
			t.Fatalf("the first account sees %d notes", n)
		}
		for _, c := range []struct {
			ctx  context.Context //nolint:containedctx // a column of a table
			want int
		}{{first, 2}, {postgres.WithStaff(t.Context()), 3}, {t.Context(), 0}, {second, 1}} {
			var n int
			err := postgres.InTrips(c.ctx, one, func(ctx context.Context, trips postgres.Trips) error {
				err := trips.Send(ctx, postgres.Statement{SQL: `SELECT count(*) FROM igny8_notes`, Scan: postgres.ScanOne(new(bool), &n)})
				if broken == "" {
					return errors.Join(err, trips.Commit(ctx))
				}
				return errors.Join(lost, trips.Send(ctx, postgres.Statement{SQL: broken}))
			})
			if n != c.want || (broken == "") != (err == nil) {
				t.Errorf("%q: %d notes, want %d; %v", broken, n, c.want, err)
			}
		}
		if n := count(t, first, one); n != 2 {
			t.Errorf("after %q the first account sees %d notes", broken, n)
		}
		if n := count(t, t.Context(), one); n != 0 {
			t.Errorf("after %q nobody sees %d notes", broken, n)
		}
	}
}

func TestInTrips_JoinsATransactionThatIsThere(t *testing.T) {
	t.Parallel()
	db := newTrips(t)
	tx, err := db.App.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	err = postgres.InTrips(t.Context(), tx, func(ctx context.Context, trips postgres.Trips) error {
		return trips.Commit(ctx, postgres.Statement{SQL: insertThing, Args: []any{1}})
	})
	if err != nil || things(t, db) != 0 {
		t.Errorf("%v, %d things before the commit", err, things(t, db))
	}
	if err := tx.Commit(); err != nil || things(t, db) != 1 {
		t.Errorf("%v, %d things", err, things(t, db))
	}
}
