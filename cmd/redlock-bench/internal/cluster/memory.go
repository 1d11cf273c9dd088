package cluster

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// checkpoint is the part of a server's log that is taken as synced to disk.
type checkpoint struct {
	size int64
	at   time.Time
}

// maxLoss is how much appendfsync everysec may lose; a power loss that takes more with it
// would accuse Redis of what it doesn't do.
const maxLoss = time.Second

// checkMemory tells whether a node with this persistence can come back with that memory.
// PowerLoss is left to the backend.
func checkMemory(name string, log Persistence, memory Memory) error {
	switch memory {
	case Keep:
		if log == NoLog {
			return fmt.Errorf("%w: node %s has no log to restart from with memory %q; start the cluster with persistence %q or %q",
				ErrUnsupported, name, Keep, EverySecond, Always)
		}
	case PowerLoss:
		if log != EverySecond {
			return fmt.Errorf("%w: node %s with persistence %q has no unsynced writes to lose; start the cluster with %q",
				ErrUnsupported, name, log, EverySecond)
		}
	case Lose:
	default:
		return fmt.Errorf("cluster: memory %q: give %q, %q or %q", memory, Keep, Lose, PowerLoss)
	}
	return nil
}

// checkAge says no to a power loss that would take too much with it.
func (n *serverNode) checkAge() error {
	died := n.died
	if n.Running() {
		died = time.Now()
	}
	if age := died.Sub(n.durable.at); age > maxLoss {
		return fmt.Errorf("%w: the checkpoint of node %s was %v old when it died, and %q loses at most %v; take one just before",
			ErrUnsupported, n.Name(), age.Round(time.Millisecond), EverySecond, maxLoss)
	}
	return nil
}

// prepareMemory makes the directory of a dead server what the next one is to find. It says
// what was forgotten, for the proof.
func (n *serverNode) prepareMemory(memory Memory) (string, error) {
	switch memory {
	case Lose:
		return "", os.RemoveAll(filepath.Join(n.dir, "appendonlydir"))
	case PowerLoss:
		path, size, err := n.appendLog()
		if err != nil {
			return "", err
		}
		return fmt.Sprintf(", the last %d bytes of its log lost", size-n.durable.size), os.Truncate(path, n.durable.size)
	}
	return "", nil
}

// appendLog finds the one file to which a server with a log appends.
func (n *serverNode) appendLog() (path string, size int64, err error) {
	found, err := filepath.Glob(filepath.Join(n.dir, "appendonlydir", "*.incr.aof"))
	if err != nil || len(found) != 1 {
		return "", 0, fmt.Errorf("cluster: node %s has %d log files instead of 1: %w", n.Name(), len(found), err)
	}
	info, err := os.Stat(found[0])
	if err != nil {
		return "", 0, fmt.Errorf("cluster: log of node %s: %w", n.Name(), err)
	}
	return found[0], info.Size(), nil
}

// Checkpoint implements [Node].
func (n *serverNode) Checkpoint(ctx context.Context) (Proof, error) {
	n.faults.Lock()
	defer n.faults.Unlock()
	if n.host.config.Persistence != EverySecond {
		return Proof{}, fmt.Errorf("%w: a checkpoint takes a cluster with persistence %q", ErrUnsupported, EverySecond)
	}
	// A server writes its log before it replies, so after one more reply all earlier ones are in.
	if _, err := n.Command(ctx, "PING"); err != nil {
		return Proof{}, err
	}
	proof := n.proof("checkpoint taken", "size of its log")
	before := n.durable.size
	if err := n.noteDurable(); err != nil {
		return Proof{}, err
	}
	return proof.seen(fmt.Sprintf("%d bytes", before), fmt.Sprintf("%d bytes", n.durable.size)), nil
}

func (n *serverNode) noteDurable() error {
	_, size, err := n.appendLog()
	n.durable = checkpoint{size: size, at: time.Now()}
	return err
}
