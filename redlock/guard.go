package redlock

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/a5bbb083/redlock/clockdrift"
)

// markerKey is where a voter's marker lives, see scripts/enrol.lua.
const markerKey = "redlock:voter"

// watch is what a locker knows of its voters as servers: their clocks, and the longest TTL
// that any locker uses on them. It is safe for concurrent use.
type watch struct {
	clock   clockdrift.Clock
	durable bool
	// tolerance is how far a voter's clock may be off most others'.
	tolerance time.Duration
	vague     time.Duration // how uncertain an offset may be for a request's time limit
	longest   atomic.Int64  // MaxTTL, our own or a larger one that was met; grows under mu

	mu      sync.Mutex
	monitor *clockdrift.Monitor
	agreed  struct {
		until  time.Duration // when to look again
		offset time.Duration // of most voters' clocks
	}
}

func newWatch(voters int, o *options) *watch {
	// A clock that's off by so much either way can have come from the other end unseen.
	tolerance := clockdrift.Allowance(o.ttl, o.driftFactor) / 2
	// No reply that comes in time to be counted took longer than the node time-out.
	precision := max(o.nodeTimeout, tolerance)
	w := &watch{
		clock:     o.clock,
		durable:   o.durable,
		tolerance: tolerance,
		vague:     max(precision, o.ttl/20),
		monitor: clockdrift.NewMonitor(voters, clockdrift.MonitorConfig{
			Drift: o.driftFactor, Reach: o.ttl, Tolerance: tolerance, Precision: precision, Memory: o.maxTTL,
		}),
	}
	w.longest.Store(int64(o.maxTTL))
	return w
}

// observe takes in what a voter says of its clock, and of the MaxTTL in use on it.
func (w *watch) observe(voter int, s clockdrift.Sample, maxTTL time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.monitor.Observe(voter, s)
	if maxTTL > w.maxTTL() {
		w.longest.Store(int64(maxTTL))
		w.monitor.Remember(maxTTL)
	}
}

func (w *watch) maxTTL() time.Duration { return time.Duration(w.longest.Load()) }

// agreedFor is for how long it's good enough where most voters' clocks were last.
const agreedFor = 10 * time.Millisecond

// agreedTime returns the time in microseconds since the Unix epoch by most voters' clocks, or 0
// as long as it isn't known.
func (w *watch) agreedTime() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.clock.Now()
	if now >= w.agreed.until {
		offset, known := w.monitor.Majority(now)
		if !known {
			return 0
		}
		w.agreed.until, w.agreed.offset = now+agreedFor, offset.Middle()
	}
	return (now + w.agreed.offset).Microseconds()
}

// vet prepares for counting votes, see [clockdrift.Monitor.Vet].
func (w *watch) vet() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.monitor.Vet(w.clock.Now())
}

// suspicion returns for how long a voter's vote mustn't count because its clock is known to be
// wrong, or because it couldn't be compared with those of a majority yet.
func (w *watch) suspicion(voter int, now time.Duration) (suspect, unvetted time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	suspect, _ = w.monitor.Suspect(voter, now)
	unvetted, _ = w.monitor.Unvetted(voter, now)
	return suspect, unvetted
}

// why says what's wrong with the clock of a voter whose vote doesn't count.
func (w *watch) why(voter int, now time.Duration) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	away, apart := w.monitor.Apart(voter)
	switch {
	case apart && away < 0:
		return fmt.Errorf("its clock is %v behind most others; put it right", -away.Round(time.Millisecond))
	case apart:
		return fmt.Errorf("its clock is %v ahead of most others; put it right", away.Round(time.Millisecond))
	case w.monitor.Estimate(voter, now).Jumps > 0:
		return errors.New("its clock jumped, or runs unevenly")
	}
	return errors.New("no majority of the clocks is known to agree with it")
}

func (w *watch) estimate(voter int, now time.Duration) clockdrift.Estimate {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.monitor.Estimate(voter, now)
}

// guard is the watch over one voter. A nil guard stands for none.
type guard struct {
	*watch
	voter int
}

