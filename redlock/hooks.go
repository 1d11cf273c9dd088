package redlock

import (
	"context"
	"errors"
	"log/slog"
	"runtime/debug"
	"time"
)

// Hooks are functions that hear what a [Locker] does, for logs, metrics and traces; see [WithHooks]. Any of them may be
// nil. They must be safe for concurrent use, and they may call any method, [Locker.Close] included.
//
// Start and Done run on the goroutine that called the operation, and if one panics, the caller gets the panic; a
// lock that the caller was about to get, or was giving back, is released. Where the locker renews a lock by itself they run on
// goroutines of their own, as Lost and VoterChanged do. A panic there is logged and harms nothing else.
type Hooks struct {
	// Start is called before an operation. The context that it returns is the one that Done gets; the operation goes on with the
	// caller's. An operation waits for Start, a renewal too.
	Start func(ctx context.Context, op Op) context.Context
	// Done is called when the operation is over, once for each Start.
	Done func(ctx context.Context, e Event)
	// VoterChanged is called when [VoterState.Outcome] has changed, of one voter after the other: it fails, is quarantined,
	// has a suspect clock, or is of use again. A voter that's of use from the beginning isn't news. [TimedOut] and [Failed]
	// are the same here, and a change that is undone while the hook still runs isn't told.
	VoterChanged func(v VoterState)
	// Lost is called once for each lock that was lost rather than released: at its deadline, when an extension or the
	// release finds that a majority doesn't hold it, or when MaxHold ends it. Err of the event is the cause. It comes as soon as the locker
	// knows, which after a pause of the process is later than the deadline.
	Lost func(e Event)
	// CannotListen is called once for each voter that doesn't let its user subscribe to the locker's channel, or stand in line there, when
	// somebody would for the first time. Err says what to do about it. [Locker.Lock] then asks again and again, with pauses of up to 256 ms.
	CannotListen func(v VoterState)
}

// Op is an operation on a lock.
type Op struct {
	// Kind is "acquire" for [Locker.TryLock], [Locker.Lock] and all that builds on them, "extend", "release", or "lose"
	// in what [Hooks.Lost] hears.
	Kind string
	// Name is the lock's name.
	Name string
	// Token and Fence are those of the lock, see [Lock.Token] and [Lock.Fence]. They're zero when an acquisition starts, and
	// where it failed.
	Token string
	Fence int64
}

// Event is an operation that is over, or the loss of a lock.
type Event struct {
	Op
	// Elapsed is how long the operation took. For an acquisition it includes all waiting: for others of this process and
	// for holders elsewhere.
	Elapsed time.Duration
	// Held is how long the lock has been held so far; 0 for an acquisition.
	Held time.Duration
	// Attempts is how many attempts an acquisition made: 0 if it was never its turn.
	Attempts int
	// Rounds is how many round trips to the voters the operation took in all. An attempt takes 2 where the voters granted
	// different fencing values, and 1 otherwise.
	Rounds int
	// Nodes is what became of the operation's last round at every voter, on success, too: a minority
	// that fails shows here. It's nil where nobody was asked.
	Nodes []NodeResult
	// Err is nil on success, else what the operation returned. Failed releases of attempts
	// that didn't succeed aren't reported.
	Err error
}

// Result is Err in one of few words, for labels of metrics: "ok", "held" by another, "no quorum", "quarantined", "unfit", "membership", "lost",
// "cancelled" by the caller or its deadline, "closed", or "error".
func (e Event) Result() string {
	switch {
	case e.Err == nil:
		return "ok"
	case errors.Is(e.Err, ErrLost):
		return "lost"
	case errors.Is(e.Err, ErrUnfit):
		return "unfit"
	case errors.Is(e.Err, ErrMembership):
		return "membership"
	case errors.Is(e.Err, ErrNotAcquired):
		return "held"
	case errors.Is(e.Err, ErrClosed):
		return "closed"
	case errors.Is(e.Err, context.Canceled), errors.Is(e.Err, context.DeadlineExceeded):
		return "cancelled"
	case errors.Is(e.Err, ErrQuarantined):
		return "quarantined"
	case errors.Is(e.Err, ErrNoQuorum):
		return "no quorum"
	}
	return "error"
}

// WithHooks adds hooks. The option may be given several times: Start functions run in this order, each with the context of the one
// before, and so do the others. Of the others each is run also where the one before it panicked.
func WithHooks(h Hooks) Option { return func(o *options) { o.hooks = o.hooks.and(h) } }

// and returns the hooks that call both.
func (h Hooks) and(more Hooks) Hooks {
	return Hooks{
		Start:        bothStart(h.Start, more.Start),
		Done:         bothDone(h.Done, more.Done),
		VoterChanged: both(h.VoterChanged, more.VoterChanged),
		Lost:         both(h.Lost, more.Lost),
		CannotListen: both(h.CannotListen, more.CannotListen),
	}
}

