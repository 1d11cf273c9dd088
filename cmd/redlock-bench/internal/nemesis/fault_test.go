package nemesis

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/cmd/internal/cluster"
	"github.com/a5bbb083/redlock/cmd/internal/effect"
	"github.com/a5bbb083/redlock/cmd/internal/wait"
)

var someFaults = []struct {
	fault Fault
	text  string
	json  string
}{
	{
		Fault{Kind: ClockJump, Nodes: []int{2}, At: 1500 * time.Millisecond, By: 40 * time.Second, For: 10 * time.Second},
		"1.5s clock-jump of C by 40s for 10s",
		`{"kind":"clock-jump","nodes":[2],"at":"1.5s","for":"10s","by":"40s"}`,
	}, {
		Fault{Kind: CrashNode, Nodes: []int{0, 1}, Memory: cluster.Lose},
		"0s crash-node of A,B, memory: lose",
		`{"kind":"crash-node","nodes":[0,1],"memory":"lose","at":"0s"}`,
	}, {
		Fault{Kind: AsymmetricPartition, Nodes: []int{3, 4}, Clients: []int{0}, Direction: Replies, For: time.Second},
		"0s asymmetric-partition of replies between client 1 and D,E for 1s",
		`{"kind":"asymmetric-partition","nodes":[3,4],"clients":[0],"direction":"replies","at":"0s","for":"1s"}`,
	}, {
		Fault{Kind: ClockRate, Nodes: []int{1}, At: time.Second, Rate: 1.5},
		"1s clock-rate of B at rate 1.5",
		`{"kind":"clock-rate","nodes":[1],"rate":1.5,"at":"1s"}`,
	}, {
		Fault{Kind: Evict, Nodes: []int{1}, Policy: cluster.VolatileTTL},
		"0s evict of B, policy: volatile-ttl",
		`{"kind":"evict","nodes":[1],"policy":"volatile-ttl","at":"0s"}`,
	}, {
		Fault{Kind: Shut, Nodes: []int{1}, Lack: cluster.Files, For: time.Second},
		"0s shut of B, lack: files for 1s",
		`{"kind":"shut","nodes":[1],"lack":"files","at":"0s","for":"1s"}`,
	}, {
		Fault{Kind: BrokenDisk, Nodes: []int{1}, Disk: cluster.Stalling, By: time.Second},
		"0s broken-disk of B, disk: stalling by 1s",
		`{"kind":"broken-disk","nodes":[1],"disk":"stalling","at":"0s","by":"1s"}`,
	},
}

func TestFaultsAreData(t *testing.T) {
	for _, some := range someFaults {
		t.Run(string(some.fault.Kind), func(t *testing.T) {
			require.NoError(t, some.fault.Validate(5, 2))
			assert.Equal(t, some.text, some.fault.String())
			data, err := json.Marshal(some.fault)
			require.NoError(t, err)
			assert.JSONEq(t, some.json, string(data))
			var back Fault
			require.NoError(t, json.Unmarshal(data, &back))
			assert.Equal(t, some.fault, back)
		})
	}
}

func TestBadFaultsAreRefused(t *testing.T) {
	l := newLab(t, cluster.Config{Nodes: 1})
	for want, fault := range map[string]Fault{
		"at least one node":        {Kind: PauseNode},
		"node 1: give from 0":      {Kind: PauseNode, Nodes: []int{1}},
		"client -1: give":          {Kind: Partition, Nodes: []int{0}, Clients: []int{-1}},
		"client 2: give":           {Kind: Partition, Nodes: []int{0}, Clients: []int{2}},
		"neither can be":           {Kind: PauseNode, Nodes: []int{0}, For: -1},
		"there is no fault":        {Kind: "earthquake", Nodes: []int{0}},
		`memory "": give one of`:   {Kind: CrashNode, Nodes: []int{0}},
		"duration other than 0":    {Kind: ClockJump, Nodes: []int{0}},
		"rate 0: give one above":   {Kind: ClockRate, Nodes: []int{0}},
		`direction "": give`:       {Kind: AsymmetricPartition, Nodes: []int{0}},
		"duration above 0":         {Kind: SlowNode, Nodes: []int{0}, By: -1},
		`policy "": give one of`:   {Kind: Evict, Nodes: []int{0}},
		`lack "": give one of`:     {Kind: Shut, Nodes: []int{0}},
		`disk "": give one of`:     {Kind: BrokenDisk, Nodes: []int{0}},
		"one node, and no clients": {Kind: ReplaceVoter, Nodes: []int{0}, Clients: []int{0}},
		"duration of 0 or more":    {Kind: ReplaceDeadVoter, Nodes: []int{0}, By: -1},
		"only chaos starts":        {Kind: ReplaceVoter, Nodes: []int{0}},
		"above 0, and of at most":  {Kind: BrokenDisk, Nodes: []int{0}, Disk: cluster.Stalling, By: time.Hour},
	} {
		_, err := fault.Apply(t.Context(), l.world())
		require.ErrorContains(t, err, want)
	}
	var fault Fault
	require.ErrorContains(t, json.Unmarshal([]byte(`{"kind":"flush","for":"soon"}`), &fault), "for")
}

