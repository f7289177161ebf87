package gqlhttp

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/99designs/gqlgen/graphql"
)

// Config is what New needs beside the schema. The zero value serves with the published limits.
type Config struct {
	Limits Limits
	// Timeout bounds a request from its last byte read to its answer; 5 s if zero. Resolvers learn
	// of it by their context and must heed it: the handler does not abandon one that runs on.
	Timeout time.Duration
	// CacheEntries and CacheBytes bound the cache of validated documents, whichever is reached
	// first; 1,000 and 64 MiB if zero. Bytes are an estimate, see documentCost.
	CacheEntries int
	CacheBytes   int
	// Edition2026 answers application/graphql-response+json as the GraphQL-over-HTTP edition of
	// September 2026 recommends: 294 for data beside errors, 422 for a document or variables that
	// cannot be processed, and that media type where the client names no preference.
	Edition2026 bool

	// Log receives masked errors and panics; slog.Default() if nil.
	Log *slog.Logger
	// RequestID names the request in logs and in masked errors. Without it, or where it returns
	// "", each masked error gets a random id of its own.
	RequestID func(context.Context) string

	// Admit lets a request in before its document is looked at, and may wait for that; release is
	// called when its answer is ready. An error refuses the request.
	Admit func(ctx context.Context) (release func(), err error)
	// Charge makes a request pay the cost of its operation before any resolver runs, and the least
	// cost, 1, where there is no operation that could run. The balance, unless nil, is told in every
	// such answer (meter.go). An error refuses the request: fault.Throttled, with retryAfterSeconds,
	// or fault.CostLimit.
	Charge func(ctx context.Context, cost int) (*Balance, error)
	// Weights are the costs of fields that cost otherwise than by Cost's rules.
	Weights Weights

	// Live serves subscriptions, by WebSocket and by server-sent events; without it neither is spoken.
	Live *Live

	// Away says which errors of resolvers mean that the database cannot be asked: they are UNAVAILABLE
	// rather than our mistake. None if nil.
	Away func(error) bool

	// Operations are documents that run by their hash, besides those that clients register by themselves
	// (persisted.go). With OperationsOnly nothing else runs, introspection included.
	Operations     *Operations
	OperationsOnly bool
	// PersistedBytes bounds the memory that documents registered by clients take; 32 MiB if zero, and
	// none can be registered if it is negative. Share names whose share of it a request uses; all
	// requests share one if nil.
	PersistedBytes int
	Share          func(context.Context) string
	// Fresh says for how long caches may keep the answer to an operation that came by GET and by its
	// hash, because it is the same for everybody; 0 for not at all, and so if nil.
	Fresh func(context.Context, *graphql.OperationContext) time.Duration

	// Prepare runs, in order, once the operation is known to be valid and before any resolver, for
	// what belongs to one request, such as dataloaders. An error refuses the operation as a whole.
	Prepare []PrepareFunc
	// Extensions, then the middleware below, are handed to gqlgen's executor as they are. An
	// extension that rewrites the request's parameters runs before the guard, so that what it puts
	// in place is guarded as well.
	Extensions       []graphql.HandlerExtension
	AroundOperations []graphql.OperationMiddleware
	AroundResponses  []graphql.ResponseMiddleware
	AroundRootFields []graphql.RootFieldMiddleware
	AroundFields     []graphql.FieldMiddleware
}

// PrepareFunc prepares one operation, which it may read but not change, and returns the context
// that its resolvers get.
type PrepareFunc func(ctx context.Context, op *graphql.OperationContext) (context.Context, error)

// Limits bound what one request may ask for, all of it before a resolver runs. A field that is
// zero takes the value of DefaultLimits.
type Limits struct {
	// BodyBytes bounds the body of a POST and the query string of a GET.
	BodyBytes int
	// JSONDepth bounds how deep arrays and objects nest in the body.
	JSONDepth int

	// QueryBytes, Tokens and NameBytes bound the text of the document, its lexical tokens
	// (comments included) and each of its names.
	QueryBytes int
	Tokens     int
	NameBytes  int

	// Depth is the number of fields on the longest path; fragments add none.
	Depth int
	// Fields, Aliases and Directives count the whole document, each fragment's at every spread.
	Fields     int
	Aliases    int
	Directives int
	// Repeats is how often one response key may be selected in one place.
	Repeats int
	// Operations and Fragments count definitions.
	Operations int
	Fragments  int
	// MutationFields is the number of root fields of a mutation, __typename aside.
	MutationFields int

	// What is selected under __schema and __type counts for none of the above, except that an
	// introspection field itself is a field; it has limits of its own. IntrospectionLists is how
	// many lists of types or fields may nest: two suffice for the queries of GraphiQL, codegen and
	// inspector, each further one multiplies the answer by the size of the schema.
	IntrospectionDepth   int
	IntrospectionFields  int
	IntrospectionAliases int
	IntrospectionLists   int

	// InputDepth, InputValues and ListLength bound literals and variables alike: how deep lists
	// and objects nest, how many values there are in all, how long one list is.
	InputDepth  int
	InputValues int
	ListLength  int

	// AnswerFields bounds how many fields the answer could have if every page that is asked for
	// were full; see guardAnswer.
	AnswerFields int
	// Errors is the number of errors in one answer; further ones are counted, not shown.
	Errors int
}

