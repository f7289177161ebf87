package throttle

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	saysAway = "redis is away"
	saysBack = "redis is back"
)

// drain takes one by one and says how many were allowed.
func drain(t *testing.T, s Store, key string, limit Limit, tries int) (allowed int) {
	t.Helper()
	for range tries {
		if take(t, s, key, limit, 1).Allowed {
			allowed++
		}
	}
	return allowed
}

func TestRedis_GoesOnAloneWithTheSameLimitsAndComesBack(t *testing.T) {
	t.Parallel()
	server, log := startRedis(t), &lines{}
	r := open(t, server, log.logger())
	if n := drain(t, r, "account:1", slow(50), 20); n != 20 || r.Degraded() {
		t.Fatalf("%d of 20 were allowed, degraded: %v", n, r.Degraded())
	}

	server.kill(t)
	// What was used before the outage stays used: no second burst.
	if n := drain(t, r, "account:1", slow(50), 100); n != 30 {
		t.Errorf("%d of 100 were allowed without Redis, want the 30 that were left", n)
	}
	if n := drain(t, r, "account:2", slow(50), 100); n != 50 {
		t.Errorf("%d of 100 were allowed to a stranger without Redis, want 50", n)
	}
	if !r.Degraded() || log.count(saysAway) != 1 {
		t.Errorf("degraded: %v, said %d times:\n%s", r.Degraded(), log.count(saysAway), log)
	}

	server.start(t)
	eventually(t, "the store is back", func() bool { return !r.Degraded() })
	eventually(t, "the log says so", func() bool { return log.count(saysBack) == 1 })
	if n := drain(t, r, "account:3", slow(50), 100); n != 50 {
		t.Errorf("%d of 100 were allowed after the return, want 50", n)
	}
	client := server.client(t)
	if keys := client.Keys(t.Context(), "*account:3").Val(); len(keys) != 1 {
		t.Errorf("after the return Redis holds %q", keys)
	}

	server.kill(t)
	drain(t, r, "account:4", slow(50), 10)
	if log.count(saysAway) != 2 || log.count(saysBack) != 1 {
		t.Errorf("two outages were told otherwise:\n%s", log)
	}
}

// A Redis that hangs is worse than one that is gone: each request would wait for it.
func TestRedis_SlowsNobodyDownWhileItHangs(t *testing.T) {
	t.Parallel()
	server, log := startRedis(t), &lines{}
	r := open(t, server, log.logger())
	take(t, r, "account:1", slow(5000), 1)
	server.signal(t, syscall.SIGSTOP)
	started := time.Now()
	if n := drain(t, r, "account:1", slow(5000), 1000); n != 1000 {
		t.Errorf("%d of 1000 were allowed", n)
	}
	// Each of a thousand waiting would take 50 s; three that do, and the rest at once, a fraction of one.
	if took := time.Since(started); took > 10*time.Second {
		t.Errorf("a thousand requests took %v", took)
	}
	if !r.Degraded() || log.count(saysAway) != 1 {
		t.Errorf("degraded: %v:\n%s", r.Degraded(), log)
	}
	server.signal(t, syscall.SIGCONT)
	eventually(t, "the store is back", func() bool { return !r.Degraded() })
}

// A Redis that is full, or has become a replica, answers pings and keeps nothing.
func TestRedis_IsAwayWhenItCannotWrite(t *testing.T) {
	t.Parallel()
	server, log := startRedis(t), &lines{}
	r := open(t, server, log.logger())
	client := server.client(t)
	if err := client.ConfigSet(t.Context(), "maxmemory", "1").Err(); err != nil {
		t.Fatal(err)
	}
	if n := drain(t, r, "account:1", slow(50), 100); n != 50 || !r.Degraded() {
		t.Errorf("%d of 100 were allowed by a full Redis, degraded: %v", n, r.Degraded())
	}
	refused := func() (n int) {
		_, after, _ := strings.Cut(client.Info(t.Context(), "stats").Val(), "total_error_replies:")
		_, _ = fmt.Sscan(after, &n)
		return n
	}
	before := refused()
	eventually(t, "it was tried twice more", func() bool { return refused() >= before+2 || !r.Degraded() })
	if log.count(saysBack) != 0 {
		t.Errorf("a Redis that cannot write is back:\n%s", log)
	}
	if err := client.ConfigSet(t.Context(), "maxmemory", "0").Err(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the store is back", func() bool { return !r.Degraded() })
}

func TestRedis_OpensWhileItIsAway(t *testing.T) {
	t.Parallel()
	server, log := startRedis(t), &lines{}
	server.kill(t)
	r := open(t, server, log.logger())
	if !r.Degraded() || log.count(saysAway) != 1 {
		t.Errorf("degraded: %v:\n%s", r.Degraded(), log)
	}
	if n := drain(t, r, "account:1", slow(5), 10); n != 5 {
		t.Errorf("%d of 10 were allowed, want 5", n)
	}
	server.start(t)
	eventually(t, "the store is there", func() bool { return !r.Degraded() })
}

func TestRedis_ClosesWhileItIsAway(t *testing.T) {
	t.Parallel()
	server := startRedis(t)
	r := open(t, server, slog.New(slog.DiscardHandler))
	server.kill(t)
	drain(t, r, "account:1", slow(50), failuresAway)
	if !r.Degraded() {
		t.Fatal("the outage was not noticed")
	}
	for range 2 {
		_ = r.Close()
	}
	if n := drain(t, r, "account:1", slow(50), 100); n > 50 {
		t.Errorf("%d were allowed by a closed store", n)
	}
}

func TestRedis_ChargesWhoHangsUp(t *testing.T) {
	t.Parallel()
	server, log := startRedis(t), &lines{}
	r := open(t, server, log.logger())
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for range 3 * failuresAway {
		if _, err := r.Take(gone, "account:1", slow(50), 5); err != nil {
			t.Fatal(err)
		}
	}
	if r.Degraded() {
		t.Errorf("clients that hang up were taken for an outage:\n%s", log)
	}
	other := open(t, server, slog.New(slog.DiscardHandler))
	if left := take(t, other, "account:1", slow(50), 0).Remaining; left != 50-3*failuresAway*5 {
		t.Errorf("%d points are left", left)
	}
}

func TestRedis_KeepsKeysOfItsOwnForNoLongerThanNeeded(t *testing.T) {
	t.Parallel()
	server := startRedis(t)
	r := open(t, server, slog.New(slog.DiscardHandler))
	take(t, r, "account:30", PerSecond(1000, 50), 500)
	client := server.client(t)
	for _, key := range client.Keys(t.Context(), "*").Val() {
		if !strings.HasPrefix(key, "rate:igny8:throttle:v1:") {
			t.Errorf("a key is named %s", key)
		}
		if ttl := client.TTL(t.Context(), key).Val(); ttl <= 0 || ttl > 10*time.Second {
			t.Errorf("%s stays for %v", key, ttl)
		}
	}
	if client.Exists(t.Context(), "rate:igny8:throttle:v1:account:30").Val() != 1 {
		t.Error("the bucket is not where it is said to be")
	}
}

func TestOpenRedis_RefusesWhatIsNoAddressWithoutQuotingIt(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"", "localhost:6379", "http://user:hunter2@host", "redis://user:hunter2@host:port/0", "redis://:hunter2@h/x"} {
		r, err := OpenRedis(t.Context(), url, Patience, slog.New(slog.DiscardHandler))
		if err == nil {
			_ = r.Close()
			t.Errorf("%q is accepted", url)
			continue
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the password is in %q", err)
		}
	}
}
