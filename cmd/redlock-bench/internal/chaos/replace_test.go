package chaos

import (
	"cmp"
	"context"
	"flag"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/cmd/internal/cluster"
	"github.com/a5bbb083/redlock/cmd/internal/effect"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/check"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/history"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/nemesis"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/protocol"
)

var (
	replaceFor  = flag.Duration("replace.for", 24*time.Second, "for how long TestReplacements… goes on")
	replaceSeed = flag.Uint64("replace.seed", 1, "the seed of its faults")
)

// replacements is a plan in which one node after the other is replaced, dead or alive, while one node at a time fails in another way and is back before
// the next does. So a majority of each list is always there. A quarter of the time passes before the first replacement.
func replacements(duration time.Duration, seed uint64) Plan {
	p := blank(int64(seed), duration)
	p.Spares = 1
	ttl := p.TTL.Duration()
	random := rand.New(rand.NewPCG(seed, 1))
	of := newElectorate(p)
	var faults []nemesis.Fault
	for at, i := duration/4, 0; ; i++ {
		f := nemesis.Fault{Kind: nemesis.ReplaceVoter, Nodes: []int{of.voters[random.IntN(p.Nodes)]}, At: at, By: ttl / 5, For: nemesis.LongestReplacement(ttl)}
		if i%2 == 1 {
			f.Kind = nemesis.ReplaceDeadVoter
		}
		if at += f.For + 2*ttl; at > duration-ttl {
			break
		}
		of, _ = of.without(f.Nodes[0])
		faults = append(faults, f)
	}
	for at := ttl; ; {
		f := nemesis.Fault{Nodes: []int{random.IntN(p.all())}, At: at, For: time.Duration(1+random.IntN(600)) * ttl / 1000}
		rest := ttl / 2
		switch random.IntN(5) {
		case 0:
			f.Kind = nemesis.PauseNode
		case 1:
			f.Kind, f.Memory, rest = nemesis.CrashNode, cluster.Keep, 2*ttl // it doesn't vote for a TTL
		case 2:
			f.Kind, f.Memory, rest = nemesis.CrashNode, cluster.Lose, 2*ttl
		case 3:
			f.Kind, f.For, rest = nemesis.FlushNode, 0, 2*ttl
		case 4:
			f.Kind = nemesis.Partition
			if random.IntN(2) == 0 {
				f.Clients = []int{random.IntN(p.Clients)}
			}
		}
		if at += f.For + rest; at > duration-ttl {
			break
		}
		with := p
		with.Faults = faults
		if with.compatible(f) { // not a node that is dead
			faults = append(faults, f)
		}
	}
	slices.SortStableFunc(faults, func(a, b nemesis.Fault) int { return cmp.Compare(a.At, b.At) })
	p.Faults = faults
	return p
}

// testReplacements shows that guarded goes on while its nodes are replaced: nobody works beside another, tokens grow, and no two locks
// are further apart than MaxTTL and a node time-out.
func testReplacements(t *testing.T, backend cluster.Backend) {
	r := newRun(t, "guarded", backend, 8*time.Second)
	r.Plan = replacements(*replaceFor, *replaceSeed)
	r.LastMoments, r.LongHolds = 0, 0
	require.NoError(t, r.Plan.Validate())
	require.Empty(t, r.Plan.Outside())
	planned := 0
	for _, f := range r.Plan.Faults {
		if f.Hits(nemesis.OnVoters) {
			planned++
		}
	}
	require.Positive(t, planned, "-replace.for is too short")
	var o *Outcome
	for range 3 { // a machine that's too busy to prove a fault leaves it unknown
		if o = perform(t, r); len(o.Doubts) == 0 {
			break
		}
	}
	replaced := o.Measures.Replaced
	require.NotNil(t, replaced)
	t.Logf("seed %d, %v: replacements %d, the longest %.0f ms; locks before %d, during %d, after %d; longest time without %.0f ms; faults: %+v",
		*replaceSeed, *replaceFor, replaced.Complete, replaced.Longest, replaced.Before, replaced.During, replaced.After, o.Measures.LongestGap, o.History.Chaos.Faults)
	assert.Empty(t, o.Doubts)
	assert.Equal(t, check.Held, o.Exclusion, o.Findings)
	assert.Equal(t, check.Held, o.Fencing, o.Findings)
	assert.Equal(t, check.Held, o.Linearizable.Verdict, o.Linearizable.Faults)
	assert.Empty(t, o.Outside)
	assert.Equal(t, planned, replaced.Complete)
	for _, one := range o.History.Replacements {
		assert.True(t, one.Joint)
		assert.Less(t, one.Began, one.Joined)
		assert.Less(t, one.Joined, one.Moved)
		assert.Less(t, one.Moved, one.Ended)
	}
	ttl := r.Plan.TTL.Duration()
	limit := float64((ttl + ttl/nodeTimeouts).Milliseconds())
	assert.LessOrEqual(t, o.Measures.LongestGap, limit, "ms without a lock")
	for phase, locks := range map[string]int{"before": replaced.Before, "during": replaced.During, "after": replaced.After} {
		assert.Greater(t, locks, 5, phase)
	}
}

