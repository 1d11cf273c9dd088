package main_test

import "syscall"

// endsWithParent makes a server end even where the test process has no time to end it.
func endsWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
