package redlocktest

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestClientsWaitForTheirTurn(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, q *Quorum) {
		c, n := q.Clients()[0], q.Node(0)
		n.Pause()
		first := inBackground(func() error { return c.Incr(t.Context(), "k").Err() })
		synctest.Wait()

		start := time.Now()
		single := inBackground(func() error { return c.Incr(within(t, time.Second), "k").Err() })
		cmds, err := c.Pipelined(within(t, time.Second), func(p redis.Pipeliner) error { return p.Incr(t.Context(), "k").Err() })
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		require.Len(t, cmds, 1)
		assert.ErrorIs(t, cmds[0].Err(), context.DeadlineExceeded)
		assert.ErrorIs(t, <-single, context.DeadlineExceeded)
		assert.Equal(t, time.Second, time.Since(start), "who waits still heeds the context")

		n.Resume()
		require.NoError(t, <-first)
		value, _ := n.Get("k")
		assert.Equal(t, "1", value, "who gave up before its turn has sent nothing")
	})
}

func TestClientsUseOneConnection(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, q *Quorum) {
		c := q.Clients()[0]
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() { assert.NoError(t, c.Incr(t.Context(), "k").Err()) })
		}
		all.Wait()
		value, _ := q.Node(0).Get("k")
		assert.Equal(t, "100", value)
		assert.Equal(t, 1, q.Member("").Link(0).used)
	}, WithLatency(time.Millisecond, 2*time.Millisecond))
}

// A password or a database makes the handshake a pipeline, which must not wait for the
// command in whose midst it is sent.
func TestClientsConnectWithALongHandshake(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, q *Quorum) {
		c := q.Member("").Client(0, func(o *redis.Options) { o.DB = 3 })
		c.AddHook(newSerial())
		require.NoError(t, c.Set(t.Context(), "k", "v", 0).Err())
		assert.Empty(t, q.Node(0).Keys(), "it is in another database")
	})
}
