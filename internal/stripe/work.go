package stripe

import (
	"context"
	"errors"
	"fmt"
	"time"

	"igny8.com/accounts/internal/billing"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
)

// errUnknown is an object of which nothing says whose it is.
var errUnknown = errors.New("no account of ours is known to have to do with it")

// errElsewhere is an object that is none of ours, such as an invoice that somebody wrote by hand.
var errElsewhere = errors.New("it is about nothing that is counted here")

// writing is how long the fate of an event may take to be written after its time was over.
const writing = 10 * time.Second

// Work does what an event asks for: it fetches the object that the event is about and brings our side to what that is
// now. Done twice, it does nothing again. An event that cannot be done becomes a dead letter: at once where trying
// again would not help, else with the last try. The error says that it has to be tried again.
func (t *Till) Work(ctx context.Context, id int64, last bool, now time.Time) error {
	e, err := readEvent(ctx, t.db, gid.StripeEvent(id))
	if err != nil || e == nil || e.Status != EventPending {
		return err
	}
	tenant, failed := t.sync(ctx, e, now)
	f := fate{status: EventDone, tenant: tenant}
	switch {
	case failed == nil:
	case errors.Is(failed, errElsewhere):
		f.status, f.why, failed = EventIgnored, reason(failed), nil
	case final(failed):
		f.status, f.why, failed = EventDead, reason(failed), nil
	case last:
		t.log(ctx, "an event of Stripe was given up", failed)
		f.status, f.why, failed = EventDead, reason(failed), nil
	default:
		f.status, f.why = EventPending, reason(failed)
	}
	kept, cancel := context.WithTimeout(context.WithoutCancel(ctx), writing)
	defer cancel()
	return errors.Join(failed, t.settle(kept, e, f, now))
}

// final says whether trying again would not help.
func final(err error) bool {
	return len(fault.Of(err)) > 0 || errors.Is(err, errUnknown) || missing(err)
}

// reason is an error as staff may read it: what is known of it, and nothing raw of the database.
func reason(err error) string {
	var refused *callError
	switch {
	case len(fault.Of(err)) > 0:
		return fault.Of(err)[0].Message
	case errors.As(err, &refused):
		return refused.Error()
	case errors.Is(err, errUnknown), errors.Is(err, errElsewhere), errors.Is(err, errAway):
		return err.Error()
	default:
		return "it failed here; the log says why"
	}
}

// sync brings our side to what the object of an event is now, and says whose it is.
func (t *Till) sync(ctx context.Context, e *Event, now time.Time) (gid.Account, error) {
	look := look{till: t, now: now, reviewed: e.ReviewedBy}
	switch e.ObjectType {
	case "checkout.session":
		return look.session(ctx, e.ObjectID)
	case "subscription":
		return look.subscription(ctx, e.ObjectID, "")
	case "invoice":
		return look.invoice(ctx, e.ObjectID)
	case "charge":
		return look.charge(ctx, e.ObjectID)
	case "refund":
		return look.refund(ctx, e.ObjectID)
	case "dispute":
		return look.dispute(ctx, e.ObjectID)
	default:
		return 0, fmt.Errorf("%s: %w", printable(e.ObjectType), errElsewhere)
	}
}

// look is one look at Stripe.
type look struct {
	till     *Till
	now      time.Time
	reviewed billing.Reviewed
}
