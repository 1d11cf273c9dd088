package group

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/a5bbb083/redlock/clockdrift"
)

// GuardCommand is what a program that uses this package has to call [Guard] for: its only argument.
const GuardCommand = "guard-group"

// guardEvery is how often a guard looks at the clock, which goes on without its timers while the machine is suspended.
const guardEvery = 100 * time.Millisecond

// guard is a second process that ends the group with KILL when this one can't: when it was killed itself, or
// is stopped.
type guard struct {
	process *os.Process
	pipe    *os.File
}

// startGuard starts this program anew. The guard belongs to another process group, so that what is sent to this
// one, or to the command's, doesn't reach it.
func startGuard() (*guard, error) {
	self, err := executable()
	if err != nil {
		return nil, err
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer null.Close()
	// Not this process's output: whoever reads it waits for its end.
	p, err := os.StartProcess(self, []string{os.Args[0], GuardCommand}, &os.ProcAttr{
		Env: os.Environ(), Files: []*os.File{r, null, null}, Sys: &syscall.SysProcAttr{Setpgid: true},
	})
	if err != nil {
		_ = w.Close()
		return nil, fmt.Errorf("starting a second process that guards the command: %w", err)
	}
	go func() { _, _ = p.Wait() }() // however it ends
	return &guard{p, w}, nil
}

// order is to end a group in a time that counts from a reading of the sender's clock: who starts slowly reads it late.
type order struct {
	id         int
	left, sent time.Duration
}

// deadline returns the reading of the guard's clock at which the group has to end.
func (o order) deadline(now time.Duration) time.Duration {
	if clockdrift.CountsSuspend() { // so it's the machine's clock, and not each process's own
		return o.sent + o.left
	}
	return now + o.left
}

// tell says which group to end, and in how long. Nobody waits for a guard that doesn't listen.
func (g *guard) tell(id int, left time.Duration) {
	_ = g.pipe.SetWriteDeadline(time.Now().Add(guardEvery))
	_, _ = fmt.Fprintf(g.pipe, "%d %d %d\n", id, left, clockdrift.System().Now())
}

// dismiss ends the guard. It doesn't touch the group.
func (g *guard) dismiss() {
	g.tell(0, 0)
	_ = g.pipe.Close()
}

// kill ends the guard at once. It doesn't touch the group, unless that's the guard's own, of which it's the only one then.
func (g *guard) kill() {
	_ = g.process.Kill()
	_ = g.pipe.Close()
}

// Guard is the guard's own program. It reads from r which group to end and in how long, again and again, and
// does so when that time is over, or when r ends.
func Guard(r io.Reader) {
	// Service managers send these to all processes; the command ends at TERM, or not, as it likes.
	signal.Ignore(syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM)
	orders := make(chan order)
	go func() {
		defer close(orders)
		for lines := bufio.NewScanner(r); lines.Scan(); {
			var o order
			if _, err := fmt.Sscan(lines.Text(), &o.id, &o.left, &o.sent); err == nil {
				orders <- o
			}
		}
	}()
	clock := clockdrift.System()
	ticker := time.NewTicker(guardEvery)
	var id int
	var deadline time.Duration
	for {
		select {
		case o, more := <-orders:
			if !more {
				end(id)
				return
			}
			id, deadline = o.id, o.deadline(clock.Now())
		case <-ticker.C:
			if id != 0 && clock.Now() >= deadline {
				end(id)
			}
		}
	}
}

// end kills a group, if there is one: 0 would be this process's own.
func end(id int) {
	if id > 0 {
		_ = syscall.Kill(-id, syscall.SIGKILL)
	}
}
