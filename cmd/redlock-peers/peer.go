package main

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/a5bbb083/redlock/clockdrift"
)

// now reads the host's boot clock, on which the harness compares what several clients believed.
func now() time.Duration { return clockdrift.System().Now() }

// peer is a lock library.
type peer struct {
	// singleNode tells that its lock lives on one node, the middle one.
	singleNode bool
	// renews tells that its lock renews itself.
	renews bool
	// open makes a client of it for the nodes that it uses.
	open func(c config, nodes []string) (locker, error)
}

// locker is a client of a lock library.
type locker interface {
	// acquire makes one attempt, which ends early with ctx. The lease doesn't end with ctx.
	acquire(ctx context.Context, name string, ttl time.Duration) (lease, error)
	close() error
}

// waiter is a locker whose library waits for locks.
type waiter interface {
	// wait takes the lock as soon as the library can, unless ctx ends before.
	wait(ctx context.Context, name string, ttl time.Duration) (lease, error)
}

// lease is a lock that was acquired.
type lease interface {
	// token is what marks the lock on the nodes.
	token() string
	// validUntil is until when the library says that the lock may be trusted, on the clock of now.
	validUntil() time.Duration
	// lostAt is when the library told the holder that the lock is lost; 0 if it hasn't, or never does.
	lostAt() time.Duration
	extend(ctx context.Context) error
	release(ctx context.Context) error
}

// dial makes a go-redis client with its defaults, but for the time-outs.
func dial(url string, timeout time.Duration) (*redis.Client, error) {
	options, err := redis.ParseURL(url)
	if err != nil {
		return nil, err
	}
	options.DialTimeout, options.ReadTimeout, options.WriteTimeout = timeout, timeout, timeout
	return redis.NewClient(options), nil
}
