//go:build !linux

package child

import "syscall"

// attributes puts a child into a process group of its own, so that a Ctrl-C at the
// terminal reaches only the harness. The end of its input ends it when the harness is killed,
// unless it's stopped at that moment.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