// DefaultLimits are the limits that the API publishes.
func DefaultLimits() Limits {
	return Limits{
		BodyBytes: 64 << 10, JSONDepth: 32,
		QueryBytes: 16 << 10, Tokens: 4000, NameBytes: 128,
		Depth: 12, Fields: 300, Aliases: 20, Directives: 20, Repeats: 5,
		Operations: 10, Fragments: 20, MutationFields: 1,
		IntrospectionDepth: 20, IntrospectionFields: 500, IntrospectionAliases: 4, IntrospectionLists: 2,
		InputDepth: 10, InputValues: 2000, ListLength: 200,
		AnswerFields: 25_000, Errors: 50,
	}
}

func (l Limits) withDefaults() Limits {
	d := DefaultLimits()
	return Limits{
		BodyBytes:            cmp.Or(l.BodyBytes, d.BodyBytes),
		JSONDepth:            cmp.Or(l.JSONDepth, d.JSONDepth),
		QueryBytes:           cmp.Or(l.QueryBytes, d.QueryBytes),
		Tokens:               cmp.Or(l.Tokens, d.Tokens),
		NameBytes:            cmp.Or(l.NameBytes, d.NameBytes),
		Depth:                cmp.Or(l.Depth, d.Depth),
		Fields:               cmp.Or(l.Fields, d.Fields),
		Aliases:              cmp.Or(l.Aliases, d.Aliases),
		Directives:           cmp.Or(l.Directives, d.Directives),
		Repeats:              cmp.Or(l.Repeats, d.Repeats),
		Operations:           cmp.Or(l.Operations, d.Operations),
		Fragments:            cmp.Or(l.Fragments, d.Fragments),
		MutationFields:       cmp.Or(l.MutationFields, d.MutationFields),
		IntrospectionDepth:   cmp.Or(l.IntrospectionDepth, d.IntrospectionDepth),
		IntrospectionFields:  cmp.Or(l.IntrospectionFields, d.IntrospectionFields),
		IntrospectionAliases: cmp.Or(l.IntrospectionAliases, d.IntrospectionAliases),
		IntrospectionLists:   cmp.Or(l.IntrospectionLists, d.IntrospectionLists),
		InputDepth:           cmp.Or(l.InputDepth, d.InputDepth),
		InputValues:          cmp.Or(l.InputValues, d.InputValues),
		ListLength:           cmp.Or(l.ListLength, d.ListLength),
		AnswerFields:         cmp.Or(l.AnswerFields, d.AnswerFields),
		Errors:               cmp.Or(l.Errors, d.Errors),
	}
}

func (c Config) withDefaults() Config {
	c.Limits = c.Limits.withDefaults()
	c.Timeout = cmp.Or(c.Timeout, 5*time.Second)
	c.CacheEntries = cmp.Or(c.CacheEntries, 1000)
	c.CacheBytes = cmp.Or(c.CacheBytes, 64<<20)
	c.PersistedBytes = cmp.Or(c.PersistedBytes, 32<<20)
	if c.Share == nil {
		c.Share = func(context.Context) string { return "" }
	}
	if c.Fresh == nil {
		c.Fresh = func(context.Context, *graphql.OperationContext) time.Duration { return 0 }
	}
	c.Log = cmp.Or(c.Log, slog.Default())
	if c.RequestID == nil {
		c.RequestID = func(context.Context) string { return "" }
	}
	return c
}

// New is the handler of the one URL at which schema is served.
func New(schema graphql.ExecutableSchema, cfg Config) http.Handler {
	return newHandler(schema, cfg.withDefaults())
}
