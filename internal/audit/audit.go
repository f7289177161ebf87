// Package audit owns the audit log: who did what, on what, from where, when.
//
// An event is written in the transaction of the change that it tells of, so that neither exists
// without the other; one that tells of no change stands alone. The application's database role can add
// to the log and read it, nothing else, and what an event says of who, what and when is never changed.
package audit

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/enum"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/page"
)

// ActorKind says what kind of actor did something.
type ActorKind string

// The kinds of actors.
const (
	User   ActorKind = "user"
	Staff  ActorKind = "staff"
	APIKey ActorKind = "api_key"
	System ActorKind = "system"
)

// MarshalGQL writes the enum value.
func (k ActorKind) MarshalGQL(w io.Writer) { enum.Marshal(w, k) }

// UnmarshalGQL reads the enum value.
func (k *ActorKind) UnmarshalGQL(v any) error { return enum.Unmarshal(k, v) }

// By is who did something, and from where.
type By struct {
	Kind ActorKind
	// ID is the user's for people and staff, the key's for API keys; nil for the service itself.
	ID *int64
	// Impersonation is the one under which staff act for the account; nil for everybody else.
	Impersonation *gid.Impersonation
	IP            string
	UserAgent     string
	RequestID     string
}

// Event is one line of the log.
type Event struct {
	bun.BaseModel `bun:"table:igny8_audit_events,alias:event"`

	TenantID        gid.Account        `bun:"tenant_id,pk"`
	ID              gid.AuditEvent     `bun:"id,pk,autoincrement"`
	Action          string             `bun:"action"`
	SubjectType     string             `bun:"subject_type"`
	SubjectKey      int64              `bun:"subject_id"`
	ActorKind       ActorKind          `bun:"actor_kind"`
	ActorID         *int64             `bun:"actor_id"`
	ImpersonationID *gid.Impersonation `bun:"impersonation_id"`
	Before          json.RawMessage    `bun:"before,type:jsonb,nullzero"`
	After           json.RawMessage    `bun:"after,type:jsonb,nullzero"`
	IP              string             `bun:"ip"`
	UserAgent       string             `bun:"user_agent"`
	RequestID       string             `bun:"request_id"`
	CreatedAt       time.Time          `bun:"created_at"`
}

// IsNode marks the type as having a global id.
func (*Event) IsNode() {}

// Actor is who did it.
func (e *Event) Actor() *Actor { return &Actor{Tenant: e.TenantID, Kind: e.ActorKind, ID: e.ActorID} }

// Actor is who did something in an account.
type Actor struct {
	Tenant gid.Account
	Kind   ActorKind
	// ID is the user's for people and staff, the key's for API keys; nil for the service itself.
	ID *int64
}

// Tenant is the account that the event belongs to.
func (e *Event) Tenant() gid.Account { return e.TenantID }

// Change is what happened: an action on a subject and, where they matter, the facts before and after,
// which must marshal to JSON objects.
type Change struct {
	Action        string
	SubjectType   string
	Subject       int64
	Before, After map[string]any
}

// On is the usual way to say what a change was about.
func On[T gid.ID](action, subjectType string, id T) Change {
	return Change{Action: action, SubjectType: subjectType, Subject: int64(id)}
}

// From returns the change with the facts before it.
func (c Change) From(before map[string]any) Change { c.Before = before; return c }

// To returns the change with the facts after it.
func (c Change) To(after map[string]any) Change { c.After = after; return c }

// Record writes the event of a change within the change's own transaction.
func Record(ctx context.Context, tx bun.Tx, tenant gid.Account, by By, now time.Time, change Change) error {
	return insert(ctx, tx, tenant, by, now, change)
}

// Note writes the event of something that changes nothing, such as that somebody looked: one statement,
// a transaction of its own where db is none.
func Note(ctx context.Context, db bun.IDB, tenant gid.Account, by By, now time.Time, seen Change) error {
	return insert(ctx, db, tenant, by, now, seen)
}

func insert(ctx context.Context, db bun.IDB, tenant gid.Account, by By, now time.Time, change Change) error {
	before, err := facts(change.Before)
	if err != nil {
		return err
	}
	after, err := facts(change.After)
	if err != nil {
		return err
	}
	event := &Event{
		TenantID: tenant, Action: change.Action, SubjectType: change.SubjectType, SubjectKey: change.Subject,
		ActorKind: by.Kind, ActorID: by.ID, ImpersonationID: by.Impersonation, IP: by.IP, UserAgent: by.UserAgent, RequestID: by.RequestID,
		Before: before, After: after, CreatedAt: now,
	}
	if _, err := db.NewInsert().Model(event).Returning("NULL").Exec(ctx); err != nil {
		return fmt.Errorf("record %s: %w", change.Action, err)
	}
	return nil
}

func facts(m map[string]any) (json.RawMessage, error) {
	if m == nil {
		return nil, nil
	}
	raw, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("audit facts: %w", err)
	}
	return raw, nil
}

// Connection is a page of events.
type Connection = page.Connection[*Event]

// Edge is an event in a page.
type Edge = page.Edge[*Event]
