package gqlhttp

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync/atomic"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"igny8.com/accounts/internal/fault"
)

const (
	internalMessage = "Something went wrong on our side. Quote the requestId if you ask us about it."
	timeoutMessage  = "The request took too long."

	// maxLogged bounds how many lines one request may write to the log: a database that is gone
	// fails each field of a list on its own.
	maxLogged = 10
)

// Presenter turns what a resolver returned into what the client sees. Faults keep their code,
// message and details; errors that already have a code are left as they are; an argument that its
// type's code refused is BAD_USER_INPUT; an error past the deadline is TIMEOUT; one by which away, unless it is
// nil, knows that the database cannot be asked is UNAVAILABLE. Everything else is
// masked as INTERNAL_SERVER_ERROR with the request's id and logged here, the only place that does.
func Presenter(
	log *slog.Logger, requestID func(context.Context) string, away func(error) bool,
) graphql.ErrorPresenterFunc {
	m := masker{log: log, requestID: requestID, away: away}
	return func(ctx context.Context, err error) *gqlerror.Error {
		e := m.present(ctx, err)
		e.Path, e.Locations = location(ctx, err)
		return e
	}
}

// Recover logs a panic with its stack and returns an error that Presenter masks and does not log
// again.
func Recover(log *slog.Logger, requestID func(context.Context) string) graphql.RecoverFunc {
	m := masker{log: log, requestID: requestID}
	return func(ctx context.Context, v any) error {
		return m.recovered(ctx, v)
	}
}

// location is where in the answer and in the document an error belongs.
func location(ctx context.Context, err error) (ast.Path, []gqlerror.Location) {
	field := graphql.GetFieldContext(ctx)
	e, ok := errors.AsType[*gqlerror.Error](err)
	switch {
	case field != nil && isArgument(field):
		// gqlgen goes on into the argument, which is no part of the answer.
		return field.Path(), locations(field)
	case !ok:
		return graphql.GetPath(ctx), nil
	case e.Locations == nil && field != nil:
		return e.Path, locations(field)
	}
	return e.Path, e.Locations
}

func locations(field *graphql.FieldContext) []gqlerror.Location {
	if field.Field.Field == nil || field.Field.Position == nil {
		return nil
	}
	return at(&gqlerror.Error{}, field.Field.Position).Locations
}

// isArgument says whether gqlgen is still reading the field's arguments: it sets Args last.
func isArgument(field *graphql.FieldContext) bool {
	return field.Args == nil && field.Field.Field != nil && len(field.Field.Arguments) > 0
}

type masker struct {
	log       *slog.Logger
	requestID func(context.Context) string
	away      func(error) bool
}

// masked is an error that has been logged and of which the client learns no more than the id.
type masked struct{ requestID string }

func (masked) Error() string { return internalMessage }

func (m masker) present(ctx context.Context, err error) *gqlerror.Error {
	if reported, ok := errors.AsType[masked](err); ok {
		return internal(reported.requestID)
	}
	if many, ok := errors.AsType[combinedError](err); ok {
		return one(gqlerror.List(many))
	}
	if faults := fault.Of(err); len(faults) > 0 {
		return m.faults(ctx, err, faults)
	}
	if list, ok := errors.AsType[gqlerror.List](err); ok && len(list) > 0 {
		return m.list(ctx, list)
	}
	if e := withCode(err); e != nil {
		return &gqlerror.Error{Message: shorten(e.Message), Extensions: e.Extensions}
	}
	if field := graphql.GetFieldContext(ctx); field != nil && isArgument(field) {
		return argument(err, field)
	}
	switch done := ctx.Err(); {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(done, context.DeadlineExceeded):
		if attrs, ok := logged(ctx, slog.Any("error", err)); ok {
			m.log.LogAttrs(ctx, slog.LevelWarn, "graphql: deadline exceeded", attrs...)
		}
		return coded(fault.Timeout, timeoutMessage)
	case done != nil:
		// Nobody is left to read the answer, unless it is the server that is going down.
		return coded(fault.Unavailable, "The request was cancelled.")
	case m.away != nil && m.away(err):
		if attrs, ok := logged(ctx, slog.Any("error", err)); ok {
			m.log.LogAttrs(ctx, slog.LevelError, "graphql: the database cannot be asked", attrs...)
		}
		e := coded(fault.Unavailable, "We cannot answer this at the moment. Try again, with the same idempotency key if there is one.")
		e.Extensions["retryable"] = true
		return e
	}
	return internal(m.mask(ctx, err).requestID)
}

