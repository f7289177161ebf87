//go:build unix

package cluster

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// errHeld says that another process has the lock.
var errHeld = errors.New("held by another process")

// lock takes the file at path as a lock and writes our process id into it. The kernel lets go of
// it when the process ends, however it ends. The file is kept out of children by Go's O_CLOEXEC.
func lock(path string) (*os.File, error) {
	for {
		file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return nil, fmt.Errorf("make a lock: %w", err)
		}
		if err := flock(file); err != nil {
			_ = file.Close()
			return nil, err
		}
		if same(file, path) {
			err := file.Truncate(0)
			if err == nil {
				_, err = file.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
			}
			if err != nil {
				_ = file.Close()
				return nil, fmt.Errorf("sign a lock: %w", err)
			}
			return file, nil
		}
		_ = file.Close() // a sweep removed the file between our open and our lock
	}
}

func flock(file *os.File) error {
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case errors.Is(err, syscall.EINTR):
		case errors.Is(err, syscall.EWOULDBLOCK):
			return errHeld
		case err != nil:
			return fmt.Errorf("lock %s: %w", file.Name(), err)
		default:
			return nil
		}
	}
}

func same(file *os.File, path string) bool {
	a, err := file.Stat()
	if err != nil {
		return false
	}
	b, err := os.Stat(path)
	return err == nil && os.SameFile(a, b)
}

// pidIn is the process id on the first line of a lock file, ours or Postgres's; 0 when there is
// none.
func pidIn(path string) int {
	file, err := os.Open(path)
	if err != nil {
		return 0
	}
	defer func() { _ = file.Close() }()
	head, err := io.ReadAll(io.LimitReader(file, 32))
	if err != nil {
		return 0
	}
	line, _, _ := strings.Cut(string(head), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil || pid < 0 {
		return 0
	}
	return pid
}

// alive says whether a process exists, whoever it belongs to.
func alive(pid int) bool {
	err := syscall.Kill(pid, 0)
	return err == nil || errors.Is(err, syscall.EPERM)
}
