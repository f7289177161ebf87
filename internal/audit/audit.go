// Package audit owns the audit log: who did what, on what, from where, when.
//
// An event is written in the transaction of the change that it tells of, so that neither exists
// without the other; the application's database role can add to the log and read it, nothing else.
package audit

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
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

// SubjectID is the global id of what it was done on.
func (e *Event) SubjectID() string {
	return subjectPrefixes[e.SubjectType] + "_" + strconv.FormatInt(e.SubjectKey, 10)
}

// subjectPrefixes are the prefixes of the global ids of what events are about.
var subjectPrefixes = map[string]string{
	"account": gid.Account(0).Prefix(), "user": gid.User(0).Prefix(), "session": gid.Session(0).Prefix(),
	"site": gid.Site(0).Prefix(), "sector": gid.Sector(0).Prefix(), "payment": gid.Payment(0).Prefix(),
	"invitation": gid.Invitation(0).Prefix(), "api_key": gid.APIKey(0).Prefix(), "impersonation": gid.Impersonation(0).Prefix(),
}

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
	if _, err := tx.NewInsert().Model(event).Returning("NULL").Exec(ctx); err != nil {
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

// List pages through an account's events, newest first.
func List(ctx context.Context, db bun.IDB, tenant gid.Account, args page.Args) (*Connection, error) {
	w, err := args.Window(1)
	if err != nil {
		return nil, err
	}
	events := []*Event{}
	q, err := page.Apply(scoped(db, tenant, &events), w, page.Key{Column: "event.id", Value: new(int64), Descending: true})
	if err != nil {
		return nil, err
	}
	if err := q.Scan(ctx); err != nil {
		return nil, fmt.Errorf("list audit events: %w", err)
	}
	return page.New(w, events,
		func(e *Event) []any { return []any{int64(e.ID)} },
		page.Counter(func() *bun.SelectQuery { return scoped(db, tenant, &[]*Event{}) }),
	), nil
}

// ByIDs reads events of one account, in no order.
func ByIDs(ctx context.Context, db bun.IDB, tenant gid.Account, ids []gid.AuditEvent) ([]*Event, error) {
	events := []*Event{}
	if err := scoped(db, tenant, &events).Where("event.id IN (?)", bun.List(ids)).Scan(ctx); err != nil {
		return nil, fmt.Errorf("read audit events: %w", err)
	}
	return events, nil
}

// scoped starts every read of the log: the events of one account.
func scoped(db bun.IDB, tenant gid.Account, events *[]*Event) *bun.SelectQuery {
	return db.NewSelect().Model(events).Where("event.tenant_id = ?", tenant)
}

// Connection is a page of events.
type Connection = page.Connection[*Event]

// Edge is an event in a page.
type Edge = page.Edge[*Event]
