//go:build !linux

package worker

import "syscall"

// childAttributes puts a worker into a process group of its own, so that a Ctrl-C at the
// terminal reaches only the harness. The end of its input ends it when the harness is killed,
// unless it's stopped at that moment.
func childAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
