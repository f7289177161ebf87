package throttle

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"igny8.com/accounts/internal/fault"
)

func newGate(t *testing.T, c *clock, policy Policy) *Gate {
	t.Helper()
	g, err := NewGate(newMemory(c.now, remembered), policy)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// retryAfter is what a refusal says, 0 for none.
func retryAfter(t *testing.T, err error) int {
	t.Helper()
	if err == nil {
		return 0
	}
	faults := fault.Of(err)
	if len(faults) != 1 || faults[0].Code != fault.Throttled {
		t.Fatalf("refused otherwise: %v", err)
	}
	seconds, ok := faults[0].Details["retryAfterSeconds"].(int)
	if !ok || seconds < 1 {
		t.Fatalf("it says to come back after %v", faults[0].Details["retryAfterSeconds"])
	}
	return seconds
}

func TestGate_LetsAllWhoActForAnAccountPayFromOneBucket(t *testing.T) {
	t.Parallel()
	g := newGate(t, newClock(), DefaultPolicy())
	var allowed atomic.Int32
	var all sync.WaitGroup
	// Twenty people and twenty keys, each at an address of its own, asking for twice what there is.
	for i := range 40 {
		all.Go(func() {
			for range 50 {
				if _, err := g.Operation(t.Context(), 1, "free", fmt.Sprintf("192.0.2.%d", i), 1); err == nil {
					allowed.Add(1)
				}
			}
		})
	}
	all.Wait()
	if n := allowed.Load(); n != 1000 {
		t.Errorf("%d of 2000 were allowed, want 1000", n)
	}
	if _, err := g.Operation(t.Context(), 2, "free", "192.0.2.1", 1000); err != nil {
		t.Errorf("the neighbour, from the same address: %v", err)
	}
	if _, err := g.Operation(t.Context(), 0, "", "192.0.2.1", 500); err != nil {
		t.Errorf("nobody, from the same address: %v", err)
	}
}

func TestGate_SizesBucketsByPlan(t *testing.T) {
	t.Parallel()
	for slug, want := range map[string]struct{ burst, rate int }{
		"free-trial": {1000, 50}, "free": {1000, 50}, "starter": {2000, 100}, "growth": {4000, 200},
		"scale": {8000, 400}, "enterprise": {20_000, 1000}, "one of next year": {1000, 50}, "": {1000, 50},
	} {
		c := newClock()
		g := newGate(t, c, DefaultPolicy())
		got, err := g.Operation(t.Context(), 7, slug, "", want.burst)
		if err != nil || got.Limit != want.burst || got.RestoreRate != float64(want.rate) || got.Remaining != 0 {
			t.Errorf("%q: %+v, %v", slug, got, err)
		}
		if _, err := g.Operation(t.Context(), 7, slug, "", want.burst+1); !fault.Is(err, fault.CostLimit) {
			t.Errorf("%q pays more than it holds: %v", slug, err)
		}
		c.forward(time.Second)
		if got, _ := g.Operation(t.Context(), 7, slug, "", 0); got.Remaining != want.rate {
			t.Errorf("%q: %d came back in a second, want %d", slug, got.Remaining, want.rate)
		}
	}
}

func TestGate_RoundsUpWhenToComeBack(t *testing.T) {
	t.Parallel()
	g := newGate(t, newClock(), DefaultPolicy())
	if _, err := g.Operation(t.Context(), 1, "free", "", 1000); err != nil {
		t.Fatal(err)
	}
	for cost, want := range map[int]int{1: 1, 50: 1, 51: 2, 1000: 20} {
		status, err := g.Operation(t.Context(), 1, "free", "", cost)
		if got := retryAfter(t, err); got != want {
			t.Errorf("for %d points come back after %d s, want %d", cost, got, want)
		}
		if status.Allowed || status.Limit != 1000 || status.Remaining != 0 {
			t.Errorf("the bucket beside the refusal: %+v", status)
		}
	}
}

func TestGate_CountsNobodyByNetwork(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		first, second string
		same          bool
	}{
		"one address":              {"192.0.2.1", "192.0.2.1", true},
		"two addresses":            {"192.0.2.1", "192.0.2.2", false},
		"an address within IPv6":   {"192.0.2.1", "::ffff:192.0.2.1", true},
		"one network of 64 bits":   {"2001:db8::1", "2001:db8::ffff:2", true},
		"two networks of 64 bits":  {"2001:db8::1", "2001:db8:0:1::1", false},
		"one network, with a zone": {"fe80::1%eth0", "fe80::2%eth1", true},
		"no addresses":             {"", "nonsense", true},
	} {
		g := newGate(t, newClock(), DefaultPolicy())
		if _, err := g.Operation(t.Context(), 0, "enterprise", c.first, 500); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := g.Operation(t.Context(), 0, "enterprise", c.second, 500); (err != nil) != c.same {
			t.Errorf("%s: %v, want one bucket: %v", name, err, c.same)
		}
	}
}

