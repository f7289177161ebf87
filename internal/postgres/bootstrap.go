package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	// OwnerRole owns the database's objects and runs the migrations. Nobody logs in as it.
	OwnerRole = "igny8_owner"
	// AppRole is the service: bound by row-level security, owner of nothing.
	AppRole = "igny8_app"
	// Database is the name in a cluster of our own.
	Database = "igny8"
)

// Keys of the advisory locks, one space of numbers for the whole service.
const (
	bootstrapLock int64 = 0x69676e7938_01 // "igny8", 1
	migrateLock   int64 = 0x69676e7938_02
)

const (
	duplicateObject   = "42710"
	uniqueViolation   = "23505" // two sessions insert the same row into a catalog
	duplicateDatabase = "42P04"
	unknownDatabase   = "3D000"
	internalError     = "XX000" // "tuple concurrently updated", two sessions grant on one object
	invalidPrivilege  = "42501"
)

// Bootstrap makes what migrations stand on: the roles, and the database that adminURL names if it
// is missing, with the right of the owner role to create in it. It is safe to run again, and by
// several processes at once. The URL's user must be a superuser or, in a cluster that has the
// database, may be one that can create roles.
func Bootstrap(ctx context.Context, adminURL string) error {
	conn, err := connectAdmin(ctx, adminURL)
	if err != nil {
		return fmt.Errorf("prepare the database: %w", err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()

	// The lock keeps apart those that connect to the same database; the others meet in the
	// cluster's catalogs, so each step also bears with having been done already.
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock($1)", bootstrapLock); err != nil {
		return fmt.Errorf("prepare the database: %w", err)
	}
	for _, step := range []func(context.Context, *pgx.Conn) error{createRoles, letAdminAct, letOwnerCreate} {
		if err := step(ctx, conn); err != nil {
			return fmt.Errorf("prepare the database: %w", explainPrivilege(err))
		}
	}
	return nil
}

// connectAdmin connects to the URL's database and creates it first if it does not exist.
func connectAdmin(ctx context.Context, adminURL string) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig(adminURL)
	if err != nil {
		return nil, fmt.Errorf("read its URL: %w", err)
	}
	conn, err := connect(ctx, config)
	if !hasCode(err, unknownDatabase) {
		return conn, err
	}
	elsewhere := config.Copy()
	elsewhere.Database = "postgres"
	maintenance, err := connect(ctx, elsewhere)
	if err != nil {
		return nil, err
	}
	defer func() { _ = maintenance.Close(context.WithoutCancel(ctx)) }()
	if err := createRoles(ctx, maintenance); err != nil {
		return nil, explainPrivilege(err)
	}
	if err := letAdminAct(ctx, maintenance); err != nil {
		return nil, explainPrivilege(err)
	}
	create := fmt.Sprintf("CREATE DATABASE %s OWNER %s ENCODING 'UTF8' TEMPLATE template0",
		pgx.Identifier{config.Database}.Sanitize(), OwnerRole)
	if err := execUnlessDone(ctx, maintenance, create, duplicateDatabase, uniqueViolation); err != nil {
		return nil, explainPrivilege(err)
	}
	return connect(ctx, config)
}

func connect(ctx context.Context, config *pgx.ConnConfig) (*pgx.Conn, error) {
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	return conn, nil
}

func createRoles(ctx context.Context, conn *pgx.Conn) error {
	for role, login := range map[string]string{OwnerRole: "NOLOGIN", AppRole: "LOGIN"} {
		var exists bool
		if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)", role).Scan(&exists); err != nil {
			return fmt.Errorf("look for the role %s: %w", role, err)
		}
		if exists {
			continue
		}
		// The attributes that would undo row-level security are off by default; they are named all
		// the same, because the wall between tenants rests on them.
		create := fmt.Sprintf("CREATE ROLE %s %s NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE", role, login)
		if err := execUnlessDone(ctx, conn, create, duplicateObject, uniqueViolation); err != nil {
			return fmt.Errorf("create the role %s: %w", role, err)
		}
	}
	return nil
}

// letAdminAct lets an administrator who is no superuser take on both roles. Whether one can is
// found out by trying: since Postgres 16 one may be a member of a role and still not set it.
func letAdminAct(ctx context.Context, conn *pgx.Conn) error {
	for _, role := range []string{OwnerRole, AppRole} {
		if _, err := conn.Exec(ctx, "SET ROLE "+role); err == nil {
			if _, err := conn.Exec(ctx, "RESET ROLE"); err != nil {
				return fmt.Errorf("leave the role %s: %w", role, err)
			}
			continue
		} else if !hasCode(err, invalidPrivilege) {
			return fmt.Errorf("take on the role %s: %w", role, err)
		}
		if err := execUnlessDone(ctx, conn, fmt.Sprintf("GRANT %s TO CURRENT_USER", role), internalError, uniqueViolation); err != nil {
			return err
		}
	}
	return nil
}

// letOwnerCreate lets the owner role create tables and trusted extensions in the database, which
// it can already where it owns the database.
func letOwnerCreate(ctx context.Context, conn *pgx.Conn) error {
	var able bool
	const ask = `SELECT has_database_privilege($1, current_database(), 'CREATE') AND has_schema_privilege($1, 'public', 'CREATE, USAGE')`
	if err := conn.QueryRow(ctx, ask, OwnerRole).Scan(&able); err != nil {
		return fmt.Errorf("ask what %s may create: %w", OwnerRole, err)
	}
	if able {
		return nil
	}
	database := pgx.Identifier{conn.Config().Database}.Sanitize()
	for _, grant := range []string{
		fmt.Sprintf("GRANT CREATE ON DATABASE %s TO %s", database, OwnerRole),
		fmt.Sprintf("GRANT CREATE, USAGE ON SCHEMA public TO %s", OwnerRole),
	} {
		if err := execUnlessDone(ctx, conn, grant, internalError); err != nil {
			return err
		}
	}
	return nil
}

// execUnlessDone runs a statement and takes the given codes for "somebody has just done that".
func execUnlessDone(ctx context.Context, conn *pgx.Conn, statement string, done ...string) error {
	_, err := conn.Exec(ctx, statement)
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok && slices.Contains(done, pgErr.Code) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%s: %w", statement, err)
	}
	return nil
}

func explainPrivilege(err error) error {
	if !hasCode(err, invalidPrivilege) {
		return err
	}
	return fmt.Errorf("%w: let a superuser run this once, or create the roles %s (NOLOGIN) and %s (LOGIN) and grant both to the user of the URL",
		err, OwnerRole, AppRole)
}

func hasCode(err error, code string) bool {
	pgErr, ok := errors.AsType[*pgconn.PgError](err)
	return ok && pgErr.Code == code
}
