package postgres

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5/pgxpool"
)

// MinServerMajor is the oldest major version of Postgres that the schema is tested on.
const MinServerMajor = 15

// Allowance lets Check pass over one kind of danger.
type Allowance int

const (
	// AllowVolatile accepts a server that can lose acknowledged writes: a test cluster.
	AllowVolatile Allowance = iota + 1
	// AllowAdminLogin accepts that an administrator logged in, as long as the role taken on by SET
	// ROLE is a safe one: development on a server of one's own.
	AllowAdminLogin
)

// Check refuses a server or a role that this service must not be trusted to. All that is wrong is
// told at once, a line each (the error unwraps to them), and each line says what to change.
func Check(ctx context.Context, pool *pgxpool.Pool, allow ...Allowance) error {
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("check the database: %w", err)
	}
	defer conn.Release()

	var allowed [AllowAdminLogin + 1]bool
	for _, a := range allow {
		allowed[a] = true
	}
	var f findings
	const read = `SELECT
		current_setting('server_version_num'),
		current_setting('standard_conforming_strings'), current_setting('server_encoding'),
		current_setting('fsync'), current_setting('full_page_writes'), current_setting('synchronous_commit'),
		session_user::text, current_user::text,
		(SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = session_user),
		(SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user),
		has_schema_privilege(current_user, 'public', 'CREATE')`
	if err := conn.QueryRow(ctx, read).Scan(&f.version, &f.conforming, &f.encoding, &f.fsync, &f.fullPages, &f.commit,
		&f.session, &f.current, &f.sessionExempt, &f.currentExempt, &f.creates); err != nil {
		return fmt.Errorf("check the database: %w", err)
	}
	// A superuser is a member of every role, so for one this says nothing of its own.
	const ownedBy = `SELECT coalesce(min(relname), '') FROM pg_class
		WHERE relkind IN ('r', 'p') AND relname LIKE 'igny8\_%' AND pg_has_role($1, relowner, 'MEMBER')`
	if err := conn.QueryRow(ctx, ownedBy, f.session).Scan(&f.sessionOwns); err != nil {
		return fmt.Errorf("check the database: %w", err)
	}
	if err := conn.QueryRow(ctx, ownedBy, f.current).Scan(&f.currentOwns); err != nil {
		return fmt.Errorf("check the database: %w", err)
	}
	return errors.Join(f.refusals(allowed[AllowVolatile], allowed[AllowAdminLogin])...)
}

// findings are what Check saw.
type findings struct {
	version, conforming, encoding string
	fsync, fullPages, commit      string
	session, current              string // the user who logged in, and the role taken on
	sessionExempt, currentExempt  bool   // from row-level security
	sessionOwns, currentOwns      string // the name of a table
	creates                       bool
}

func (f findings) refusals(allowVolatile, allowAdmin bool) []error {
	var found []error
	refuse := func(bad bool, format string, args ...any) {
		if bad {
			found = append(found, fmt.Errorf("unsafe database: "+format, args...)) //nolint:err113 // sentences for a person
		}
	}
	version, err := strconv.Atoi(f.version)
	refuse(err != nil || version/10_000 < MinServerMajor,
		"the server is Postgres %d: upgrade it to %d or newer", version/10_000, MinServerMajor)
	refuse(f.conforming != "on",
		"standard_conforming_strings is %s, which lets text break out of its quotes: set it to on", f.conforming)
	refuse(f.encoding != "UTF8",
		"its encoding is %s: create the database with ENCODING 'UTF8'", f.encoding)
	if !allowVolatile {
		refuse(f.fsync != "on", "fsync is %s, so a power cut can destroy it: set fsync to on", f.fsync)
		refuse(f.fullPages != "on", "full_page_writes is %s, so a power cut can destroy it: set full_page_writes to on", f.fullPages)
		refuse(f.commit == "off", "synchronous_commit is off, so a crash loses acknowledged writes: set synchronous_commit to on")
	}

	f.role(refuse, f.current, f.currentExempt, f.currentOwns)
	if f.session != f.current && !allowAdmin {
		f.role(refuse, f.session, f.sessionExempt, f.sessionOwns)
	}
	refuse(f.creates && !f.currentExempt, "the role %s may create objects in the schema public: REVOKE CREATE ON SCHEMA public FROM PUBLIC, %[1]s", f.current)
	return found
}

func (findings) role(refuse func(bad bool, format string, args ...any), name string, exempt bool, owns string) {
	refuse(exempt, "the role %s is a superuser or has BYPASSRLS, so nothing keeps tenants apart: "+
		"connect as %s, or ALTER ROLE %[1]s NOSUPERUSER NOBYPASSRLS", name, AppRole)
	refuse(!exempt && owns != "", "the role %s is or can become the owner of the table %s, so it can switch its policies off: "+
		"connect as %s, which owns nothing", name, owns, AppRole)
}
