package main

import (
	"context"
	"encoding/hex"
	"errors"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"
	"github.com/redis/rueidis/rueidislock"
)

// rueidislockPeer is github.com/redis/rueidis/rueidislock, set up for one Redis server as its
// README says.
var rueidislockPeer = peer{singleNode: true, renews: true, open: func(c config, nodes []string) (locker, error) {
	option, err := rueidis.ParseURL(nodes[0])
	if err != nil {
		return nil, err
	}
	locks, err := rueidislock.NewLocker(rueidislock.LockerOption{
		ClientOption:   option,
		KeyMajority:    1,
		NoLoopTracking: true,
		// The time to live is the locker's, not the lock's.
		KeyValidity: c.ttl(),
		// It's 20 ms unless given, within which no node answers that is further away.
		TryNextAfter: c.nodeTimeout(),
	})
	if err != nil {
		return nil, err
	}
	return rueidisLocker{locks}, nil
}}

type rueidisLocker struct{ locks rueidislock.Locker }

func (l rueidisLocker) acquire(ctx context.Context, name string, ttl time.Duration) (lease, error) {
	return l.ask(ctx, name, ttl, l.locks.TryWithContext)
}

func (l rueidisLocker) wait(ctx context.Context, name string, ttl time.Duration) (lease, error) {
	return l.ask(ctx, name, ttl, l.locks.WithContext)
}

func (l rueidisLocker) ask(ctx context.Context, name string, ttl time.Duration, lock func(context.Context, string) (context.Context, context.CancelFunc, error)) (lease, error) {
	// The lock would end with the context that it was asked for with.
	lasting, end := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, end)
	held, release, err := lock(lasting, name)
	stop()
	if err != nil {
		end()
		return nil, err
	}
	r := &rueidisLease{ctx: held, ttl: ttl, done: func() { release(); end() }}
	context.AfterFunc(held, func() { r.ended.CompareAndSwap(0, int64(now())) })
	// The library doesn't tell the token. It also says that it has a lock whose key Redis didn't keep.
	redis := l.locks.Client()
	value, err := redis.Do(ctx, redis.B().Get().Key("rueidislock:0:"+name).Build()).ToString()
	r.value = "not on the node"
	if err == nil {
		r.value = hex.EncodeToString([]byte(value))
	}
	return r, nil
}

func (l rueidisLocker) close() error {
	l.locks.Close()
	return nil
}

type rueidisLease struct {
	ctx   context.Context // the library ends it when the lock is lost
	done  func()
	ttl   time.Duration
	value string
	ended atomic.Int64 // when ctx was done
}

func (l *rueidisLease) token() string { return l.value }

// validUntil is a TTL from now as long as the context isn't done: its holder counts on the lock, and
// on being told of its loss in time, but can't know for how long.
func (l *rueidisLease) validUntil() time.Duration {
	if l.ctx.Err() != nil {
		return 0
	}
	return now() + l.ttl
}

func (l *rueidisLease) lostAt() time.Duration {
	if l.ctx.Err() == nil {
		return 0
	}
	if l.ended.Load() == 0 {
		l.ended.CompareAndSwap(0, int64(now())) // the callback is about to run
	}
	return time.Duration(l.ended.Load())
}

func (l *rueidisLease) extend(context.Context) error {
	if l.ctx.Err() != nil {
		return context.Cause(l.ctx)
	}
	return errors.New("rueidislock: extends by itself only")
}

func (l *rueidisLease) release(context.Context) error {
	l.done()
	return nil
}
