package main

import (
	"context"
	"time"

	"github.com/bsm/redislock"
	"github.com/redis/go-redis/v9"
)

// bsmPeer is github.com/bsm/redislock.
var bsmPeer = peer{singleNode: true, open: func(c config, nodes []string) (locker, error) {
	client, err := dial(nodes[0], c.nodeTimeout())
	if err != nil {
		return nil, err
	}
	return bsmLocker{client, redislock.New(client)}, nil
}}

type bsmLocker struct {
	redis *redis.Client
	locks *redislock.Client
}

func (l bsmLocker) acquire(ctx context.Context, name string, ttl time.Duration) (lease, error) {
	lock, err := l.locks.Obtain(ctx, name, ttl, nil)
	if err != nil {
		return nil, err
	}
	held := &bsmLease{lock: lock, ttl: ttl}
	return held, held.ask(ctx)
}

func (l bsmLocker) close() error { return l.redis.Close() }

type bsmLease struct {
	lock  *redislock.Lock
	ttl   time.Duration
	until time.Duration
}

// ask learns from Redis for how long the lock is good, which is the only way that the library
// offers. The clock is read before the question, so that the answer's way isn't counted.
func (l *bsmLease) ask(ctx context.Context) error {
	at := now()
	left, err := l.lock.TTL(ctx)
	if err != nil {
		return err
	}
	l.until = at + left
	return nil
}

func (l *bsmLease) token() string { return l.lock.Token() }

func (l *bsmLease) validUntil() time.Duration { return l.until }

func (l *bsmLease) lostAt() time.Duration { return 0 }

func (l *bsmLease) extend(ctx context.Context) error {
	if err := l.lock.Refresh(ctx, l.ttl, nil); err != nil {
		return err
	}
	return l.ask(ctx)
}

func (l *bsmLease) release(ctx context.Context) error { return l.lock.Release(ctx) }
