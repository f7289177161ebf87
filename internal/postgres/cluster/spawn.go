//go:build unix

package cluster

import (
	"os/exec"
	"runtime"
	"syscall"
)

// spawn starts the server so that it does not outlive us and does not hear our Ctrl-C: the server
// is stopped by Stop, after the last request was answered. The channel tells how it ended.
func spawn(cmd *exec.Cmd) (<-chan error, error) {
	cmd.SysProcAttr.Setpgid = true
	dieWithParent(cmd.SysProcAttr)

	started := make(chan error, 1)
	exited := make(chan error, 1)
	go func() {
		// The kernel takes the death of the thread that forked for the death of the parent. This
		// one waits as long as the child lives and is never given back.
		runtime.LockOSThread()
		err := cmd.Start()
		started <- err
		if err != nil {
			return
		}
		release := watchParent(cmd.Process.Pid)
		err = cmd.Wait()
		release()
		exited <- err
		close(exited)
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return exited, nil
}

// quit is the signal for Postgres's immediate shutdown, sent when our process is killed: nothing
// is written any more, nothing acknowledged is lost, the next start replays the log.
const quit = syscall.SIGQUIT
