package cluster

import "runtime"

// launcher owns the thread from which servers are started. On Linux the signal that a child
// gets at its parent's death is tied to the parent's thread, not to its process, and Go ends
// threads as it likes; so one thread is kept for as long as its children are.
type launcher struct {
	jobs chan func()
	done chan struct{}
}

func newLauncher() *launcher {
	l := &launcher{jobs: make(chan func()), done: make(chan struct{})}
	go l.run()
	return l
}

func (l *launcher) run() {
	defer close(l.done)
	// Never unlocked: the runtime ends the thread together with this goroutine.
	runtime.LockOSThread()
	for job := range l.jobs {
		job()
	}
}

// do runs job on the launcher's thread and waits for it. It must not be called after close.
func (l *launcher) do(job func()) {
	finished := make(chan struct{})
	l.jobs <- func() {
		defer close(finished)
		job()
	}
	<-finished
}

// close ends the thread, and with it any child that is still there.
func (l *launcher) close() {
	close(l.jobs)
	<-l.done
}
