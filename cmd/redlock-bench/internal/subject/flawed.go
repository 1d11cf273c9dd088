package subject

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/redis/go-redis/v9"
)

// flawed are classic, and guarded where it's about tokens, each with one slip that's easily made and hardly
// ever shows. A harness that doesn't find them lets such a lock pass.
var flawed = []Subject{
	slip("flawed-overstay-3ms", "classic that believes for 3 ms longer than its TTL", flaw{overstay: 3 * time.Millisecond}),
	slip("flawed-overstay-15ms", "classic that believes for 15 ms longer than its TTL", flaw{overstay: 15 * time.Millisecond}),
	slip("flawed-no-drift", "classic that allows for no clock drift", flaw{noDrift: true}),
	slip("flawed-release", "classic that doesn't look whose lock it gives back, 1 time in 50", flaw{careless: 0.02}),
	slip("flawed-revival", "classic whose extensions take a lock that's over", flaw{revives: true}),
	slip("flawed-litter", "classic that keeps what a failed attempt was granted", flaw{litters: true}),
	{
		Name: "flawed-tokens", About: "guarded that repeats its last fencing token, 1 time in 100", Fencing: true,
		Open: func(ctx context.Context, c Config) (Locker, error) {
			l, err := openGuarded(ctx, c)
			return &repeatingLocker{changingLocker: changingLocker{l}}, err
		},
	},
}

// flaw is what is wrong with a lock.
type flaw struct {
	overstay time.Duration
	noDrift  bool
	careless float64
	revives  bool
	litters  bool
}

func slip(name, about string, f flaw) Subject {
	return Subject{Name: name, About: about, Open: func(ctx context.Context, c Config) (Locker, error) {
		n, err := dial(ctx, c)
		return flawedLocker{n, f}, err
	}}
}

type flawedLocker struct {
	*nodes
	flaw
}

func (l flawedLocker) validUntil(start, ttl time.Duration) time.Duration {
	if l.noDrift || l.overstay > 0 {
		return start + ttl + l.overstay
	}
	return start + ttl - drift(ttl)
}

func (l flawedLocker) Acquire(ctx context.Context, name string, ttl time.Duration) (Lease, error) {
	token, start := randomValue(), l.clock.Now()
	granted, err := l.set(ctx, name, token, ttl)
	validUntil := l.validUntil(start, ttl)
	if granted < l.majority() || l.clock.Now() >= validUntil {
		if !l.litters {
			_, _ = l.remove(context.WithoutCancel(ctx), name, token)
		}
		return nil, l.refused("acquire", granted, err)
	}
	return &flawedLease{grant{name, token, ttl, validUntil, l.clock}, l}, nil
}

type flawedLease struct {
	grant
	locker flawedLocker
}

func (l *flawedLease) Extend(ctx context.Context) error {
	start, n := l.clock.Now(), l.locker.nodes
	if l.locker.revives {
		_, _ = n.set(ctx, l.name, l.token, l.ttl)
	}
	granted, err := n.expire(ctx, l.name, l.token, l.ttl)
	if granted < n.majority() || l.clock.Now() >= l.grant.validUntil && !l.locker.revives {
		return n.refused("extend", granted, err)
	}
	l.grant.validUntil = l.locker.validUntil(start, l.ttl)
	return nil
}

func (l *flawedLease) Release(ctx context.Context) error {
	n, remove := l.locker.nodes, l.locker.remove
	if rand.Float64() < l.locker.careless {
		remove = n.removeAny
	}
	if granted, err := remove(ctx, l.name, l.token); granted < n.majority() {
		return n.refused("release", granted, err)
	}
	return nil
}

// removeAny deletes the key on every node, whatever its value.
func (n *nodes) removeAny(ctx context.Context, name, _ string) (int, error) {
	return n.count(ctx, func(ctx context.Context, c *redis.Client) (bool, error) {
		deleted, err := c.Del(ctx, name).Result()
		return deleted == 1, err
	})
}

// repeatingLocker repeats tokens.
type repeatingLocker struct {
	changingLocker
	last int64
}

func (l *repeatingLocker) Acquire(ctx context.Context, name string, ttl time.Duration) (Lease, error) {
	lease, err := l.changingLocker.Acquire(ctx, name, ttl)
	if err != nil {
		return nil, err
	}
	if l.last == 0 || rand.IntN(100) > 0 {
		l.last = lease.Fence()
	}
	return repeatedLease{lease, l.last}, nil
}

type repeatedLease struct {
	Lease
	fence int64
}

func (l repeatedLease) Fence() int64 { return l.fence }
