//go:build unix

package cluster

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestLock_HoldsOthersOffUntilItIsLetGo(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	held, err := lock(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lock(path); !errors.Is(err, errHeld) {
		t.Errorf("the second holder got %v", err)
	}
	if got := pidIn(path); got != os.Getpid() {
		t.Errorf("the lock names process %d, want ours", got)
	}
	if err := held.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := lock(path)
	if err != nil {
		t.Fatalf("after it was let go: %v", err)
	}
	_ = again.Close()
}

func TestPidIn_IsZeroWhereNoProcessIsNamed(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "pid")
	for text, want := range map[string]int{"42\n/data\n": 42, "": 0, "x\n": 0, "-1\n": 0} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := pidIn(path); got != want {
			t.Errorf("%q names process %d, want %d", text, got, want)
		}
	}
	if got := pidIn(path + ".nowhere"); got != 0 {
		t.Errorf("a missing file names process %d", got)
	}
}

// Many that make directories and sweep at once never take one from each other.
func TestScratch_SurvivesOthersSweeps(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	var wrong atomic.Int64
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 25 {
				s, err := newScratch(parent, account{})
				if err != nil {
					t.Error(err)
					return
				}
				sweep(parent)
				if !exists(s.dir) || !exists(s.lock.Name()) {
					wrong.Add(1)
				}
				if err := s.remove(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	if n := wrong.Load(); n > 0 {
		t.Errorf("%d directories were swept away from under their owners", n)
	}
	if left, err := os.ReadDir(parent); err != nil || len(left) > 0 {
		t.Errorf("%d files are left, %v", len(left), err)
	}
}

func TestSweep_TakesOnlyWhatTheDeadHaveLeft(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	plant := func(name string) string {
		path := filepath.Join(parent, name)
		if err := os.MkdirAll(filepath.Join(path, "data"), 0o700); err != nil {
			t.Fatal(err)
		}
		return path
	}
	sign := func(path string) {
		if err := os.WriteFile(path+".lock", []byte("1\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	dead := plant(scratchPrefix + "dead")
	sign(dead)
	unsigned := plant(scratchPrefix + "unsigned") // nobody knows whose
	foreign := plant("other-dir")
	sign(foreign)

	// A server that is still going down works in its data, as this process does in this one.
	dying := plant(scratchPrefix + "dying")
	sign(dying)
	sleeper := exec.CommandContext(t.Context(), "sleep", "60")
	sleeper.Dir = filepath.Join(dying, "data")
	if err := sleeper.Start(); err != nil {
		t.Fatal(err)
	}
	pid := []byte(strconv.Itoa(sleeper.Process.Pid) + "\n")
	if err := os.WriteFile(filepath.Join(dying, "data", "postmaster.pid"), pid, 0o600); err != nil {
		t.Fatal(err)
	}

	sweep(parent)
	for path, want := range map[string]bool{dead: false, dead + ".lock": false, unsigned: true, foreign: true, dying: true} {
		if got := exists(path); got != want {
			t.Errorf("after the sweep, %s exists: %t, want %t", path, got, want)
		}
	}
	if err := sleeper.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = sleeper.Wait()
	sweep(parent)
	if exists(dying) {
		t.Error("what the server left after its end was not swept away")
	}
}

func TestHold_NamesAServerThatWillNotGo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	orphan := exec.CommandContext(t.Context(), "sleep", "60")
	orphan.Dir = dir
	if err := orphan.Start(); err != nil {
		t.Fatal(err)
	}
	pid := strconv.Itoa(orphan.Process.Pid)
	if err := os.WriteFile(filepath.Join(dir, "postmaster.pid"), []byte(pid+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	err := waitForOldServer(t.Context(), dir, 20*time.Millisecond)
	if err == nil || !strings.Contains(err.Error(), "a Postgres server, process "+pid) || !strings.Contains(err.Error(), dir) {
		t.Errorf("the error is %v, want it to name process %s", err, pid)
	}

	// One that goes while we wait is no hindrance, nor is its number when another has it, nor one
	// that nobody has reaped.
	done := make(chan error, 1)
	go func() { done <- waitForOldServer(t.Context(), dir, time.Minute) }()
	if err := orphan.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	_ = orphan.Wait()
	if err := os.WriteFile(filepath.Join(dir, "postmaster.pid"), []byte(strconv.Itoa(os.Getpid())+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := waitForOldServer(t.Context(), dir, 20*time.Millisecond); err != nil && exists("/proc/self/cwd") {
		t.Errorf("a process that works elsewhere: %v", err)
	}
}

func TestPlace_KeepsToTheDirectoryUnlessItsUserCannotGetThere(t *testing.T) {
	t.Parallel()
	who, err := servant()
	if err != nil {
		t.Fatal(err)
	}
	open := dataDir(t)
	if got, err := who.place(t.Context(), open); err != nil || got != open {
		t.Errorf("placed at %s, %v; want %s", got, err, open)
	}
	closed := filepath.Join(t.TempDir(), "home", ".data", "postgres") // testing's directories are ours alone
	got, err := who.place(t.Context(), closed)
	if err != nil {
		t.Fatal(err)
	}
	if who.credential == nil { // we run Postgres ourselves
		if got != closed {
			t.Errorf("placed at %s, want %s", got, closed)
		}
		return
	}
	t.Cleanup(func() { _ = os.Remove(filepath.Dir(got)) })
	if !strings.HasPrefix(got, sharedData+"/home-") || !strings.HasSuffix(got, "/postgres") {
		t.Errorf("placed at %s, want it under %s", got, sharedData)
	}
	other, err := who.place(t.Context(), filepath.Join(t.TempDir(), "home", ".data", "postgres"))
	if err != nil || other == got {
		t.Errorf("another checkout is placed at %s, %v", other, err)
	}
	t.Cleanup(func() { _ = os.Remove(filepath.Dir(other)) })
}

// The guard of the kernels without a signal at a parent's death.
func TestWatchByPipe_EndsTheServerWhenItsParentIsGoneAndOnlyThen(t *testing.T) {
	t.Parallel()
	script := `trap 'exit 7' QUIT; while :; do sleep 0.01; done`
	launch := func() *exec.Cmd {
		cmd := exec.CommandContext(t.Context(), "/bin/sh", "-c", script)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd
	}

	stopped := launch()
	watchByPipe(stopped.Process.Pid)() // stopped in order: the watcher goes and does nothing
	if !running(stopped.Process.Pid) {
		t.Error("the watcher ended a server whose parent lives")
	}
	_ = stopped.Process.Kill()
	_ = stopped.Wait()

	// The parent that is killed is one that holds the other end of the watcher's pipe.
	orphan := launch()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	watcher := watcherOf(orphan.Process.Pid)
	watcher.Stdin = r
	parent := exec.CommandContext(t.Context(), "sleep", "60")
	parent.ExtraFiles = []*os.File{w}
	for _, cmd := range []*exec.Cmd{watcher, parent} {
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
	}
	_, _ = r.Close(), w.Close()
	if !running(orphan.Process.Pid) {
		t.Error("the watcher ended a server whose parent lives")
	}
	_ = parent.Process.Kill()
	_ = parent.Wait()
	_ = watcher.Wait()
	if err := orphan.Wait(); err == nil || err.Error() != "exit status 7" {
		t.Errorf("the server ended with %v, want its answer to SIGQUIT", err)
	}
}
