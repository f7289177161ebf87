package gqlhttp

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"igny8.com/accounts/internal/fault"
)

// maxEvents is how many events one turn may tell.
const maxEvents = 50

// subscription is one operation of a stream that goes on.
type subscription struct {
	id     string
	stream *stream
	op     *graphql.OperationContext
	field  graphql.CollectedField
	// cost is what each event costs.
	cost int

	// These are the stream's loop's alone: where the subscription has got to, whether it has taken a turn,
	// and when it may take the next one.
	place     any
	opened    bool
	notBefore time.Time

	mu    sync.Mutex
	dirty bool
	ended bool
	stops []func()
}

// start runs an operation that ends by itself and is its answer, or only looks at one that goes on.
func (h *handler) start(
	ctx context.Context, header http.Header, method string, params *graphql.RawParams,
) (goesOn *graphql.OperationContext, a answer) {
	ctx, cancel := context.WithTimeout(ctx, h.timeout)
	defer cancel()
	defer h.recoverAs(ctx, func(errs gqlerror.List) { goesOn, a = nil, answer{errors: errs} })
	if h.admit != nil {
		release, err := h.admit(ctx)
		if err != nil {
			return nil, h.refuse(ctx, err)
		}
		defer release()
	}
	op, errs := h.executor.CreateOperationContext(ctx, params)
	if errs == nil && op.Operation.Operation == ast.Subscription {
		return op, answer{}
	}
	return nil, h.perform(ctx, header, method, op, errs)
}

// subscribe makes a subscription of an operation that is one, and charges for it. The error is what refuses
// it.
func (h *handler) subscribe(ctx context.Context, s *stream, id string, op *graphql.OperationContext) (*subscription, gqlerror.List) {
	fields := graphql.CollectFields(op, op.Operation.SelectionSet, nil)
	if len(fields) != 1 {
		return nil, gqlerror.List{coded(fault.ValidationFailed, "A subscription selects exactly one field.")}
	}
	cost := minCost
	if h.charge != nil {
		cost = h.weights.Cost(op)
		if _, err := h.charge(ctx, cost); err != nil {
			return nil, h.refuse(ctx, err).errors
		}
	}
	return &subscription{id: id, stream: s, op: op, field: fields[0], cost: cost, dirty: true}, nil
}

// again is the operation for one more execution: what gqlgen keeps in one belongs to that one.
func (s *subscription) again() *graphql.OperationContext {
	op := s.op
	return &graphql.OperationContext{
		RawQuery: op.RawQuery, Variables: maps.Clone(op.Variables), OperationName: op.OperationName, Doc: op.Doc,
		Extensions: op.Extensions, Headers: op.Headers, Operation: op.Operation,
		DisableIntrospection: op.DisableIntrospection, RecoverFunc: op.RecoverFunc,
		ResolverMiddleware: op.ResolverMiddleware, RootResolverMiddleware: op.RootResolverMiddleware,
	}
}

// wake makes the subscription take a turn.
func (s *subscription) wake() {
	s.mu.Lock()
	s.dirty = true
	s.mu.Unlock()
	s.stream.nudge()
}

// due says whether the subscription is to take a turn now, or when it may if it is to take one later.
func (s *subscription) due(now time.Time) (is bool, later time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !s.dirty || s.ended:
		return false, time.Time{}
	case now.Before(s.notBefore):
		return false, s.notBefore
	}
	s.dirty = false
	return true, time.Time{}
}

// keepStop keeps what ends the watching of something. It is false where the subscription is over.
func (s *subscription) keepStop(stop func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return false
	}
	s.stops = append(s.stops, stop)
	return true
}

// over ends the watching; the client is told nothing any more.
func (s *subscription) over() {
	s.mu.Lock()
	stops := s.stops
	s.ended, s.stops = true, nil
	s.mu.Unlock()
	for _, stop := range stops {
		stop()
	}
}

func (s *subscription) isOver() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ended
}

// events are what a turn has to tell.
type events struct {
	turn    *Turn
	answers []answer
	// refused ends the subscription, unless it is of a kind that passes.
	refused gqlerror.List
}

// take executes the document once, as the caller whose context ctx is.
func (h *handler) take(ctx context.Context, s *subscription) (e events) {
	ctx, cancel := context.WithTimeout(withLogShare(graphql.StartOperationTrace(ctx)), h.timeout)
	defer cancel()
	defer h.recoverAs(ctx, func(errs gqlerror.List) { e.refused = errs })
	e.turn = &Turn{sub: s}
	if h.admit != nil {
		release, err := h.admit(ctx)
		if err != nil {
			e.refused = h.refuse(ctx, err).errors
			return e
		}
		defer release()
	}
	op := s.again()
	op.Stats.OperationStart = graphql.GetStartTime(ctx)
	ctx = context.WithValue(graphql.WithOperationContext(ctx, op), turnKey{}, e.turn)
	responses, ctx := h.executor.DispatchOperation(ctx, op)
	// gqlgen forgets the root field where it names the place of an error in an event.
	ctx = graphql.WithFieldContext(ctx, &graphql.FieldContext{Object: s.field.ObjectDefinition.Name, Field: s.field})
	for range maxEvents {
		response := responses(ctx)
		if response == nil && ctx.Err() == nil {
			return e // nothing more to tell
		}
		a := h.finish(ctx, response)
		if a.data == nil || passing(a.errors) {
			e.refused = a.errors
			return e
		}
		a.data = slices.Clone(a.data) // gqlgen writes the next one over it
		e.answers = append(e.answers, a)
	}
	e.turn.more = true
	return e
}

// recoverAs hands on a panic outside of any resolver, for example in the marshalling of a scalar, as errors.
func (h *handler) recoverAs(ctx context.Context, as func(gqlerror.List)) {
	if v := recover(); v != nil {
		as(gqlerror.List{h.present(ctx, h.recovered(ctx, v))})
	}
}

// passing says whether errors are of kinds that say nothing about the operation, so that it may go better
// later.
func passing(errs gqlerror.List) bool {
	for _, e := range errs {
		if code := codeOf(e); code == fault.Throttled || code == fault.Unavailable || code == fault.Timeout {
			return true
		}
	}
	return false
}

// pause is how long to wait after errors that pass.
func pause(errs gqlerror.List) time.Duration {
	for _, e := range errs {
		if seconds, ok := e.Extensions["retryAfterSeconds"].(int); ok {
			return time.Duration(seconds) * time.Second
		}
	}
	return time.Second
}
