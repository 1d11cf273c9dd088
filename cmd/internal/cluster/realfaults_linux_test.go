package cluster

import (
	"context"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/a5bbb083/redlock/cmd/internal/effect"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestFaultsOfRealServersOnly states that nodes without a memory, a disk and connections of their own say so.
func TestFaultsOfRealServersOnly(t *testing.T) {
	n, ctx := start(t, Config{Nodes: 1}).Node(0), testContext(t)
	for _, try := range []func() (effect.Proof, error){
		func() (effect.Proof, error) { return n.Evict(ctx, VolatileTTL) },
		func() (effect.Proof, error) { return n.Shut(ctx, Files) },
		func() (effect.Proof, error) { return n.Reopen(ctx) },
		func() (effect.Proof, error) { return n.BreakDisk(ctx, Full, 0) },
		func() (effect.Proof, error) { return n.MendDisk(ctx) },
	} {
		_, err := try()
		require.ErrorIs(t, err, ErrUnsupported)
		require.ErrorContains(t, err, "--backend redis")
	}
}

// TestEvict shows what goes by which policy, and that the server has its memory back.
func TestEvict(t *testing.T) {
	c, ctx := start(t, Config{Backend: Redis, Nodes: 1}), testContext(t)
	n := c.Node(0)
	for policy, left := range map[string][]string{
		VolatileTTL:       {"record", "marker"},
		"volatile-lru":    {"marker"},
		"volatile-random": {"marker"},
		"allkeys-lru":     {},
	} {
		set(t, ctx, n, "lock", "token", 10*time.Second)
		set(t, ctx, n, "record", "1", 24*time.Hour)
		_, err := n.Command(ctx, "SET", "marker", "1")
		require.NoError(t, err)
		proof, err := n.Evict(ctx, policy)
		require.NoError(t, err, policy)
		assert.Contains(t, proof.String(), "maxmemory-policy "+policy)
		reply, err := n.Command(ctx, "KEYS", "*")
		require.NoError(t, err)
		keys := []string{}
		for _, key := range reply.([]any) {
			keys = append(keys, key.(string))
		}
		assert.ElementsMatch(t, left, keys, policy)
		for setting, want := range map[string]string{"maxmemory": "0", "maxmemory-policy": "noeviction"} {
			reply, err := n.Command(ctx, "CONFIG", "GET", setting)
			require.NoError(t, err)
			assert.Equal(t, want, reply.([]any)[1], policy)
		}
	}
	_, err := n.Evict(ctx, "noeviction")
	require.ErrorContains(t, err, `"noeviction": give one of`)
}

// TestShut shows what a client hears that was connected, and one that wants to be.
func TestShut(t *testing.T) {
	for lack, want := range map[Lack]string{Connections: "max number of clients reached", Files: "no answer in"} {
		t.Run(string(lack), func(t *testing.T) {
			c, ctx := start(t, Config{Backend: Redis, Nodes: 1}), testContext(t)
			n := c.Node(0).(*serverNode)
			client := newAdmin(n.Addr()) // with another name, it's nobody's
			client.client.Options().ClientName = ""
			t.Cleanup(client.close)
			_, err := client.command(ctx, "PING")
			require.NoError(t, err)
			_, err = n.Reopen(ctx)
			require.ErrorIs(t, err, ErrUnsupported)

			proof, err := n.Shut(ctx, lack)
			require.NoError(t, err)
			assert.Contains(t, proof.After, want)
			assert.Contains(t, proof.After, "1 connections ended")
			assert.Equal(t, effect.Shut, proof.Change.State)
			_, err = n.Command(ctx, "PING")
			require.NoError(t, err, "the harness's own connection stays")
			if lack == Connections { // nobody is kept waiting for this answer
				_, err = n.Shut(ctx, lack)
				require.ErrorIs(t, err, ErrNotProven, "it was shut before")
			}

			short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
			defer cancel()
			_, err = client.command(short, "SET", "late", "1")
			require.Error(t, err)
			proof, err = n.Reopen(ctx)
			require.NoError(t, err)
			assert.True(t, proof.Change.Over)
			_, err = client.command(ctx, "PING")
			require.NoError(t, err)
		})
	}
	_, err := start(t, Config{Backend: Redis, Nodes: 1}).Node(0).Shut(testContext(t), "patience")
	require.ErrorContains(t, err, `"patience": give one of`)
}

// TestAServerThatStillAnswersIsNotShut limits the files of another process than the server's, and has a server that stays
// shut when the wrong one gets them back.
func TestAServerThatStillAnswersIsNotShut(t *testing.T) {
	c, ctx := start(t, Config{Backend: Redis, Nodes: 2}), testContext(t)
	n := c.Node(0).(*serverNode)
	server, other := n.process, c.Node(1).(*serverNode).process
	swap := func(p *process) {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.process = p
	}
	swap(other)
	_, err := n.Shut(ctx, Files)
	require.ErrorIs(t, err, ErrNotProven)
	swap(server)
	_, err = n.Reopen(ctx)
	require.NoError(t, err)
	_, err = n.Shut(ctx, Files)
	require.NoError(t, err)
	swap(other)
	ends, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	_, err = n.Reopen(ends)
	require.ErrorIs(t, err, ErrNotProven)
	swap(server)
}

// TestAServerThatEndsOtherwiseHadRoom has a server that's killed while its disk is said to be full.
func TestAServerThatEndsOtherwiseHadRoom(t *testing.T) {
	needRedis(t)
	ctx := testContext(t)
	n := deafDisk(t, ctx)
	time.AfterFunc(300*time.Millisecond, func() { _ = syscall.Kill(n.process.pid(), syscall.SIGKILL) })
	_, err := n.BreakDisk(ctx, Full, 0)
	require.ErrorIs(t, err, ErrNotProven)
	require.ErrorContains(t, err, "not for want of space")
}

// brokenDisk starts a server with a log, and breaks its disk.
func brokenDisk(t *testing.T, ctx context.Context, state DiskState, stall time.Duration) (Node, effect.Proof) {
	t.Helper()
	c := start(t, Config{Backend: Redis, Nodes: 1, Persistence: EverySecond})
	n := c.Node(0)
	set(t, ctx, n, "before", "1", time.Minute)
	proof, err := n.BreakDisk(ctx, state, stall)
	require.NoError(t, err)
	t.Log(proof)
	return n, proof
}

// TestDiskThatLies shows that what was acknowledged under appendfsync always is gone after a loss of power.
func TestDiskThatLies(t *testing.T) {
	ctx := testContext(t)
	n, proof := brokenDisk(t, ctx, Lying, 0)
	assert.Contains(t, proof.After, "syncs were lying")
	set(t, ctx, n, "during", "1", time.Minute)
	proof, err := n.MendDisk(ctx)
	require.NoError(t, err)
	t.Log(proof)
	assertValue(t, ctx, n, "before", "1")
	assertGone(t, ctx, n, "during")
	_, err = n.MendDisk(ctx)
	require.ErrorIs(t, err, ErrUnsupported, "it's mended")
}

func TestDiskThatStalls(t *testing.T) {
	ctx := testContext(t)
	const stall = 150 * time.Millisecond
	n, _ := brokenDisk(t, ctx, Stalling, stall)
	began := time.Now()
	set(t, ctx, n, "during", "1", time.Minute)
	assert.GreaterOrEqual(t, time.Since(began), stall)
	_, err := n.MendDisk(ctx)
	require.NoError(t, err)
	assertValue(t, ctx, n, "during", "1")
	reply, err := n.Command(ctx, "CONFIG", "GET", "appendfsync")
	require.NoError(t, err)
	assert.Equal(t, "everysec", reply.([]any)[1])
}

// TestDiskThatIsFull shows that a server ends rather than acknowledge what isn't written, and keeps the rest.
func TestDiskThatIsFull(t *testing.T) {
	ctx := testContext(t)
	n, proof := brokenDisk(t, ctx, Full, 0)
	assert.Contains(t, proof.After, noSpace)
	assert.Equal(t, effect.Down, proof.Change.State)
	assert.False(t, n.Running())
	_, err := n.MendDisk(ctx)
	require.NoError(t, err)
	assertValue(t, ctx, n, "before", "1")
}

// deafTool is a preloaded library that does nothing.
type deafTool struct{ *shim }

func (deafTool) setDisk(dir string, _ DiskState, _ time.Duration) error {
	return os.WriteFile(dir+"/disk", make([]byte, diskPage), 0o600)
}

// deafDisk is a server with such a library.
func deafDisk(t *testing.T, ctx context.Context) *serverNode {
	t.Helper()
	find := func(ctx context.Context, dir string) (clockTool, error) {
		tool, err := newShim(ctx, dir)
		return deafTool{tool}, err
	}
	c, err := startRedis(ctx, Config{Backend: Redis, Nodes: 1, Persistence: EverySecond, StartTimeout: defaultStartTimeout}, find)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c.Node(0).(*serverNode)
}

// TestDiskThatWorksIsNotProven shows that a disk counts as broken only once it was seen to be.
func TestDiskThatWorksIsNotProven(t *testing.T) {
	needRedis(t)
	ctx := testContext(t)
	n := deafDisk(t, ctx)
	for _, state := range []DiskState{Lying, Stalling} {
		_, err := n.BreakDisk(ctx, state, time.Millisecond)
		require.ErrorIs(t, err, ErrNotProven, "%s", state)
	}
	ends, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
	defer cancel()
	_, err := n.BreakDisk(ends, Full, 0)
	require.Error(t, err)
	assert.True(t, n.Running())
}

func TestDiskNeedsALog(t *testing.T) {
	c, ctx := start(t, Config{Backend: Redis, Nodes: 1}), testContext(t)
	_, err := c.Node(0).BreakDisk(ctx, Lying, 0)
	require.ErrorIs(t, err, ErrUnsupported)
	require.ErrorContains(t, err, `"everysec" or "always"`)
}
