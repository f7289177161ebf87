package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/postgres/pgtest"
)

// note writes a note of the context's tenant 1.
func note(ctx context.Context, db bun.IDB, body string) error {
	_, err := db.NewRaw(`INSERT INTO igny8_notes (tenant_id, body) VALUES (1, ?)`, body).Exec(ctx)
	return err
}

func TestInTx_CommitsWhenTheFunctionSucceeds(t *testing.T) {
	t.Parallel()
	db := newNotes(t).App
	ctx := postgres.WithTenant(t.Context(), 1)
	err := postgres.InTx(ctx, db, func(ctx context.Context, tx bun.Tx) error {
		var level string
		if err := tx.NewRaw("SHOW transaction_isolation").Scan(ctx, &level); err != nil {
			return err
		}
		if level != "read committed" {
			t.Errorf("the transaction is %s", level)
		}
		return note(ctx, tx, "kept")
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := count(t, ctx, db); got != 1 {
		t.Errorf("%d notes, want 1", got)
	}
}

func TestInTx_RollsBackOnErrorAndPanic(t *testing.T) {
	t.Parallel()
	db := newNotes(t, pgtest.WithMaxConns(1)).App
	ctx := postgres.WithTenant(t.Context(), 1)
	refused := errors.New("refused")
	err := postgres.InTx(ctx, db, func(ctx context.Context, tx bun.Tx) error {
		if err := note(ctx, tx, "lost"); err != nil {
			return err
		}
		return refused
	})
	if !errors.Is(err, refused) {
		t.Errorf("%v, want the function's own error", err)
	}
	func() {
		defer func() {
			if p := recover(); p != "bug" {
				t.Errorf("recovered %v, want the function's own panic", p)
			}
		}()
		_ = postgres.InTx(ctx, db, func(ctx context.Context, tx bun.Tx) error {
			if err := note(ctx, tx, "lost"); err != nil {
				return err
			}
			panic("bug")
		})
	}()
	// The only connection is free again, and nothing was written.
	if got := count(t, ctx, db); got != 0 {
		t.Errorf("%d notes, want none", got)
	}
}

func TestInTx_RunsADeadlocksVictimAgain(t *testing.T) {
	t.Parallel()
	test := newNotes(t)
	db := test.App
	ctx := postgres.WithTenant(t.Context(), 1)
	arrange(t, test, `ALTER DATABASE "`+test.Name+`" SET deadlock_timeout = '10ms'`)
	db.Pool.Reset() // the setting is for sessions to come
	arrange(t, test, `INSERT INTO igny8_notes (tenant_id, id, body) VALUES (1, 1, 'a'), (1, 2, 'b')`)

	var both sync.WaitGroup // each holds its first row before it asks for its second
	both.Add(2)
	var runs atomic.Int64
	cross := func(first, second int) error {
		once := sync.OnceFunc(func() {
			both.Done()
			both.Wait()
		})
		return postgres.InTx(ctx, db, func(ctx context.Context, tx bun.Tx) error {
			runs.Add(1)
			lock := `UPDATE igny8_notes SET body = body || '!' WHERE tenant_id = 1 AND id = ?`
			if _, err := tx.NewRaw(lock, first).Exec(ctx); err != nil {
				return err
			}
			once()
			_, err := tx.NewRaw(lock, second).Exec(ctx)
			return err
		})
	}
	results := make(chan error, 2)
	go func() { results <- cross(1, 2) }()
	go func() { results <- cross(2, 1) }()
	for range 2 {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	// Both can be found to wait for each other at the same instant, and then both are victims.
	if got := runs.Load(); got < 3 || got > 4 {
		t.Errorf("%d runs, want one each and one again, or both", got)
	}
	var bodies string
	if err := db.NewRaw(`SELECT string_agg(body, ' ' ORDER BY id) FROM igny8_notes`).Scan(ctx, &bodies); err != nil {
		t.Fatal(err)
	}
	if bodies != "a!! b!!" {
		t.Errorf("the rows are %q, want each changed twice", bodies)
	}
}

func fail(ctx context.Context, tx bun.Tx, code string) error {
	_, err := tx.NewRaw(fmt.Sprintf(`DO $$ BEGIN RAISE EXCEPTION 'on purpose' USING ERRCODE = '%s'; END $$`, code)).Exec(ctx)
	return err
}

func TestInTx_GivesUpAfterFiveRuns(t *testing.T) {
	t.Parallel()
	db := newNotes(t).App
	for code, want := range map[string]int{"40001": 5, "40P01": 5, "23505": 1, "57014": 1} {
		runs := 0
		err := postgres.InTx(t.Context(), db, func(ctx context.Context, tx bun.Tx) error {
			runs++
			return fmt.Errorf("wrapped: %w", fail(ctx, tx, code))
		})
		if codeOf(err) != code || runs != want {
			t.Errorf("%s: %d runs and %v, want %d runs", code, runs, err, want)
		}
	}
}

func TestInTx_StopsTryingWhenTheCallerHasGone(t *testing.T) {
	t.Parallel()
	db := newNotes(t).App
	ctx, cancel := context.WithCancel(t.Context())
	runs := 0
	err := postgres.InTx(ctx, db, func(ctx context.Context, tx bun.Tx) error {
		runs++
		err := fail(ctx, tx, "40001")
		cancel()
		return err
	})
	if !errors.Is(err, context.Canceled) || runs != 1 {
		t.Errorf("%d runs and %v, want one run and the cancellation", runs, err)
	}
}

func TestInTx_InsideATransactionIsASavepoint(t *testing.T) {
	t.Parallel()
	db := newNotes(t).App
	type key struct{}
	ctx := context.WithValue(postgres.WithTenant(t.Context(), 1), key{}, "outer")
	inner, outer := 0, 0
	err := postgres.InTx(ctx, db, func(ctx context.Context, tx bun.Tx) error {
		outer++
		if err := note(ctx, tx, "kept"); err != nil {
			return err
		}
		given := context.WithValue(ctx, key{}, "inner")
		err := postgres.InTx(given, tx, func(ctx context.Context, tx bun.Tx) error {
			inner++
			if got := ctx.Value(key{}); got != "inner" {
				t.Errorf("the inner function was given the %v context", got)
			}
			if err := note(ctx, tx, "lost"); err != nil {
				return err
			}
			return fail(ctx, tx, "23514")
		})
		if codeOf(err) != "23514" {
			t.Errorf("the savepoint ended with %v", err)
		}
		return postgres.InTx(ctx, tx, func(ctx context.Context, tx bun.Tx) error { return note(ctx, tx, "kept too") })
	})
	if err != nil {
		t.Fatal(err)
	}
	if inner != 1 || outer != 1 {
		t.Errorf("%d inner and %d outer runs, want one each", inner, outer)
	}
	var bodies string
	if err := db.NewRaw(`SELECT string_agg(body, ', ' ORDER BY id) FROM igny8_notes`).Scan(ctx, &bodies); err != nil {
		t.Fatal(err)
	}
	if bodies != "kept, kept too" {
		t.Errorf("the notes are %q", bodies)
	}
}

func TestInTx_OnlyTheOutermostRunsAgain(t *testing.T) {
	t.Parallel()
	db := newNotes(t).App
	ctx := postgres.WithTenant(t.Context(), 1)
	inner, outer := 0, 0
	err := postgres.InTx(ctx, db, func(ctx context.Context, tx bun.Tx) error {
		outer++
		return postgres.InTx(ctx, tx, func(ctx context.Context, tx bun.Tx) error {
			inner++
			if outer < 3 {
				return fail(ctx, tx, "40001")
			}
			return note(ctx, tx, "third time")
		})
	})
	if err != nil || inner != 3 || outer != 3 {
		t.Errorf("%v after %d outer and %d inner runs, want success after 3 and 3", err, outer, inner)
	}
}

func TestViolates_TellsConstraintsApartByName(t *testing.T) {
	t.Parallel()
	db := newNotes(t)
	arrange(t, db, `INSERT INTO igny8_notes (tenant_id, body) VALUES (1, 'a');
		INSERT INTO igny8_labels VALUES ('x', '[2026-01-01, 2026-02-01)')`)
	for constraint, statement := range map[string]string{
		"igny8_notes_body_key":     `INSERT INTO igny8_notes (tenant_id, body) VALUES (1, 'a')`,
		"igny8_notes_body_check":   `INSERT INTO igny8_notes (tenant_id, body) VALUES (1, '')`,
		"igny8_notes_parent_fkey":  `INSERT INTO igny8_notes (tenant_id, body, parent) VALUES (1, 'b', 404)`,
		"igny8_labels_during_excl": `ALTER TABLE igny8_labels DROP CONSTRAINT igny8_labels_pkey; INSERT INTO igny8_labels VALUES ('x', '[2026-01-15, 2026-03-01)')`,
	} {
		_, err := db.Admin.NewRaw(statement).Exec(t.Context())
		if !postgres.Violates(fmt.Errorf("wrapped: %w", err), constraint) {
			t.Errorf("%v is not taken for a violation of %s", err, constraint)
		}
		if postgres.Violates(err, "igny8_notes_pkey") {
			t.Errorf("%v is taken for a violation of the primary key", err)
		}
	}
	if postgres.Violates(nil, "igny8_notes_body_key") || postgres.Violates(errors.New("igny8_notes_body_key"), "igny8_notes_body_key") {
		t.Error("what is no refusal of the database is taken for one")
	}
}
