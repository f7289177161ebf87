// Package fault is the one kind of error that this service shows to its clients.
//
// A fault has a code that programs read, a message that people read and, where one input is to
// blame, the path of that input. Domain code returns a fault where it knows what went wrong in the
// caller's terms and wraps everything else; whatever reaches the edge without being a fault is
// masked there as INTERNAL_SERVER_ERROR, so no text of the database ever reaches a client.
package fault

import (
	"errors"
	"fmt"
	"maps"
	"strings"
)

// Code names a kind of fault. Codes are part of the API: they are added to, never renamed.
type Code string

// Codes that a person can correct or a caller must handle. In a mutation they are data, in
// userErrors; everywhere else they are top-level errors.
const (
	Required             Code = "REQUIRED"
	Invalid              Code = "INVALID"
	InvalidID            Code = "INVALID_ID"
	TooLong              Code = "TOO_LONG"
	Taken                Code = "TAKEN"
	NotFound             Code = "NOT_FOUND"
	WeakPassword         Code = "WEAK_PASSWORD"
	PlanUnavailable      Code = "PLAN_UNAVAILABLE"
	InvalidCredentials   Code = "INVALID_CREDENTIALS"
	PlanLimitReached     Code = "PLAN_LIMIT_REACHED"
	FeatureNotInPlan     Code = "FEATURE_NOT_IN_PLAN"
	InsufficientCredits  Code = "INSUFFICIENT_CREDITS"
	BudgetExceeded       Code = "BUDGET_EXCEEDED"
	InvalidState         Code = "INVALID_STATE"
	AmountMismatch       Code = "AMOUNT_MISMATCH"
	CurrencyMismatch     Code = "CURRENCY_MISMATCH"
	ExternalReferenceUse Code = "EXTERNAL_REFERENCE_USED"
	OwnPayment           Code = "OWN_PAYMENT"
	IdempotencyConflict  Code = "IDEMPOTENCY_CONFLICT"
	SecondApproverNeeded Code = "SECOND_APPROVER_NEEDED"
	ApprovalMismatch     Code = "APPROVAL_MISMATCH"
	StaleVersion         Code = "STALE_VERSION"
	LastOwner            Code = "LAST_OWNER"
	// PaymentMethodUnavailable is a way to pay that this server does not offer.
	PaymentMethodUnavailable Code = "PAYMENT_METHOD_UNAVAILABLE"
)

// Codes that no form can mend: always top-level errors.
const (
	BadRequest       Code = "BAD_REQUEST"
	ParseFailed      Code = "GRAPHQL_PARSE_FAILED"
	ValidationFailed Code = "GRAPHQL_VALIDATION_FAILED"
	BadUserInput     Code = "BAD_USER_INPUT"
	Unauthenticated  Code = "UNAUTHENTICATED"
	Forbidden        Code = "FORBIDDEN"
	AccountSuspended Code = "ACCOUNT_SUSPENDED"
	AccountCancelled Code = "ACCOUNT_CANCELLED"
	PaymentRequired  Code = "PAYMENT_REQUIRED"
	PlanInactive     Code = "PLAN_INACTIVE"
	DepthLimit       Code = "DEPTH_LIMIT_EXCEEDED"
	AliasLimit       Code = "ALIAS_LIMIT_EXCEEDED"
	FieldLimit       Code = "FIELD_LIMIT_EXCEEDED"
	CostLimit        Code = "COST_LIMIT_EXCEEDED"
	Throttled        Code = "THROTTLED"
	Timeout          Code = "TIMEOUT"
	Unavailable      Code = "UNAVAILABLE"
	Internal         Code = "INTERNAL_SERVER_ERROR"
)

var correctable = map[Code]bool{
	Required: true, Invalid: true, InvalidID: true, TooLong: true, Taken: true, NotFound: true,
	WeakPassword: true, PlanUnavailable: true, InvalidCredentials: true, PlanLimitReached: true,
	FeatureNotInPlan: true, InsufficientCredits: true, BudgetExceeded: true, InvalidState: true, AmountMismatch: true,
	CurrencyMismatch: true, ExternalReferenceUse: true, OwnPayment: true, IdempotencyConflict: true,
	SecondApproverNeeded: true, ApprovalMismatch: true, StaleVersion: true, LastOwner: true, PaymentMethodUnavailable: true,
}

// Error is one fault.
type Error struct {
	Code    Code
	Message string
	// Field is the path of the input that is to blame, from the mutation's input object
	// downwards, e.g. ["amount", "currencyCode"]; empty where no single input is.
	Field []string
	// Details are further facts for programs, by name, e.g. limit and used.
	Details map[string]any
}

// New makes a fault with a formatted message.
func New(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// At returns a copy of e that blames the input at path.
func (e *Error) At(path ...string) *Error {
	c := *e
	c.Field = path
	return &c
}

// With returns a copy of e that carries one more detail.
func (e *Error) With(name string, value any) *Error {
	c := *e
	c.Details = make(map[string]any, len(e.Details)+1)
	maps.Copy(c.Details, e.Details)
	c.Details[name] = value
	return &c
}

// Correctable says whether a person can mend the fault by other input or at another time, which
// makes it data in a mutation's payload.
func (e *Error) Correctable() bool { return correctable[e.Code] }

func (e *Error) Error() string {
	if len(e.Field) == 0 {
		return string(e.Code) + ": " + e.Message
	}
	return string(e.Code) + " at " + strings.Join(e.Field, ".") + ": " + e.Message
}

// IsUserError marks the fault as something that a payload's userErrors can hold.
func (*Error) IsUserError() {}

// LimitError is a fault of a plan's limit, with what the limit is and how much is used.
type LimitError struct {
	*Error
	Limit, Used int
}

// List is several faults found at once, so that a form can show them all.
type List []*Error //nolint:errname,recvcheck // fault.List reads as what it is; Add alone changes it

// Add appends e unless it is nil.
func (l *List) Add(e *Error) {
	if e != nil {
		*l = append(*l, e)
	}
}

// Err is nil for an empty list and the list itself otherwise.
func (l List) Err() error {
	if len(l) == 0 {
		return nil
	}
	return l
}

func (l List) Error() string {
	text := make([]string, len(l))
	for i, e := range l {
		text[i] = e.Error()
	}
	return strings.Join(text, "; ")
}

// Of finds the faults in err, looking through wrapping; nil when err holds none.
func Of(err error) List {
	if e, ok := errors.AsType[*Error](err); ok {
		return List{e}
	}
	if l, ok := errors.AsType[List](err); ok {
		return l
	}
	return nil
}

// Is says whether err holds a fault with the code.
func Is(err error, code Code) bool {
	for _, e := range Of(err) {
		if e.Code == code {
			return true
		}
	}
	return false
}
