package auth

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"igny8.com/accounts/internal/fault"
)

func testGuesses(t *testing.T, change func(*Limits)) *guesses {
	t.Helper()
	limits := DefaultLimits()
	if change != nil {
		change(&limits)
	}
	g, err := newGuesses("guesses", limits)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// admitted counts how many of n attempts are admitted.
func admitted(g *guesses, n int, now time.Time, email, ip func(i int) string) (count int) {
	for i := range n {
		if g.admit(email(i), ip(i), now) == nil {
			count++
		}
	}
	return count
}

func always(s string) func(int) string { return func(int) string { return s } }

func numbered(format string) func(int) string {
	return func(i int) string { return fmt.Sprintf(format, i) }
}

func TestGuesses_AreBoundedByPairAddressAndInAll(t *testing.T) {
	t.Parallel()
	const some, other = "203.0.113.7", "198.51.100.4"
	for name, c := range map[string]struct {
		email, ip func(int) string
		want      int
	}{
		"one email from one address":        {always("a@b.co"), always(some), 10},
		"many emails from one address":      {numbered("p%d@b.co"), always(some), 100},
		"many emails from one IPv6 network": {numbered("p%d@b.co"), numbered("2001:db8:1:2::%x"), 100},
		"one address written two ways":      {always("a@b.co"), func(i int) string { return []string{some, "::ffff:" + some}[i%2] }, 10},
		"addresses that cannot be read":     {numbered("p%d@b.co"), numbered("proxy-%d"), 100},
		"one email from many addresses":     {always("a@b.co"), numbered("2001:db8:%x::1"), 200},
		"many emails from many addresses":   {numbered("p%d@b.co"), numbered("2001:db8:%x::1"), 200},
	} {
		g := testGuesses(t, nil)
		if got := admitted(g, 1000, noon, c.email, c.ip); got != c.want {
			t.Errorf("%s: %d admitted, want %d", name, got, c.want)
		}
		// What was refused was not counted: a moment later, another address gets in.
		if err := g.admit("a@b.co", other, noon.Add(20*time.Millisecond)); err != nil {
			t.Errorf("%s: then from elsewhere: %v", name, err)
		}
	}
}

func TestGuesses_GrowBackAndSayWhen(t *testing.T) {
	t.Parallel()
	g := testGuesses(t, nil)
	attempt := func(after time.Duration) error { return g.admit("a@b.co", "203.0.113.7", noon.Add(after)) }
	for range 10 {
		if err := attempt(0); err != nil {
			t.Fatal(err)
		}
	}
	for after, want := range map[time.Duration]int{0: 90, 500 * time.Millisecond: 90, 60 * time.Second: 30, 89*time.Second + 999*time.Millisecond: 1} {
		fresh := testGuesses(t, nil)
		admitted(fresh, 10, noon, always("a@b.co"), always("203.0.113.7"))
		err := fresh.admit("a@b.co", "203.0.113.7", noon.Add(after))
		if faults := fault.Of(err); len(faults) != 1 || faults[0].Code != fault.Throttled || faults[0].Details["retryAfterSeconds"] != want {
			t.Errorf("after %s: %v with %v, want THROTTLED for %d s", after, err, faults[0].Details, want)
		}
	}
	if err := attempt(90 * time.Second); err != nil {
		t.Errorf("after 90 s: %v", err)
	}
	if attempt(90*time.Second) == nil {
		t.Error("two grew back in the time of one")
	}
	if got := admitted(g, 50, noon.Add(24*time.Hour), always("a@b.co"), always("203.0.113.7")); got != 10 {
		t.Errorf("a day later %d are admitted, want 10: what grows back is bounded", got)
	}
	if attempt(0) == nil {
		t.Error("a clock that goes back lets more in")
	}
}

func TestGuesses_ForgiveWhatWasRight(t *testing.T) {
	t.Parallel()
	g := testGuesses(t, nil)
	for range 9 {
		if err := g.admit("a@b.co", "203.0.113.7", noon); err != nil {
			t.Fatal(err)
		}
	}
	for range 50 {
		if err := g.admit("a@b.co", "203.0.113.7", noon); err != nil {
			t.Fatal(err)
		}
		g.forgive("a@b.co", "203.0.113.7")
	}
	if got := admitted(g, 20, noon, always("a@b.co"), always("203.0.113.7")); got != 1 {
		t.Errorf("%d more are admitted, want 1: forgiving takes back no wrong guess", got)
	}
	g.forgive("new@b.co", "198.51.100.4")
	if got := admitted(g, 20, noon, always("new@b.co"), always("198.51.100.4")); got != 10 {
		t.Errorf("%d are admitted, want 10: forgiving gives no credit", got)
	}
}

func TestGuesses_AreCountedOneByOneHoweverManyComeAtOnce(t *testing.T) {
	t.Parallel()
	const burst, guessers = 50_000, 8
	g := testGuesses(t, func(l *Limits) {
		l.Pair.Burst, l.Address.Burst, l.All.Burst = burst, 1<<30, 1<<30
	})
	var count atomic.Int64
	var group sync.WaitGroup
	for range guessers {
		group.Go(func() {
			count.Add(int64(admitted(g, burst/2, noon, always("a@b.co"), always("203.0.113.7"))))
		})
	}
	group.Wait()
	if got := count.Load(); got != burst {
		t.Errorf("%d were admitted, want %d", got, burst)
	}
}

func TestGuesses_RememberNoMoreThanTheyMay(t *testing.T) {
	t.Parallel()
	g := testGuesses(t, func(l *Limits) { l.All = Limit{Burst: 1 << 30, Every: time.Nanosecond} })
	admitted(g, remembered+1000, noon, numbered("p%d@b.co"), func(i int) string {
		return fmt.Sprintf("2001:db8:%x:%x::1", i>>16, i&0xffff)
	})
	if g.pairs.Len() != remembered || g.addresses.Len() != remembered {
		t.Errorf("%d pairs and %d addresses, want %d", g.pairs.Len(), g.addresses.Len(), remembered)
	}
}

func TestNewGuesses_RefusesLimitsThatAreNone(t *testing.T) {
	t.Parallel()
	for _, change := range []func(*Limits){
		func(l *Limits) { l.Pair.Burst = 0 },
		func(l *Limits) { l.Address.Every = 0 },
		func(l *Limits) { l.All = Limit{} },
	} {
		limits := DefaultLimits()
		change(&limits)
		if _, err := newGuesses("guesses", limits); err == nil {
			t.Errorf("%+v was accepted", limits)
		}
	}
}
