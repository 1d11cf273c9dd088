package nemesis

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/cmd/internal/cluster"
)

// tampered is a fault of the commands of client 1 to node A, in effect.
func tampered(t *testing.T, ctx context.Context, l *lab, f Fault) *Applied {
	f.Nodes, f.Clients, f.Each = []int{0}, []int{0}, true
	applied, err := f.Apply(ctx, l.world())
	require.NoError(t, err)
	require.Len(t, applied.Proofs, 1)
	assert.Contains(t, applied.Proofs[0].After, "probes on 1 of 1 were ")
	return applied
}

// ended undoes a fault that was done to so many commands.
func ended(t *testing.T, ctx context.Context, a *Applied, commands int) {
	proofs, err := a.Undo(ctx)
	require.NoError(t, err)
	require.Len(t, proofs, 1)
	assert.Equal(t, fmt.Sprintf("%s of %d commands", a.Fault.Kind, commands), proofs[0].Before)
}

func TestDuplicatedCommandIsCarriedOutTwice(t *testing.T) {
	onBoth(t, func(t *testing.T, ctx context.Context, l *lab) {
		c, other := l.client(t, l.links.Link(0, 0)), l.client(t, l.links.Link(1, 0))
		a := tampered(t, ctx, l, Fault{Kind: Duplicate})
		assert.Equal(t, int64(2), c.Incr(ctx, "n").Val(), "the second reply")
		assert.Equal(t, redis.Nil, c.SetArgs(ctx, "lock", "token", redis.SetArgs{Mode: "NX"}).Err(), "its own key is in the way")
		replies, err := c.Pipelined(ctx, func(p redis.Pipeliner) error {
			p.Incr(ctx, "n")
			p.Get(ctx, "n")
			return nil
		})
		require.NoError(t, err)
		assert.Equal(t, "4", replies[1].(*redis.StringCmd).Val())
		assert.Equal(t, int64(5), other.Incr(ctx, "n").Val(), "another client's isn't")
		ended(t, ctx, a, 4)
		assert.Equal(t, int64(6), c.Incr(ctx, "n").Val())
	})
}

func TestReplayedCommandIsCarriedOutLater(t *testing.T) {
	onBoth(t, func(t *testing.T, ctx context.Context, l *lab) {
		c := l.client(t, l.links.Link(0, 0))
		a := tampered(t, ctx, l, Fault{Kind: Replay, By: 100 * time.Millisecond})
		began := time.Now() // before the command, since a busy machine may hold up what comes after it
		assert.Equal(t, int64(1), c.Incr(ctx, "n").Val())
		require.Eventually(t, func() bool { return has(t, ctx, l.Node(0), "n") && value(t, ctx, l.Node(0), "n") == "2" }, 10*time.Second, time.Millisecond)
		assert.Greater(t, time.Since(began), 50*time.Millisecond)
		ended(t, ctx, a, 1)
	})
}

func value(t *testing.T, ctx context.Context, n cluster.Node, key string) string {
	v, _, err := n.Value(ctx, key)
	require.NoError(t, err)
	return v
}

// TestReorderedCommandsOfOnePipeline has the second carried out first, and the replies where they belong.
func TestReorderedCommandsOfOnePipeline(t *testing.T) {
	onBoth(t, func(t *testing.T, ctx context.Context, l *lab) {
		c := l.client(t, l.links.Link(0, 0))
		a := tampered(t, ctx, l, Fault{Kind: Reorder, By: 5 * time.Second})
		replies, err := c.Pipelined(ctx, func(p redis.Pipeliner) error {
			p.Set(ctx, "n", 10, 0)
			p.Incr(ctx, "n")
			p.Get(ctx, "n")
			p.Incr(ctx, "n")
			return nil
		})
		require.NoError(t, err)
		assert.Equal(t, "OK", replies[0].(*redis.StatusCmd).Val())
		assert.Equal(t, int64(1), replies[1].(*redis.IntCmd).Val(), "came before the SET")
		assert.Equal(t, "11", replies[2].(*redis.StringCmd).Val(), "came after the INCR")
		assert.Equal(t, int64(11), replies[3].(*redis.IntCmd).Val())
		ended(t, ctx, a, 2)
	})
}

// TestReorderedCommandsOfTwoConnections has a command overtaken that its client has given up.
func TestReorderedCommandsOfTwoConnections(t *testing.T) {
	onBoth(t, func(t *testing.T, ctx context.Context, l *lab) {
		c := l.client(t, l.links.Link(0, 0))
		a := tampered(t, ctx, l, Fault{Kind: Reorder, By: 5 * time.Second})
		impatient, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
		defer cancel()
		require.Error(t, c.Set(impatient, "lock", "token", 0).Err())
		assert.Zero(t, c.Del(ctx, "lock").Val(), "it isn't there yet")
		require.Eventually(t, func() bool { return has(t, ctx, l.Node(0), "lock") }, 10*time.Second, time.Millisecond)
		ended(t, ctx, a, 1)
	})
}

