package main

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"strings"
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
	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/server"
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

// newServer puts the service together: the one place where every package meets.
func newServer(p parts) (*server.Server, error) {
	keys, err := auth.ParseKeys(p.cfg.SigningKeys)
	if err != nil {
		return nil, err
	}
	authority, err := auth.New(p.db, auth.Config{
		Keys: keys, RefreshSecret: []byte(p.cfg.Secret), Issuer: p.cfg.PublicURL, Audience: p.cfg.PublicURL,
		Hasher: p.hasher, Clock: time.Now, ClientIP: clientIP, RequestID: server.RequestID, Logger: p.log,
	})
	if err != nil {
		return nil, err
	}
	resolver := &graph.Resolver{
		DB: p.db, Auth: authority, Hasher: p.hasher, Log: p.log, Clock: time.Now,
		Bank: billing.BankDetails{
			Instructions: p.cfg.BankInstructions, Deadline: time.Duration(p.cfg.BankDeadlineDays) * 24 * time.Hour,
		},
	}
	page := web.Config{Endpoint: "/graphql", SchemaURL: "/schema.graphql", Demo: p.demo}
	if p.demo {
		page.DemoUsers = demoUsers()
	}
	return server.New(server.Config{
		Log: p.log, Build: build.Current(),
		GraphQL:    graph.NewHandler(resolver, gqlhttp.Config{RequestID: server.RequestID}),
		Auth:       func(next http.Handler) http.Handler { return authority.Middleware(noteActor(next)) },
		Page:       web.Handler(page),
		PageAssets: web.AssetPrefix,
		SDL:        graph.SDL(),
		JWKS:       keys.JWKS(),
		Ready:      readiness(p.db),
		Debug:      p.cfg.debugHandler(),
		Origins:    p.cfg.CORSOrigins, TrustedProxies: p.cfg.TrustedProxies,
		HTTPS:        strings.HasPrefix(p.cfg.PublicURL, "https://"),
		DrainTimeout: p.cfg.DrainTimeout,
	})
}

// serveAndKeep serves until ctx ends, and meanwhile does what falls due.
func serveAndKeep(ctx context.Context, srv *server.Server, listener net.Listener, p parts) error {
	const every = time.Minute
	whileServing, stop := context.WithCancel(ctx)
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		due.Keep(whileServing, p.db, p.log, time.Now, every)
	}()
	err := srv.Run(ctx, listener)
	stop()
	<-stopped
	return err
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
			server.Annotate(r.Context(),
				slog.String("account", gid.Format(actor.AccountID())), slog.String("user", gid.Format(actor.User.ID)))
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
