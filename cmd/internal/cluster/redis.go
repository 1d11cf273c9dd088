package cluster

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/a5bbb083/redlock/cmd/internal/workspace"
)

// ErrNoRedisServer matches the error of [Start] where the backend [Redis] finds no
// redis-server to run.
var ErrNoRedisServer = errors.New("cluster: no redis-server found in PATH; install it " +
	"(Debian and Ubuntu: apt-get install redis-server; macOS: brew install redis) or use the embedded backend")

// host is what the servers of one cluster share.
type host struct {
	config    Config
	binary    string
	launcher  *launcher
	workspace *workspace.Workspace
	clock     clockTool // nil if clockErr says why there is none
	clockErr  error
}

// startRedis starts one redis-server for each node; find chooses how their clocks are bent.
func startRedis(ctx context.Context, config Config, find func(context.Context, string) (clockTool, error)) (*Cluster, error) {
	binary, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoRedisServer, err)
	}
	work, err := workspace.New("redlock-bench-")
	if err != nil {
		return nil, fmt.Errorf("cluster: a directory for the servers: %w", err)
	}
	h := &host{config: config, binary: binary, launcher: newLauncher(), workspace: work}
	if config.TrueClocks {
		h.clockErr = fmt.Errorf("%w: the cluster was started with true clocks", ErrUnsupported)
	} else {
		h.clock, h.clockErr = find(ctx, work.Dir())
	}

	servers := make([]*serverNode, config.Nodes)
	c := &Cluster{config: config, stop: sync.OnceValue(func() error { return h.close(servers) })}
	starting, ctx := errgroup.WithContext(ctx)
	for i := range servers {
		servers[i] = newServerNode(h, i)
		c.nodes = append(c.nodes, servers[i])
		starting.Go(func() error { return servers[i].boot(ctx) })
	}
	if err := starting.Wait(); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// close ends the servers first, because the others are theirs.
func (h *host) close(servers []*serverNode) error {
	var errs []error
	for _, s := range servers {
		errs = append(errs, s.close())
	}
	h.launcher.close()
	return errors.Join(append(errs, h.workspace.Close())...)
}
