package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"igny8.com/accounts/internal/auth"
	"igny8.com/accounts/internal/demo"
	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/postgres/cluster"
	"igny8.com/accounts/migrations"
)

type devCmd struct{}

// Help is what `igny8 dev --help` says beyond the flags.
func (devCmd) Help() string {
	return `Starts a Postgres of its own that listens on no network, brings the schema up to date,
loads the demo state if the database is new, and serves until Ctrl-C, which answers the
requests under way and then stops Postgres. The data stays in IGNY8_DATA_DIR for the next
start; remove the directory to begin anew. With DATABASE_URL it uses that server instead.

Not for production: the passwords of the demo state are public.

Example:

    igny8 dev
    IGNY8_ADDR=127.0.0.1:9000 IGNY8_DATA_DIR=/tmp/igny8 igny8 dev

` + environmentHelp("dev")
}

// demoBank is what customers of the demo are told about paying.
const demoBank = "This is a demo: there is no bank account, so send nothing. The demo staff user confirms payments."

// stopPatience is how long Postgres may take to write everything out.
const stopPatience = 20 * time.Second

// Run serves the demo until the process is told to stop.
func (devCmd) Run(p process) (err error) {
	cfg, err := readConfig(p.environ, "dev")
	if err != nil {
		return err
	}
	cfg.tuneRuntime()
	log := cfg.logger(p.stderr, "text")
	// First, because it fails at once where a second copy is started by mistake.
	listener, err := listen(p.ctx, cfg.Addr)
	if err != nil {
		return err
	}
	defer func() { _ = listener.Close() }()
	here := "http://" + local(listener.Addr().String())
	if cfg.PublicURL == "" {
		cfg.PublicURL = here
	}
	if cfg.BankInstructions == "" {
		cfg.BankInstructions = demoBank
	}
	if err := cfg.useLastingSecrets(); err != nil {
		return err
	}
	if err := cfg.mailToFiles(here); err != nil {
		return err
	}

	ctx, fail := context.WithCancelCause(p.ctx)
	defer fail(nil)
	place, err := cfg.startPostgres(ctx, p)
	if err != nil {
		if stopped := ctx.Err(); stopped != nil {
			return stopped // programs that were interrupted fail for all kinds of other reasons
		}
		return err
	}
	defer func() { err = errors.Join(err, place.stop()) }()
	place.watch(fail)

	hasher, err := auth.NewHasher(auth.DefaultCost())
	if err != nil {
		return err
	}
	if err := prepare(ctx, place.admin, hasher, log); err != nil {
		return err
	}
	db, err := postgres.Open(ctx, cfg.database(place.app, postgres.AppRole))
	if err != nil {
		return err
	}
	defer db.Close()
	if err := postgres.Check(ctx, db.Pool, postgres.AllowVolatile, postgres.AllowAdminLogin); err != nil {
		return err
	}
	isDemo, err := demo.Present(ctx, db)
	if err != nil {
		return err
	}
	if isDemo && p.environ["IGNY8_TEST_CLOCKS"] == "" {
		cfg.TestClocks = true
	}
	all := parts{cfg: cfg, log: log, db: db, hasher: hasher, demo: isDemo}
	svc, err := newService(ctx, all)
	if err != nil {
		return err
	}
	p.welcome(here, place.about, cfg.MailURL, isDemo)
	if err := svc.run(ctx, listener); err != nil {
		return err
	}
	if cause := context.Cause(ctx); p.ctx.Err() == nil && cause != nil {
		return cause
	}
	return nil
}

// mailToFiles keeps mails as files in the data directory, unless they are to be sent.
func (cfg *config) mailToFiles(here string) error {
	if cfg.MailURL == "" {
		dir, err := filepath.Abs(filepath.Join(cfg.DataDir, "mail"))
		if err != nil {
			return fmt.Errorf("find a place for mails: %w", err)
		}
		cfg.MailURL = (&url.URL{Scheme: "file", Path: filepath.ToSlash(dir)}).String()
	}
	cfg.MailFrom = cmp.Or(cfg.MailFrom, "IGNY8 <accounts@igny8.invalid>")
	cfg.AppURL = cmp.Or(cfg.AppURL, here)
	return nil
}

