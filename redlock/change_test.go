package redlock_test

import (
	"context"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/redlock"
	"github.com/a5bbb083/redlock/redlock/redlocktest"
)

// joint returns a locker with some of the nodes that joins others.
func joint(t *testing.T, q *redlocktest.Quorum, machine string, nodes, joined []int, opts ...redlock.Option) *redlock.Locker {
	t.Helper()
	var clients []redis.UniversalClient
	for _, n := range joined {
		clients = append(clients, q.Member(machine).Clients()[n])
	}
	return among(t, q, machine, nodes, append(opts, redlock.JoiningNodes(clients...))...)
}

var abc, abd = []int{0, 1, 2}, []int{0, 1, 3}

// A dead server is replaced: there's no moment without a lock for those that join both lists, and a lock that's held stays.
func TestReplaceADeadServer(t *testing.T) {
	bubble(t, 4, func(t *testing.T, q *redlocktest.Quorum) {
		before := among(t, q, "before", abc)
		warmUp(t, before)
		q.Node(2).Crash()
		require.NoError(t, before.Close())
		time.Sleep(15 * time.Second)

		l := joint(t, q, "joint", abc, abd)
		held, err := l.Lock(t.Context(), "held", redlock.AutoRenew(true))
		require.NoError(t, err)
		done := make(chan error, 1)
		go func() { done <- l.Change(t.Context(), redlock.GoneForGood(addr(q, 2))) }()
		begun, changed := time.Now(), false
		for !changed {
			lk, err := l.TryLock(t.Context(), "job")
			require.NoError(t, err, "after %v", time.Since(begun))
			require.NoError(t, lk.Unlock(t.Context()))
			select {
			case err := <-done:
				require.NoError(t, err)
				changed = true
			case <-time.After(100 * time.Millisecond):
			}
		}
		assert.InDelta(t, 10.5, time.Since(begun).Seconds(), 1)
		assert.True(t, held.Valid())
		fence := held.Fence()

		after := among(t, q, "after", abd)
		_, err = after.TryLock(t.Context(), "held")
		require.ErrorIs(t, err, redlock.ErrNotAcquired, "a lock of those that join both excludes")
		require.NoError(t, held.Unlock(t.Context()))
		lk, err := after.Lock(t.Context(), "held")
		require.NoError(t, err)
		assert.Greater(t, lk.Fence(), fence)
		_, err = among(t, q, "late", abc).TryLock(t.Context(), "job")
		require.ErrorIs(t, err, redlock.ErrMembership)
		require.NoError(t, l.Change(t.Context(), redlock.GoneForGood(addr(q, 2))), "again, nothing is left to do")
	})
}

// Each refusal of a step that isn't safe, and what it says.
func TestChangeRefusesWhatIsNotSafe(t *testing.T) {
	bubble(t, 5, func(t *testing.T, q *redlocktest.Quorum) {
		l := joint(t, q, "joint", abc, abd)
		old := among(t, q, "old", abc)
		warmUp(t, old)
		lk, err := old.TryLock(t.Context(), "job")
		require.NoError(t, err)

		require.ErrorIs(t, old.Change(t.Context()), redlock.ErrInvalidOption)
		err = l.Change(t.Context())
		require.ErrorIs(t, err, redlock.ErrUnsafe)
		require.ErrorContains(t, err, "has served a locker with the old list alone")
		require.ErrorContains(t, err, "start all of them with Joining first")
		require.NoError(t, lk.Unlock(t.Context()))
		time.Sleep(15 * time.Second)

		err = l.Change(t.Context(), redlock.GoneForGood(addr(q, 2)))
		require.ErrorIs(t, err, redlock.ErrUnsafe)
		require.ErrorContains(t, err, "is said to be gone, and answers")
		err = l.Change(t.Context(), redlock.GoneForGood(addr(q, 1), addr(q, 2)))
		require.ErrorIs(t, err, redlock.ErrUnsafe)
		require.ErrorContains(t, err, "no majority of both lists")
		require.ErrorIs(t, l.Change(t.Context(), redlock.GoneForGood("elsewhere:1")), redlock.ErrInvalidOption)

		q.Node(2).Crash()
		err = l.Change(t.Context())
		require.ErrorIs(t, err, redlock.ErrNoQuorum)
		require.ErrorContains(t, err, "or say which of them are gone for good")
		err = joint(t, q, "wrong", []int{0, 3, 4}, abd).Change(t.Context())
		require.ErrorIs(t, err, redlock.ErrMembership)
		require.ErrorContains(t, err, "give the list that the servers vote for as the old one")

		lk, err = old.TryLock(t.Context(), "job")
		require.NoError(t, err, "nothing has been changed")
		require.NoError(t, lk.Unlock(t.Context()))
	})
}

