//go:build unix

package cluster

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// scratchPrefix starts the names of all directories that live no longer than their process.
const scratchPrefix = "igny8-pg-"

// scratch is a directory that belongs to this process. Its lock, a file beside it, tells a later
// process whether the owner still lives; one killed leaves its directories to the next start.
type scratch struct {
	dir  string
	lock *os.File
}

// newScratch makes a directory under parent that only the account may enter, after removing what
// dead processes left there.
func newScratch(parent string, owner account) (*scratch, error) {
	sweep(parent)
	// The lock comes first: a sweep must never meet the directory without it.
	held, err := newLock(parent)
	if err != nil {
		return nil, err
	}
	s := &scratch{dir: strings.TrimSuffix(held.Name(), ".lock"), lock: held}
	if err := errors.Join(os.Mkdir(s.dir, 0o700), owner.own(s.dir)); err != nil {
		_ = s.remove()
		return nil, err
	}
	return s, nil
}

// newLock makes a lock file of a new name. Another process's sweep may take the file in the moment
// before we lock it; then it is given up for the next name.
func newLock(parent string) (*os.File, error) {
	for {
		placeholder, err := os.CreateTemp(parent, scratchPrefix+"*.lock")
		if err != nil {
			return nil, fmt.Errorf("make a lock: %w", err)
		}
		_ = placeholder.Close()
		held, err := lock(placeholder.Name())
		if errors.Is(err, errHeld) {
			continue
		}
		return held, err
	}
}

func (s *scratch) remove() error {
	if s == nil || s.lock == nil {
		return nil
	}
	err := os.RemoveAll(s.dir)
	if err == nil {
		err = os.Remove(s.lock.Name())
	}
	err = errors.Join(err, s.lock.Close())
	s.lock = nil
	return err
}

// sweep removes the directories of dead processes. What it may not touch, another user's, it
// leaves alone.
func sweep(parent string) {
	locks, err := filepath.Glob(filepath.Join(parent, scratchPrefix+"*.lock"))
	if err != nil {
		return
	}
	for _, path := range locks {
		info, err := os.Lstat(path)
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		held, err := lockExisting(path)
		if err != nil {
			continue
		}
		dir := strings.TrimSuffix(path, ".lock")
		// Postgres may still be going down when its parent was killed a moment ago.
		if pid := pidIn(filepath.Join(dir, "data", "postmaster.pid")); pid == 0 || !holds(pid, filepath.Join(dir, "data")) {
			if os.RemoveAll(dir) == nil {
				_ = os.Remove(path)
			}
		}
		_ = held.Close()
	}
}

func lockExisting(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDWR|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return nil, fmt.Errorf("open a lock: %w", err)
	}
	if err := flock(file); err != nil {
		_ = file.Close()
		return nil, err
	}
	return file, nil
}

// fastParent is where data that need not survive is kept: memory when it has room, because a
// database made from a template takes 20 to 42 ms there and 140 to 530 on a disk.
func fastParent() string {
	const (
		memory = "/dev/shm"
		room   = 1 << 30
	)
	var fs syscall.Statfs_t
	if err := syscall.Statfs(memory, &fs); err == nil &&
		uint64(fs.Bavail)*uint64(fs.Bsize) >= room { //nolint:gosec,unconvert // the types differ between systems
		if probe, err := os.CreateTemp(memory, scratchPrefix+"probe-*"); err == nil {
			_ = probe.Close()
			_ = os.Remove(probe.Name())
			return memory
		}
	}
	return os.TempDir()
}

// fingerprint is a short name for the data of a checkout, legible by the checkout's directory.
func fingerprint(path string) string {
	sum := sha256.Sum256([]byte(path))
	return fmt.Sprintf("%s-%s", filepath.Base(filepath.Dir(filepath.Dir(path))), hex.EncodeToString(sum[:4]))
}
