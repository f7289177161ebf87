package main_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// build makes the command, once for all tests.
var built string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "igny8-run-")
	if err != nil {
		panic(err)
	}
	built = filepath.Join(dir, "run")
	if out, err := exec.Command("go", "build", "-o", built, ".").CombinedOutput(); err != nil {
		panic(string(out))
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

func command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return exec.CommandContext(ctx, built, args...)
}

func exitOf(err error) int {
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode()
	}
	if err != nil {
		return -1
	}
	return 0
}

func TestRun_ShowsTheCommandAServerAndExitsAsItDoes(t *testing.T) {
	t.Parallel()
	out, err := command(t, "--", "sh", "-c", `test -S "$IGNY8_TEST_CLUSTER/.s.PGSQL.5432" && echo "$IGNY8_TEST_CLUSTER"; exit 7`).Output()
	if got := exitOf(err); got != 7 {
		t.Errorf("exit code %d, want the command's 7", got)
	}
	socket := strings.TrimSpace(string(out))
	if socket == "" {
		t.Fatal("the command found no server")
	}
	if _, err := os.Stat(socket); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the server's directory %s is still there: %v", socket, err)
	}
}

func TestRun_PassesSignalsOnAndStopsTheServerAfterwards(t *testing.T) {
	t.Parallel()
	for signal, want := range map[syscall.Signal]int{syscall.SIGTERM: 9, syscall.SIGKILL: -1} {
		cmd := command(t, "sh", "-c", `trap 'exit 9' TERM; echo "$IGNY8_TEST_CLUSTER"; while :; do read _ || exit 3; done`)
		stdin, err := cmd.StdinPipe() // held open: the command ends by the signal alone
		if err != nil {
			t.Fatal(err)
		}
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		line, err := bufio.NewReader(stdout).ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		socket := filepath.Join(strings.TrimSpace(line), ".s.PGSQL.5432")
		if _, err := os.Stat(socket); err != nil {
			t.Errorf("no server while the command runs: %v", err)
		}
		if err := cmd.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		if signal == syscall.SIGKILL {
			_ = stdin.Close() // nobody passes that one on; the command ends at the end of its input
		}
		_, _ = io.Copy(io.Discard, stdout)
		if got := exitOf(cmd.Wait()); got != want {
			t.Errorf("%v: exit code %d, want %d", signal, got, want)
		}
		// Killed, we leave it to the kernel to end the server, a moment later.
		waitUntil(t, func() bool {
			_, err := os.Stat(socket)
			return errors.Is(err, os.ErrNotExist)
		})
	}
}

func TestRun_TellsWhatItCannotRun(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args []string
		env  string
		want int
	}{
		"nothing to run":  {nil, "", 2},
		"no such command": {[]string{"/nowhere"}, "", 126},
		"no Postgres":     {[]string{"true"}, "PGBIN=/nowhere", 126},
	} {
		cmd := command(t, c.args...)
		cmd.Env = append(os.Environ(), c.env)
		out, err := cmd.CombinedOutput()
		if got := exitOf(err); got != c.want || len(out) == 0 {
			t.Errorf("%s: exit code %d, want %d; output %q", name, got, c.want, out)
		}
	}
}

func waitUntil(t *testing.T, done func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for limit := time.After(20 * time.Second); !done(); {
		select {
		case <-limit:
			t.Fatal("waited in vain")
		case <-tick.C:
		}
	}
}
