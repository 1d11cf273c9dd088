package redlock_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/redlock"
	"github.com/a5bbb083/redlock/redlock/redlocktest"
)

// among returns the locker of a client machine on some of the nodes.
func among(t *testing.T, q *redlocktest.Quorum, machine string, nodes []int, opts ...redlock.Option) *redlock.Locker {
	t.Helper()
	m := q.Member(machine)
	var clients []redis.UniversalClient
	for _, n := range nodes {
		clients = append(clients, m.Clients()[n])
	}
	return open(t, clients, append([]redlock.Option{redlock.WithClock(m.Clock()), redlock.WithGroup("g")}, opts...)...)
}

// addr is how a node is called in errors.
func addr(q *redlocktest.Quorum, n int) string { return q.Node(n).Addr() }

// A second list is refused from its first attempt on, whatever its majority.
func TestAnotherListOfNodesIsRefused(t *testing.T) {
	bubble(t, 4, func(t *testing.T, q *redlocktest.Quorum) {
		lk, err := among(t, q, "a", []int{0, 1, 2}).TryLock(t.Context(), "job")
		require.NoError(t, err)
		other := among(t, q, "b", []int{0, 3, 2})
		for _, lock := range []func() (*redlock.Lock, error){
			func() (*redlock.Lock, error) { return other.TryLock(t.Context(), "job") },
			func() (*redlock.Lock, error) { return other.Lock(t.Context(), "another job") },
		} {
			_, err = lock()
			require.ErrorIs(t, err, redlock.ErrMembership)
			require.ErrorIs(t, err, redlock.ErrNoQuorum)
			assert.ErrorContains(t, err, fmt.Sprintf("%s wrong quorum: it votes for the voters %s, %s, %s (generation 1)", addr(q, 0), addr(q, 0), addr(q, 1), addr(q, 2)))
			assert.ErrorContains(t, err, fmt.Sprintf("this locker's voters are %s, %s, %s", addr(q, 0), addr(q, 2), addr(q, 3)))
			assert.ErrorContains(t, err, "WithVoterNames")
		}
		var qe *redlock.QuorumError
		require.ErrorAs(t, err, &qe)
		assert.Equal(t, redlock.WrongQuorum, qe.Nodes[0].Outcome)
		assert.True(t, lk.Valid())
		assert.Equal(t, redlock.WrongQuorum, other.Voters()[0].Outcome)
	})
}

// Nothing is reached of the other list's majority: {A, B} and {C, D} would have no voter in common.
func TestListsWithMajoritiesApart(t *testing.T) {
	bubble(t, 4, func(t *testing.T, q *redlocktest.Quorum) {
		one := among(t, q, "a", []int{0, 1, 2})
		warmUp(t, one)
		two := among(t, q, "b", []int{0, 3, 2})
		q.Member("a").Link(2).Cut()
		q.Member("b").Link(0).Cut()
		_, err := one.TryLock(t.Context(), "job")
		require.NoError(t, err)
		for range 4 {
			_, err = two.TryLock(t.Context(), "job")
			require.ErrorIs(t, err, redlock.ErrMembership)
			time.Sleep(15 * time.Second)
		}
	})
}

// Two lists meet new servers at once: at most one of them is served, and that's the same one for ever.
func TestTwoListsContendForNewServers(t *testing.T) {
	for delay := range 8 {
		freshBubble(t, 4, func(t *testing.T, q *redlocktest.Quorum) {
			one := among(t, q, "a", []int{0, 1, 2})
			time.Sleep(time.Duration(delay) * 150 * time.Microsecond)
			two := among(t, q, "b", []int{0, 3, 2})
			served := map[string]int{}
			for range 40 {
				for name, l := range map[string]*redlock.Locker{"one": one, "two": two} {
					if lk, err := l.TryLock(t.Context(), "job"); err == nil {
						served[name]++
						require.NoError(t, lk.Unlock(t.Context()))
					}
				}
				time.Sleep(time.Second)
			}
			assert.LessOrEqual(t, len(served), 1, "%v after %d", served, delay)
		})
	}
}

// All voters of a new set have to say so, or else a majority of them for MaxTTL.
func TestNewSetWithANodeDown(t *testing.T) {
	bubble(t, 4, func(t *testing.T, q *redlocktest.Quorum) {
		q.Node(2).Crash()
		l := among(t, q, "a", []int{0, 1, 2})
		begun := time.Now()
		_, err := l.TryLock(t.Context(), "job")
		require.ErrorIs(t, err, redlock.ErrQuarantined)
		assert.ErrorContains(t, err, "it doesn't know yet for which voters it votes")
		lk, err := l.Lock(t.Context(), "job")
		require.NoError(t, err)
		assert.InDelta(t, 10.6, time.Since(begun).Seconds(), 0.6)
		require.NoError(t, lk.Unlock(t.Context()))
	})
}