func TestReplacementsOnEmbeddedNodes(t *testing.T) { testReplacements(t, cluster.Embedded) }

func TestReplacementsOnRealServers(t *testing.T) {
	if _, err := exec.LookPath("redis-server"); err != nil && os.Getenv("REDLOCK_REQUIRE_REDIS") != "1" {
		t.Skip(err)
	}
	testReplacements(t, cluster.Redis)
}

// TestClassicIsCaughtWhileNodesAreReplaced has no other faults: clients with the old list and with the new one each have a majority of their own.
func TestClassicIsCaughtWhileNodesAreReplaced(t *testing.T) {
	for _, name := range []string{"classic", "unguarded"} {
		t.Run(name, func(t *testing.T) {
			for range 5 {
				r := newRun(t, name, cluster.Embedded, 8*time.Second)
				r.Plan.Nodes, r.Plan.Spares, r.LastMoments, r.LongHolds = 3, 1, 0, 0
				r.Plan.Faults = nil
				for at := time.Second; at < 7*time.Second; at += 1500 * time.Millisecond {
					// The node in one place, and back.
					node := []int{1, 3}[len(r.Plan.Faults)%2]
					r.Plan.Faults = append(r.Plan.Faults, nemesis.Fault{Kind: nemesis.ReplaceVoter, Nodes: []int{node}, At: at, For: time.Second, By: 300 * time.Millisecond})
				}
				o := perform(t, r)
				// On a busy machine one takes longer than until the next, which is skipped then.
				assert.Positive(t, counted(o, "replace-voter").Proven)
				assert.Positive(t, o.Measures.Replaced.Complete)
				if o.Exclusion == check.Violated {
					for _, one := range o.History.Replacements {
						assert.False(t, one.Joint)
					}
					return
				}
			}
			assert.Fail(t, "never violated")
		})
	}
}

// TestDeadVoterComesBackEmpty shows what is done to a node that's replaced dead, and to the clients.
func TestDeadVoterComesBackEmpty(t *testing.T) {
	r := newRun(t, "classic", cluster.Embedded, 8*time.Second)
	r.Plan.Spares, r.LastMoments, r.LongHolds = 1, 0, 0
	r.Plan.Faults = []nemesis.Fault{
		{Kind: nemesis.ReplaceDeadVoter, Nodes: []int{2}, At: time.Second, For: 2 * time.Second, By: 100 * time.Millisecond},
		{Kind: nemesis.ReplaceVoter, Nodes: []int{2}, At: 4 * time.Second, For: 2 * time.Second}, // it isn't a voter any more
	}
	o := perform(t, r)
	assert.Equal(t, history.FaultCount{Kind: "replace-dead-voter", Planned: 1, Proven: 1}, counted(o, "replace-dead-voter"))
	assert.Equal(t, history.FaultCount{Kind: "replace-voter", Planned: 1, Skipped: 1}, counted(o, "replace-voter"))
	var changes []effect.Change
	for _, p := range o.History.Faults {
		if p.Change.Node == "C" {
			changes = append(changes, p.Change)
		}
	}
	assert.Equal(t, []effect.Change{{Node: "C", State: effect.Down}, {Node: "C", State: effect.Down, Over: true, Anew: true}}, changes)
	require.Len(t, o.History.Restarts, r.Plan.Clients)
	for _, one := range o.History.Restarts {
		assert.Equal(t, []int{0, 1, 5, 3, 4}, one.Nodes)
		assert.Nil(t, one.Joining)
		assert.Less(t, one.Ended, one.Began)
		after := 0
		for _, op := range o.History.Operations {
			if op.Client != one.Client || op.Op != protocol.Acquire {
				continue
			}
			assert.False(t, op.Sent > one.Ended && op.Sent < one.Began, "there's no process")
			if op.OK && op.Sent > one.Began {
				after++
			}
		}
		assert.Positive(t, after, "it goes on with the new list")
	}
}

