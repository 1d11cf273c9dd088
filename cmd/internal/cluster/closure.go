package cluster

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/a5bbb083/redlock/cmd/internal/effect"
)

// Lack is what a server can run out of that it needs for a connection.
type Lack string

const (
	// Connections are those that maxclients allows: whoever wants one gets an error, and is hung up on.
	Connections Lack = "connections"
	// Files are those that the system allows the process to have open (RLIMIT_NOFILE). Whoever wants a connection
	// gets one from the kernel, on which nobody answers until there are files again.
	Files Lack = "files"
)

// Lacks lists all of them.
func Lacks() []Lack { return []Lack{Connections, Files} }

// closure is what a server had before it was closed to clients.
type closure struct {
	lack       Lack
	maxclients string
	files      uint64
}

// openPatience is how long a new connection waits for an answer: it may be one that the server never knows of.
const openPatience = 100 * time.Millisecond

// Shut implements [Node].
func (n *serverNode) Shut(ctx context.Context, lack Lack) (effect.Proof, error) {
	if !slices.Contains(Lacks(), lack) {
		return effect.Proof{}, fmt.Errorf("cluster: a lack of %q: give one of %q", lack, Lacks())
	}
	n.faults.Lock()
	defer n.faults.Unlock()
	proof := n.proof("ran out of "+string(lack)+", and its clients lost theirs", "PING on a new connection").Begins(effect.Shut)
	proof.Change.Detail = "no " + string(lack)
	before := n.observe(ctx, adminTimeout)
	if before != answered {
		return effect.Proof{}, fmt.Errorf("%w: node %s had no connection to give before: %s", ErrNotProven, n.Name(), before)
	}
	if err := n.shutDoor(ctx, lack); err != nil {
		return effect.Proof{}, err
	}
	ended, err := n.hangUp(ctx)
	if err != nil {
		return effect.Proof{}, err
	}
	proof = seen(proof, before, fmt.Sprintf("%s; %d connections ended", n.observe(ctx, openPatience), ended))
	if strings.HasPrefix(proof.After, answered) {
		return effect.Proof{}, fmt.Errorf("%w: %v", ErrNotProven, proof)
	}
	return proof, nil
}

func (n *serverNode) shutDoor(ctx context.Context, lack Lack) error {
	reply, err := n.Command(ctx, "CONFIG", "GET", "maxclients")
	if err != nil {
		return err
	}
	pair, ok := reply.([]any)
	if !ok || len(pair) != 2 {
		return fmt.Errorf("cluster: CONFIG GET maxclients of node %s gave %v", n.Name(), reply)
	}
	c := &closure{lack: lack, maxclients: fmt.Sprint(pair[1])}
	if lack == Connections {
		err = n.commands(ctx, []any{"CONFIG", "SET", "maxclients", "1"})
	} else {
		// One is open in any case, and poll(2) refuses to look at more than the limit.
		c.files, err = limitFiles(n.process.pid(), 1)
	}
	if err == nil {
		n.shut = c
	}
	return err
}

// hangUp ends the connections of everybody but the harness.
func (n *serverNode) hangUp(ctx context.Context) (ended int, err error) {
	list, err := n.text(ctx, "CLIENT", "LIST")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(list) {
		id, rest, _ := strings.Cut(strings.TrimPrefix(line, "id="), " ")
		if strings.Contains(rest, " name="+adminName+" ") {
			continue
		}
		reply, err := n.Command(ctx, "CLIENT", "KILL", "ID", id)
		if err != nil {
			return ended, err
		}
		if count, _ := reply.(int64); count == 1 { // it may have gone by itself
			ended++
		}
	}
	return ended, nil
}

// Reopen implements [Node].
func (n *serverNode) Reopen(ctx context.Context) (effect.Proof, error) {
	n.faults.Lock()
	defer n.faults.Unlock()
	if n.shut == nil {
		return effect.Proof{}, fmt.Errorf("%w: node %s isn't closed to clients; call Shut first", ErrUnsupported, n.Name())
	}
	proof := n.proof("has "+string(n.shut.lack)+" again", "PING on a new connection").Ends(effect.Shut)
	before := n.observe(ctx, openPatience)
	var err error
	if n.shut.lack == Connections {
		err = n.commands(ctx, []any{"CONFIG", "SET", "maxclients", n.shut.maxclients})
	} else {
		_, err = limitFiles(n.process.pid(), n.shut.files)
	}
	if err != nil {
		return effect.Proof{}, err
	}
	n.shut = nil
	proof = seen(proof, before, n.observe(ctx, adminTimeout))
	if proof.After != answered {
		return effect.Proof{}, fmt.Errorf("%w: %v", ErrNotProven, proof)
	}
	return proof, nil
}
