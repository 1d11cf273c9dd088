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
	// Voters lists the voters that are asked; nil means all. The others count as [Unknown].
	Voters []int
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
	// Judge turns a reply into a vote. An answer with an error is always [Unknown].
	Judge func(voter int, reply R) Vote
	// Enough, if not nil, has the last word on a majority: the ballot is won as soon as it
	// reports true, and goes on as long as there are voters to wait for. It's called with what
	// the outcome would be: for each answer from the majority's on, and once more when the time
	// is up. It must not block or keep the outcome.
	Enough func(Outcome[R]) bool
	// Persist keeps the request alive when its ballot is over: it's sent even if nobody waits
	// any more.
	Persist bool
	// Repeat tells whether a voter should be sent the request again, and after which delay,
	// given its answer and how often it was sent already. Nil means never.
	Repeat func(voter int, a Answer[R], sent int) (delay time.Duration, again bool)
	// Late is called for each answer that arrives when the ballot is over. It runs on a
	// voter's worker, or on the goroutine of a caller that makes room, and must not block.
	Late func(voter int, a Answer[R])
}

// Ballot is a [Poll] under way. It is safe for concurrent use.
type Ballot[Q, R any] struct {
	poll  Poll[Q, R]
	begun time.Time
	done  chan struct{}
	calls []*call[Q, R] // by voter; nil where it isn't asked. Set before Start returns.

	mu        sync.Mutex
	tally     *Tally
	answers   []Answer[R]
	answered  []bool
	over      bool
	abandoned bool
}

// Outcome is the state of a ballot: its result and, for each voter, the answer if there is one.
type Outcome[R any] struct {
	Result   Result
	Answers  []Answer[R]
	Answered []bool
}

// Wait returns when the ballot is decided, when its time-out has passed or when ctx is done,
// whichever comes first. From then on the ballot is over, and its result stands: a result
// still [Pending] means that too few voters answered in time. Requests that nobody waits for
// and that haven't been sent yet are dropped, unless the ballot was won or the poll persists.
func (b *Ballot[Q, R]) Wait(ctx context.Context) Outcome[R] {
	timer := time.NewTimer(b.poll.Timeout)
	defer timer.Stop()
	select {
	case <-b.done:
	case <-timer.C:
	case <-ctx.Done():
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	result := b.tally.Settle()
	if !b.over {
		b.over = true
		close(b.done)
	}
	b.abandoned = result != Won && !b.poll.Persist
	// No copies needed: once the ballot is over, record leaves both slices alone.
	return Outcome[R]{Result: result, Answers: b.answers, Answered: b.answered}
}

// Withdraw takes back the request wherever it hasn't been sent: it never will be. The answer
// there is [ErrNotSent], and it has been delivered when Withdraw returns.
func (b *Ballot[Q, R]) Withdraw() {
	for voter, c := range b.calls {
		if c != nil && c.queue.withdraw(c) {
			b.deliver(voter, Answer[R]{Err: ErrNotSent}, c.sent)
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

// deliver takes the answer of a voter and reports whether the request is to be sent again.
func (b *Ballot[Q, R]) deliver(voter int, a Answer[R], sent int) (delay time.Duration, again bool) {
	a.Elapsed = time.Since(b.begun)
	vote := Unknown
	if a.Err == nil {
		vote = b.poll.Judge(voter, a.Reply)
	}
	if late := b.record(voter, a, vote); late && b.poll.Late != nil {
		b.poll.Late(voter, a)
	}
	if b.poll.Repeat == nil {
		return 0, false
	}
	return b.poll.Repeat(voter, a, sent)
}

func (b *Ballot[Q, R]) record(voter int, a Answer[R], vote Vote) (late bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.over {
		return true
	}
	if !b.answered[voter] {
		b.answered[voter] = true
		b.answers[voter] = a
	}
	if b.tally.Cast(voter, vote) != Pending {
		b.over = true
		close(b.done)
	}
	return false
}
