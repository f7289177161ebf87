//go:build linux

package torture_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/postgres/cluster"
)

// built is the directory of a program that was built for this, to be removed.
var built string

// program is the path of the igny8 to torture.
var program = sync.OnceValues(func() (string, error) {
	if *programPath != "" {
		return filepath.Abs(*programPath)
	}
	var err error
	if built, err = os.MkdirTemp("", "igny8-torture-bin-"); err != nil {
		return "", err
	}
	path := filepath.Join(built, "igny8")
	build := exec.CommandContext(context.Background(), "go", "build", "-o", path, "./cmd/igny8")
	build.Dir = filepath.Join("..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		return path, fmt.Errorf("build igny8: %w\n%s", err, out)
	}
	return path, nil
})

// server is igny8 serve as a process of its own, on one address through all restarts.
type server struct {
	t       *testing.T
	path    string
	environ map[string]string
	url     string
	log     string // a file
	process *os.Process
	ended   chan struct{}
}

// newServer migrates the database and starts the server in an environment of production.
func newServer(t *testing.T, db *victim) *server {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	dir, addr := t.TempDir(), freeAddress(t)
	s := &server{t: t, path: path, url: "http://" + addr, log: filepath.Join(dir, "log"), environ: map[string]string{
		"PATH": os.Getenv("PATH"), "HOME": dir, "IGNY8_ADDR": addr, "IGNY8_PUBLIC_URL": "http://" + addr,
		"DATABASE_URL":   db.url(postgres.AppRole),
		"IGNY8_APP_URL":  "https://app.example.com",
		"IGNY8_MAIL_URL": "file://" + filepath.Join(dir, "mail"), "IGNY8_MAIL_FROM": "accounts@example.com",
		"IGNY8_BANK_INSTRUCTIONS": "There is no bank account.",
	}}
	for line := range strings.Lines(s.run(nil, "keys", "generate")) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		s.environ[name] = value
	}
	s.run(map[string]string{"DATABASE_URL": db.url(cluster.Superuser)}, "migrate", "up")
	t.Cleanup(func() {
		s.kill()
		if t.Failed() {
			t.Logf("the server's log ends with\n%s", s.lastLog())
		}
	})
	s.start()
	return s
}

// freeAddress is one on this machine that nobody is given by chance between a kill and the next start:
// ports for the asking begin at 32768.
func freeAddress(t *testing.T) string {
	t.Helper()
	const lowest, ports, tries = 12_000, 20_000, 100
	for range tries {
		addr := fmt.Sprintf("127.0.0.1:%d", lowest+rand.IntN(ports))
		if listener, err := net.Listen("tcp", addr); err == nil {
			_ = listener.Close()
			return addr
		}
	}
	t.Fatal("no port is free")
	return ""
}

// run runs another command of the program and returns what it says.
func (s *server) run(changes map[string]string, args ...string) string {
	s.t.Helper()
	cmd := s.command(s.t.Context(), args...)
	cmd.Env = environment(s.environ, changes)
	out, err := cmd.Output()
	if err != nil {
		var stderr []byte
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			stderr = exit.Stderr
		}
		s.t.Fatalf("igny8 %v: %v\n%s%s", args, err, out, stderr)
	}
	return string(out)
}

// command is a run of the program in the server's environment.
func (s *server) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, s.path, args...)
	cmd.Env = environment(s.environ)
	return cmd
}

func environment(all ...map[string]string) []string {
	joined := map[string]string{}
	for _, each := range all {
		maps.Copy(joined, each)
	}
	var environ []string
	for name, value := range joined {
		environ = append(environ, name+"="+value)
	}
	return environ
}

// start starts the server and returns how long it took until it was ready.
func (s *server) start() time.Duration {
	s.t.Helper()
	log, err := os.OpenFile(s.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	cmd := s.command(context.Background(), "serve")
	cmd.Stdout, cmd.Stderr = log, log
	// It must not outlive us, even if we are killed. The kernel takes the death of the thread that
	// forked for the death of the parent, so that thread waits as long as the child lives.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	started, ended := make(chan error, 1), make(chan struct{})
	begin := time.Now()
	go func() {
		defer close(ended)
		runtime.LockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // it never ends but by a kill, or the log tells
		}
	}()
	if err := <-started; err != nil {
		s.t.Fatal(err)
	}
	s.process, s.ended = cmd.Process, ended
	s.waitReady()
	return time.Since(begin)
}

// waitReady waits until the server says that it can answer requests.
func (s *server) waitReady() {
	s.t.Helper()
	client := &http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	waitFor(s.t, "the server to be ready", func() bool {
		select {
		case <-s.ended:
			s.t.Fatalf("the server ended by itself:\n%s", s.lastLog())
		default:
		}
		resp, err := client.Get(s.url + "/readyz")
		if err != nil {
			return false
		}
		_ = resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}

// kill ends the server by SIGKILL and waits for its end.
func (s *server) kill() {
	s.t.Helper()
	if s.process == nil {
		return
	}
	select {
	case <-s.ended:
		s.t.Errorf("the server ended by itself")
	default:
	}
	_ = s.process.Kill()
	<-s.ended
	s.process = nil
}

func (s *server) lastLog() string {
	text, err := os.ReadFile(s.log)
	if err != nil {
		return err.Error()
	}
	const most = 4 << 10
	return string(text[max(0, len(text)-most):])
}
