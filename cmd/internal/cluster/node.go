package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/a5bbb083/redlock/cmd/internal/effect"
)

// ErrUnsupported matches the errors of faults that a backend can't inject on this machine.
var ErrUnsupported = errors.New("cluster: fault not supported")

// ErrNotProven matches the errors of faults that were injected but not seen to take effect.
var ErrNotProven = errors.New("cluster: fault not seen to take effect")

// ErrNotRunning matches the errors of calls that need a running node.
var ErrNotRunning = errors.New("cluster: node not running")

// Memory says what a node finds in its memory after a restart.
type Memory string

const (
	// Keep restarts with everything that was ever acknowledged, as a durable log gives. It
	// needs a cluster with [EverySecond] or [Always] on real servers.
	Keep Memory = "keep"
	// Lose restarts empty, as a server without persistence does.
	Lose Memory = "lose"
	// PowerLoss restarts with what was on disk at the last [Node.Checkpoint]: the writes of
	// the last second are gone, which is what appendfsync everysec allows. It needs a
	// cluster with [EverySecond]. There is no such thing under [Always], which syncs before
	// it replies.
	PowerLoss Memory = "power-loss"
	// Snapshot restarts with what was there at the last [Node.Checkpoint], however long ago, as
	// a server does that saves snapshots (RDB). It needs a cluster with [Snapshots].
	Snapshot Memory = "snapshot"
)

// Memories lists all of them.
func Memories() []Memory { return []Memory{Keep, Lose, PowerLoss, Snapshot} }

// Node is one Redis server of the cluster. Its methods may be called concurrently; faults on
// one node happen one after the other.
//
// The methods that ask the server something go straight to it, around all proxies, and give
// up when the context ends or after two seconds, whichever comes first.
type Node interface {
	// Index is the node's place in the cluster, from 0.
	Index() int
	// Name is the letter by which reports call the node: A, B, C and so on.
	Name() string
	// Addr is the host and port at which the server itself listens. It may differ after a
	// restart if something else took the port meanwhile.
	Addr() string
	// Running tells whether the server exists. A paused server does.
	Running() bool

	// Time reads the node's own wall clock with the TIME command.
	Time(ctx context.Context) (time.Time, error)
	// RunID reads the random id that a server draws at each start.
	RunID(ctx context.Context) (string, error)
	// Value reads a string key; false means that there is none.
	Value(ctx context.Context, key string) (string, bool, error)
	// Command sends any command and returns its reply as go-redis decodes it.
	Command(ctx context.Context, args ...any) (any, error)

	// Pause stops the server as SIGSTOP does: it answers nothing, while requests pile up in
	// its socket buffers.
	Pause(ctx context.Context) (effect.Proof, error)
	// Resume ends a pause. The requests that piled up are then served, even those whose
	// clients are long gone.
	Resume(ctx context.Context) (effect.Proof, error)
	// Kill ends the server at once, with no chance to save or to say goodbye.
	Kill(ctx context.Context) (effect.Proof, error)
	// Restart starts the server anew, after killing it if it still runs.
	Restart(ctx context.Context, memory Memory) (effect.Proof, error)
	// Checkpoint notes that all writes so far are on disk, or saves a snapshot. A later restart
	// with [PowerLoss] or [Snapshot] goes back to this point; the former only if the node died
	// within a second of it.
	Checkpoint(ctx context.Context) (effect.Proof, error)
	// Replicate gives the node a replica that has everything that is there now, and that misses
	// whatever is written later. Its place is behind the node: no client knows it.
	Replicate(ctx context.Context) (effect.Proof, error)
	// Failover kills the node and promotes its replica, which clients then reach in its place.
	Failover(ctx context.Context) (effect.Proof, error)
	// Flush deletes every key.
	Flush(ctx context.Context) (effect.Proof, error)

	// Evict has the server run out of memory for a moment, so that it evicts keys by the policy:
	// with [VolatileTTL] those that have less than an hour to live, and with any other policy all that it
	// allows. It needs a real server.
	Evict(ctx context.Context, policy string) (effect.Proof, error)
	// Shut ends all connections of clients, and lets nobody open one for want of something that the server
	// needs for it. The harness's own stay. It needs a real server.
	Shut(ctx context.Context, lack Lack) (effect.Proof, error)
	// Reopen ends what Shut began. What waited at the door is served then.
	Reopen(ctx context.Context) (effect.Proof, error)
	// BreakDisk has the server write to a disk that lies, stalls for so long, or is full, while each write is to be on
	// disk before its reply (appendfsync always). It needs a real server with a log.
	BreakDisk(ctx context.Context, state DiskState, stall time.Duration) (effect.Proof, error)
	// MendDisk ends that: where the disk lied, by a loss of power, which takes what never was on it. A server whose disk was
	// full has ended, and starts again.
	MendDisk(ctx context.Context) (effect.Proof, error)

	// ClockControl returns nil if this node's clock can be bent, and otherwise an error that
	// matches [ErrUnsupported] and says what to install.
	ClockControl() error
	// JumpClock moves the node's wall clock by d at once, forwards or backwards.
	JumpClock(ctx context.Context, d time.Duration) (effect.Proof, error)
	// SetClockRate lets the node's wall clock run rate times as fast as the host's from now
	// on, without a jump. A rate of 1 is the host's own.
	SetClockRate(ctx context.Context, rate float64) (effect.Proof, error)
}

// The limits keep a bent clock inside what the arithmetic of clocks in nanoseconds can hold.
const (
	maxClockJump = 10 * 365 * 24 * time.Hour
	maxClockRate = 1000
)

func checkJump(d time.Duration) error {
	if d == 0 || d.Abs() > maxClockJump {
		return fmt.Errorf("cluster: clock jump of %v: give one other than 0 and of at most %v", d, maxClockJump)
	}
	return nil
}

func checkRate(rate float64) error {
	if !(rate > 0 && rate <= maxClockRate) {
		return fmt.Errorf("cluster: clock rate of %v: give one above 0 and of at most %v", rate, maxClockRate)
	}
	return nil
}
