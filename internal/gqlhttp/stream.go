package gqlhttp

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/vektah/gqlparser/v2/gqlerror"
)

// wire is how a stream's client is written to, by one protocol. Its methods may be called at the same time;
// each gives up after LiveLimits.Write, and an error means that the client is gone.
type wire interface {
	// quiet is called when a subscription has begun and there is nothing to tell yet; next sends an event,
	// fail the errors that end an operation, complete its end.
	quiet(id string) error
	next(id string, a answer) error
	fail(id string, errs gqlerror.List) error
	complete(id string) error
}

// ending says why a stream ends by the server's doing.
type ending int

const (
	clientLeft ending = iota
	serverStops
	// signInExpired is that the token is good no longer: come back with another one. signInEnded is that the
	// session, the person, the key or the account is gone.
	signInExpired
	signInEnded
)

// stream is one connection by which live events are sent. Its loop takes the turns of its subscriptions one
// after the other.
type stream struct {
	h    *handler
	live *Live
	wire wire
	// request carries the headers that say who the client is; its context is the stream's.
	request *http.Request

	nudged chan struct{}

	mu   sync.Mutex
	subs map[string]*subscription
	// busy are the ids of operations that will end by themselves.
	busy map[string]bool
}

func (h *handler) newStream(request *http.Request, w wire) *stream {
	return &stream{
		h: h, live: h.live, wire: w, request: request, nudged: make(chan struct{}, 1),
		subs: map[string]*subscription{}, busy: map[string]bool{},
	}
}

// nudge makes the loop look for what is due.
func (s *stream) nudge() {
	select {
	case s.nudged <- struct{}{}:
	default: // it will look
	}
}

// reserve takes an id for an operation. known means that it is taken, full that there are too many.
func (s *stream) reserve(id string) (known, full bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.subs[id] != nil || s.busy[id]:
		return true, false
	case len(s.subs)+len(s.busy) >= s.live.cfg.Subscriptions:
		return false, true
	}
	s.busy[id] = true
	return false, false
}

// release gives an id back. It is false where the client has done so.
func (s *stream) release(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	was := s.busy[id]
	delete(s.busy, id)
	return was
}

// add turns a reserved id into a subscription, unless the client has given it back meanwhile.
func (s *stream) add(sub *subscription) {
	s.mu.Lock()
	if s.busy[sub.id] {
		delete(s.busy, sub.id)
		s.subs[sub.id] = sub
	}
	s.mu.Unlock()
	s.nudge()
}

// drop ends an operation, of whichever kind.
func (s *stream) drop(id string) {
	s.mu.Lock()
	sub := s.subs[id]
	delete(s.subs, id)
	delete(s.busy, id)
	s.mu.Unlock()
	if sub != nil {
		sub.over()
	}
}

func (s *stream) all() []*subscription {
	s.mu.Lock()
	defer s.mu.Unlock()
	subs := make([]*subscription, 0, len(s.subs))
	for _, sub := range s.subs {
		subs = append(subs, sub)
	}
	return subs
}

// run takes turns until the stream ends, whose first caller is given. idle, unless it is nil, is called
// every KeepAlive and means by an error that the client is gone. Where done says so, the loop ends with the
// last subscription.
func (s *stream) run(caller Caller, idle func() error, untilDone bool) ending {
	defer func() {
		for _, sub := range s.all() {
			s.drop(sub.id)
		}
	}()
	cfg := s.live.cfg
	recheck := time.NewTicker(cfg.Recheck)
	defer recheck.Stop()
	keepAlive := time.NewTicker(cfg.KeepAlive)
	defer keepAlive.Stop()
	expiry := time.NewTimer(time.Hour)
	if caller.Expires.IsZero() {
		expiry.Stop()
	} else {
		expiry.Reset(caller.Expires.Sub(cfg.Clock()))
	}
	defer expiry.Stop()
	later := time.NewTimer(time.Hour)
	defer later.Stop()
	ctx := s.request.Context()
	for {
		recheckAll := false
		select {
		case <-ctx.Done():
			return clientLeft
		case <-s.live.stopping:
			return serverStops
		case <-expiry.C:
			recheckAll = true
		case <-recheck.C:
			recheckAll = true
		case <-s.nudged:
		case <-later.C:
		case <-keepAlive.C:
			if idle != nil && idle() != nil {
				return clientLeft
			}
			continue
		}
		next, end, over := s.round(caller, recheckAll)
		if over {
			return end
		}
		if untilDone && len(s.all()) == 0 {
			return clientLeft
		}
		later.Stop()
		if !next.IsZero() {
			later.Reset(time.Until(next))
		}
	}
}

