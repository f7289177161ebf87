package throttle

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"igny8.com/accounts/internal/fault"
)

// slow is a bucket into which nothing comes back while a test runs.
func slow(burst int) Limit { return Limit{Burst: burst, Points: 1, Every: 24 * time.Hour} }

// stores are both kinds; what they open are the handles of several servers on one store.
var stores = map[string]func(t *testing.T) []Store{
	"memory": func(*testing.T) []Store { return []Store{NewMemory()} },
	"redis": func(t *testing.T) []Store {
		t.Helper()
		server := startRedis(t)
		var several []Store
		for range 4 {
			several = append(several, openPatiently(t, server, slog.New(slog.DiscardHandler), time.Minute))
		}
		return several
	},
}

func take(t *testing.T, s Store, key string, limit Limit, cost int) Status {
	t.Helper()
	status, err := s.Take(t.Context(), key, limit, cost)
	if err != nil {
		t.Fatalf("take %d of %s: %v", cost, key, err)
	}
	return status
}

func TestTake_AllowsExactlyTheBurstToThoseWhoComeAtOnce(t *testing.T) {
	t.Parallel()
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			several := open(t)
			var allowed atomic.Int32
			var all sync.WaitGroup
			for i := range 200 {
				all.Go(func() {
					status, err := several[i%len(several)].Take(t.Context(), "account:1", slow(50), 1)
					if err != nil {
						t.Error(err)
					}
					if status.Allowed {
						allowed.Add(1)
					}
				})
			}
			all.Wait()
			if n := allowed.Load(); n != 50 {
				t.Errorf("%d of 200 were allowed, want 50", n)
			}
			for _, s := range several {
				if s.Degraded() {
					t.Error("the common store was away")
				}
			}
		})
	}
}

func TestTake_SaysWhatIsLeftAndWhenToComeBack(t *testing.T) {
	t.Parallel()
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			several := open(t)
			limit := Limit{Burst: 100, Points: 1, Every: time.Hour}
			for i, c := range []struct {
				cost, remaining int
				allowed         bool
				retry, reset    time.Duration
			}{
				{0, 100, true, 0, 0},
				{30, 70, true, 0, 30 * time.Hour},
				{80, 70, false, 10 * time.Hour, 30 * time.Hour},
				{70, 0, true, 0, 100 * time.Hour},
				{1, 0, false, time.Hour, 100 * time.Hour},
				{0, 0, true, 0, 100 * time.Hour},
			} {
				got := take(t, several[i%len(several)], "account:1", limit, c.cost)
				if got.Allowed != c.allowed || got.Remaining != c.remaining || got.Limit != 100 {
					t.Errorf("%d of what is left: %+v, want %+v", c.cost, got, c)
				}
				// What came back since the first step makes the times a little shorter.
				if !about(got.RetryAfter, c.retry) || !about(got.ResetAfter, c.reset) {
					t.Errorf("%d: come back after %v, full after %v, want %v and %v", c.cost, got.RetryAfter, got.ResetAfter, c.retry, c.reset)
				}
				if rate := got.RestoreRate * 3600; rate < 0.999 || rate > 1.001 {
					t.Errorf("%v points come back an hour", rate)
				}
			}
		})
	}
}

func about(got, want time.Duration) bool {
	return got <= want && got > want-5*time.Minute || got == want
}

func TestTake_LetsPointsComeBack(t *testing.T) {
	t.Parallel()
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			several := open(t)
			limit := Limit{Burst: 10, Points: 10, Every: 200 * time.Millisecond}
			if !take(t, several[0], "account:1", limit, 10).Allowed {
				t.Fatal("a full bucket does not pay for its burst")
			}
			refused := take(t, several[0], "account:1", limit, 10)
			if refused.Allowed {
				return // this machine took longer than the bucket to fill: nothing to see
			}
			select {
			case <-time.After(refused.RetryAfter):
			case <-t.Context().Done():
			}
			if again := take(t, several[len(several)-1], "account:1", limit, 10); !again.Allowed {
				t.Errorf("refused again after the %v that it said: %+v", refused.RetryAfter, again)
			}
		})
	}
}

func TestTake_RefusesForGoodWhatAFullBucketCannotPay(t *testing.T) {
	t.Parallel()
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			several := open(t)
			take(t, several[0], "account:1", slow(50), 20)
			status, err := several[0].Take(t.Context(), "account:1", slow(50), 51)
			faults := fault.Of(err)
			if len(faults) != 1 || faults[0].Code != fault.CostLimit || faults[0].Details["limit"] != 50 || faults[0].Details["actual"] != 51 {
				t.Fatalf("51 of 50: %v", err)
			}
			if status.Allowed || status.Remaining != 30 || status.Limit != 50 {
				t.Errorf("the bucket beside the refusal: %+v", status)
			}
			if !take(t, several[0], "account:1", slow(50), 30).Allowed {
				t.Error("the refusal took something")
			}
		})
	}
}

func TestTake_KeepsBucketsApart(t *testing.T) {
	t.Parallel()
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			several := open(t)
			for _, key := range []string{"account:1", "account:12", "account:2", "anonymous:1"} {
				if !take(t, several[0], key, slow(5), 5).Allowed {
					t.Errorf("%s pays for others", key)
				}
			}
		})
	}
}

func TestTake_HeedsANewLimitAtOnce(t *testing.T) {
	t.Parallel()
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			several := open(t)
			take(t, several[0], "account:1", slow(1000), 0)
			if got := take(t, several[0], "account:1", slow(10), 0); got.Limit != 10 || got.Remaining != 10 {
				t.Errorf("after a smaller limit: %+v", got)
			}
			if _, err := several[0].Take(t.Context(), "account:1", slow(10), 11); !fault.Is(err, fault.CostLimit) {
				t.Errorf("11 of the new 10: %v", err)
			}
		})
	}
}

func TestTake_RefusesALimitThatIsNone(t *testing.T) {
	t.Parallel()
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			several := open(t)
			for _, limit := range []Limit{{}, {Burst: 1, Points: 1}, {Burst: 1, Every: 1}, {Points: 1, Every: 1}, {Burst: -1, Points: 1, Every: 1}} {
				if status, err := several[0].Take(context.Background(), "account:1", limit, 1); err == nil || status.Allowed {
					t.Errorf("%+v: %+v, %v", limit, status, err)
				}
			}
		})
	}
}
