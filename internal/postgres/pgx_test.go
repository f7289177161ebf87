package postgres_test

import (
	"context"
	"errors"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/postgres"
)

func TestPgx_IsPartOfTheTransaction(t *testing.T) {
	t.Parallel()
	db := newNotes(t)
	ctx := postgres.WithTenant(t.Context(), 7)
	insert := func(tx bun.Tx, body string) error {
		return postgres.Pgx(tx, func(conn *pgx.Conn) error {
			_, err := conn.Exec(ctx, "INSERT INTO igny8_notes (tenant_id, body) VALUES (7, $1)", body)
			return err
		})
	}
	broken := errors.New("broken")
	err := postgres.InTx(ctx, db.App, func(_ context.Context, tx bun.Tx) error {
		if err := insert(tx, "rolled back"); err != nil {
			return err
		}
		return broken
	})
	if n := count(t, ctx, db.App); !errors.Is(err, broken) || n != 0 {
		t.Fatalf("rolled back: %v, %d notes stayed", err, n)
	}
	err = postgres.InTx(ctx, db.App, func(ctx context.Context, tx bun.Tx) error {
		if err := insert(tx, "outer"); err != nil {
			return err
		}
		inner := postgres.InTx(ctx, tx, func(_ context.Context, tx bun.Tx) error {
			if err := insert(tx, "in a savepoint"); err != nil {
				return err
			}
			return broken
		})
		if !errors.Is(inner, broken) {
			t.Errorf("the savepoint: %v", inner)
		}
		return insert(tx, "after the savepoint")
	})
	if n := count(t, ctx, db.App); err != nil || n != 2 {
		t.Fatalf("committed: %v, %d notes, want 2", err, n)
	}
	if held := db.App.Pool.Stat().AcquiredConns(); held != 0 {
		t.Errorf("%d connections were not given back", held)
	}
}

func TestPgx_RefusesATransactionOfSomebodyElse(t *testing.T) {
	t.Parallel()
	db := newNotes(t)
	tx, err := db.App.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	if err := postgres.Pgx(tx, func(*pgx.Conn) error { return nil }); err == nil {
		t.Error("a connection was found for it")
	}
}
