package quorum

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Errors that stand in an [Answer] for a request that was never handed to its transport.
var (
	// ErrQueueFull means that the voter's queue had no room for another attempt.
	ErrQueueFull = errors.New("quorum: the voter's queue is full")
	// ErrNotSent means that nobody wanted the answer any more when the request's turn came.
	ErrNotSent = errors.New("quorum: given up before it was sent")
	// ErrClosed means that the group was closed.
	ErrClosed = errors.New("quorum: closed")
)

// Answer is what came back from one voter. With an error the reply is void, and, but for the
// errors of this package, the request may or may not have been carried out.
type Answer[R any] struct {
	Reply R
	Err   error
	// Heard tells an answer from the want of one.
	Heard bool
	// Sent is how often the request has been sent to the voter.
	Sent int
	// Elapsed is the time from the ballot's start to the answer.
	Elapsed time.Duration
}

// Unsent reports whether the request certainly never left this process.
func (a Answer[R]) Unsent() bool {
	return errors.Is(a.Err, ErrQueueFull) || errors.Is(a.Err, ErrNotSent) || errors.Is(a.Err, ErrClosed)
}

// Poll describes a question to the voters.
type Poll[Q, R any] struct {
	// Request is handed to each voter.
	Request Q
	// Key chooses the queue at each voter. Requests with the same key keep their order.
	Key uint64
	// Voters lists the voters that are asked; nil means all. The others count as [Unknown], but for those in Standing.
	Voters []int
	// Standing, if not nil, has by voter the answers to the same question that stand: a voter that isn't asked and was
	// heard there counts as [Yes], with that answer.
	Standing []Answer[R]
	// Urgent requests go ahead of those that aren't, and are never refused for want of room.
	// What is urgent is bounded by the caller: by the locks that it has, say.
	Urgent bool
	// After is the ballot of a request that an urgent one must not overtake. Where that still
	// waits, it becomes urgent, too.
	After *Ballot[Q, R]
	// Timeout is how long [Ballot.Wait] waits for a voter.
	Timeout time.Duration
	// Until is when sending the request stops making sense; the zero time means never.
	Until time.Time
	// Seen is called for each answer, those included that come when the ballot is over or that say that the
	// request was never sent, and says what to make of it; an answer with an error is [Unknown] all the same. Nil
	// means unknown. It's called before anybody who waits for the ballot hears of the answer, on a voter's worker or on the
	// goroutine of a caller that makes room, and must not block.
	Seen func(voter int, a Answer[R]) Reaction
	// Settled, if not nil, decides when the ballot is over: as soon as Settled reports true, or when all have answered.
	// Without it, that's when it is won or lost. It's called with the request at each answer. It must not block or keep
	// the outcome.
	Settled func(Q, Outcome[R]) bool
	// Persist keeps the request alive when its ballot is over: it's sent even if nobody waits
	// any more.
	Persist bool
}

// Reaction is what to make of an answer.
type Reaction struct {
	Vote Vote
	// Again asks for the request to be sent again after the given pause.
	Again bool
	Pause time.Duration
}

// Ballot is a [Poll] under way. It is safe for concurrent use.
type Ballot[Q, R any] struct {
	poll  Poll[Q, R]
	begun time.Time
	done  chan struct{}
	calls []call[Q, R] // by voter; without a queue where it isn't asked. Set before Start returns.

	mu        sync.Mutex
	tally     *Tally
	answers   []Answer[R]
	over      bool
	abandoned bool
}

// Outcome is the state of a ballot: its result, and the answer of each voter that was heard.
type Outcome[R any] struct {
	Result  Result
	Answers []Answer[R]
	// Expired tells that time was up, or the caller's context done, before the ballot was over.
	Expired bool
	// Cancelled tells that it was the caller's context.
	Cancelled bool
}

// Begun returns when the ballot was started.
func (b *Ballot[Q, R]) Begun() time.Time { return b.begun }

// Wait returns when the ballot is over, when its time-out has passed or when ctx is done,
// whichever comes first. From then on the ballot is over, and its result stands: a result
// still [Pending] means that too few voters answered in time. Requests that nobody waits for
// and that haven't been sent yet are dropped, unless the ballot was won or the poll persists.
func (b *Ballot[Q, R]) Wait(ctx context.Context) Outcome[R] {
	timer := time.NewTimer(b.poll.Timeout)
	defer timer.Stop()
	cancelled := false
	select {
	case <-b.done:
	case <-timer.C:
	case <-ctx.Done():
		cancelled = true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	o := b.outcome()
	if o.Expired = !b.over; o.Expired {
		o.Cancelled = cancelled
		b.over = true
		close(b.done)
	}
	b.abandoned = o.Result != Won && !b.poll.Persist
	return o
}

// outcome needs no copy of the answers: once the ballot is over, record leaves them alone. The caller holds mu.
func (b *Ballot[Q, R]) outcome() Outcome[R] {
	return Outcome[R]{Result: b.tally.Result(), Answers: b.answers}
}

// Withdraw takes back the request wherever it hasn't been sent: it never will be. The answer
// there is [ErrNotSent], and it has been delivered when Withdraw returns.
func (b *Ballot[Q, R]) Withdraw() {
	for voter := range b.calls {
		if c := &b.calls[voter]; c.queue != nil && c.queue.withdraw(c) {
			c.deliver(Answer[R]{Err: ErrNotSent})
		}
	}
}

// wanted reports whether the request should still be sent.
func (b *Ballot[Q, R]) wanted(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return !b.abandoned && (b.poll.Until.IsZero() || now.Before(b.poll.Until))
}

// awaited reports whether somebody waits for the ballot.
func (b *Ballot[Q, R]) awaited() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return !b.over
}

// deliver takes an answer to the call and returns what to make of it.
func (c *call[Q, R]) deliver(a Answer[R]) Reaction {
	b := c.ballot
	a.Heard, a.Sent, a.Elapsed = true, c.sent, time.Since(b.begun)
	var r Reaction
	if b.poll.Seen != nil {
		r = b.poll.Seen(c.voter, a)
	}
	if a.Err != nil {
		r.Vote = Unknown
	}
	b.record(c.voter, a, r.Vote)
	return r
}

// recordUnasked counts a voter that isn't asked.
func (b *Ballot[Q, R]) recordUnasked(voter int) {
	if s := b.poll.Standing; s != nil && s[voter].Heard {
		b.record(voter, s[voter], Yes)
		return
	}
	b.record(voter, Answer[R]{Heard: true, Err: ErrNotSent}, Unknown)
}

func (b *Ballot[Q, R]) record(voter int, a Answer[R], vote Vote) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.over {
		return
	}
	if !b.answers[voter].Heard {
		b.answers[voter] = a
	}
	over := b.tally.Cast(voter, vote) != Pending
	if b.poll.Settled != nil {
		over = b.poll.Settled(b.poll.Request, b.outcome())
	}
	if over || b.tally.Open() == 0 {
		b.over = true
		close(b.done)
	}
}
