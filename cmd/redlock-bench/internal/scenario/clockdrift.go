package scenario

import (
	"context"
	"time"

	"github.com/a5bbb083/redlock/cmd/internal/effect"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/lab"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/nemesis"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/subject"
)

// fastRate is how fast the clock of the shared node runs: 1 s lasts for 0.67 s there.
const fastRate = 1.5

var clockDrift = Scenario{
	Name:   "clock-drift",
	About:  "the clock of the node that both clients reach runs half as fast again, so that it drops a lock too early",
	Cause:  "the clock of the node that both clients reach ran half as fast again, and that node dropped client 1's lock too early",
	Source: "M. Kleppmann, \"How to do distributed locking\" (2016), section \"Breaking Redlock with bad timings\"; S. Sanfilippo, \"Is Redlock safe?\" (2016), http://antirez.com/news/101, on the clock drift that Redlock allows for",
	Steps: []string{
		"client 1 reaches nodes A, B and C only, and acquires the lock",
		"from now on the clock of C runs at 1.5 times the host's rate, and C drops the lock after two thirds of its time",
		"client 2, which reaches C, D and E only, then tries to get the lock, until shortly before client 1's time is over",
		"if it's refused until then, C's clock is repaired once client 1's time is over, and client 2 goes on trying until it has the lock",
	},
	Clients:  2,
	MinNodes: 3,
	Guard:    clockGuard,
	Breaks:   subject.LacksGuards,
	Perform: func(ctx context.Context, l *lab.Lab) error {
		s, err := divide(ctx, l)
		if err != nil {
			return err
		}
		if err := acquireAndRead(ctx, s.holder); err != nil {
			return err
		}
		drift, err := l.Inject(ctx, nemesis.Fault{Kind: nemesis.ClockRate, Nodes: s.shared, Rate: fastRate})
		if err != nil {
			return err
		}
		until := s.holder.ValidUntil() - l.TTL()/20
		if err := s.awaitDropped(ctx, until); err != nil {
			return err
		}
		if err := duelUntil(ctx, l, s.holder, s.challenger, until, 2); err != nil || s.challenger.Believes() {
			return err
		}
		if err := l.SleepUntil(ctx, s.holder.ValidUntil()); err != nil {
			return err
		}
		if err := l.Undo(ctx, drift); err != nil {
			return err
		}
		return s.keepTrying(ctx)
	},
}

// awaitDropped waits until the nodes that both clients reach have dropped the holder's lock.
func (s *stage) awaitDropped(ctx context.Context, until time.Duration) error {
	for _, i := range s.shared {
		for {
			_, found, err := s.lab.Node(i).Value(ctx, lab.LockName)
			if err != nil {
				return err
			}
			if !found {
				break
			}
			if s.lab.Now() > until {
				return lab.Spoiled("%s dropped the lock of %v too late", effect.NodeName(i), s.holder)
			}
			if err := s.lab.SleepUntil(ctx, s.lab.Now()+time.Millisecond); err != nil {
				return err
			}
		}
	}
	s.lab.Note("the nodes that both clients reach have dropped the lock, %v before %v expects that", (s.holder.ValidUntil() - s.lab.Now()).Round(time.Millisecond), s.holder)
	return nil
}
