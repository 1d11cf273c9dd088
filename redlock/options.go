package redlock

import (
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/a5bbb083/redlock/clockdrift"
)

const (
	defaultTTL             = 10 * time.Second
	defaultDriftFactor     = 0.01
	leastGuardedDrift      = 0.001
	maxNodeTimeout         = 250 * time.Millisecond // of the default only
	defaultMaxClockError   = 250 * time.Millisecond // for TTLs of 5 s and longer
	leastDefaultClockError = 10 * time.Millisecond
	defaultFenceLife       = 24 * time.Hour
	longestFenceLife       = 10 * 365 * 24 * time.Hour // far from where sums of durations overflow
)

// Option configures a [Locker].
type Option func(*options)

// LockOption configures one acquisition.
type LockOption func(*lockOptions)

type options struct {
	ttl           time.Duration
	maxTTL        time.Duration
	driftFactor   float64
	nodeTimeout   time.Duration
	maxClockError time.Duration
	fenceLife     time.Duration
	clock         clockdrift.Clock
	fencing       bool
	guards        bool
	durable       bool
	requireAll    bool
	requireGuards bool
	lazy          bool
	hooks         Hooks
	owner         string
	names         []string
	group         string
	joinURLs      []string
	joinNodes     []redis.UniversalClient
}

type lockOptions struct {
	ttl     time.Duration
	renew   bool
	limited bool
	maxHold time.Duration // if limited
	owner   string
	atLeast time.Duration
}

// WithTTL sets how long a lock lives on the voters unless it's extended. The default is 10 s.
// Fractions of a millisecond are cut off, since servers count in milliseconds.
func WithTTL(d time.Duration) Option { return func(o *options) { o.ttl = d } }

// WithMaxTTL sets the longest [TTL] that an acquisition may ask for. The default is the
// locker's own TTL, which 0 stands for, too. It's also how long a voter has to wait that may have forgotten locks, so
// all lockers on the same voters should use the same.
func WithMaxTTL(d time.Duration) Option { return func(o *options) { o.maxTTL = d } }

// WithMaxClockError sets how far a voter's clock may be from the true time and still be a right one,
// either way. The default is a twentieth of the locker's TTL, at most 250 ms and at least 10 ms; 0 stands for it, too. The least is
// 1 ms. A majority of the voters' clocks must be right; what
// the others do doesn't matter. All it costs is that a lock whose holder died is free later, by twice
// this. A single voter's clock must be right, too. It has no effect without guards.
func WithMaxClockError(d time.Duration) Option { return func(o *options) { o.maxClockError = d } }

// WithFenceLife sets for how long a voter keeps a name's record after its last grant or extension: the fencing register, and until
// when the last owner may believe in its lock. The default is 24 h, the least is twice MaxTTL, and the most is 10 years. It decides how much
// memory names cost that aren't used again; docs/protocol.md has a table of sizes.
//
// A shorter life costs two things. Servers end records by their own clocks, and a clock that's put right can end them
// early, so a voter votes only while its clock is within a quarter of the life from the agreed time: 6 h by
// default, 5 s with the least life for a TTL of 10 s. Where lockers differ, a voter goes by the shortest life. And
// when a record has ended, the name's fencing tokens go on from the agreed time, or without guards from the clients' wall clocks: then they still grow
// if none of these is behind by three quarters of the life.
func WithFenceLife(d time.Duration) Option { return func(o *options) { o.fenceLife = d } }

// WithDriftFactor sets how much faster or slower than true time the holder's clock may run, and
// without guards how much faster than the holder's a voter's clock may run, as a fraction. The default is
// 0.01, and the least with guards 0.001. See [clockdrift.Allowance].
func WithDriftFactor(f float64) Option { return func(o *options) { o.driftFactor = f } }

