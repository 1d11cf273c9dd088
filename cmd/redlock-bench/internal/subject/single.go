package subject

import (
	"context"
	"time"
)

// single is the lock that Redis' own documentation recommends for one instance, and whose
// holder counts its time on a monotonic clock from before the request.
var single = Subject{
	Name:       "single",
	About:      "one node, SET NX PX with a random token; deletes the key only if the token is its own",
	SingleNode: true,
	Traits:     textbook | NeedsOneNode | GoClock,
	Open: func(ctx context.Context, c Config) (Locker, error) {
		n, err := dial(ctx, c.middle())
		return singleLocker{n}, err
	},
}

type singleLocker struct{ *nodes }

func (l singleLocker) Acquire(ctx context.Context, name string, ttl time.Duration) (Lease, error) {
	token, start := randomValue(), l.clock.Now()
	granted, err := l.set(ctx, name, token, ttl)
	if granted == 0 {
		return nil, l.refused("acquire", granted, err)
	}
	return &singleLease{grant{name, token, ttl, start + ttl, l.clock}, l.nodes}, nil
}

type singleLease struct {
	grant
	nodes *nodes
}

func (l *singleLease) Extend(ctx context.Context) error {
	start := l.clock.Now()
	granted, err := l.nodes.expire(ctx, l.name, l.token, l.ttl)
	if granted == 0 {
		return l.nodes.refused("extend", granted, err)
	}
	l.validUntil = start + l.ttl
	return nil
}

func (l *singleLease) Release(ctx context.Context) error {
	if granted, err := l.nodes.remove(ctx, l.name, l.token); granted == 0 {
		return l.nodes.refused("release", granted, err)
	}
	return nil
}
