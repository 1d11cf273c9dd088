package worker

import "syscall"

// childAttributes puts a worker into a process group of its own, so that a Ctrl-C at the
// terminal reaches only the harness, and has the kernel end it with the harness.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
