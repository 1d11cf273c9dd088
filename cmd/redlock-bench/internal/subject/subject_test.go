package subject

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/clockpage"
	"github.com/a5bbb083/redlock/redlock/redlocktest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// These tests run over TCP and so in real time. The TTL leaves room for a slow machine.
const ttl = 3 * time.Second

// quorum starts three nodes and returns their URLs.
func quorum(t *testing.T) (*redlocktest.Quorum, []string) {
	q := redlocktest.New(t, 3)
	var urls []string
	for _, n := range q.Nodes() {
		_, err := n.Listen("127.0.0.1:0")
		require.NoError(t, err)
		urls = append(urls, n.URL())
	}
	return q, urls
}

func open(t *testing.T, s Subject, urls []string, timeout time.Duration) Locker {
	l, err := s.Open(t.Context(), Config{Nodes: urls, NodeTimeout: timeout, TTL: ttl})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, l.Close()) })
	return l
}

// acquire takes the lock. It tries for a while, because voters that were just started may want
// to wait for a TTL before they grant anything.
func acquire(t *testing.T, l Locker) Lease {
	t.Helper()
	for deadline := time.Now().Add(4 * ttl); ; time.Sleep(10 * time.Millisecond) {
		lease, err := l.Acquire(t.Context(), "job", ttl)
		if err == nil {
			return lease
		}
		require.ErrorIs(t, err, ErrRefused)
		require.True(t, time.Now().Before(deadline), "%v", err)
	}
}

// each runs a test for every subject, with two clients on fresh nodes.
func each(t *testing.T, test func(t *testing.T, s Subject, q *redlocktest.Quorum, a, b Locker)) {
	for _, s := range All() {
		t.Run(s.Name, func(t *testing.T) {
			q, urls := quorum(t)
			test(t, s, q, open(t, s, urls, time.Second), open(t, s, urls, time.Second))
		})
	}
}

func TestOneHolderAtATime(t *testing.T) {
	each(t, func(t *testing.T, s Subject, q *redlocktest.Quorum, a, b Locker) {
		before := now()
		lease := acquire(t, a)
		assert.NotEmpty(t, lease.Token())
		assert.Equal(t, s.Fencing, lease.Fence() > 0)
		assert.Greater(t, lease.ValidUntil(), before+ttl/2)
		assert.LessOrEqual(t, lease.ValidUntil(), now()+ttl)
		for _, i := range s.Uses(3) {
			assert.Eventually(t, func() bool { _, there := q.Node(i).Get("job"); return there },
				ttl/2, time.Millisecond, "node %d; a majority may have been enough to return", i)
		}

		_, err := b.Acquire(t.Context(), "job", ttl)
		assert.ErrorIs(t, err, ErrRefused)

		require.NoError(t, lease.Release(t.Context()))
		second := acquire(t, b)
		if s.Fencing {
			assert.Greater(t, second.Fence(), lease.Fence())
		}
		assert.NoError(t, second.Release(t.Context()))
	})
}

func TestExtend(t *testing.T) {
	each(t, func(t *testing.T, s Subject, q *redlocktest.Quorum, a, b Locker) {
		lease := acquire(t, a)
		first := lease.ValidUntil()
		require.NoError(t, lease.Extend(t.Context()))
		assert.Greater(t, lease.ValidUntil(), first)

		for _, n := range q.Nodes() {
			n.Flush()
		}
		assert.ErrorIs(t, lease.Extend(t.Context()), ErrRefused, "nothing left to extend")
	})
}

// TestLateRelease is what the scenario stale-unlock is about.
func TestLateRelease(t *testing.T) {
	each(t, func(t *testing.T, s Subject, q *redlocktest.Quorum, a, b Locker) {
		late := acquire(t, a)
		for _, n := range q.Nodes() {
			n.Jump(2 * ttl)
		}
		acquire(t, b)
		err := late.Release(t.Context())
		survivors := 0
		for _, n := range q.Nodes() {
			if _, there := n.Get("job"); there {
				survivors++
			}
		}
		if s.Name == "naive" {
			assert.NoError(t, err)
			assert.Zero(t, survivors, "naive deletes any key")
			return
		}
		assert.ErrorIs(t, err, ErrRefused)
		assert.Greater(t, survivors, len(s.Uses(3))/2)
	})
}

func TestMajority(t *testing.T) {
	for _, s := range All() {
		t.Run(s.Name, func(t *testing.T) {
			q, urls := quorum(t)
			l := open(t, s, urls, 500*time.Millisecond)
			q.Node(0).Crash()
			assert.NoError(t, acquire(t, l).Release(t.Context()), "one node of three is down")
			q.Node(1).Crash()
			_, err := l.Acquire(t.Context(), "other", ttl)
			assert.ErrorIs(t, err, ErrRefused, "two are, the middle one among them")
		})
	}
}

