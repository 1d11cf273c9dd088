package lab

import (
	"context"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/a5bbb083/redlock/cmd/internal/cluster"
	"github.com/a5bbb083/redlock/cmd/internal/effect"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/check"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/history"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/nemesis"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/protocol"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/subject"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/worker"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "renewing-worker" {
		renew()
		os.Exit(0)
	}
	if len(os.Args) > 1 && os.Args[1] == "worker" {
		if err := worker.Serve(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// renew is a worker whose lock renews itself: it says yes to everything, and believes for a second from now.
func renew() {
	requests := protocol.NewReader(os.Stdin)
	for {
		var r protocol.Request
		if requests.Next(&r) != nil {
			return
		}
		reply := protocol.Reply{ID: r.ID, OK: true, Invoked: r.Now, Returned: r.Now, ValidUntil: r.Now + time.Second, Token: "t"}
		if r.Op == protocol.Hello {
			reply = protocol.Reply{ID: r.ID, OK: true, Version: protocol.Version, Renews: true}
		}
		if protocol.WriteLine(os.Stdout, reply) != nil {
			return
		}
	}
}

// TestSettleAsksThoseWhoRenew shows that the end of a belief which renews itself is asked for, of those who believe and
// can answer.
func TestSettleAsksThoseWhoRenew(t *testing.T) {
	c := config(t, "classic")
	c.Worker, c.Clients = []string{os.Args[0], "renewing-worker"}, 3
	l, err := Open(t.Context(), c)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, l.Close()) })
	believes, stopped := l.Clients()[0], l.Clients()[1]
	require.NoError(t, believes.Acquire(t.Context()))
	require.NoError(t, stopped.Acquire(t.Context()))
	require.NoError(t, stopped.Pause(t.Context()))
	require.NoError(t, l.Settle(t.Context()))
	h := l.History()
	require.Len(t, h.Operations, 3)
	assert.Equal(t, protocol.Check, h.Operations[2].Op)
	assert.Equal(t, "client 1", h.Operations[2].Client)
	assert.False(t, h.Operations[2].Open())
}

// ttl leaves room for a slow machine.
const ttl = 5 * time.Second

func config(t *testing.T, subjectName string) Config {
	s, err := subject.Find(subjectName)
	require.NoError(t, err)
	return Config{
		Scenario: "test", Cluster: cluster.Config{Nodes: 3, Seed: 1}, Subject: s,
		Worker: []string{os.Args[0], "worker"}, Clients: 2, TTL: ttl, NodeTimeout: ttl / 10,
	}
}

func openLab(t *testing.T, subjectName string) *Lab {
	l, err := Open(t.Context(), config(t, subjectName))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, l.Close()) })
	return l
}

func TestRecord(t *testing.T) {
	l := openLab(t, "guarded")
	first, second := l.Clients()[0], l.Clients()[1]
	ctx := t.Context()
	require.NoError(t, first.Acquire(ctx))
	assert.True(t, first.Believes())
	taken, err := second.TryAcquire(ctx)
	require.NoError(t, err)
	assert.False(t, taken)
	require.NoError(t, first.Read(ctx))
	wrote, err := first.Write(ctx, true)
	require.NoError(t, err)
	assert.True(t, wrote)
	released, err := first.Release(ctx)
	require.NoError(t, err)
	assert.True(t, released)
	assert.False(t, first.Believes())

	h := l.History()
	var ops []protocol.Op
	for _, o := range h.Operations {
		ops = append(ops, o.Op)
		assert.False(t, o.Open())
		assert.GreaterOrEqual(t, o.Invoked, h.Start)
	}
	assert.Equal(t, []protocol.Op{protocol.Acquire, protocol.Acquire, protocol.Read, protocol.Write, protocol.Release}, ops)
	assert.Len(t, h.Writes, 2)
	assert.Equal(t, history.Holder{Client: "client 1", Lease: h.Operations[0].Lease},
		history.Holder{Client: h.Writes[0].Client, Lease: h.Writes[0].Lease})
	j := check.Judge(h)
	assert.Equal(t, check.Held, j.Exclusion)
	assert.Equal(t, check.Held, j.Fencing)
	assert.Equal(t, 1, j.Acquired)
	assert.Equal(t, 1, j.Refused)
}

