package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/a5bbb083/redlock/cmd/internal/effect"
)

// DiskState is what a server's disk does.
type DiskState string

const (
	// Sound disks do what they say.
	Sound DiskState = ""
	// Lying disks say that they have written what they haven't.
	Lying DiskState = "lying"
	// Stalling disks take their time to sync.
	Stalling DiskState = "stalling"
	// Full disks take no more (ENOSPC).
	Full DiskState = "full"
)

// diskStates are in the order of the modes in disk.c.
var diskStates = []DiskState{Sound, Lying, Stalling, Full}

// DiskStates lists those that aren't sound.
func DiskStates() []DiskState { return slices.Clone(diskStates[1:]) }

// MostStall is the longest that a disk may stall: the harness waits no longer for a server.
const MostStall = adminTimeout / 2

// diskTool makes the disk of a server process do what it shouldn't.
type diskTool interface {
	setDisk(dir string, state DiskState, stall time.Duration) error
	// tampered returns how often it did.
	tampered(dir string) (int64, error)
}

// unsound is what is wrong with a server's disk.
type unsound struct {
	state DiskState
	stall time.Duration
	size  int64 // of the log when the disk began to lie
}

// BreakDisk implements [Node].
func (n *serverNode) BreakDisk(ctx context.Context, state DiskState, stall time.Duration) (effect.Proof, error) {
	n.faults.Lock()
	defer n.faults.Unlock()
	tool, err := n.diskTool()
	switch {
	case err != nil:
		return effect.Proof{}, err
	case !slices.Contains(DiskStates(), state):
		return effect.Proof{}, fmt.Errorf("cluster: disk %q: give one of %q", state, DiskStates())
	case state == Stalling && (stall <= 0 || stall > MostStall):
		return effect.Proof{}, fmt.Errorf("cluster: a disk that stalls for %v: give more than 0 and at most %v", stall, MostStall)
	}
	if err := n.commands(ctx, []any{"CONFIG", "SET", "appendfsync", string(Always)}); err != nil {
		return effect.Proof{}, err
	}
	proof := n.proof("has a "+string(state)+" disk, appendfsync always", "a write, and a count in the preloaded library").Begins(effect.Unsound)
	proof.Change.Detail = string(state)
	if state == Stalling {
		proof.Change.Detail += " " + stall.String()
	}
	took, err := n.timedWrite(ctx)
	if err != nil {
		return effect.Proof{}, err
	}
	before, err := tool.tampered(n.dir)
	if err != nil {
		return effect.Proof{}, err
	}
	if err := tool.setDisk(n.dir, state, stall); err != nil {
		return effect.Proof{}, err
	}
	n.disk = unsound{state: state, stall: stall}
	if _, n.disk.size, err = n.appendLog(); err != nil {
		return effect.Proof{}, err
	}
	proof.Before = "written in " + took.Round(time.Microsecond).String()
	if state == Full {
		return n.seeItEnd(ctx, proof)
	}
	if took, err = n.timedWrite(ctx); err != nil {
		return effect.Proof{}, err
	}
	after, err := tool.tampered(n.dir)
	if err != nil {
		return effect.Proof{}, err
	}
	proof = seen(proof, proof.Before, fmt.Sprintf("written in %v, %d syncs were %s", took.Round(time.Microsecond), after-before, state))
	if after == before || state == Stalling && took < stall {
		return effect.Proof{}, fmt.Errorf("%w: %v", ErrNotProven, proof)
	}
	return proof, nil
}

func (n *serverNode) diskTool() (diskTool, error) {
	tool, can := n.host.clock.(diskTool)
	switch log := n.host.config.Persistence; {
	case !can:
		return nil, fmt.Errorf("%w: breaking the disk of a real redis-server takes Linux and a C compiler (on Debian and Ubuntu: apt-get install gcc libc6-dev): %w",
			ErrUnsupported, errors.Join(n.host.clockErr))
	case log != EverySecond && log != Always:
		return nil, fmt.Errorf("%w: node %s with persistence %q writes no log to its disk; start the cluster with %q or %q", ErrUnsupported, n.Name(), log, EverySecond, Always)
	}
	return tool, nil
}

