package redlock_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/redlock"
	"github.com/a5bbb083/redlock/redlock/redlocktest"
)

// Nobody is refused and no attempt's time runs while it waits to begin.
func TestAttemptsWaitForRoom(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		l := join(t, q, "a")
		use(t, l, "warm-up")
		q.Node(0).Pause()
		q.Node(1).Pause()
		var all sync.WaitGroup
		attempt := func(ctx context.Context, want error) {
			all.Go(func() {
				_, err := l.TryLock(ctx, "job")
				assert.ErrorIs(t, err, want)
			})
		}
		for range 128 {
			attempt(t.Context(), redlock.ErrNoQuorum)
		}
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 10*ms)
		defer cancel()
		_, err := l.TryLock(ctx, "another job")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorContains(t, err, "not begun, since 128 other attempts")
		begun := time.Now()
		attempt(t.Context(), redlock.ErrNoQuorum)
		all.Wait()
		assert.Greater(t, time.Since(begun), 250*ms, "the last one had its time when the others' was over")
		q.Node(0).Resume()
		q.Node(1).Resume()
		time.Sleep(2 * time.Second) // the releases
		use(t, l, "another job")
	})
}

// counter counts the exchanges of a client.
type counter struct{ atomic.Int64 }

func (c *counter) DialHook(next redis.DialHook) redis.DialHook          { return next }
func (c *counter) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }
func (c *counter) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error { c.Add(1); return next(ctx, cmds) }
}

func TestNothingIsReleasedWhereItWasRefused(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		holder := join(t, q, "holder")
		lk, err := holder.TryLock(t.Context(), "job")
		require.NoError(t, err)
		m := q.Member("a")
		var exchanges counter
		clients := m.Clients()
		for _, c := range clients {
			c.(*redis.Client).AddHook(&exchanges)
		}
		l := open(t, clients, redlock.WithClock(m.Clock()))
		use(t, l, "warm-up")
		time.Sleep(time.Second)
		exchanges.Store(0)
		_, err = l.TryLock(t.Context(), "job")
		require.ErrorIs(t, err, redlock.ErrNotAcquired)
		time.Sleep(time.Second)
		// Two refusals decide; what the third voter will say isn't known then.
		assert.Equal(t, int64(3+1), exchanges.Load())
		require.NoError(t, lk.Unlock(t.Context()))
	})
}

// run is one script that a node has run for a name.
type run struct{ script, name string }

// runs records the scripts that a node runs for the names that keep. One script may be for several.
func runs(node *redlocktest.Node, keep func(name string) bool) (ran func() []run) {
	var all []run
	node.OnCommand(func(c redlocktest.Command) {
		if c.Name != "EVALSHA" {
			return
		}
		keys, _ := strconv.Atoi(c.Args[1])
		for _, key := range c.Args[2 : 2+keys] {
			ofLock := !strings.HasSuffix(key, ":fence") && !strings.HasSuffix(key, ":await") && key != "redlock:voter"
			if ofLock && keep(key) {
				all = append(all, run{c.Args[0], key})
			}
		}
	})
	return func() []run { synctest.Wait(); return all }
}

func isJob(name string) bool { return name == "job" }

func TestAnExtensionTakesItsAcquisitionAlong(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		l := join(t, q, "a")
		held, err := l.TryLock(t.Context(), "warm-up")
		require.NoError(t, err)
		require.NoError(t, held.Extend(t.Context())) // the scripts are known now
		require.NoError(t, held.Unlock(t.Context()))
		late, timely := runs(q.Node(0), isJob), runs(q.Node(1), isJob)
		q.Node(0).Pause()
		use(t, l, "job") // what follows has to wait for node 0's answer to this
		lk, err := l.TryLock(t.Context(), "job")
		require.NoError(t, err)
		time.Sleep(100 * ms) // less than the pause before the lock is offered to node 0
		require.NoError(t, lk.Extend(t.Context()))
		q.Node(0).Resume()
		time.Sleep(10 * ms)
		assert.Len(t, timely(), 4, "acquisition and release, acquisition and extension")
		assert.Equal(t, timely(), late())
		require.NoError(t, lk.Unlock(t.Context()))
	})
}

// What waits for a voter is taken back. What the voter was sent is released as soon as it goes on.
func TestAReleaseTakesBackWhatWasntSent(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		l := join(t, q, "a")
		use(t, l, "warm-up")
		ran := runs(q.Node(0), isJob)
		q.Node(0).Pause()
		for range 20 {
			use(t, l, "job")
		}
		q.Node(0).Resume()
		time.Sleep(50 * ms)
		assert.Zero(t, taken(q, "job"))
		assert.Len(t, ran(), 2, "the first acquisition and its release")
	})
}

func TestExtensionsGoAheadOfAttempts(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		m := q.Member("a")
		token := func() (hi, lo uint64) { return rand.Uint64(), rand.Uint64() }
		l, err := redlock.NewRepeatable(m.Clients(), token, rand.Int64N, time.Now, redlock.WithClock(m.Clock())) // one worker for each voter
		require.NoError(t, err)
		t.Cleanup(func() { assert.NoError(t, l.Close()) })
		renewed, err := l.TryLock(t.Context(), "renewed")
		require.NoError(t, err)
		time.Sleep(10 * ms)
		ran := runs(q.Node(0), func(name string) bool { return !strings.HasPrefix(name, "redlock:") })
		q.Node(0).Pause()
		for i := range 20 { // node 0 is sent the first, and the others wait
			_, err := l.TryLock(t.Context(), fmt.Sprint("job ", i))
			require.NoError(t, err)
		}
		require.NoError(t, renewed.Extend(t.Context()))
		q.Node(0).Resume()
		time.Sleep(10 * ms)
		require.Len(t, ran(), 21)
		assert.Equal(t, "job 0", ran()[0].name)
		assert.Equal(t, "renewed", ran()[1].name)
	})
}
