package redlocktest

import (
	"context"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCutAndHeal(t *testing.T) {
	inBubble(t, 2, func(t *testing.T, q *Quorum) {
		c, link, n := warm(t, q), q.Member("").Link(0), q.Node(0)
		link.Cut()
		pending := inBackground(func() error { return c.Set(t.Context(), "k", "v", 0).Err() })
		time.Sleep(time.Second)
		assert.Empty(t, n.Keys())
		requests, replies := link.Held()
		assert.Equal(t, []int{1, 0}, []int{requests, replies})
		require.NoError(t, q.Clients()[1].Ping(t.Context()).Err(), "other nodes are reached")
		require.NoError(t, q.Member("b").Clients()[0].Ping(t.Context()).Err(), "other members reach the node")

		link.Heal()
		require.NoError(t, <-pending)
		assert.Equal(t, []string{"k"}, n.Keys())
		requests, replies = link.Held()
		assert.Equal(t, []int{0, 0}, []int{requests, replies})
	})
}

func TestHealDeliversWhatItsSenderGaveUp(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, q *Quorum) {
		c, link, n := warm(t, q), q.Member("").Link(0), q.Node(0)
		link.Cut()
		require.ErrorIs(t, c.Set(within(t, time.Second), "ghost", "v", 0).Err(), os.ErrDeadlineExceeded)
		time.Sleep(time.Minute)
		link.Heal()
		synctest.Wait()
		assert.Equal(t, []string{"ghost"}, n.Keys())
	})
}

func TestResetLosesWhatIsOnItsWay(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, q *Quorum) {
		c, link, n := warm(t, q), q.Member("").Link(0), q.Node(0)
		link.Cut()
		pending := inBackground(func() error { return c.Set(t.Context(), "k", "v", 0).Err() })
		synctest.Wait()
		link.Reset()
		require.ErrorIs(t, <-pending, syscall.ECONNRESET)
		link.Heal()
		synctest.Wait()
		assert.Empty(t, n.Keys())
		require.NoError(t, c.Ping(t.Context()).Err())
	})
}

func TestCutRequests(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, q *Quorum) {
		c, link, n := warm(t, q), q.Member("").Link(0), q.Node(0)
		messages := c.Subscribe(t.Context(), "ch")
		defer messages.Close()
		_, err := messages.Receive(t.Context())
		require.NoError(t, err)

		link.CutRequests()
		require.ErrorIs(t, c.Set(within(t, time.Second), "k", "v", 0).Err(), os.ErrDeadlineExceeded)
		assert.Empty(t, n.Keys())
		require.NoError(t, q.Member("b").Clients()[0].Publish(t.Context(), "ch", "still heard").Err())
		m, err := messages.ReceiveMessage(t.Context())
		require.NoError(t, err)
		assert.Equal(t, "still heard", m.Payload)
	})
}

func TestCutReplies(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, q *Quorum) {
		c, link, n := warm(t, q), q.Member("").Link(0), q.Node(0)
		link.CutReplies()
		pending := inBackground(func() error { return c.Set(t.Context(), "k", "v", 0).Err() })
		synctest.Wait()
		assert.Equal(t, []string{"k"}, n.Keys(), "the request is executed")
		requests, replies := link.Held()
		assert.Equal(t, []int{0, 1}, []int{requests, replies})
		time.Sleep(time.Second)
		link.Heal()
		require.NoError(t, <-pending, "the reply arrives late")
	})
}

func TestDialAcrossACut(t *testing.T) {
	for name, cut := range map[string]func(*Link){"both": (*Link).Cut, "requests": (*Link).CutRequests, "replies": (*Link).CutReplies} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, 1, func(t *testing.T, q *Quorum) {
				link := q.Member("").Link(0)
				cut(link)
				start := time.Now()
				_, err := link.dial(within(t, time.Second), "", "")
				require.ErrorIs(t, err, context.DeadlineExceeded)
				assert.Equal(t, time.Second, time.Since(start))

				dialled := inBackground(func() error {
					c, err := link.dial(t.Context(), "", "")
					if err != nil {
						return err
					}
					return c.Close()
				})
				time.Sleep(time.Minute)
				link.Heal()
				require.NoError(t, <-dialled)
				assert.Equal(t, time.Minute+time.Second, time.Since(start))
			})
		})
	}
}

// A connection that was given up before the cut healed has never existed.
func TestNoGhostsFromDialsAcrossACut(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, q *Quorum) {
		link := q.Member("").Link(0)
		link.Cut()
		for range 5 {
			require.Error(t, q.Clients()[0].Ping(within(t, time.Second)).Err())
		}
		link.Heal()
		synctest.Wait()
		assert.Zero(t, q.Node(0).Commands())
		require.NoError(t, q.Clients()[0].Ping(t.Context()).Err(), "and the client recovers at once")
	})
}

func TestCutHidesACrash(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, q *Quorum) {
		c, link, n := warm(t, q), q.Member("").Link(0), q.Node(0)
		link.Cut()
		n.Crash()
		assert.ErrorIs(t, c.Ping(within(t, time.Second)).Err(), os.ErrDeadlineExceeded)
		n.Restart(true)
		link.Heal()
		require.NoError(t, c.Ping(t.Context()).Err())
	})
}

func TestHoldRequestsAndRelease(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, q *Quorum) {
		link, n := q.Member("").Link(0), q.Node(0)
		link.HoldRequests()
		c := q.Member("").Client(0, nil) // new, with go-redis's long handshake
		pending := inBackground(func() error { return c.Set(t.Context(), "k", "v", 0).Err() })
		synctest.Wait()
		requests, _ := link.Held()
		assert.Equal(t, 1, requests, "the handshake passes, the command doesn't")
		assert.Empty(t, n.Keys())
		link.Release()
		require.NoError(t, <-pending)
		assert.Equal(t, []string{"k"}, n.Keys())
	})
}

