package subject

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/a5bbb083/redlock/clockdrift"
	"github.com/a5bbb083/redlock/redlock"
)

// Ours is the name of the subject that is this module's own lock.
const Ours = "guarded"

// guarded is the library of this module, through its public API and with its defaults.
var guarded = Subject{
	Name:    Ours,
	About:   "this module's redlock package: Redlock with fencing tokens, and with guards where classic Redlock has none",
	Fencing: true,
	Traits:  RecordsExpire,
	Open:    openChanging(),
}

// unguarded is guarded without its guards. It shows which experiments these are needed for.
var unguarded = Subject{
	Name:    "unguarded",
	About:   "this module's redlock package with WithoutGuards",
	Fencing: true,
	Traits:  LacksGuards | AnyList,
	Open: func(ctx context.Context, c Config) (Locker, error) {
		return openGuarded(ctx, c, redlock.WithoutGuards())
	},
}

// durable is guarded on servers that are said to keep everything. It shows what that promise is worth.
var durable = Subject{
	Name:    "durable",
	About:   "this module's redlock package with WithDurableNodes",
	Fencing: true,
	Traits:  RecordsExpire | TrustsDisks,
	Open:    openChanging(redlock.WithDurableNodes()),
}

// openChanging opens a locker with guards, whose voters remember their list.
func openChanging(opts ...redlock.Option) func(context.Context, Config) (Locker, error) {
	return func(ctx context.Context, c Config) (Locker, error) {
		l, err := openGuarded(ctx, c, opts...)
		return changingLocker{l}, err
	}
}

func openGuarded(ctx context.Context, c Config, opts ...redlock.Option) (guardedLocker, error) {
	// The library refuses to wait for a node longer than a lock is good for.
	timeout := min(c.NodeTimeout, c.TTL*9/10)
	opts = append(opts, redlock.WithTTL(c.TTL), redlock.WithNodeTimeout(timeout))
	if c.Names != nil {
		opts = append(opts, redlock.WithVoterNames(slices.Concat(c.Names, c.JoiningNames)...))
	}
	if c.Joining != nil {
		opts = append(opts, redlock.Joining(c.Joining...))
	}
	if c.Clock.Bends() {
		opts = append(opts, redlock.WithClock(clockdrift.ClockFunc(c.Clock.Boot)))
	}
	for attempt := 1; ; attempt++ {
		l, err := redlock.Dial(ctx, c.Nodes, opts...)
		if err == nil {
			return guardedLocker{l, c.Clock}, nil
		}
		if !errors.Is(err, redlock.ErrNoQuorum) {
			return guardedLocker{}, err
		}
		// On a busy machine the first connections may take longer than any later request. A client
		// that is starved nevertheless hasn't failed: its attempts will be refused.
		if attempt == dials {
			opts = append(opts, redlock.Lazy())
		}
	}
}

// dials is how often it's tried to connect to a quorum before the first attempt to lock.
const dials = 5

type guardedLocker struct {
	*redlock.Locker
	clock *Clock
}

func (l guardedLocker) Acquire(ctx context.Context, name string, ttl time.Duration) (Lease, error) {
	lock, err := l.TryLock(ctx, name, redlock.TTL(ttl))
	if err != nil {
		return nil, asRefusal(err)
	}
	return guardedLease{lock, l.clock}, nil
}

// Wait is the library's own way to wait.
func (l guardedLocker) Wait(ctx context.Context, name string, ttl time.Duration) (Lease, error) {
	lock, err := l.Lock(ctx, name, redlock.TTL(ttl))
	if err != nil {
		return nil, asRefusal(err)
	}
	return guardedLease{lock, l.clock}, nil
}

type changingLocker struct{ guardedLocker }

// Change is the library's own, which the command redlock quorum change calls, too.
func (l changingLocker) Change(ctx context.Context, gone []string) error {
	err := l.Locker.Change(ctx, redlock.GoneForGood(gone...))
	if errors.Is(err, redlock.ErrUnsafe) {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	return asRefusal(err)
}

type guardedLease struct {
	lock  *redlock.Lock
	clock *Clock
}

func (l guardedLease) Token() string { return l.lock.Token() }
func (l guardedLease) Fence() int64  { return l.lock.Fence() }

// ValidUntil reads the clock first: between the two readings belief can only shrink.
func (l guardedLease) ValidUntil() time.Duration {
	if !l.clock.Bends() {
		at := now()
		return at + l.lock.Remaining()
	}
	at := l.clock.Boot()
	return l.clock.bend().Host(at + l.lock.Remaining())
}

func (l guardedLease) Extend(ctx context.Context) error {
	return asRefusal(l.lock.Extend(ctx))
}

func (l guardedLease) Release(ctx context.Context) error {
	return asRefusal(l.lock.Unlock(ctx))
}

// asRefusal marks the errors that are answers; the others are failures of the client.
func asRefusal(err error) error {
	for _, answer := range []error{redlock.ErrNotAcquired, redlock.ErrNoQuorum, redlock.ErrLost} {
		if errors.Is(err, answer) {
			return fmt.Errorf("%w: %w", ErrRefused, err)
		}
	}
	return err
}
