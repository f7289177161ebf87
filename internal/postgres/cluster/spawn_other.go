//go:build unix && !linux

package cluster

import "syscall"

func dieWithParent(*syscall.SysProcAttr) {}

func watchParent(pid int) (release func()) { return watchByPipe(pid) }
