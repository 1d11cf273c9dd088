package doctor

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	"github.com/a5bbb083/redlock/clockdrift"
)

// Config says what to examine.
type Config struct {
	// URLs lead to the servers: redis:// or rediss://, with user and password if need be.
	URLs []string
	// TTL is how long the locks are to live.
	TTL time.Duration
	// Duration is for how long clocks and answer times are watched.
	Duration time.Duration
	// Timeout is how long to wait for each answer of a server.
	Timeout time.Duration
	// Prefix is what the names of the locks are to begin with; empty for all names. The probe's name begins
	// with it, and the rule of rights in the report is for it.
	Prefix string
	// Progress, unless nil, is called a few times a second while clocks and answer times are
	// watched, with the time that this has taken so far. It's never called concurrently.
	Progress func(time.Duration)
}

// The limits of a Config. The longest TTL is that of package redlock.
const (
	maxNodes    = 64
	minTTL      = 10 * time.Millisecond
	maxTTL      = 12 * time.Hour
	minDuration = 100 * time.Millisecond
	maxDuration = time.Hour
	minTimeout  = time.Millisecond
	maxTimeout  = time.Minute
	maxPrefix   = 512 // bytes; a name has at most 1024
)

func (c *Config) validate() error {
	switch {
	case len(c.URLs) == 0:
		return errors.New("doctor: no nodes; give the URL of each, such as redis://host:6379")
	case len(c.URLs) > maxNodes:
		return fmt.Errorf("doctor: %d nodes; give at most %d", len(c.URLs), maxNodes)
	case c.TTL < minTTL || c.TTL > maxTTL:
		return fmt.Errorf("doctor: TTL %v; give from %v to %v", c.TTL, minTTL, maxTTL)
	case c.Duration < minDuration || c.Duration > maxDuration:
		return fmt.Errorf("doctor: duration %v; give from %v to %v", c.Duration, minDuration, maxDuration)
	case c.Timeout < minTimeout || c.Timeout > maxTimeout:
		return fmt.Errorf("doctor: time-out %v; give from %v to %v", c.Timeout, minTimeout, maxTimeout)
	case len(c.Prefix) > maxPrefix:
		return fmt.Errorf("doctor: a prefix of %d bytes; give at most %d", len(c.Prefix), maxPrefix)
	case strings.HasPrefix(c.Prefix, markerKey):
		return fmt.Errorf("doctor: prefix %q; no lock's name may begin with %q, where voters keep their marker", c.Prefix, markerKey)
	}
	return nil
}

// Doctor examines one set of servers.
type Doctor struct {
	config Config
	nodes  []node
}

// New checks the config, and connects to nothing. Its errors never show a URL.
func New(config Config) (*Doctor, error) {
	if err := config.validate(); err != nil {
		return nil, err
	}
	d := &Doctor{config: config}
	for i, url := range config.URLs {
		n, err := parseNode(i+1, url, config.Timeout)
		if err != nil {
			return nil, err
		}
		d.nodes = append(d.nodes, n)
	}
	return d, nil
}

// Examine asks the servers, watches them for the configured duration, and reports. A server
// that doesn't answer is a finding and no error.
//
// If the context ends while clocks and answer times are watched, the report is made from what
// was seen until then. If it ends earlier there is no report, and the error is the context's.
func (d *Doctor) Examine(ctx context.Context) (*Report, error) {
	// A context without a deadline, since go-redis would report a time-out a moment before the
	// context ends, and a server's time-out couldn't be told from that.
	ended := ctx
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(ended))
	defer cancel(nil)
	defer context.AfterFunc(ended, func() { cancel(context.Cause(ended)) })()

	e := &examination{config: d.config, voters: make([]voter, len(d.nodes))}
	clients := make([]*redis.Client, len(d.nodes))
	for i, n := range d.nodes {
		e.voters[i].node = n
		clients[i] = redis.NewClient(n.options)
		defer func() { _ = clients[i].Close() }() // there is nothing left to be told
		// go-redis looks at deadlines only, so a cancelled read has to be cut off.
		defer context.AfterFunc(ctx, func() { _ = clients[i].Close() })()
	}
	e.interview(ctx, clients)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	e.watch(ctx, clients)
	e.judgeClocks()
	return newReport(e, ctx.Err() != nil), nil
}

// examination is what was learned of all nodes.
type examination struct {
	config Config
	voters []voter
	// clocksAgree says that most of the clocks that were seen agree.
	clocksAgree bool
}

// voter is what was learned of one node.
type voter struct {
	node
	facts
	watched
	clock clockView
}

// interview asks all nodes at once.
func (e *examination) interview(ctx context.Context, clients []*redis.Client) {
	var asking errgroup.Group
	for i, client := range clients {
		asking.Go(func() error {
			q := questioner{client: client, timeout: e.config.Timeout, probe: probeName(e.config.Prefix)}
			e.voters[i].facts = q.interview(ctx)
			if e.voters[i].facts.err == nil {
				e.voters[i].facts.addresses = e.voters[i].resolve(ctx, e.config.Timeout)
			}
			return nil
		})
	}
	_ = asking.Wait() // what went wrong is among the facts
}

// progressInterval is how often progress is told.
const progressInterval = 100 * time.Millisecond

// watch samples the clocks of all nodes that answered, at the same time.
func (e *examination) watch(ctx context.Context, clients []*redis.Client) {
	var watching errgroup.Group
	began := time.Now()
	for i, client := range clients {
		if e.voters[i].facts.err != nil {
			continue
		}
		watching.Go(func() error {
			w := watcher{clockdrift.System(), readClock(client), e.config.Duration, e.config.Timeout}
			e.voters[i].watched = w.watch(ctx)
			return nil
		})
	}
	done := make(chan struct{})
	go func() {
		_ = watching.Wait() // what went wrong was counted
		close(done)
	}()
	ticker := time.NewTicker(progressInterval)
	defer ticker.Stop()
	for {
		select {
		case <-done:
			return
		case <-ticker.C:
			if e.config.Progress != nil {
				e.config.Progress(min(time.Since(began), e.config.Duration))
			}
		}
	}
}
