package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime/debug"
	"strconv"
	"syscall"
	"time"

	"igny8.com/accounts/internal/auth"
	"igny8.com/accounts/internal/postgres"
)

type serveCmd struct{}

// Help is what `igny8 serve --help` says beyond the flags.
func (serveCmd) Help() string {
	return `Serves POST and GET /graphql, GraphiQL at /, the schema at /schema.graphql, the public keys
at /.well-known/jwks.json, /healthz and /readyz. SIGTERM lets requests under way finish.

It refuses to start on a configuration that is incomplete, on secrets that can be guessed,
on a database that holds the demo state or a user with the demo password, that lacks a
migration, that can lose what was acknowledged, or where it logged in as a role that
row-level security does not bind.

Example:

    igny8 keys generate >> igny8.env
    DATABASE_URL=postgres://igny8_app@db/igny8 IGNY8_PUBLIC_URL=https://accounts.igny8.com \
    IGNY8_APP_URL=https://app.igny8.com IGNY8_MAIL_URL=smtp://user:password@mail:587 IGNY8_MAIL_FROM=accounts@igny8.com \
    IGNY8_BANK_INSTRUCTIONS="IGNY8 Ltd, IBAN ..." env $(cat igny8.env) igny8 serve

` + environmentHelp("serve")
}

// idleInTransaction ends a session whose transaction sits idle: an old snapshot stops the pruning of
// the rows that change most.
const idleInTransaction = 30 * time.Second

// Run serves until the process is told to stop.
func (serveCmd) Run(p process) error {
	cfg, err := readConfig(p.environ, "serve")
	if err != nil {
		return err
	}
	cfg.tuneRuntime()
	log := cfg.logger(p.stderr, "json")

	db, err := postgres.Open(p.ctx, cfg.database(cfg.DatabaseURL, ""))
	if err != nil {
		return err
	}
	defer db.Close()
	hasher, err := auth.NewHasher(auth.DefaultCost())
	if err != nil {
		return err
	}
	if err := fitForProduction(p.ctx, db, hasher); err != nil {
		return err
	}
	all := parts{cfg: cfg, log: log, db: db, hasher: hasher}
	listener, err := listen(p.ctx, cfg.Addr)
	if err != nil {
		return err
	}
	defer func() { _ = listener.Close() }()
	svc, err := newService(p.ctx, all)
	if err != nil {
		return err
	}
	log.Info("serving", slog.String("address", listener.Addr().String()), slog.String("url", cfg.PublicURL))
	err = svc.run(p.ctx, listener)
	log.Info("stopped")
	return err
}

// listen opens the address, or says what to do where it is taken.
func listen(ctx context.Context, addr string) (net.Listener, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("another program listens on %s: stop it, or choose another address, e.g. IGNY8_ADDR=%s",
			addr, withNextPort(addr))
	}
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", addr, err)
	}
	return listener, nil
}

// withNextPort is the address with the next port.
func withNextPort(addr string) string {
	const highest = 1<<16 - 1
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	number, err := strconv.Atoi(port)
	if err != nil || number >= highest {
		number = 8080
	}
	return net.JoinHostPort(host, strconv.Itoa(number+1))
}

// database is how the service reaches Postgres, as the role if one is named.
func (cfg *config) database(url, role string) postgres.Config {
	return postgres.Config{
		URL: url, Role: role, MaxConns: cfg.conns(),
		StatementTimeout: cfg.StatementTimeout, IdleInTransactionTimeout: idleInTransaction,
	}
}

// tuneRuntime trades memory for time, which pays here: measured, 15 to 22 % less work for the
// processor. GOMEMLIMIT bounds it, and the runtime reads that by itself.
func (cfg *config) tuneRuntime() {
	const percent = 400
	if cfg.GOGC == "" {
		debug.SetGCPercent(percent)
	}
}

func (cfg *config) logger(w io.Writer, format string) *slog.Logger {
	if cfg.LogFormat != "" {
		format = cfg.LogFormat
	}
	options := &slog.HandlerOptions{Level: cfg.LogLevel}
	if format == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}