// faults presents one fault or several; the path and the locations are added by the caller for
// the first, and here for the rest.
func (m masker) faults(ctx context.Context, err error, faults fault.List) *gqlerror.Error {
	path, where := location(ctx, err)
	list := make(gqlerror.List, len(faults))
	for i, f := range faults {
		if f.Code == fault.Internal {
			list[i] = internal(m.mask(ctx, err).requestID)
		} else {
			list[i] = FromFault(f)
		}
		list[i].Path, list[i].Locations = path, where
	}
	return one(list)
}

// list presents each error of a list that a resolver returned as one.
func (m masker) list(ctx context.Context, errs gqlerror.List) *gqlerror.Error {
	out := make(gqlerror.List, len(errs))
	for i, err := range errs {
		path := err.Path
		out[i] = m.present(ctx, err)
		if out[i].Path = path; path == nil {
			out[i].Path = graphql.GetPath(ctx)
		}
	}
	return one(out)
}

// FromFault is the top-level error of a fault: its details become extensions, and so does the
// path of the input that it blames, as "field".
func FromFault(f *fault.Error) *gqlerror.Error {
	e := coded(f.Code, "%s", f.Message)
	for name, value := range f.Details {
		if _, taken := e.Extensions[name]; !taken {
			e.Extensions[name] = value
		}
	}
	if len(f.Field) > 0 {
		e.Extensions["field"] = f.Field
	}
	return e
}

// argument presents what a scalar's own code said against an argument. Its text is not ours and
// may quote the value; the place is enough.
func argument(err error, field *graphql.FieldContext) *gqlerror.Error {
	e := coded(fault.BadUserInput, "An argument of %q has an invalid value.", field.Field.Name)
	if inner, ok := errors.AsType[*gqlerror.Error](err); ok && len(inner.Path) > len(field.Path()) {
		below := inner.Path[len(field.Path()):]
		steps := make([]string, len(below))
		for i, step := range below {
			steps[i] = fmt.Sprint(step)
		}
		e.Extensions["field"] = steps
	}
	return e
}

// withCode is the first GraphQL error in err's chain that has a code.
func withCode(err error) *gqlerror.Error {
	for {
		e, ok := errors.AsType[*gqlerror.Error](err)
		if !ok || codeOf(e) != "" {
			return e
		}
		err = e.Err
		if err == nil {
			return nil
		}
	}
}

func internal(requestID string) *gqlerror.Error {
	e := coded(fault.Internal, internalMessage)
	e.Extensions["requestId"] = requestID
	return e
}

func (m masker) mask(ctx context.Context, err error) masked {
	id := m.id(ctx)
	if attrs, ok := logged(ctx, slog.String("request_id", id), slog.Any("error", err)); ok {
		m.log.LogAttrs(ctx, slog.LevelError, "graphql: internal error", attrs...)
	}
	return masked{id}
}

func (m masker) recovered(ctx context.Context, v any) masked {
	id := m.id(ctx)
	if attrs, ok := logged(ctx, slog.String("request_id", id),
		slog.String("panic", fmt.Sprint(v)), slog.String("stack", string(debug.Stack()))); ok {
		m.log.LogAttrs(ctx, slog.LevelError, "graphql: panic", attrs...)
	}
	return masked{id}
}

func (m masker) id(ctx context.Context) string {
	if m.requestID != nil {
		if id := m.requestID(ctx); id != "" {
			return id
		}
	}
	return rand.Text()
}

// logged adds to attrs where in which operation ctx is. It is false once the request has used up its
// share of the log; the last line says that it is.
func logged(ctx context.Context, attrs ...slog.Attr) ([]slog.Attr, bool) {
	if count, ok := ctx.Value(loggedKey{}).(*atomic.Int32); ok {
		switch n := count.Add(1); {
		case n > maxLogged:
			return nil, false
		case n == maxLogged:
			attrs = append(attrs, slog.Bool("last_of_request", true))
		}
	}
	if path := graphql.GetPath(ctx); path != nil {
		attrs = append(attrs, slog.String("path", path.String()))
	}
	if graphql.HasOperationContext(ctx) {
		attrs = append(attrs, slog.String("operation", graphql.GetOperationContext(ctx).OperationName))
	}
	return attrs, true
}

type loggedKey struct{}

// withLogShare gives a request its share of the log.
func withLogShare(ctx context.Context) context.Context {
	return context.WithValue(ctx, loggedKey{}, new(atomic.Int32))
}
