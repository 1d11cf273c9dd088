package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/a5bbb083/redlock/cmd/internal/effect"
)

// checkpoint is the part of a server's log that is taken as synced to disk, or its snapshot.
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
	case Snapshot:
		if log != Snapshots {
			return fmt.Errorf("%w: node %s with persistence %q has no snapshot to go back to; start the cluster with %q",
				ErrUnsupported, name, log, Snapshots)
		}
	case Lose:
	default:
		return fmt.Errorf("cluster: memory %q: give one of %q", memory, Memories())
	}
	return nil
}

// checkCheckpoint tells whether a checkpoint makes sense with this persistence.
func checkCheckpoint(log Persistence) error {
	if log != EverySecond && log != Snapshots {
		return fmt.Errorf("%w: a checkpoint takes a cluster with persistence %q or %q", ErrUnsupported, EverySecond, Snapshots)
	}
	return nil
}

// checkAge says no to a power loss that would take too much with it. died is when the node did, or
// is about to.
func checkAge(name string, taken, died time.Time) error {
	if age := died.Sub(taken); age > maxLoss {
		return fmt.Errorf("%w: the checkpoint of node %s was %v old when it died, and %q loses at most %v; take one just before",
			ErrUnsupported, name, age.Round(time.Millisecond), EverySecond, maxLoss)
	}
	return nil
}

// prepareMemory makes the directory of a dead server what the next one is to find. It says
// what was forgotten, for the proof.
func (n *serverNode) prepareMemory(memory Memory) (string, error) {
	switch memory {
	case Lose:
		return "", errors.Join(os.RemoveAll(filepath.Join(n.dir, "appendonlydir")), os.RemoveAll(n.oldLog()), os.RemoveAll(n.snapshot()))
	case Snapshot:
		return ", those of its last snapshot", nil
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
	if _, missing := os.Stat(n.oldLog()); missing == nil {
		found = append(found, n.oldLog())
	}
	if err != nil || len(found) != 1 {
		return "", 0, fmt.Errorf("cluster: node %s has %d log files instead of 1: %w", n.Name(), len(found), err)
	}
	info, err := os.Stat(found[0])
	if err != nil {
		return "", 0, fmt.Errorf("cluster: log of node %s: %w", n.Name(), err)
	}
	return found[0], info.Size(), nil
}

// oldLog is the log of a server before Redis 7.0.
func (n *serverNode) oldLog() string { return filepath.Join(n.dir, "appendonly.aof") }

// snapshot is the file that a server loads at its start if it keeps no log.
func (n *serverNode) snapshot() string { return filepath.Join(n.dir, "dump.rdb") }

// Checkpoint implements [Node].
func (n *serverNode) Checkpoint(ctx context.Context) (effect.Proof, error) {
	n.faults.Lock()
	defer n.faults.Unlock()
	log := n.host.config.Persistence
	if err := checkCheckpoint(log); err != nil {
		return effect.Proof{}, err
	}
	// A server writes its log before it replies, so after one more reply all earlier ones are in.
	command, where := "PING", "size of its log"
	if log == Snapshots {
		command, where = "SAVE", "size of its snapshot"
	}
	proof := n.proof("checkpoint taken", where)
	if _, err := n.Command(ctx, command); err != nil {
		return effect.Proof{}, err
	}
	before := n.durable.size
	if err := n.noteDurable(); err != nil {
		return effect.Proof{}, err
	}
	return seen(proof, fmt.Sprintf("%d bytes", before), fmt.Sprintf("%d bytes", n.durable.size)), nil
}

// noteDurable notes what is on disk.
func (n *serverNode) noteDurable() error {
	var size int64
	var err error
	switch n.host.config.Persistence {
	case EverySecond:
		_, size, err = n.appendLog()
	case Snapshots:
		var info os.FileInfo
		if info, err = os.Stat(n.snapshot()); err == nil {
			size = info.Size()
		}
	}
	n.durable = checkpoint{size: size, at: time.Now()}
	return err
}
