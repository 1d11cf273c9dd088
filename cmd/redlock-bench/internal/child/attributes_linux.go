package child

import "syscall"

// attributes puts a child into a process group of its own, so that a Ctrl-C at the
// terminal reaches only the harness, and has the kernel end it with the harness.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