func TestGate_CountsSignUpsByAddressAndAltogether(t *testing.T) {
	t.Parallel()
	c := newClock()
	g := newGate(t, c, DefaultPolicy())
	for i := range 5 {
		if err := g.SignUp(t.Context(), "192.0.2.1"); err != nil {
			t.Fatalf("account %d: %v", i+1, err)
		}
	}
	if seconds := retryAfter(t, g.SignUp(t.Context(), "192.0.2.1")); seconds != 600 {
		t.Errorf("the sixth may come back after %d s, want 600", seconds)
	}
	c.forward(10 * time.Minute)
	if err := g.SignUp(t.Context(), "192.0.2.1"); err != nil {
		t.Errorf("ten minutes later: %v", err)
	}
	if retryAfter(t, g.SignUp(t.Context(), "192.0.2.1")) == 0 {
		t.Error("ten minutes brought more than one back")
	}

	c.forward(24 * time.Hour)
	// Those who are refused by address take nothing from everybody.
	for range 1000 {
		_ = g.SignUp(t.Context(), "192.0.2.1")
	}
	allowed := 0
	for i := range 400 {
		if g.SignUp(t.Context(), fmt.Sprintf("198.51.%d.%d", i/250, i%250)) == nil {
			allowed++
		}
	}
	if allowed != 295 {
		t.Errorf("a crowd made %d accounts at once beside the 5 from one address, want 295", allowed)
	}
}

func TestGate_CountsSigningInApart(t *testing.T) {
	t.Parallel()
	g := newGate(t, newClock(), DefaultPolicy())
	if _, err := g.Operation(t.Context(), 0, "", "192.0.2.1", 500); err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		if err := g.SignIn(t.Context(), "192.0.2.1"); err != nil {
			t.Fatalf("try %d: %v", i+1, err)
		}
	}
	if seconds := retryAfter(t, g.SignIn(t.Context(), "192.0.2.1")); seconds != 1 {
		t.Errorf("the next may come back after %d s, want 1", seconds)
	}
	if err := g.SignIn(t.Context(), "192.0.2.2"); err != nil {
		t.Errorf("the neighbour: %v", err)
	}
	if err := g.SignUp(t.Context(), "192.0.2.1"); err != nil {
		t.Errorf("signing up: %v", err)
	}
}

func TestGate_StandsOpenOnlyWhenDisabled(t *testing.T) {
	t.Parallel()
	policy := DefaultPolicy()
	if newGate(t, newClock(), policy).Disabled() {
		t.Error("the published policy is disabled")
	}
	policy.Disabled = true
	g := newGate(t, newClock(), policy)
	if !g.Disabled() {
		t.Error("it does not say that it is disabled")
	}
	for range 10 {
		if status, err := g.Operation(t.Context(), 1, "free", "", 1_000_000); err != nil || status != (Status{}) {
			t.Errorf("disabled: %+v, %v", status, err)
		}
		if err := g.SignUp(t.Context(), ""); err != nil {
			t.Error(err)
		}
	}
}

func TestNewGate_RefusesAPolicyWithAHole(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*Policy){
		"plan":      func(p *Policy) { p.Plans["starter"] = Limit{} },
		"default":   func(p *Policy) { p.Default = Limit{} },
		"anonymous": func(p *Policy) { p.Anonymous.Burst = 0 },
		"sign-in":   func(p *Policy) { p.SignIn.Points = 0 },
		"sign-up":   func(p *Policy) { p.SignUp.Every = 0 },
		"sign-ups":  func(p *Policy) { p.SignUps = Limit{} },
	} {
		policy := DefaultPolicy()
		spoil(&policy)
		if _, err := NewGate(NewMemory(), policy); err == nil {
			t.Errorf("a policy without %s is accepted", name)
		}
	}
}
