package main

import (
	"fmt"

	"igny8.com/accounts/internal/doctor"
	"igny8.com/accounts/internal/postgres"
)

type doctorCmd struct{}

// Help is what `igny8 doctor --help` says beyond the flags.
func (doctorCmd) Help() string {
	return `Reports what the database holds (plans, accounts by status, users by role, sites, subscriptions, ledger) and
checks, account by account, that everything that must always hold does: the ledger adds up to the balance and to what
is left on the grants, has no gap, and its lines agree with the grants they touched; what is held is what the open
holds set aside; every account has one subscription, an owner, and periods without gap or overlap.

Ends with exit code 1 when something is wrong, and names the rows. Changes and locks nothing. The login of DATABASE_URL
may be the service's own.

Example:

    DATABASE_URL=postgres://igny8_app@db/igny8 igny8 doctor

` + environmentHelp("doctor")
}

// Run reports and checks.
func (doctorCmd) Run(p process) error {
	cfg, err := readConfig(p.environ, "doctor")
	if err != nil {
		return err
	}
	db, err := postgres.Open(p.ctx, postgres.Config{URL: cfg.DatabaseURL, ApplicationName: "igny8 doctor"})
	if err != nil {
		return err
	}
	defer db.Close()
	report, err := doctor.Examine(p.ctx, db.DB)
	if err != nil {
		return err
	}
	if err := p.write(report.Text()); err != nil {
		return err
	}
	if !report.OK() {
		return fmt.Errorf("%d rows are not as they must be", len(report.Problems))
	}
	return nil
}
