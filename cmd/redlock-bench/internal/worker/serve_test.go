package worker

import (
	"context"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/clockdrift"
	"github.com/a5bbb083/redlock/cmd/internal/cluster"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/history"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/protocol"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/resource"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/subject"
	"github.com/a5bbb083/redlock/redlock/redlocktest"
)

// bench is a built-in worker with nodes and a resource.
type bench struct {
	t        *testing.T
	process  *Process
	resource *resource.Resource
	config   protocol.Config // that the process was given
	spare    string          // a fourth node's URL
}

func newBench(t *testing.T, subjectName string) *bench {
	q := redlocktest.New(t, 4)
	r, err := resource.Start()
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, r.Close()) })
	config := protocol.Config{
		Client: "client 1", Subject: subjectName, Resource: "http://" + r.Addr(), NodeTimeout: 1000, TTL: 5000,
	}
	for _, n := range q.Nodes() {
		_, err := n.Listen("127.0.0.1:0")
		require.NoError(t, err)
		config.Nodes = append(config.Nodes, n.URL())
	}
	spare := config.Nodes[3]
	config.Nodes = config.Nodes[:3:3]
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	p, err := Start(ctx, []string{os.Args[0], "worker"}, config)
	require.NoError(t, err)
	b := &bench{t, p, r, config, spare}
	t.Cleanup(func() {
		assert.NoError(t, b.process.Close())
		assertGone(t, b.process.PID())
	})
	return b
}

func (b *bench) do(r protocol.Request) protocol.Reply {
	b.t.Helper()
	r.Name = "job"
	ctx, cancel := context.WithTimeout(b.t.Context(), patience)
	defer cancel()
	reply, err := b.process.Do(ctx, r)
	require.NoError(b.t, err)
	return reply
}

// acquire takes the lock. It tries for a while, because voters that were just started may want
// to wait for a TTL before they grant anything.
func (b *bench) acquire(ttl protocol.Milliseconds) protocol.Reply {
	b.t.Helper()
	for deadline := time.Now().Add(2 * patience); ; time.Sleep(10 * time.Millisecond) {
		reply := b.do(protocol.Request{Op: protocol.Acquire, TTL: ttl})
		if reply.OK {
			return reply
		}
		require.True(b.t, time.Now().Before(deadline), reply.Error)
	}
}

func TestBuiltInWorker(t *testing.T) {
	for _, s := range subject.All() {
		t.Run(s.Name, func(t *testing.T) {
			b := newBench(t, s.Name)
			assert.Equal(t, s.Fencing, b.process.Fencing())
			acquired := b.acquire(5000)
			assert.Greater(t, acquired.ValidUntil, clockdrift.System().Now())
			assert.False(t, b.do(protocol.Request{Op: protocol.Acquire, TTL: 5000}).OK, "it's held already")

			b = newBench(t, s.Name)
			b.acquire(5000)
			assert.True(t, b.do(protocol.Request{Op: protocol.Check}).OK)
			assert.True(t, b.do(protocol.Request{Op: protocol.Extend}).OK)
			assert.Equal(t, &protocol.Counters{}, b.do(protocol.Request{Op: protocol.Read}).Counters)
			assert.True(t, b.do(protocol.Request{Op: protocol.Write, Recheck: true}).OK)
			want := &protocol.Counters{Plain: 1}
			if s.Fencing {
				want.Fenced = 1
			}
			assert.Equal(t, want, b.do(protocol.Request{Op: protocol.Read}).Counters)
			released := b.do(protocol.Request{Op: protocol.Release})
			assert.True(t, released.OK)
			assert.Zero(t, released.ValidUntil)
			assert.True(t, b.do(protocol.Request{Op: protocol.Exit}).OK)
		})
	}
}

func TestExpiredLockIsNotTrusted(t *testing.T) {
	for _, s := range subject.All() {
		t.Run(s.Name, func(t *testing.T) { testExpiredLock(t, newBench(t, s.Name)) })
	}
}

