package billing

import (
	"context"
	"io"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/enum"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/page"
)

// queued is which payments wait for a decision: those that wait for their money or their review, and those of which
// money is held. The indexes are for these very words.
const queued = `(payment.status = 'pending' OR payment.held_minor > 0)`

// WaitingSince is since when the payment waits for staff: since it was declared as sent, or since money came that is
// held; nil where nobody but the payer has anything to do. The columns queue_later and queue_at are made of the same.
func (p *Payment) WaitingSince() *time.Time {
	since := p.HeldSince
	if p.Status == Pending && p.DeclaredAt != nil && (since == nil || p.DeclaredAt.Before(*since)) {
		since = p.DeclaredAt
	}
	return since
}

// PaymentQueueOrderField is what the queue can be ordered by.
type PaymentQueueOrderField string

// The orders.
const (
	// ByWaitingSince has those that wait for staff before those that wait for their money alone.
	ByWaitingSince PaymentQueueOrderField = "waiting_since"
	ByAskedAt      PaymentQueueOrderField = "created_at"
)

// MarshalGQL writes the enum value.
func (f PaymentQueueOrderField) MarshalGQL(w io.Writer) { enum.Marshal(w, f) }

// UnmarshalGQL reads the enum value.
func (f *PaymentQueueOrderField) UnmarshalGQL(v any) error { return enum.Unmarshal(f, v) }

// QueueOrder is how to list the queue; ties go by id, the same way. The zero QueueOrder has on top what waits longest
// for staff.
type QueueOrder struct {
	Field      PaymentQueueOrderField
	Descending bool
}

// QueueFilter says which payments of all accounts to list; its conditions are joined by and. Without a status, a
// reference or AwaitsApproval it is those that wait for a decision.
type QueueFilter struct {
	Status    *PaymentStatus
	Method    *Method
	AccountID *gid.Account
	// Reference is what a payer wrote, as ParseReference takes it.
	Reference *string
	// Declared says whether the owner said that it was sent, Held whether money of it is held, and AwaitsApproval whether one
	// member of staff approved it and a second one has to.
	Declared, Held, AwaitsApproval *bool
	// WaitingBefore and CreatedBefore bound since when it waits for staff and when it was asked for; the instant itself
	// does not count.
	WaitingBefore, CreatedBefore *time.Time
	// OlderThanDays is how many whole days ago, at least, it was asked for.
	OlderThanDays *int
}

// maxDays bounds an age, in days.
const maxDays = 36_500

// Queue pages through payments of all accounts that are there, for staff and in their scope; in any other it finds
// the scope's own account's at most. Errors: BAD_USER_INPUT for arguments that ask for no page of this list, and
// at what is wrong in the filter.
func Queue(
	ctx context.Context, db bun.IDB, filter QueueFilter, order QueueOrder, now time.Time, args page.Args,
) (*PaymentConnection, error) {
	meant, err := filter.check()
	if err != nil {
		return nil, err
	}
	query := func(rows *[]*Payment) *bun.SelectQuery {
		return filter.apply(db.NewSelect().Model(rows), meant, now)
	}
	if order.Field == ByAskedAt {
		return listPayments(ctx, args, order.Descending, query)
	}
	return pagePayments(ctx, args, query, func(p *Payment) []any {
		since := p.WaitingSince()
		if since == nil {
			return []any{true, p.CreatedAt, int64(p.ID)}
		}
		return []any{false, *since, int64(p.ID)}
	},
		page.Key{Column: "payment.queue_later", Value: new(bool), Descending: order.Descending},
		page.Key{Column: "payment.queue_at", Value: new(time.Time), Descending: order.Descending},
		page.Key{Column: "payment.id", Value: new(int64), Descending: order.Descending})
}

// check finds what the filter's reference can mean.
func (f QueueFilter) check() ([]PaymentKey, error) {
	if f.OlderThanDays != nil && (*f.OlderThanDays < 0 || *f.OlderThanDays > maxDays) {
		return nil, fault.New(fault.BadUserInput, "0 to %d days", maxDays).At("filter", "olderThanDays")
	}
	if f.Reference == nil {
		return nil, nil
	}
	meant, err := ParseReference(*f.Reference)
	if err != nil {
		return nil, fault.New(fault.BadUserInput, "%s", fault.Of(err)[0].Message).At("filter", "reference")
	}
	return meant, nil
}

func (f QueueFilter) apply(q *bun.SelectQuery, meant []PaymentKey, now time.Time) *bun.SelectQuery {
	// Not "there is one that is not deleted", for which the planner expects next to none and sorts all.
	q = q.Where("NOT EXISTS (SELECT FROM igny8_tenants AS a WHERE a.id = payment.tenant_id AND a.deleted_at IS NOT NULL)")
	switch {
	case f.Status != nil:
		q = q.Where("payment.status = ?", *f.Status)
	case f.Reference != nil || is(f.AwaitsApproval): // a refund waits for a second word beside the queue
	case is(f.Held): // which says it, and said twice the planner expects next to none
	default:
		q = q.Where(queued)
	}
	if f.Reference != nil {
		q = q.Where("(payment.tenant_id, payment.id) IN (?)", bun.List(tuples(meant)))
	}
	if f.Method != nil {
		q = q.Where("payment.method = ?", *f.Method)
	}
	if f.AccountID != nil {
		q = q.Where("payment.tenant_id = ?", *f.AccountID)
	}
	q = f.flags(q, now)
	if f.WaitingBefore != nil {
		// What waits for staff is among what waits, also in a status of which there are many more.
		q = q.Where(queued).Where("NOT payment.queue_later").Where("payment.queue_at < ?", *f.WaitingBefore)
	}
	if f.CreatedBefore != nil {
		q = q.Where("payment.created_at < ?", *f.CreatedBefore)
	}
	if f.OlderThanDays != nil {
		q = q.Where("payment.created_at <= ?", now.AddDate(0, 0, -*f.OlderThanDays))
	}
	return q
}

func is(flag *bool) bool { return flag != nil && *flag }

func (f QueueFilter) flags(q *bun.SelectQuery, now time.Time) *bun.SelectQuery {
	for _, flag := range []struct {
		said *bool
		is   string
		args []any
	}{
		{f.Declared, "payment.declared_at IS NOT NULL", nil},
		{f.Held, "payment.held_minor > 0", nil},
		// Those that were approved lead to their payments, of which there are many more.
		{f.AwaitsApproval, `(payment.tenant_id, payment.id) IN (SELECT first.tenant_id, first.payment_id FROM igny8_payment_approvals AS first
			JOIN igny8_payments AS it ON it.tenant_id = first.tenant_id AND it.id = first.payment_id
			LEFT JOIN igny8_receipts AS about ON about.tenant_id = first.tenant_id AND about.id = first.receipt_id
			WHERE first.created_at > ? AND CASE WHEN first.kind = 'refund' THEN it.status = 'confirmed' AND first.refunded_minor = it.refunded_minor
				WHEN first.receipt_id IS NULL THEN it.status = 'pending' ELSE about.status = 'held' END)`, []any{now.Add(-approvalHolds)}},
	} {
		switch {
		case flag.said == nil:
		case *flag.said:
			q = q.Where(flag.is, flag.args...)
		default:
			q = q.Where("NOT ("+flag.is+")", flag.args...)
		}
	}
	return q
}