// Each kind is applied and undone on either backend, and what it does is seen by a client.
func TestApply(t *testing.T) {
	type observe func(*testing.T, context.Context, *lab)
	lockIsGone := func(t *testing.T, ctx context.Context, l *lab) { assert.False(t, has(t, ctx, l.Node(0), "lock")) }
	for name, test := range map[string]struct {
		fault         Fault
		during, after observe
	}{
		"pause":       {Fault{Kind: PauseNode}, answers(false, false), answers(true, true)},
		"crash":       {Fault{Kind: CrashNode, Memory: cluster.Lose}, answers(false, false), lockIsGone},
		"crash, keep": {Fault{Kind: CrashNode, Memory: cluster.Keep}, answers(false, false), hasLock},
		"flush":       {Fault{Kind: FlushNode}, lockIsGone, lockIsGone},
		"failover":    {Fault{Kind: Failover}, overwrite("lock", "late"), reads("lock", "token")},
		"clock jump":  {Fault{Kind: ClockJump, By: 40 * time.Second}, lockIsGone, lockIsGone},
		"strobe":      {Fault{Kind: ClockStrobe, By: 40 * time.Second}, lockGoes, lockIsGone},
		"clock rate":  {Fault{Kind: ClockRate, Rate: 500}, lockGoes, lockIsGone},
		"partition":   {Fault{Kind: Partition, Clients: []int{0}}, answers(false, true), answers(true, true)},
		"partition of all": {
			Fault{Kind: Partition}, answers(false, false), answers(true, true),
		},
		"lost replies": {
			Fault{Kind: AsymmetricPartition, Direction: Replies, Clients: []int{1}}, answers(true, false), answers(true, true),
		},
		"evict locks": {Fault{Kind: Evict, Policy: cluster.VolatileTTL}, lockIsGone, lockIsGone},
		"max clients": {Fault{Kind: Shut, Lack: cluster.Connections}, answers(false, false), answers(true, true)},
		"file limit":  {Fault{Kind: Shut, Lack: cluster.Files}, answers(false, false), answers(true, true)},
		"full disk":   {Fault{Kind: BrokenDisk, Disk: cluster.Full}, answers(false, false), hasLock},
		"stalling disk": {
			Fault{Kind: BrokenDisk, Disk: cluster.Stalling, By: 200 * time.Millisecond}, writesTake(200*time.Millisecond, time.Hour), writesTake(0, 200*time.Millisecond),
		},
		"lying disk": {Fault{Kind: BrokenDisk, Disk: cluster.Lying}, overwrite("lock", "late"), reads("lock", "token")},
		"slow":       {Fault{Kind: SlowNode, By: 80 * time.Millisecond, Clients: []int{0}}, answers(false, true), answers(true, true)},
		"reset":      {Fault{Kind: ResetLinks}, answers(true, true), answers(true, true)},
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, ctx context.Context, l *lab) {
				require.NoError(t, l.client(t, l.links.Link(0, 0)).Set(ctx, "lock", "token", 30*time.Second).Err())
				test.fault.Nodes = []int{0}
				applied, err := test.fault.Apply(ctx, l.world())
				if !test.fault.On(l.Backend()) {
					require.ErrorIs(t, err, cluster.ErrUnsupported)
					return
				}
				if l.Node(0).ClockControl() != nil && (test.fault.Kind == ClockJump || test.fault.Kind == ClockRate) {
					require.ErrorIs(t, err, cluster.ErrUnsupported)
					return
				}
				require.NoError(t, err)
				require.Len(t, applied.Proofs, 1)
				t.Log(applied.Proofs[0])
				test.during(t, ctx, l)
				undone, err := applied.Undo(ctx)
				require.NoError(t, err)
				for _, proof := range undone {
					t.Log(proof)
				}
				test.after(t, ctx, l)
				again, err := applied.Undo(ctx)
				require.NoError(t, err)
				assert.Empty(t, again, "undone once")
			})
		})
	}
}

// writesTake sees how long a write to node A takes.
func writesTake(from, below time.Duration) func(*testing.T, context.Context, *lab) {
	return func(t *testing.T, ctx context.Context, l *lab) {
		t.Helper()
		c := l.client(t, l.links.Link(0, 0))
		began := time.Now()
		require.NoError(t, c.Set(ctx, "other", "1", time.Minute).Err())
		took := time.Since(began)
		assert.GreaterOrEqual(t, took, from)
		assert.Less(t, took, below)
	}
}

func hasLock(t *testing.T, ctx context.Context, l *lab) {
	t.Helper()
	assert.True(t, has(t, ctx, l.Node(0), "lock"))
}

// overwrite writes to node A, and sees that take effect.
func overwrite(key, value string) func(*testing.T, context.Context, *lab) {
	return func(t *testing.T, ctx context.Context, l *lab) {
		t.Helper()
		require.NoError(t, l.client(t, l.links.Link(0, 0)).Set(ctx, key, value, time.Minute).Err())
		reads(key, value)(t, ctx, l)
	}
}