// timedWrite has the server write to its log, and tells how long that takes.
func (n *serverNode) timedWrite(ctx context.Context) (time.Duration, error) {
	began := time.Now()
	err := n.commands(ctx, []any{"SET", witness, "1", "PX", "1000"})
	return time.Since(began), err
}

// noSpace is what a server says in its log that ends because its disk is full.
const noSpace = "No space left on device"

// seeItEnd has a server write to a full disk, which ends it: it can't keep its promise any more.
func (n *serverNode) seeItEnd(ctx context.Context, proof effect.Proof) (effect.Proof, error) {
	_, writeErr := n.timedWrite(ctx) // nobody answers
	p := n.current()
	select {
	case <-p.exited:
	case <-time.After(signalTimeout):
		return effect.Proof{}, fmt.Errorf("%w: node %s goes on with a full disk; the write gave: %w", ErrNotProven, n.Name(), writeErr)
	case <-ctx.Done():
		return effect.Proof{}, ctx.Err()
	}
	n.disconnect()
	proof = seen(proof, proof.Before, fmt.Sprintf("%v, its log says: %s", p.cmd.ProcessState, noSpace))
	proof.Change.State = effect.Down
	if !strings.Contains(n.logTail(), noSpace) {
		return effect.Proof{}, fmt.Errorf("%w: node %s ended (%v), but not for want of space: %s", ErrNotProven, n.Name(), p.cmd.ProcessState, n.logTail())
	}
	return proof, nil
}

// MendDisk implements [Node].
func (n *serverNode) MendDisk(ctx context.Context) (effect.Proof, error) {
	n.faults.Lock()
	defer n.faults.Unlock()
	broken := n.disk
	if broken.state == Sound {
		return effect.Proof{}, fmt.Errorf("%w: the disk of node %s works; call BreakDisk first", ErrUnsupported, n.Name())
	}
	n.disk = unsound{}
	if broken.state == Stalling {
		return n.endStall(ctx, broken.stall)
	}
	proof := n.proof("started again on a disk that works", "run_id and DBSIZE").Ends(effect.Down).Anew()
	if broken.state == Lying {
		proof.Fault, proof.Change.State = "lost its power, and what its disk had only said that it has", effect.Unsound
	}
	return n.startOver(ctx, proof, false, func() (string, error) {
		if broken.state != Lying {
			return "", nil
		}
		path, size, err := n.appendLog()
		if err != nil {
			return "", err
		}
		return fmt.Sprintf(", the last %d bytes of its log lost", size-broken.size), os.Truncate(path, broken.size)
	})
}

func (n *serverNode) endStall(ctx context.Context, stall time.Duration) (effect.Proof, error) {
	tool, err := n.diskTool()
	if err != nil {
		return effect.Proof{}, err
	}
	proof := n.proof("has a disk that works", "a write").Ends(effect.Unsound)
	if err := tool.setDisk(n.dir, Sound, 0); err != nil {
		return effect.Proof{}, err
	}
	// The first waits for the stall that goes on.
	before, err := n.timedWrite(ctx)
	if err != nil {
		return effect.Proof{}, err
	}
	after, err := n.timedWrite(ctx)
	if err != nil {
		return effect.Proof{}, err
	}
	if err := n.commands(ctx, []any{"CONFIG", "SET", "appendfsync", string(n.host.config.Persistence)}); err != nil {
		return effect.Proof{}, err
	}
	proof = seen(proof, "written in "+before.Round(time.Microsecond).String(), "written in "+after.Round(time.Microsecond).String())
	if after >= stall {
		return effect.Proof{}, fmt.Errorf("%w: %v", ErrNotProven, proof)
	}
	return proof, nil
}