// WithNodeTimeout sets how long an operation waits for any one voter, whatever time-outs the
// Redis clients have. The default is a twentieth of the locker's TTL, at most 250 ms; 0 stands for it, too. It's meant for one round trip, and the first
// exchange takes several: for a connection, a password, a script that the server doesn't know. So the first operation of
// each kind, and one after a silence in which connections were given up, waits for four times as long, at least 100 ms, where no
// majority answers before; [Locker.Inspect] waits as long for the others, too. Voters that hung when they were asked last get no more than this. With guards,
// a locker asks for the time first at first contact and after a long silence (about a minute with the
// defaults), for which voters get four times as long.
func WithNodeTimeout(d time.Duration) Option { return func(o *options) { o.nodeTimeout = d } }

// WithClock sets the clock that deadlines are measured by. The default is
// [clockdrift.System]; tests in virtual time need another.
func WithClock(c clockdrift.Clock) Option { return func(o *options) { o.clock = c } }

// WithoutFencing acquires with the plain SET NX PX command. [Lock.Fence] is 0 then. There are
// no guards either, since it's the fencing script that carries them.
func WithoutFencing() Option { return func(o *options) { o.fencing, o.guards = false, false } }

// WithoutGuards trusts every voter: also one that has just lost its memory, or whose clock has
// jumped. Classic Redlock does.
func WithoutGuards() Option { return func(o *options) { o.guards = false } }

// WithDurableNodes says that the voters' data survives every restart (appendonly yes and
// appendfsync always), so that they can vote at once after one. A voter that comes back
// without its data waits all the same.
func WithDurableNodes() Option { return func(o *options) { o.durable = true } }

// RequireAll makes [Dial] fail unless every node answers and is fit for locks. Without it a minority
// may be down, and is logged.
func RequireAll() Option { return func(o *options) { o.requireAll = true } }

// RequireGuards makes [Dial] and [New] refuse a quorum with a voter that has no guards: a Redis
// Cluster. It contradicts [WithoutGuards] and [WithoutFencing].
func RequireGuards() Option { return func(o *options) { o.requireGuards = true } }

// Lazy makes [Dial] and [New] ask nobody, so that a program can start before its Redis servers do. What's wrong with
// them shows at the first lock, and new servers begin their wait of MaxTTL only then.
func Lazy() Option { return func(o *options) { o.lazy = true } }

// WithOwner sets what the locker's locks say of their owner, for people to read: a host and a process, say. See
// [Owner]. [Locker.Inspect] tells it; and for a locker that has this option, an error that matches [ErrNotAcquired] does,
// too: a refused [Locker.TryLock] then asks the voters once more, for who holds the lock.
func WithOwner(text string) Option { return func(o *options) { o.owner = text } }

// TTL sets the time to live of this lock instead of the locker's.
func TTL(d time.Duration) LockOption { return func(o *lockOptions) { o.ttl = d } }

// Owner sets what this lock says of its owner instead of the locker's [WithOwner]: the request that it's taken for, say. It's
// stored on the voters as it is, so secrets don't belong in it. It decides nothing. At most 128 bytes of UTF-8 without control
// characters are allowed. It needs the fencing record, so it contradicts [WithoutFencing].
func Owner(text string) LockOption { return func(o *lockOptions) { o.owner = text } }

// AutoRenew sets whether the lock is extended at every third of its TTL until it's released
// or lost. [Locker.Do] renews unless told otherwise, [Locker.Lock] and [Locker.TryLock] don't.
func AutoRenew(on bool) LockOption { return func(o *lockOptions) { o.renew = on } }

// MaxHold ends the lock when it has been held for d, however often it's extended: its context ends with the
// cause [ErrHeldTooLong], and it's released. So a lock with [AutoRenew] whose owner has panicked, or forgotten it,
// comes to an end while its process lives on. The default is no limit.
func MaxHold(d time.Duration) LockOption {
	return func(o *lockOptions) { o.maxHold, o.limited = d, true }
}

