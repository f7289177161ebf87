package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/postgres/pgtest"
)

func TestContext_CarriesTenantAndStaffApart(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	if id, ok := postgres.Tenant(ctx); ok || id != 0 || postgres.Staff(ctx) {
		t.Errorf("a fresh context has tenant %d, staff %t", id, postgres.Staff(ctx))
	}
	both := postgres.WithStaff(postgres.WithTenant(ctx, 7))
	if id, ok := postgres.Tenant(both); !ok || id != 7 || !postgres.Staff(both) {
		t.Errorf("tenant %d, %t, staff %t; want 7, true, true", id, ok, postgres.Staff(both))
	}
	if other := postgres.WithTenant(both, 8); !postgres.Staff(other) {
		t.Error("WithTenant took the staff scope away")
	}
	for _, none := range []int64{0, -1} {
		if id, ok := postgres.Tenant(postgres.WithTenant(both, none)); ok || id != 0 {
			t.Errorf("WithTenant(%d) gives tenant %d", none, id)
		}
	}
	if id, _ := postgres.Tenant(both); id != 7 {
		t.Errorf("a derived context changed its parent's tenant to %d", id)
	}
}

func TestScope_NoTenantSeesNothingAndEachSeesItsOwn(t *testing.T) {
	t.Parallel()
	db := newNotes(t)
	arrange(t, db, `INSERT INTO igny8_notes (tenant_id, body) VALUES (1, 'a'), (1, 'b'), (2, 'c')`)
	ctx := t.Context()
	for name, c := range map[string]struct {
		ctx  context.Context //nolint:containedctx // a column of a table
		want int64
	}{
		"none":  {ctx, 0},
		"first": {postgres.WithTenant(ctx, 1), 2},
		"other": {postgres.WithTenant(ctx, 2), 1},
		"third": {postgres.WithTenant(ctx, 3), 0},
		"staff": {postgres.WithStaff(ctx), 3},
	} {
		if got := count(t, c.ctx, db.App); got != c.want {
			t.Errorf("%s sees %d notes, want %d", name, got, c.want)
		}
	}
	_, err := db.App.NewRaw(`INSERT INTO igny8_notes (tenant_id, body) VALUES (2, 'planted')`).Exec(postgres.WithTenant(ctx, 1))
	if codeOf(err) != "42501" {
		t.Errorf("writing another tenant's row: %v, want the refusal of row-level security", err)
	}
}

// settings reads the scope that the session really has, each time on another way in.
var ways = map[string]func(context.Context, *postgres.DB) (tenant, staff string, err error){
	"bun": func(ctx context.Context, db *postgres.DB) (tenant, staff string, err error) {
		err = db.NewRaw(readScope).Scan(ctx, &tenant, &staff)
		return tenant, staff, err
	},
	"bun transaction": func(ctx context.Context, db *postgres.DB) (tenant, staff string, err error) {
		err = postgres.InTx(ctx, db, func(ctx context.Context, tx bun.Tx) error {
			return tx.NewRaw(readScope).Scan(ctx, &tenant, &staff)
		})
		return tenant, staff, err
	},
	"bun transaction rolled back": func(ctx context.Context, db *postgres.DB) (tenant, staff string, err error) {
		undo := errors.New("undo")
		err = postgres.InTx(ctx, db, func(ctx context.Context, tx bun.Tx) error {
			if err := tx.NewRaw(readScope).Scan(ctx, &tenant, &staff); err != nil {
				return err
			}
			return undo
		})
		if errors.Is(err, undo) {
			err = nil
		}
		return tenant, staff, err
	},
	"bun connection": func(ctx context.Context, db *postgres.DB) (tenant, staff string, err error) {
		conn, err := db.Conn(ctx)
		if err != nil {
			return "", "", err
		}
		defer func() { _ = conn.Close() }()
		err = conn.NewRaw(readScope).Scan(ctx, &tenant, &staff)
		return tenant, staff, err
	},
	"pgx": func(ctx context.Context, db *postgres.DB) (tenant, staff string, err error) {
		err = db.Pool.QueryRow(ctx, readScope).Scan(&tenant, &staff)
		return tenant, staff, err
	},
	"pgx transaction": func(ctx context.Context, db *postgres.DB) (tenant, staff string, err error) {
		err = pgx.BeginFunc(ctx, db.Pool, func(tx pgx.Tx) error {
			return tx.QueryRow(ctx, readScope).Scan(&tenant, &staff)
		})
		return tenant, staff, err
	},
	"pgx batch": func(ctx context.Context, db *postgres.DB) (tenant, staff string, err error) {
		batch := &pgx.Batch{}
		batch.Queue(readScope).QueryRow(func(row pgx.Row) error { return row.Scan(&tenant, &staff) })
		return tenant, staff, db.Pool.SendBatch(ctx, batch).Close()
	},
	"pgx cached statement": func(ctx context.Context, db *postgres.DB) (tenant, staff string, err error) {
		err = db.Pool.QueryRow(ctx, readScope, pgx.QueryExecModeCacheStatement).Scan(&tenant, &staff)
		return tenant, staff, err
	},
	"canceled first": func(ctx context.Context, db *postgres.DB) (tenant, staff string, err error) {
		canceled, cancel := context.WithCancel(postgres.WithTenant(ctx, 99))
		cancel()
		if _, err := db.NewRaw("SELECT 1").Exec(canceled); !errors.Is(err, context.Canceled) {
			return "", "", fmt.Errorf("a canceled statement ended with %w", err)
		}
		err = db.NewRaw(readScope).Scan(ctx, &tenant, &staff)
		return tenant, staff, err
	},
}

