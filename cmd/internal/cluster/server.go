package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// serverNode is a node that is a redis-server process.
type serverNode struct {
	base
	host *host
	dir  string

	process *process // guarded by mu; nil before the first start

	// The rest is guarded by faults.
	closed   bool
	runID    string // of the latest server
	started  time.Time
	died     time.Time
	bend     bend       // of its wall clock, which outlives a restart as a machine's does
	durable  checkpoint // what a power loss leaves
	replica  *replica   // nil unless there is one
	replicas int        // how many there have been
	shut     *closure   // nil unless it's closed to clients
	disk     unsound
}

func newServerNode(h *host, index int) *serverNode {
	return &serverNode{base: base{index: index}, host: h, bend: bend{anchor: time.Now()}}
}

// boot makes the node's directory and starts it for the first time.
func (n *serverNode) boot(ctx context.Context) error {
	dir, err := n.host.workspace.Sub(n.Name())
	if err != nil {
		return err
	}
	n.dir = dir
	return n.start(ctx)
}

// portAttempts bounds how often another port is tried when something else took the free one
// between its choice and the server's bind.
const portAttempts = 5

var errPortTaken = errors.New("the port is taken by another process")

// start starts a server, at its old port if possible, and waits until it answers.
func (n *serverNode) start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, n.host.config.StartTimeout)
	defer cancel()
	addr := n.Addr()
	var err error
	for range portAttempts {
		if addr == "" {
			if addr, err = freeAddr(); err != nil {
				return err
			}
		}
		if err = n.launch(ctx, addr); err == nil {
			return n.noteBirth(ctx)
		}
		if !errors.Is(err, errPortTaken) {
			break
		}
		addr = ""
	}
	return fmt.Errorf("cluster: start node %s: %w", n.Name(), err)
}

// noteBirth keeps what later proofs compare with.
func (n *serverNode) noteBirth(ctx context.Context) error {
	id, err := n.RunID(ctx)
	if err != nil {
		return err
	}
	n.runID = id
	if n.host.config.Persistence == EverySecond {
		return n.noteDurable()
	}
	return nil
}

// freeAddr finds a port that was free a moment ago.
func freeAddr() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("cluster: find a free port: %w", err)
	}
	defer listener.Close()
	return listener.Addr().String(), nil
}

// launch starts the process and waits until it's ready; if it isn't, it's gone again.
func (n *serverNode) launch(ctx context.Context, addr string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(n.dir, "log"))
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(n.host.binary, n.arguments(addr)...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = n.dir, log, log
	cmd.SysProcAttr = childAttributes()
	n.started = time.Now()
	if tool := n.host.clock; tool != nil {
		cmd.Env = append(os.Environ(), tool.environment(n.dir)...)
		if err := tool.write(n.dir, n.bend, n.started); err != nil {
			return err
		}
		if disk, can := tool.(diskTool); can {
			// Each process has a disk that works, or it couldn't start.
			if err := disk.setDisk(n.dir, Sound, 0); err != nil {
				return err
			}
		}
	}
	p, err := startProcess(n.host.launcher, cmd)
	if err != nil {
		return err
	}
	a := newAdmin(addr)
	err = n.awaitReady(ctx, p, a)
	a.close()
	if err != nil {
		_, killErr := p.kill()
		return errors.Join(fmt.Errorf("%w; its log ends with:\n%s", err, n.logTail()), killErr)
	}
	n.connect(addr)
	n.mu.Lock()
	n.process = p
	n.mu.Unlock()
	return nil
}

func (n *serverNode) arguments(addr string) []string {
	host, port, _ := net.SplitHostPort(addr)
	arguments := []string{
		"--port", port, "--bind", host, "--dir", n.dir, "--save", "",
		// A rewritten log would have no place to cut it at for a power loss.
		"--auto-aof-rewrite-percentage", "0",
		// A replica is waited for, and no second one comes with it.
		"--repl-diskless-sync-delay", "0",
	}
	if log := n.host.config.Persistence; log == NoLog || log == Snapshots {
		return append(arguments, "--appendonly", "no")
	}
	return append(arguments, "--appendonly", "yes", "--appendfsync", string(n.host.config.Persistence))
}

const (
	// readyPoll is the rest between two questions to a server that is starting.
	readyPoll = 2 * time.Millisecond
	// readyPatience bounds one question: a stranger at the port may take it and never answer.
	readyPatience = 250 * time.Millisecond
)

// awaitReady asks until the server answers, has loaded its log, and is the one that was
// started rather than a stranger at the same port.
func (n *serverNode) awaitReady(ctx context.Context, p *process, a *admin) error {
	for {
		asking, cancel := context.WithTimeout(ctx, readyPatience)
		err := ping(asking, a.client.Options().Addr)
		cancel()
		if err == nil {
			return n.checkIdentity(ctx, p, a)
		}
		select {
		case <-p.exited:
			if strings.Contains(n.logTail(), "Address already in use") {
				return errPortTaken
			}
			return fmt.Errorf("redis-server ended at once (%v)", p.cmd.ProcessState)
		case <-ctx.Done():
			return fmt.Errorf("redis-server isn't ready: %w (last answer: %w)", ctx.Err(), err)
		case <-time.After(readyPoll):
		}
	}
}

func (n *serverNode) checkIdentity(ctx context.Context, p *process, a *admin) error {
	id, err := a.info(ctx, "server", "process_id")
	switch {
	case err != nil && ctx.Err() != nil:
		return err
	case err != nil || id != strconv.Itoa(p.pid()):
		// Something else listens there, and it needn't even be a Redis that says who it is.
		return errPortTaken
	}
	return nil
}

// logTail is the end of the server's log, for error messages.
func (n *serverNode) logTail() string {
	const most = 2000
	log, err := os.ReadFile(filepath.Join(n.dir, "log"))
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(log[max(0, len(log)-most):]))
}

// Running implements [Node].
func (n *serverNode) Running() bool {
	p := n.current()
	return p != nil && p.running()
}

func (n *serverNode) current() *process {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.process
}

// close ends the server for good.
func (n *serverNode) close() error {
	n.faults.Lock()
	defer n.faults.Unlock()
	n.closed = true
	n.disconnect()
	err := n.replica.close()
	if p := n.current(); p != nil {
		_, killErr := p.kill()
		err = errors.Join(err, killErr)
	}
	return err
}
