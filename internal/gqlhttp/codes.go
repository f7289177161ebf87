package gqlhttp

import (
	"net/http"

	"igny8.com/accounts/internal/fault"
)

// Codes of refusals that are made here, beside those of package fault. All but the first three
// carry "limit" and "actual" in the error's extensions.
const (
	MethodNotAllowed     fault.Code = "METHOD_NOT_ALLOWED"
	NotAcceptable        fault.Code = "NOT_ACCEPTABLE"
	UnsupportedMediaType fault.Code = "UNSUPPORTED_MEDIA_TYPE"

	BodyLimit          fault.Code = "BODY_LIMIT_EXCEEDED"
	QueryLimit         fault.Code = "QUERY_LIMIT_EXCEEDED"
	TokenLimit         fault.Code = "TOKEN_LIMIT_EXCEEDED"
	NameLimit          fault.Code = "NAME_LIMIT_EXCEEDED"
	OperationLimit     fault.Code = "OPERATION_LIMIT_EXCEEDED"
	FragmentLimit      fault.Code = "FRAGMENT_LIMIT_EXCEEDED"
	DirectiveLimit     fault.Code = "DIRECTIVE_LIMIT_EXCEEDED"
	RepeatLimit        fault.Code = "REPEAT_LIMIT_EXCEEDED"
	MutationLimit      fault.Code = "MUTATION_LIMIT_EXCEEDED"
	IntrospectionLimit fault.Code = "INTROSPECTION_LIMIT_EXCEEDED"
	InputDepthLimit    fault.Code = "INPUT_DEPTH_LIMIT_EXCEEDED"
	InputSizeLimit     fault.Code = "INPUT_SIZE_LIMIT_EXCEEDED"
	InputListLimit     fault.Code = "INPUT_LIST_LIMIT_EXCEEDED"
	AnswerLimit        fault.Code = "ANSWER_LIMIT_EXCEEDED"
	SubscriptionLimit  fault.Code = "SUBSCRIPTION_LIMIT_EXCEEDED"
)

// statuses holds the HTTP status of an answer without data, by the code of its first error that is
// listed here; every code that is not is the request's own fault, 400.
var statuses = map[fault.Code]int{
	fault.Unauthenticated:  http.StatusUnauthorized,
	fault.PaymentRequired:  http.StatusPaymentRequired,
	fault.Forbidden:        http.StatusForbidden,
	fault.AccountSuspended: http.StatusForbidden,
	fault.AccountCancelled: http.StatusForbidden,
	fault.PlanInactive:     http.StatusForbidden,
	MethodNotAllowed:       http.StatusMethodNotAllowed,
	NotAcceptable:          http.StatusNotAcceptable,
	BodyLimit:              http.StatusRequestEntityTooLarge,
	UnsupportedMediaType:   http.StatusUnsupportedMediaType,
	fault.Throttled:        http.StatusTooManyRequests,
	fault.Internal:         http.StatusInternalServerError,
	fault.Unavailable:      http.StatusServiceUnavailable,
	fault.Timeout:          http.StatusGatewayTimeout,
}

// malformed are the codes of requests that are no well-formed GraphQL-over-HTTP request: their
// status is the same in every media type.
var malformed = map[fault.Code]bool{
	fault.BadRequest:     true,
	MethodNotAllowed:     true,
	NotAcceptable:        true,
	BodyLimit:            true,
	UnsupportedMediaType: true,
}
