// Package conformance tells whether a program speaks the worker protocol of
// docs/worker-protocol.md, as far as the harness relies on it.
//
// Each check has nodes that work, unless it's about nodes that don't, starts workers of its own and
// ends them, and takes a bounded time whatever the workers do.
package conformance

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/a5bbb083/redlock/clockdrift"
	"github.com/a5bbb083/redlock/cmd/internal/cluster"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/protocol"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/resource"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/worker"
)

const (
	// ttl is that of the locks, and nodeTimeout how long workers are told to wait for a node.
	ttl, nodeTimeout = 2 * time.Second, 500 * time.Millisecond
	// checkTimeout bounds one check.
	checkTimeout = 20 * time.Second
)

// Worker is the program to check.
type Worker struct {
	// Command is the program with its arguments.
	Command []string
	// Subject is the lock algorithm to ask it for, if it has several.
	Subject string
}

// Result is what one check found. Err is nil if the worker does as it should.
type Result struct {
	Name string
	Err  error
	// Skipped says why the check doesn't apply to this worker; empty if it does.
	Skipped string
	Took    time.Duration
}

// skip is the error of a check that doesn't apply.
type skip string

func (s skip) Error() string { return string(s) }

// check is one requirement of the protocol.
type check struct {
	name string
	run  func(context.Context, *bench) error
}

// Run starts nodes as configured, checks the worker, and calls report after each check. If the greeting fails there are no others. The error is non-nil only if not all checks were made: the nodes couldn't
// be started, or ctx ended.
func Run(ctx context.Context, w Worker, nodes cluster.Config, report func(Result)) (err error) {
	c, err := cluster.Start(ctx, nodes)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	for i, check := range slices.Concat(manners, locking) {
		began := time.Now()
		err := runOne(ctx, check, &bench{worker: w, cluster: c, lock: fmt.Sprintf("check %d", i+1)})
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		result := Result{Name: check.name, Err: err, Took: time.Since(began)}
		if s, skipped := errors.AsType[skip](err); skipped {
			result.Err, result.Skipped = nil, string(s)
		}
		report(result)
		if i == 0 && err != nil {
			return nil // a worker that can't be greeted can't be asked anything
		}
	}
	return nil
}

func runOne(ctx context.Context, c check, b *bench) (err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, checkTimeout, fmt.Errorf("it took longer than %v", checkTimeout))
	defer cancel()
	if b.resource, err = resource.Start(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	return c.run(ctx, b)
}

// bench is what one check works with.
type bench struct {
	worker   Worker
	cluster  *cluster.Cluster
	resource *resource.Resource
	lock     string // the name of this check's lock
	workers  []*worker.Process
}

func (b *bench) close() error {
	var errs []error
	for _, w := range b.workers {
		errs = append(errs, w.Close())
	}
	return errors.Join(append(errs, b.resource.Close())...)
}

// config greets the worker number i.
func (b *bench) config(i int) protocol.Config {
	c := protocol.Config{
		Version:     protocol.Version,
		Client:      fmt.Sprintf("client %d", i+1),
		Subject:     b.worker.Subject,
		Resource:    "http://" + b.resource.Addr(),
		NodeTimeout: protocol.InMilliseconds(nodeTimeout),
		TTL:         protocol.InMilliseconds(ttl),
	}
	for _, n := range b.cluster.Nodes() {
		c.Nodes = append(c.Nodes, "redis://"+n.Addr())
	}
	return c
}

// start starts and greets another worker.
func (b *bench) start(ctx context.Context) (*worker.Process, error) {
	w, err := worker.Start(ctx, b.worker.Command, b.config(len(b.workers)))
	if err == nil {
		b.workers = append(b.workers, w)
	}
	return w, err
}

// do asks a worker for something about this check's lock.
func (b *bench) do(ctx context.Context, w *worker.Process, r protocol.Request) (protocol.Reply, error) {
	r.Name = b.lock
	if r.Op == protocol.Acquire {
		r.TTL = protocol.InMilliseconds(ttl)
	}
	return w.Do(ctx, r)
}

// must is do for what has to be granted.
func (b *bench) must(ctx context.Context, w *worker.Process, r protocol.Request) (protocol.Reply, error) {
	reply, err := b.do(ctx, w, r)
	if err == nil && !reply.OK {
		err = fmt.Errorf("%s was refused: %s", r.Op, reply.Error)
	}
	return reply, err
}

// acquire has a worker try for the lock until it gets it. A lock may want to wait for a while before
// it trusts nodes that were just started.
func (b *bench) acquire(ctx context.Context, w *worker.Process) (protocol.Reply, error) {
	for deadline := now() + 5*ttl; ; time.Sleep(10 * time.Millisecond) {
		reply, err := b.do(ctx, w, protocol.Request{Op: protocol.Acquire})
		if err != nil || reply.OK {
			return reply, err
		}
		if now() > deadline {
			return reply, fmt.Errorf("the lock is free, and acquire was refused for %v: %s", 5*ttl, reply.Error)
		}
	}
}

// holder starts a worker and has it acquire the lock.
func (b *bench) holder(ctx context.Context) (*worker.Process, protocol.Reply, error) {
	w, err := b.start(ctx)
	if err != nil {
		return nil, protocol.Reply{}, err
	}
	reply, err := b.acquire(ctx, w)
	return w, reply, err
}

func now() time.Duration { return clockdrift.System().Now() }
