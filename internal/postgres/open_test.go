package postgres_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/postgres/pgtest"
)

func TestOpen_SetsWhatTheConfigSays(t *testing.T) {
	t.Parallel()
	tracer, counter := pgtest.CountPool()
	test := newNotes(t)
	db := open(t, postgres.Config{
		URL: admin(test).URL, Role: postgres.AppRole, MaxConns: 2, ApplicationName: "igny8 open",
		StatementTimeout: 1500 * time.Millisecond, IdleInTransactionTimeout: 10 * time.Microsecond, Tracer: tracer,
	})
	var session, current, name, statement, idle string
	err := db.NewRaw(`SELECT session_user, current_user, current_setting('application_name'),
		current_setting('statement_timeout'), current_setting('idle_in_transaction_session_timeout')`).
		Scan(t.Context(), &session, &current, &name, &statement, &idle)
	if err != nil {
		t.Fatal(err)
	}
	if session != "postgres" || current != postgres.AppRole {
		t.Errorf("logged in as %s, acting as %s", session, current)
	}
	if name != "igny8 open" || statement != "1500ms" || idle != "1ms" {
		t.Errorf("application %q, statement timeout %s, idle timeout %s", name, statement, idle)
	}
	if got := db.Pool.Config().MaxConns; got != 2 {
		t.Errorf("%d connections, want 2", got)
	}
	if counter.N() != 1 {
		t.Errorf("the tracer saw %q", counter.Statements())
	}
}

func TestOpen_CancelsAStatementThatTakesTooLong(t *testing.T) {
	t.Parallel()
	db := open(t, postgres.Config{URL: newNotes(t).URL(postgres.AppRole), StatementTimeout: 20 * time.Millisecond})
	_, err := db.NewRaw("SELECT pg_sleep(60)").Exec(t.Context())
	if codeOf(err) != "57014" {
		t.Errorf("the statement ended with %v, want a cancellation", err)
	}
}

func TestOpen_DefaultsToFourConnectionsWithoutTimeouts(t *testing.T) {
	t.Parallel()
	db := open(t, postgres.Config{URL: newNotes(t).URL(postgres.AppRole)})
	if got := db.Pool.Config().MaxConns; got != postgres.DefaultMaxConns {
		t.Errorf("%d connections, want %d", got, postgres.DefaultMaxConns)
	}
	var name, timeout string
	if err := db.NewRaw(`SELECT current_setting('application_name'), current_setting('statement_timeout')`).
		Scan(t.Context(), &name, &timeout); err != nil {
		t.Fatal(err)
	}
	if name != "igny8" || timeout != "0" {
		t.Errorf("application %q, statement timeout %s", name, timeout)
	}
}

func TestOpen_RefusesWhatCannotBeReached(t *testing.T) {
	t.Parallel()
	test := newNotes(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, c := range map[string]struct {
		ctx  context.Context //nolint:containedctx // a column of a table
		cfg  postgres.Config
		want string
	}{
		"no URL":           {t.Context(), postgres.Config{}, "no URL"},
		"no such database": {t.Context(), postgres.Config{URL: strings.Replace(test.URL(postgres.AppRole), test.Name, "igny8_nowhere", 1)}, "igny8_nowhere"},
		"no such role":     {t.Context(), postgres.Config{URL: admin(test).URL, Role: "igny8_nobody"}, "igny8_nobody"},
		"canceled":         {ctx, admin(test), "cancel"},
	} {
		db, err := postgres.Open(c.ctx, c.cfg)
		if err == nil {
			db.Close()
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want an error that says %q", name, err, c.want)
		}
	}
}

func TestOpen_KeepsThePasswordOutOfItsErrors(t *testing.T) {
	t.Parallel()
	const secret = "hunter2hunter2"
	for _, url := range []string{
		"postgres://igny8_app:" + secret + "@127.0.0.1:1/igny8?connect_timeout=1",
		"postgres://igny8_app:" + secret + "@[bad/igny8",
	} {
		_, err := postgres.Open(t.Context(), postgres.Config{URL: url})
		if err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("the error is %v", err)
		}
	}
}
