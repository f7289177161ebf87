package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"igny8.com/accounts/internal/apikey"
	"igny8.com/accounts/internal/period"
	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/vault"
	"igny8.com/accounts/internal/wordpress"
)

type importCmd struct {
	Keys importKeysCmd `cmd:"" help:"Carry API keys over from the system before this one."`
}

type importKeysCmd struct {
	File string `arg:"" help:"A CSV file with the heading tenant,site,key." type:"existingfile"`
}

// Help is what `igny8 import keys --help` says beyond the flags.
func (importKeysCmd) Help() string {
	return `Each line names an account and a site, by id (30 or acct_30, 19 or site_19) or by slug, and the value of the
old system's wp_api_key. The keys go on working, with every scope, until they are rotated or revoked; only their keyed
hashes are kept. Either every line is carried over or none is, and what is wrong is told by line, never with a key.
Said again, it changes nothing. It holds the accounts until it is done.

Example:

    DATABASE_URL=postgres://igny8_app@db/igny8 IGNY8_VAULT_KEYS=... igny8 import keys wp_api_keys.csv

` + environmentHelp("import")
}

// Run carries the keys over.
func (c importKeysCmd) Run(p process) error {
	return p.withVault("import", func(ctx context.Context, db *postgres.DB, v *vault.Vault) error {
		file, err := os.Open(c.File)
		if err != nil {
			return fmt.Errorf("read the keys: %w", err)
		}
		defer func() { _ = file.Close() }()
		report, err := apikey.ImportCSV(ctx, db, v, file, period.Instant(time.Now()))
		if err != nil {
			return err
		}
		p.sayf("%s carried over, %d there already", plural(report.Imported, "key", "keys"), report.Present)
		return nil
	})
}

type resealCmd struct{}

// Help is what `igny8 reseal --help` says beyond the flags.
func (resealCmd) Help() string {
	return `Seals the application passwords of WordPress anew with the first key of IGNY8_VAULT_KEYS, where an older one
sealed them. Run it when every server has the new key first; docs/operating.md says how keys are replaced. It can be
interrupted and said again.

Ends with exit code 1 when something is left that no key opens: then no key may be given up.

Example:

    DATABASE_URL=postgres://igny8_app@db/igny8 IGNY8_VAULT_KEYS=new:...,old:... igny8 reseal

` + environmentHelp("reseal")
}

// Run seals anew.
func (resealCmd) Run(p process) error {
	return p.withVault("reseal", func(ctx context.Context, db *postgres.DB, v *vault.Vault) error {
		report, err := wordpress.Reseal(ctx, db, v)
		p.sayf("%s sealed with %s", plural(report.Resealed, "password", "passwords"), v.Current())
		if err == nil && report.Left > 0 {
			err = errors.New(plural(report.Left, "password does", "passwords do") + " not open with any of the keys: give none up")
		}
		return err
	})
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// withVault runs a command that needs the database and the vault's keys.
func (p process) withVault(command string, run func(context.Context, *postgres.DB, *vault.Vault) error) error {
	cfg, err := readConfig(p.environ, command)
	if err != nil {
		return err
	}
	if why := weakKeys(cfg.VaultKeys, parseVaultKeys); why != "" {
		return usageError{"IGNY8_VAULT_KEYS: " + why}
	}
	v, err := vault.Parse(cfg.VaultKeys)
	if err != nil {
		return err
	}
	db, err := postgres.Open(p.ctx, postgres.Config{URL: cfg.DatabaseURL, ApplicationName: "igny8 " + command})
	if err != nil {
		return err
	}
	defer db.Close()
	return run(p.ctx, db, v)
}
