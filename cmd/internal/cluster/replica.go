package cluster

import (
	"context"
	"errors"
	"fmt"
	"github.com/a5bbb083/redlock/cmd/internal/wait"
	"io"
	"net"
	"time"

	"github.com/a5bbb083/redlock/cmd/internal/effect"
)

// replica is a server that has what its node had when it was last in sync.
type replica struct {
	*serverNode
	// nowhere is what the replica was given instead of its primary: a socket at which nobody
	// answers, as after a cut of the network. Nothing else reaches its dataset then.
	nowhere io.Closer
}

// close ends the replica; nil stands for none.
func (r *replica) close() error {
	if r == nil {
		return nil
	}
	return errors.Join(r.serverNode.close(), r.nowhere.Close())
}

// Replicate implements [Node] with a redis-server that is a replica until it's in sync, and whose
// link to its primary is cut then.
func (n *serverNode) Replicate(ctx context.Context) (effect.Proof, error) {
	n.faults.Lock()
	defer n.faults.Unlock()
	if _, err := n.direct(); err != nil {
		return effect.Proof{}, err
	}
	if err := n.replica.close(); err != nil {
		return effect.Proof{}, err
	}
	n.replica = nil
	proof := n.proof("has a replica that misses what is written from now on", "DBSIZE of both, and INFO replication of the replica")
	keys, err := n.keys(ctx)
	if err != nil {
		return effect.Proof{}, err
	}
	r, err := n.startReplica(ctx)
	if err != nil {
		return effect.Proof{}, fmt.Errorf("cluster: replica of node %s: %w", n.Name(), err)
	}
	n.replica = r
	copied, err := r.keys(ctx)
	if err != nil {
		return effect.Proof{}, err
	}
	link, err := r.replication(ctx, "master_link_status")
	if err != nil {
		return effect.Proof{}, err
	}
	proof = seen(proof, keyCount(keys), fmt.Sprintf("%s, link %s", keyCount(copied), link))
	if !missesWrites(link) {
		return effect.Proof{}, fmt.Errorf("%w: %v", ErrNotProven, proof)
	}
	return proof, nil
}

// startReplica returns a replica that was in sync and is cut off.
func (n *serverNode) startReplica(ctx context.Context) (r *replica, err error) {
	nowhere, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r = &replica{serverNode: newServerNode(n.host, n.index), nowhere: nowhere}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.close())
		}
	}()
	n.replicas++
	if r.dir, err = n.host.workspace.Sub(fmt.Sprintf("%s-replica-%d", n.Name(), n.replicas)); err != nil {
		return r, err
	}
	r.bend = n.bend
	if err := r.start(ctx); err != nil {
		return r, err
	}
	if err := r.follow(ctx, n.Addr()); err != nil {
		return r, err
	}
	if err := r.awaitSync(ctx); err != nil {
		return r, err
	}
	return r, r.follow(ctx, nowhere.Addr().String())
}

// follow makes the server a replica of the one at addr. It keeps its data until it's in sync.
func (r *replica) follow(ctx context.Context, addr string) error {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return err
	}
	_, err = r.Command(ctx, "REPLICAOF", host, port)
	return err
}

// syncTimeout bounds the copying of a few keys, for which Redis sometimes waits a second.
const syncTimeout = 10 * time.Second

func (r *replica) awaitSync(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, syncTimeout)
	defer cancel()
	for {
		link, err := r.replication(ctx, "master_link_status")
		if err == nil && link == "up" {
			return nil
		}
		if waitErr := wait.For(ctx, 2*time.Millisecond); waitErr != nil {
			return fmt.Errorf("%w: it isn't in sync with its primary: link %s: %w", ErrNotProven, link, errors.Join(waitErr, err))
		}
	}
}

func (r *replica) replication(ctx context.Context, field string) (string, error) {
	a, err := r.direct()
	if err != nil {
		return "", err
	}
	return a.info(ctx, "replication", field)
}

// Failover implements [Node].
func (n *serverNode) Failover(ctx context.Context) (effect.Proof, error) {
	n.faults.Lock()
	defer n.faults.Unlock()
	if n.replica == nil {
		return effect.Proof{}, errNoReplica(n.Name())
	}
	if n.Running() {
		if _, err := n.kill(); err != nil {
			return effect.Proof{}, err
		}
	}
	proof := n.proof("failed over to its replica", "run_id, role and DBSIZE").Anew()
	before := n.runID
	if _, err := n.replica.Command(ctx, "REPLICAOF", "NO", "ONE"); err != nil {
		return effect.Proof{}, err
	}
	if err := n.adopt(ctx); err != nil {
		return effect.Proof{}, err
	}
	a, err := n.direct()
	if err != nil {
		return effect.Proof{}, err
	}
	role, err := a.info(ctx, "replication", "role")
	if err != nil {
		return effect.Proof{}, err
	}
	keys, err := n.keys(ctx)
	if err != nil {
		return effect.Proof{}, err
	}
	proof = seen(proof, "run "+before[:8], fmt.Sprintf("run %s, %s with %s", n.runID[:8], role, keyCount(keys)))
	if !isFailover(before, n.runID, role) {
		return effect.Proof{}, fmt.Errorf("%w: %v", ErrNotProven, proof)
	}
	return proof, nil
}

func errNoReplica(name string) error {
	return fmt.Errorf("%w: node %s has no replica to fail over to; call Replicate first", ErrUnsupported, name)
}

// adopt makes the replica's process that of the node.
func (n *serverNode) adopt(ctx context.Context) error {
	r := n.replica
	n.replica = nil
	n.dir, n.started = r.dir, r.started
	n.connect(r.Addr())
	r.disconnect()
	n.mu.Lock()
	n.process = r.process
	n.mu.Unlock()
	if err := r.nowhere.Close(); err != nil {
		return err
	}
	if n.host.clock != nil {
		// Its clock may have been bent since the replica started.
		if err := n.bendClock(n.bend); err != nil {
			return err
		}
	}
	return n.noteBirth(ctx)
}
