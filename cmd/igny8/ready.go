package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/auth"
	"igny8.com/accounts/internal/billing"
	"igny8.com/accounts/internal/demo"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/migrations"
)

// readiness makes the question that /readyz asks: does the database answer, and has it every step that
// this program knows? Steps that it does not know are no reason to stop answering: during a deployment
// the database is ahead of the programs that are about to go.
func readiness(db *postgres.DB) func(context.Context) error {
	return func(ctx context.Context) error {
		pending, err := pendingSteps(ctx, db)
		if err != nil {
			return err
		}
		if len(pending) > 0 {
			return fmt.Errorf("the database lacks the migration %s", strings.Join(pending, ", "))
		}
		return nil
	}
}

// pendingSteps names the steps that the database has not.
func pendingSteps(ctx context.Context, db *postgres.DB) ([]string, error) {
	ups, err := fs.Glob(migrations.FS, "*.up.sql")
	if err != nil {
		return nil, fmt.Errorf("read the migrations: %w", err)
	}
	var table bool
	if err := db.Pool.QueryRow(ctx, "SELECT to_regclass('igny8_migrations') IS NOT NULL").Scan(&table); err != nil {
		return nil, fmt.Errorf("read the state of the migrations: %w", err)
	}
	var applied []string
	if table {
		if err := db.Pool.QueryRow(ctx, "SELECT coalesce(array_agg(name), '{}') FROM igny8_migrations").Scan(&applied); err != nil {
			return nil, fmt.Errorf("read the state of the migrations: %w", err)
		}
	}
	var pending []string
	for _, file := range ups {
		number, _, _ := strings.Cut(path.Base(file), "_")
		if !slices.Contains(applied, number) {
			pending = append(pending, strings.TrimSuffix(file, ".tx.up.sql"))
		}
	}
	return pending, nil
}

// fitForProduction refuses a database that production must not run on, and says everything that is
// wrong with it.
func fitForProduction(ctx context.Context, db *postgres.DB, hasher *auth.Hasher) error {
	problems := []error{postgres.Check(ctx, db.Pool)}
	pending, err := pendingSteps(ctx, db)
	switch {
	case err != nil:
		return errors.Join(append(problems, err)...)
	case len(pending) > 0:
		// Without them the tables that the other questions go to may not be there.
		return errors.Join(append(problems,
			fmt.Errorf("the database lacks the migration %s: run igny8 migrate up", strings.Join(pending, ", ")))...)
	}
	present, err := demo.Present(ctx, db)
	if err != nil {
		problems = append(problems, err)
	}
	if present {
		problems = append(problems, errors.New("the database holds the demo state, whose passwords are public: use a new database"))
	}
	sandboxes, err := billing.Sandboxes(ctx, db)
	if err != nil {
		problems = append(problems, err)
	}
	if sandboxes {
		problems = append(problems, errors.New("the database holds accounts on a test clock, whose payments and invoices are not real: use a new database"))
	}
	return errors.Join(append(problems, demoPasswords(ctx, db, hasher))...)
}

// demoPasswords refuses users that sign in by the demo password. Only the demo's own emails are tried:
// a hash answers to nothing but a guess, and each guess takes a processor some 20 ms.
func demoPasswords(ctx context.Context, db *postgres.DB, hasher *auth.Hasher) error {
	var problems []error
	for _, email := range demo.Emails() {
		user, err := userByEmail(ctx, db, email)
		if err != nil {
			return fmt.Errorf("look for demo users: %w", err)
		}
		if user == nil || user.PasswordHash == nil {
			continue
		}
		matches, err := hasher.Verify(ctx, demo.Password, *user.PasswordHash)
		if err != nil {
			return fmt.Errorf("look for demo users: %w", err)
		}
		if matches {
			problems = append(problems, fmt.Errorf("the user %s has the demo password, which is public: change it or remove the user", email))
		}
	}
	return errors.Join(problems...)
}

// userByEmail finds whoever an email signs in; nil where it signs in nobody.
func userByEmail(ctx context.Context, db *postgres.DB, email string) (*account.User, error) {
	var tenant gid.Account
	var id gid.User
	err := db.Pool.QueryRow(ctx, "SELECT tenant_id, user_id FROM igny8_login_directory WHERE email = $1", email).Scan(&tenant, &id)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil //nolint:nilnil // nobody is an answer
	}
	if err != nil {
		return nil, err //nolint:wrapcheck // the caller says what for
	}
	users, err := account.UsersByIDs(postgres.WithTenant(ctx, int64(tenant)), db, tenant, []gid.User{id})
	if err != nil || len(users) == 0 {
		return nil, err
	}
	return users[0], nil
}
