package graph

import (
	"context"
	"strconv"
	"sync"

	"igny8.com/accounts/internal/page"
)

// pages relates rows to the first pages of lists that they have, in one query for each size of page that
// is asked for: what a relation is to fields without arguments.
type pages[K comparable, V any] struct {
	fetch func(ctx context.Context, keys []K, args page.Args) (map[K]V, error)

	mu        sync.Mutex
	announced []K
	bySize    map[string]*relation[K, V]
}

func newPages[K comparable, V any](fetch func(context.Context, []K, page.Args) (map[K]V, error)) *pages[K, V] {
	return &pages[K, V]{fetch: fetch, bySize: map[string]*relation[K, V]{}}
}

// announce says that rows with the key were read, which may ask for their lists.
func (p *pages[K, V]) announce(key K) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.announced = append(p.announced, key)
	for _, r := range p.bySize {
		r.announce(key)
	}
}

// load is the key's page of the size that args ask for.
func (p *pages[K, V]) load(ctx context.Context, key K, args page.Args) (V, error) {
	return p.of(args).load(ctx, key)
}

func (p *pages[K, V]) of(args page.Args) *relation[K, V] {
	p.mu.Lock()
	defer p.mu.Unlock()
	size := sizeOf(args.First) + "/" + sizeOf(args.Last)
	r, ok := p.bySize[size]
	if !ok {
		r = newRelation(func(ctx context.Context, keys []K) (map[K]V, error) { return p.fetch(ctx, keys, args) })
		for _, k := range p.announced {
			r.announce(k)
		}
		p.bySize[size] = r
	}
	return r
}

func sizeOf(n *int) string {
	if n == nil {
		return "-"
	}
	return strconv.Itoa(*n)
}
