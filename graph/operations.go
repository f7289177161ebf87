package graph

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"igny8.com/accounts/internal/gqlhttp"
)

// served is the schema as clients see it: the file, without the directive @defer that the library adds
// to every schema and that nobody is served by.
var served = func() *ast.Schema {
	s := *parsedSchema
	s.Directives = maps.Clone(s.Directives)
	delete(s.Directives, "defer")
	return &s
}()

// ReadOperations reads a manifest of operations to be registered; see gqlhttp.ReadOperations.
func ReadOperations(manifest []byte) (*gqlhttp.Operations, error) {
	return gqlhttp.ReadOperations(served, gqlhttp.DefaultLimits(), manifest)
}

// share is whose share a request uses of what clients may register: the account's, or that of all
// strangers together.
func share(ctx context.Context) string {
	if id := actor(ctx).AccountID(); id > 0 {
		return strconv.FormatInt(int64(id), 10)
	}
	return ""
}

// catalogueFresh is for how long caches may keep the catalogue, which changes a few times a year.
const catalogueFresh = time.Minute

var catalogueFields = strings.Fields("plans plan industries")

// fresh lets caches keep what strangers read of the catalogue and nothing else.
func fresh(ctx context.Context, op *graphql.OperationContext) time.Duration {
	if actor(ctx).SignedIn() {
		return 0
	}
	for _, f := range graphql.CollectFields(op, op.Operation.SelectionSet, nil) {
		if !slices.Contains(catalogueFields, f.Name) {
			return 0
		}
	}
	return catalogueFresh
}

func (r *queryResolver) RateLimit(ctx context.Context) (*gqlhttp.RateLimit, error) {
	return gqlhttp.RateLimitAt(ctx, r.now()), nil
}
