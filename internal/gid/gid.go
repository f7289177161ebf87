// Package gid owns global ids: the one opaque string by which clients name a thing, a prefix that
// says its type and its number, e.g. site_19.
//
// Each noun has an id type of its own, so that the compiler refuses an account's id where a site's is
// asked for. A malformed id or one of another type is refused by Parse, before any query.
package gid

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"igny8.com/accounts/internal/fault"
)

// Account is the id of an account.
type Account int64

// User is the id of a person.
type User int64

// Session is the id of a signed-in device.
type Session int64

// Plan is the id of a plan.
type Plan int64

// Industry is the id of an industry.
type Industry int64

// IndustrySector is the id of a part of an industry.
type IndustrySector int64

// Site is the id of a site.
type Site int64

// Sector is the id of a part of an industry that a site covers.
type Sector int64

// Subscription is the id of a subscription.
type Subscription int64

// Period is the id of a period of a subscription.
type Period int64

// Payment is the id of a payment.
type Payment int64

// Receipt is the id of a sum that came in.
type Receipt int64

// Invoice is the id of an invoice.
type Invoice int64

// Grant is the id of credits that came in together.
type Grant int64

// CreditTransaction is the id of a line of the ledger.
type CreditTransaction int64

// CreditHold is the id of credits set aside.
type CreditHold int64

// AuditEvent is the id of a line of the audit log.
type AuditEvent int64

// Invitation is the id of an invitation.
type Invitation int64

// APIKey is the id of a site's API key.
type APIKey int64

// SyncEvent is the id of something that was synced with a site.
type SyncEvent int64

// Impersonation is the id of a time in which staff act for an account.
type Impersonation int64

// StripeEvent is the id of something that Stripe told.
type StripeEvent int64

// ID is any of the id types of this package.
type ID interface {
	~int64
	Prefix() string
}

// Prefix is the part of a global id that says the type.
func (Account) Prefix() string           { return "acct" }
func (User) Prefix() string              { return "user" }
func (Session) Prefix() string           { return "sess" }
func (Plan) Prefix() string              { return "plan" }
func (Industry) Prefix() string          { return "ind" }
func (IndustrySector) Prefix() string    { return "isec" }
func (Site) Prefix() string              { return "site" }
func (Sector) Prefix() string            { return "sect" }
func (Subscription) Prefix() string      { return "sub" }
func (Period) Prefix() string            { return "per" }
func (Payment) Prefix() string           { return "pay" }
func (Receipt) Prefix() string           { return "rcpt" }
func (Invoice) Prefix() string           { return "inv" }
func (Grant) Prefix() string             { return "grant" }
func (CreditTransaction) Prefix() string { return "ctx" }
func (CreditHold) Prefix() string        { return "hold" }
func (AuditEvent) Prefix() string        { return "evt" }
func (Impersonation) Prefix() string     { return "imp" }
func (SyncEvent) Prefix() string         { return "sync" }
func (APIKey) Prefix() string            { return "key" }
func (Invitation) Prefix() string        { return "invite" }
func (StripeEvent) Prefix() string       { return "sevt" }

// MarshalGQL writes the global id as a GraphQL ID.
func (id Account) MarshalGQL(w io.Writer)           { write(w, id) }
func (id User) MarshalGQL(w io.Writer)              { write(w, id) }
func (id Session) MarshalGQL(w io.Writer)           { write(w, id) }
func (id Plan) MarshalGQL(w io.Writer)              { write(w, id) }
func (id Industry) MarshalGQL(w io.Writer)          { write(w, id) }
func (id IndustrySector) MarshalGQL(w io.Writer)    { write(w, id) }
func (id Site) MarshalGQL(w io.Writer)              { write(w, id) }
func (id Sector) MarshalGQL(w io.Writer)            { write(w, id) }
func (id Subscription) MarshalGQL(w io.Writer)      { write(w, id) }
func (id Period) MarshalGQL(w io.Writer)            { write(w, id) }
func (id Payment) MarshalGQL(w io.Writer)           { write(w, id) }
func (id Receipt) MarshalGQL(w io.Writer)           { write(w, id) }
func (id Invoice) MarshalGQL(w io.Writer)           { write(w, id) }
func (id Grant) MarshalGQL(w io.Writer)             { write(w, id) }
func (id CreditTransaction) MarshalGQL(w io.Writer) { write(w, id) }
func (id CreditHold) MarshalGQL(w io.Writer)        { write(w, id) }
func (id AuditEvent) MarshalGQL(w io.Writer)        { write(w, id) }
func (id Impersonation) MarshalGQL(w io.Writer)     { write(w, id) }
func (id SyncEvent) MarshalGQL(w io.Writer)         { write(w, id) }
func (id APIKey) MarshalGQL(w io.Writer)            { write(w, id) }
func (id Invitation) MarshalGQL(w io.Writer)        { write(w, id) }
func (id StripeEvent) MarshalGQL(w io.Writer)       { write(w, id) }