// A change that was broken off is taken back, or completed, and nobody is served meanwhile that has one of the lists alone.
func TestChangeBrokenOff(t *testing.T) {
	for _, back := range []bool{false, true} {
		bubble(t, 4, func(t *testing.T, q *redlocktest.Quorum) {
			old := among(t, q, "old", abc)
			warmUp(t, old)
			young := among(t, q, "new", abd)
			time.Sleep(15 * time.Second)
			l := joint(t, q, "joint", abc, abd)
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			defer cancel()
			require.ErrorIs(t, l.Change(ctx), context.DeadlineExceeded)
			_, err := old.TryLock(t.Context(), "job")
			require.ErrorIs(t, err, redlock.ErrMembership)
			_, err = young.TryLock(t.Context(), "job")
			require.ErrorContains(t, err, "its voters are being replaced")
			lk, err := l.TryLock(t.Context(), "job")
			require.NoError(t, err)
			require.NoError(t, lk.Unlock(t.Context()))

			served, refused := young, old
			if back {
				served, refused = old, young
				require.NoError(t, joint(t, q, "back", abd, abc).Change(t.Context()))
			} else {
				require.NoError(t, l.Change(t.Context()))
			}
			lk, err = served.Lock(t.Context(), "job")
			require.NoError(t, err)
			require.NoError(t, lk.Unlock(t.Context()))
			_, err = refused.TryLock(t.Context(), "job")
			require.ErrorIs(t, err, redlock.ErrMembership)
		})
	}
}

// A server that forgets the new set while a change waits makes it begin again: it could have heard of the old one.
func TestForgettingDuringAChange(t *testing.T) {
	bubble(t, 4, func(t *testing.T, q *redlocktest.Quorum) {
		warmUp(t, among(t, q, "old", abc))
		time.Sleep(15 * time.Second)
		l := joint(t, q, "joint", abc, abd)
		done := make(chan error, 1)
		begun := time.Now()
		go func() { done <- l.Change(t.Context()) }()
		time.Sleep(8 * time.Second)
		q.Node(0).Flush()
		require.NoError(t, <-done)
		assert.Greater(t, time.Since(begun), 18*time.Second)
	})
}

// From three to five, and back.
func TestGrowAndShrink(t *testing.T) {
	all := []int{0, 1, 2, 3, 4}
	bubble(t, 5, func(t *testing.T, q *redlocktest.Quorum) {
		warmUp(t, among(t, q, "three", abc))
		time.Sleep(15 * time.Second)
		require.NoError(t, joint(t, q, "grow", abc, all).Change(t.Context()))
		q.Node(0).Crash()
		q.Node(1).Crash()
		lk, err := among(t, q, "five", all).Lock(t.Context(), "job")
		require.NoError(t, err)
		require.NoError(t, lk.Unlock(t.Context()))
		q.Node(0).Restart(false)
		q.Node(1).Restart(false)
		time.Sleep(15 * time.Second)
		last := []int{2, 3, 4}
		require.NoError(t, joint(t, q, "shrink", all, last).Change(t.Context()))
		lk, err = among(t, q, "last", last).Lock(t.Context(), "job")
		require.NoError(t, err)
		require.NoError(t, lk.Unlock(t.Context()))
	})
}

// Those with the new list alone get larger tokens than those with the old one, though they ask none of its servers and some
// clock was ahead.
func TestTokensGrowAcrossAChange(t *testing.T) {
	bubble(t, 6, func(t *testing.T, q *redlocktest.Quorum) {
		old := among(t, q, "old", abc)
		redlock.SetWall(old, 50*time.Minute)
		warmUp(t, old)
		lk, err := old.TryLock(t.Context(), "job")
		require.NoError(t, err)
		require.NoError(t, lk.Unlock(t.Context()))
		def := []int{3, 4, 5}
		l := joint(t, q, "joint", abc, def)
		time.Sleep(15 * time.Second)
		require.NoError(t, l.Change(t.Context()))
		_, err = old.TryLock(t.Context(), "job")
		require.ErrorIs(t, err, redlock.ErrMembership, "its voters know of the change, too")
		next, err := among(t, q, "new", def).Lock(t.Context(), "job")
		require.NoError(t, err)
		assert.Greater(t, next.Fence(), lk.Fence())
	})
}

