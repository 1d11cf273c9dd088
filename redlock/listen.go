package redlock

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// channelPrefix begins the channel of each process, on which it's called when it's its turn to ask for a lock, see
// scripts/line.lua.
const channelPrefix = "redlock:wake:"

// call is what a process is told on its channel.
type call struct {
	voter  int
	ticket int64
	gone   holderID // whose lock was given back; 0 if none was
	name   string
}

// parseCall reads "TICKET HOLDER NAME".
func parseCall(voter int, text string) (call, bool) {
	parts := strings.SplitN(text, " ", 3)
	if len(parts) != 3 {
		return call{}, false
	}
	ticket, err := strconv.ParseInt(parts[0], 10, 64)
	return call{voter: voter, ticket: ticket, gone: holderOf(parts[1]), name: parts[2]}, err == nil
}

const (
	// earIdle is how long a subscription is kept that nobody needs.
	earIdle = time.Minute
	// Pauses between two tries to subscribe.
	leastEarPause   = 4 * time.Millisecond
	longestEarPause = 2 * time.Second
)

// ears are a locker's subscriptions: one at each voter at which somebody waits, whatever the number of names.
type ears struct {
	channel string
	timeout time.Duration // to connect
	tell    func(call)
	refused func(voter int, err error) // called when a voter doesn't let its user subscribe, or stand in line

	ctx     context.Context
	end     context.CancelFunc
	running sync.WaitGroup
	at      []*ear
}

// ear is the subscription at one voter. Its goroutine runs from the first waiter on until nobody has waited for earIdle,
// or until the locker is closed.
type ear struct {
	*ears
	voter *voter
	told  atomic.Bool // refused was called

	mu      sync.Mutex
	users   int
	stop    context.CancelFunc // ends the goroutine; nil if there's none
	idle    *time.Timer
	hearing bool
	deaf    error         // why it can't subscribe, and that won't change by itself
	changed chan struct{} // closed when it hears again
}

func newEars(process string, voters []*voter, timeout time.Duration, tell func(call), refused func(int, error)) *ears {
	e := &ears{channel: channelPrefix + process, timeout: timeout, tell: tell, refused: refused}
	e.ctx, e.end = context.WithCancel(context.Background())
	for _, v := range voters {
		e.at = append(e.at, &ear{ears: e, voter: v, changed: make(chan struct{})})
	}
	return e
}

// close ends all subscriptions, and returns when their goroutines have ended.
func (e *ears) close() {
	for _, ear := range e.at {
		ear.mu.Lock()
		if ear.idle != nil {
			ear.idle.Stop()
		}
		ear.users++ // never idle, never begun again
		ear.mu.Unlock()
	}
	e.end()
	e.running.Wait()
}

// enter makes sure that somebody listens.
func (e *ear) enter() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.users++
	if e.idle != nil {
		e.idle.Stop()
	}
	if e.stop != nil || e.ctx.Err() != nil {
		return
	}
	var ctx context.Context
	ctx, e.stop = context.WithCancel(e.ctx)
	e.running.Go(func() { e.listen(ctx) })
}

// leave is enter's end.
func (e *ear) leave() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.users--; e.users == 0 && e.ctx.Err() == nil {
		e.idle = time.AfterFunc(earIdle, e.tire)
	}
}

// tire ends the subscription if nobody needs it.
func (e *ear) tire() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.users == 0 && e.stop != nil {
		e.stop()
		e.stop, e.hearing, e.deaf = nil, false, nil
	}
}

// state reports whether calls are heard, or why they never will be, and returns a channel that's closed when they're heard again.
func (e *ear) state() (hearing bool, changed <-chan struct{}, deaf error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.hearing, e.changed, e.deaf
}

// listen subscribes again and again until ctx is done.
func (e *ear) listen(ctx context.Context) {
	for pause := leastEarPause; ; pause = min(2*pause, longestEarPause) {
		heard, err := e.attend(ctx)
		if ctx.Err() != nil {
			return
		}
		if heard {
			pause = leastEarPause
		}
		if e.give(ctx, err) {
			pause = longestEarPause
		}
		if !sleep(ctx, pause) {
			return
		}
	}
}

// give notes why it can't subscribe, and reports whether that's a reason that stays.
func (e *ear) give(ctx context.Context, err error) bool {
	outcome, explained := explain(err, e.voter.link)
	if outcome != Unfit || ctx.Err() != nil {
		return false
	}
	e.mu.Lock()
	e.deaf = explained
	e.mu.Unlock()
	e.refuse(err)
	return true
}

// refuse tells that nobody can stand in line at the voter, once, if it's for a reason that stays.
func (e *ear) refuse(err error) {
	outcome, explained := explain(err, e.voter.link)
	if outcome == Unfit && e.told.CompareAndSwap(false, true) {
		e.refused(e.voter.index, explained)
	}
}

// attend listens on one connection until that breaks or ctx is done, and reports whether it ever stood.
func (e *ear) attend(ctx context.Context) (heard bool, err error) {
	subscription := e.voter.client.Subscribe(ctx) // to nothing yet, so there's no connection either
	defer func() { _ = subscription.Close() }()   // the error of one that's closed already
	bounded, cancel := context.WithTimeout(ctx, e.timeout)
	defer cancel()
	if err := subscription.Subscribe(bounded, e.channel); err != nil {
		return false, err
	}
	// Not before: go-redis holds a mutex while it connects, which closing needs, too. For the same reason it mustn't connect again by
	// itself, which it would do with any context that isn't done; and reading ends with the connection and not with the context.
	defer context.AfterFunc(ctx, func() { _ = subscription.Close() })()
	defer e.hear(ctx, false)
	ended, end := context.WithCancel(ctx)
	end()
	for {
		message, err := subscription.Receive(ended)
		if err != nil {
			return heard, err
		}
		switch m := message.(type) {
		case *redis.Subscription:
			heard = true
			e.hear(ctx, true)
		case *redis.Message:
			if c, ok := parseCall(e.voter.index, m.Payload); ok {
				e.tell(c)
			}
		}
	}
}

// hear notes whether calls are heard. Who waits looks again when they are: some may have gone unheard.
func (e *ear) hear(ctx context.Context, hearing bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if ctx.Err() != nil {
		return // another may have begun
	}
	e.hearing = hearing
	if hearing {
		e.deaf = nil
		close(e.changed)
		e.changed = make(chan struct{})
	}
}
