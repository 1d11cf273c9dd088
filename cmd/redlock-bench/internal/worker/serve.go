package worker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/a5bbb083/redlock/clockdrift"
	"github.com/a5bbb083/redlock/cmd/internal/wait"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/clockpage"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/protocol"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/subject"
)

// opTimeout bounds every operation of the worker. It's longer than the harness ever waits, so
// that a call which takes too long fails there, with the name of what it waited for.
const opTimeout = time.Minute

// Serve is the built-in worker: it answers the requests from in on out until it's told to exit
// or in ends. An error means that it can't go on: bad requests, or a lock that failed in another
// way than by refusing.
func Serve(in io.Reader, out io.Writer) (err error) {
	requests := protocol.NewReader(in)
	s := &session{leases: make(map[string]*held)}
	defer func() { err = errors.Join(err, s.close()) }()
	for {
		var request protocol.Request
		switch err := requests.Next(&request); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("worker: request: %w", err)
		}
		reply, err := s.answer(request)
		if err != nil {
			return fmt.Errorf("worker: %s: %w", request.Op, err)
		}
		if err := protocol.WriteLine(out, reply); err != nil {
			return fmt.Errorf("worker: reply: %w", err)
		}
		if request.Op == protocol.Exit {
			return nil
		}
	}
}

// session is the state of the built-in worker.
type session struct {
	locker   subject.Locker // nil before the greeting
	clock    subject.Clock
	page     *clockpage.Page // nil unless the harness bends the clock
	ticker   context.CancelFunc
	ticking  sync.WaitGroup
	resource *resourceClient
	leases   map[string]*held // the last acquisition of each name
}

// held is a lock that was acquired, and what was read from the resource under it.
type held struct {
	subject.Lease
	id   int64 // of the request that acquired it
	read *protocol.Counters
}

// trusted tells whether the client may still believe in its lock.
//
// The clock is read after the end of validity: a subject that reports a lost lock as valid until
// now would otherwise always be ahead of it.
func (h *held) trusted() bool {
	until := h.ValidUntil()
	return clockdrift.System().Now() < until
}

// answer carries out one request. A refusal is in the reply; an error ends the worker.
func (s *session) answer(r protocol.Request) (protocol.Reply, error) {
	ctx, cancel := context.WithTimeout(context.Background(), opTimeout)
	defer cancel()
	reply := protocol.Reply{ID: r.ID}
	if r.Op == protocol.Hello {
		return reply, s.hello(ctx, r, &reply)
	}
	if r.Op == protocol.Exit {
		reply.OK = true
		return reply, nil
	}
	if s.locker == nil {
		return reply, errors.New("comes before the greeting")
	}
	reply.Invoked = clockdrift.System().Now()
	err := s.perform(ctx, r, &reply)
	// Belief is read before the time at which it's reported, so that a stop in between can't
	// lengthen it.
	if h := s.leases[r.Name]; h != nil && r.Op != protocol.Release {
		reply.ValidUntil = h.ValidUntil()
	}
	reply.Returned = clockdrift.System().Now()
	if errors.Is(err, subject.ErrRefused) {
		reply.Error = err.Error()
		return reply, nil
	}
	reply.OK = err == nil
	return reply, err
}

func (s *session) hello(ctx context.Context, r protocol.Request, reply *protocol.Reply) error {
	switch {
	case s.locker != nil:
		return errors.New("was already said")
	case r.Config == nil:
		return errors.New("has no config")
	case r.Config.Version != protocol.Version:
		return fmt.Errorf("the harness speaks version %d, this worker %d; use the same build of both", r.Config.Version, protocol.Version)
	}
	chosen, err := subject.Find(r.Config.Subject)
	if err != nil {
		return err
	}
	if path := r.Config.Clock; path != "" {
		if s.page, err = clockpage.Open(path); err != nil {
			return err
		}
		s.clock.Follow(s.page)
		s.keepTime()
	}
	locker, err := chosen.Open(ctx, subject.Config{
		Nodes:   r.Config.Nodes,
		Names:   r.Config.Names,
		Joining: r.Config.Joining, JoiningNames: r.Config.JoiningNames,
		NodeTimeout: r.Config.NodeTimeout.Duration(),
		TTL:         r.Config.TTL.Duration(),
		Clock:       &s.clock,
	})
	if err != nil {
		return err
	}
	s.locker, s.resource = locker, newResourceClient(r.Config.Resource, r.Config.Client)
	reply.OK, reply.Version, reply.Fencing = true, protocol.Version, chosen.Fencing
	reply.Suspends, reply.Bends = true, s.page != nil
	_, reply.Waits = locker.(subject.Waiter)
	_, reply.Joins = locker.(subject.Changer)
	reply.Uses = chosen.Uses(len(r.Config.Nodes))
	return nil
}

