package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a5bbb083/redlock/cmd/internal/effect"
	"github.com/a5bbb083/redlock/cmd/internal/wait"
)

// VolatileTTL is the policy that evicts what has the least time to live.
const VolatileTTL = "volatile-ttl"

// Policies are those by which a server evicts keys, see maxmemory-policy in redis.conf.
func Policies() []string {
	return []string{VolatileTTL, "volatile-lru", "volatile-lfu", "volatile-random", "allkeys-lru", "allkeys-lfu", "allkeys-random"}
}

// Other data fills the memory while the policy is [VolatileTTL]. It lives for longer than locks do, and for
// less than what is kept for a day, and so the server takes locks first, and then this.
const (
	fillers    = 200
	fillerSize = 1 << 10
	fillerLife = 2 * time.Hour
)

// The witness is a key of the harness's own that the policy takes last, of what it's about: a server that took it
// took the others, too.
const (
	witness      = "redlock-bench:witness"
	evictTimeout = 5 * time.Second
)

// Evict implements [Node].
func (n *serverNode) Evict(ctx context.Context, policy string) (_ effect.Proof, err error) {
	if !slices.Contains(Policies(), policy) {
		return effect.Proof{}, fmt.Errorf("cluster: eviction by %q: give one of %q", policy, Policies())
	}
	n.faults.Lock()
	defer n.faults.Unlock()
	proof := n.proof("ran out of memory, maxmemory-policy "+policy, "evicted_keys, and a key of the harness").Anew()
	before, err := n.count(ctx, "stats", "evicted_keys")
	if err != nil {
		return effect.Proof{}, err
	}
	defer func() {
		// Also where it failed half-way, and when ctx is over.
		err = errors.Join(err, n.endEviction(context.WithoutCancel(ctx)))
	}()
	if err := n.prepareEviction(ctx, policy); err != nil {
		return effect.Proof{}, err
	}
	limit, err := n.count(ctx, "memory", "used_memory")
	if err != nil {
		return effect.Proof{}, err
	}
	deadline := time.Now().Add(evictTimeout)
	for gone := false; !gone; {
		if limit -= 32 * fillerSize; policy != VolatileTTL {
			limit = 1
		}
		if err := n.commands(ctx, []any{"CONFIG", "SET", "maxmemory", limit}); err != nil {
			return effect.Proof{}, err
		}
		if err := wait.For(ctx, time.Millisecond); err != nil {
			return effect.Proof{}, err
		}
		if gone, err = n.evicted(ctx, policy); err != nil {
			return effect.Proof{}, err
		}
		if !gone && time.Now().After(deadline) {
			return effect.Proof{}, fmt.Errorf("%w: node %s evicted nothing that counts in %v", ErrNotProven, n.Name(), evictTimeout)
		}
	}
	after, err := n.count(ctx, "stats", "evicted_keys")
	if err != nil {
		return effect.Proof{}, err
	}
	if !isEviction(before, after) {
		return effect.Proof{}, fmt.Errorf("%w: node %s says that it evicted %d keys, as before", ErrNotProven, n.Name(), after)
	}
	return seen(proof, fmt.Sprintf("%d evicted", before), fmt.Sprintf("%d evicted, that key, too", after)), nil
}

// prepareEviction fills the memory, and plants the witness.
func (n *serverNode) prepareEviction(ctx context.Context, policy string) error {
	plant := []any{"SET", witness, "1", "PX", time.Minute.Milliseconds()}
	switch {
	case policy == VolatileTTL:
		// Keys made by a script, since 200 commands would take the server's time.
		err := n.commands(ctx, []any{"EVAL", "for i = 1, ARGV[1] do redis.call('SET', KEYS[1] .. i, string.rep('x', ARGV[2]), 'PX', ARGV[3]) end",
			"1", witness + ":filler:", fillers, fillerSize, fillerLife.Milliseconds()})
		if err != nil {
			return err
		}
	case strings.HasPrefix(policy, "allkeys"):
		plant = plant[:3]
	}
	// With the most samples the server finds the right keys.
	return n.commands(ctx, plant, []any{"CONFIG", "SET", "maxmemory-samples", "64"}, []any{"CONFIG", "SET", "maxmemory-policy", policy})
}

// evicted tells whether the server has evicted what it was to.
func (n *serverNode) evicted(ctx context.Context, policy string) (bool, error) {
	_, there, err := n.Value(ctx, witness)
	if err != nil || there || policy == VolatileTTL {
		return err == nil && !there, err
	}
	keyspace, err := n.text(ctx, "INFO", "keyspace")
	if err != nil || strings.HasPrefix(policy, "allkeys") {
		return !strings.Contains(keyspace, "db0:"), err
	}
	return !strings.Contains(keyspace, "db0:") || strings.Contains(keyspace, ",expires=0,"), nil
}

// endEviction gives the server memory without limit again, and takes away what filled it.
func (n *serverNode) endEviction(ctx context.Context) error {
	return n.commands(ctx,
		[]any{"CONFIG", "SET", "maxmemory", "0"}, []any{"CONFIG", "SET", "maxmemory-policy", "noeviction"},
		[]any{"EVAL", "for i = 1, ARGV[1] do redis.call('DEL', KEYS[1] .. i) end redis.call('DEL', KEYS[2])", "2", witness + ":filler:", witness, fillers})
}

// commands sends one after the other until one fails.
func (n *serverNode) commands(ctx context.Context, all ...[]any) error {
	for _, args := range all {
		if _, err := n.Command(ctx, args...); err != nil {
			return err
		}
	}
	return nil
}

func (n *serverNode) text(ctx context.Context, args ...any) (string, error) {
	a, err := n.direct()
	if err != nil {
		return "", err
	}
	return a.text(ctx, args...)
}

// count reads a number from INFO.
func (n *serverNode) count(ctx context.Context, section, field string) (int64, error) {
	a, err := n.direct()
	if err != nil {
		return 0, err
	}
	value, err := a.info(ctx, section, field)
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(value, 10, 64)
}
