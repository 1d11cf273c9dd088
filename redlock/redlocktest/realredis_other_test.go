//go:build !linux

package redlocktest

import "syscall"

func endsWithParent() *syscall.SysProcAttr { return nil }
