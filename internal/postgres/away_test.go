package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/postgres/pgtest"
)

func TestAway_IsWhatAnotherTryMayMend(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]bool{
		"08006": true, "57P01": true, "57P02": true, "57P03": true, "53300": true,
		"57014": false, "23505": false, "40001": false, "42501": false, "22021": false,
	} {
		if got := postgres.Away(fmt.Errorf("read: %w", &pgconn.PgError{Code: code})); got != want {
			t.Errorf("%s: %v", code, got)
		}
	}
	if !postgres.Away(fmt.Errorf("read: %w", io.ErrUnexpectedEOF)) {
		t.Error("an answer that was cut off")
	}
	for _, err := range []error{nil, errors.New("no such thing"), context.Canceled, io.EOF, pgx.ErrNoRows} {
		if postgres.Away(err) {
			t.Errorf("%v", err)
		}
	}
	_, err := pgx.Connect(t.Context(), "postgres://nobody@127.0.0.1:1/nowhere?connect_timeout=2")
	if err == nil || !postgres.Away(err) {
		t.Errorf("nobody listens: %v", err)
	}
}

func TestAway_KnowsABackendThatWasEnded(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	conn, err := db.App.Pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	if _, err := db.Admin.NewRaw(`SELECT pg_terminate_backend(?)`, conn.Conn().PgConn().PID()).Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i := range 2 { // the one that learns of it, and one on the closed connection
		if _, err := conn.Exec(t.Context(), "SELECT 1"); err == nil || !postgres.Away(err) {
			t.Errorf("statement %d: %v", i, err)
		}
	}
}
