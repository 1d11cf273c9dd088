package worker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/a5bbb083/redlock/clockdrift"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/child"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/protocol"
)

// ErrWorker matches the errors of workers that failed, as opposed to locks that refused.
var ErrWorker = errors.New("worker: failed")

// sendTimeout bounds a write to a worker that doesn't read.
const sendTimeout = 2 * time.Second

// Process is a running worker. Its methods may be called concurrently, but a worker answers
// one request at a time.
type Process struct {
	name     string
	child    *child.Child
	terms    protocol.Terms
	renews   bool
	suspends bool
	bends    bool
	waits    bool
	joins    bool
	uses     []int

	read chan struct{} // closed once nothing is read from it any more

	mu     sync.Mutex // guards the rest
	lastID int64
	call   *Call // under way, if any
	failed error // why no more calls are possible
}

// Start starts the program command with its arguments as the worker that config describes, and
// greets it. The context bounds the greeting only. The error matches [ErrWorker].
func Start(ctx context.Context, command []string, config protocol.Config) (*Process, error) {
	return start(ctx, command, config, 0)
}

// Restart ends the worker, and starts the same client anew as config describes it. Its requests go on where they were, so that
// their ids name one acquisition each.
func (p *Process) Restart(ctx context.Context, command []string, config protocol.Config) (*Process, error) {
	if err := p.Close(); err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return start(ctx, command, config, p.lastID)
}

func start(ctx context.Context, command []string, config protocol.Config, lastID int64) (*Process, error) {
	config.Version = protocol.Version
	p := &Process{
		name: fmt.Sprintf("%s (%s)", config.Client, config.Subject), read: make(chan struct{}),
		terms: protocol.Terms{TTL: config.TTL.Duration()}, lastID: lastID,
	}
	var err error
	if p.child, err = child.Start(command); err != nil {
		return nil, fmt.Errorf("%w: %s: start %q: %w", ErrWorker, p.name, command, err)
	}
	go p.receive()
	reply, err := p.Do(ctx, protocol.Request{Op: protocol.Hello, Config: &config})
	if err == nil && (!reply.OK || reply.Version != protocol.Version) {
		err = fmt.Errorf("%w: %s: greeting: ok %v, version %d, want version %d: %s",
			ErrWorker, p.name, reply.OK, reply.Version, protocol.Version, reply.Error)
	}
	if err != nil {
		return nil, errors.Join(err, p.Close())
	}
	p.terms.Fencing, p.uses = reply.Fencing, reply.Uses
	p.renews, p.suspends, p.bends, p.waits, p.joins = reply.Renews, reply.Suspends, reply.Bends, reply.Waits, reply.Joins
	for i := range config.Nodes {
		if reply.Uses == nil {
			p.uses = append(p.uses, i)
		}
	}
	return p, nil
}

// PID is the worker's process id.
func (p *Process) PID() int { return p.child.PID() }

// Fencing tells whether the worker's locks carry fencing tokens.
func (p *Process) Fencing() bool { return p.terms.Fencing }

// Renews tells whether the worker's locks renew themselves.
func (p *Process) Renews() bool { return p.renews }

// Waits tells whether the worker's lock can be waited for.
func (p *Process) Waits() bool { return p.waits }

// Joins tells whether the worker's lock can take a majority of two lists of nodes, and change the nodes from one to the other.
func (p *Process) Joins() bool { return p.joins }

// Suspends tells whether the worker can act as if its machine had been suspended.
func (p *Process) Suspends() bool { return p.suspends }

// Bends tells whether the worker's clock follows its page.
func (p *Process) Bends() bool { return p.bends }

// Uses returns the places of the nodes that the worker's locks live on.
func (p *Process) Uses() []int { return p.uses }

// Do sends a request and waits for its reply or for the end of ctx.
func (p *Process) Do(ctx context.Context, r protocol.Request) (protocol.Reply, error) {
	call, err := p.Begin(r)
	if err != nil {
		return protocol.Reply{}, err
	}
	return call.Wait(ctx)
}

// Begin sends a request, whose ID and time it sets, and doesn't wait for the reply.
func (p *Process) Begin(r protocol.Request) (*Call, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failed != nil {
		return nil, p.failed
	}
	if p.call != nil {
		return nil, fmt.Errorf("%w: %s: %s while %s is still under way", ErrWorker, p.name, r.Op, p.call.Request.Op)
	}
	p.lastID++
	r.ID, r.Now = p.lastID, clockdrift.System().Now()
	call := &Call{Request: r, process: p, done: make(chan struct{})}
	p.call = call
	_ = p.child.Stdin.SetWriteDeadline(time.Now().Add(sendTimeout))
	if err := protocol.WriteLine(p.child.Stdin, r); err != nil {
		// A worker that has exited is better explained by how it ended.
		if !errors.Is(err, syscall.EPIPE) {
			p.fail(fmt.Errorf("doesn't read its input: %w", err))
		}
	}
	return call, nil
}

// receive hands each reply to its call, until the output ends or makes no sense.
func (p *Process) receive() {
	defer close(p.read)
	lines := protocol.NewReader(p.child.Stdout)
	for {
		var reply protocol.Reply
		err := lines.Next(&reply)
		received := clockdrift.System().Now()
		if errors.Is(err, io.EOF) || errors.Is(err, os.ErrClosed) {
			err = p.child.Ending()
		}
		p.mu.Lock()
		if err == nil {
			err = p.match(reply, received)
		}
		if err != nil {
			p.fail(err)
		}
		p.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// match completes the call under way. The caller holds mu.
func (p *Process) match(reply protocol.Reply, received time.Duration) error {
	call := p.call
	if call == nil {
		return fmt.Errorf("sent a reply with id %d that nobody waits for", reply.ID)
	}
	if err := call.Request.Plausible(reply, received, p.terms); err != nil {
		return err
	}
	p.call, call.reply, call.received = nil, reply, received
	close(call.done)
	return nil
}

// fail makes the call under way, and all later ones, fail. The caller holds mu.
func (p *Process) fail(err error) {
	if p.failed == nil {
		p.failed = fmt.Errorf("%w: %s: %w", ErrWorker, p.name, err)
	}
	if p.call != nil {
		p.call.err = p.failed
		close(p.call.done)
		p.call = nil
	}
}

// Close ends the worker: by the end of its input, or by SIGKILL if it doesn't follow at once.
// It returns when the process is gone.
func (p *Process) Close() error {
	if err := p.child.Close(); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrWorker, p.name, err)
	}
	<-p.read
	return nil
}
