package redlocktest

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestStartRefuses(t *testing.T) {
	for want, start := range map[string]func() (*Quorum, error){
		"redlocktest: 0 nodes: want 1 to 254":                           func() (*Quorum, error) { return Start(0) },
		"redlocktest: -1 nodes: want 1 to 254":                          func() (*Quorum, error) { return Start(-1) },
		"redlocktest: 255 nodes: want 1 to 254":                         func() (*Quorum, error) { return Start(255) },
		"redlocktest: latency from -1ns to 0s: want 0 <= least <= most": func() (*Quorum, error) { return Start(1, WithLatency(-1, 0)) },
		"redlocktest: latency from 2ms to 1.999ms: want 0 <= least <= most": func() (*Quorum, error) {
			return Start(1, WithLatency(2*time.Millisecond, 1999*time.Microsecond))
		},
	} {
		q, err := start()
		assert.EqualError(t, err, want)
		assert.Nil(t, q)
	}
}

// recorder is a TB that remembers what New does with it.
type recorder struct {
	cleanups []func()
	fatal    string
}

func (r *recorder) Helper()                           {}
func (r *recorder) Cleanup(f func())                  { r.cleanups = append(r.cleanups, f) }
func (r *recorder) Fatalf(format string, args ...any) { r.fatal = fmt.Sprintf(format, args...) }

func TestNewFailsTheTest(t *testing.T) {
	var r recorder
	assert.Nil(t, New(&r, 0))
	assert.Equal(t, "redlocktest: 0 nodes: want 1 to 254", r.fatal)
	assert.Empty(t, r.cleanups)
}

func TestNewClosesWithTheTest(t *testing.T) {
	var r recorder
	q := New(&r, 3)
	c := q.Clients()[2]
	require.NoError(t, c.Ping(t.Context()).Err())
	require.Len(t, r.cleanups, 1)
	r.cleanups[0]()
	assert.ErrorIs(t, c.Ping(t.Context()).Err(), redis.ErrClosed)
}

func TestNodesAreIndependent(t *testing.T) {
	inBubble(t, 3, func(t *testing.T, q *Quorum) {
		require.Equal(t, 3, q.Len())
		require.Len(t, q.Clients(), 3)
		addrs, ids := map[string]bool{}, map[string]bool{}
		for i, n := range q.Nodes() {
			assert.Same(t, n, q.Node(i))
			addrs[n.Addr()], ids[n.RunID()[:12]] = true, true // what package redlock tells servers apart by
			assert.Equal(t, "redis://"+n.Addr(), n.URL())
			require.NoError(t, q.Clients()[i].Set(t.Context(), "me", i, 0).Err())
		}
		assert.Len(t, addrs, 3)
		assert.Len(t, ids, 3)
		for i, n := range q.Nodes() {
			value, _ := n.Get("me")
			assert.Equal(t, fmt.Sprint(i), value)
		}
	})
}

func TestMembers(t *testing.T) {
	inBubble(t, 2, func(t *testing.T, q *Quorum) {
		b := q.Member("b")
		assert.Equal(t, "b", b.Name())
		assert.Same(t, b, q.Member("b"))
		assert.Same(t, b.Link(1), q.Member("b").Link(1))
		assert.NotSame(t, b.Link(0), b.Link(1))
		assert.Same(t, b.Clients()[0], b.Clients()[0])
		assert.NotSame(t, b.Clients()[0], q.Clients()[0])
		assert.Same(t, q.Member("").Clients()[0], q.Clients()[0])
		assert.Same(t, q.Member("").Clock(), q.Clock())
	})
}

func TestSuspend(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, q *Quorum) {
		timer := time.NewTimer(time.Minute)
		time.Sleep(time.Second)
		q.Clock().Suspend(time.Hour)
		assert.Equal(t, time.Hour+time.Second, q.Clock().Now())
		assert.Equal(t, time.Second, q.Member("b").Clock().Now(), "each machine is suspended on its own")
		select {
		case <-timer.C:
			t.Fatal("the timer noticed")
		default:
		}
		assert.Panics(t, func() { q.Clock().Suspend(-1) })
	})
}

func TestCloseWhateverTheState(t *testing.T) {
	for name, spoil := range map[string]func(*Quorum){
		"well":    func(*Quorum) {},
		"paused":  func(q *Quorum) { q.Node(0).Pause() },
		"crashed": func(q *Quorum) { q.Node(0).Crash() },
		"cut":     func(q *Quorum) { q.Member("").Link(0).Cut() },
		"held":    func(q *Quorum) { q.Member("").Link(0).HoldReplies() },
		"slow":    func(q *Quorum) { q.Member("").Link(0).Delay(time.Hour, time.Hour) },
		"paused in a command": func(q *Quorum) {
			q.Node(0).OnCommand(func(Command) { q.Node(0).Pause() })
		},
		"closed in a command": func(q *Quorum) {
			var once sync.Once
			q.Node(0).OnCommand(func(Command) { once.Do(func() { go q.Close() }) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q, err := Start(1)
				require.NoError(t, err)
				defer q.Close()
				messages := q.Clients()[0].Subscribe(t.Context(), "ch")
				_, err = messages.Receive(t.Context())
				require.NoError(t, err)
				spoil(q)
				var pending sync.WaitGroup
				for range 3 {
					pending.Go(func() { _ = q.Clients()[0].Incr(t.Context(), "k").Err() })
				}
				pending.Go(func() { _ = q.Member("").Client(0, nil).Ping(t.Context()).Err() })
				synctest.Wait()
				start := time.Now()
				q.Close()
				q.Close()
				assert.Zero(t, time.Since(start))
				pending.Wait()
				require.NoError(t, messages.Close())
				assert.Error(t, q.Member("late").Clients()[0].Ping(t.Context()).Err())
			})
		})
	}
}
