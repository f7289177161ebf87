package graph

import (
	"bytes"
	"log/slog"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"igny8.com/accounts/internal/gqlhttp"
	"igny8.com/accounts/internal/throttle"
)

// redisServer starts a Redis on a socket of its own, which ends with the test, or skips the test where none
// is installed, unless IGNY8_REQUIRE_REDIS is set. end ends it before.
func redisServer(t *testing.T) (url string, end func()) {
	t.Helper()
	program, err := exec.LookPath("redis-server")
	if err != nil {
		const missing = "redis-server is not installed; type: apt-get install -y --no-install-recommends redis-server"
		if os.Getenv("IGNY8_REQUIRE_REDIS") != "" {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	dir, err := os.MkdirTemp("", "igny8g") //nolint:usetesting // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(dir, "s")
	cmd := exec.Command(program, "--port", "0", "--unixsocket", socket, "--save", "", "--appendonly", "no", "--dir", dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	started, ended := make(chan error), make(chan struct{})
	go func() {
		runtime.LockOSThread() // Pdeathsig goes by the thread
		defer close(ended)
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // killed, as it says
		}
	}()
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	end = func() {
		_ = cmd.Process.Kill() // it may have ended
		<-ended
	}
	t.Cleanup(func() {
		end()
		_ = os.RemoveAll(dir)
	})
	return "unix://" + socket, end
}

// inRedis is a store in that Redis, once it answers. It waits as long as it takes, so that on a busy
// machine too Redis alone judges.
func inRedis(t *testing.T, url string, log *slog.Logger) *throttle.Redis {
	t.Helper()
	store, err := throttle.OpenRedis(t.Context(), url, time.Minute, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	eventually(t, "Redis answers", func() bool { return !store.Degraded() })
	return store
}

// journal is a log that is read while it is written.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// eventually waits until the condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	limit := time.After(20 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-limit:
			t.Fatalf("never happened: %s", what)
		case <-tick.C:
		}
	}
}

// Two servers with one Redis: forty who go to both find the one bucket of their account, and the limits hold
// on when Redis has gone.
func TestThrottle_IsSharedByTwoServersThroughRedis(t *testing.T) {
	t.Parallel()
	s, o, owner, site, _ := partnered(t)
	s.setPlan(o, "scale")
	crowd := crowdOf(s, o, owner, site)
	url, end := redisServer(t)
	log := &journal{}
	told := slog.New(slog.NewTextHandler(log, nil))
	first, second := inRedis(t, url, told), inRedis(t, url, told)
	s.throttled(first, crowdPolicy)
	policy := throttle.DefaultPolicy()
	crowdPolicy(&policy)
	gate, err := throttle.NewGate(second, policy)
	if err != nil {
		t.Fatal(err)
	}
	r := &Resolver{
		DB: s.r.DB, Auth: s.r.Auth, Hasher: s.r.Hasher, Log: s.r.Log, Clock: s.r.Clock, Mail: s.r.Mail, Vault: s.r.Vault,
		Gate: gate, InFlight: s.r.InFlight, Wake: s.r.Wake, WordPress: s.r.WordPress, Bank: s.r.Bank,
	}
	beside := httptest.NewServer(s.r.Auth.Middleware(NewHandler(r, gqlhttp.Config{})))
	t.Cleanup(beside.Close)
	for i, c := range crowd {
		if i%2 == 1 {
			there := *c.api
			there.url = beside.URL
			c.api = &there
		}
	}
	drain(t, crowd, 400)
	for _, c := range crowd[:2] {
		c.do(`{ sites(first: 60) { nodes { id } } }`, nil).tired()
	}

	const away = "redis is away"
	before := strings.Count(log.String(), away) // the first server may have come before Redis did
	end()
	// One on each server: its own bucket was charged along and is as good as empty.
	admitted := 0
	eventually(t, "both servers go on without Redis and say so", func() bool {
		for _, c := range crowd[:2] {
			if c.do(crowdQuery, nil).code() != "THROTTLED" {
				admitted++
			}
		}
		return strings.Count(log.String(), away) == before+2
	})
	if admitted > crowdBurst/crowdCost { // what one more full bucket would have let in
		t.Errorf("%d requests were let in while Redis went away", admitted)
	}
}
