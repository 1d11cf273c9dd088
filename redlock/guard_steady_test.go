package redlock_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/redlock"
	"github.com/a5bbb083/redlock/redlock/redlocktest"
)

// A laptop is suspended for a night, in which its clock and the voters' drift apart by some ppm.
// That's no jump.
func TestSuspensionAmidAnExchange(t *testing.T) {
	for name, tt := range map[string]struct {
		ppm  time.Duration
		amid bool // an exchange whose replies are read after waking up
	}{"control, 0 ppm, amid an exchange": {0, true}, "control, 20 ppm, between exchanges": {20, false}, "20 ppm, amid an exchange": {20, true}} {
		t.Run(name, func(t *testing.T) {
			bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
				l := join(t, q, "a")
				warmUp(t, l)
				const night = 8 * time.Hour
				done := make(chan error, 1)
				if tt.amid {
					for i := range 3 {
						q.Member("a").Link(i).HoldReplies()
					}
					go func() { _, err := l.TryLock(t.Context(), "job"); done <- err }()
					time.Sleep(10 * ms) // the requests were carried out
				}
				q.Member("a").Clock().Suspend(night)
				for i := range 3 {
					q.Node(i).Jump(night + night*tt.ppm/1000000) // they lived through the night, too
					q.Member("a").Link(i).Release()
				}
				if tt.amid {
					require.Error(t, <-done) // of course
				}
				time.Sleep(time.Second)
				_, _ = l.TryLock(t.Context(), "job 2")
				time.Sleep(time.Second)
				_, err := l.TryLock(t.Context(), "job 3")
				assert.NoError(t, err, "the second attempt, 2 s after the machine woke up")
			})
		})
	}
}

// Drift within the factor is no jump, however long locks may live.
func TestDriftWithinTheFactorIsTolerated(t *testing.T) {
	for _, max := range []time.Duration{10 * time.Second, time.Minute} {
		t.Run(max.String(), func(t *testing.T) {
			bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
				l := join(t, q, "a", redlock.WithMaxTTL(max))
				q.Node(1).SetRate(1.009)
				q.Node(2).SetRate(1.009)
				for i := range 600 {
					lk, err := l.TryLock(t.Context(), "job")
					require.NoError(t, err, "after %v ms", i*100)
					require.NoError(t, lk.Unlock(t.Context()))
					time.Sleep(100 * ms)
				}
			})
		})
	}
}

// Voters tells what an error would tell.
func TestVotersTellsOfThoseThatCouldntBeCompared(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		q.Node(1).Jump(time.Second)
		q.Node(2).Jump(2 * time.Second)
		l := join(t, q, "a")
		_, err := l.TryLock(t.Context(), "job")
		require.ErrorIs(t, err, redlock.ErrNoQuorum)
		assert.ErrorContains(t, err, "no majority of the clocks is known to agree")
		for _, v := range l.Voters() {
			assert.Positive(t, v.ClockSuspect, "the votes of %s don't count", v.Node)
		}
	})
}

// A suspect voter's time is over while the attempt waits for another.
func TestSuspectBecomesReliableWhileAnAttemptWaits(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		l := join(t, q, "a")
		warmUp(t, l)
		q.Node(1).Jump(time.Second)
		warmUp(t, l)
		time.Sleep(9900 * ms)
		require.Less(t, l.Voters()[1].ClockSuspect, 200*ms)
		reach(q, "a", 0, 1)
		_, err := l.TryLock(t.Context(), "job")
		reach(q, "a", 0, 1, 2)
		assert.NoError(t, err)
	})
}

// The bounds hold, also after small steps and where replies are slow.
func TestVotersBoundsTheOffset(t *testing.T) {
	cases := map[string]func(n *redlocktest.Node, i int){
		"nothing": func(*redlocktest.Node, int) {},
		"drift of 0.45 %": func(n *redlocktest.Node, i int) {
			if i == 0 {
				n.SetRate(1.0045)
			}
		},
		"drift of 0.9 %": func(n *redlocktest.Node, i int) {
			if i == 0 {
				n.SetRate(1.009)
			}
		},
		"small steps": func(n *redlocktest.Node, i int) { n.Jump([]time.Duration{30 * ms, -30 * ms}[i%2]) },
	}
	for name, fault := range cases {
		t.Run(name, func(t *testing.T) {
			bubble(t, 1, func(t *testing.T, q *redlocktest.Quorum) {
				l := join(t, q, "a")
				q.Member("a").Link(0).Delay(0, 60*ms) // slow replies
				for i := range 10 {
					fault(q.Node(0), i)
					warmUp(t, l)
					v := l.Voters()[0]
					offset := time.Duration(q.Node(0).Now().UnixNano()) - q.Member("a").Clock().Now()
					if offset < v.OffsetLow || v.OffsetHigh < offset {
						t.Errorf("round %d: true offset is %v above the high end, %v below the low end (jumps %d)", i, offset-v.OffsetHigh, v.OffsetLow-offset, v.Jumps)
						return
					}
					time.Sleep(time.Second)
				}
			})
		})
	}
}

// Who comes seldom waits for voters that nobody agrees with once, and not each time.
func TestRareCallersAreRefusedOnce(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		q.Node(1).Jump(15 * ms)
		q.Node(2).Jump(30 * ms)
		l := join(t, q, "a", redlock.WithTTL(time.Second))
		failed := 0
		var last error
		for range 100 {
			lk, err := l.TryLock(t.Context(), "job")
			if err != nil {
				failed++
				last = err
			} else {
				_ = lk.Unlock(context.Background())
			}
			time.Sleep(2 * time.Second)
		}
		assert.LessOrEqual(t, failed, 1, "of 100 attempts; %v", last)
	})
}
