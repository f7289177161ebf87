package graph

import (
	"context"
	"net/http"
	"time"

	"igny8.com/accounts/internal/billing"
	"igny8.com/accounts/internal/credit"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/gqlhttp"
	"igny8.com/accounts/internal/live"
	"igny8.com/accounts/internal/site"
	"igny8.com/accounts/internal/wordpress"
)

// Live is how the resolver's live events are served, by people and keys of the accounts alone. Of cfg, Enter
// and Clock are set here.
func (r *Resolver) Live(cfg gqlhttp.LiveConfig) *gqlhttp.Live {
	cfg.Clock = r.Clock
	cfg.Enter = func(req *http.Request) (gqlhttp.Caller, error) {
		ctx, a, until, err := r.Auth.Enter(req)
		return gqlhttp.Caller{Context: ctx, Account: int64(a.AccountID()), Expires: until}, err
	}
	return gqlhttp.NewLive(cfg)
}

// Tenant is the account whose credits changed.
func (e *CreditsChanged) Tenant() gid.Account { return e.Credits.TenantID }

// Tenant is the account whose credits are low.
func (e *CreditsLow) Tenant() gid.Account { return e.Credits.TenantID }

// Tenant is the account that pays.
func (e *PaymentChanged) Tenant() gid.Account { return e.Payment.TenantID }

// Tenant is the account that the site belongs to.
func (e *SiteSynced) Tenant() gid.Account { return e.SyncEvent.TenantID }

// told is what one turn has to tell: values that are there already.
func told[V any](values ...V) <-chan V {
	c := make(chan V, len(values))
	for _, v := range values {
		c <- v
	}
	close(c)
	return c
}

// watch has the subscription take a turn whenever the topic changes, from its first turn on, and is that
// turn.
func (r *Resolver) watch(ctx context.Context, kind live.Kind, subject int64) (*gqlhttp.Turn, error) {
	turn := gqlhttp.TurnOf(ctx)
	if turn == nil || r.Hub == nil {
		return nil, fault.New(fault.BadRequest, "live events are not served here")
	}
	if turn.First() {
		topic := live.Topic{Account: actor(ctx).AccountID(), Kind: kind, Subject: subject}
		turn.Watch(func(wake func()) func() { return r.Hub.Watch(topic, wake) })
	}
	return turn, nil
}

func (r *liveEventsResolver) CreditsChanged(ctx context.Context) (<-chan *CreditsChanged, error) {
	turn, err := r.watch(ctx, live.Credits, 0)
	if err != nil {
		return nil, err
	}
	states, err := credit.Accounts(ctx, r.DB, []gid.Account{actor(ctx).AccountID()})
	if err != nil || len(states) == 0 {
		return told[*CreditsChanged](), err
	}
	if turn.Place() == *states[0] {
		return told[*CreditsChanged](), nil
	}
	turn.At(*states[0])
	return told(&CreditsChanged{Credits: states[0], LastSeq: int(states[0].LastSeq)}), nil
}

func (r *liveEventsResolver) CreditsLow(ctx context.Context) (<-chan *CreditsLow, error) {
	turn, err := r.watch(ctx, live.Credits, 0)
	if err != nil {
		return nil, err
	}
	low, err := credit.LowOf(ctx, r.DB, actor(ctx).AccountID())
	if err != nil || low == nil || turn.Place() == low.Since {
		return told[*CreditsLow](), err
	}
	turn.At(low.Since)
	return told(&CreditsLow{Credits: low.Credits, Below: int(low.Below), Since: low.Since}), nil
}

// paymentPlace is a payment as somebody was told of it last.
type paymentPlace struct {
	status  billing.PaymentStatus
	updated time.Time
}

func (r *liveEventsResolver) PaymentChanged(ctx context.Context, paymentID string) (<-chan *PaymentChanged, error) {
	id, err := gid.Parse[gid.Payment](paymentID)
	if err != nil {
		return nil, err
	}
	turn, err := r.watch(ctx, live.Payment, int64(id))
	if err != nil {
		return nil, err
	}
	payments, err := billing.PaymentsByIDs(ctx, r.DB, actor(ctx).AccountID(), []gid.Payment{id})
	if err != nil {
		return nil, err
	}
	if len(payments) == 0 {
		return nil, fault.New(fault.NotFound, "there is no such payment").At("paymentId")
	}
	place := paymentPlace{payments[0].Status, payments[0].UpdatedAt.UTC()}
	if turn.Place() == place {
		return told[*PaymentChanged](), nil
	}
	turn.At(place)
	load(ctx).sawPayments(payments)
	return told(&PaymentChanged{Payment: payments[0]}), nil
}

// syncedAtOnce is how many sync events one turn tells.
const syncedAtOnce = 20

func (r *liveEventsResolver) SiteSynced(ctx context.Context, siteID string, after *string) (<-chan *SiteSynced, error) {
	id, err := gid.Parse[gid.Site](siteID)
	if err != nil {
		return nil, err
	}
	turn, err := r.watch(ctx, live.Sync, int64(id))
	if err != nil {
		return nil, err
	}
	reach := site.ReachOf(actor(ctx))
	last, known := turn.Place().(gid.SyncEvent)
	switch {
	case known:
	case after != nil:
		if last, err = gid.Parse[gid.SyncEvent](*after); err != nil {
			return nil, err
		}
	default:
		if last, err = wordpress.LastEvent(ctx, r.DB, reach, id); err != nil {
			return nil, err
		}
		turn.Stay(last)
		return told[*SiteSynced](), nil
	}
	events, err := wordpress.EventsAfter(ctx, r.DB, reach, id, last, syncedAtOnce)
	if err != nil {
		return nil, err
	}
	if len(events) == syncedAtOnce {
		turn.More()
	}
	turn.Stay(last)
	load(ctx).sawSyncEvents(events)
	values := make([]*SiteSynced, len(events))
	for i, e := range events {
		turn.At(e.ID)
		values[i] = &SiteSynced{SyncEvent: e}
	}
	return told(values...), nil
}
