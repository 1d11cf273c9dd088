package scenario

import (
	"context"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/lab"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/nemesis"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/protocol"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/subject"
)

var delayedWrite = Scenario{
	Name:   "delayed-write",
	About:  "the network holds a client's write until long after its lock's time",
	Source: "M. Kleppmann, \"How to do distributed locking\" (2016), section \"Making the lock safe with fencing\"; the incident at GitHub, M. Imbriaco, \"Downtime last Saturday\" (2012)",
	Steps: []string{
		"client 1 acquires the lock, reads the counter, finds its lock still valid, and sends its write",
		"the network holds the write",
		"the time of its lock runs out; client 2 acquires the lock, reads and writes",
		"the network delivers client 1's write",
	},
	Clients:     2,
	MinNodes:    1,
	Breaks:      subject.TimerEndsBelief,
	StaleWrites: true,
	Perform: func(ctx context.Context, l *lab.Lab) error {
		slow, other := l.Clients()[0], l.Clients()[1]
		if err := acquireAndRead(ctx, slow); err != nil {
			return err
		}
		link := slow.Resource()
		link.Hold(nemesis.Requests)
		write, err := slow.Begin(protocol.Request{Op: protocol.Write, Recheck: true})
		if err != nil {
			return err
		}
		if err := awaitHeld(ctx, link, nemesis.Requests); err != nil {
			return err
		}
		l.Note("the write of %v is held on its way to the resource", slow)
		if err := succeed(ctx, l, slow, other); err != nil {
			return err
		}
		link.Pass(nemesis.Requests)
		if err := slow.Resume(ctx); err != nil {
			return err
		}
		_, err = write.Wait(ctx)
		l.Note("the write of %v was delivered", slow)
		return err
	},
}
