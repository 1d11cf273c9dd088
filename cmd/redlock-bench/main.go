// Redlock-bench shows what breaks distributed locks on Redis, and what holds: it starts Redis
// nodes, lets clients lock on them as processes of their own, injects one fault at the worst
// moment, and judges what the clients believed.
//
// "redlock-bench run" needs nothing installed and takes under a minute.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // a terminal that is closed, unless under nohup
		signals = append(signals, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), signals...)
	// A second signal, should cleaning up hang, ends this process at once; the kernel ends
	// its children then.
	context.AfterFunc(ctx, stop)
	root := newRootCommand()
	cmd, err := root.ExecuteContextC(ctx)
	os.Exit(exitStatus(root.ErrOrStderr(), cmd, err))
}