// UnmarshalGQL reads a global id of the type; anything else is INVALID_ID.
func (id *Account) UnmarshalGQL(v any) error           { return read(id, v) }
func (id *User) UnmarshalGQL(v any) error              { return read(id, v) }
func (id *Session) UnmarshalGQL(v any) error           { return read(id, v) }
func (id *Plan) UnmarshalGQL(v any) error              { return read(id, v) }
func (id *Industry) UnmarshalGQL(v any) error          { return read(id, v) }
func (id *IndustrySector) UnmarshalGQL(v any) error    { return read(id, v) }
func (id *Site) UnmarshalGQL(v any) error              { return read(id, v) }
func (id *Sector) UnmarshalGQL(v any) error            { return read(id, v) }
func (id *Subscription) UnmarshalGQL(v any) error      { return read(id, v) }
func (id *Period) UnmarshalGQL(v any) error            { return read(id, v) }
func (id *Payment) UnmarshalGQL(v any) error           { return read(id, v) }
func (id *Receipt) UnmarshalGQL(v any) error           { return read(id, v) }
func (id *Invoice) UnmarshalGQL(v any) error           { return read(id, v) }
func (id *Grant) UnmarshalGQL(v any) error             { return read(id, v) }
func (id *CreditTransaction) UnmarshalGQL(v any) error { return read(id, v) }
func (id *CreditHold) UnmarshalGQL(v any) error        { return read(id, v) }
func (id *AuditEvent) UnmarshalGQL(v any) error        { return read(id, v) }
func (id *Impersonation) UnmarshalGQL(v any) error     { return read(id, v) }
func (id *SyncEvent) UnmarshalGQL(v any) error         { return read(id, v) }
func (id *APIKey) UnmarshalGQL(v any) error            { return read(id, v) }
func (id *Invitation) UnmarshalGQL(v any) error        { return read(id, v) }
func (id *StripeEvent) UnmarshalGQL(v any) error       { return read(id, v) }

// Format writes the global id.
func Format[T ID](id T) string {
	return id.Prefix() + "_" + strconv.FormatInt(int64(id), 10)
}

// Parse reads a global id of type T. Errors: INVALID_ID for a malformed one or one of another type.
func Parse[T ID](s string) (T, error) {
	var id T
	prefix, n, err := Split(s)
	if err != nil {
		return 0, err
	}
	if prefix != id.Prefix() {
		return 0, fault.New(fault.InvalidID, "this id names something of another type; expected one that starts with %s_", id.Prefix())
	}
	return T(n), nil
}

// Split parts a global id of any type into its prefix and number. It accepts exactly what Format
// writes: no sign, no leading zero, nothing beyond 64 bits. Errors: INVALID_ID.
func Split(s string) (prefix string, n int64, err error) {
	malformed := fault.New(fault.InvalidID, "this is not an id; ids look like site_19")
	prefix, digits, found := strings.Cut(s, "_")
	if !found || prefix == "" || digits == "" || len(digits) > 19 || digits[0] < '1' || digits[0] > '9' {
		return "", 0, malformed
	}
	n, parseErr := strconv.ParseInt(digits, 10, 64)
	if parseErr != nil {
		return "", 0, malformed
	}
	return prefix, n, nil
}

func write[T ID](w io.Writer, id T) {
	// Writing to the response buffer cannot fail.
	_, _ = fmt.Fprintf(w, "%q", Format(id))
}

func read[T ID](id *T, v any) error {
	s, ok := v.(string)
	if !ok {
		return fault.New(fault.InvalidID, "an id is a string such as site_19")
	}
	parsed, err := Parse[T](s)
	if err != nil {
		return err
	}
	*id = parsed
	return nil
}