// round lets every subscription that is due take a turn, as its caller is now, and says when the next one
// is due.
func (s *stream) round(first Caller, recheckAll bool) (next time.Time, end ending, over bool) {
	now := time.Now()
	var due []*subscription
	for _, sub := range s.all() {
		if recheckAll {
			sub.mu.Lock()
			sub.dirty = true
			sub.mu.Unlock()
		}
		is, later := sub.due(now)
		if is {
			due = append(due, sub)
		}
		next = sooner(next, later)
	}
	if len(due) == 0 && !recheckAll {
		return next, 0, false
	}
	if !first.Expires.IsZero() && !s.live.cfg.Clock().Before(first.Expires) {
		return next, signInExpired, true
	}
	caller, err := s.live.cfg.Enter(s.request)
	switch {
	case err != nil:
		// Nobody knows at the moment: the next round does.
		for _, sub := range due {
			next = sooner(next, s.postpone(sub, time.Second))
		}
		return next, 0, s.request.Context().Err() != nil
	case caller.Account != first.Account:
		return next, signInEnded, true
	}
	for _, sub := range due {
		again, err := s.turn(caller.Context, sub)
		if err != nil {
			return next, clientLeft, true
		}
		next = sooner(next, again)
	}
	return next, 0, false
}

// sooner is the earlier instant of two that are set.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// postpone has a subscription take its turn later.
func (s *stream) postpone(sub *subscription, wait time.Duration) time.Time {
	sub.notBefore = time.Now().Add(wait)
	sub.mu.Lock()
	sub.dirty = true
	sub.mu.Unlock()
	return sub.notBefore
}

// turn has a subscription take its turn and sends what it tells. again is when it has another one to take.
// The error means that the client is gone.
func (s *stream) turn(ctx context.Context, sub *subscription) (again time.Time, err error) {
	e := s.h.take(ctx, sub)
	first := !sub.opened
	sub.opened = true
	for i, a := range e.answers {
		if sub.isOver() {
			return again, nil
		}
		if wait := s.unpaid(ctx, sub, first); wait > 0 {
			return s.postpone(sub, wait), nil
		}
		if err := s.wire.next(sub.id, a); err != nil {
			return again, err
		}
		if i < len(e.turn.places) {
			sub.place = e.turn.places[i]
		}
	}
	if e.refused != nil {
		return s.refused(sub, e.refused, first)
	}
	if len(e.answers) == 0 {
		if e.turn.rest != nil {
			sub.place = e.turn.rest
		}
		if first {
			err = s.wire.quiet(sub.id)
		}
	}
	sub.notBefore = time.Now().Add(s.live.cfg.Pace)
	if e.turn.more {
		again = s.postpone(sub, s.live.cfg.Pace)
	}
	return again, err
}

// unpaid is how long an event has to wait until the account can pay for it; 0 where it has paid. The first
// events are paid for by who subscribes. Live events never fail for want of points, they come later: as
// things are then.
func (s *stream) unpaid(ctx context.Context, sub *subscription, first bool) time.Duration {
	if first || s.h.charge == nil {
		return 0
	}
	if _, err := s.h.charge(ctx, sub.cost); err != nil {
		return pause(s.h.refuse(ctx, err).errors)
	}
	return 0
}

// refused ends a subscription by errors, unless they pass and it has begun.
func (s *stream) refused(sub *subscription, errs gqlerror.List, first bool) (again time.Time, err error) {
	if !first && passing(errs) {
		return s.postpone(sub, pause(errs)), nil
	}
	if sub.isOver() {
		return again, nil
	}
	s.drop(sub.id)
	return again, s.wire.fail(sub.id, errs)
}
