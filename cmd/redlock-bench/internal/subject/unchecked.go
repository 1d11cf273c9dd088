package subject

import (
	"context"
	"time"
)

// unchecked is the client in Martin Kleppmann's first example against Redlock, "How to do
// distributed locking" (2016): it counts the votes and forgets how long they took to come.
var unchecked = Subject{
	Name:   "unchecked",
	About:  "Redlock whose client doesn't look at its clock again once the replies are there",
	Traits: textbook | GoClock | LateReplies | NoHealing,
	Open: func(ctx context.Context, c Config) (Locker, error) {
		n, err := dial(ctx, c)
		return uncheckedLocker{n}, err
	},
}

type uncheckedLocker struct{ *nodes }

func (l uncheckedLocker) Acquire(ctx context.Context, name string, ttl time.Duration) (Lease, error) {
	token := randomValue()
	granted, err := l.set(ctx, name, token, ttl)
	if granted < l.majority() {
		// Also after the caller has given up, or the nodes keep what it no longer wants.
		_, _ = l.remove(context.WithoutCancel(ctx), name, token)
		return nil, l.refused("acquire", granted, err)
	}
	return &uncheckedLease{grant{name, token, ttl, l.clock.Now() + ttl, l.clock}, l.nodes}, nil
}

type uncheckedLease struct {
	grant
	nodes *nodes
}

func (l *uncheckedLease) Extend(ctx context.Context) error {
	granted, err := l.nodes.expire(ctx, l.name, l.token, l.ttl)
	if granted < l.nodes.majority() {
		return l.nodes.refused("extend", granted, err)
	}
	l.validUntil = l.clock.Now() + l.ttl
	return nil
}

func (l *uncheckedLease) Release(ctx context.Context) error {
	if granted, err := l.nodes.remove(ctx, l.name, l.token); granted < l.nodes.majority() {
		return l.nodes.refused("release", granted, err)
	}
	return nil
}
