//go:build !linux

package fencetest

import "os/exec"

// dieWithParent does nothing: only Linux has such a signal.
func dieWithParent(*exec.Cmd) {}
