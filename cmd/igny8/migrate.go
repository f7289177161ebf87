package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"igny8.com/accounts/internal/demo"
	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/migrations"
)

type migrateCmd struct {
	Up     migrateUpCmd     `cmd:"" help:"Apply the steps that the database has not."`
	Down   migrateDownCmd   `cmd:"" help:"Take the newest steps back."`
	Status migrateStatusCmd `cmd:"" help:"List the steps and which of them are applied."`
}

// Help is what `igny8 migrate --help` says beyond the commands.
func (migrateCmd) Help() string {
	return `Each step is one transaction that also records it; processes that migrate at once wait for
each other. The login of DATABASE_URL must be allowed to become igny8_owner;
docs/operating.md has the SQL that makes the roles.

` + environmentHelp("migrate")
}

func (p process) owner() (postgres.Config, error) {
	cfg, err := readConfig(p.environ, "migrate")
	if err != nil {
		return postgres.Config{}, err
	}
	return postgres.Config{URL: cfg.DatabaseURL, Role: postgres.OwnerRole, ApplicationName: "igny8 migrate"}, nil
}

type migrateUpCmd struct{}

// Help is what `igny8 migrate up --help` says beyond the flags.
func (migrateUpCmd) Help() string {
	return `Run it before the program that needs the steps is deployed; it does nothing where there is nothing to do.

Example:

    DATABASE_URL=postgres://igny8_migrate@db/igny8 igny8 migrate up

` + environmentHelp("migrate")
}

// Run applies what is pending.
func (migrateUpCmd) Run(p process) error {
	owner, err := p.owner()
	if err != nil {
		return err
	}
	done, err := postgres.MigrateUp(p.ctx, owner, migrations.FS)
	for _, name := range done {
		p.sayf("applied %s", name)
	}
	if err == nil && len(done) == 0 {
		p.sayf("nothing to do: the database has every step")
	}
	return err
}

type migrateDownCmd struct {
	Steps    int  `default:"1" help:"How many steps to take back, newest first."`
	LoseData bool `help:"Go on although the database holds accounts: what the steps made is dropped."`
}

// Help is what `igny8 migrate down --help` says beyond the flags.
func (migrateDownCmd) Help() string {
	return `What a step made is dropped with everything in it, so a database that holds accounts is left alone unless --lose-data says otherwise.

Example:

    DATABASE_URL=postgres://igny8_migrate@db/igny8 igny8 migrate down --steps=1

` + environmentHelp("migrate")
}

// Run takes steps back.
func (c migrateDownCmd) Run(p process) error {
	if c.Steps < 1 {
		return usageError{"--steps is at least 1"}
	}
	owner, err := p.owner()
	if err != nil {
		return err
	}
	if !c.LoseData {
		if err := p.refuseLoss(owner); err != nil {
			return err
		}
	}
	done, err := postgres.MigrateDown(p.ctx, owner, migrations.FS, c.Steps)
	for _, name := range done {
		p.sayf("took back %s", name)
	}
	if err == nil && len(done) == 0 {
		p.sayf("nothing to do: the database has no step")
	}
	return err
}

func (p process) refuseLoss(owner postgres.Config) error {
	db, err := postgres.Open(p.ctx, owner)
	if err != nil {
		return err
	}
	defer db.Close()
	var table bool
	if err := db.Pool.QueryRow(p.ctx, "SELECT to_regclass('igny8_tenants') IS NOT NULL").Scan(&table); err != nil {
		return fmt.Errorf("look for accounts: %w", err)
	}
	if !table {
		return nil
	}
	empty, err := demo.New(p.ctx, db)
	if err != nil {
		return err
	}
	if !empty {
		return errors.New("the database holds accounts, and taking steps back drops what they made: say --lose-data if that is meant")
	}
	return nil
}

type migrateStatusCmd struct {
	Check bool `help:"End with exit code 1 when a step is pending."`
}

// Help is what `igny8 migrate status --help` says beyond the flags.
func (migrateStatusCmd) Help() string {
	return `Changes nothing.

Example:

    DATABASE_URL=postgres://igny8_migrate@db/igny8 igny8 migrate status --check

` + environmentHelp("migrate")
}

// Run lists the steps.
func (c migrateStatusCmd) Run(p process) error {
	owner, err := p.owner()
	if err != nil {
		return err
	}
	db, err := postgres.Open(p.ctx, owner)
	if err != nil {
		return err
	}
	defer db.Close()
	steps, err := postgres.Migrations(p.ctx, db.DB, migrations.FS)
	if err != nil {
		return err
	}
	pending := 0
	for _, step := range steps {
		if step.Applied() {
			p.sayf("%-32s applied %s", step.Name, step.AppliedAt.UTC().Format(time.RFC3339))
			continue
		}
		pending++
		p.sayf("%-32s pending", step.Name)
	}
	if c.Check && pending > 0 {
		return fmt.Errorf("%d of %d steps are pending: run igny8 migrate up", pending, len(steps))
	}
	return nil
}

// write writes what was asked for; not to be able to is a failure.
func (p process) write(text string) error {
	if _, err := io.WriteString(p.stdout, text); err != nil {
		return fmt.Errorf("write the answer: %w", err)
	}
	return nil
}

// sayf writes a line for whoever called the command.
func (p process) sayf(format string, args ...any) {
	_, _ = fmt.Fprintf(p.stdout, format+"\n", args...)
}
