package main

import (
	"context"
	"errors"
	"time"

	"github.com/go-redsync/redsync/v4"
	redsyncredis "github.com/go-redsync/redsync/v4/redis"
	"github.com/go-redsync/redsync/v4/redis/goredis/v9"
	"github.com/redis/go-redis/v9"
)

// redsyncPeer is github.com/go-redsync/redsync with the given options.
func redsyncPeer(options ...redsync.Option) peer {
	return peer{open: func(c config, nodes []string) (locker, error) {
		l := &redsyncLocker{options: options}
		var pools []redsyncredis.Pool
		for _, url := range nodes {
			client, err := dial(url, c.nodeTimeout())
			if err != nil {
				return nil, errors.Join(err, l.close())
			}
			l.clients = append(l.clients, client)
			pools = append(pools, goredis.NewPool(client))
		}
		l.redsync = redsync.New(pools...)
		return l, nil
	}}
}

type redsyncLocker struct {
	redsync *redsync.Redsync
	options []redsync.Option
	clients []*redis.Client
}

func (l *redsyncLocker) acquire(ctx context.Context, name string, ttl time.Duration) (lease, error) {
	m := l.redsync.NewMutex(name, append([]redsync.Option{redsync.WithExpiry(ttl)}, l.options...)...)
	if err := m.TryLockContext(ctx); err != nil {
		return nil, err
	}
	return redsyncLease{m}, nil
}

// wait is redsync's own: 32 attempts with random pauses, and again.
func (l *redsyncLocker) wait(ctx context.Context, name string, ttl time.Duration) (lease, error) {
	for {
		m := l.redsync.NewMutex(name, append([]redsync.Option{redsync.WithExpiry(ttl)}, l.options...)...)
		err := m.LockContext(ctx)
		if err == nil {
			return redsyncLease{m}, nil
		}
		if ctx.Err() != nil {
			return nil, err
		}
	}
}

func (l *redsyncLocker) close() error {
	var errs []error
	for _, c := range l.clients {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}

type redsyncLease struct{ mutex *redsync.Mutex }

func (l redsyncLease) token() string { return l.mutex.Value() }

// validUntil reads the boot clock first: between the two readings belief can only shrink.
func (l redsyncLease) validUntil() time.Duration {
	at := now()
	return at + time.Until(l.mutex.Until())
}

func (l redsyncLease) lostAt() time.Duration { return 0 }

func (l redsyncLease) extend(ctx context.Context) error {
	return asError(l.mutex.ExtendContext(ctx))
}

func (l redsyncLease) release(ctx context.Context) error {
	return asError(l.mutex.UnlockContext(ctx))
}

// asError makes one answer of the two that redsync gives.
func asError(ok bool, err error) error {
	if !ok && err == nil {
		return errors.New("redsync: refused")
	}
	return err
}
