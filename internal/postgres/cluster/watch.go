//go:build unix

package cluster

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

// watchByPipe ends the server when we die, for kernels that cannot: a small shell waits for the
// end of a pipe whose other end only we hold, and we hold it until we die.
func watchByPipe(pid int) (release func()) {
	r, w, err := os.Pipe()
	if err != nil {
		return func() {}
	}
	watcher := watcherOf(pid)
	watcher.Stdin = r
	err = watcher.Start()
	_ = r.Close()
	if err != nil {
		_ = w.Close()
		return func() {}
	}
	return func() {
		_, _ = w.WriteString("\n") // a line, so that the end of the pipe is not taken for our death
		_ = w.Close()
		_ = watcher.Wait()
	}
}

// watcherOf waits for a line or the end of its input, and at the end ends the server.
func watcherOf(pid int) *exec.Cmd {
	script := fmt.Sprintf("read _ || kill -QUIT %d", pid)
	watcher := exec.Command("/bin/sh", "-c", script)          //nolint:gosec,noctx // a number in a constant; it must outlive every context
	watcher.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is not for it
	return watcher
}
