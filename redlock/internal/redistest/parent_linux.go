package redistest

import "syscall"

// endsWithParent makes a child end even where the test process has no time to end it.
func endsWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
