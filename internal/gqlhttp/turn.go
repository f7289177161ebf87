package gqlhttp

import "context"

// A subscription's document is executed once for each event, each time by the caller as they are then and in
// a context of its own: doors, loaders and deadlines are those of any request. Such an execution is a turn.
// The resolver of the root field looks whether there is something to tell, and returns a closed channel that
// holds it: nothing, or one value for each event.
//
// Nothing is kept between turns but where the subscription has got to, so a client that reads slowly costs a
// flag that says that it has a turn to take.

// Turn is one execution of a subscription's document, as the resolver of its root field sees it.
type Turn struct {
	sub *subscription
	// places are where the subscription has got to with each value of the channel.
	places []any
	rest   any
	more   bool
}

type turnKey struct{}

// TurnOf is the turn that ctx is of; nil outside of subscriptions.
func TurnOf(ctx context.Context) *Turn {
	t, _ := ctx.Value(turnKey{}).(*Turn)
	return t
}

// First says whether it is the subscription's first turn.
func (t *Turn) First() bool { return !t.sub.opened }

// Place is where the subscription has got to: what At or Stay was given last of what was delivered. It is
// nil in the first turn.
func (t *Turn) Place() any { return t.sub.place }

// Watch has the subscription take a turn whenever wake is called, until it ends and stop is called. It is
// for the first turn, before anything is looked at, so that nothing falls between.
func (t *Turn) Watch(watch func(wake func()) (stop func())) {
	stop := watch(t.sub.wake)
	if !t.sub.keepStop(stop) {
		stop() // the client left while the turn was taken
	}
}

// At says where the subscription will have got to with the next value of the channel.
func (t *Turn) At(place any) { t.places = append(t.places, place) }

// Stay says where the subscription is although there is nothing to tell.
func (t *Turn) Stay(place any) { t.rest = place }

// More asks for another turn soon, because this one could not tell everything.
func (t *Turn) More() { t.more = true }
