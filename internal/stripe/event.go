package stripe

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/enum"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/page"
	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/queue"
)

// EventStatus is where an event stands.
type EventStatus string

// The statuses.
const (
	// EventPending waits for its job.
	EventPending EventStatus = "pending"
	// EventDone has nothing left to do.
	EventDone EventStatus = "done"
	// EventIgnored is of a kind, or about something, that we have nothing to do with.
	EventIgnored EventStatus = "ignored"
	// EventDead is a dead letter: staff have to look at it.
	EventDead EventStatus = "dead"
)

// MarshalGQL writes the enum value.
func (s EventStatus) MarshalGQL(w io.Writer) { enum.Marshal(w, s) }

// UnmarshalGQL reads the enum value.
func (s *EventStatus) UnmarshalGQL(v any) error { return enum.Unmarshal(s, v) }

// Event is something that Stripe told. What it said beyond these facts is not kept.
type Event struct {
	bun.BaseModel `bun:"table:igny8_stripe_events,alias:event"`

	ID gid.StripeEvent `bun:"id,pk,autoincrement"`
	// StripeID is Stripe's id of the event, evt_….
	StripeID   string `bun:"event_id"`
	Type       string `bun:"type"`
	Livemode   bool   `bun:"livemode"`
	APIVersion string `bun:"api_version"`
	ObjectType string `bun:"object_type"`
	ObjectID   string `bun:"object_id"`
	// Created is when it happened, ReceivedAt when we were told first.
	Created    time.Time   `bun:"created"`
	ReceivedAt time.Time   `bun:"received_at"`
	Status     EventStatus `bun:"status"`
	Attempts   int         `bun:"attempts"`
	// Error is why it is not done, without anything about a person.
	Error *string `bun:"error"`
	// TenantID is the account that it is about; nil while that is not known.
	TenantID *gid.Account `bun:"tenant_id"`
	// ReviewedBy is the member of staff who had it tried again.
	ReviewedBy *gid.User `bun:"reviewed_by"`
	UpdatedAt  time.Time `bun:"updated_at"`
}

// IsNode marks the type as having a global id.
func (*Event) IsNode() {}

// EventConnection is a page of events.
type EventConnection = page.Connection[*Event]

// EventEdge is an event in a page.
type EventEdge = page.Edge[*Event]

// handled are the types of events that we do something about.
var handled = map[string]bool{
	"checkout.session.completed": true, "checkout.session.async_payment_succeeded": true,
	"checkout.session.async_payment_failed": true, "checkout.session.expired": true,
	"invoice.paid": true, "invoice.payment_failed": true,
	"customer.subscription.created": true, "customer.subscription.updated": true, "customer.subscription.deleted": true,
	"charge.refunded": true, "refund.created": true, "refund.updated": true, "refund.failed": true,
	"charge.dispute.created": true, "charge.dispute.updated": true, "charge.dispute.closed": true,
}

// keep stores an event once, with its job. Said again, it writes nothing.
func (t *Till) keep(ctx context.Context, e *Event) error {
	ctx, err := t.scope(ctx, e)
	if err != nil {
		return err
	}
	return postgres.InTx(ctx, t.db, func(ctx context.Context, tx bun.Tx) error {
		e.ID = 0
		err := tx.NewInsert().Model(e).On("CONFLICT (event_id) DO NOTHING").Returning("id").Scan(ctx)
		if errors.Is(err, sql.ErrNoRows) {
			return nil // it was told before
		}
		if err != nil {
			return fmt.Errorf("keep an event of Stripe: %w", err)
		}
		switch e.Status {
		case EventPending:
			return queue.StripeEventNow(ctx, tx, int64(e.ID))
		case EventDead:
			return t.tellStaff(ctx, tx, e, e.ReceivedAt)
		case EventDone, EventIgnored:
		}
		return nil
	})
}

// judge says what becomes of an event that is new. One of another mode or version is not answered as a failure, for
// Stripe would repeat just the same until it gave up; it is kept for staff.
func (t *Till) judge(e *Event) {
	dead := func(why string) { e.Status, e.Error = EventDead, &why }
	switch {
	case e.Livemode != t.livemode:
		dead(otherMode)
	case e.APIVersion != Version:
		dead(fmt.Sprintf("the webhook speaks version %s of Stripe's API and this service %s: set the webhook's version, then have this tried again",
			printable(e.APIVersion), Version))
	case !handled[e.Type]:
		e.Status = EventIgnored
	default:
		e.Status = EventPending
	}
}

// otherMode is why an event of the other mode is dead for good.
const otherMode = "it is of Stripe's other mode, live or test, than this service's key"

// printable is a text of Stripe's as it may be shown: short, and one line of ASCII.
func printable(text string) string {
	const most = 60
	clean := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, text)
	return clean[:min(len(clean), most)]
}

// fate is what became of a try at an event.
type fate struct {
	status EventStatus
	why    string
	tenant gid.Account
}

// settle writes what became of a try, and tells staff of a dead letter.
func (t *Till) settle(ctx context.Context, e *Event, f fate, now time.Time) error {
	if f.tenant != 0 {
		e.TenantID = &f.tenant
	}
	if e.Status = f.status; f.why != "" {
		e.Error = &f.why
	}
	ctx, err := t.scope(ctx, e)
	if err != nil {
		return err
	}
	return postgres.InTx(ctx, t.db, func(ctx context.Context, tx bun.Tx) error {
		e.Attempts, e.UpdatedAt, e.Status, e.Error = e.Attempts+1, now, f.status, nil
		if f.why != "" {
			e.Error = &f.why
		}
		_, err := tx.NewUpdate().Model(e).WherePK().Where("status = ?", EventPending).
			Column("attempts", "updated_at", "status", "error", "tenant_id").Exec(ctx)
		if err != nil {
			return fmt.Errorf("write what became of an event of Stripe: %w", err)
		}
		if f.status == EventDead {
			return t.tellStaff(ctx, tx, e, now)
		}
		return nil
	})
}

// readEvent is an event by its number; nil where there is none.
func readEvent(ctx context.Context, db bun.IDB, id gid.StripeEvent) (*Event, error) {
	e := new(Event)
	err := db.NewSelect().Model(e).Where("id = ?", id).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil //nolint:nilnil // nothing is an answer
	}
	if err != nil {
		return nil, fmt.Errorf("read an event of Stripe: %w", err)
	}
	return e, nil
}