// AtLeast keeps others out for d after the lock was acquired, even if it's released sooner. So a job that every machine starts, and that
// takes a moment, runs once, also where a machine's clock is late. [Lock.Unlock] ends this handle, and extends the lock to d
// instead of releasing it, where its TTL doesn't reach so far. The process may end then. The lock is kept only if it's released:
// one that's lost isn't, and one whose process died before runs out by its TTL. d is at most half of the fence life, 12 h by default.
//
// A voter that restarts waits for the longest d that any voter in reach knows of before it votes, as if that were the MaxTTL. So
// a d beyond MaxTTL may come short where those voters forget that know of it.
func AtLeast(d time.Duration) LockOption { return func(o *lockOptions) { o.atLeast = d } }

// errNilOption doesn't say which one it is: some methods put options of their own before the caller's.
var errNilOption = fmt.Errorf("%w: an option is nil; leave it out", ErrInvalidOption)

func newOptions(opts []Option) (options, error) {
	o := options{ttl: defaultTTL, driftFactor: defaultDriftFactor, fenceLife: defaultFenceLife, clock: clockdrift.System(), fencing: true, guards: true}
	for _, opt := range opts {
		if opt == nil {
			return o, errNilOption
		}
		opt(&o)
	}
	if !(o.driftFactor >= 0 && o.driftFactor < 1) {
		return o, fmt.Errorf("%w: drift factor %v; use at least 0 and less than 1, such as %v", ErrInvalidOption, o.driftFactor, defaultDriftFactor)
	}
	if o.guards && o.driftFactor < leastGuardedDrift {
		return o, fmt.Errorf("%w: drift factor %v leaves the guards no room, since the holder's own clock is slewed by 500 ppm or more to keep it right; use at least %v, or WithoutGuards",
			ErrInvalidOption, o.driftFactor, leastGuardedDrift)
	}
	if o.maxClockError == 0 {
		o.maxClockError = max(min(o.ttl/20, defaultMaxClockError), leastDefaultClockError)
	}
	if o.requireGuards && !o.guards {
		return o, fmt.Errorf("%w: RequireGuards together with WithoutGuards or WithoutFencing; leave one of them out", ErrInvalidOption)
	}
	if o.guards && o.maxClockError < time.Millisecond {
		return o, fmt.Errorf("%w: largest clock error %v; clocks that are synchronised over a network are off by milliseconds, use at least 1ms, such as %v",
			ErrInvalidOption, o.maxClockError, defaultMaxClockError)
	}
	if o.clock == nil {
		return o, fmt.Errorf("%w: the clock is nil; leave the option out to get the system's", ErrInvalidOption)
	}
	if o.maxTTL == 0 {
		o.maxTTL = o.ttl
	}
	if o.fenceLife > longestFenceLife {
		return o, fmt.Errorf("%w: fence life %v; use at most %v", ErrInvalidOption, o.fenceLife, longestFenceLife)
	}
	if o.maxTTL > longestFenceLife/2 {
		return o, fmt.Errorf("%w: MaxTTL %v; use at most %v, and better a short TTL, and renew the lock", ErrInvalidOption, o.maxTTL, longestFenceLife/2)
	}
	// Up, so that it covers every TTL; those are cut off.
	if rest := o.maxTTL % time.Millisecond; rest > 0 {
		o.maxTTL += time.Millisecond - rest
	}
	// A record has to outlive its lock, also where the voter's clock is put right by half of the
	// record's life meanwhile: voters that are off by more than a quarter don't vote.
	if o.fenceLife < 2*o.maxTTL {
		return o, fmt.Errorf("%w: fence life %v is less than twice the MaxTTL %v; use WithFenceLife(%v) or more, or a shorter TTL and renew the lock",
			ErrInvalidOption, o.fenceLife, o.maxTTL, 2*o.maxTTL)
	}
	ttl, err := o.checkTTL(o.ttl)
	if err != nil {
		return o, err
	}
	o.ttl = ttl
	if err := o.checkOwner(o.owner); err != nil {
		return o, err
	}
	if err := o.checkMembers(); err != nil {
		return o, err
	}
	if o.nodeTimeout != 0 && o.nodeTimeout < time.Millisecond {
		return o, fmt.Errorf("%w: node time-out %v; no server answers in less than 1ms for sure, use at least that, and better several round trips", ErrInvalidOption, o.nodeTimeout)
	}
	if o.nodeTimeout == 0 {
		o.nodeTimeout = min(o.ttl/20, maxNodeTimeout)
	}
	if length := o.window(0, o.ttl).Length(); o.nodeTimeout > length {
		return o, fmt.Errorf("%w: node time-out %v; use at most the %v for which a lock with TTL %v is valid",
			ErrInvalidOption, o.nodeTimeout, length, o.ttl)
	}
	if o.guards && o.maxClockError > o.fenceLife {
		return o, fmt.Errorf("%w: largest clock error %v is longer than the fence life %v; use less than a sixteenth of that", ErrInvalidOption, o.maxClockError, o.fenceLife)
	}
	if least := 4 * (o.uncertainty() + o.nodeTimeout); o.guards && o.fenceLife < least {
		return o, fmt.Errorf("%w: fence life %v leaves right clocks no room, since the time is known to within %v only; use WithFenceLife(%v) or more, or a smaller WithMaxClockError or WithNodeTimeout",
			ErrInvalidOption, o.fenceLife, o.uncertainty(), least)
	}
	return o, nil
}

