package subject

import (
	"context"
	"time"
)

// broken grants every lock at once without asking anybody. A harness that finds no fault with
// it is broken itself.
var broken = Subject{
	Name:       "broken",
	About:      "always says that it has the lock; the harness must catch it",
	SingleNode: true,
	Open:       func(context.Context, Config) (Locker, error) { return brokenLocker{}, nil },
}

type brokenLocker struct{}

func (brokenLocker) Acquire(_ context.Context, name string, ttl time.Duration) (Lease, error) {
	return &brokenLease{grant{name, randomValue(), ttl, now() + ttl, nil}}, nil
}

func (brokenLocker) Close() error { return nil }

type brokenLease struct{ grant }

func (l *brokenLease) Extend(context.Context) error {
	l.validUntil = now() + l.ttl
	return nil
}

func (l *brokenLease) Release(context.Context) error { return nil }
