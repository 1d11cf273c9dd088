package subject

import (
	"context"
	"time"
)

// classic is Redlock as https://redis.io/docs/latest/develop/use/patterns/distributed-locks/
// describes it, step by step.
var classic = Subject{
	Name:   "classic",
	About:  "Redlock to the letter: a majority within the TTL, less the time it took and 1 % + 2 ms for clock drift",
	Traits: textbook | GoClock | NoHealing,
	Open: func(ctx context.Context, c Config) (Locker, error) {
		n, err := dial(ctx, c)
		return classicLocker{n}, err
	},
}

// drift is the CLOCK_DRIFT of the description, with the values of its first implementations.
func drift(ttl time.Duration) time.Duration { return ttl/100 + 2*time.Millisecond }

type classicLocker struct{ *nodes }

func (l classicLocker) Acquire(ctx context.Context, name string, ttl time.Duration) (Lease, error) {
	token, start := randomValue(), l.clock.Now()
	granted, err := l.set(ctx, name, token, ttl)
	validUntil := start + ttl - drift(ttl)
	if granted < l.majority() || l.clock.Now() >= validUntil {
		// Also after the caller has given up, or the nodes keep what it no longer wants.
		_, _ = l.remove(context.WithoutCancel(ctx), name, token)
		return nil, l.refused("acquire", granted, err)
	}
	return &classicLease{grant{name, token, ttl, validUntil, l.clock}, l.nodes}, nil
}

type classicLease struct {
	grant
	nodes *nodes
}

// Extend counts only if it comes to its end within the validity that it prolongs.
func (l *classicLease) Extend(ctx context.Context) error {
	start := l.clock.Now()
	granted, err := l.nodes.expire(ctx, l.name, l.token, l.ttl)
	if granted < l.nodes.majority() || l.clock.Now() >= l.validUntil {
		return l.nodes.refused("extend", granted, err)
	}
	l.validUntil = start + l.ttl - drift(l.ttl)
	return nil
}

func (l *classicLease) Release(ctx context.Context) error {
	if granted, err := l.nodes.remove(ctx, l.name, l.token); granted < l.nodes.majority() {
		return l.nodes.refused("release", granted, err)
	}
	return nil
}