func testExpiredLock(t *testing.T, b *bench) {
	acquired := b.acquire(100)
	b.do(protocol.Request{Op: protocol.Read})
	for clockdrift.System().Now() < acquired.ValidUntil {
		time.Sleep(10 * time.Millisecond)
	}
	assert.False(t, b.do(protocol.Request{Op: protocol.Check}).OK)
	refused := b.do(protocol.Request{Op: protocol.Write, Recheck: true})
	assert.False(t, refused.OK)
	assert.Contains(t, refused.Error, "no longer valid")
	assert.Empty(t, b.resource.Writes())
	assert.True(t, b.do(protocol.Request{Op: protocol.Write}).OK, "nobody looks")
	assert.NotEmpty(t, b.resource.Writes())
}

// TestSuspendedMachine shows which locks take a stop for no time at all: those that count their time on
// Go's clock.
func TestSuspendedMachine(t *testing.T) {
	for _, s := range subject.All() {
		t.Run(s.Name, func(t *testing.T) {
			b := newBench(t, s.Name)
			assert.True(t, b.process.Suspends())
			// Long, so that the rest of it doesn't pass on a slow machine.
			acquired := b.acquire(2000)
			call, err := b.process.Begin(protocol.Request{Op: protocol.Check, Name: "job", Suspend: true})
			require.NoError(t, err)
			_, err = cluster.AwaitStopped(t.Context(), b.process.PID())
			require.NoError(t, err)
			for clockdrift.System().Now() < acquired.ValidUntil {
				time.Sleep(10 * time.Millisecond)
			}
			_, err = cluster.ResumeProcess(t.Context(), b.process.PID())
			require.NoError(t, err)
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			reply, err := call.Wait(ctx)
			require.NoError(t, err)
			assert.Equal(t, s.Name != "guarded", reply.OK)
			assert.Equal(t, reply.OK, reply.ValidUntil > reply.Returned)
		})
	}
}

// TestFailpoint shows that the worker stops after its last check and before its write.
func TestFailpoint(t *testing.T) {
	b := newBench(t, "guarded")
	acquired := b.acquire(300)
	b.do(protocol.Request{Op: protocol.Read})
	call, err := b.process.Begin(protocol.Request{Op: protocol.Write, Name: "job", Recheck: true, StopAfterCheck: true})
	require.NoError(t, err)
	_, err = cluster.AwaitStopped(t.Context(), b.process.PID())
	require.NoError(t, err)
	assert.Empty(t, b.resource.Writes())
	for clockdrift.System().Now() < acquired.ValidUntil {
		time.Sleep(10 * time.Millisecond)
	}

	_, err = cluster.ResumeProcess(t.Context(), b.process.PID())
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	reply, err := call.Wait(ctx)
	require.NoError(t, err)
	assert.True(t, reply.OK)
	assert.LessOrEqual(t, reply.ValidUntil, reply.Returned, "it no longer believes, but it has written")
	writes := b.resource.Writes()
	require.Len(t, writes, 2)
	assert.Equal(t, history.Fenced, writes[1].Register)
	assert.Greater(t, writes[0].At, acquired.ValidUntil)
}

func TestCloseEndsStoppedWorker(t *testing.T) {
	b := newBench(t, "classic")
	_, err := cluster.PauseProcess(t.Context(), b.process.PID())
	require.NoError(t, err)
	assert.NoError(t, b.process.Close())
	assertGone(t, b.process.PID())
}

