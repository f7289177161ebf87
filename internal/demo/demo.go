// Package demo owns the demo state: the accounts, people, sites and credits that production had when it
// was last described, for a new database to start from. docs/demo.md says what is recorded and what
// had to be reconstructed.
//
// What must always hold: it is loaded as a whole or not at all, and only into a database that holds no
// account; a database that holds it is marked, so that production can refuse to serve it; every ledger
// adds up; nobody is in it but the operator's own demo users.
package demo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/period"
	"igny8.com/accounts/internal/postgres"
)

// Password is the password of every demo user. It is public: whatever accepts it is no production.
const Password = "igny8-demo-password"

// ErrNotNew is the refusal to load the demo state into a database that holds accounts.
var ErrNotNew = errors.New("the demo state is loaded into a new database only, and this one holds accounts")

// mark is the name of the row in igny8_database_marks that tells of the demo state.
const mark = "demo"

// Emails are the demo users' emails, staff first.
func Emails() []string {
	emails := make([]string, len(state))
	for i := range state {
		emails[i] = state[i].owner.email
	}
	return emails
}

// New says whether the database holds no account at all, deleted ones included. It needs no tenant in ctx,
// and any role may ask.
func New(ctx context.Context, db *postgres.DB) (bool, error) {
	return holdsNoAccount(postgres.WithStaff(ctx), db)
}

// Present says whether the demo state was loaded into the database. It needs no tenant in ctx, and any
// role may ask.
func Present(ctx context.Context, db *postgres.DB) (bool, error) {
	var present bool
	err := db.NewRaw("SELECT EXISTS (SELECT FROM igny8_database_marks WHERE name = ?)", mark).Scan(ctx, &present)
	if err != nil {
		return false, fmt.Errorf("look for the demo state: %w", err)
	}
	return present, nil
}

// Load writes the demo state as of now into a database that holds no account, in one transaction, and marks
// the database. hash turns the demo password into what sign-in checks against; it is called once.
//
// admin is connected as the role that owns the tables, or as a superuser; the application's role may do
// neither of what is needed here. Errors: ErrNotNew.
func Load(ctx context.Context, admin *postgres.DB, hash func(context.Context, string) (string, error), now time.Time) error {
	passwordHash, err := hash(ctx, Password)
	if err != nil {
		return fmt.Errorf("hash the demo password: %w", err)
	}
	err = postgres.InTx(postgres.WithStaff(ctx), admin, func(ctx context.Context, tx bun.Tx) error {
		// Whoever signs up or loads at the same time waits here, or is waited for: nobody takes an id
		// of the demo state after it was found free.
		if _, err := tx.ExecContext(ctx, "LOCK TABLE igny8_tenants IN SHARE ROW EXCLUSIVE MODE"); err != nil {
			return fmt.Errorf("lock the accounts: %w", err)
		}
		isNew, err := holdsNoAccount(ctx, tx)
		if err != nil {
			return err
		}
		if !isNew {
			return ErrNotNew
		}
		l := &loader{tx: tx, now: period.Instant(now), passwordHash: passwordHash}
		return l.load(ctx)
	})
	if err != nil {
		return fmt.Errorf("load the demo state: %w", err)
	}
	return nil
}

// holdsNoAccount asks in the scope of staff, which sees every account whatever the role.
func holdsNoAccount(ctx context.Context, db bun.IDB) (bool, error) {
	var none bool
	if err := db.NewRaw("SELECT NOT EXISTS (SELECT FROM igny8_tenants)").Scan(ctx, &none); err != nil {
		return false, fmt.Errorf("look for accounts: %w", err)
	}
	return none, nil
}
