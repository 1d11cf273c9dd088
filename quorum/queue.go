package quorum

import (
	"context"
	"sync"
	"time"
)

// call is one voter's copy of a ballot's request. It is never recycled: a late answer may
// touch its ballot at any time.
type call[Q, R any] struct {
	ballot *Ballot[Q, R]
	sent   int
	due    time.Time // of a repeat
}

// queue holds the calls that wait for one worker of one voter.
type queue[Q, R any] struct {
	voter     int
	transport Transport[Q, R]
	config    Config
	wake      chan struct{} // holds at most one token

	mu      sync.Mutex
	waiting []*call[Q, R]
	repeats []*call[Q, R] // few: only requests to a voter that doesn't answer properly
	closed  bool
}

func newQueue[Q, R any](voter int, t Transport[Q, R], c Config) *queue[Q, R] {
	return &queue[Q, R]{voter: voter, transport: t, config: c, wake: make(chan struct{}, 1)}
}

func (q *queue[Q, R]) add(c *call[Q, R]) error {
	room := q.config.Queue
	if !c.ballot.poll.Persist {
		room -= room / 2
	}
	q.mu.Lock()
	switch {
	case q.closed:
		q.mu.Unlock()
		return ErrClosed
	case len(q.waiting)+len(q.repeats) >= room:
		q.mu.Unlock()
		return ErrQueueFull
	}
	q.waiting = append(q.waiting, c)
	q.mu.Unlock()
	q.signal()
	return nil
}

func (q *queue[Q, R]) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

func (q *queue[Q, R]) close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.signal()
}

// drain is the worker. It ends when the queue is closed and empty, or when ctx is done.
func (q *queue[Q, R]) drain(ctx context.Context) {
	w := worker[Q, R]{queue: q}
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		q.config.Yield()
		batch, wait, end := q.take(time.Now(), ctx.Err() != nil)
		switch {
		case len(batch) > 0:
			w.send(ctx, batch)
		case end:
			return
		default:
			timer.Reset(wait)
			select {
			case <-q.wake:
			case <-timer.C:
			case <-ctx.Done():
			}
		}
	}
}

// take removes the calls that are to be sent now. Without any it returns how long the worker
// may sleep, or that it should end. When stop is set the calls are handed out whether or not
// they are due, for the worker to answer them.
func (q *queue[Q, R]) take(now time.Time, stop bool) (batch []*call[Q, R], wait time.Duration, end bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := min(len(q.waiting), q.config.Batch)
	batch = q.waiting[:n:n]
	if q.waiting = q.waiting[n:]; len(q.waiting) == 0 {
		q.waiting = nil // let go of the array, which grew with the largest burst
	}
	wait = time.Hour
	later := q.repeats[:0]
	for _, c := range q.repeats {
		if left := c.due.Sub(now); left > 0 && !q.closed && !stop {
			wait = min(wait, left)
			later = append(later, c)
		} else {
			batch = append(batch, c)
		}
	}
	clear(q.repeats[len(later):])
	q.repeats = later
	return batch, wait, q.closed
}

// again puts a call back for another sending. When the queue closes there's none.
func (q *queue[Q, R]) again(c *call[Q, R], delay time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed || len(q.waiting)+len(q.repeats) >= q.config.Queue {
		return
	}
	c.due = time.Now().Add(delay)
	q.repeats = append(q.repeats, c)
}

// worker sends batches. Its slices are its own and reused; calls and answers are copied out.
type worker[Q, R any] struct {
	queue    *queue[Q, R]
	requests []Q
	answers  []Answer[R]
}

func (w *worker[Q, R]) send(ctx context.Context, batch []*call[Q, R]) {
	wanted := batch[:0]
	for _, c := range batch {
		switch {
		case ctx.Err() != nil:
			c.ballot.deliver(w.queue.voter, Answer[R]{Err: ErrClosed}, c.sent)
		case !c.ballot.wanted():
			c.ballot.deliver(w.queue.voter, Answer[R]{Err: ErrNotSent}, c.sent)
		default:
			wanted = append(wanted, c)
		}
	}
	if len(wanted) == 0 {
		return
	}
	w.requests = w.requests[:0]
	for _, c := range wanted {
		w.requests = append(w.requests, c.ballot.poll.Request)
	}
	w.answers = make([]Answer[R], len(wanted))
	ctx, cancel := context.WithTimeout(ctx, w.queue.config.Exchange)
	w.queue.transport.Exchange(ctx, w.requests, w.answers)
	cancel()
	for i, c := range wanted {
		c.sent++
		if delay, again := c.ballot.deliver(w.queue.voter, w.answers[i], c.sent); again {
			w.queue.again(c, delay)
		}
	}
	clear(w.requests) // they hold tokens; don't keep them alive while idle
}