func TestFaultsHitOneClientAndAreWitnessed(t *testing.T) {
	l := openLab(t, "classic")
	cut, other := l.Clients()[0], l.Clients()[1]
	applied, err := l.Inject(t.Context(), nemesis.Fault{Kind: nemesis.Partition, Clients: []int{cut.Index()}, Nodes: []int{0, 1}})
	require.NoError(t, err)
	acquired, refused, err := cut.Contend(t.Context(), l.Now()+time.Millisecond)
	require.NoError(t, err)
	assert.False(t, acquired)
	assert.LessOrEqual(t, refused, 1)
	assert.Contains(t, cut.Refusal(), "->A: ", "nodes are called by their names")
	require.NoError(t, other.Acquire(t.Context()))
	_, err = applied.Undo(t.Context())
	require.NoError(t, err)

	assert.Len(t, l.History().Faults, 2, "one proof a node")
	assert.Contains(t, strings.Join(l.History().Evidence(), "\n"), "partition")
}

// TestEndThatWasntSeenIsAnEnd shows that a node which may be back doesn't count as gone.
func TestEndThatWasntSeenIsAnEnd(t *testing.T) {
	l := openLab(t, "classic")
	applied, err := l.Inject(t.Context(), nemesis.Fault{Kind: nemesis.PauseNode, Nodes: []int{0}})
	require.NoError(t, err)
	_, err = l.Node(0).Kill(t.Context())
	require.NoError(t, err)
	require.ErrorIs(t, l.Undo(t.Context(), applied), cluster.ErrNotRunning)
	faults := l.History().Faults
	require.Len(t, faults, 2)
	assert.Equal(t, effect.Change{State: effect.Stopped, Over: true, Node: "A"}, faults[1].Change)
	assert.Greater(t, faults[1].Began, faults[0].Seen)
}

func TestOperationUnderWayIsOpen(t *testing.T) {
	l := openLab(t, "classic")
	c := l.Clients()[0]
	require.NoError(t, c.Pause(t.Context()))
	pending, err := c.Begin(protocol.Request{Op: protocol.Acquire})
	require.NoError(t, err)
	assert.True(t, l.History().Operations[0].Open())
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err = pending.Wait(ctx)
	assert.ErrorIs(t, err, worker.ErrWorker)
	require.NoError(t, c.Resume(t.Context()))
	reply, err := pending.Wait(t.Context())
	require.NoError(t, err)
	assert.True(t, reply.OK)
	assert.False(t, l.History().Operations[0].Open())
	assert.Len(t, l.History().Faults, 2, "stopped and continued")
}

func TestHeldWrite(t *testing.T) {
	l := openLab(t, "guarded")
	c := l.Clients()[0]
	require.NoError(t, c.Acquire(t.Context()))
	require.NoError(t, c.Read(t.Context()))
	c.Resource().Hold(nemesis.Requests)
	write, err := c.Begin(protocol.Request{Op: protocol.Write, Recheck: true})
	require.NoError(t, err)
	require.NoError(t, c.Resource().WaitHeld(t.Context(), nemesis.Requests, 1))
	assert.Empty(t, l.History().Writes)
	c.Resource().Pass(nemesis.Requests)
	reply, err := write.Wait(t.Context())
	require.NoError(t, err)
	assert.True(t, reply.OK)
	assert.Len(t, l.History().Writes, 2)
}

func TestSuspend(t *testing.T) {
	l := openLab(t, "guarded")
	c := l.Clients()[0]
	require.NoError(t, c.Acquire(t.Context()))
	look, err := c.Suspend(t.Context())
	require.NoError(t, err)
	require.NoError(t, c.Resume(t.Context()))
	reply, err := look.Wait(t.Context())
	require.NoError(t, err)
	assert.True(t, reply.OK, "its time isn't over")
	assert.Len(t, l.History().Faults, 2, "stopped and continued")
}

// TestClientsClock shows that a client's clock is bent for its lock, and not for what it reports, and that a fault of it
// counts only once the client has read it.
func TestClientsClock(t *testing.T) {
	for _, name := range []string{"classic", "guarded"} {
		t.Run(name, func(t *testing.T) {
			c := config(t, name)
			c.BentClients = true
			l, err := Open(t.Context(), c)
			require.NoError(t, err)
			t.Cleanup(func() { assert.NoError(t, l.Close()) })
			client, other := l.Clients()[0], l.Clients()[1]
			proof, err := client.SetClockRate(t.Context(), 0.91)
			require.NoError(t, err)
			assert.Contains(t, proof.String(), "client 1 counts time at 0.91 times the host's rate")
			begun := l.Now()
			require.NoError(t, client.Acquire(t.Context()))
			assert.Greater(t, client.ValidUntil()-begun, ttl*107/100, "10 % more than the TTL, less the drift that it allows for")
			require.NoError(t, client.Read(t.Context()))
			_, err = client.Release(t.Context())
			require.NoError(t, err)
			require.NoError(t, other.Acquire(t.Context()))
			assert.Less(t, other.ValidUntil()-l.Now(), ttl, "another's clock is right")
			proof, err = client.SetClockRate(t.Context(), 1)
			require.NoError(t, err)
			assert.True(t, proof.Change.Over)

			require.NoError(t, client.Pause(t.Context()))
			ends, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			_, err = client.SetClockRate(ends, 0.98)
			require.ErrorIs(t, err, cluster.ErrNotProven, "a client that is stopped reads no clock")
		})
	}
}

