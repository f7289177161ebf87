package gqlhttp

import (
	"context"
	"sync"

	"github.com/99designs/gqlgen/graphql"
	"github.com/hashicorp/golang-lru/v2/simplelru"
	"github.com/vektah/gqlparser/v2/ast"
)

// documentCache keeps the documents used last, bounded by their number and by the memory that they
// are estimated to take: a thousand documents of 16 KB each would take gigabytes.
type documentCache struct {
	mu       sync.Mutex
	lru      *simplelru.LRU[string, *document]
	bytes    int
	maxBytes int
}

// documentCost estimates the memory that a cached document takes, in bytes: its text, and a tree
// that grows with its tokens (TestDocumentCost measures it).
func documentCost(text, tokens int) int { return 512 + text + 200*tokens }

func newDocumentCache(entries, maxBytes int) *documentCache {
	c := &documentCache{maxBytes: maxBytes}
	lru, err := simplelru.NewLRU(entries, func(_ string, d *document) { c.bytes -= d.cost })
	if err != nil {
		panic("gqlhttp: " + err.Error()) // a size that is not positive
	}
	c.lru = lru
	return c
}

func (c *documentCache) get(query string) (*document, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lru.Get(query)
}

func (c *documentCache) add(query string, d *document) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lru.Contains(query) || d.cost > c.maxBytes {
		return
	}
	c.bytes += d.cost
	c.lru.Add(query, d)
	for c.bytes > c.maxBytes {
		c.lru.RemoveOldest()
	}
}

const preparedDocument = "gqlhttp.document"

// preparedDocuments is the executor's query cache. It holds nothing: it hands over the document
// that the preparer left in the operation's context, so that gqlgen parses and validates nothing.
type preparedDocuments struct{}

var _ graphql.Cache[*ast.QueryDocument] = preparedDocuments{}

// Get finds the document of the request that ctx belongs to.
func (preparedDocuments) Get(ctx context.Context, _ string) (*ast.QueryDocument, bool) {
	d, ok := graphql.GetOperationContext(ctx).Stats.GetExtension(preparedDocument).(*document)
	if !ok {
		return nil, false
	}
	return d.QueryDocument, true
}

// Add is never called, since Get always finds the document.
func (preparedDocuments) Add(context.Context, string, *ast.QueryDocument) {}