// reads sees what a client finds on node A.
func reads(key, value string) func(*testing.T, context.Context, *lab) {
	return func(t *testing.T, ctx context.Context, l *lab) {
		t.Helper()
		found, err := l.client(t, l.links.Link(0, 0)).Get(ctx, key).Result()
		require.NoError(t, err)
		assert.Equal(t, value, found)
	}
}

// lockGoes looks until the lock is gone: while a clock strobes, a look may come at a moment at which it's right.
func lockGoes(t *testing.T, ctx context.Context, l *lab) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); has(t, ctx, l.Node(0), "lock"); time.Sleep(time.Millisecond) {
		require.Less(t, time.Now(), deadline, "the lock stays")
	}
}

// answers tells for each client whether node A answers it within its patience. Node B always
// does.
func answers(wanted ...bool) func(*testing.T, context.Context, *lab) {
	return func(t *testing.T, ctx context.Context, l *lab) {
		t.Helper()
		for client, want := range wanted {
			limit := impatient
			if want {
				limit = patience // it answers in time on a busy machine, too
			}
			got := probeAll(ctx, []*Link{l.links.Link(client, 0)}, limit).answered == 1
			assert.Equal(t, want, got, "client %d", client+1)
			other := probeAll(ctx, []*Link{l.links.Link(client, 1)}, patience).answered == 1
			assert.True(t, other, "client %d to the other node", client+1)
		}
	}
}

// A fault that fails on one node is taken back on the others.
func TestApplyIsAllOrNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, ctx context.Context, l *lab) {
		_, err := l.Node(1).Kill(ctx)
		require.NoError(t, err)
		_, err = Fault{Kind: PauseNode, Nodes: []int{0, 1}}.Apply(ctx, l.world())
		require.ErrorIs(t, err, cluster.ErrNotRunning)
		_, err = l.links.Link(0, 0).Probe(ctx)
		require.NoError(t, err, "node A goes on")
	})
}

// process is a client that notes what is done to it.
type process struct{ rates []float64 }

func (*process) Stop(context.Context) (effect.Proof, error)     { return effect.Proof{}, nil }
func (*process) Continue(context.Context) (effect.Proof, error) { return effect.Proof{}, nil }
func (p *process) SetClockRate(_ context.Context, rate float64) (effect.Proof, error) {
	p.rates = append(p.rates, rate)
	return effect.Proof{}, nil
}

// TestClientDriftEnds has a client's clock run at another rate, and then at the host's again.
func TestClientDriftEnds(t *testing.T) {
	l, p := newLab(t, cluster.Config{Nodes: 1}), &process{}
	w := l.world()
	w.Clients = []Process{&process{}, p}
	drift := Fault{Kind: ClientDrift, Clients: []int{1}, Rate: 0.992}
	applied, err := drift.Apply(t.Context(), w)
	require.NoError(t, err)
	_, err = applied.Undo(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []float64{0.992, 1}, p.rates)
	kind, _ := drift.Type()
	assert.True(t, kind.Within(drift, time.Second))
	drift.Rate = 0.98
	assert.False(t, kind.Within(drift, time.Second), "no lock allows for that")
	for _, bad := range []float64{0, 1, 2} {
		drift.Rate = bad
		require.ErrorContains(t, drift.Validate(1, 2), "give one other than 1, and within 0.1 of it")
	}
}

// TestRollingFaultsComeOneAfterTheOther shows that each node has its turn, and is back before the next goes.
func TestRollingFaultsComeOneAfterTheOther(t *testing.T) {
	for _, v := range Variants() {
		if !strings.HasPrefix(v.Name, "rolling-") {
			continue
		}
		series := v.Draw(Dice{Random: rand.New(rand.NewPCG(1, 1)), Nodes: 5, Clients: 2, TTL: time.Second})
		require.Len(t, series, 5, v.Name)
		hit, over := make(map[int]bool), time.Duration(-1)
		for _, f := range series {
			hit[f.Nodes[0]] = true
			assert.Greater(t, f.At, over, v.Name)
			assert.Equal(t, v.Name, f.Variant())
			over = f.At + f.For
		}
		assert.Len(t, hit, 5, v.Name)
	}
}

// TestStrobingClockIsPutRight has a fault that ends wherever the clock happens to be.
func TestStrobingClockIsPutRight(t *testing.T) {
	onBoth(t, func(t *testing.T, ctx context.Context, l *lab) {
		if err := l.Node(0).ClockControl(); err != nil {
			require.NotEqual(t, "1", os.Getenv("REDLOCK_REQUIRE_REDIS"), err)
			t.Skip(err)
		}
		for _, after := range []time.Duration{time.Millisecond, 15 * time.Millisecond, 30 * time.Millisecond} {
			applied, err := Fault{Kind: ClockStrobe, Nodes: []int{0}, By: time.Minute}.Apply(ctx, l.world())
			require.NoError(t, err)
			require.NoError(t, wait.For(ctx, after))
			_, err = applied.Undo(ctx)
			require.NoError(t, err)
			now, err := l.Node(0).Time(ctx)
			require.NoError(t, err)
			assert.WithinDuration(t, time.Now(), now, 5*time.Second)
		}
	})
}
