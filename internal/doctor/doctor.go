// Package doctor looks at a database as a whole: what is in it, and whether everything that must always
// hold does. It changes and locks nothing.
//
// It goes account by account, in each account's own scope, so that it sees the same through the service's
// own role as through an administrator's. Each account is read in one snapshot. What credits must keep is
// credit's to say; this package adds what crosses packages: owners, subscriptions and their periods.
package doctor

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/credit"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres"
)

// Report is what a database holds and what is wrong with it.
type Report struct {
	// Counts are of all accounts together, by section and name.
	Counts   []Count
	Plans    []Plan
	Accounts int
	// Lines is how many ledger lines were checked.
	Lines    int64
	Problems []Problem
}

// Problem is a row that breaks a promise.
type Problem struct {
	credit.Problem

	Account gid.Account
}

func (p Problem) String() string { return gid.Format(p.Account) + ": " + p.Problem.String() }

// Count is how many there are of something, and what they add up to where that means anything.
type Count struct {
	Section string `bun:"section"`
	Name    string `bun:"name"`
	N       int64  `bun:"n"`
	Sum     *int64 `bun:"total"`
}

// Plan is a plan with how many accounts are on it.
type Plan struct {
	ID              gid.Plan `bun:"id"`
	Slug            string   `bun:"slug"`
	PriceMinor      int64    `bun:"price_minor"`
	Currency        string   `bun:"currency"`
	IncludedCredits int64    `bun:"included_credits"`
	MaxSites        int      `bun:"max_sites"`
	MaxUsers        int      `bun:"max_users"`
	Active          bool     `bun:"is_active"`
	Accounts        int      `bun:"accounts"`
}

// Examine reads everything.
func Examine(ctx context.Context, db bun.IDB) (*Report, error) {
	r := &Report{}
	staff := postgres.WithStaff(ctx)
	err := db.NewRaw(`SELECT p.id, p.slug, p.price_minor, p.currency, p.included_credits, p.max_sites, p.max_users, p.is_active,
		(SELECT count(*) FROM igny8_tenants AS a WHERE a.plan_id = p.id AND a.deleted_at IS NULL) AS accounts
		FROM igny8_plans AS p ORDER BY p.id`).Scan(staff, &r.Plans)
	if err != nil {
		return nil, fmt.Errorf("read plans: %w", err)
	}
	var tenants []gid.Account
	// Credits that belong to no account would be missed by a list of the accounts alone.
	err = db.NewRaw(`SELECT id FROM igny8_tenants UNION SELECT tenant_id FROM igny8_credit_accounts
		UNION SELECT tenant_id FROM igny8_credit_grants UNION SELECT tenant_id FROM igny8_credit_holds
		UNION SELECT tenant_id FROM igny8_subscriptions UNION SELECT tenant_id FROM igny8_subscription_periods ORDER BY 1`).
		Scan(staff, &tenants)
	if err != nil {
		return nil, fmt.Errorf("list accounts: %w", err)
	}
	counts := newCounts()
	for _, tenant := range tenants {
		if err := r.examine(ctx, db, tenant, counts); err != nil {
			return nil, fmt.Errorf("%s: %w", gid.Format(tenant), err)
		}
	}
	r.Accounts, r.Counts = len(tenants), counts.sorted()
	return r, nil
}

func (r *Report) examine(ctx context.Context, db bun.IDB, tenant gid.Account, counts *tally) error {
	ctx = postgres.WithTenant(ctx, int64(tenant))
	ledger, err := credit.Verify(ctx, db, tenant)
	if err != nil {
		return err
	}
	r.Lines += ledger.CheckedLines
	for _, p := range ledger.Problems {
		r.Problems = append(r.Problems, Problem{*p, tenant})
	}
	tx, err := db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // nothing was written
	found := []credit.Problem{}
	query := `SELECT check_name, row_name, detail FROM (` + strings.Join(checks, "\nUNION ALL\n") + `) AS problem (check_name, row_name, detail)
		ORDER BY check_name, row_name LIMIT ?1`
	if err := tx.NewRaw(query, tenant, credit.MaxProblems).Scan(ctx, &found); err != nil {
		return fmt.Errorf("check: %w", err)
	}
	for _, p := range found {
		r.Problems = append(r.Problems, Problem{p, tenant})
	}
	rows := []Count{}
	if err := tx.NewRaw(strings.Join(census, "\nUNION ALL\n"), tenant).Scan(ctx, &rows); err != nil {
		return fmt.Errorf("count: %w", err)
	}
	for _, c := range rows {
		counts.add(c)
	}
	return nil
}

// OK says whether nothing is wrong.
func (r *Report) OK() bool { return len(r.Problems) == 0 }
