package throttle

import (
	"fmt"
	"testing"
	"time"
)

// clock is a time that a test moves.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

func (c *clock) forward(d time.Duration) { c.at = c.at.Add(d) }

func newClock() *clock { return &clock{time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)} }

func TestMemory_LetsPointsComeBackEvenly(t *testing.T) {
	t.Parallel()
	c := newClock()
	m := newMemory(c.now, 10)
	limit := PerSecond(100, 10)
	take(t, m, "account:1", limit, 100)
	refused := take(t, m, "account:1", limit, 25)
	if refused.Allowed || refused.RetryAfter != 2500*time.Millisecond {
		t.Fatalf("an empty bucket: %+v", refused)
	}
	c.forward(refused.RetryAfter - time.Millisecond)
	if take(t, m, "account:1", limit, 25).Allowed {
		t.Error("allowed before its time")
	}
	c.forward(time.Millisecond)
	if !take(t, m, "account:1", limit, 25).Allowed {
		t.Error("refused after its time")
	}
	c.forward(time.Hour)
	if got := take(t, m, "account:1", limit, 0); got.Remaining != 100 || got.ResetAfter != 0 {
		t.Errorf("an hour later: %+v", got)
	}
}

func TestMemory_KeepsWhatIsLeftOnALargerLimit(t *testing.T) {
	t.Parallel()
	c := newClock()
	m := newMemory(c.now, 10)
	take(t, m, "account:1", PerSecond(100, 10), 90)
	if got := take(t, m, "account:1", PerSecond(1000, 50), 0); got.Remaining != 10 || got.Limit != 1000 {
		t.Errorf("moving to another plan fills the bucket: %+v", got)
	}
	c.forward(time.Second)
	if got := take(t, m, "account:1", PerSecond(1000, 50), 0); got.Remaining != 60 {
		t.Errorf("a second on the new plan brings the bucket to %d, want 60", got.Remaining)
	}
}

func TestMemory_ForgetsFullBuckets(t *testing.T) {
	t.Parallel()
	c := newClock()
	m := newMemory(c.now, 1000)
	for i := range 100 {
		take(t, m, fmt.Sprint("anonymous:", i), PerSecond(10, 10), 5)
	}
	c.forward(time.Second)
	for i := range 51 {
		take(t, m, fmt.Sprint("anonymous:new", i), PerSecond(10, 10), 5)
	}
	if n := m.kinds["anonymous"].Len(); n != 51 {
		t.Errorf("%d buckets are kept, want the 51 that are not full", n)
	}
}

func TestMemory_KeepsBucketsThatAreNotFullUntilItsBound(t *testing.T) {
	t.Parallel()
	const most = 20
	m := newMemory(newClock().now, most)
	take(t, m, "anonymous:first", slow(10), 10)
	for i := range most - 1 {
		take(t, m, fmt.Sprint("anonymous:", i), slow(10), 1)
	}
	if take(t, m, "anonymous:first", slow(10), 1).Allowed {
		t.Error("an empty bucket was forgotten within the bound")
	}
	for i := range 10 * most {
		take(t, m, fmt.Sprint("anonymous:more", i), slow(10), 1)
		if n := m.kinds["anonymous"].Len(); n > most {
			t.Fatalf("%d buckets are kept, want at most %d", n, most)
		}
	}
}

// Whoever has many addresses must not free an account of what it has used.
func TestMemory_KeepsAccountsThroughACrowdOfAddresses(t *testing.T) {
	t.Parallel()
	const most = 20
	m := newMemory(newClock().now, most)
	take(t, m, "account:1", slow(10), 10)
	for i := range 10 * most {
		take(t, m, fmt.Sprint("anonymous:", i), slow(10), 1)
	}
	if take(t, m, "account:1", slow(10), 1).Allowed {
		t.Error("a crowd of addresses emptied the memory of accounts")
	}
}

func BenchmarkMemory(b *testing.B) {
	m := NewMemory()
	limit := PerSecond(1<<30, 1<<30)
	for b.Loop() {
		if _, err := m.Take(b.Context(), "account:1", limit, 1); err != nil {
			b.Fatal(err)
		}
	}
}