// uncertainty returns how far apart earliest and latest may be for a lock to be asked for. Right clocks may
// be two errors apart, and a reply tells the time to within its round trip. What's more uncertain is so because
// clocks are wrong or silent, or were not asked for long.
func (o *options) uncertainty() time.Duration { return 4*o.maxClockError + 2*o.nodeTimeout }

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
		return 0, fmt.Errorf("%w: TTL %v is used up by the allowance for clock drift (%v and a fraction of %v); use a longer one",
			ErrInvalidOption, ttl, clockdrift.Granularity, o.driftFactor)
	}
	return ttl, nil
}

// window returns the window of a lock that's about to be asked for.
func (o *options) window(start, ttl time.Duration) clockdrift.Window {
	return clockdrift.NewWindow(start, ttl, o.driftFactor)
}

func (o *options) forLock(opts []LockOption) (lockOptions, error) {
	lo := lockOptions{ttl: o.ttl, owner: o.owner}
	for _, opt := range opts {
		if opt == nil {
			return lo, errNilOption
		}
		opt(&lo)
	}
	if lo.owner != o.owner {
		if err := o.checkOwner(lo.owner); err != nil {
			return lo, err
		}
	}
	if lo.limited && lo.maxHold <= 0 {
		return lo, fmt.Errorf("%w: MaxHold(%v); use more than 0, or leave it out for no limit", ErrInvalidOption, lo.maxHold)
	}
	switch {
	case lo.atLeast < 0:
		return lo, fmt.Errorf("%w: AtLeast(%v); use more than 0, or leave it out", ErrInvalidOption, lo.atLeast)
	case lo.atLeast > o.fenceLife/2: // the record has to outlive it, as it does a lock
		return lo, fmt.Errorf("%w: AtLeast(%v) is longer than half of the fence life %v; use at most that, or raise it with WithFenceLife", ErrInvalidOption, lo.atLeast, o.fenceLife)
	case lo.limited && lo.atLeast > lo.maxHold:
		return lo, fmt.Errorf("%w: AtLeast(%v) is longer than MaxHold(%v), which ends the lock; use at most that", ErrInvalidOption, lo.atLeast, lo.maxHold)
	}
	ttl, err := o.checkTTL(lo.ttl)
	lo.ttl = ttl
	return lo, err
}
