package main

import (
	"fmt"
	"time"

	"igny8.com/accounts/internal/jobs"
	"igny8.com/accounts/internal/postgres"
)

type jobsCmd struct{}

// Help is what `igny8 jobs --help` says beyond the flags.
func (jobsCmd) Help() string {
	return `Tells of each kind of job when it was done last and is done next, and how many wait, run, are tried again and were
given up; and which jobs failed, with the error. Jobs are named by ids; nothing about a person is stored with them.

Ends with exit code 1 when somebody has to look: a job was given up and none did its work later, a kind was not done
for 15 minutes, or something is undone for an account that fell due 15 minutes ago. Changes and locks nothing.

Example:

    DATABASE_URL=postgres://igny8_app@db/igny8 igny8 jobs

` + environmentHelp("jobs")
}

// Run reports.
func (jobsCmd) Run(p process) error {
	cfg, err := readConfig(p.environ, "jobs")
	if err != nil {
		return err
	}
	db, err := postgres.Open(p.ctx, postgres.Config{URL: cfg.DatabaseURL, ApplicationName: "igny8 jobs"})
	if err != nil {
		return err
	}
	defer db.Close()
	report, err := jobs.Look(p.ctx, db.DB, time.Now())
	if err != nil {
		return err
	}
	if err := p.write(report.Text()); err != nil {
		return err
	}
	if !report.OK() {
		return fmt.Errorf("%d things are not as they must be", len(report.Problems))
	}
	return nil
}
