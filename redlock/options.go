package redlock

import (
	"fmt"
	"time"

	"github.com/a5bbb083/redlock/clockdrift"
)

const (
	defaultTTL         = 10 * time.Second
	defaultDriftFactor = 0.01
	leastGuardedDrift  = 0.001
	maxNodeTimeout     = 250 * time.Millisecond // of the default only
	registerLife       = 24 * time.Hour
	// A register has to outlive the lock that it belongs to, or another attempt could start
	// from nothing while the lock is held.
	longestTTL = registerLife / 2
)

// Option configures a [Locker].
type Option func(*options)

// LockOption configures one acquisition.
type LockOption func(*lockOptions)

type options struct {
	ttl         time.Duration
	maxTTL      time.Duration
	driftFactor float64
	nodeTimeout time.Duration
	clock       clockdrift.Clock
	fencing     bool
	guards      bool
	durable     bool
	observer    func(Event)
}

type lockOptions struct {
	ttl   time.Duration
	renew bool
}

// WithTTL sets how long a lock lives on the voters unless it's extended. The default is 10 s.
// Fractions of a millisecond are cut off, since servers count in milliseconds.
func WithTTL(d time.Duration) Option { return func(o *options) { o.ttl = d } }

// WithMaxTTL sets the longest [TTL] that an acquisition may ask for. The default is the
// locker's own TTL. It's also how long a voter has to wait that may have forgotten locks, so
// all lockers on the same voters should use the same.
func WithMaxTTL(d time.Duration) Option { return func(o *options) { o.maxTTL = d } }

// WithDriftFactor sets how much faster than the holder's clock a voter's clock may run, as a
// fraction. The default is 0.01, and the least with guards 0.001. See [clockdrift.Allowance].
func WithDriftFactor(f float64) Option { return func(o *options) { o.driftFactor = f } }

// WithNodeTimeout sets how long an operation waits for any one voter, whatever time-outs the
// Redis clients have. The default is a twentieth of the locker's TTL, at most 250 ms. With guards
// it has to cover two round trips: at first contact, and after a while without any (25 s with the
// defaults), a voter's clock is looked at first.
func WithNodeTimeout(d time.Duration) Option { return func(o *options) { o.nodeTimeout = d } }

// WithClock sets the clock that deadlines are measured by. The default is
// [clockdrift.System]; tests in virtual time need another.
func WithClock(c clockdrift.Clock) Option { return func(o *options) { o.clock = c } }

// WithoutFencing acquires with the plain SET NX PX command. [Lock.Fence] is 0 then. There are
// no guards either, since it's the fencing script that carries them.
func WithoutFencing() Option { return func(o *options) { o.fencing, o.guards = false, false } }

// WithoutGuards trusts every voter: also one that has just lost its memory, whose clock has
// jumped, or that carries out a request long after it was given up. Classic Redlock does.
func WithoutGuards() Option { return func(o *options) { o.guards = false } }

// WithDurableNodes says that the voters' data survives every restart (appendonly yes and
// appendfsync always), so that they can vote at once after one. A voter that comes back
// without its data waits all the same.
func WithDurableNodes() Option { return func(o *options) { o.durable = true } }

// WithObserver sets a function that is called after each operation, from the goroutine that
// ran it. It must be safe for concurrent use and should return quickly.
func WithObserver(f func(Event)) Option { return func(o *options) { o.observer = f } }

// TTL sets the time to live of this lock instead of the locker's. With guards, a lock that's
// shorter than the locker's TTL still allows for as much drift as one of that length: the
// voters' clocks may be off by so much unnoticed.
func TTL(d time.Duration) LockOption { return func(o *lockOptions) { o.ttl = d } }

// AutoRenew sets whether the lock is extended at every third of its TTL until it's released
// or lost. [Locker.Do] renews unless told otherwise, [Locker.Lock] and [Locker.TryLock] don't.
func AutoRenew(on bool) LockOption { return func(o *lockOptions) { o.renew = on } }

