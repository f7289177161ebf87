package graph

import (
	"context"
	"errors"
	"sync"
)

// relation loads what rows refer to, in one query however many rows ask and in whatever order they
// come. Whoever reads rows announces the keys that they hold; the first row that is asked for its
// relation fetches for all of them.
//
// Loaders that gather keys for a while instead ask more often the busier the machine is, and always
// when a list is longer than the number of resolvers that run at once. Nothing here waits for time.
type relation[K comparable, V any] struct {
	fetch func(ctx context.Context, keys []K) (map[K]V, error)

	mu        sync.Mutex
	announced map[K]struct{}
	batches   map[K]*batch[K, V]
}

// batch is one fetch; values and err are set when done is closed.
type batch[K comparable, V any] struct {
	done   chan struct{}
	values map[K]V
	err    error
}

// one relates each key to the row that has it; to the zero value where there is none.
func one[K comparable, V any](
	read func(context.Context, []K) ([]V, error), key func(V) K,
) *relation[K, V] {
	return newRelation(func(ctx context.Context, keys []K) (map[K]V, error) {
		rows, err := read(ctx, keys)
		values := make(map[K]V, len(rows))
		for _, row := range rows {
			values[key(row)] = row
		}
		return values, err
	})
}

// many relates each key to the rows that have it, in the order in which they were read.
func many[K comparable, V any](
	read func(context.Context, []K) ([]V, error), key func(V) K,
) *relation[K, []V] {
	return newRelation(func(ctx context.Context, keys []K) (map[K][]V, error) {
		rows, err := read(ctx, keys)
		values := make(map[K][]V, len(keys))
		for _, k := range keys {
			values[k] = []V{}
		}
		for _, row := range rows {
			values[key(row)] = append(values[key(row)], row)
		}
		return values, err
	})
}

func newRelation[K comparable, V any](fetch func(context.Context, []K) (map[K]V, error)) *relation[K, V] {
	return &relation[K, V]{fetch: fetch, announced: map[K]struct{}{}, batches: map[K]*batch[K, V]{}}
}

// announce says that rows with the key were read, which may ask for it.
func (r *relation[K, V]) announce(key K) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, known := r.batches[key]; !known {
		r.announced[key] = struct{}{}
	}
}

// load is what the key relates to.
func (r *relation[K, V]) load(ctx context.Context, key K) (V, error) {
	b, keys := r.join(key)
	if keys != nil {
		r.run(ctx, b, keys)
	}
	select {
	case <-b.done:
		return b.values[key], b.err
	case <-ctx.Done():
		var none V
		return none, ctx.Err()
	}
}

// join finds the key's batch, or starts one with all announced keys; then keys are what to fetch.
func (r *relation[K, V]) join(key K) (b *batch[K, V], keys []K) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if b, ok := r.batches[key]; ok {
		return b, nil
	}
	r.announced[key] = struct{}{}
	b = &batch[K, V]{done: make(chan struct{}), err: errors.New("a relation's fetch panicked")}
	keys = make([]K, 0, len(r.announced))
	for k := range r.announced {
		keys = append(keys, k)
		r.batches[k] = b
	}
	clear(r.announced)
	return b, keys
}

// run fetches. Whoever waits learns of a panic as an error; the panic itself goes on to the edge.
func (r *relation[K, V]) run(ctx context.Context, b *batch[K, V], keys []K) {
	defer close(b.done)
	b.values, b.err = r.fetch(ctx, keys)
}