// TestClockOfAStranger can't be bent, and nobody is to blame for that.
func TestClockOfAStranger(t *testing.T) {
	c := config(t, "classic")
	c.Worker, c.Clients, c.BentClients = []string{os.Args[0], "renewing-worker"}, 1, true
	l, err := Open(t.Context(), c)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, l.Close()) })
	_, err = l.Clients()[0].SetClockRate(t.Context(), 0.98)
	require.ErrorIs(t, err, ErrNotApplicable)
	same := openLab(t, "classic")
	_, err = same.Clients()[0].SetClockRate(t.Context(), 0.98)
	require.ErrorIs(t, err, ErrNotApplicable, "no clock was asked for")
}

// TestOtherLocks shows that a client holds several locks at once, and that they are recorded each by its name.
func TestOtherLocks(t *testing.T) {
	l := openLab(t, "guarded")
	a, b := l.Clients()[0], l.Clients()[1]
	mine, theirs := a.Other("job 2"), b.Other("job 2")
	yes := func(ok bool, err error) {
		t.Helper()
		require.NoError(t, err)
		assert.True(t, ok)
	}
	require.NoError(t, a.Acquire(t.Context()))
	yes(mine.TryAcquire(t.Context()))
	refused, err := theirs.TryAcquire(t.Context())
	require.NoError(t, err)
	assert.False(t, refused)
	yes(mine.Extend(t.Context()))
	yes(mine.Check(t.Context()))
	yes(mine.Release(t.Context()))
	yes(a.Check(t.Context()))
	h := l.History()
	assert.Len(t, h.Operations, 2)
	assert.Equal(t, []string{"job 2"}, h.OtherNames())
	require.Len(t, h.Other("job 2").Operations, 5)
	for _, o := range h.Others {
		assert.Equal(t, "job 2", o.Name)
		assert.False(t, o.Open())
	}
	assert.Equal(t, h.Others[0].Lease, h.Others[2].Lease, "an extension belongs to its acquisition")
	assert.NotEqual(t, h.Operations[0].Lease, h.Others[0].Lease)
	assert.Len(t, h.Other("job 2").Beliefs(), 1)
	assert.Empty(t, h.Other("job 3").Operations)
}

func TestCountGhosts(t *testing.T) {
	l := openLab(t, "classic")
	ghosts, err := l.CountGhosts(t.Context())
	require.NoError(t, err)
	assert.Zero(t, ghosts)
	for _, i := range []int{0, 2} {
		_, err := l.Node(i).Command(t.Context(), "SET", LockName, "token")
		require.NoError(t, err)
	}
	ghosts, err = l.CountGhosts(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 2, ghosts)
	h := l.History()
	require.Len(t, h.Ghosts, 2)
	assert.Equal(t, "C", h.Ghosts[1].Node)
	assert.Equal(t, 2, check.Judge(h).Ghosts)
}

func TestOpenFailsCleanly(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*Config)
		want  error
	}{
		"no such program": {func(c *Config) { c.Worker = []string{"/does/not/exist"} }, os.ErrNotExist},
		"dying worker":    {func(c *Config) { c.Worker = []string{"/bin/false"} }, worker.ErrWorker},
		// No answer can come within it, and so no lock either.
		"locks that are never granted": {func(c *Config) { c.TTL, c.NodeTimeout = 50*time.Millisecond, 1 }, ErrSpoiled},
	} {
		t.Run(name, func(t *testing.T) {
			config := config(t, "classic")
			c.spoil(&config)
			_, err := Open(t.Context(), config)
			assert.ErrorIs(t, err, c.want)
		})
	}
}

func TestCloseEndsClients(t *testing.T) {
	l, err := Open(t.Context(), config(t, "single"))
	require.NoError(t, err)
	pid := l.Clients()[0].process.PID()
	require.NoError(t, l.Clients()[0].Pause(t.Context()))
	require.NoError(t, l.Close())
	assert.ErrorIs(t, syscall.Kill(pid, 0), syscall.ESRCH)
}
