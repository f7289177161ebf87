// Package gqlhttp serves a gqlgen schema over HTTP. It owns everything between the socket and the
// first resolver that is the same for every GraphQL service, and knows nothing of this one.
//
// A request passes, in this order:
//
//	negotiation   accept.go     which JSON the client reads; 406 if none
//	reading       request.go    POST application/json or GET; strict JSON (json.go); 64 KB
//	admission     Config.Admit  by whoever serves
//	the hash      persisted.go  finds a document that was registered, by clients or before (manifest.go)
//	the document  document.go   size, tokens, limits (guard.go), validation (rules.go); cached
//	the variables variables.go  coerced strictly, @oneOf enforced
//	the price     cost.go       what the operation costs, charged once (meter.go)
//	execution     gqlgen's executor, under a deadline
//	the answer    response.go   errors coded, sorted and capped; status by media type
//
// Live events (Config.Live) come by graphql-transport-ws (socket.go, message.go) and by server-sent events
// (events.go). Both are one thing beneath: a stream (stream.go) of subscriptions (subscription.go), whose
// documents are executed once for each event, from the caller on (turn.go).
//
// What must always hold:
//
//   - No error leaves without extensions.code, and nothing that is not a fault.Error or made here
//     keeps its text: the rest is masked as INTERNAL_SERVER_ERROR and logged once (present.go).
//   - Work before the first resolver is bounded by the limits, never by what the client wrote:
//     every fragment is measured once, whatever refers to it.
//   - The body of a request is never echoed. Names that the document uses may appear in messages,
//     shortened; values never do.
//   - A stream serves who its credentials name at each event, ends with them, keeps nothing for a client
//     that is slow to read, and leaves no goroutine behind.
//   - Cookies are neither read nor handed on. Only application/json is accepted in a body, which a
//     foreign page cannot send without a preflight, and GET runs queries alone.
//
// The transport follows "GraphQL over HTTP": all audits of the npm package graphql-http pass
// (testdata/audits). Config.Edition2026 switches to the status codes of the edition of September
// 2026, which those audits do not know yet.
package gqlhttp
