package live

import "sync"

// Hub knows who on this server watches which topic.
type Hub struct {
	mu       sync.Mutex
	watchers map[Topic]map[*watcher]struct{}
}

type watcher struct{ wake func() }

// NewHub makes a hub that nobody watches by yet.
func NewHub() *Hub { return &Hub{watchers: map[Topic]map[*watcher]struct{}{}} }

// Watch has wake called whenever the topic may have changed, until stop is called. wake must return at once;
// it may be called when nothing changed, and once for many changes. stop may be called more than once.
func (h *Hub) Watch(t Topic, wake func()) (stop func()) {
	w := &watcher{wake}
	h.mu.Lock()
	defer h.mu.Unlock()
	of := h.watchers[t]
	if of == nil {
		of = map[*watcher]struct{}{}
		h.watchers[t] = of
	}
	of[w] = struct{}{}
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(of, w)
		if len(of) == 0 && len(h.watchers[t]) == 0 {
			delete(h.watchers, t)
		}
	}
}

// Watched is how many watch anything.
func (h *Hub) Watched() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for _, of := range h.watchers {
		n += len(of)
	}
	return n
}

// wake wakes those who watch a topic.
func (h *Hub) wake(t Topic) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for w := range h.watchers[t] {
		w.wake()
	}
}

// wakeAll wakes everybody.
func (h *Hub) wakeAll() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, of := range h.watchers {
		for w := range of {
			w.wake()
		}
	}
}
