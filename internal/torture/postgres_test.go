//go:build linux

package torture_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/postgres/cluster"
)

// victim is a Postgres with data that lasts, as durable as production's, to be killed and started again.
type victim struct {
	t       *testing.T
	data    string
	socket  string // a link to the directory of the running server's socket: every start has a new one
	running *cluster.Cluster
}

func newVictim(t *testing.T) *victim {
	t.Helper()
	// Testing's own directories are closed to the user who runs Postgres for root, and the path of a
	// socket has room for about a hundred bytes.
	dir, err := os.MkdirTemp(parent(), "igny8-torture-") //nolint:usetesting // see above
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	v := &victim{t: t, data: filepath.Join(dir, "postgres"), socket: filepath.Join(dir, "socket")}
	v.start()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := v.running.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	if err := postgres.Bootstrap(t.Context(), v.url(cluster.Superuser)); err != nil {
		t.Fatal(err)
	}
	return v
}

// parent is the directory for data. What a SIGKILL takes is the same in memory: the kernel keeps the files.
func parent() string {
	if *home != "" {
		return *home
	}
	const memory = "/dev/shm"
	var fs syscall.Statfs_t
	const enough = 1 << 30
	if err := syscall.Statfs(memory, &fs); err == nil && fs.Bavail*uint64(fs.Bsize) > enough {
		return memory
	}
	return "/tmp"
}

func (v *victim) start() {
	v.t.Helper()
	started, err := cluster.Start(v.t.Context(), cluster.Options{DataDir: v.data})
	if err != nil {
		v.t.Fatal(err)
	}
	v.running = started
	next := v.socket + ".next"
	if err := errors.Join(os.Symlink(started.SocketDir(), next), os.Rename(next, v.socket)); err != nil {
		v.t.Fatal(err)
	}
}

// url is how a role reaches the database, through all restarts.
func (v *victim) url(role string) string { return cluster.SocketURL(v.socket, role, postgres.Database) }

// kill ends every process of the server at once, by SIGKILL.
func (v *victim) kill() {
	v.t.Helper()
	postmaster := v.running.Pid()
	// Stopped, it can neither start another process nor tell the others to write anything out.
	if err := syscall.Kill(postmaster, syscall.SIGSTOP); err != nil {
		v.t.Fatalf("stop the postmaster, process %d: %v", postmaster, err)
	}
	children := childrenOf(v.t, postmaster)
	const fewest = 4 // the checkpointer, both writers, and whoever serves the load
	if len(children) < fewest {
		v.t.Fatalf("the postmaster, process %d, has only the children %v", postmaster, children)
	}
	for _, pid := range append(children, postmaster) {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			v.t.Fatalf("kill process %d of Postgres: %v", pid, err)
		}
	}
	<-v.running.Down()
	for _, pid := range children {
		waitFor(v.t, fmt.Sprintf("the end of process %d", pid), func() bool { return !runs(pid) })
	}
	if err := v.running.Stop(context.Background()); err != nil { // nothing is left to stop: it lets go of the data
		v.t.Fatal(err)
	}
}

// exec runs statements as the superuser, each by itself.
func (v *victim) exec(statements ...string) {
	v.t.Helper()
	conn, err := pgx.Connect(v.t.Context(), v.url(cluster.Superuser))
	if err != nil {
		v.t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	for _, s := range statements {
		if _, err := conn.Exec(v.t.Context(), s); err != nil {
			v.t.Fatalf("%s: %v", s, err)
		}
	}
}

// childrenOf are the processes whose parent is the process.
func childrenOf(t *testing.T, parent int) []int {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	var found []int
	for _, stat := range stats {
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(stat)))
		if state, ppid := process(pid); state != "Z" && ppid == parent {
			found = append(found, pid)
		}
	}
	return found
}

// runs says whether a process runs: one that has ended stays in the table until somebody asks for it.
func runs(pid int) bool {
	state, _ := process(pid)
	return state != "" && state != "Z" && state != "X"
}

// process is the state and the parent of a process; nothing for one that is not there.
func process(pid int) (state string, parent int) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", 0
	}
	// After the name, which is in parentheses and may hold any character.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	parent, _ = strconv.Atoi(string(fields[1]))
	return string(fields[0]), parent
}

// patience is longer than anything here takes on a busy machine.
const patience = time.Minute

// waitFor waits until the condition holds, or fails the test.
func waitFor(t *testing.T, what string, condition func() bool) {
	t.Helper()
	const pause = 2 * time.Millisecond
	tick, limit := time.NewTicker(pause), time.After(patience)
	defer tick.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("waited in vain for %s", what)
		}
	}
}