func TestServeRefusesNonsense(t *testing.T) {
	hello := `{"id":1,"op":"hello","config":{"version":1,"client":"c","subject":"broken","nodes":[]}}` + "\n"
	for name, c := range map[string]struct{ input, want string }{
		"garbage":         {"what?\n", "not a line of the protocol"},
		"no greeting":     {`{"id":1,"op":"acquire","name":"job"}` + "\n", "before the greeting"},
		"two greetings":   {hello + hello, "already said"},
		"no config":       {`{"id":1,"op":"hello"}` + "\n", "no config"},
		"other version":   {`{"id":1,"op":"hello","config":{"version":2}}` + "\n", "version 2"},
		"unknown subject": {strings.Replace(hello, "broken", "redlok", 1), "redlok"},
		"never acquired":  {hello + `{"id":2,"op":"check","name":"job"}` + "\n", "never acquired"},
		"write unread": {hello + `{"id":2,"op":"acquire","name":"job","ttl_ms":1000}` + "\n" + `{"id":3,"op":"write","name":"job"}` + "\n",
			"nothing was read"},
		"unknown operation": {hello + `{"id":2,"op":"acquire","name":"job","ttl_ms":1000}` + "\n" + `{"id":3,"op":"steal","name":"job"}` + "\n",
			"no such operation"},
	} {
		t.Run(name, func(t *testing.T) {
			assert.ErrorContains(t, Serve(strings.NewReader(c.input), io.Discard), c.want)
		})
	}
	assert.NoError(t, Serve(strings.NewReader(hello), io.Discard), "the end of the input is a good end")
}

// TestNodesAreReplaced has a client of A, B and C that's started anew with A, B and D as well, then has the nodes vote for these, and then
// goes by these alone. Its requests go on from one process to the next, and so do its acquisitions.
func TestNodesAreReplaced(t *testing.T) {
	b := newBench(t, subject.Ours)
	assert.True(t, b.process.Joins())
	config := b.config
	config.Joining = append(config.Nodes[:2:2], b.spare)
	restart := func(c protocol.Config) {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		next, err := b.process.Restart(ctx, []string{os.Args[0], "worker"}, c)
		require.NoError(t, err)
		assertGone(t, b.process.PID())
		b.process = next
	}
	acquired := b.acquire(5000)
	b.do(protocol.Request{Op: protocol.Release})

	restart(config)
	reply := b.do(protocol.Request{Op: protocol.Change, CancelAfter: 1})
	assert.False(t, reply.OK)
	assert.NotEmpty(t, reply.Error, "it's a refusal, and not the worker's end")
	reply = b.do(protocol.Request{Op: protocol.Change, Gone: []string{strings.TrimPrefix(b.spare, "redis://")}})
	assert.False(t, reply.OK)
	assert.Contains(t, reply.Error, " is said to be gone, and answers")
	ctx, cancel := context.WithTimeout(t.Context(), 6*patience)
	defer cancel()
	for ; ; time.Sleep(100 * time.Millisecond) {
		// No client with the old list alone must have been served lately, and its locks must be over.
		reply, err := b.process.Do(ctx, protocol.Request{Op: protocol.Change})
		require.NoError(t, err, reply.Error)
		if reply.OK {
			break
		}
		assert.Contains(t, reply.Error, "has served a locker with the old list alone")
	}

	then := config
	then.Nodes, then.Joining = config.Joining, nil
	restart(then)
	again := b.acquire(5000)
	assert.Greater(t, again.ID, acquired.ID)
	assert.Greater(t, again.Fence, acquired.Fence)
	restart(b.config)
	reply = b.do(protocol.Request{Op: protocol.Acquire, TTL: 5000})
	assert.False(t, reply.OK)
	assert.Contains(t, reply.Error, "it votes for the voters")
}

// TestLockThatCantChangeItsNodes shows that it says so.
func TestLockThatCantChangeItsNodes(t *testing.T) {
	for _, name := range []string{"classic", "unguarded"} {
		assert.False(t, newBench(t, name).process.Joins(), name)
	}
	b := newBench(t, "classic")
	call, err := b.process.Begin(protocol.Request{Op: protocol.Change})
	require.NoError(t, err)
	_, err = call.Wait(t.Context())
	assert.ErrorContains(t, err, "this lock can't change its nodes")
}
