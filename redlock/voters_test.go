package redlock_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/redlock/redlocktest"
)

func TestVotersBoundsTheClock(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		l := join(t, q, "a")
		for i := range 3 {
			q.Member("a").Link(i).Delay(0, 60*ms) // slow replies
		}
		for range 10 {
			warmUp(t, l)
			q.Node(0).Jump(30 * ms)
			time.Sleep(time.Second)
			warmUp(t, l)
			time.Sleep(100 * ms) // the last one has answered
			v := l.Voters()[0]
			ahead := time.Duration(q.Node(0).Now().UnixNano() - q.Node(1).Now().UnixNano())
			require.True(t, v.Known)
			require.LessOrEqual(t, v.AheadLow, ahead)
			require.GreaterOrEqual(t, v.AheadHigh, ahead)
		}
	})
}
