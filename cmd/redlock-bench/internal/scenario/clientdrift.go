package scenario

import (
	"context"
	"time"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/lab"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/nemesis"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/subject"
)

// slowRate is what a client's clock runs at: 1 s lasts for 1.02 s there. Locks allow for 1 %.
const slowRate = 0.98

var clientClock = Scenario{
	Name:   "client-drift",
	About:  "a client's machine counts time 2 % too slowly, twice as much as its lock allows for, so that it believes for too long",
	Cause:  "client 1's machine counted time 2 % too slowly, and client 1 believed for longer than the nodes kept its lock",
	Source: "M. Kleppmann, \"How to do distributed locking\" (2016), section \"Breaking Redlock with bad timings\"; adjtimex(2) and chrony.conf(5), maxslewrate, on clocks that are slewed",
	Steps: []string{
		"from now on client 1's machine counts 0.98 s in a second",
		"client 1 acquires the lock and reads the counter",
		"shortly before the nodes drop the lock client 2 begins to try to get it, and tries until client 1's belief is over",
		"if client 2 has it by then, it writes",
		"if it's refused, it goes on trying until it has the lock",
	},
	Clients:     2,
	MinNodes:    1,
	MinTTL:      3 * time.Second,
	BuiltIn:     true,
	BentClients: true,
	Breaks:      subject.LacksGuards,
	Races:       subject.LacksGuards,
	Perform: func(ctx context.Context, l *lab.Lab) error {
		slow, other := l.Clients()[0], l.Clients()[1]
		_, err := l.Inject(ctx, nemesis.Fault{Kind: nemesis.ClientDrift, Nodes: []int{}, Clients: []int{slow.Index()}, Rate: slowRate})
		if err != nil {
			return err
		}
		if err := acquireAndRead(ctx, slow); err != nil {
			return err
		}
		believed := slow.ValidUntil()
		if err := l.SleepUntil(ctx, believed-l.TTL()/10); err != nil {
			return err
		}
		acquired, refused, err := other.Contend(ctx, believed)
		switch {
		case err != nil:
			return err
		case acquired:
			l.Note("%v acquired the lock, after %d refusals, %v before %v stops to believe in it", other, refused, (believed - l.Now()).Round(time.Millisecond), slow)
			return readAndWrite(ctx, other)
		case refused == 0:
			return lab.Spoiled("%v made no attempt before %v stopped to believe in its lock", other, slow)
		}
		l.Note("%v was refused %d times, the last time by: %s", other, refused, other.Refusal())
		return other.Acquire(ctx)
	},
}