// TestCommandThatNothingOvertakesPasses has it pass after the time of the fault, and at its end.
func TestCommandThatNothingOvertakesPasses(t *testing.T) {
	l := newLab(t, cluster.Config{Nodes: 1})
	ctx := t.Context()
	c := l.client(t, l.links.Link(0, 0))
	a := tampered(t, ctx, l, Fault{Kind: Reorder, By: 20 * time.Millisecond})
	assert.Equal(t, int64(1), c.Incr(ctx, "n").Val())
	ended(t, ctx, a, 0)
	a = tampered(t, ctx, l, Fault{Kind: Reorder, By: time.Hour})
	answered := make(chan int64)
	go func() { answered <- c.Incr(ctx, "n").Val() }()
	require.Eventually(t, func() bool { return l.links.Link(0, 0).tampered.Load().waiting() != nil }, 10*time.Second, time.Millisecond)
	ended(t, ctx, a, 0)
	assert.Equal(t, int64(2), <-answered)
}

// TestTransactionsPassAsTheyAre, and what sets up a connection.
func TestTransactionsPassAsTheyAre(t *testing.T) {
	onBoth(t, func(t *testing.T, ctx context.Context, l *lab) {
		a := tampered(t, ctx, l, Fault{Kind: Duplicate})
		c := l.client(t, l.links.Link(0, 0))
		_, err := c.TxPipelined(ctx, func(p redis.Pipeliner) error {
			p.Incr(ctx, "n")
			return nil
		})
		require.NoError(t, err)
		assert.Equal(t, "1", value(t, ctx, l.Node(0), "n"))
		_, err = a.Undo(ctx)
		require.NoError(t, err)
	})
}

// TestCopyOfACommandThatNobodyAnswersIsNone: a node that is stopped shows no fault.
func TestCopyOfACommandThatNobodyAnswersIsNone(t *testing.T) {
	onBoth(t, func(t *testing.T, ctx context.Context, l *lab) {
		_, err := l.Node(0).Pause(ctx)
		require.NoError(t, err)
		for _, kind := range []Kind{Duplicate, Replay, Reorder} {
			_, err = Fault{Kind: kind, Nodes: []int{0}, By: time.Millisecond}.Apply(ctx, l.world())
			require.ErrorIs(t, err, cluster.ErrNotProven, kind)
		}
		_, err = l.Node(0).Resume(ctx)
		require.NoError(t, err)
	})
}

// TestCommandsThatPassShowNoFault looks for faults of commands where there are none.
func TestCommandsThatPassShowNoFault(t *testing.T) {
	l := newLab(t, cluster.Config{Nodes: 1})
	for _, kind := range []Kind{Duplicate, Replay, Reorder} {
		kind, known := Fault{Kind: kind}.Type()
		require.True(t, known)
		after, seen := kind.link.shown(t.Context(), Fault{}, []*Link{l.links.Link(0, 0)})
		assert.False(t, seen, after)
		assert.Contains(t, after, "probes on 0 of 1 were")
	}
}

func TestSplitter(t *testing.T) {
	values := []string{
		"*2\r\n$3\r\nGET\r\n$1\r\na\r\n", "+OK\r\n", "-ERR no\r\n", ":1\r\n", "$-1\r\n", "*-1\r\n", "$0\r\n\r\n", "$4\r\n\r\n\r\n\r\n", "_\r\n", "#t\r\n", ",1.5\r\n",
		"%1\r\n+a\r\n*2\r\n:1\r\n:2\r\n", ">2\r\n+message\r\n$1\r\nx\r\n", "|1\r\n+ttl\r\n:3\r\n+value\r\n", "~1\r\n(123\r\n", "=5\r\ntxt:a\r\n", "*0\r\n",
	}
	all := strings.Join(values, "")
	for size := 1; size <= len(all); size++ {
		var s splitter
		var got []string
		for rest := all; rest != ""; rest = rest[min(size, len(rest)):] {
			for _, v := range s.split([]byte(rest[:min(size, len(rest))])) {
				got = append(got, string(v))
			}
		}
		require.Equal(t, values, got, "in pieces of %d", size)
		require.Empty(t, s.flush())
	}
	var s splitter
	assert.Equal(t, [][]byte{[]byte("+OK\r\n"), []byte("GET / HTTP/1.1\r\n")}, s.split([]byte("+OK\r\nGET / HTTP/1.1\r\n")), "what is no RESP passes")
	assert.Equal(t, [][]byte{[]byte("+")}, s.split([]byte("+")), "and all that comes after it")
}
