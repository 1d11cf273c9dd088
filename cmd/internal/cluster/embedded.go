package cluster

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/a5bbb083/redlock/cmd/internal/effect"
	"github.com/a5bbb083/redlock/redlock/redlocktest"
)

// embeddedNode is a node inside this process, reached by TCP like a real one.
type embeddedNode struct {
	base
	node     *redlocktest.Node
	log      Persistence
	link     *redlocktest.Link // of everybody but the backdoor
	backdoor *redis.Client

	// The rest is guarded by faults.
	died    time.Time
	durable dataset  // what a power loss leaves
	replica *dataset // nil unless there is one
}

func startEmbedded(ctx context.Context, config Config) (*Cluster, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	quorum, err := redlocktest.Start(config.Nodes, redlocktest.WithSeed(config.Seed))
	if err != nil {
		return nil, err
	}
	c := &Cluster{config: config}
	c.stop = sync.OnceValue(func() error {
		for _, n := range c.nodes {
			n.(*embeddedNode).disconnect()
		}
		quorum.Close()
		return nil
	})
	for i, node := range quorum.Nodes() {
		addr, err := node.Listen("127.0.0.1:0")
		if err != nil {
			return nil, errors.Join(fmt.Errorf("cluster: start node %s: %w", effect.NodeName(i), err), c.Close())
		}
		n := &embeddedNode{base: base{index: i}, node: node, log: config.Persistence}
		n.link, n.backdoor = quorum.Member("").Link(i), quorum.Member("harness").Client(i, nil)
		n.durable.at = time.Now()
		n.connect(addr.String())
		c.nodes = append(c.nodes, n)
	}
	return c, nil
}

// Running implements [Node].
func (n *embeddedNode) Running() bool { return n.node.Running() }

// silence is for how long a paused node is given the chance to answer nevertheless.
const silence = 50 * time.Millisecond

// Pause implements [Node].
func (n *embeddedNode) Pause(ctx context.Context) (effect.Proof, error) {
	n.faults.Lock()
	defer n.faults.Unlock()
	if _, err := n.direct(); err != nil {
		return effect.Proof{}, err
	}
	proof := n.proof("paused", "PING").Begins(effect.Stopped)
	before := n.observe(ctx, silence)
	n.node.Pause()
	proof = seen(proof, before, n.observe(ctx, silence))
	if proof.After == answered {
		return effect.Proof{}, fmt.Errorf("%w: %v", ErrNotProven, proof)
	}
	if err := ctx.Err(); err != nil {
		return effect.Proof{}, fmt.Errorf("%w: node %s wasn't given the time to answer: %w", ErrNotProven, n.Name(), err)
	}
	return proof, nil
}

// Resume implements [Node].
func (n *embeddedNode) Resume(ctx context.Context) (effect.Proof, error) {
	n.faults.Lock()
	defer n.faults.Unlock()
	if _, err := n.direct(); err != nil {
		return effect.Proof{}, err
	}
	proof := n.proof("resumed", "PING").Ends(effect.Stopped)
	// Short, because the pause goes on meanwhile.
	before := n.observe(ctx, silence/10)
	n.node.Resume()
	proof = seen(proof, before, n.observe(ctx, adminTimeout))
	if proof.After != answered {
		return effect.Proof{}, fmt.Errorf("%w: %v", ErrNotProven, proof)
	}
	return proof, nil
}

// Kill implements [Node].
func (n *embeddedNode) Kill(context.Context) (effect.Proof, error) {
	n.faults.Lock()
	defer n.faults.Unlock()
	if _, err := n.direct(); err != nil {
		return effect.Proof{}, err
	}
	return n.kill()
}

func (n *embeddedNode) kill() (effect.Proof, error) {
	proof := n.proof("crashed", "state of the embedded node").Begins(effect.Down)
	n.node.Crash()
	n.died = time.Now()
	n.disconnect()
	if n.node.Running() {
		return effect.Proof{}, fmt.Errorf("%w: node %s still runs", ErrNotProven, n.Name())
	}
	return seen(proof, "running", "gone"), nil
}

// Restart implements [Node].
func (n *embeddedNode) Restart(ctx context.Context, memory Memory) (effect.Proof, error) {
	n.faults.Lock()
	defer n.faults.Unlock()
	if err := checkMemory(n.Name(), n.log, memory); err != nil {
		return effect.Proof{}, err
	}
	if memory == PowerLoss {
		died := n.died
		if n.Running() {
			died = time.Now()
		}
		if err := checkAge(n.Name(), n.durable.at, died); err != nil {
			return effect.Proof{}, err
		}
	}
	proof := n.proof("restarted, memory: "+string(memory), "run_id and DBSIZE").Ends(effect.Down).Anew()
	return n.reborn(ctx, proof, memory == Lose, func() error {
		if memory == PowerLoss || memory == Snapshot {
			return n.restartWith(ctx, n.durable)
		}
		n.node.Restart(memory == Keep)
		return nil
	})
}

// reborn restarts the node and completes the proof of it. Nothing may be left if it's to be empty.
func (n *embeddedNode) reborn(ctx context.Context, proof effect.Proof, empty bool, restart func() error) (effect.Proof, error) {
	before := n.node.RunID()
	if err := restart(); err != nil {
		return effect.Proof{}, err
	}
	n.connect(n.Addr())
	after, err := n.RunID(ctx)
	if err != nil {
		return effect.Proof{}, err
	}
	keys, err := n.keys(ctx)
	if err != nil {
		return effect.Proof{}, err
	}
	proof = seen(proof, "run "+before[:8], fmt.Sprintf("run %s with %s", after[:8], keyCount(keys)))
	if !isRestart(before, after, empty, keys) {
		return effect.Proof{}, fmt.Errorf("%w: %v", ErrNotProven, proof)
	}
	return proof, nil
}

// ClockControl implements [Node].
func (n *embeddedNode) ClockControl() error { return nil }

// JumpClock implements [Node].
func (n *embeddedNode) JumpClock(ctx context.Context, d time.Duration) (effect.Proof, error) {
	n.faults.Lock()
	defer n.faults.Unlock()
	return proveJump(ctx, n, d, func() error {
		n.node.Jump(d)
		return nil
	})
}

// SetClockRate implements [Node].
func (n *embeddedNode) SetClockRate(ctx context.Context, rate float64) (effect.Proof, error) {
	n.faults.Lock()
	defer n.faults.Unlock()
	return proveRate(ctx, n, rate, func() error {
		n.node.SetRate(rate)
		return nil
	})
}