// tick is how often a clock that can be bent is read at least, so that the harness sees that it is.
const tick = 5 * time.Millisecond

// keepTime reads the clock until the session is closed.
func (s *session) keepTime() {
	ctx, cancel := context.WithCancel(context.Background())
	s.ticker = cancel
	s.ticking.Go(func() {
		for wait.For(ctx, tick) == nil {
			s.clock.Boot()
		}
	})
}

func (s *session) perform(ctx context.Context, r protocol.Request, reply *protocol.Reply) error {
	switch r.Op {
	case protocol.Acquire:
		return s.acquire(ctx, r, reply)
	case protocol.Change:
		return s.change(ctx, r)
	}
	h := s.leases[r.Name]
	if h == nil {
		return fmt.Errorf("%q was never acquired", r.Name)
	}
	switch r.Op {
	case protocol.Extend:
		return h.Extend(ctx)
	case protocol.Release:
		return h.Release(ctx)
	case protocol.Check:
		if r.Suspend {
			if err := s.suspend(); err != nil {
				return err
			}
		}
		return h.mustBeTrusted()
	case protocol.Read:
		counters, err := s.resource.read(ctx)
		h.read, reply.Counters = &counters, &counters
		return err
	case protocol.Write:
		return s.write(ctx, h, r)
	default:
		return errors.New("this worker knows no such operation")
	}
}

func (s *session) acquire(ctx context.Context, r protocol.Request, reply *protocol.Reply) error {
	delete(s.leases, r.Name)
	if r.CancelAfter > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, r.CancelAfter.Duration())
		defer cancel()
	}
	ask := s.locker.Acquire
	if waiter, waits := s.locker.(subject.Waiter); r.Wait && waits {
		ask = waiter.Wait
	}
	lease, err := ask(ctx, r.Name, r.TTL.Duration())
	switch {
	case err != nil && r.CancelAfter > 0 && ctx.Err() != nil:
		return fmt.Errorf("%w: %w", subject.ErrRefused, err)
	case err != nil:
		return err
	}
	s.leases[r.Name] = &held{Lease: lease, id: r.ID}
	reply.Token, reply.Fence = lease.Token(), lease.Fence()
	return nil
}

func (s *session) change(ctx context.Context, r protocol.Request) error {
	changer, can := s.locker.(subject.Changer)
	if !can {
		return errors.New("this lock can't change its nodes")
	}
	if r.CancelAfter > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, r.CancelAfter.Duration())
		defer cancel()
	}
	err := changer.Change(ctx, r.Gone)
	if err != nil && r.CancelAfter > 0 && ctx.Err() != nil {
		return fmt.Errorf("%w: %w", subject.ErrRefused, err)
	}
	return err
}

func (h *held) mustBeTrusted() error {
	if !h.trusted() {
		return fmt.Errorf("%w: the lock is no longer valid", subject.ErrRefused)
	}
	return nil
}

// suspend acts as if the machine had been suspended for as long as this process is stopped: the
// boot clock goes on, and Go's own clock, of which this is a stand-in, doesn't.
func (s *session) suspend() error {
	began := clockdrift.System().Now()
	if err := stopSelf(); err != nil {
		return err
	}
	s.clock.Suspend(clockdrift.System().Now() - began)
	return nil
}

// write does what every user of a lock does: a last look at it, and then the write. Nothing can
// close the gap between the two, which is why the failpoint sits there.
func (s *session) write(ctx context.Context, h *held, r protocol.Request) error {
	if h.read == nil {
		return errors.New("nothing was read under this lock")
	}
	if r.Recheck {
		if err := h.mustBeTrusted(); err != nil {
			return err
		}
	}
	if r.StopAfterCheck {
		if err := stopSelf(); err != nil {
			return err
		}
	}
	return s.resource.write(ctx, h.id, h.Fence(), *h.read)
}

func (s *session) close() (err error) {
	if s.locker != nil {
		s.resource.close()
		err = s.locker.Close()
	}
	if s.page != nil {
		s.ticker()
		s.ticking.Wait()
		err = errors.Join(err, s.page.Close())
	}
	return err
}
