package cluster

import "syscall"

func dieWithParent(attr *syscall.SysProcAttr) { attr.Pdeathsig = quit }

// watchParent has nothing to do where the kernel keeps watch.
func watchParent(int) (release func()) { return func() {} }
