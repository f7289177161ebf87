//go:build unix

package pgtest

import (
	"context"
	"slices"
	"sync"

	"github.com/jackc/pgx/v5"
)

// Counter counts the statements that reach Postgres: BEGIN and COMMIT too, the setting of the
// tenant scope not, because that depends on which connection the pool picked. It counts those of
// a context (CountQueries) or of a pool (CountPool).
type Counter struct {
	mu   sync.Mutex
	seen []string
}

// CountQueries returns a context whose statements on App, and on every pool that has Tracer(), are
// counted.
func CountQueries(ctx context.Context) (context.Context, *Counter) {
	c := &Counter{}
	return withObserver(ctx, c), c
}

// CountPool returns a tracer that counts every statement of the pool that is opened with it, be it
// New's (WithTracer) or one of the test's own, and the counter.
func CountPool() (pgx.QueryTracer, *Counter) {
	c := &Counter{}
	return tracer{func(context.Context) []observer { return []observer{c} }}, c
}

// N is the number of statements so far.
func (c *Counter) N() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.seen)
}

// Statements are their texts, in the order in which they were sent.
func (c *Counter) Statements() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.seen)
}

// Reset forgets all statements so far.
func (c *Counter) Reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen = nil
}

func (c *Counter) before(_ context.Context, _ *pgx.Conn, statement string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen = append(c.seen, statement)
}

// observer is told of a statement before it is sent.
type observer interface {
	before(ctx context.Context, conn *pgx.Conn, statement string)
}

type observersKey struct{}

func withObserver(ctx context.Context, o observer) context.Context {
	before, _ := ctx.Value(observersKey{}).([]observer)
	return context.WithValue(ctx, observersKey{}, append(slices.Clip(before), o))
}

func observersOf(ctx context.Context) []observer {
	observers, _ := ctx.Value(observersKey{}).([]observer)
	return observers
}

// Tracer lets CountQueries and KillBefore work on a pool that a test opens itself.
func Tracer() pgx.QueryTracer { return tracer{observersOf} }

// tracer tells observers of each statement, whichever way it is sent: alone, in a batch, as a copy.
type tracer struct {
	observers func(context.Context) []observer
}

// TraceQueryStart tells of a statement sent alone.
func (t tracer) TraceQueryStart(ctx context.Context, conn *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	t.tell(ctx, conn, data.SQL)
	return ctx
}

// TraceBatchStart tells of each statement of a batch.
func (t tracer) TraceBatchStart(ctx context.Context, conn *pgx.Conn, data pgx.TraceBatchStartData) context.Context {
	for _, query := range data.Batch.QueuedQueries {
		t.tell(ctx, conn, query.SQL)
	}
	return ctx
}

// TraceCopyFromStart tells of a copy.
func (t tracer) TraceCopyFromStart(ctx context.Context, conn *pgx.Conn, data pgx.TraceCopyFromStartData) context.Context {
	t.tell(ctx, conn, "COPY "+data.TableName.Sanitize())
	return ctx
}

// TraceQueryEnd does nothing: what counts is what was sent.
func (tracer) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// TraceBatchQuery does nothing.
func (tracer) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}

// TraceBatchEnd does nothing.
func (tracer) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData) {}

// TraceCopyFromEnd does nothing.
func (tracer) TraceCopyFromEnd(context.Context, *pgx.Conn, pgx.TraceCopyFromEndData) {}

func (t tracer) tell(ctx context.Context, conn *pgx.Conn, statement string) {
	for _, o := range t.observers(ctx) {
		o.before(ctx, conn, statement)
	}
}