// A voter that has forgotten is told by the others, by all of them or the last.
func TestForgottenSetIsToldAgain(t *testing.T) {
	bubble(t, 4, func(t *testing.T, q *redlocktest.Quorum) {
		one := among(t, q, "a", []int{0, 1, 2})
		warmUp(t, one)
		two := among(t, q, "b", []int{0, 3, 2})
		q.Node(0).Crash()
		q.Node(1).Flush()
		_, err := one.TryLock(t.Context(), "job")
		require.ErrorIs(t, err, redlock.ErrQuarantined)
		_, err = two.TryLock(t.Context(), "job")
		require.ErrorIs(t, err, redlock.ErrMembership)
		lk, err := one.Lock(t.Context(), "job")
		require.NoError(t, err)
		require.NoError(t, lk.Unlock(t.Context()))
		_, err = two.TryLock(t.Context(), "job")
		require.ErrorIs(t, err, redlock.ErrMembership)
	})
}

// With names, it doesn't matter how addresses are spelled or in which order nodes are given.
func TestVoterNames(t *testing.T) {
	bubble(t, 4, func(t *testing.T, q *redlocktest.Quorum) {
		one := among(t, q, "a", []int{0, 1, 2}, redlock.WithVoterNames("x", "y", "z"))
		two := among(t, q, "b", []int{2, 3, 0}, redlock.WithVoterNames("z", "y", "x"))
		warmUp(t, one)
		lk, err := two.TryLock(t.Context(), "job")
		require.NoError(t, err)
		_, err = one.TryLock(t.Context(), "job")
		require.ErrorContains(t, err, "x held")
		assert.Equal(t, "y", one.Voters()[1].Node)
		require.NoError(t, lk.Unlock(t.Context()))
	})
	for _, names := range [][]string{{"a", "b"}, {"a", "b", "a"}, {"a", "b", ""}, {"a", "b", "c d"}, {"a", "b", "c\n"}} {
		_, err := redlock.New(make([]redis.UniversalClient, 3), redlock.WithVoterNames(names...))
		require.ErrorIs(t, err, redlock.ErrInvalidOption)
	}
	_, err := redlock.New(nil, redlock.WithGroup("a b"))
	require.ErrorContains(t, err, "group")
}

// A server may be a voter of several quorums.
func TestGroups(t *testing.T) {
	bubble(t, 5, func(t *testing.T, q *redlocktest.Quorum) {
		orders := among(t, q, "a", []int{0, 1, 2}, redlock.WithGroup("orders"))
		billing := among(t, q, "b", []int{0, 3, 4}, redlock.WithGroup("billing"))
		for range 2 {
			warmUp(t, orders)
			warmUp(t, billing)
		}
	})
}

// Without a lock in use, the list can be changed by making the servers forget theirs.
func TestListIsChangedWithAPause(t *testing.T) {
	bubble(t, 4, func(t *testing.T, q *redlocktest.Quorum) {
		old := among(t, q, "a", []int{0, 1, 2})
		lk, err := old.TryLock(t.Context(), "job")
		require.NoError(t, err)
		require.NoError(t, old.Close())
		for i := range q.Nodes() {
			require.NoError(t, q.Member("operator").Clients()[i].Del(t.Context(), "redlock:voter").Err())
		}
		next := among(t, q, "b", []int{0, 1, 3})
		for err = redlock.ErrQuarantined; err != nil; time.Sleep(100 * ms) {
			require.ErrorIs(t, err, redlock.ErrNoQuorum)
			var lock *redlock.Lock
			if lock, err = next.TryLock(t.Context(), "job"); err == nil {
				assert.False(t, lk.Valid(), "two holders")
				assert.Greater(t, lock.Fence(), lk.Fence())
				require.NoError(t, lock.Unlock(t.Context()))
			}
		}
		_, err = among(t, q, "c", []int{0, 1, 2}).TryLock(t.Context(), "job")
		require.ErrorIs(t, err, redlock.ErrMembership)
	})
}

// New servers that nobody has locked on may begin at once, if somebody says so.
func TestForm(t *testing.T) {
	freshBubble(t, 4, func(t *testing.T, q *redlocktest.Quorum) {
		l := among(t, q, "a", []int{0, 1, 2})
		_, err := l.TryLock(t.Context(), "job")
		require.ErrorIs(t, err, redlock.ErrQuarantined)
		require.NoError(t, l.Form(t.Context()))
		warmUp(t, l)
		err = among(t, q, "b", []int{0, 3, 2}).Form(t.Context())
		require.ErrorIs(t, err, redlock.ErrMembership)

		// Servers that have granted locks wait all the same.
		for n := range 3 {
			q.Node(n).Restart(true)
		}
		_, err = l.TryLock(t.Context(), "job")
		require.Error(t, err)
		require.NoError(t, l.Form(t.Context()))
		_, err = l.TryLock(t.Context(), "job")
		require.ErrorIs(t, err, redlock.ErrQuarantined)
	})
}

// The wait of new servers begins with the locker.
func TestNewServersWaitWhileTheProgramStarts(t *testing.T) {
	freshBubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		l, lazy := join(t, q, "a"), join(t, q, "b", redlock.Lazy())
		time.Sleep(12 * time.Second)
		warmUp(t, l)
		warmUp(t, lazy)
	})
}
