package cluster

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Backend says what the nodes of a cluster are.
type Backend string

const (
	// Embedded nodes live in this process and need nothing installed.
	Embedded Backend = "embedded"
	// Redis nodes are redis-server processes.
	Redis Backend = "redis"
)

// Persistence says what a node writes to disk, see [Memory] for what that is good for.
type Persistence string

const (
	// NoLog keeps everything in memory only; it's the default.
	NoLog Persistence = ""
	// EverySecond logs each write and syncs the log once a second (appendfsync everysec).
	EverySecond Persistence = "everysec"
	// Always logs each write and syncs the log before replying (appendfsync always).
	Always Persistence = "always"
	// Snapshots writes everything to disk at each [Node.Checkpoint] (RDB), and nothing between.
	Snapshots Persistence = "snapshots"
)

// maxNodes is above any sensible quorum, and low enough for one machine.
const maxNodes = 64

// defaultStartTimeout bounds one server's start, which takes some 20 ms on an idle machine.
const defaultStartTimeout = 15 * time.Second

// Config describes a cluster. The zero value of a field is its default.
type Config struct {
	Backend     Backend // Embedded unless given
	Nodes       int     // at least 1, at most 64
	Seed        int64   // of what an embedded node draws at random, such as its run ids
	Persistence Persistence

	// TrueClocks leaves the clocks of redis-server processes as they are: no library is loaded into
	// them by which clocks are bent, and that could cost what is measured.
	TrueClocks bool

	// StartTimeout bounds the start of one redis-server; 15 s unless given.
	StartTimeout time.Duration
}

func (c Config) validate() error {
	switch {
	case c.Nodes < 1 || c.Nodes > maxNodes:
		return fmt.Errorf("cluster: %d nodes: give from 1 to %d", c.Nodes, maxNodes)
	case c.Backend != Embedded && c.Backend != Redis:
		return fmt.Errorf("cluster: backend %q: give %q or %q", c.Backend, Embedded, Redis)
	case !slices.Contains([]Persistence{NoLog, EverySecond, Always, Snapshots}, c.Persistence):
		return fmt.Errorf("cluster: persistence %q: give %q, %q, %q or none", c.Persistence, EverySecond, Always, Snapshots)
	case c.StartTimeout < 0:
		return fmt.Errorf("cluster: start time-out of %v: give a positive one, or 0 for %v", c.StartTimeout, defaultStartTimeout)
	}
	return nil
}

// Cluster is a set of independent nodes. Its methods may be called concurrently.
type Cluster struct {
	config Config
	nodes  []Node
	stop   func() error // ends everything, once
}

// Start starts the nodes and waits until all of them answer. The context bounds the start
// only; when it ends before that, everything that was started has been ended again.
//
// Where there is no redis-server to start, the error matches [ErrNoRedisServer].
func Start(ctx context.Context, config Config) (*Cluster, error) {
	if config.Backend == "" {
		config.Backend = Embedded
	}
	if config.StartTimeout == 0 {
		config.StartTimeout = defaultStartTimeout
	}
	if err := config.validate(); err != nil {
		return nil, err
	}
	if config.Backend == Redis {
		return startRedis(ctx, config, findClockTool)
	}
	return startEmbedded(ctx, config)
}

// Backend tells what the nodes are.
func (c *Cluster) Backend() Backend { return c.config.Backend }

// Nodes returns all nodes in their order.
func (c *Cluster) Nodes() []Node { return append([]Node(nil), c.nodes...) }

// Node returns node i, counted from 0. It panics if there is no such node.
func (c *Cluster) Node(i int) Node { return c.nodes[i] }

// Len is the number of nodes.
func (c *Cluster) Len() int { return len(c.nodes) }

// Close ends every process, connection and directory that [Start] made. It may be called at
// any time and more than once; each call returns what the first one did.
func (c *Cluster) Close() error { return c.stop() }