// notAfter translates a reading of our clock into the voter's time, in microseconds since the
// Unix epoch: the latest that it can be there, so that no request is refused too early.
func (g *guard) notAfter(t time.Duration) int64 {
	if g == nil {
		return math.MaxInt64 >> 11 // beyond every clock, and exact in Lua
	}
	return (t + g.estimate(g.voter, g.clock.Now()).Offset.High).Microseconds() + 1
}

// needsGuard reports whether a request's answer depends on the server being fit to vote.
func (r *request) needsGuard() bool { return r.op != opRelease }

// enrolment is the first command of a batch that asks for votes.
type enrolment struct {
	guard *guard
	cmd   *redis.Cmd
}

// introduce looks at a voter's clock first where it isn't known, or wasn't looked at for long, so
// that a request that plants something can carry its time limit.
func (v *voter) introduce(ctx context.Context) error {
	if v.guard == nil {
		return nil
	}
	if e := v.guard.estimate(v.guard.voter, v.guard.clock.Now()); e.Known && e.Offset.Width() <= v.guard.vague {
		return nil
	}
	pipe := v.client.Pipeline()
	e := v.startEnrolment(ctx, pipe, true, lookOnly)
	sent := e.now()
	_, _ = pipe.Exec(ctx)
	_, err := e.conclude(sent)
	return err
}

func (v *voter) enrol(ctx context.Context, pipe redis.Pipeliner, requests []request, pending []int, full bool) enrolment {
	if v.guard != nil {
		for _, i := range pending {
			if requests[i].needsGuard() {
				return v.startEnrolment(ctx, pipe, full, v.guard.agreedTime())
			}
		}
	}
	return enrolment{}
}

// lookOnly stands for the agreed time where the server is only looked at, not enrolled: most
// voters' clocks may be known by the time of the first request.
const lookOnly = -1

func (v *voter) startEnrolment(ctx context.Context, pipe redis.Pipeliner, full bool, agreed int64) enrolment {
	g := v.guard
	args := []any{g.maxTTL().Milliseconds(), g.durable, agreed, g.tolerance.Microseconds()}
	return enrolment{g, runScript(ctx, pipe, opEnrol, full, []string{markerKey}, args)}
}

func (e enrolment) now() time.Duration {
	if e.guard == nil {
		return 0
	}
	return e.guard.clock.Now()
}

// conclude takes in what the server said about itself.
func (e enrolment) conclude(sent time.Duration) (maxTTL time.Duration, err error) {
	if e.guard == nil {
		return math.MaxInt64, nil // nothing to be measured by, so nothing too short
	}
	received := e.guard.clock.Now()
	values, err := e.cmd.Int64Slice()
	if err == nil && len(values) != 2 {
		err = fmt.Errorf("it returned %d values", len(values))
	}
	if refusal := redis.Error(nil); errors.As(err, &refusal) && !unknownScript(err) {
		hint := ""
		if strings.Contains(err.Error(), "NOPERM") || strings.Contains(err.Error(), "user executing the script") {
			hint = " (its user needs INFO, TIME, HMGET and HSET on " + markerKey + ")"
		}
		err = fmt.Errorf("redlock: can't tell whether the server is fit to vote%s: %w", hint, err)
	}
	if err != nil {
		return 0, err
	}
	maxTTL = time.Duration(values[1]) * time.Millisecond
	e.guard.observe(e.guard.voter, sample(sent, received, values[0]), maxTTL)
	return maxTTL, nil
}

// granted takes in when the voter granted last, if it did: its clock may have been set since the
// enrolment.
func (e enrolment) granted(sent time.Duration, unixMicro int64, maxTTL time.Duration) {
	if e.guard != nil && unixMicro != 0 {
		e.guard.observe(e.guard.voter, sample(sent, e.guard.clock.Now(), unixMicro), maxTTL)
	}
}

func sample(sent, received time.Duration, unixMicro int64) clockdrift.Sample {
	return clockdrift.Sample{Sent: sent, Received: received, Time: time.Duration(unixMicro) * time.Microsecond}
}
