package worker

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// stopSelf stops this process and returns once it has been continued. The signal is sent to
// the calling thread, which takes it before it runs another instruction of its own; sent to the
// process, another thread might take it while this one goes on for a while.
func stopSelf() error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	return unix.Tgkill(unix.Getpid(), unix.Gettid(), unix.SIGSTOP)
}
