//go:build unix

package cluster

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// dataDir is a place for data that the user who runs Postgres can reach; testing's own directories
// are closed to everybody else. It is in memory where there is room: what a server does with its
// data is the same there, only faster.
func dataDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp(fastParent(), "igny8-cluster-test-") //nolint:usetesting // see above
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "checkout", ".data", "postgres")
}

func begin(t *testing.T, opts Options) *Cluster {
	t.Helper()
	c, err := Start(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { end(t, c) })
	return c
}

func end(t *testing.T, c *Cluster) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := c.Stop(ctx); err != nil {
		t.Error(err)
	}
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// ask gives the one value of a query's one row, as text.
func ask(t *testing.T, conn *pgx.Conn, query string) string {
	t.Helper()
	var answer string
	if err := conn.QueryRow(t.Context(), "SELECT ("+query+")::text").Scan(&answer); err != nil {
		t.Fatal(err)
	}
	return answer
}

func do(t *testing.T, conn *pgx.Conn, statement string) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

func waitUntil(t *testing.T, what string, done func() bool) {
	t.Helper()
	tick := time.NewTicker(pollPause)
	defer tick.Stop()
	for limit := time.After(30 * time.Second); !done(); {
		select {
		case <-limit:
			t.Fatalf("waited in vain until %s", what)
		case <-tick.C:
		}
	}
}

// running says whether a process works: not ended, nor ended and waiting to be reaped.
func running(pid int) bool {
	if !alive(pid) {
		return false
	}
	out, err := exec.Command("ps", "-o", "stat=", "-p", strconv.Itoa(pid)).Output()
	return err == nil && !strings.HasPrefix(strings.TrimSpace(string(out)), "Z")
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

const helperData = "IGNY8_TEST_CLUSTER_DATA"

// TestHelperProcess_Cluster is another process that runs a server, until its input ends or it is
// killed.
func TestHelperProcess_Cluster(t *testing.T) { //nolint:paralleltest // it is a process of its own
	dir, ok := os.LookupEnv(helperData)
	if !ok {
		return // an ordinary run of the tests
	}
	signal.Ignore(syscall.SIGINT) // as a server does that drains first
	c, err := Start(t.Context(), Options{DataDir: dir, Fast: dir == ""})
	if err != nil {
		_, _ = fmt.Fprintf(os.Stdout, "refused: %v\n", err)
		return
	}
	_, _ = fmt.Fprintf(os.Stdout, "ready %d %s %s\n", c.Pid(), c.SocketDir(), c.DataDir)
	_, _ = io.Copy(io.Discard, os.Stdin)
	end(t, c)
	_, _ = fmt.Fprintln(os.Stdout, "stopped")
}

// process is that other process.
type process struct {
	cmd    *exec.Cmd
	stdin  io.Closer
	lines  *bufio.Scanner
	pid    int // of its server
	socket string
	data   string
}

// launch starts the other process and waits for its first line.
func launch(t *testing.T, dir string) (*process, string) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestHelperProcess_Cluster$", "-test.count=1")
	cmd.Env = append(os.Environ(), helperData+"="+dir)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a group of its own, as under a shell
	stdin, err := cmd.StdinPipe()
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
	p := &process{cmd: cmd, stdin: stdin, lines: bufio.NewScanner(stdout)}
	t.Cleanup(func() {
		_ = stdin.Close()
		_, _ = io.Copy(io.Discard, stdout)
		_ = cmd.Wait()
	})
	if !p.lines.Scan() {
		t.Fatal("the other process said nothing")
	}
	line := p.lines.Text()
	if strings.HasPrefix(line, "ready") {
		if _, err := fmt.Sscanf(line, "ready %d %s %s", &p.pid, &p.socket, &p.data); err != nil {
			t.Fatal(err)
		}
	}
	return p, line
}

// kill ends the process so that it can do nothing more.
func (p *process) kill(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for p.lines.Scan() { // to the end of its output, which is its end
	}
}
