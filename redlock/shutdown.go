package redlock

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// Shutdown ends a locker gracefully, as [net/http.Server.Shutdown] does a server. No lock is taken from
// now on: attempts and waiting calls of [Locker.Lock] and [Locker.Do] return [ErrClosed]. The contexts of
// functions that run in Do end, with ErrClosed as their cause, and Shutdown waits until all of them have
// returned and their locks are released. Their locks are renewed meanwhile, and so are others that
// [AutoRenew] renews. Then it closes the locker as [Locker.Close] does.
//
// When ctx ends first, it closes the locker at once and returns an error that matches ctx.Err(). It doesn't
// wait for locks that were taken by Lock or TryLock: release them before.
func (l *Locker) Shutdown(ctx context.Context) error {
	late := l.endWorks(ctx)
	return errors.Join(late, l.end())
}

// Close ends a locker at once. Functions that run in [Locker.Do] get twice the node time-out to return, so
// that their locks can be released; see [Locker.Shutdown] for more. Attempts and waiting calls of
// [Locker.Lock] return [ErrClosed]. Close ends renewals, sends the releases that are still waiting, those
// included that [Lock.Unlock] left to the background, and returns when all of the locker's goroutines have
// ended. It doesn't release locks: those still held run out.
//
// A voter that hangs holds it up for three node time-outs at most. A client given to [New] may wait for such a voter for
// longer than that, whatever its context says: the goroutine that calls it ends when its own time-outs have passed.
func (l *Locker) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*l.options.nodeTimeout)
	defer cancel()
	_ = l.endWorks(ctx)
	return l.end()
}

// endWorks lets the functions that run in Do come to an end.
func (l *Locker) endWorks(ctx context.Context) error {
	l.works.last(l.drain)
	done := make(chan struct{})
	go func() { // as long as the last of them runs
		l.works.running.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("redlock: shut down while functions were still running in Do: %w", ctx.Err())
	}
}

// end ends everything else.
func (l *Locker) end() error {
	l.busy.last(l.close)
	l.busy.running.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), 2*l.options.nodeTimeout)
	defer cancel()
	// The connections of our own clients are cut when the time is up; go-redis doesn't
	// interrupt a read when only a context ends.
	defer context.AfterFunc(ctx, func() { _ = l.closeClients() })()
	ended := make(chan struct{})
	go func() {
		l.ears.end()
		l.group.Close(ctx)
		l.ears.close()
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(3 * l.options.nodeTimeout):
		return l.closeClients()
	}
	for _, s := range l.sessions {
		s.rest()
	}
	return l.closeClients()
}

func (l *Locker) closeClients() error {
	var first error
	for i, c := range l.owned {
		if err := c.Close(); err != nil && first == nil && err != redis.ErrClosed {
			first = fmt.Errorf("redlock: closing the client of %s: %w", l.nodes[i], err)
		}
	}
	return first
}
