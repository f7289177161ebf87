package gqlhttp

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

var errNoAnswer = errors.New("an operation middleware answered with neither data nor errors")

type handler struct {
	executor    *executor.Executor
	limits      Limits
	timeout     time.Duration
	edition2026 bool
	fallback    string // media type where the client has no preference
	present     graphql.ErrorPresenterFunc
	recovered   graphql.RecoverFunc
	log         *slog.Logger
	admit       func(context.Context) (func(), error)
	charge      func(context.Context, int) (*Balance, error)
	weights     Weights
	fresh       func(context.Context, *graphql.OperationContext) time.Duration
	live        *Live
}

func newHandler(schema graphql.ExecutableSchema, cfg Config) *handler {
	h := &handler{
		executor:    executor.New(schema),
		limits:      cfg.Limits,
		timeout:     cfg.Timeout,
		edition2026: cfg.Edition2026,
		fallback:    mediaJSON,
		present:     Presenter(cfg.Log, cfg.RequestID, cfg.Away),
		recovered:   Recover(cfg.Log, cfg.RequestID),
		log:         cfg.Log,
		admit:       cfg.Admit,
		charge:      cfg.Charge,
		weights:     cfg.Weights,
		fresh:       cfg.Fresh,
		live:        cfg.Live,
	}
	if cfg.Edition2026 {
		h.fallback = mediaGraphQL
	}
	e := h.executor
	e.SetErrorPresenter(h.present)
	e.SetRecoverFunc(h.recovered)
	e.SetQueryCache(preparedDocuments{})
	library := newLibrary(cfg)
	e.AroundOperations(library.register)
	for _, prepare := range cfg.Prepare {
		e.AroundOperations(around(prepare))
	}
	for _, x := range cfg.Extensions {
		e.Use(x)
	}
	for _, f := range cfg.AroundOperations {
		e.AroundOperations(f)
	}
	for _, f := range cfg.AroundResponses {
		e.AroundResponses(f)
	}
	for _, f := range cfg.AroundRootFields {
		e.AroundRootFields(f)
	}
	for _, f := range cfg.AroundFields {
		e.AroundFields(f)
	}
	e.Use(&preparer{
		limits:    cfg.Limits,
		validator: newValidator(schema.Schema(), cfg.Limits.Errors),
		cache:     newDocumentCache(cfg.CacheEntries, cfg.CacheBytes),
		library:   library,
	})
	return h
}

func around(prepare PrepareFunc) graphql.OperationMiddleware {
	return func(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
		ctx, err := prepare(ctx, graphql.GetOperationContext(ctx))
		if err != nil {
			return Refuse(err)
		}
		return next(ctx)
	}
}

// Refuse answers an operation with err alone, presented as a resolver's error would be, and no
// data. It is what an operation middleware returns instead of calling the next one.
func Refuse(err error) graphql.ResponseHandler {
	return graphql.OneShot(&graphql.Response{Errors: gqlerror.List{gqlerror.Wrap(err)}})
}

// ServeHTTP answers one request.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case h.live == nil:
	case wantsSocket(r):
		h.serveSocket(w, r)
		return
	case wantsEvents(r):
		h.serveEvents(w, r)
		return
	}
	media, acceptable := negotiate(r.Header, h.fallback)
	if !acceptable {
		media = mediaJSON
	}
	ctx := withLogShare(graphql.StartOperationTrace(r.Context()))
	defer h.recover(ctx, w, media)
	header := w.Header()
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")

	status, a := 0, answer{}
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodPost:
		header.Set("Allow", "GET, POST")
		a.errors = gqlerror.List{coded(MethodNotAllowed, "Use POST, or GET for queries.")}
	case !acceptable:
		a.errors = gqlerror.List{coded(NotAcceptable, "We answer in %s or %s.", mediaGraphQL, mediaJSON)}
	default:
		params, err := readRequest(w, r, h.limits)
		if err != nil {
			a.errors = gqlerror.List{err}
			if r.Method == http.MethodGet && codeOf(err) == BodyLimit {
				status = http.StatusRequestURITooLong
			}
			break
		}
		ctx, cancel := context.WithTimeout(ctx, h.timeout)
		defer cancel()
		a = h.execute(ctx, header, r.Method, params)
	}
	if err := h.write(w, media, status, a); err != nil {
		a = answer{errors: gqlerror.List{h.present(ctx, err)}}
		if err := h.write(w, media, 0, a); err != nil {
			panic(err)
		}
	}
}

func (h *handler) execute(ctx context.Context, header http.Header, method string, params *graphql.RawParams) answer {
	if h.admit != nil {
		release, err := h.admit(ctx)
		if err != nil {
			return h.refuse(ctx, err)
		}
		defer release()
	}
	op, errs := h.executor.CreateOperationContext(ctx, params)
	return h.perform(ctx, header, method, op, errs)
}

// perform runs an operation, or says what is wrong with it.
func (h *handler) perform(
	ctx context.Context, header http.Header, method string, op *graphql.OperationContext, errs gqlerror.List,
) answer {
	if errs != nil {
		return h.metered(ctx, header, minCost, func(ctx context.Context) answer {
			return h.finish(ctx, h.executor.DispatchError(graphql.WithOperationContext(ctx, op), errs))
		})
	}
	switch kind := op.Operation.Operation; {
	case kind == ast.Subscription:
		return h.metered(ctx, header, minCost, func(context.Context) answer {
			return answer{errors: gqlerror.List{badRequest(reasonUnsupportedOp,
				"Live events are not served over a plain request: use %s, or accept %s.", socketProtocol, mediaEvents)}}
		})
	case kind != ast.Query && method == http.MethodGet:
		return h.metered(ctx, header, minCost, func(context.Context) answer {
			header.Set("Allow", http.MethodPost)
			return answer{errors: gqlerror.List{coded(MethodNotAllowed, "A GET request may run queries only.")}}
		})
	}
	cost := minCost
	if h.charge != nil {
		cost = h.weights.Cost(op)
	}
	ctx = graphql.WithOperationContext(ctx, op)
	a := h.metered(ctx, header, cost, func(ctx context.Context) answer {
		responses, ctx := h.executor.DispatchOperation(ctx, op)
		return h.finish(ctx, responses(ctx))
	})
	if method == http.MethodGet {
		h.refresh(ctx, header, op, &a)
	}
	return a
}

// refuse answers a request with err alone, presented as a resolver's error would be.
func (h *handler) refuse(ctx context.Context, err error) answer {
	return h.finish(ctx, Refuse(err)(ctx))
}

// recover answers a request whose handling panicked outside of any resolver, for example in the
// marshalling of a scalar. Nothing has been written by then: the answer is written in one go.
func (h *handler) recover(ctx context.Context, w http.ResponseWriter, media string) {
	v := recover()
	if v == nil {
		return
	}
	if v == any(http.ErrAbortHandler) {
		panic(v)
	}
	a := answer{errors: gqlerror.List{h.present(ctx, h.recovered(ctx, v))}}
	if err := h.write(w, media, http.StatusInternalServerError, a); err != nil {
		panic(http.ErrAbortHandler)
	}
}
