package load

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/a5bbb083/redlock/clockdrift"
	"github.com/a5bbb083/redlock/cmd/internal/loadgen"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/child"
)

const (
	// patience is how long a process may take for more than it was asked to take.
	patience = 2 * time.Minute
	// lead is how long before a load begins its processes are told, and longer by leadPerName, since
	// they write down all names first.
	lead        = 100 * time.Millisecond
	leadPerName = time.Microsecond
)

// process is one client process of a subject. It takes one request at a time.
type process struct {
	name    string
	child   *child.Child
	replies *json.Decoder
}

// start starts a client process and waits until it has taken its first lock.
func start(ctx context.Context, command []string, c loadgen.Client) (*process, error) {
	p := &process{name: c.Name}
	var err error
	if p.child, err = child.Start(command); err != nil {
		return nil, fmt.Errorf("load: %s: start %q: %w", c.Name, command, err)
	}
	p.replies = json.NewDecoder(p.child.Stdout)
	if _, err := p.ask(ctx, loadgen.Request{Client: &c}, 0); err != nil {
		return nil, errors.Join(err, p.close())
	}
	return p, nil
}

// ask sends a request and waits for its reply, which is meant to take that long.
func (p *process) ask(ctx context.Context, r loadgen.Request, lasting time.Duration) (*loadgen.Result, error) {
	if err := errors.Join(p.child.Stdin.SetWriteDeadline(time.Now().Add(patience)),
		p.child.Stdout.SetReadDeadline(time.Now().Add(lasting+patience))); err != nil {
		return nil, p.explain(ctx, err)
	}
	// A read that is over its time ends at once, and nothing is asked after the end of ctx.
	defer context.AfterFunc(ctx, func() { _ = p.child.Stdout.SetReadDeadline(time.Now()) })()
	if err := json.NewEncoder(p.child.Stdin).Encode(r); err != nil {
		return nil, p.explain(ctx, err)
	}
	var reply loadgen.Reply
	if err := p.replies.Decode(&reply); err != nil {
		return nil, p.explain(ctx, err)
	}
	if reply.Error != "" {
		return nil, fmt.Errorf("load: %s: %s", p.name, reply.Error)
	}
	return reply.Result, nil
}

// explain says why a process didn't do what it was asked.
func (p *process) explain(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.EPIPE):
		err = p.child.Ending()
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = fmt.Errorf("didn't answer within %v more than the load takes%s", patience, p.child.LastWords())
	}
	return fmt.Errorf("load: %s: %w", p.name, err)
}

func (p *process) close() error {
	if err := p.child.Close(); err != nil {
		return fmt.Errorf("load: %s: %w", p.name, err)
	}
	return nil
}

// clients are all client processes of one subject.
type clients struct {
	subject   Subject
	processes []*process
}

// startClients starts the processes of all subjects at once, since new servers keep some of them waiting.
func startClients(ctx context.Context, c Config, urls []string) ([]*clients, error) {
	all := make([]*clients, len(c.Subjects))
	starting, ctx := errgroup.WithContext(ctx)
	for i, s := range c.Subjects {
		nodes := urls
		if s.SingleNode {
			nodes = urls[len(urls)/2:][:1]
		}
		all[i] = &clients{s, make([]*process, c.Processes)}
		for j := range c.Processes {
			starting.Go(func() (err error) {
				name := fmt.Sprintf("%s, process %d", s.Name, j+1)
				all[i].processes[j], err = start(ctx, s.Command, loadgen.Client{Subject: s.Name, Name: name, Nodes: nodes, TTL: c.TTL})
				return err
			})
		}
	}
	if err := starting.Wait(); err != nil {
		return nil, errors.Join(err, closeClients(all))
	}
	return all, nil
}

func closeClients(all []*clients) error {
	var closing errgroup.Group
	for _, c := range all {
		for _, p := range c.processes {
			if p != nil {
				closing.Go(p.close)
			}
		}
	}
	return closing.Wait()
}

// run lets all processes carry out their part of the load at the same time, and returns what each saw
// and when the load ended on the boot clock.
func (c *clients) run(ctx context.Context, config Config, lasting time.Duration) ([]*loadgen.Result, time.Duration, error) {
	begin := clockdrift.System().Now() + lead + time.Duration(config.Names)*leadPerName
	results := make([]*loadgen.Result, len(c.processes))
	running, ctx := errgroup.WithContext(ctx)
	for i, plan := range plans(config, c.subject.Name, begin, lasting) {
		running.Go(func() (err error) {
			results[i], err = c.processes[i].ask(ctx, loadgen.Request{Plan: &plan}, lasting)
			return err
		})
	}
	return results, begin + lasting, running.Wait()
}

// plans divides the load among the processes.
func plans(c Config, subject string, begin, lasting time.Duration) []loadgen.Plan {
	all := make([]loadgen.Plan, c.Processes)
	first := 0
	for i := range all {
		here := c.Goroutines / c.Processes
		if i < c.Goroutines%c.Processes {
			here++
		}
		all[i] = loadgen.Plan{
			Prefix: "load:" + subject + ":", First: first, Clients: here, Total: c.Goroutines, Names: c.Names,
			Rate: float64(c.Rate) * float64(here) / float64(c.Goroutines), Every: c.Every, Try: c.Try, Hold: c.Hold, Rest: c.Rest,
			Start: begin, Duration: lasting,
		}
		first += here
	}
	return all
}
