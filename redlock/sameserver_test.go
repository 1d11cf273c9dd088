package redlock_test

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/redlock"
	"github.com/a5bbb083/redlock/redlock/redlocktest"
)

// switchboard has addresses that lead to nodes, and later to others.
type switchboard struct {
	member *redlocktest.Member
	leads  []int // to which node each address leads
	dial   []func(context.Context, string, string) (net.Conn, error)
}

// locker returns a locker on the addresses.
func (s *switchboard) locker(t *testing.T, q *redlocktest.Quorum, opts ...redlock.Option) *redlock.Locker {
	clients := make([]redis.UniversalClient, q.Len())
	for i := range q.Len() {
		s.leads = append(s.leads, i)
		clients[i] = s.member.Client(i, func(o *redis.Options) {
			s.dial = append(s.dial, o.Dialer)
			o.Dialer = func(ctx context.Context, network, addr string) (net.Conn, error) {
				return s.dial[s.leads[i]](ctx, network, addr)
			}
			o.MaxRetries, o.DialerRetries, o.Protocol, o.DisableIdentity = -1, 1, 2, true
		})
	}
	return open(t, clients, append([]redlock.Option{redlock.WithClock(s.member.Clock())}, opts...)...)
}

// lead makes an address lead to another node. All connections break.
func (s *switchboard) lead(address, node int) {
	s.leads[address] = node
	for i := range s.leads {
		s.member.Link(i).Reset()
	}
}

// counts says which voters' answers to an attempt count.
func counts(t *testing.T, l *redlock.Locker) []bool {
	t.Helper()
	lk, _ := l.TryLock(t.Context(), "job") // it meets the connections that are broken
	if lk != nil {
		require.NoError(t, lk.Unlock(t.Context()))
	}
	time.Sleep(time.Second)
	lk, err := l.TryLock(t.Context(), "job")
	all := make([]bool, len(l.Voters()))
	if err != nil {
		var qe *redlock.QuorumError
		require.ErrorAs(t, err, &qe)
		for i, n := range qe.Nodes {
			all[i] = n.Outcome == redlock.Granted || n.Outcome == redlock.Unawaited
		}
		return all
	}
	time.Sleep(100 * ms) // until all have answered
	for i, v := range l.Voters() {
		all[i] = !v.ErrAt.After(v.Answered)
		if outcome, _ := redlock.Explain(v.Err); !all[i] && outcome == redlock.Unfit {
			require.ErrorContains(t, v.Err, "the vote of one server must not count twice")
		}
	}
	require.NoError(t, lk.Unlock(t.Context()))
	return all
}

func TestAddressesThatLeadToOneServerCountOnce(t *testing.T) {
	const yes, no = true, false
	freshBubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		t.Cleanup(func() { time.Sleep(20 * time.Second) }) // go-redis's own goroutines
		s := &switchboard{member: q.Member("a")}
		l := s.locker(t, q)
		lk, err := l.Lock(t.Context(), "job")
		require.NoError(t, err)
		require.NoError(t, lk.Unlock(t.Context()))
		assert.Equal(t, []bool{yes, yes, yes}, counts(t, l))

		s.lead(1, 0)
		assert.Equal(t, []bool{yes, no, yes}, counts(t, l), "the first to lead there counts")
		assert.Equal(t, []bool{yes, no, yes}, counts(t, l), "and goes on to")
		s.lead(1, 1)
		assert.Equal(t, []bool{yes, yes, yes}, counts(t, l), "at once")

		// Two addresses change places: for as long as a lock may live nobody knows whose vote has counted.
		s.lead(1, 0)
		s.lead(0, 1)
		assert.Equal(t, []bool{no, no, yes}, counts(t, l))
		_, err = l.TryLock(t.Context(), "job")
		require.ErrorIs(t, err, redlock.ErrUnfit)
		time.Sleep(10 * time.Second)
		assert.Equal(t, []bool{yes, yes, yes}, counts(t, l))

		// The second address is gone for good, and the first leads to its server.
		q.Member("a").Link(1).HoldReplies()
		s.lead(1, 1)
		s.lead(0, 0)
		assert.Equal(t, []bool{no, no, yes}, counts(t, l))
		time.Sleep(10 * time.Second)
		assert.Equal(t, []bool{yes, no, yes}, counts(t, l))
		q.Member("a").Link(1).Release()
	})
}

// One server doesn't decide what time it is, however many addresses it has: it's one clock.
func TestAddressesThatLeadToOneServerAreOneClock(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		t.Cleanup(func() { time.Sleep(20 * time.Second) })
		one := join(t, q, "one")
		s := &switchboard{member: q.Member("two")}
		two := s.locker(t, q)
		held, err := one.TryLock(t.Context(), "job")
		require.NoError(t, err)
		q.Node(0).Jump(time.Minute)
		s.lead(1, 0)
		for range 20 {
			lk, err := two.TryLock(t.Context(), "job")
			require.False(t, err == nil && lk.Valid() && held.Valid(), "TWO HOLDERS for %v", held.Remaining())
			time.Sleep(100 * ms)
		}
	})
}
