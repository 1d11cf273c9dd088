package redlock_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/redlock"
	"github.com/a5bbb083/redlock/redlock/redlocktest"
)

// An acquisition whose replies show that more time has passed than the holder's own clock says,
// as in a machine that its hypervisor paused, counts for what's left of it.
func TestRepliesShowThatTheHoldersClockStoodStill(t *testing.T) {
	for pause, valid := range map[time.Duration]bool{3 * time.Second: true, 30 * time.Second: false} {
		t.Run(pause.String(), func(t *testing.T) {
			bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
				l := join(t, q, "a", redlock.Lazy())
				warmUp(t, l)
				scripts := 0
				for i := range 3 {
					q.Node(i).OnCommand(func(c redlocktest.Command) {
						if c.Name == "EVALSHA" && i == 0 {
							if scripts++; scripts == 1 {
								for j := range 3 { // everybody else lives on
									q.Node(j).Jump(pause)
								}
							}
						}
					})
				}
				lk, err := l.TryLock(t.Context(), "job")
				if !valid {
					require.ErrorIs(t, err, redlock.ErrNoQuorum)
					assert.ErrorContains(t, err, "late")
					return
				}
				require.NoError(t, err)
				assert.Less(t, lk.Remaining(), 10*time.Second-pause)
				assert.Greater(t, lk.Remaining(), 10*time.Second-pause-300*ms)
			})
		})
	}
}

// A laptop is suspended for a night, in which its clock and the voters' drift apart.
func TestSuspensionAmidAnExchange(t *testing.T) {
	for _, amid := range []bool{false, true} {
		bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
			l := join(t, q, "a")
			warmUp(t, l)
			const night = 8 * time.Hour
			done := make(chan error, 1)
			if amid {
				for i := range 3 {
					q.Member("a").Link(i).HoldReplies()
				}
				go func() { _, err := l.TryLock(t.Context(), "job"); done <- err }()
				time.Sleep(10 * ms) // the requests were carried out
			}
			q.Member("a").Clock().Suspend(night)
			for i := range 3 {
				q.Node(i).Jump(night + night*20/1000000) // they lived through the night, too
				q.Member("a").Link(i).Release()
			}
			if amid {
				require.Error(t, <-done) // of course
			}
			time.Sleep(time.Second)
			_, err := l.TryLock(t.Context(), "job 2")
			assert.NoError(t, err)
		})
	}
}

// A machine is paused by its hypervisor, which only the replies to the next request can show, and then the process is
// stopped until these replies are too old to tell the time.
func TestRepliesTooOldToShowAPause(t *testing.T) {
	const pause, stop = 6 * time.Second, 2 * time.Second
	for what, ask := range map[string]func(*testing.T, *redlock.Locker) func() (time.Duration, error){
		"acquisition": func(t *testing.T, l *redlock.Locker) func() (time.Duration, error) {
			return func() (time.Duration, error) {
				lk, err := l.TryLock(t.Context(), "job")
				if err != nil {
					return 0, err
				}
				return lk.Remaining(), nil
			}
		},
		"extension": func(t *testing.T, l *redlock.Locker) func() (time.Duration, error) {
			lk, err := l.TryLock(t.Context(), "job")
			require.NoError(t, err)
			require.NoError(t, lk.Extend(t.Context())) // the voters know the script: they aren't asked twice
			return func() (time.Duration, error) { err := lk.Extend(t.Context()); return lk.Remaining(), err }
		},
	} {
		t.Run(what, func(t *testing.T) {
			bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
				l := join(t, q, "a")
				warmUp(t, l)
				call := ask(t, l)
				type result struct {
					left time.Duration
					err  error
				}
				done := make(chan result, 1)
				for i := range 3 {
					q.Node(i).Jump(pause)
					q.Member("a").Link(i).HoldReplies()
				}
				go func() { left, err := call(); done <- result{left, err} }()
				time.Sleep(100 * ms) // the requests were carried out
				q.Member("a").Clock().Suspend(stop)
				for i := range 3 {
					q.Node(i).Jump(stop)
					q.Member("a").Link(i).Release()
				}
				r := <-done
				require.ErrorIs(t, r.err, redlock.ErrNoQuorum)
				assert.ErrorContains(t, r.err, "late")
				assert.Less(t, r.left, 10*time.Second-stop, "an extension doesn't count")
			})
		})
	}
}

// Voters that don't know the script yet are asked once more. Those replies are fresh, and show the pause: also to the lock
// as it was before, which a shorter extension doesn't replace.
func TestFreshRepliesShowAPauseAfterAStop(t *testing.T) {
	const pause, stop = 6 * time.Second, 2 * time.Second
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		l := join(t, q, "a")
		warmUp(t, l)
		lk, err := l.TryLock(t.Context(), "job")
		require.NoError(t, err)
		done := make(chan error, 1)
		for i := range 3 {
			q.Node(i).Jump(pause)
			q.Member("a").Link(i).HoldReplies()
		}
		go func() { done <- lk.Extend(t.Context()) }()
		time.Sleep(100 * ms) // the voters have said that they don't know the script
		q.Member("a").Clock().Suspend(stop)
		for i := range 3 {
			q.Node(i).Jump(stop)
			q.Member("a").Link(i).Release()
		}
		require.NoError(t, <-done)
		assert.Less(t, lk.Remaining(), 10*time.Second-pause-stop)
		assert.Positive(t, lk.Remaining())
		time.Sleep(lk.Remaining() + 10*ms)
		assert.Error(t, lk.Context().Err(), "its end was moved, too")
	})
}

// An attempt of two slow rounds began too long ago to be of one moment with its last replies, which tell the time all the same.
func TestTwoSlowRoundsTellTheTime(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		warmUp(t, join(t, q, "a"))                                                  // the nodes know the scripts
		for i, register := range []string{"4000000000000000", "5000000000000000"} { // no two agree
			require.NoError(t, q.Member("a").Clients()[i].Set(t.Context(), "job:fence", register+" 0123456789abcdef0123456789abcdef -", time.Hour).Err())
		}
		l := join(t, q, "b", redlock.WithNodeTimeout(100*ms))
		_, err := l.Inspect(t.Context(), "job") // it connects
		require.NoError(t, err)
		for i := range 3 {
			q.Member("b").Link(i).Delay(75*ms, 75*ms)
		}
		begun := time.Now()
		lk, err := l.TryLock(t.Context(), "job")
		require.NoError(t, err)
		assert.Greater(t, time.Since(begun), 400*ms, "two rounds, each within what a first one gets, and together more")
		assert.Greater(t, lk.Fence(), int64(4000000000000000))
		assert.Less(t, lk.Remaining(), 9600*ms)
	})
}
