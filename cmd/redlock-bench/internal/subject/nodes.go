package subject

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// compareAndDelete is the script of https://redis.io/docs/latest/develop/use/patterns/distributed-locks/.
var compareAndDelete = redis.NewScript(`
if redis.call("get", KEYS[1]) == ARGV[1] then
  return redis.call("del", KEYS[1])
else
  return 0
end`)

// compareAndExpire is its counterpart for extensions.
var compareAndExpire = redis.NewScript(`
if redis.call("get", KEYS[1]) == ARGV[1] then
  return redis.call("pexpire", KEYS[1], ARGV[2])
else
  return 0
end`)

// nodes are the connections of one client to the nodes that it uses.
type nodes struct {
	clients []*redis.Client
	timeout time.Duration
	clock   *Clock
}

// dial connects to every node that answers within its time-out, so that a lock is the first
// thing that travels over a link once the experiment has begun.
func dial(ctx context.Context, c Config) (*nodes, error) {
	n := &nodes{timeout: c.NodeTimeout, clock: c.Clock}
	for _, url := range c.Nodes {
		options, err := redis.ParseURL(url)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("subject: node %s: %w", url, err), n.Close())
		}
		// A request that the client library repeats, or goes on with after its time, would be
		// a fault of the library and not of the algorithm.
		options.ContextTimeoutEnabled = true
		options.MaxRetries = -1
		options.DialerRetries = 1
		options.DialTimeout = c.NodeTimeout
		options.ReadTimeout = c.NodeTimeout
		options.WriteTimeout = c.NodeTimeout
		options.PoolSize = 2
		options.Protocol = 2
		options.DisableIdentity = true
		options.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
		n.clients = append(n.clients, redis.NewClient(options))
	}
	n.count(ctx, func(ctx context.Context, c *redis.Client) (bool, error) { return true, c.Ping(ctx).Err() })
	return n, nil
}

// Close closes all connections.
func (n *nodes) Close() error {
	var errs []error
	for _, c := range n.clients {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}

func (n *nodes) majority() int { return len(n.clients)/2 + 1 }

// count asks all nodes at once, waits for each at most the node time-out, and returns how many
// said yes, and why the others did not.
func (n *nodes) count(ctx context.Context, ask func(context.Context, *redis.Client) (bool, error)) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, n.timeout)
	defer cancel()
	var (
		wait sync.WaitGroup
		yes  = make([]bool, len(n.clients))
		errs = make([]error, len(n.clients))
	)
	for i, c := range n.clients {
		wait.Go(func() { yes[i], errs[i] = ask(ctx, c) })
	}
	wait.Wait()
	granted := 0
	for i := range yes {
		if yes[i] && errs[i] == nil {
			granted++
		}
	}
	return granted, errors.Join(errs...)
}

// set plants the key where there is none, on every node.
func (n *nodes) set(ctx context.Context, name, value string, ttl time.Duration) (int, error) {
	return n.count(ctx, func(ctx context.Context, c *redis.Client) (bool, error) {
		err := c.SetArgs(ctx, name, value, redis.SetArgs{Mode: "NX", TTL: ttl}).Err()
		if errors.Is(err, redis.Nil) {
			return false, nil // held by another
		}
		return err == nil, err
	})
}

// expire gives the key its TTL again on every node where it has this value.
func (n *nodes) expire(ctx context.Context, name, value string, ttl time.Duration) (int, error) {
	return n.count(ctx, func(ctx context.Context, c *redis.Client) (bool, error) {
		return compareAndExpire.Run(ctx, c, []string{name}, value, ttl.Milliseconds()).Bool()
	})
}

// remove deletes the key on every node where it has this value.
func (n *nodes) remove(ctx context.Context, name, value string) (int, error) {
	return n.count(ctx, func(ctx context.Context, c *redis.Client) (bool, error) {
		return compareAndDelete.Run(ctx, c, []string{name}, value).Bool()
	})
}

// refused explains an operation that too few nodes granted.
func (n *nodes) refused(op string, granted int, err error) error {
	refusal := fmt.Errorf("%w: %s granted by %d of %d nodes", ErrRefused, op, granted, len(n.clients))
	return errors.Join(refusal, err)
}

// randomValue is a value that no other acquisition has.
func randomValue() string { return rand.Text() }

// grant is what every lease knows.
type grant struct {
	name, token string
	ttl         time.Duration
	validUntil  time.Duration // by clock
	clock       *Clock
}

func (g *grant) Token() string             { return g.token }
func (g *grant) Fence() int64              { return 0 }
func (g *grant) ValidUntil() time.Duration { return g.clock.boot(g.validUntil) }
