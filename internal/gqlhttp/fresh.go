package gqlhttp

import (
	"context"
	"net/http"
	"strconv"

	"github.com/99designs/gqlgen/graphql"
)

// varies are the headers of a request on which an answer that may be kept depends.
const varies = "Accept, Authorization, X-API-Key"

// refresh lets caches keep the answer to a GET by hash, where it is the same for everybody and complete.
// What the request itself paid is then no part of it.
func (h *handler) refresh(ctx context.Context, header http.Header, op *graphql.OperationContext, a *answer) {
	hash, err := persistedHash(op.Extensions)
	if err != nil || hash == "" || len(a.errors) > 0 {
		return
	}
	seconds := int(h.fresh(ctx, op).Seconds())
	if seconds <= 0 {
		return
	}
	header.Set("Cache-Control", "public, max-age="+strconv.Itoa(seconds))
	header.Add("Vary", varies)
	for _, name := range balanceHeaders {
		header.Del(name)
	}
	delete(a.extensions, costExtension)
}
