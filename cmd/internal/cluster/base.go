package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/a5bbb083/redlock/cmd/internal/effect"
)

// base is what the nodes of both backends have in common: a name, and a direct connection
// that is there while the server is.
type base struct {
	index int
	// faults lets one fault at a time change the node.
	faults sync.Mutex

	mu    sync.Mutex // guards the rest, for moments only
	addr  string
	admin *admin // nil while the server is down
}

// Index implements [Node].
func (b *base) Index() int { return b.index }

// Name implements [Node].
func (b *base) Name() string { return effect.NodeName(b.index) }

// Addr implements [Node].
func (b *base) Addr() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.addr
}

// connect replaces the direct connection.
func (b *base) connect(addr string) {
	b.disconnect()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.addr, b.admin = addr, newAdmin(addr)
}

func (b *base) disconnect() {
	b.mu.Lock()
	old := b.admin
	b.admin = nil
	b.mu.Unlock()
	if old != nil {
		old.close()
	}
}

// direct returns the connection to a server that is up.
func (b *base) direct() (*admin, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.admin == nil {
		return nil, fmt.Errorf("%w: node %s is down; restart it first", ErrNotRunning, b.Name())
	}
	return b.admin, nil
}

// Time implements [Node].
func (b *base) Time(ctx context.Context) (time.Time, error) {
	a, err := b.direct()
	if err != nil {
		return time.Time{}, err
	}
	return a.time(ctx)
}

// RunID implements [Node].
func (b *base) RunID(ctx context.Context) (string, error) {
	a, err := b.direct()
	if err != nil {
		return "", err
	}
	return a.info(ctx, "server", "run_id")
}

// Value implements [Node].
func (b *base) Value(ctx context.Context, key string) (string, bool, error) {
	a, err := b.direct()
	if err != nil {
		return "", false, err
	}
	return a.value(ctx, key)
}

// Command implements [Node].
func (b *base) Command(ctx context.Context, args ...any) (any, error) {
	a, err := b.direct()
	if err != nil {
		return nil, err
	}
	return a.command(ctx, args...)
}

// Flush implements [Node].
func (b *base) Flush(ctx context.Context) (effect.Proof, error) {
	b.faults.Lock()
	defer b.faults.Unlock()
	proof := b.proof("lost every key", "DBSIZE").Anew()
	before, err := b.keys(ctx)
	if err != nil {
		return effect.Proof{}, err
	}
	if _, err := b.Command(ctx, "FLUSHALL"); err != nil {
		return effect.Proof{}, err
	}
	// Other clients may write again at once, so what is there afterwards proves nothing more
	// than the reply did, and is only shown.
	after, err := b.keys(ctx)
	if err != nil {
		return effect.Proof{}, err
	}
	return seen(proof, keyCount(before), keyCount(after)), nil
}

// proof begins a proof of a fault of this node, read from how.
func (b *base) proof(fault, how string) effect.Proof {
	return effect.Proof{Target: "node " + b.Name(), Fault: fault, How: how, Began: hostNow(), Change: effect.Change{Node: b.Name()}}
}

// answered is what an observation of a node that answers reads like.
const answered = "answered"

// observe tells what a new connection to the node gets for its PING in time.
func (b *base) observe(ctx context.Context, within time.Duration) string {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	err := ping(ctx, b.Addr())
	switch {
	case err == nil:
		return answered
	case errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded):
		return fmt.Sprintf("no answer in %v", within)
	}
	return err.Error()
}

// keys counts the keys of the node's database.
func (b *base) keys(ctx context.Context) (int64, error) {
	reply, err := b.Command(ctx, "DBSIZE")
	if err != nil {
		return 0, err
	}
	n, ok := reply.(int64)
	if !ok {
		return 0, fmt.Errorf("cluster: DBSIZE of node %s gave a %T, not a number", b.Name(), reply)
	}
	return n, nil
}

func keyCount(n int64) string {
	if n == 1 {
		return "1 key"
	}
	return fmt.Sprintf("%d keys", n)
}
