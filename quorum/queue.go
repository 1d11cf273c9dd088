package quorum

import (
	"context"
	"slices"
	"sync"
	"time"
)

// call is one voter's copy of a ballot's request. It is never recycled: a late answer may
// touch its ballot at any time.
type call[Q, R any] struct {
	ballot *Ballot[Q, R]
	voter  int
	queue  *queue[Q, R]
	sent   int       // by the worker
	due    time.Time // of a repeat

	// Guarded by the queue's mutex. A call that stops waiting without being taken leaves its place
	// in the lane behind, for take or sweep to skip.
	lane *lane[Q, R] // where it waits; nil when it doesn't
}

// lane is a first-in, first-out part of a queue.
type lane[Q, R any] struct {
	calls []*call[Q, R]
	array []*call[Q, R] // where the calls begin again when all are gone
	sweep int           // the length at which it's worth looking for calls that nobody needs
}

// keptArray is how many places an empty lane keeps. Larger arrays are from bursts.
const keptArray = 64

func (l *lane[Q, R]) push(c *call[Q, R]) {
	c.lane = l
	if l.calls = append(l.calls, c); len(l.calls) == 1 && cap(l.calls) <= keptArray {
		l.array = l.calls[:0]
	}
}

// pop appends up to n waiting calls to batch.
func (l *lane[Q, R]) pop(batch []*call[Q, R], n int) []*call[Q, R] {
	taken := 0
	for _, c := range l.calls {
		if n == 0 {
			break
		}
		taken++
		if c.lane == l {
			c.lane = nil
			batch = append(batch, c)
			n--
		}
	}
	clear(l.calls[:taken])
	if l.calls = l.calls[taken:]; len(l.calls) == 0 {
		l.calls = l.array
	}
	return batch
}

// drop takes out the calls that nobody needs, and the places of those that don't wait any more.
func (l *lane[Q, R]) drop(needed func(*call[Q, R]) bool) (dropped []*call[Q, R]) {
	kept := l.calls[:0]
	for _, c := range l.calls {
		switch {
		case c.lane != l:
		case needed(c):
			kept = append(kept, c)
		default:
			c.lane = nil
			dropped = append(dropped, c)
		}
	}
	clear(l.calls[len(kept):])
	l.calls = kept
	return dropped
}

// queue holds the calls that wait for one worker of one voter, in two lanes. What is urgent goes
// first and always finds room: an attempt can be refused, a release can't.
type queue[Q, R any] struct {
	transport Transport[Q, R]
	config    Config
	wake      chan struct{} // holds at most one token

	mu       sync.Mutex
	urgent   lane[Q, R]
	attempts lane[Q, R]
	repeats  []*call[Q, R] // few: only requests to a voter that doesn't answer properly
	closed   bool
}

func newQueue[Q, R any](t Transport[Q, R], c Config) *queue[Q, R] {
	q := &queue[Q, R]{transport: t, config: c, wake: make(chan struct{}, 1)}
	q.urgent.sweep = c.Queue
	return q
}

func (q *queue[Q, R]) add(c *call[Q, R]) error {
	dropped, err := q.enter(c)
	for _, d := range dropped {
		d.deliver(Answer[R]{Err: ErrNotSent})
	}
	if err == nil {
		q.signal()
	}
	return err
}

// enter puts a call into its lane. It returns the calls that had to make room.
func (q *queue[Q, R]) enter(c *call[Q, R]) (dropped []*call[Q, R], err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.closed:
		return nil, ErrClosed
	case c.ballot.poll.Urgent:
		dropped = q.makeUrgentRoom()
		q.promote(c)
		q.urgent.push(c)
		return dropped, nil
	}
	if len(q.attempts.calls) >= q.config.Queue {
		// Also those of ballots that were won: a voter that lags so far behind isn't missed.
		dropped = q.attempts.drop(func(c *call[Q, R]) bool { return c.ballot.awaited() })
	}
	if len(q.attempts.calls) >= q.config.Queue {
		return dropped, ErrQueueFull
	}
	q.attempts.push(c)
	return dropped, nil
}

// makeUrgentRoom drops what is stale each time the lane has doubled, so it's never longer than
// twice what has to be sent, however long the voter hangs.
func (q *queue[Q, R]) makeUrgentRoom() (dropped []*call[Q, R]) {
	if len(q.urgent.calls) < q.urgent.sweep {
		return nil
	}
	now := time.Now()
	dropped = q.urgent.drop(func(c *call[Q, R]) bool { return c.ballot.wanted(now) })
	q.urgent.sweep = max(q.config.Queue, 2*len(q.urgent.calls))
	return dropped
}

// promote makes the request that c must not overtake urgent.
func (q *queue[Q, R]) promote(c *call[Q, R]) {
	if c.ballot.poll.After == nil {
		return
	}
	if before := &c.ballot.poll.After.calls[c.voter]; before.queue == q && before.lane == &q.attempts {
		q.urgent.push(before)
	}
}

// withdraw reports whether a call was still waiting. Then it isn't any more.
func (q *queue[Q, R]) withdraw(c *call[Q, R]) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	waiting := c.lane != nil
	c.lane = nil
	return waiting
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
		batch, wait, end := q.take(w.batch[:0], time.Now(), ctx.Err() != nil)
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

// take removes the calls that are to be sent now, and appends them to batch. Without any it returns how long the worker
// may sleep, or that it should end. When stop is set the calls are handed out whether or not
// they are due, for the worker to answer them.
func (q *queue[Q, R]) take(batch []*call[Q, R], now time.Time, stop bool) (_ []*call[Q, R], wait time.Duration, end bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	wait = time.Hour
	later := q.repeats[:0]
	for _, c := range q.repeats {
		if left := c.due.Sub(now); left > 0 && !q.closed && !stop {
			wait = min(wait, left)
			later = append(later, c)
		} else {
			q.urgent.push(c) // at the end: it has had its turn
		}
	}
	clear(q.repeats[len(later):])
	q.repeats = later
	batch = q.urgent.pop(batch, q.config.Batch)
	batch = q.attempts.pop(batch, q.config.Batch-len(batch))
	return batch, wait, q.closed
}

// again puts a call back for another sending. When the queue closes there's none.
func (q *queue[Q, R]) again(c *call[Q, R], delay time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return
	}
	c.due = time.Now().Add(delay)
	q.repeats = append(q.repeats, c)
}

// worker sends batches. Its slices are its own and reused; calls and answers are copied out.
type worker[Q, R any] struct {
	queue    *queue[Q, R]
	batch    []*call[Q, R]
	requests []Q
	answers  []Answer[R]
}

func (w *worker[Q, R]) send(ctx context.Context, batch []*call[Q, R]) {
	defer func() { // they hold tokens and ballots; don't keep them alive while idle
		clear(batch[:cap(batch)])
		clear(w.requests)
		clear(w.answers)
		w.batch = batch[:0]
	}()
	wanted := batch[:0]
	for _, c := range batch {
		switch {
		case ctx.Err() != nil:
			c.deliver(Answer[R]{Err: ErrClosed})
		case !c.ballot.wanted(time.Now()):
			c.deliver(Answer[R]{Err: ErrNotSent})
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
	w.answers = slices.Grow(w.answers[:0], len(wanted))[:len(wanted)]
	w.queue.transport.Exchange(ctx, w.requests, w.answers)
	for i, c := range wanted {
		c.sent++
		if r := c.deliver(w.answers[i]); r.Again {
			w.queue.again(c, r.Pause)
		}
	}
}
