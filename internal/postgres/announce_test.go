package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/postgres/pgtest"
)

func TestAnnounce_IsToldAfterTheCommitAndOnlyThen(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t).App
	var told []string
	db.OnAnnounce(func(texts []string) { told = append(told, fmt.Sprint(texts)) })
	refused := errors.New("refused")
	for _, outcome := range []error{nil, refused} {
		err := postgres.InTx(t.Context(), db, func(ctx context.Context, tx bun.Tx) error {
			postgres.Announce(ctx, "b")
			postgres.Announce(ctx, "a")
			postgres.Announce(ctx, "b")
			// What is announced in a savepoint is told with the transaction that it is in.
			if err := postgres.InTx(ctx, tx, func(ctx context.Context, _ bun.Tx) error {
				postgres.Announce(ctx, "c")
				return nil
			}); err != nil {
				return err
			}
			if len(told) > 0 && outcome == nil {
				t.Errorf("told before the commit: %v", told)
			}
			return outcome
		})
		if !errors.Is(err, outcome) {
			t.Fatal(err)
		}
	}
	if !slices.Equal(told, []string{"[a b c]"}) {
		t.Errorf("told %v", told)
	}
	postgres.Announce(t.Context(), "outside")
	db.OnAnnounce(nil)
	if err := postgres.InTx(t.Context(), db, func(ctx context.Context, _ bun.Tx) error {
		postgres.Announce(ctx, "nobody listens")
		return nil
	}); err != nil || len(told) != 1 {
		t.Errorf("told %v, %v", told, err)
	}
}
