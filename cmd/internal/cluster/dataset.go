package cluster

import (
	"context"
	"fmt"
	"time"

	"github.com/a5bbb083/redlock/cmd/internal/effect"
	"github.com/redis/go-redis/v9"
)

// dataset is a copy of what an embedded node held at some time: its stand-in for a log, a snapshot
// or a replica.
type dataset struct {
	keys []datum
	at   time.Time // by the host's clock
}

// datum is one key of a copy. Lock algorithms use strings and hashes only.
type datum struct {
	name    string
	text    string
	fields  map[string]string // nil for a string
	expires time.Time         // by the node's clock; zero is never
}

// unseen runs what nobody else may see half done: no request of a client reaches the node
// meanwhile.
func (n *embeddedNode) unseen(do func(*redis.Client) error) error {
	n.link.Cut()
	defer n.link.Heal()
	return do(n.backdoor)
}

// remember copies what the node holds.
func (n *embeddedNode) remember(ctx context.Context) (dataset, error) {
	d := dataset{at: time.Now()}
	err := n.unseen(func(c *redis.Client) error {
		names, err := c.Keys(ctx, "*").Result()
		if err != nil {
			return err
		}
		for _, name := range names {
			k, err := n.readKey(ctx, c, name)
			if err != nil {
				return err
			}
			d.keys = append(d.keys, k)
		}
		return nil
	})
	if err != nil {
		return d, fmt.Errorf("cluster: copy node %s: %w", n.Name(), err)
	}
	return d, nil
}

func (n *embeddedNode) readKey(ctx context.Context, c *redis.Client, name string) (datum, error) {
	k := datum{name: name}
	left, err := c.PTTL(ctx, name).Result()
	if err != nil {
		return k, err
	}
	if left > 0 {
		k.expires = n.node.Now().Add(left)
	}
	kind, err := c.Type(ctx, name).Result()
	if err != nil {
		return k, err
	}
	switch kind {
	case "string":
		k.text, err = c.Get(ctx, name).Result()
	case "hash":
		k.fields, err = c.HGetAll(ctx, name).Result()
	case "none":
		k.expires = n.node.Now() // since it was listed
	default:
		err = fmt.Errorf("%w: %q is a %s, and only strings and hashes can be copied", ErrUnsupported, name, kind)
	}
	return k, err
}

// restartWith starts the node anew with a copy, less what has expired since.
func (n *embeddedNode) restartWith(ctx context.Context, d dataset) error {
	err := n.unseen(func(c *redis.Client) error {
		n.node.Restart(false)
		for _, k := range d.keys {
			if err := n.writeKey(ctx, c, k); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("cluster: restore node %s: %w", n.Name(), err)
	}
	return nil
}

func (n *embeddedNode) writeKey(ctx context.Context, c *redis.Client, k datum) error {
	var left time.Duration
	if !k.expires.IsZero() {
		if left = k.expires.Sub(n.node.Now()); left < time.Millisecond {
			return nil
		}
	}
	if k.fields == nil {
		return c.Set(ctx, k.name, k.text, left).Err()
	}
	if err := c.HSet(ctx, k.name, k.fields).Err(); err != nil || left == 0 {
		return err
	}
	return c.PExpire(ctx, k.name, left).Err()
}

// Checkpoint implements [Node] with a copy.
func (n *embeddedNode) Checkpoint(ctx context.Context) (effect.Proof, error) {
	n.faults.Lock()
	defer n.faults.Unlock()
	if err := checkCheckpoint(n.log); err != nil {
		return effect.Proof{}, err
	}
	proof := n.proof("checkpoint taken", "keys in the copy")
	taken, err := n.remember(ctx)
	if err != nil {
		return effect.Proof{}, err
	}
	before := keyCount(int64(len(n.durable.keys)))
	n.durable = taken
	return seen(proof, before, keyCount(int64(len(taken.keys)))), nil
}

// Replicate implements [Node] with a copy.
func (n *embeddedNode) Replicate(ctx context.Context) (effect.Proof, error) {
	n.faults.Lock()
	defer n.faults.Unlock()
	if _, err := n.direct(); err != nil {
		return effect.Proof{}, err
	}
	proof := n.proof("has a replica that misses what is written from now on", "DBSIZE, and keys in the copy")
	keys, err := n.keys(ctx)
	if err != nil {
		return effect.Proof{}, err
	}
	taken, err := n.remember(ctx)
	if err != nil {
		return effect.Proof{}, err
	}
	n.replica = &taken
	return seen(proof, keyCount(keys), keyCount(int64(len(taken.keys)))), nil
}

// Failover implements [Node] with a restart from the replica's copy: like a promoted replica, the
// node has another run id and older data.
func (n *embeddedNode) Failover(ctx context.Context) (effect.Proof, error) {
	n.faults.Lock()
	defer n.faults.Unlock()
	if n.replica == nil {
		return effect.Proof{}, errNoReplica(n.Name())
	}
	proof := n.proof("failed over to its replica", "run_id and DBSIZE").Anew()
	copied := *n.replica
	n.replica = nil
	return n.reborn(ctx, proof, false, func() error { return n.restartWith(ctx, copied) })
}
