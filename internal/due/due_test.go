package due_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/due"
	"igny8.com/accounts/internal/postgres/pgtest"
	"igny8.com/accounts/internal/signup"
)

func TestOnce_ExpiresTheTrialsCreditsWhenTheTrialIsOver(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	opened, err := signup.Run(t.Context(), db.App, signup.Request{Email: "a@example.com", Name: "A", PasswordHash: "kept"},
		account.Origin{}, start, func(context.Context, bun.Tx, *account.User) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	once := func(now time.Time) (balance, lines int) {
		t.Helper()
		due.Once(t.Context(), db.App, slog.New(slog.NewTextHandler(&log, nil)), now)
		err := db.Admin.NewRaw(`SELECT balance, last_seq FROM igny8_credit_accounts WHERE tenant_id = ?`, opened.ID).
			Scan(t.Context(), &balance, &lines)
		if err != nil {
			t.Fatal(err)
		}
		return balance, lines
	}
	end := start.AddDate(0, 0, 14)
	if balance, lines := once(end.Add(-time.Microsecond)); balance != 2000 || lines != 1 {
		t.Errorf("before the end: %d credits, %d lines", balance, lines)
	}
	for range 2 {
		if balance, lines := once(end); balance != 0 || lines != 2 {
			t.Errorf("at the end: %d credits, %d lines", balance, lines)
		}
	}
	if strings.Contains(log.String(), "ERROR") || strings.Count(log.String(), "grants whose time is over") != 1 {
		t.Errorf("%s", log.String())
	}
}

func TestKeep_EndsWithItsContext(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	ctx, cancel := context.WithCancel(t.Context())
	looked, done := make(chan struct{}, 10), make(chan struct{})
	go func() {
		defer close(done)
		due.Keep(ctx, db.App, slog.New(slog.DiscardHandler), func() time.Time {
			looked <- struct{}{}
			return time.Now()
		}, time.Millisecond)
	}()
	<-looked
	<-looked
	cancel()
	<-done
}
