package main

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// stopSelf stops this process and returns once it has been continued. The signal goes to the calling
// thread, which can't run on before it takes it, as it could if another thread were to take it.
func stopSelf() error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	return unix.Tgkill(unix.Getpid(), unix.Gettid(), unix.SIGSTOP)
}