func newOptions(opts []Option) (options, error) {
	o := options{ttl: defaultTTL, driftFactor: defaultDriftFactor, clock: clockdrift.System(), fencing: true, guards: true}
	for _, opt := range opts {
		opt(&o)
	}
	if !(o.driftFactor >= 0 && o.driftFactor < 1) {
		return o, fmt.Errorf("%w: drift factor %v; use at least 0 and less than 1, such as %v", ErrInvalidOption, o.driftFactor, defaultDriftFactor)
	}
	if o.guards && o.driftFactor < leastGuardedDrift {
		return o, fmt.Errorf("%w: drift factor %v leaves the guards no room, since time servers slew clocks by up to 500 ppm either way; use at least %v, or WithoutGuards",
			ErrInvalidOption, o.driftFactor, leastGuardedDrift)
	}
	if o.clock == nil {
		return o, fmt.Errorf("%w: the clock is nil; leave the option out to get the system's", ErrInvalidOption)
	}
	if o.maxTTL == 0 {
		o.maxTTL = o.ttl
	}
	// Up, so that it covers every TTL; those are cut off.
	if rest := o.maxTTL % time.Millisecond; rest > 0 {
		o.maxTTL += time.Millisecond - rest
	}
	if o.maxTTL > longestTTL {
		return o, fmt.Errorf("%w: TTL %v, at most %v is allowed; use a shorter one and renew it", ErrInvalidOption, o.maxTTL, longestTTL)
	}
	ttl, err := o.checkTTL(o.ttl)
	if err != nil {
		return o, err
	}
	o.ttl = ttl
	if o.nodeTimeout == 0 {
		o.nodeTimeout = min(o.ttl/20, maxNodeTimeout)
	}
	if length := o.window(0, o.ttl).Length(); o.nodeTimeout < 0 || o.nodeTimeout > length {
		return o, fmt.Errorf("%w: node time-out %v; use more than 0 and at most the %v for which a lock with TTL %v is valid",
			ErrInvalidOption, o.nodeTimeout, length, o.ttl)
	}
	return o, nil
}

// checkTTL returns the ttl as the servers count it.
func (o *options) checkTTL(ttl time.Duration) (time.Duration, error) {
	switch {
	case ttl < time.Millisecond:
		return 0, fmt.Errorf("%w: TTL %v; servers count in whole milliseconds, use at least 1ms and better 100ms", ErrInvalidOption, ttl)
	case ttl > o.maxTTL:
		return 0, fmt.Errorf("%w: TTL %v is longer than the locker's MaxTTL %v; raise that with WithMaxTTL", ErrInvalidOption, ttl, o.maxTTL)
	}
	ttl = ttl.Truncate(time.Millisecond)
	if o.window(0, ttl).Length() <= 0 {
		if o.short(ttl) {
			return 0, fmt.Errorf("%w: TTL %v is used up by the %v that clocks may be off in a locker with TTL %v; use a longer one, or a locker made with a shorter WithTTL",
				ErrInvalidOption, ttl, clockdrift.Allowance(o.ttl, o.driftFactor).Round(time.Millisecond), o.ttl)
		}
		return 0, fmt.Errorf("%w: TTL %v is used up by the allowance for clock drift (%v and a fraction of %v); use a longer one",
			ErrInvalidOption, ttl, clockdrift.Granularity, o.driftFactor)
	}
	return ttl, nil
}

// window returns the window of a lock that's about to be asked for. The guards tolerate what
// the locker's own TTL allows for, so shorter locks allow for as much.
func (o *options) window(start, ttl time.Duration) clockdrift.Window {
	drift := o.driftFactor
	if o.short(ttl) {
		drift *= float64(o.ttl) / float64(ttl)
	}
	return clockdrift.NewWindow(start, ttl, drift)
}

// short reports whether a lock allows for more than its own TTL would need.
func (o *options) short(ttl time.Duration) bool { return o.guards && ttl < o.ttl }

func (o *options) forLock(opts []LockOption) (lockOptions, error) {
	lo := lockOptions{ttl: o.ttl}
	for _, opt := range opts {
		opt(&lo)
	}
	ttl, err := o.checkTTL(lo.ttl)
	lo.ttl = ttl
	return lo, err
}