// TestReplacementThatTheRunsEndBreaksOff shows that it's no evidence of anything, and leaves nothing behind.
func TestReplacementThatTheRunsEndBreaksOff(t *testing.T) {
	r := newRun(t, "guarded", cluster.Embedded, 8*time.Second)
	r.Plan.Spares = 1
	r.Plan.Faults = []nemesis.Fault{{Kind: nemesis.ReplaceDeadVoter, Nodes: []int{1}, At: time.Second, For: time.Second}}
	o := perform(t, r)
	assert.Equal(t, history.FaultCount{Kind: "replace-dead-voter", Planned: 1, Excused: 1}, counted(o, "replace-dead-voter"))
	assert.Empty(t, o.Doubts)
	assert.Equal(t, check.Held, o.Exclusion, o.Findings)
	require.Len(t, o.History.Replacements, 1)
	assert.Zero(t, o.History.Replacements[0].Ended)
	assert.Equal(t, Replaced{Begun: 1}, Replaced{Begun: o.Measures.Replaced.Begun, Complete: o.Measures.Replaced.Complete})
}

// TestClientThatCantBeStartedAnewEndsTheRun has a program that works once only.
func TestClientThatCantBeStartedAnewEndsTheRun(t *testing.T) {
	r := newRun(t, "classic", cluster.Embedded, time.Minute)
	r.Plan.Spares = 1
	r.Plan.Faults = []nemesis.Fault{{Kind: nemesis.ReplaceVoter, Nodes: []int{1}, At: time.Second, For: time.Second}}
	r.Worker = []string{os.Args[0], "worker-of-one-list", t.TempDir()}
	o, err := r.Perform(context.Background())
	require.NoError(t, err)
	require.Error(t, o.Err)
	assert.ErrorContains(t, o.Err, "this list is new")
	assert.Equal(t, check.Unknown, o.Exclusion)
	assert.Equal(t, 1, counted(o, "replace-voter").Failed)
}

func TestPlansReplaceWhatIsThere(t *testing.T) {
	least := nemesis.LongestReplacement(time.Second) + 4*time.Second
	p, err := Generate(blank(1, least), cluster.Embedded, nil, 0)
	require.NoError(t, err)
	assert.Equal(t, 1, p.Spares)
	p, err = Generate(blank(1, least-time.Second), cluster.Embedded, nil, 0)
	require.NoError(t, err)
	assert.Zero(t, p.Spares, "there's no time")
	_, err = Generate(blank(1, least-time.Second), cluster.Embedded, map[string]int{"replace-voter": 1}, 0)
	require.ErrorContains(t, err, "to replace a node takes up to 15s; give at least 19s")
	p, err = Generate(blank(1, least), cluster.Embedded, map[string]int{"flush": 1}, 0)
	require.NoError(t, err)
	assert.Zero(t, p.Spares, "nothing needs one")

	hit := 0
	for seed := range int64(10) {
		p, err := Generate(blank(seed, 3*time.Minute), cluster.Redis, map[string]int{"replace-voter": 3, "replace-dead-voter": 3, "flush": 1, "partition": 1}, 0)
		require.NoError(t, err)
		require.Empty(t, p.Outside())
		e, free := newElectorate(p), time.Duration(0)
		var dead []nemesis.Fault
		for _, f := range p.Faults {
			switch {
			case f.Hits(nemesis.OnVoters):
				require.Contains(t, e.voters, f.Nodes[0], "seed %d: %v", seed, f)
				require.GreaterOrEqual(t, f.At, free, "one at a time")
				require.Less(t, f.At+f.For, p.Duration.Duration())
				e, _ = e.without(f.Nodes[0])
				free = f.At + f.For
				if f.Kind == nemesis.ReplaceDeadVoter {
					dead = append(dead, f)
				}
			case f.Nodes[0] == 5:
				hit++
			}
			for _, d := range dead {
				assert.False(t, f.Kind == nemesis.FlushNode && f.Nodes[0] == d.Nodes[0] && f.At < d.At+d.For, "it's dead")
			}
		}
		assert.NotEqual(t, newElectorate(p), e)
	}
	assert.Positive(t, hit, "the spare node has other faults, too")
}

func TestReplaced(t *testing.T) {
	h := &history.History{TTL: 100 * ms, Start: 0, End: 1000 * ms, Operations: []history.Operation{
		acquire("client 1", 90*ms, 100*ms, 150*ms),
		acquire("client 1", 290*ms, 300*ms, 350*ms),
		acquire("client 2", 390*ms, 400*ms, 0),
		acquire("client 2", 490*ms, 500*ms, 550*ms),
		acquire("client 1", 690*ms, 700*ms, 750*ms),
		acquire("client 2", 890*ms, 900*ms, 950*ms),
	}}
	assert.Nil(t, Measure(h).Replaced)
	h.Replacements = []history.Replacement{{Began: 200 * ms, Ended: 450 * ms}, {Began: 600 * ms}}
	assert.Equal(t, &Replaced{Begun: 2, Complete: 1, Longest: 250, Before: 1, During: 3, After: 1}, Measure(h).Replaced)
}