const readScope = `SELECT coalesce(current_setting('app.tenant_id', true), ''), coalesce(current_setting('app.staff', true), '')`

func TestScope_NeverTravelsWithAPooledConnection(t *testing.T) {
	t.Parallel()
	const (
		workers = 12
		rounds  = 150
	)
	db := newNotes(t, pgtest.WithMaxConns(3)).App // far fewer connections than callers
	names := make([]string, 0, len(ways))
	for name := range ways {
		names = append(names, name)
	}
	var group sync.WaitGroup
	for worker := range workers {
		group.Go(func() {
			random := rand.New(rand.NewPCG(uint64(worker), 1))
			for range rounds {
				ctx, wantTenant, wantStaff := t.Context(), "", ""
				if id := random.Int64N(4); id > 0 {
					ctx, wantTenant = postgres.WithTenant(ctx, id), strconv.FormatInt(id, 10)
				}
				if random.Int64N(3) == 0 {
					ctx, wantStaff = postgres.WithStaff(ctx), "on"
				}
				name := names[random.IntN(len(names))]
				tenant, staff, err := ways[name](ctx, db)
				if err != nil {
					t.Errorf("%s: %v", name, err)
					return
				}
				if tenant != wantTenant || staff != wantStaff {
					t.Errorf("%s: the session had tenant %q, staff %q; want %q, %q", name, tenant, staff, wantTenant, wantStaff)
					return
				}
			}
		})
	}
	group.Wait()

	// database/sql must neither keep a connection nor queue callers for one: it would pass it on
	// without the pool's hook.
	if stats := db.Stats(); stats.Idle != 0 || stats.MaxOpenConnections != 0 || stats.WaitCount != 0 {
		t.Errorf("database/sql holds connections of its own: %+v", stats)
	}
}

func TestScope_StaysThatOfTheContextThatBeganTheTransaction(t *testing.T) {
	t.Parallel()
	db := newNotes(t).App
	ctx := postgres.WithTenant(t.Context(), 1)
	err := postgres.InTx(ctx, db, func(ctx context.Context, tx bun.Tx) error {
		var tenant, staff string
		if err := tx.NewRaw(readScope).Scan(postgres.WithTenant(ctx, 2), &tenant, &staff); err != nil {
			return err
		}
		if tenant != "1" {
			t.Errorf("a statement moved its transaction to tenant %q", tenant)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestScope_RefusesTheConnectionWhenItCannotBeSet(t *testing.T) {
	t.Parallel()
	db := newNotes(t, pgtest.WithMaxConns(1))
	first := postgres.WithTenant(t.Context(), 1)
	second := postgres.WithTenant(t.Context(), 2)
	arrange(t, db, `INSERT INTO igny8_notes (tenant_id, body) VALUES (1, 'a'), (2, 'b'), (2, 'c')`)
	if got := count(t, first, db.App); got != 1 {
		t.Fatalf("tenant 1 sees %d notes, want 1", got)
	}

	arrange(t, db, `REVOKE EXECUTE ON FUNCTION set_config(text, text, boolean) FROM PUBLIC`)
	// The same scope again needs no setting.
	if got := count(t, first, db.App); got != 1 {
		t.Errorf("tenant 1 sees %d notes, want 1", got)
	}
	if n, err := db.App.NewSelect().Table("igny8_notes").Count(second); codeOf(err) != "42501" {
		t.Fatalf("a connection whose scope could not be set counted %d notes, %v", n, err)
	}
	if err := db.App.Pool.QueryRow(second, "SELECT 1").Scan(new(int)); codeOf(err) != "42501" {
		t.Fatalf("a connection whose scope could not be set was handed to pgx: %v", err)
	}

	arrange(t, db, `GRANT EXECUTE ON FUNCTION set_config(text, text, boolean) TO PUBLIC`)
	if got := count(t, second, db.App); got != 2 {
		t.Errorf("tenant 2 sees %d notes, want 2", got)
	}
	if got := count(t, first, db.App); got != 1 {
		t.Errorf("tenant 1 sees %d notes, want 1", got)
	}
}

func TestScope_IsSetAnewAfterTheServerDroppedTheConnections(t *testing.T) {
	t.Parallel()
	db := newNotes(t)
	arrange(t, db, `INSERT INTO igny8_notes (tenant_id, body) VALUES (1, 'a'), (2, 'b'), (2, 'c')`)
	if got := count(t, postgres.WithTenant(t.Context(), 1), db.App); got != 1 {
		t.Fatalf("tenant 1 sees %d notes, want 1", got)
	}
	arrange(t, db, `SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
		WHERE datname = current_database() AND pid <> pg_backend_pid()`)
	if got := count(t, postgres.WithTenant(t.Context(), 2), db.App); got != 2 {
		t.Errorf("tenant 2 sees %d notes, want 2", got)
	}
}