// In the hour after a change, too, a voter that has forgotten what it granted grants more than that.
func TestTokensGrowWhereAVoterForgetsAfterAChange(t *testing.T) {
	bubble(t, 6, func(t *testing.T, q *redlocktest.Quorum) {
		old := among(t, q, "old", abc)
		warmUp(t, old)
		require.NoError(t, old.Close())
		time.Sleep(15 * time.Second)
		def := []int{3, 4, 5}
		require.NoError(t, joint(t, q, "joint", abc, def).Change(t.Context()))
		l := among(t, q, "new", def)
		warmUp(t, l)
		q.Node(5).Crash()
		last := int64(0)
		for range 20 {
			lk, err := l.TryLock(t.Context(), "job")
			require.NoError(t, err)
			last = lk.Fence()
			require.NoError(t, lk.Unlock(t.Context()))
			time.Sleep(100 * time.Millisecond)
		}
		q.Node(4).Flush()
		q.Node(5).Restart(true)
		other, err := l.Lock(t.Context(), "another job") // the voter that has forgotten is told who the voters are, and waits
		require.NoError(t, err)
		require.NoError(t, other.Unlock(t.Context()))
		time.Sleep(15 * time.Second)
		q.Node(3).Crash()
		lk, err := l.Lock(t.Context(), "job")
		require.NoError(t, err)
		require.Greater(t, lk.Fence(), last)
	})
}

// Lists of servers that are told apart by name, and one that isn't another.
func TestJoiningByName(t *testing.T) {
	bubble(t, 4, func(t *testing.T, q *redlocktest.Quorum) {
		warmUp(t, among(t, q, "old", abc, redlock.WithVoterNames("a", "b", "c")))
		time.Sleep(15 * time.Second)
		names := redlock.WithVoterNames("a", "b", "c", "a", "b", "d")
		require.NoError(t, joint(t, q, "joint", abc, abd, names).Change(t.Context(), redlock.EvenIfUnprepared()))
		lk, err := among(t, q, "new", abd, redlock.WithVoterNames("a", "b", "d")).Lock(t.Context(), "job")
		require.NoError(t, err)
		require.NoError(t, lk.Unlock(t.Context()))
		same := joint(t, q, "same", abd, []int{3, 1, 0}, redlock.WithVoterNames("a", "b", "d", "d", "b", "a"))
		lk, err = same.Lock(t.Context(), "job")
		require.NoError(t, err, "it's the same list")
		require.NoError(t, lk.Unlock(t.Context()))
	})
}

// Those that join need a majority of either set: a majority of all voters isn't enough, neither for a lock nor for an extension.
func TestJoiningNeedsBothMajorities(t *testing.T) {
	bubble(t, 5, func(t *testing.T, q *redlocktest.Quorum) {
		warmUp(t, among(t, q, "old", abc))
		l := joint(t, q, "joint", abc, []int{2, 3, 4})
		time.Sleep(15 * time.Second) // all five are admitted
		warmUp(t, l)
		for _, n := range q.Nodes()[:2] {
			n.Pause()
		}
		_, err := l.TryLock(t.Context(), "job")
		require.ErrorIs(t, err, redlock.ErrNoQuorum, "three of five aren't two of the old three")
		for _, n := range q.Nodes()[:2] {
			n.Resume()
		}
		time.Sleep(time.Second)
		lk, err := l.TryLock(t.Context(), "job")
		require.NoError(t, err)
		require.Equal(t, 5, holders(q, "job", lk.Token()), "each of them votes")
		require.NoError(t, lk.Extend(t.Context()))
		for _, n := range q.Nodes()[3:] {
			n.Pause()
		}
		require.ErrorIs(t, lk.Extend(t.Context()), redlock.ErrNoQuorum, "three of five aren't two of the new three")
		require.True(t, lk.Valid())
	})
}