// TestRepliesThatComeLate is what the scenario pause-in-flight is about: whether a client
// believes in a grant that has run out by the time it hears of it.
func TestRepliesThatComeLate(t *testing.T) {
	for _, s := range All() {
		t.Run(s.Name, func(t *testing.T) {
			q, urls := quorum(t)
			l := open(t, s, urls, 20*time.Second)
			const short = 200 * time.Millisecond
			require.NoError(t, acquire(t, l).Release(t.Context()))
			for i := range q.Len() {
				q.Member("").Link(i).Delay(0, 2*short)
			}
			lease, err := l.Acquire(t.Context(), "job", short)
			switch s.Name {
			case "naive", "unchecked":
				require.NoError(t, err)
				assert.Greater(t, lease.ValidUntil(), now(), "believes, wrongly")
			case "single":
				require.NoError(t, err)
				assert.Less(t, lease.ValidUntil(), now(), "knows that its time is over")
			default:
				assert.ErrorIs(t, err, ErrRefused)
			}
		})
	}
}

func TestAcquireIsBounded(t *testing.T) {
	for _, s := range All() {
		t.Run(s.Name, func(t *testing.T) {
			q, urls := quorum(t)
			l := open(t, s, urls, 100*time.Millisecond)
			for _, n := range q.Nodes() {
				n.Pause()
				t.Cleanup(n.Resume)
			}
			began := time.Now()
			_, err := l.Acquire(t.Context(), "job", ttl)
			assert.ErrorIs(t, err, ErrRefused)
			assert.Less(t, time.Since(began), ttl)
		})
	}
}

// TestClientThatIsStarvedIsRefused shows that a client which gets no answer in time, as on a machine that's too
// busy, isn't a client that fails.
func TestClientThatIsStarvedIsRefused(t *testing.T) {
	for _, s := range All() {
		t.Run(s.Name, func(t *testing.T) {
			q, urls := quorum(t)
			for _, n := range q.Nodes() {
				n.Pause()
				t.Cleanup(n.Resume)
			}
			l := open(t, s, urls, 50*time.Millisecond)
			_, err := l.Acquire(t.Context(), "job", ttl)
			assert.ErrorIs(t, err, ErrRefused)
		})
	}
}

func TestOpenRefusesBadURLs(t *testing.T) {
	for _, s := range All() {
		_, err := s.Open(context.Background(), Config{Nodes: []string{"what", "is", "this"}, NodeTimeout: time.Second, TTL: ttl})
		assert.Error(t, err, s.Name)
	}
}

func TestFind(t *testing.T) {
	for _, name := range append(Names(), "broken") {
		s, err := Find(name)
		require.NoError(t, err)
		assert.Equal(t, name, s.Name)
		assert.NotEmpty(t, s.About)
	}
	assert.NotContains(t, Names(), "broken", "it's for the harness's own tests")
	_, err := Find("redlok")
	assert.ErrorContains(t, err, "redlok")
}

func TestSingleNodeSubjectsUseTheMiddleNode(t *testing.T) {
	assert.Equal(t, []int{2}, single.Uses(5))
	assert.Equal(t, []int{0}, single.Uses(1))
	assert.Equal(t, []int{0, 1, 2}, classic.Uses(3))
}

func TestBrokenGrantsEverything(t *testing.T) {
	l := open(t, broken, nil, time.Second)
	first, second := acquire(t, l), acquire(t, l)
	assert.Greater(t, first.ValidUntil(), now())
	assert.NotEqual(t, first.Token(), second.Token())
	assert.NoError(t, first.Extend(t.Context()))
	assert.NoError(t, first.Release(t.Context()))
}

// TestLocksCountByTheirClientsClock has a clock that runs at half the host's rate. A belief ends at one moment of the host's
// time then, whenever it's asked for, unless the lock counts by another clock than the one that says so.
func TestLocksCountByTheirClientsClock(t *testing.T) {
	for _, s := range All() {
		t.Run(s.Name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "clock")
			harness, err := clockpage.Create(path)
			require.NoError(t, err)
			page, err := clockpage.Open(path)
			require.NoError(t, err)
			t.Cleanup(func() { assert.NoError(t, page.Close()); assert.NoError(t, harness.Close()) })
			var clock Clock
			clock.Follow(page)
			_, urls := quorum(t)
			l, err := s.Open(t.Context(), Config{Nodes: urls, NodeTimeout: time.Second, TTL: ttl, Clock: &clock})
			require.NoError(t, err)
			t.Cleanup(func() { assert.NoError(t, l.Close()) })
			lease := acquire(t, l)
			right := lease.ValidUntil()
			require.NoError(t, harness.Set(harness.Bend().AtRate(now(), 0.5)))
			slow := lease.ValidUntil()
			assert.Greater(t, slow, right+ttl/2, "it takes twice as long now")
			time.Sleep(300 * time.Millisecond)
			assert.InDelta(t, slow, lease.ValidUntil(), float64(100*time.Millisecond))
		})
	}
}
