package lab

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/a5bbb083/redlock/clockdrift"
	"github.com/a5bbb083/redlock/cmd/internal/cluster"
	"github.com/a5bbb083/redlock/cmd/internal/wait"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/history"
)

// lookTimeout bounds one look at a node, which may be stopped, and so the end of the watch.
const lookTimeout = 250 * time.Millisecond

// watch looks regularly at the lock's key on all nodes, around all proxies. A nil watch sees
// nothing.
type watch struct {
	cancel context.CancelFunc
	ended  sync.WaitGroup

	mu   sync.Mutex
	keys []history.Key
}

// startWatch watches every node until [watch.stop]; it doesn't if every is 0.
func startWatch(nodes []cluster.Node, every time.Duration) *watch {
	if every <= 0 {
		return nil
	}
	ctx, cancel := context.WithCancel(context.Background())
	w := &watch{cancel: cancel}
	for _, n := range nodes {
		w.ended.Go(func() { w.follow(ctx, n, every) })
	}
	return w
}

func (w *watch) stop() {
	if w != nil {
		w.cancel()
		w.ended.Wait()
	}
}

// seen returns what was seen so far, in the order of time.
func (w *watch) seen() []history.Key {
	if w == nil {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	keys := slices.Clone(w.keys)
	slices.SortStableFunc(keys, func(a, b history.Key) int { return cmp.Compare(a.From, b.From) })
	return keys
}

// follow looks at one node until the context ends.
func (w *watch) follow(ctx context.Context, n cluster.Node, every time.Duration) {
	place := -1 // in keys, of the span that goes on
	for ; ctx.Err() == nil; _ = wait.For(ctx, every) {
		looking, cancel := context.WithTimeout(ctx, lookTimeout)
		value, found, err := n.Value(looking, LockName)
		cancel()
		if err != nil {
			place = -1 // nobody knows what the node holds
			continue
		}
		place = w.saw(n.Name(), place, value, found)
	}
}

// saw records one look and returns the place of the span that goes on.
func (w *watch) saw(node string, place int, value string, found bool) int {
	now := clockdrift.System().Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	same := false
	if place >= 0 {
		w.keys[place].Until = now
		same = found && w.keys[place].Value == value
	}
	switch {
	case same:
		return place
	case !found:
		return -1
	}
	w.keys = append(w.keys, history.Key{Node: node, Value: value, From: now, Until: now})
	return len(w.keys) - 1
}
