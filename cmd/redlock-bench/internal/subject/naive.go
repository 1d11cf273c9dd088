package subject

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"
)

// naive is the lock of many a blog post: whoever finishes deletes the key, whosever it is.
var naive = Subject{
	Name:       "naive",
	About:      "one node, SET NX PX; deletes the key without looking whose it is, trusts its lock for a TTL from the reply on",
	SingleNode: true,
	Traits:     textbook | NeedsOneNode | GoClock | TermFromReply | BlindRelease,
	Open: func(ctx context.Context, c Config) (Locker, error) {
		n, err := dial(ctx, c.middle())
		return naiveLocker{n}, err
	},
}

type naiveLocker struct{ *nodes }

func (l naiveLocker) Acquire(ctx context.Context, name string, ttl time.Duration) (Lease, error) {
	granted, err := l.set(ctx, name, "locked", ttl)
	if granted == 0 {
		return nil, l.refused("acquire", granted, err)
	}
	return &naiveLease{grant{name, "locked", ttl, l.clock.Now() + ttl, l.clock}, l.nodes}, nil
}

type naiveLease struct {
	grant
	nodes *nodes
}

func (l *naiveLease) Extend(ctx context.Context) error {
	granted, err := l.nodes.count(ctx, func(ctx context.Context, c *redis.Client) (bool, error) {
		return c.PExpire(ctx, l.name, l.ttl).Result()
	})
	if granted == 0 {
		return l.nodes.refused("extend", granted, err)
	}
	l.validUntil = l.clock.Now() + l.ttl
	return nil
}

func (l *naiveLease) Release(ctx context.Context) error {
	granted, err := l.nodes.count(ctx, func(ctx context.Context, c *redis.Client) (bool, error) {
		deleted, err := c.Del(ctx, l.name).Result()
		return deleted == 1, err
	})
	if granted == 0 {
		return l.nodes.refused("release", granted, err)
	}
	return nil
}
