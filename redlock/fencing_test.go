package redlock_test

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/redlock"
	"github.com/a5bbb083/redlock/redlock/redlocktest"
)

// nextFence takes and releases a lock, and requires that its token is larger than the last one.
func nextFence(t *testing.T, l *redlock.Locker, last int64) int64 {
	t.Helper()
	lk, err := l.Lock(t.Context(), "job")
	require.NoError(t, err)
	require.NoError(t, lk.Unlock(t.Context()))
	require.Greater(t, lk.Fence(), last)
	return lk.Fence()
}

func register(t *testing.T, n *redlocktest.Node, name string) int64 {
	t.Helper()
	text, ok := n.Get(redlock.FenceKey(name))
	text, _, _ = strings.Cut(text, " ")
	require.True(t, ok, "%s has no register", n.Addr())
	value, err := strconv.ParseInt(text, 10, 64)
	require.NoError(t, err)
	return value
}

func TestFenceTakesOneRoundTripWithoutContention(t *testing.T) {
	for _, nodes := range []int{1, 3, 5} {
		t.Run(fmt.Sprint(nodes), func(t *testing.T) {
			bubble(t, nodes, func(t *testing.T, q *redlocktest.Quorum) {
				rounds := make(map[int]int)
				observe := onDone(func(e redlock.Event) {
					if e.Kind == "acquire" && e.Err == nil {
						rounds[e.Rounds]++
					}
				})
				// Two that take turns: neither has seen the other's tokens.
				lockers := []*redlock.Locker{join(t, q, "a", observe), join(t, q, "b", observe)}
				var last int64
				for i := range 400 {
					last = nextFence(t, lockers[i%2], last)
					time.Sleep(ms)
				}
				assert.Equal(t, 400, rounds[1]+rounds[2])
				assert.GreaterOrEqual(t, rounds[1], 396)
			})
		})
	}
}

// setRegistersApart lets each voter's register differ by 10 from the next one's, and returns the first.
func setRegistersApart(q *redlocktest.Quorum) int64 {
	ahead := time.Now().Add(time.Hour).UnixMicro()
	for i, n := range q.Nodes() {
		n.Set(redlock.FenceKey("job"), strconv.FormatInt(ahead+int64(10*i), 10), time.Hour)
	}
	return ahead
}

// The registers of three voters have moved apart: they must agree first, on what is larger
// than any of them.
func TestFenceIsConfirmedWhereVotersDiffer(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		ahead := setRegistersApart(q)
		var event redlock.Event
		l := join(t, q, "a", onDone(func(e redlock.Event) { event = e }))
		lk, err := l.TryLock(t.Context(), "job")
		require.NoError(t, err)
		assert.Equal(t, 2, event.Rounds)
		agreed := 0
		for _, n := range q.Nodes() {
			if register(t, n, "job") == lk.Fence() {
				agreed++
			}
		}
		assert.GreaterOrEqual(t, agreed, 2)
		assert.Contains(t, []int64{ahead + 11, ahead + 21}, lk.Fence(), "the largest granted by a majority")
	})
}

// A lock is counted from before its first round, also where it takes a second one.
func TestWindowBeginsBeforeTheFirstRound(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		rounds := 0
		l := join(t, q, "a", redlock.WithoutGuards(), onDone(func(e redlock.Event) { rounds = e.Rounds }))
		warmUp(t, l)
		setRegistersApart(q)
		for i := range 3 {
			q.Member("a").Link(i).Delay(5*ms, 5*ms)
		}
		length := func(name string, want int) time.Duration {
			begin := time.Now()
			lk, err := l.TryLock(t.Context(), name)
			require.NoError(t, err)
			require.Equal(t, want, rounds)
			return time.Since(begin) + lk.Remaining()
		}
		assert.Equal(t, length("warm-up", 1), length("job", 2))
	})
}

