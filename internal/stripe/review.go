package stripe

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/audit"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/page"
	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/queue"
)

// EventFilter says which events to list; what is nil is no condition.
type EventFilter struct {
	Status   *EventStatus
	Type     *string
	TenantID *gid.Account
}

func (f EventFilter) apply(q *bun.SelectQuery) *bun.SelectQuery {
	if f.Status != nil {
		q = q.Where("event.status = ?", *f.Status)
	}
	if f.Type != nil {
		q = q.Where("event.type = ?", strings.TrimSpace(*f.Type))
	}
	if f.TenantID != nil {
		q = q.Where("event.tenant_id = ?", *f.TenantID)
	}
	return q
}

// Events pages through what Stripe told, newest first. It is for staff.
func Events(ctx context.Context, db bun.IDB, filter EventFilter, args page.Args) (*EventConnection, error) {
	w, err := args.Window(2)
	if err != nil {
		return nil, err
	}
	rows := []*Event{}
	q, err := page.Apply(filter.apply(db.NewSelect().Model(&rows)), w,
		page.Key{Column: "event.received_at", Value: new(time.Time), Descending: true},
		page.Key{Column: "event.id", Value: new(int64), Descending: true})
	if err != nil {
		return nil, err
	}
	if err := q.Scan(ctx); err != nil {
		return nil, fmt.Errorf("list events of Stripe: %w", err)
	}
	return page.New(w, rows,
		func(e *Event) []any { return []any{e.ReceivedAt, int64(e.ID)} },
		page.Counter(func() *bun.SelectQuery { return filter.apply(db.NewSelect().Model((*Event)(nil))) }),
	), nil
}

// EventsByIDs reads events, in no order.
func EventsByIDs(ctx context.Context, db bun.IDB, ids []gid.StripeEvent) ([]*Event, error) {
	rows := []*Event{}
	if err := db.NewSelect().Model(&rows).Where("id IN (?)", bun.List(ids)).Scan(ctx); err != nil {
		return nil, fmt.Errorf("read events of Stripe: %w", err)
	}
	return rows, nil
}

// Retry has a dead letter tried again, as reviewed by a member of staff. Said again while it waits, it does nothing.
// Errors: NOT_FOUND, OWN_PAYMENT and INVALID_STATE at eventId.
func Retry(ctx context.Context, db bun.IDB, staff account.Actor, now time.Time, id gid.StripeEvent) (*Event, error) {
	e, err := readEvent(ctx, db, id)
	if err != nil {
		return nil, err
	}
	if e == nil {
		return nil, fault.New(fault.NotFound, "there is no such event").At("eventId")
	}
	scope := gid.Account(0)
	if e.TenantID != nil {
		scope = *e.TenantID
	}
	err = postgres.InTx(postgres.WithTenant(ctx, int64(scope)), db, func(ctx context.Context, tx bun.Tx) error {
		if err := tx.NewSelect().Model(e).WherePK().For("UPDATE").Scan(ctx); err != nil {
			return fmt.Errorf("lock an event of Stripe: %w", err)
		}
		switch {
		case e.TenantID != nil && *e.TenantID == staff.AccountID():
			return fault.New(fault.OwnPayment, "somebody else has to decide on what is about your own account").At("eventId")
		case e.Status == EventPending:
			return nil
		case e.Status != EventDead:
			return fault.New(fault.InvalidState, "this event is %s", e.Status).At("eventId")
		case e.Error != nil && *e.Error == otherMode:
			return fault.New(fault.InvalidState, "this event %s", otherMode[len("it "):]).At("eventId")
		}
		e.Status, e.Error, e.ReviewedBy, e.UpdatedAt = EventPending, nil, &staff.User.ID, now
		if _, err := tx.NewUpdate().Model(e).WherePK().Column("status", "error", "reviewed_by", "updated_at").Exec(ctx); err != nil {
			return fmt.Errorf("have an event of Stripe tried again: %w", err)
		}
		if scope != 0 {
			change := audit.On("stripe_event.retried", "stripe_event", e.ID).To(map[string]any{"type": e.Type, "stripeId": e.StripeID})
			if err := audit.Record(ctx, tx, scope, staff.By(scope), now, change); err != nil {
				return err
			}
		}
		return queue.StripeEventNow(ctx, tx, int64(e.ID))
	})
	if err != nil {
		return nil, err
	}
	return e, nil
}
