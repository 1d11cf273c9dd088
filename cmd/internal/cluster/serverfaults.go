package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/a5bbb083/redlock/cmd/internal/effect"
)

// Pause implements [Node] with SIGSTOP.
func (n *serverNode) Pause(ctx context.Context) (effect.Proof, error) {
	return n.signalled(ctx, PauseProcess)
}

// Resume implements [Node] with SIGCONT.
func (n *serverNode) Resume(ctx context.Context) (effect.Proof, error) {
	return n.signalled(ctx, ResumeProcess)
}

func (n *serverNode) signalled(ctx context.Context, signal func(context.Context, int) (effect.Proof, error)) (effect.Proof, error) {
	n.faults.Lock()
	defer n.faults.Unlock()
	if _, err := n.direct(); err != nil {
		return effect.Proof{}, err
	}
	proof, err := signal(ctx, n.process.pid())
	proof.Target, proof.Change.Node = "node "+n.Name(), n.Name()
	return proof, err
}

// Kill implements [Node] with SIGKILL.
func (n *serverNode) Kill(context.Context) (effect.Proof, error) {
	n.faults.Lock()
	defer n.faults.Unlock()
	if _, err := n.direct(); err != nil {
		return effect.Proof{}, err
	}
	return n.kill()
}

func (n *serverNode) kill() (effect.Proof, error) {
	p := n.process
	proof := n.proof("crashed", fmt.Sprintf("wait for process %d", p.pid())).Begins(effect.Down)
	n.disconnect()
	ending, err := p.kill()
	if err != nil {
		return effect.Proof{}, err
	}
	n.died = time.Now()
	return seen(proof, "running", ending), nil
}

// Restart implements [Node].
func (n *serverNode) Restart(ctx context.Context, memory Memory) (effect.Proof, error) {
	n.faults.Lock()
	defer n.faults.Unlock()
	if n.closed {
		return effect.Proof{}, fmt.Errorf("%w: node %s: the cluster is closed", ErrNotRunning, n.Name())
	}
	// Said before a running server is killed for nothing.
	if err := checkMemory(n.Name(), n.host.config.Persistence, memory); err != nil {
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
	return n.startOver(ctx, proof, memory == Lose, func() (string, error) { return n.prepareMemory(memory) })
}

// startOver kills the server if it still runs, prepares what the next one finds, starts that, and completes the proof of
// it. Nothing may be left if it's to be empty.
func (n *serverNode) startOver(ctx context.Context, proof effect.Proof, empty bool, prepare func() (forgotten string, err error)) (effect.Proof, error) {
	if n.Running() {
		if _, err := n.kill(); err != nil {
			return effect.Proof{}, err
		}
		proof.Began = hostNow()
	}
	before := n.runID
	forgotten, err := prepare()
	if err != nil {
		return effect.Proof{}, err
	}
	if err := n.start(ctx); err != nil {
		return effect.Proof{}, err
	}
	keys, err := n.keys(ctx)
	if err != nil {
		return effect.Proof{}, err
	}
	proof = seen(proof, "run "+before[:8], fmt.Sprintf("run %s with %s%s", n.runID[:8], keyCount(keys), forgotten))
	if !isRestart(before, n.runID, empty, keys) {
		return effect.Proof{}, fmt.Errorf("%w: %v", ErrNotProven, proof)
	}
	return proof, nil
}

// ClockControl implements [Node].
func (n *serverNode) ClockControl() error { return n.host.clockErr }

// JumpClock implements [Node].
func (n *serverNode) JumpClock(ctx context.Context, d time.Duration) (effect.Proof, error) {
	n.faults.Lock()
	defer n.faults.Unlock()
	return proveJump(ctx, n, d, func() error {
		now := time.Now()
		return n.bendClock(n.bend.jumped(now, d))
	})
}

// SetClockRate implements [Node].
func (n *serverNode) SetClockRate(ctx context.Context, rate float64) (effect.Proof, error) {
	n.faults.Lock()
	defer n.faults.Unlock()
	return proveRate(ctx, n, rate, func() error {
		now := time.Now()
		return n.bendClock(n.bend.atRate(now, rate))
	})
}

func (n *serverNode) bendClock(b bend) error {
	if n.host.clock == nil {
		return n.host.clockErr
	}
	if err := n.host.clock.write(n.dir, b, n.started); err != nil {
		return errors.Join(fmt.Errorf("cluster: bend the clock of node %s", n.Name()), err)
	}
	n.bend = b
	return nil
}