// While a second change isn't complete, tokens stay as far ahead as the first one has put them.
func TestTokensGrowWhereVotersForgetDuringASecondChange(t *testing.T) {
	bubble(t, 6, func(t *testing.T, q *redlocktest.Quorum) {
		old := among(t, q, "old", abc)
		warmUp(t, old)
		require.NoError(t, old.Close())
		time.Sleep(15 * time.Second)
		def := []int{3, 4, 5}
		require.NoError(t, joint(t, q, "there", abc, def).Change(t.Context()))
		l := among(t, q, "new", def)
		lk, err := l.Lock(t.Context(), "job")
		require.NoError(t, err)
		last := lk.Fence()
		require.NoError(t, lk.Unlock(t.Context()))
		require.NoError(t, l.Close())
		time.Sleep(15 * time.Second)
		back := joint(t, q, "back", def, abc)
		brief, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		require.ErrorIs(t, back.Change(brief), context.DeadlineExceeded, "it waits for locks of the old set to end")
		for _, node := range def {
			q.Node(node).Flush()
			other, err := back.Lock(t.Context(), "another job") // the voter that has forgotten is told what is going on
			require.NoError(t, err)
			require.NoError(t, other.Unlock(t.Context()))
			time.Sleep(15 * time.Second)
		}
		lk, err = back.Lock(t.Context(), "job")
		require.NoError(t, err)
		require.Greater(t, lk.Fence(), last)
	})
}

// As long as a change isn't complete, the old list's locks count. Whoever joins the new list with a third one doesn't ask the old list's
// voters, so it's neither served nor does it take the new list further.
func TestNobodyGoesOnFromAChangeThatIsntComplete(t *testing.T) {
	bubble(t, 6, func(t *testing.T, q *redlocktest.Quorum) {
		old := among(t, q, "old", abc)
		warmUp(t, old)
		def, third := []int{3, 4, 5}, []int{0, 3, 4}
		there, onward := joint(t, q, "there", abc, def), joint(t, q, "onward", def, third)
		first, err := there.Lock(t.Context(), "warm-up") // the new voters are told and admitted
		require.NoError(t, err)
		require.NoError(t, first.Unlock(t.Context()))
		time.Sleep(15 * time.Second)
		held, err := old.Lock(t.Context(), "job")
		require.NoError(t, err)
		brief, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		require.ErrorIs(t, there.Change(brief, redlock.EvenIfUnprepared()), context.DeadlineExceeded)

		_, err = onward.TryLock(t.Context(), "job")
		require.True(t, held.Valid())
		require.ErrorIs(t, err, redlock.ErrNoQuorum)
		require.ErrorContains(t, err, "its voters are being replaced")
		err = onward.Change(t.Context(), redlock.EvenIfUnprepared())
		require.ErrorIs(t, err, redlock.ErrMembership)
		require.ErrorContains(t, err, "complete that change first")

		require.NoError(t, there.Change(t.Context(), redlock.EvenIfUnprepared()))
		require.NoError(t, onward.Change(t.Context(), redlock.EvenIfUnprepared()))
		lk, err := among(t, q, "last", third).Lock(t.Context(), "job")
		require.NoError(t, err)
		require.NoError(t, lk.Unlock(t.Context()))
	})
}

// A server that left the list two changes ago comes back with its memory. It's behind, and contradicts nobody.
func TestAServerComesBackToTheList(t *testing.T) {
	bubble(t, 5, func(t *testing.T, q *redlocktest.Quorum) {
		old := among(t, q, "old", abc)
		warmUp(t, old)
		require.NoError(t, old.Close())
		lists := [][]int{abc, abd, {0, 1, 4}, abc}
		for i, list := range lists[1:] {
			require.NoError(t, joint(t, q, "joint", lists[i], list).Change(t.Context(), redlock.EvenIfUnprepared()), "change %d", i+1)
		}
		lk, err := among(t, q, "again", abc).Lock(t.Context(), "job")
		require.NoError(t, err)
		require.NoError(t, lk.Unlock(t.Context()))
	})
}

// So it is for lockers that join the list of such servers: they tell them what they have missed.
func TestLockersTellVotersThatAreBehind(t *testing.T) {
	bubble(t, 6, func(t *testing.T, q *redlocktest.Quorum) {
		old := among(t, q, "old", abc)
		warmUp(t, old)
		require.NoError(t, old.Close())
		def, third := []int{3, 4, 5}, []int{0, 4, 5}
		back := joint(t, q, "back", third, abc) // it has looked at all voters before there's anything to tell
		time.Sleep(time.Second)
		require.NoError(t, joint(t, q, "there", abc, def).Change(t.Context(), redlock.EvenIfUnprepared()))
		require.NoError(t, joint(t, q, "onward", def, third).Change(t.Context(), redlock.EvenIfUnprepared()))
		_, err := back.TryLock(t.Context(), "job")
		require.ErrorIs(t, err, redlock.ErrMembership, "two voters of the joined list are behind")
		time.Sleep(time.Second)
		warmUp(t, back)
	})
}
