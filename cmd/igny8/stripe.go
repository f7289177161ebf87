package main

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"igny8.com/accounts/internal/billing"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/period"
	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/stripe"
)

type stripeCmd struct {
	Reconcile stripeReconcileCmd `cmd:"" help:"Compare Stripe with what stands here now, and list what differs."`
	Retry     stripeRetryCmd     `cmd:"" help:"Have Stripe told again of a change that was given up."`
}

type stripeReconcileCmd struct {
	Days int `default:"40" help:"How many days back money is compared, 1 to 3650."`
}

// Help is what `igny8 stripe reconcile --help` says beyond the flags.
func (stripeReconcileCmd) Help() string {
	return `Compares subscriptions, paid invoices and payments both ways, as the job does twice a day, writes what differs and lists it.
Paid invoices of which nobody told are taken in by a running server; nothing else is repaired. Nobody gets a letter.

Ends with exit code 1 where something differs.

Example:

    igny8 stripe reconcile --days=90

` + environmentHelp("stripe")
}

// Run compares.
func (c stripeReconcileCmd) Run(p process) error {
	const most = 3650
	if c.Days < 1 || c.Days > most {
		return usageError{fmt.Sprintf("--days is from 1 to %d", most)}
	}
	cfg, err := readConfig(p.environ, "stripe")
	if err != nil {
		return err
	}
	db, err := postgres.Open(p.ctx, postgres.Config{URL: cfg.DatabaseURL, ApplicationName: "igny8 stripe"})
	if err != nil {
		return err
	}
	defer db.Close()
	till := stripe.New(cfg.stripe(), db, billing.Office{}, slog.New(slog.NewTextHandler(p.stderr, nil)))
	now := period.Instant(time.Now())
	found, err := till.Reconcile(p.ctx, now.AddDate(0, 0, -c.Days), now)
	if err != nil {
		return err
	}
	if err := p.write(found.Text()); err != nil {
		return err
	}
	if n := len(found.Drifts); n > 0 {
		return fmt.Errorf("%d things are not as they must be", n)
	}
	return nil
}

type stripeRetryCmd struct {
	Account string `arg:"" help:"The account's id, e.g. acct_30."`
	Push    int64  `arg:"" help:"The number, as stripePushes and the letter to staff name it."`
}

// Help is what `igny8 stripe retry --help` says beyond the arguments.
func (stripeRetryCmd) Help() string {
	return `What was given up waits again, and a running server does it. It is refused where a newer wish about the same was left since.

Example:

    igny8 stripe retry acct_30 12

` + environmentHelp("stripe")
}

// Run has it tried again.
func (c stripeRetryCmd) Run(p process) error {
	account, err := gid.Parse[gid.Account](c.Account)
	if err != nil {
		return usageError{c.Account + " is no account's id, e.g. acct_30"}
	}
	cfg, err := readConfig(p.environ, "stripe")
	if err != nil {
		return err
	}
	db, err := postgres.Open(p.ctx, postgres.Config{URL: cfg.DatabaseURL, ApplicationName: "igny8 stripe"})
	if err != nil {
		return err
	}
	defer db.Close()
	again, err := billing.RetryPush(p.ctx, db, account, c.Push, period.Instant(time.Now()))
	switch {
	case err != nil:
		return err
	case again == nil:
		return errors.New("nothing of the account was given up by this number, or something newer took its place")
	}
	return p.write("it is tried again\n")
}
