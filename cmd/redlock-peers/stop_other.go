//go:build !linux

package main

import "syscall"

// stopSelf stops this process and returns once it has been continued. Which thread takes the signal
// is up to the system here, so the stop may come an instant late.
func stopSelf() error { return syscall.Kill(syscall.Getpid(), syscall.SIGSTOP) }
