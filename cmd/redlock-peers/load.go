package main

import (
	"context"
	"errors"
	"math"
	"os"
	"time"

	"github.com/bsm/redislock"
	"github.com/go-redsync/redsync/v4"
	redsyncredis "github.com/go-redsync/redsync/v4/redis"
	"github.com/go-redsync/redsync/v4/redis/goredis/v9"
	"github.com/redis/go-redis/v9"
	"github.com/redis/rueidis"
	"github.com/redis/rueidis/rueidislock"

	"github.com/a5bbb083/redlock/cmd/internal/loadgen"
)

// loaders are the libraries that redlock-bench load measures, by the names that it knows them by. Unlike
// the peers of the other protocol they do nothing but lock: none is asked for tokens or deadlines. All
// have their clients' own time-outs.
var loaders = map[string]func(loadgen.Client) (loadgen.Locker, error){
	"redsync":       loadRedsync,
	"rueidislock-1": loadRueidislock,
	"bsm-1":         loadBsm,
}

// serveLoad is the program as a client process of redlock-bench load.
func serveLoad(open func(loadgen.Client) (loadgen.Locker, error)) error {
	return loadgen.Serve(os.Stdin, os.Stdout, func(_ context.Context, c loadgen.Client) (loadgen.Locker, error) { return open(c) })
}

func loadRedsync(c loadgen.Client) (loadgen.Locker, error) {
	l := redsyncLoad{&redsyncLocker{}, c.TTL}
	var pools []redsyncredis.Pool
	for _, url := range c.Nodes {
		client, err := connect(url)
		if err != nil {
			return nil, errors.Join(err, l.Close())
		}
		l.clients = append(l.clients, client)
		pools = append(pools, goredis.NewPool(client))
	}
	l.redsync = redsync.New(pools...)
	return l, nil
}

// connect makes a go-redis client with its defaults.
func connect(url string) (*redis.Client, error) {
	options, err := redis.ParseURL(url)
	if err != nil {
		return nil, err
	}
	return redis.NewClient(options), nil
}

type redsyncLoad struct {
	*redsyncLocker
	ttl time.Duration
}

func (l redsyncLoad) Lock(ctx context.Context, name string) (loadgen.Lease, error) {
	// By default it gives up after 32 attempts, which would only be one more error to go on after.
	m := l.redsync.NewMutex(name, redsync.WithExpiry(l.ttl), redsync.WithTries(math.MaxInt))
	if err := m.LockContext(ctx); err != nil {
		return nil, err
	}
	return redsyncRelease{m}, nil
}

func (l redsyncLoad) TryLock(ctx context.Context, name string) (loadgen.Lease, error) {
	m := l.redsync.NewMutex(name, redsync.WithExpiry(l.ttl))
	if err := m.TryLockContext(ctx); err != nil {
		return nil, err
	}
	return redsyncRelease{m}, nil
}

func (l redsyncLoad) Kind(err error) string {
	_, taken := errors.AsType[*redsync.ErrTaken](err)
	_, split := errors.AsType[*redsync.ErrNodeTaken](err)
	switch {
	case taken:
		return "taken"
	case split: // some nodes were taken, and nobody had a majority
		return "split vote"
	case errors.Is(err, redsync.ErrLockAlreadyExpired):
		return "lost"
	case errors.Is(err, redsync.ErrFailed):
		return "no quorum"
	}
	return loadgen.Kind(err)
}

func (l redsyncLoad) Close() error { return l.close() }

type redsyncRelease struct{ mutex *redsync.Mutex }

func (r redsyncRelease) Release(ctx context.Context) error {
	return asError(r.mutex.UnlockContext(ctx))
}

func loadRueidislock(c loadgen.Client) (loadgen.Locker, error) {
	option, err := rueidis.ParseURL(c.Nodes[0])
	if err != nil {
		return nil, err
	}
	locks, err := rueidislock.NewLocker(rueidislock.LockerOption{
		ClientOption: option, KeyMajority: 1, NoLoopTracking: true, KeyValidity: c.TTL,
	})
	if err != nil {
		return nil, err
	}
	return rueidisLoad{locks}, nil
}

type rueidisLoad struct{ locks rueidislock.Locker }

func (l rueidisLoad) Lock(ctx context.Context, name string) (loadgen.Lease, error) {
	_, release, err := l.locks.WithContext(ctx, name)
	return rueidisRelease(release), err
}

func (l rueidisLoad) TryLock(ctx context.Context, name string) (loadgen.Lease, error) {
	_, release, err := l.locks.TryWithContext(ctx, name)
	return rueidisRelease(release), err
}

func (l rueidisLoad) Kind(err error) string {
	if errors.Is(err, rueidislock.ErrNotLocked) {
		return "taken"
	}
	return loadgen.Kind(err)
}

func (l rueidisLoad) Close() error {
	l.locks.Close()
	return nil
}

type rueidisRelease context.CancelFunc

// Release waits for the server, but the library doesn't tell what that said.
func (r rueidisRelease) Release(context.Context) error {
	r()
	return nil
}

func loadBsm(c loadgen.Client) (loadgen.Locker, error) {
	client, err := connect(c.Nodes[0])
	if err != nil {
		return nil, err
	}
	return bsmLoad{bsmLocker{client, redislock.New(client)}, c.TTL}, nil
}

type bsmLoad struct {
	bsmLocker
	ttl time.Duration
}

// bsmPause is between two attempts: what the example in the library's documentation uses.
const bsmPause = 100 * time.Millisecond

func (l bsmLoad) Lock(ctx context.Context, name string) (loadgen.Lease, error) {
	return l.obtain(ctx, name, &redislock.Options{RetryStrategy: redislock.LinearBackoff(bsmPause)})
}

func (l bsmLoad) TryLock(ctx context.Context, name string) (loadgen.Lease, error) {
	return l.obtain(ctx, name, nil)
}

func (l bsmLoad) obtain(ctx context.Context, name string, options *redislock.Options) (loadgen.Lease, error) {
	lock, err := l.locks.Obtain(ctx, name, l.ttl, options)
	if err != nil {
		return nil, err
	}
	return bsmRelease{lock}, nil
}

func (l bsmLoad) Kind(err error) string {
	switch {
	case errors.Is(err, redislock.ErrNotObtained):
		return "taken"
	case errors.Is(err, redislock.ErrLockNotHeld):
		return "lost"
	}
	return loadgen.Kind(err)
}

func (l bsmLoad) Close() error { return l.close() }

type bsmRelease struct{ lock *redislock.Lock }

func (r bsmRelease) Release(ctx context.Context) error { return r.lock.Release(ctx) }