func TestFenceDoesntNeedAgreeingClocks(t *testing.T) {
	tests := map[string][2]time.Duration{
		"equal":               {0, 0},
		"an hour behind":      {0, -time.Hour},
		"an hour ahead":       {0, time.Hour},
		"two hours apart":     {-time.Hour, time.Hour},
		"decades apart":       {-25 * 365 * 24 * time.Hour, 25 * 365 * 24 * time.Hour},
		"both an hour behind": {-time.Hour, -time.Hour},
	}
	for name, ahead := range tests {
		t.Run(name, func(t *testing.T) {
			bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
				a, b := join(t, q, "a"), join(t, q, "b")
				redlock.SetWall(a, ahead[0])
				redlock.SetWall(b, ahead[1])
				var last int64
				for range 50 {
					last = nextFence(t, a, last)
					last = nextFence(t, b, last)
				}
			})
		})
	}
}

func TestFenceDoesntNeedAClockThatMoves(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		l, begun := join(t, q, "a"), time.Now()
		var last int64
		for range 50 {
			redlock.SetWall(l, -time.Since(begun))
			last = nextFence(t, l, last)
		}
	})
}

// Equal clocks, and everybody at once: tokens differ all the same.
func TestFenceIsUniqueUnderContention(t *testing.T) {
	const lockers, turns = 6, 20
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		var mu sync.Mutex
		owners := make(map[int64]int)
		var running sync.WaitGroup
		for i := range lockers {
			l := join(t, q, fmt.Sprint(i))
			running.Go(func() {
				var last int64
				for range turns {
					lk, err := l.Lock(t.Context(), "job")
					if !assert.NoError(t, err) {
						return
					}
					assert.Greater(t, lk.Fence(), last)
					last = lk.Fence()
					assert.NoError(t, lk.Unlock(t.Context()))
					mu.Lock()
					owners[last]++
					mu.Unlock()
				}
			})
		}
		running.Wait()
		assert.Len(t, owners, lockers*turns)
	})
}

// A client that claims to live in the future mustn't use up the registers for everybody else.
func TestFenceFollowsTheVotersClockAtMostAnHourAhead(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		l := join(t, q, "a")
		redlock.SetWall(l, 200*365*24*time.Hour)
		first := nextFence(t, l, 0)
		assert.LessOrEqual(t, first, time.Now().Add(time.Hour).UnixMicro())
		redlock.SetWall(l, 0)
		nextFence(t, l, first)
	})
}

// One voter forgets, and then its vote decides: with clocks that agree, and with a clock that's
// behind as long as the others of the majority remember. (The restart guard would keep it from
// voting for a while.)
func TestFenceAfterOneVoterLostItsMemory(t *testing.T) {
	for _, behind := range []time.Duration{0, time.Hour} {
		t.Run(behind.String(), func(t *testing.T) {
			bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
				a, b := join(t, q, "a", redlock.WithoutGuards()), join(t, q, "b", redlock.WithoutGuards())
				redlock.SetWall(b, -behind)
				var last int64
				for i := range 12 {
					last = nextFence(t, a, last)
					time.Sleep(10 * ms) // until all of them know
					forgetful, away := q.Node(i%3), q.Node((i+1)%3)
					forgetful.Crash()
					forgetful.Restart(false)
					away.Pause()
					last = nextFence(t, b, last)
					away.Resume()
					time.Sleep(10 * ms)
				}
			})
		})
	}
}

func TestFenceAfterTheRegistersExpired(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		l := join(t, q, "a")
		last := nextFence(t, l, 0)
		time.Sleep(25 * time.Hour)
		for _, n := range q.Nodes() {
			require.Empty(t, n.Keys())
		}
		redlock.SetWall(l, -time.Hour)
		nextFence(t, l, last)
	})
}

// With guards, tokens go by the agreed time: a client whose wall clock was ahead leaves nothing behind that voters could forget.
func TestFenceAfterAllVotersLostTheirMemory(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		ahead, right := join(t, q, "ahead"), join(t, q, "right")
		redlock.SetWall(ahead, 50*time.Minute)
		redlock.SetWall(right, -50*time.Minute)
		last := nextFence(t, ahead, 0)
		for _, n := range q.Nodes() {
			n.Flush()
		}
		lk, err := right.Lock(t.Context(), "job")
		require.NoError(t, err)
		assert.Greater(t, lk.Fence(), last)
	})
}
