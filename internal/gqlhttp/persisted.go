package gqlhttp

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"igny8.com/accounts/internal/fault"
)

// Persisted operations, by the protocol of Apollo's "automatic persisted queries", which urql speaks
// too: extensions.persistedQuery names a document by its SHA-256. With the document beside it, it is
// registered; without, it is looked for. Clients recognise the two refusals by their messages.
const (
	persistedNotFound     = "PersistedQueryNotFound"
	persistedNotSupported = "PersistedQueryNotSupported"

	persistedVersion = "1"
)

// library finds documents by their hash.
type library struct {
	registered *Operations
	only       bool
	store      *operationStore // nil: clients register nothing by themselves
	share      func(context.Context) string
}

func newLibrary(cfg Config) *library {
	l := &library{registered: cfg.Operations, only: cfg.OperationsOnly, share: cfg.Share}
	if l.registered == nil {
		l.registered = &Operations{}
	}
	if cfg.PersistedBytes > 0 && !l.only {
		l.store = newOperationStore(cfg.PersistedBytes, cfg.PersistedBytes/sharesAtLeast)
	}
	return l
}

// registration is what a request registers, once it is let run.
type registration struct{ hash, query string }

const pendingRegistration = "gqlhttp.registration"

// resolve puts the document in place that the parameters name by its hash. d is set if it was prepared
// when the server started.
func (l *library) resolve(ctx context.Context, params *graphql.RawParams) (d *document, err *gqlerror.Error) {
	hash, err := persistedHash(params.Extensions)
	if err != nil {
		return nil, err
	}
	if params.Query != "" {
		return l.withText(ctx, hash, params.Query)
	}
	if hash == "" {
		return nil, badRequest(reasonParameter, "The parameter query is missing.")
	}
	if d := l.registered.documents[hash]; d != nil {
		params.Query = d.text
		return d.document, nil
	}
	switch {
	case l.only:
		return nil, coded(PersistedNotFound, persistedNotFound)
	case l.store == nil:
		return nil, coded(PersistedNotSupported, persistedNotSupported)
	}
	query, found := l.store.get(l.share(ctx), hash)
	if !found {
		return nil, coded(PersistedNotFound, persistedNotFound)
	}
	params.Query = query
	return nil, nil
}

// withText is for a document that came in full.
func (l *library) withText(ctx context.Context, hash, query string) (*document, *gqlerror.Error) {
	if hash == "" && len(l.registered.documents) == 0 && !l.only {
		return nil, nil // nobody needs to know its hash
	}
	sum := hashOf(query)
	if hash != "" && hash != sum {
		return nil, badRequest(reasonHash, "The sha256Hash is not the query's.")
	}
	if d := l.registered.documents[sum]; d != nil {
		return d.document, nil
	}
	if l.only {
		return nil, coded(PersistedRequired, "Only registered operations run here: send the hash of one of them, or its exact text.")
	}
	if hash != "" && l.store != nil {
		graphql.GetOperationContext(ctx).Stats.SetExtension(pendingRegistration, registration{hash, query})
	}
	return nil, nil
}

// register keeps what the request registers. By now its document has been through guard and validation,
// and the request has been paid for.
func (l *library) register(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
	if r, pending := graphql.GetOperationContext(ctx).Stats.GetExtension(pendingRegistration).(registration); pending {
		l.store.put(l.share(ctx), r.hash, r.query)
	}
	return next(ctx)
}

// persistedHash is the hash that a request names, or "".
func persistedHash(extensions map[string]any) (string, *gqlerror.Error) {
	given := extensions["persistedQuery"]
	if given == nil {
		return "", nil
	}
	object, ok := given.(map[string]any)
	if !ok {
		return "", badRequest(reasonParameter, "extensions.persistedQuery must be an object.")
	}
	if version, _ := object["version"].(json.Number); version != persistedVersion {
		return "", badRequest(reasonParameter, "extensions.persistedQuery.version must be %s.", persistedVersion)
	}
	hash, _ := object["sha256Hash"].(string)
	if !isHash(hash) {
		return "", badRequest(reasonParameter, "extensions.persistedQuery.sha256Hash must be a SHA-256 in lower-case hex.")
	}
	return hash, nil
}

func isHash(text string) bool {
	return len(text) == hex.EncodedLen(sha256.Size) && strings.Trim(text, "0123456789abcdef") == ""
}

func hashOf(query string) string {
	sum := sha256.Sum256([]byte(query))
	return hex.EncodeToString(sum[:])
}

// Codes of persisted operations, as Apollo and urql know them.
const (
	PersistedNotFound     fault.Code = "PERSISTED_QUERY_NOT_FOUND"
	PersistedNotSupported fault.Code = "PERSISTED_QUERY_NOT_SUPPORTED"
	// PersistedRequired refuses a document that is not registered where nothing else runs.
	PersistedRequired fault.Code = "PERSISTED_QUERY_REQUIRED"
)
