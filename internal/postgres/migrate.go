package postgres

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/migrate"
)

// migrationsTable remembers which steps are applied. The application may read it and nothing else.
const migrationsTable = "igny8_migrations"

// Migration is one step of the schema.
type Migration struct {
	// Name is number and name, as in 0002_accounts.
	Name string
	// AppliedAt is zero while the step is not applied.
	AppliedAt time.Time
}

// Applied says whether the database has the step.
func (m Migration) Applied() bool { return !m.AppliedAt.IsZero() }

// MigrateUp applies the steps in files that the database has not, each in a transaction that also
// records it: killed at any moment, a step is applied and recorded or neither. Processes that
// start at once wait for each other. It returns the names of the steps it applied.
//
// The user of cfg must be OwnerRole or a member of it; cfg's own Role is not looked at.
func MigrateUp(ctx context.Context, cfg Config, files fs.FS) ([]string, error) {
	var done []string
	err := withMigrations(ctx, cfg, files, func(m *migrator) error {
		steps, err := m.steps(ctx)
		if err != nil {
			return err
		}
		for _, step := range steps.Unapplied() {
			if err := m.up.RunMigration(ctx, step.Name); err != nil {
				return fmt.Errorf("migrate up: %w", err)
			}
			done = append(done, nameOf(&step))
		}
		return nil
	})
	return done, err
}

// MigrateDown takes back the newest steps, newest first: as many as steps says, or all of them
// when it is not positive. It returns the names of those it took back.
func MigrateDown(ctx context.Context, cfg Config, files fs.FS, steps int) ([]string, error) {
	var done []string
	err := withMigrations(ctx, cfg, files, func(m *migrator) error {
		for steps <= 0 || len(done) < steps {
			known, err := m.steps(ctx)
			if err != nil {
				return err
			}
			applied := known.Applied()
			if len(applied) == 0 {
				return nil
			}
			if applied[0].Down == nil {
				return fmt.Errorf("migrate down: %s has no down file", nameOf(&applied[0]))
			}
			// Each step is a group of its own, so this takes back the newest alone.
			if _, err := m.down.Rollback(ctx); err != nil {
				return fmt.Errorf("migrate down: %w", err)
			}
			done = append(done, nameOf(&applied[0]))
		}
		return nil
	})
	return done, err
}

// Migrations tells which steps there are and which of them the database has. It only reads, so
// any role may ask. It fails when the database has steps that files do not know: it is newer than
// this program.
func Migrations(ctx context.Context, db *bun.DB, files fs.FS) ([]Migration, error) {
	m, err := newMigrator(db, files)
	if err != nil {
		return nil, err
	}
	steps, err := m.steps(ctx)
	if err != nil {
		return nil, err
	}
	states := make([]Migration, len(steps))
	for i := range steps {
		states[i] = Migration{Name: nameOf(&steps[i])}
		if steps[i].IsApplied() {
			states[i].AppliedAt = steps[i].MigratedAt
		}
	}
	return states, nil
}

func nameOf(m *migrate.Migration) string { return m.Name + "_" + m.Comment }

// migrator drives bun's. There is one for each direction because the hook that records a step in
// the step's own transaction is not told which way the step goes.
type migrator struct {
	files    *migrate.Migrations
	up, down *migrate.Migrator
}

func newMigrator(db *bun.DB, files fs.FS) (*migrator, error) {
	found := migrate.NewMigrations()
	if err := found.Discover(files); err != nil {
		return nil, fmt.Errorf("read the migrations: %w", err)
	}
	// bun records a step outside of its transaction, before or after it, and a crash between the
	// two leaves a lie. The hooks record it inside; what bun writes afterwards changes nothing.
	direction := func(record migrate.MigrationHook) *migrate.Migrator {
		return migrate.NewMigrator(db, found, migrate.WithTableName(migrationsTable),
			migrate.WithMarkAppliedOnSuccess(true), migrate.WithUpsert(true), migrate.AfterMigration(record))
	}
	return &migrator{
		files: found,
		up: direction(func(ctx context.Context, tx bun.IConn, step *migrate.Migration) error {
			_, err := tx.ExecContext(ctx, "INSERT INTO "+migrationsTable+" (name, group_id) VALUES (?, ?)", step.Name, step.GroupID)
			return recorded(step, err)
		}),
		down: direction(func(ctx context.Context, tx bun.IConn, step *migrate.Migration) error {
			_, err := tx.ExecContext(ctx, "DELETE FROM "+migrationsTable+" WHERE name = ?", step.Name)
			return recorded(step, err)
		}),
	}, nil
}

func recorded(step *migrate.Migration, err error) error {
	if err != nil {
		return fmt.Errorf("record %s: %w", nameOf(step), err)
	}
	return nil
}

func (m *migrator) steps(ctx context.Context) (migrate.MigrationSlice, error) {
	var there bool
	db := m.up.DB()
	if err := db.NewRaw("SELECT to_regclass(?) IS NOT NULL", migrationsTable).Scan(ctx, &there); err != nil {
		return nil, fmt.Errorf("read the state of the migrations: %w", err)
	}
	if !there {
		return m.files.Sorted(), nil
	}
	unknown, err := m.up.MissingMigrations(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the state of the migrations: %w", err)
	}
	if len(unknown) > 0 {
		return nil, fmt.Errorf("the database is newer than this program: it has the migration %s, which is not known here", unknown[0].Name)
	}
	steps, err := m.up.MigrationsWithStatus(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the state of the migrations: %w", err)
	}
	return steps, nil
}

// withMigrations runs fn alone among all processes that migrate the database.
func withMigrations(ctx context.Context, cfg Config, files fs.FS, fn func(*migrator) error) (err error) {
	cfg.MaxConns = 2
	cfg.Role = OwnerRole     // whoever logs in, the objects belong to the one role
	cfg.StatementTimeout = 0 // building an index takes what it takes
	db, err := Open(ctx, cfg)
	if err != nil {
		return err
	}
	defer db.Close()

	// The lock belongs to a session and goes with it: a process that is killed holds nobody up.
	conn, err := db.Pool.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("lock the migrations: %w", err)
	}
	defer conn.Release()
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock($1)", migrateLock); err != nil {
		return fmt.Errorf("lock the migrations: %w", err)
	}
	defer func() {
		if conn.Conn().IsClosed() {
			return // the lock went with the session
		}
		if _, unlockErr := conn.Exec(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock($1)", migrateLock); unlockErr != nil {
			err = errors.Join(err, fmt.Errorf("unlock the migrations: %w", unlockErr))
		}
	}()
	if err := createMigrationsTable(ctx, conn.Conn()); err != nil {
		return err
	}
	m, err := newMigrator(db.DB, files)
	if err != nil {
		return err
	}
	return fn(m)
}

func createMigrationsTable(ctx context.Context, conn *pgx.Conn) error {
	const create = `
CREATE TABLE IF NOT EXISTS ` + migrationsTable + ` (
    id          bigserial PRIMARY KEY,
    name        varchar NOT NULL UNIQUE,
    group_id    bigint NOT NULL,
    migrated_at timestamptz NOT NULL DEFAULT current_timestamp
);
GRANT SELECT ON ` + migrationsTable + ` TO ` + AppRole
	if _, err := conn.Exec(ctx, create); err != nil {
		return fmt.Errorf("create the table of migrations: %w", err)
	}
	return nil
}
