package scenario

import (
	"context"
	"fmt"
	"time"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/lab"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/nemesis"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/subject"
)

// Round trips to another region, and to another continent.
var (
	farVoters     = farVotersAt(60*time.Millisecond, time.Second)
	fartherVoters = farVotersAt(200*time.Millisecond, 4*time.Second)
)

// farVotersAt is slow-clock with all nodes far away. The shortest TTL is one whose node time-out leaves
// room for the round trip.
func farVotersAt(roundTrip, shortest time.Duration) Scenario {
	return Scenario{
		Name:   fmt.Sprintf("far-voters-%v", roundTrip),
		About:  fmt.Sprintf("all nodes are %v away, so replies say little of clocks, and the clock of the node that both clients reach is put right while a client believes in its lock", roundTrip),
		Cause:  slowClock.Cause,
		Source: "slow-clock, and https://github.com/sesamecare/redlock/issues/6 on voters far away",
		Steps: []string{
			"the clock of C is behind",
			fmt.Sprintf("requests to all nodes take %v longer, and everybody gets used to both", roundTrip),
			"client 1 reaches nodes A, B and C only, and acquires the lock",
			"the clock of C is put right, and C drops the lock",
			"client 2, which reaches C, D and E only, tries to get the lock",
			"if it's refused, it goes on trying until it has the lock",
		},
		Clients:  2,
		MinNodes: 3,
		MinTTL:   shortest,
		Guard:    clockGuard,
		Breaks:   subject.LacksGuards,
		Perform: func(ctx context.Context, l *lab.Lab) error {
			_, _, shared := sides(l.Len())
			return correctedUnderALock(ctx, l, shared, func() error {
				_, err := l.Inject(ctx, nemesis.Fault{Kind: nemesis.SlowNode, Nodes: span(0, l.Len()), By: roundTrip})
				return err
			})
		},
	}
}
