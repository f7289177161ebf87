package audit

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/page"
)

// maxAction is more than any action's name has, in characters.
const maxAction = 100

// Filter says which events to list; its conditions are joined by and.
type Filter struct {
	// Action is the name of one, e.g. site.created, or the first part of several with its dot, e.g. site.
	Action    *string
	ActorKind *ActorKind
	// UserID is a person, one of the account's own or of staff: ActorKind tells the two apart.
	UserID *gid.User
	// APIKeyID is a key of one of the account's sites.
	APIKeyID *gid.APIKey
	// SubjectID is the global id of what something was done on.
	SubjectID       *string
	ImpersonationID *gid.Impersonation
	// From and To bound when it happened: From is in the range, To is not.
	From, To *time.Time
}

// check judges what the filter's types leave open. Errors: INVALID_ID at subjectId, BAD_USER_INPUT at
// action.
func (f Filter) check() error {
	var faults fault.List
	if f.Action != nil {
		if bad := fault.CheckText(*f.Action, "action", maxAction); bad != nil {
			faults.Add(fault.New(fault.BadUserInput, "this is the name of no action").At("filter", "action"))
		}
	}
	if f.SubjectID != nil {
		if _, err := ParseSubject(*f.SubjectID); err != nil {
			for _, bad := range fault.Of(err) {
				faults.Add(bad.At("filter", "subjectId"))
			}
		}
	}
	return faults.Err()
}

// apply adds the conditions of a filter that passed check. The names of actions are compared by code
// point, whatever the database's collation, as their index is ordered.
func (f Filter) apply(q *bun.SelectQuery) *bun.SelectQuery {
	if f.Action != nil {
		if group, isGroup := strings.CutSuffix(*f.Action, "."); isGroup {
			// The character after the dot ends the range of what begins with it.
			q = q.Where(`event.action COLLATE "C" >= ?`, group+".").Where(`event.action COLLATE "C" < ?`, group+"/")
		} else {
			q = q.Where(`event.action COLLATE "C" = ?`, *f.Action)
		}
	}
	if f.ActorKind != nil {
		q = q.Where("event.actor_kind = ?", *f.ActorKind)
	}
	if f.UserID != nil {
		q = q.Where("event.actor_id = ?", *f.UserID).Where("event.actor_kind IN (?, ?)", User, Staff)
	}
	if f.APIKeyID != nil {
		q = q.Where("event.actor_id = ?", *f.APIKeyID).Where("event.actor_kind = ?", APIKey)
	}
	if f.SubjectID != nil {
		subject, _ := ParseSubject(*f.SubjectID) // passed check
		q = q.Where("event.subject_type = ?", subject.Type).Where("event.subject_id = ?", subject.Key)
	}
	if f.ImpersonationID != nil {
		q = q.Where("event.impersonation_id = ?", *f.ImpersonationID)
	}
	if f.From != nil {
		q = q.Where("event.created_at >= ?", *f.From)
	}
	if f.To != nil {
		q = q.Where("event.created_at < ?", *f.To)
	}
	return q
}

// List pages through an account's events, newest first. Errors: BAD_USER_INPUT for arguments that ask
// for no page of this list and at filter.action, INVALID_ID at filter.subjectId.
func List(ctx context.Context, db bun.IDB, tenant gid.Account, filter Filter, args page.Args) (*Connection, error) {
	if err := filter.check(); err != nil {
		return nil, err
	}
	w, err := args.Window(1)
	if err != nil {
		return nil, err
	}
	events := []*Event{}
	q, err := page.Apply(filter.apply(scoped(db, tenant, &events)), w, page.Key{Column: "event.id", Value: new(int64), Descending: true})
	if err != nil {
		return nil, err
	}
	if err := q.Scan(ctx); err != nil {
		return nil, fmt.Errorf("list audit events: %w", err)
	}
	return page.New(w, events,
		func(e *Event) []any { return []any{int64(e.ID)} },
		page.Counter(func() *bun.SelectQuery { return filter.apply(scoped(db, tenant, &[]*Event{})) }),
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
