package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"strings"
	"sync"
	"time"

	"igny8.com/accounts/graph"
	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/auth"
	"igny8.com/accounts/internal/billing"
	"igny8.com/accounts/internal/build"
	"igny8.com/accounts/internal/demo"
	"igny8.com/accounts/internal/due"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/gqlhttp"
	"igny8.com/accounts/internal/jobs"
	"igny8.com/accounts/internal/live"
	"igny8.com/accounts/internal/mail"
	"igny8.com/accounts/internal/metrics"
	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/server"
	"igny8.com/accounts/internal/stripe"
	"igny8.com/accounts/internal/throttle"
	"igny8.com/accounts/internal/vault"
	"igny8.com/accounts/internal/wordpress"
	"igny8.com/accounts/web"
)

// parts are what serve and dev bring; everything else is made here.
type parts struct {
	cfg    config
	log    *slog.Logger
	db     *postgres.DB
	hasher *auth.Hasher
	// demo says that the database holds the demo state.
	demo bool
}

// service is everything that serves and works until it is stopped.
type service struct {
	server *server.Server
	// postman sends letters, crew does what else falls due.
	postman *due.Keeper
	crew    *jobs.Crew
	// metrics is nil where none are asked for.
	metrics *metricsServer
	// notices brings live events from other servers and to them.
	notices *live.Exchange
	// stop gives back what was opened.
	stop func()
}

// newService puts the service together: the one place where every package meets.
func newService(ctx context.Context, p parts) (*service, error) {
	keys, err := auth.ParseKeys(p.cfg.SigningKeys)
	if err != nil {
		return nil, err
	}
	sealing, err := vault.Parse(p.cfg.VaultKeys)
	if err != nil {
		return nil, err
	}
	sender, err := mail.Open(p.cfg.MailURL, p.cfg.MailFrom)
	if err != nil {
		return nil, err
	}
	inFlight, err := throttle.NewInFlight(throttle.DefaultRunning, throttle.DefaultWaiting)
	if err != nil {
		return nil, err
	}
	box := &mail.Box{Vault: sealing, App: p.cfg.AppURL}
	authority, err := auth.New(p.db, auth.Config{
		Keys: keys, RefreshSecret: []byte(p.cfg.Secret), Issuer: p.cfg.PublicURL, Audience: p.cfg.PublicURL,
		Hasher: p.hasher, Clock: time.Now, ClientIP: clientIP, RequestID: server.RequestID, Logger: p.log,
		Vault: sealing, Mail: box,
	})
	if err != nil {
		return nil, err
	}
	gate, stop, err := p.gate(ctx)
	if err != nil {
		return nil, err
	}
	postman := p.postman(authority, box, sender)
	office := billing.Office{
		Bank: billing.BankDetails{
			Instructions: p.cfg.BankInstructions, Deadline: time.Duration(p.cfg.BankDeadlineDays) * 24 * time.Hour,
		},
		Seller: p.cfg.seller(), StaffEmail: p.cfg.BillingEmail, SecondAbove: p.cfg.secondAbove, Mail: box,
	}
	till := p.till(office)
	resolver := &graph.Resolver{
		DB: p.db, Auth: authority, Hasher: p.hasher, Log: p.log, Clock: time.Now, Bank: office.Bank,
		Seller: office.Seller, PublicURL: p.cfg.PublicURL, StaffEmail: office.StaffEmail, SecondAbove: office.SecondAbove,
		TestClocks: p.cfg.TestClocks, Stripe: till,
		Mail: box, Vault: sealing, WordPress: wordpress.New(sealing, wordpress.Config{}),
		Gate: gate, InFlight: inFlight, Wake: postman.Wake, Hub: live.NewHub(),
	}
	counted := metrics.New(p.db, p.log)
	srv, err := p.newServer(resolver, keys, authority, counted)
	if err != nil {
		stop()
		return nil, err
	}
	measured, err := p.openMetrics(ctx, counted)
	if err != nil {
		stop()
		return nil, err
	}
	return &service{
		server: srv, postman: postman, metrics: measured, stop: stop,
		crew:    jobs.New(jobs.Config{DB: p.db, Office: office, Log: p.log, Clock: time.Now, Observe: counted.Job, Stripe: tillWork(till)}),
		notices: live.NewExchange(p.db, resolver.Hub, p.log),
	}, nil
}

// webhook answers what Stripe sends.
func webhook(till *stripe.Till) http.Handler {
	if till == nil {
		return stripe.Closed(server.Refuse)
	}
	return till.Webhook(time.Now, server.Refuse)
}

// tillWork is what jobs have to do with Stripe.
func tillWork(till *stripe.Till) jobs.Stripe {
	if till == nil {
		return jobs.Stripe{}
	}
	return jobs.Stripe{Event: till.Work, Waiting: till.Waiting, Push: till.Push, Reconcile: till.ReconcileDue}
}

// till is where Stripe's side is worked on; nil where Stripe is not set up.
func (p parts) till(office billing.Office) *stripe.Till {
	cfg := p.cfg.stripe()
	if !cfg.Set() {
		return nil
	}
	return stripe.New(cfg, p.db, office, p.log)
}