func both[T any](a, b func(T)) func(T) {
	if a == nil || b == nil {
		return either(a == nil, b, a)
	}
	return func(v T) {
		defer b(v) // also where a panics
		a(v)
	}
}

func bothStart(a, b func(context.Context, Op) context.Context) func(context.Context, Op) context.Context {
	if a == nil || b == nil {
		return either(a == nil, b, a)
	}
	return func(ctx context.Context, op Op) context.Context {
		if derived := a(ctx, op); derived != nil {
			ctx = derived
		}
		return b(ctx, op)
	}
}

func bothDone(a, b func(context.Context, Event)) func(context.Context, Event) {
	if a == nil || b == nil {
		return either(a == nil, b, a)
	}
	return func(ctx context.Context, e Event) {
		defer b(ctx, e) // also where a panics
		a(ctx, e)
	}
}

func either[T any](first bool, a, b T) T {
	if first {
		return a
	}
	return b
}

// observation is an event in the making. Without hooks it's only what the operation itself has to know.
type observation struct {
	ctx      context.Context // for Done
	op       operation
	name     string
	lock     *Lock // once there's one
	attempts int
	rounds   int
	start    time.Duration
	failed   time.Time // when the first of the attempts did
	decided  decision  // by the voters in the last round

	// Of an acquisition: whose lock was given back when it was called, and whether a release after a failure calls nobody.
	gone            holderID
	waits, silently bool
}

// begin tells the hooks that an operation begins.
func (l *Locker) begin(ctx context.Context, op operation, name string, lk *Lock) observation {
	o := observation{ctx: ctx, op: op, name: name, lock: lk}
	h := &l.options.hooks
	if h.Start == nil && h.Done == nil {
		return o
	}
	o.start = l.options.clock.Now()
	if h.Start != nil {
		if derived := h.Start(ctx, o.about()); derived != nil {
			o.ctx = derived
		}
	}
	return o
}

// done tells the hooks that an operation is over.
func (l *Locker) done(o *observation, err error) {
	if l.options.hooks.Done != nil {
		l.options.hooks.Done(o.ctx, l.event(o, err))
	}
}

// beginApart is begin for what the locker does by itself: a panic ends neither the renewal of a lock nor the program.
func (l *Locker) beginApart(ctx context.Context, op operation, name string, lk *Lock) (o observation) {
	o = observation{ctx: ctx, op: op, name: name, lock: lk, start: l.options.clock.Now()}
	contain(func() { o = l.begin(ctx, op, name, lk) })
	return o
}

// doneApart is done for what the locker does by itself. The hook gets a goroutine of its own, so it may close the locker,
// which waits for the one that calls this.
func (l *Locker) doneApart(o observation, err error) {
	if l.options.hooks.Done == nil {
		return
	}
	told := o
	go contain(func() { l.done(&told, err) })
}

// lost tells the hooks that a lock was lost. It may be called with the lock's mu.
func (l *Locker) lost(lk *Lock, cause error) {
	if l.options.hooks.Lost == nil {
		return
	}
	e := Event{Op: lk.about("lose"), Held: l.options.clock.Now() - lk.since, Err: cause}
	var q *QuorumError
	if errors.As(cause, &q) {
		e.Nodes = q.Nodes
	}
	go contain(func() { l.options.hooks.Lost(e) })
}

// cannotListen tells the hooks that nobody of this locker can stand in line at a voter.
func (l *Locker) cannotListen(voter int, err error) {
	if l.options.hooks.CannotListen == nil {
		return
	}
	state := l.voterState(voter)
	state.Err = err
	go contain(func() { l.options.hooks.CannotListen(state) })
}

// contain runs a hook whose panic is nobody else's business.
func contain(hook func()) {
	defer func() {
		if p := recover(); p != nil {
			slog.Error("redlock: a hook panicked", "panic", p, "stack", string(debug.Stack()))
		}
	}()
	hook()
}

func (o *observation) about() Op {
	if o.lock != nil {
		return o.lock.about(o.op.String())
	}
	return Op{Kind: o.op.String(), Name: o.name}
}

func (lk *Lock) about(kind string) Op {
	return Op{Kind: kind, Name: lk.name, Token: lk.token, Fence: lk.fence}
}

func (l *Locker) event(o *observation, err error) Event {
	now := l.options.clock.Now()
	e := Event{Op: o.about(), Elapsed: now - o.start, Attempts: o.attempts, Rounds: o.rounds, Err: err}
	if o.op != opAcquire && o.lock != nil {
		e.Held = now - o.lock.since
	}
	if o.decided.Answers != nil {
		if o.decided.verdicts == nil {
			o.decided = l.judge(o.decided.op, o.decided.Outcome, false)
		}
		e.Nodes = l.results(o.decided)
	}
	return e
}