func TestHoldKeepsTheOrder(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, q *Quorum) {
		link, n := q.Member("").Link(0), q.Node(0)
		var got []string
		n.OnCommand(func(c Command) {
			if c.Name == "ECHO" {
				got = append(got, c.Args[0])
			}
		})
		link.HoldRequests()
		want := []string{"1", "2", "3", "4", "5", "6"}
		for _, s := range want { // each on a connection of its own, since the one before is given up
			require.Error(t, q.Clients()[0].Do(within(t, time.Second), "ECHO", s).Err())
		}
		link.Release()
		synctest.Wait()
		assert.Equal(t, want, got)
	})
}

func TestHoldRepliesAndRelease(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, q *Quorum) {
		link, n := q.Member("").Link(0), q.Node(0)
		link.HoldReplies()
		pending := inBackground(func() error { return q.Clients()[0].Set(t.Context(), "k", "v", 0).Err() })
		synctest.Wait()
		assert.Equal(t, []string{"k"}, n.Keys())
		_, replies := link.Held()
		assert.Equal(t, 1, replies)
		link.Release()
		require.NoError(t, <-pending)
	})
}

func TestDropRequests(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, q *Quorum) {
		c, link, n := q.Clients()[0], q.Member("").Link(0), q.Node(0)
		link.DropRequests(2)
		for range 2 {
			require.ErrorIs(t, c.Set(t.Context(), "k", "v", 0).Err(), syscall.ECONNRESET)
			assert.Empty(t, n.Keys())
		}
		require.NoError(t, c.Set(t.Context(), "k", "v", 0).Err())
		assert.Equal(t, []string{"k"}, n.Keys())
	})
}

func TestDropReplies(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, q *Quorum) {
		c, link, n := q.Clients()[0], q.Member("").Link(0), q.Node(0)
		link.DropReplies(1)
		require.ErrorIs(t, c.Incr(t.Context(), "k").Err(), syscall.ECONNRESET)
		value, _ := n.Get("k")
		assert.Equal(t, "1", value, "the command is executed")
		assert.EqualValues(t, 2, c.Incr(t.Context(), "k").Val())
	})
}

// The trap of PEERS F: a library's retry of SETNX reads its own lock as taken.
func TestDropRepliesMeetsRetries(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, q *Quorum) {
		q.Member("").Link(0).DropReplies(1)
		c := q.Member("").Client(0, nil)
		ok, err := c.SetNX(t.Context(), "k", "mine", time.Minute).Result()
		require.NoError(t, err)
		assert.False(t, ok)
		assert.Equal(t, "mine", c.Get(t.Context(), "k").Val())
	})
}

func TestAPipelineIsOneMessage(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, q *Quorum) {
		c, link, n := warm(t, q), q.Member("").Link(0), q.Node(0)
		pipeline := func() error {
			_, err := c.Pipelined(t.Context(), func(p redis.Pipeliner) error {
				for range 100 {
					p.Incr(t.Context(), "k")
				}
				return nil
			})
			return err
		}
		link.DropReplies(1)
		require.ErrorIs(t, pipeline(), syscall.ECONNRESET)
		require.NoError(t, pipeline())
		link.DropRequests(1)
		require.ErrorIs(t, pipeline(), syscall.ECONNRESET)
		value, _ := n.Get("k")
		assert.Equal(t, "200", value)
	})
}

func TestDelay(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, q *Quorum) {
		c, link, n := warm(t, q), q.Member("").Link(0), q.Node(0)
		link.Delay(30*time.Millisecond, 50*time.Millisecond)
		start := time.Now()
		var arrived time.Duration
		n.OnCommand(func(Command) { arrived = time.Since(start) })
		require.NoError(t, c.Ping(t.Context()).Err())
		assert.Equal(t, 30*time.Millisecond, arrived)
		assert.Equal(t, 80*time.Millisecond, time.Since(start))
		link.Delay(0, 0)
		require.NoError(t, c.Ping(t.Context()).Err())
		assert.Equal(t, 80*time.Millisecond, time.Since(start))
	})
}

func TestLatencyStaysWithinItsBounds(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, q *Quorum) {
		c := warm(t, q)
		var least, most time.Duration = time.Hour, 0
		for range 1000 {
			start := time.Now()
			require.NoError(t, c.Ping(t.Context()).Err())
			least, most = min(least, time.Since(start)), max(most, time.Since(start))
		}
		assert.GreaterOrEqual(t, least, 4*time.Millisecond)
		assert.LessOrEqual(t, most, 12*time.Millisecond)
		assert.Less(t, least, 5*time.Millisecond, "it varies down to the lower bound")
		assert.Greater(t, most, 11*time.Millisecond, "and up to the upper one")
	}, WithLatency(2*time.Millisecond, 6*time.Millisecond))
}

func TestResetOfASubscriber(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, q *Quorum) {
		c := warm(t, q)
		messages := q.Member("b").Clients()[0].Subscribe(t.Context(), "ch")
		defer messages.Close()
		_, err := messages.Receive(t.Context())
		require.NoError(t, err)
		require.EqualValues(t, 1, c.Publish(t.Context(), "ch", "m").Val())
		q.Member("b").Link(0).Reset()
		assert.Zero(t, c.Publish(t.Context(), "ch", "m").Val())
	})
}