func (p parts) newServer(
	resolver *graph.Resolver, keys *auth.Keys, authority *auth.Authority, counted *metrics.Metrics,
) (*server.Server, error) {
	page := web.Config{Endpoint: "/graphql", SchemaURL: "/schema.graphql", Demo: p.demo}
	if p.demo {
		page.DemoUsers = demoUsers()
	}
	streams := resolver.Live(gqlhttp.LiveConfig{Origins: p.cfg.CORSOrigins})
	return server.New(server.Config{
		Log: p.log, Build: build.Current(),
		GraphQL: graph.NewHandler(resolver, gqlhttp.Config{
			RequestID: server.RequestID, Operations: p.cfg.operations, OperationsOnly: p.cfg.OperationsOnly, Edition2026: p.cfg.HTTP2026,
			Live: streams,
		}),
		Lasts: gqlhttp.Lasts, Drain: streams.Drain,
		Export:     graph.ExportHandler(resolver),
		Documents:  graph.DocumentHandler(resolver),
		Webhook:    webhook(resolver.Stripe),
		Auth:       func(next http.Handler) http.Handler { return authority.Middleware(noteActor(next)) },
		Page:       web.Handler(page),
		PageAssets: web.AssetPrefix,
		SDL:        graph.SDL(),
		JWKS:       keys.JWKS(),
		Ready:      readiness(p.db),
		Observe:    counted.Request,
		Debug:      p.cfg.debugHandler(),
		Origins:    p.cfg.CORSOrigins, TrustedProxies: p.cfg.TrustedProxies,
		HTTPS:        strings.HasPrefix(p.cfg.PublicURL, "https://"),
		DrainTimeout: p.cfg.DrainTimeout,
	})
}

// gate charges by the published policy, in Redis where one is configured.
func (p parts) gate(ctx context.Context) (gate *throttle.Gate, stop func(), err error) {
	policy := throttle.DefaultPolicy()
	policy.Disabled = p.cfg.ThrottleOff
	if p.cfg.RedisURL == "" {
		gate, err = throttle.NewGate(throttle.NewMemory(), policy)
		return gate, func() {}, err
	}
	redis, err := throttle.OpenRedis(ctx, p.cfg.RedisURL, throttle.Patience, p.log)
	if err != nil {
		return nil, nil, err
	}
	gate, err = throttle.NewGate(redis, policy)
	return gate, func() {
		if err := redis.Close(); err != nil {
			p.log.Warn("Redis was not left in order", slog.Any("error", err))
		}
	}, err
}

// postman sends letters, and looks for them as often as somebody who waits for one would.
func (p parts) postman(authority *auth.Authority, box *mail.Box, sender mail.Sender) *due.Keeper {
	const every = 5 * time.Second
	return due.NewKeeper(p.log, time.Now, every,
		due.Work{Name: "requests for new passwords", Do: authority.WorkResetRequests},
		due.Work{Name: "letters to send", Do: func(ctx context.Context, now time.Time) (int, error) {
			return box.SendDue(ctx, p.db, sender, p.log, now)
		}},
	)
}

// run serves until ctx ends, and meanwhile does what falls due.
func (s *service) run(ctx context.Context, listener net.Listener) error {
	defer s.stop()
	whileServing, stop := context.WithCancel(ctx)
	var kept sync.WaitGroup
	var worked error
	kept.Go(func() { s.postman.Keep(whileServing) })
	kept.Go(func() { s.notices.Run(whileServing) })
	kept.Go(func() { s.metrics.run(whileServing) })
	kept.Go(func() { worked = s.crew.Run(whileServing) })
	err := s.server.Run(ctx, listener)
	stop()
	kept.Wait()
	return errors.Join(err, worked)
}

func clientIP(r *http.Request) string {
	if addr := server.ClientIP(r.Context()); addr.IsValid() {
		return addr.String()
	}
	return ""
}

// noteActor lets the access log say who made a request, by ids alone.
func noteActor(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if actor := account.ActorFrom(r.Context()); actor.SignedIn() {
			server.Annotate(r.Context(), slog.String("account", gid.Format(actor.AccountID())))
			if actor.Key != nil {
				server.Annotate(r.Context(), slog.String("key", gid.Format(actor.Key.ID)))
			} else {
				server.Annotate(r.Context(), slog.String("user", gid.Format(actor.User.ID)))
			}
		}
		next.ServeHTTP(w, r)
	})
}

// debugHandler serves profiles; nil unless they were asked for.
func (cfg *config) debugHandler() http.Handler {
	if !cfg.Debug {
		return nil
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return mux
}

// demoUsers are the demo state's people as the page and the terminal offer them, first an owner whose
// plan leaves room for trying things.
func demoUsers() []web.DemoUser {
	about := []struct{ email, about string }{
		{"scale@igny8.com", "owner of Scale Account, active on the plan scale"},
		{"dev@igny8.com", "staff: confirms payments; the account is AWS Admin, a system account"},
		{"admin@homeg8.com", "owner of Home G8, active on the plan starter"},
		{"payments@tacbit.net", "owner of TacBit, on trial with the plan free"},
		{"auto+remote0003@example.com", "owner of Auto Remote, on trial with the plan enterprise"},
	}
	users := make([]web.DemoUser, len(about))
	for i, a := range about {
		users[i] = web.DemoUser{Email: a.email, Password: demo.Password, About: a.about}
	}
	return users
}
