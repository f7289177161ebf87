// Package graph owns the GraphQL API: the doors in front of its fields, the loaders that keep one
// query from becoming many, and one file of resolvers a noun. Resolvers are a few lines: they read
// the input, call one function of the domain and answer what it returned.
//
// What must always hold: every root field has a door, every value that belongs to an account passes
// the net of @tenant, no relation costs a query a row, and no error leaves without a code.
package graph

//go:generate go tool gqlgen generate

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/auth"
	"igny8.com/accounts/internal/billing"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/gqlhttp"
	"igny8.com/accounts/internal/live"
	"igny8.com/accounts/internal/mail"
	"igny8.com/accounts/internal/page"
	"igny8.com/accounts/internal/period"
	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/stripe"
	"igny8.com/accounts/internal/throttle"
	"igny8.com/accounts/internal/vault"
	"igny8.com/accounts/internal/wordpress"
)

// Resolver holds what resolvers need.
type Resolver struct {
	DB   *postgres.DB
	Auth *auth.Authority
	// Hasher hashes the passwords of those who sign up.
	Hasher *auth.Hasher
	Bank   billing.BankDetails
	// Seller is who issues invoices; PublicURL is where clients reach the service, without a slash at the end.
	Seller    billing.Party
	PublicURL string
	// StaffEmail is where staff are told of payments that wait for them; empty for nowhere.
	StaffEmail string
	Log        *slog.Logger
	// Clock says what time it is.
	Clock func() time.Time
	// Mail is where letters are left, Vault what seals secrets, WordPress the way to customers' sites.
	Mail      *mail.Box
	Vault     *vault.Vault
	WordPress *wordpress.Bridge
	// Gate charges operations and counts tries to sign in and up; InFlight bounds what an account has
	// under way.
	Gate     *throttle.Gate
	InFlight *throttle.InFlight
	// Hub knows who watches what for live events; without it, nothing can be watched.
	Hub *live.Hub
	// Stripe is where payments through Stripe are worked on; nil where it is not set up.
	Stripe *stripe.Till
	// Wake has letters and requests for new passwords looked for at once.
	Wake func()

	// mayLeave is the rule of the net between accounts; a test of the other two walls replaces it.
	mayLeave func(ctx context.Context, tenant gid.Account, staff bool) bool
	// exporting is held by the one export of this server: each keeps a connection and a snapshot of the
	// database for as long as it takes.
	exporting sync.Mutex
}

var _ ResolverRoot = (*Resolver)(nil)

// schema is the executable schema with its doors.
func (r *Resolver) schema() Config {
	if r.mayLeave == nil {
		r.mayLeave = ownOrStaffs
	}
	return Config{
		Schema:     served,
		Resolvers:  r,
		Directives: DirectiveRoot{Public: public, Role: role, Tenant: r.tenant},
	}
}

// NewHandler serves the resolver's schema over HTTP.
func NewHandler(r *Resolver, cfg gqlhttp.Config) http.Handler {
	return handler(r, r.schema(), cfg)
}

func handler(r *Resolver, schema Config, cfg gqlhttp.Config) http.Handler {
	cfg.Log, cfg.Away = r.Log, postgres.Away
	cfg.Admit, cfg.Charge, cfg.Weights = r.admit, r.charge, weights
	cfg.Share, cfg.Fresh = share, fresh
	cfg.Prepare = append(cfg.Prepare, r.recordUse, enterAsStaff, r.withLoaders)
	return gqlhttp.New(NewExecutableSchema(schema), cfg)
}

// SDL is the schema as it is written.
func SDL() string { return sources[0].Input }

// now is the instant of a command, as the database will keep it.
func (r *Resolver) now() time.Time { return period.Instant(r.Clock()) }

// actor is who makes the request.
func actor(ctx context.Context) account.Actor { return account.ActorFrom(ctx) }

func pageArgs(first *int, after *string, last *int, before *string) page.Args {
	return page.Args{First: first, After: after, Last: last, Before: before}
}

// value reads an input that may be absent; absent and null are both nil.
func value[T any](o graphql.Omittable[*T]) *T { return o.Value() }