// place is the Postgres that dev works on.
type place struct {
	// admin and app are URLs: of who may migrate, and of who the service logs in as.
	admin, app string
	about      string
	cluster    *cluster.Cluster // nil for somebody else's server
}

func (cfg *config) startPostgres(ctx context.Context, p process) (place, error) {
	if cfg.DatabaseURL != "" {
		return place{admin: cfg.DatabaseURL, app: cfg.DatabaseURL, about: "the server of DATABASE_URL"}, nil
	}
	if err := ctx.Err(); err != nil {
		return place{}, err
	}
	started, err := cluster.Start(ctx, cluster.Options{
		DataDir: filepath.Join(cfg.DataDir, "postgres"),
		Fetch:   &cluster.Fetch{Repository: cfg.PostgresMirror, Log: p.stderr},
	})
	if err != nil {
		return place{}, err
	}
	return place{
		admin:   started.URL(cluster.Superuser, postgres.Database),
		app:     started.URL(postgres.AppRole, postgres.Database),
		about:   fmt.Sprintf("Postgres %d of its own, data in %s", started.Binaries.Major, started.DataDir),
		cluster: started,
	}, nil
}

// watch ends the work when Postgres ends by itself.
func (pl place) watch(fail context.CancelCauseFunc) {
	if pl.cluster == nil {
		return
	}
	go func() {
		<-pl.cluster.Down()
		fail(fmt.Errorf("Postgres ended by itself; it said last:\n%s", pl.cluster.LastLog()))
	}()
}

func (pl place) stop() error {
	if pl.cluster == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), stopPatience)
	defer cancel()
	return pl.cluster.Stop(ctx)
}

// prepare brings the database up to date and loads the demo state into a new one.
func prepare(ctx context.Context, adminURL string, hasher *auth.Hasher, log *slog.Logger) error {
	if err := postgres.Bootstrap(ctx, adminURL); err != nil {
		return err
	}
	owner := postgres.Config{URL: adminURL, Role: postgres.OwnerRole, ApplicationName: "igny8 migrate"}
	done, err := postgres.MigrateUp(ctx, owner, migrations.FS)
	if err != nil {
		return err
	}
	if len(done) > 0 {
		log.Info("migrated", slog.Int("steps", len(done)), slog.String("to", done[len(done)-1]))
	}
	admin, err := postgres.Open(ctx, owner)
	if err != nil {
		return err
	}
	defer admin.Close()
	isNew, err := demo.New(ctx, admin)
	if err != nil || !isNew {
		return err
	}
	err = demo.Load(ctx, admin, hasher.Hash, time.Now())
	if errors.Is(err, demo.ErrNotNew) {
		return nil // somebody signed up, or another copy loaded it, in the meantime
	}
	return err
}

// welcome says where everything is and what to try first.
func (p process) welcome(url, about, mails string, isDemo bool) {
	p.sayf("")
	p.sayf("IGNY8 accounts is up. %s.", strings.ToUpper(about[:1])+about[1:])
	p.sayf("")
	p.sayf("  GraphiQL  %s/", url)
	p.sayf("  GraphQL   %s/graphql", url)
	p.sayf("  Schema    %s/schema.graphql", url)
	if dir, ok := strings.CutPrefix(mails, "file://"); ok {
		p.sayf("  Mails     %s", dir)
	}
	p.sayf("")
	if isDemo {
		p.sayf("Demo users, all with the password %s:", demo.Password)
		p.sayf("")
		for _, user := range demoUsers() {
			p.sayf("  %-32s %s", user.Email, user.About)
		}
		p.sayf("")
	}
	p.sayf("Try:")
	p.sayf("")
	p.sayf("  curl -s %s/graphql -H 'Content-Type: application/json' \\", url)
	p.sayf(`    -d '{"query":"{ plans { slug name includedCredits maxSites } }"}'`)
	p.sayf("")
	p.sayf("Ctrl-C stops it.")
	p.sayf("")
}
