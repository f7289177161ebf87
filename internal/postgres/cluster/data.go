//go:build unix

package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// oldServerPatience is how long a start waits for a server whose parent was killed to go down.
const oldServerPatience = 10 * time.Second

// pollPause is the time between two looks at something that Postgres does.
const pollPause = 10 * time.Millisecond

// hold makes this process the data directory's only user, or says who is.
func hold(ctx context.Context, dir string) (*os.File, error) {
	path := dir + ".lock"
	held, err := lock(path)
	if errors.Is(err, errHeld) {
		return nil, fmt.Errorf("the data in %s is held by process %d, which is still running: stop that one first (kill -INT %[2]d), or use another directory",
			dir, pidIn(path))
	}
	if err != nil {
		return nil, fmt.Errorf("hold the data in %s: %w", dir, err)
	}
	if err := waitForOldServer(ctx, dir, oldServerPatience); err != nil {
		_ = held.Close()
		return nil, err
	}
	return held, nil
}

// waitForOldServer waits while a server that has lost its parent still has the data.
func waitForOldServer(ctx context.Context, dir string, patience time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(pollPause)
	defer tick.Stop()
	for {
		pid := pidIn(filepath.Join(dir, "postmaster.pid"))
		if pid == 0 || !holds(pid, dir) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the data in %s is held by a Postgres server, process %d: stop that one first (kill -INT %[2]d)", dir, pid)
		case <-tick.C:
		}
	}
}

// holds says whether the process that a postmaster.pid names is still that server. The number may
// have gone to another process since; where the kernel shows it, the working directory tells, for
// a server works in its data directory. A dead process that nobody has reaped holds nothing.
func holds(pid int, dir string) bool {
	if !alive(pid) {
		return false
	}
	proc := "/proc/" + strconv.Itoa(pid)
	stat, err := os.ReadFile(filepath.Join(proc, "stat"))
	if err != nil {
		return alive(pid) // no Linux, or it has just ended
	}
	// After the name, which is in parentheses and may hold any character, comes the state.
	if end := bytes.LastIndexByte(stat, ')'); end >= 0 && bytes.HasPrefix(stat[end:], []byte(") Z")) {
		return false
	}
	at, err := os.Readlink(filepath.Join(proc, "cwd"))
	if err != nil {
		return true // another user's
	}
	if resolved, err := filepath.EvalSymlinks(dir); err == nil {
		dir = resolved
	}
	return at == dir
}

// majorIn is the version of Postgres that made the data; 0 when there is no data yet.
func majorIn(dir string) (int, error) {
	text, err := os.ReadFile(filepath.Join(dir, "PG_VERSION"))
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read the version of the data: %w", err)
	}
	major, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0, fmt.Errorf("read the version of the data in %s: %w", dir, err)
	}
	return major, nil
}

// initialize makes an empty cluster at dir. It is made beside it and moved there when it is
// complete, so that a start that was killed midway leaves nothing that looks like data.
func initialize(ctx context.Context, who account, bin Binaries, dir string, fast bool) error {
	parent := filepath.Dir(dir)
	if stale, err := filepath.Glob(dir + ".new-*"); err == nil {
		for _, path := range stale {
			_ = os.RemoveAll(path)
		}
	}
	fresh, err := os.MkdirTemp(parent, filepath.Base(dir)+".new-")
	if err != nil {
		return fmt.Errorf("make a data directory: %w", err)
	}
	defer func() { _ = os.RemoveAll(fresh) }() // after the move there is nothing at this name
	if err := who.own(fresh); err != nil {
		return fmt.Errorf("hand the data directory to %s: %w", who.name, err)
	}

	args := []string{"-D", fresh, "-U", Superuser, "-A", "trust", "--no-locale", "-E", "UTF8", "--no-instructions"}
	if fast {
		args = append(args, "--no-sync")
	}
	cmd := who.command(ctx, fresh, filepath.Join(bin.Dir, initProgram), args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, strings.TrimSpace(out.String()))
	}
	if err := os.Rename(fresh, dir); err != nil {
		return fmt.Errorf("move the data into place: %w", err)
	}
	if fast {
		return nil
	}
	return syncDir(parent)
}

// syncDir makes a rename inside dir survive a power cut.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("write out a directory: %w", err)
	}
	return errors.Join(d.Sync(), d.Close())
}
