// Package lab sets up one experiment: nodes, links, a resource, and clients that are processes
// of their own; and it keeps the record of what happens to them.
//
// What is guaranteed: [Lab.Close] ends everything that [Open] started. Every fault goes through
// the lab, which records it only with a proof of its effect. An experiment whose conditions
// weren't met, because the machine was too slow for its times, say, ends with an error matching
// [ErrSpoiled]: it says nothing about the lock, and should be repeated with longer times.
package lab

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/a5bbb083/redlock/clockdrift"
	"github.com/a5bbb083/redlock/cmd/internal/cluster"
	"github.com/a5bbb083/redlock/cmd/internal/wait"
	"github.com/a5bbb083/redlock/cmd/internal/workspace"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/history"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/nemesis"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/resource"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/subject"
)

// ErrSpoiled matches the errors of experiments that didn't come off as designed.
var ErrSpoiled = errors.New("lab: experiment spoiled")

// ErrNotApplicable matches the errors of experiments that the clients under test can't take part in.
// There's nothing to judge then.
var ErrNotApplicable = errors.New("lab: experiment not applicable")

// Spoiled returns an error matching [ErrSpoiled].
func Spoiled(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrSpoiled, fmt.Errorf(format, args...))
}

// LockName is the lock that all clients of an experiment want.
const LockName = "job"

// Config describes an experiment.
type Config struct {
	Scenario string
	Cluster  cluster.Config
	Subject  subject.Subject
	// Worker is the program, with its arguments, that runs a client.
	Worker []string
	// Clients is how many there are.
	Clients int
	// Lists are the nodes that each client is told of, by client; nil is all nodes but the spares, for all clients.
	Lists [][]int
	// Spares is how many nodes, the last ones, are in nobody's list at first.
	Spares int
	// Prepare, if not nil, is called before the clients start.
	Prepare func(context.Context, *Lab) error
	// TTL is that of every lock, NodeTimeout how long a client waits for one node.
	TTL, NodeTimeout time.Duration
	// BentClients gives each client a clock of its own that faults can bend.
	BentClients bool
	// Watch is how often to look who has the lock's key on each node; 0 is never.
	Watch time.Duration
}

// Lab is an experiment that is set up. Its methods may be called concurrently.
type Lab struct {
	config    Config
	cluster   *cluster.Cluster
	resource  *resource.Resource
	links     *nemesis.Links // clients to nodes
	writeways *nemesis.Links // clients to the resource
	clients   []*Client
	watch     *watch               // nil unless the nodes are watched
	pages     *workspace.Workspace // for the clients' clocks; nil unless they can be bent

	mu     sync.Mutex // guards the record
	record history.History
}

// Open sets up an experiment and waits until every client has shown that it can take and
// release a lock. With lists of their own that goes for the first client only.
func Open(ctx context.Context, c Config) (*Lab, error) {
	l := &Lab{config: c}
	if err := l.open(ctx); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

func (l *Lab) open(ctx context.Context) error {
	c := l.config
	var err error
	if l.cluster, err = cluster.Start(ctx, c.Cluster); err != nil {
		return err
	}
	l.record = history.History{
		Scenario: c.Scenario, Subject: c.Subject.Name, TTL: c.TTL,
		Backend: string(l.cluster.Backend()), Nodes: l.cluster.Len(), Seed: c.Cluster.Seed,
	}
	if l.resource, err = resource.Start(); err != nil {
		return err
	}
	if l.links, err = nemesis.Listen(l.cluster.Nodes(), c.Clients, c.Cluster.Seed); err != nil {
		return err
	}
	if l.writeways, err = nemesis.Listen([]endpoint{{l.resource.Addr()}}, c.Clients, c.Cluster.Seed); err != nil {
		return err
	}
	l.record.Start = l.Now()
	if c.Prepare != nil {
		if err := c.Prepare(ctx, l); err != nil {
			return err
		}
	}
	if c.BentClients {
		if l.pages, err = workspace.New("redlock-bench-clocks-"); err != nil {
			return fmt.Errorf("lab: a directory for the clients' clocks: %w", err)
		}
	}
	l.clients = make([]*Client, c.Clients)
	starting, ctx := errgroup.WithContext(ctx)
	if c.Lists != nil {
		starting.SetLimit(1) // a quorum belongs to the list that comes first
	}
	for i := range l.clients {
		starting.Go(func() (err error) {
			l.clients[i], err = l.newClient(ctx, i)
			return err
		})
	}
	if err := starting.Wait(); err != nil {
		return err
	}
	for _, c := range l.clients {
		l.record.Clients = append(l.record.Clients, c.name)
		l.record.Fencing, l.record.Uses = c.process.Fencing(), c.process.Uses()
		if c.lab.config.Lists != nil || c.lab.config.Spares > 0 {
			l.record.FirstLists = append(l.record.FirstLists, c.list)
		}
	}
	if c.Prepare == nil {
		l.record.Start = l.Now() // the start of the clients isn't of interest
	}
	l.watch = startWatch(l.cluster.Nodes(), c.Watch)
	return nil
}

// Close ends the clients, links, resource and nodes, and waits for their end.
func (l *Lab) Close() error {
	var (
		ending sync.WaitGroup
		errs   = make([]error, len(l.clients))
	)
	for i, c := range l.clients {
		if c != nil {
			ending.Go(func() { errs[i] = errors.Join(c.process.Close(), c.closePage()) })
		}
	}
	ending.Wait()
	l.watch.stop()
	if l.pages != nil {
		errs = append(errs, l.pages.Close())
	}
	if l.links != nil {
		errs = append(errs, l.links.Close())
	}
	if l.writeways != nil {
		errs = append(errs, l.writeways.Close())
	}
	if l.resource != nil {
		errs = append(errs, l.resource.Close())
	}
	if l.cluster != nil {
		errs = append(errs, l.cluster.Close())
	}
	return errors.Join(errs...)
}

// TTL is how long a lock lives.
func (l *Lab) TTL() time.Duration { return l.config.TTL }

// Len is the number of nodes.
func (l *Lab) Len() int { return l.cluster.Len() }

// Node returns node i, counted from 0.
func (l *Lab) Node(i int) cluster.Node { return l.cluster.Node(i) }

// Used returns the places of the nodes that the subject's locks live on, as the first client knows them.
func (l *Lab) Used() []int {
	l.mu.Lock()
	defer l.mu.Unlock()
	known := l.clients[0].list
	var used []int
	for _, place := range l.record.Uses {
		used = append(used, known[place])
	}
	return used
}

// firstList returns the nodes that a client is told of at first.
func (l *Lab) firstList(client int) []int {
	if l.config.Lists != nil {
		return l.config.Lists[client]
	}
	all := make([]int, l.Len()-l.config.Spares)
	for i := range all {
		all[i] = i
	}
	return all
}

// Clients returns all clients.
func (l *Lab) Clients() []*Client { return l.clients }

// Now reads the clock of the record.
func (l *Lab) Now() time.Duration { return clockdrift.System().Now() }

// SleepUntil waits until the clock of the record shows at.
func (l *Lab) SleepUntil(ctx context.Context, at time.Duration) error {
	for {
		left := at - l.Now()
		if left <= 0 {
			return nil
		}
		if err := wait.For(ctx, left); err != nil {
			return err
		}
	}
}

// endpoint is the resource as the far end of a link.
type endpoint struct{ addr string }

func (endpoint) Index() int     { return 0 }
func (endpoint) Name() string   { return "the resource" }
func (e endpoint) Addr() string { return e.addr }
