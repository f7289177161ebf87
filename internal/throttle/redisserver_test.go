package throttle

import (
	"bytes"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// redisServer is a real Redis on a socket of its own, which a test may end and start again.
type redisServer struct {
	program, socket string
	process         *os.Process
	ended           chan struct{}
}

// startRedis starts a Redis, or skips the test where there is none. IGNY8_REQUIRE_REDIS forbids to skip.
func startRedis(t *testing.T) *redisServer {
	t.Helper()
	program, err := exec.LookPath("redis-server")
	if err != nil {
		const missing = "redis-server is not installed; type: apt-get install -y --no-install-recommends redis-server"
		if os.Getenv("IGNY8_REQUIRE_REDIS") != "" {
			t.Fatal("IGNY8_REQUIRE_REDIS is set, but " + missing)
		}
		t.Skip(missing)
	}
	dir, err := os.MkdirTemp("", "igny8r") //nolint:usetesting // a socket's path must be short; t.TempDir() has the test's name in it
	if err != nil {
		t.Fatal(err)
	}
	s := &redisServer{program: program, socket: filepath.Join(dir, "s")}
	t.Cleanup(func() {
		s.kill(t)
		_ = os.RemoveAll(dir)
	})
	s.start(t)
	return s
}

func (s *redisServer) url() string { return "unix://" + s.socket }

// start returns when the server answers.
func (s *redisServer) start(t *testing.T) {
	t.Helper()
	cmd := exec.Command(s.program, "--port", "0", "--unixsocket", s.socket, "--save", "", "--appendonly", "no", "--dir", filepath.Dir(s.socket))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	started := make(chan error)
	ended := make(chan struct{})
	go func() {
		// Pdeathsig goes by the thread that started the process, which must live as long as it.
		runtime.LockOSThread()
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
	s.process, s.ended = cmd.Process, ended
	client := s.client(t)
	eventually(t, "redis-server answers", func() bool { return client.Ping(t.Context()).Err() == nil })
}

func (s *redisServer) client(t *testing.T) *redis.Client {
	t.Helper()
	client := redis.NewClient(&redis.Options{Network: "unix", Addr: s.socket})
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func (s *redisServer) signal(t *testing.T, sig syscall.Signal) {
	t.Helper()
	if err := s.process.Signal(sig); err != nil {
		t.Fatal(err)
	}
}

// kill ends the server without warning.
func (s *redisServer) kill(t *testing.T) {
	t.Helper()
	if s.process == nil {
		return
	}
	if err := s.process.Kill(); err != nil {
		t.Error(err)
	}
	<-s.ended
	s.process = nil
}

func open(t *testing.T, server *redisServer, log *slog.Logger) *Redis {
	t.Helper()
	return openPatiently(t, server, log, Patience)
}

// openPatiently opens a store that waits for Redis as long as it is told, so that on a busy machine too
// Redis alone judges.
func openPatiently(t *testing.T, server *redisServer, log *slog.Logger, patience time.Duration) *Redis {
	t.Helper()
	r, err := OpenRedis(t.Context(), server.url(), patience, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// eventually waits until the condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-deadline:
			t.Fatalf("never happened: %s", what)
		case <-tick.C:
		}
	}
}

// lines collects what is logged.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *lines) count(text string) int { return strings.Count(l.String(), text) }
