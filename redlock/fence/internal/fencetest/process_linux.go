package fencetest

import (
	"os/exec"
	"syscall"
)

// dieWithParent makes the kernel end the server when a panic or a time-out of the test binary
// leaves no chance to clean up.
func dieWithParent(cmd *exec.Cmd) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
}
