package nemesis

import (
	"context"
	"time"

	"github.com/a5bbb083/redlock/cmd/internal/cluster"
	"github.com/a5bbb083/redlock/cmd/internal/effect"
)

// Scope is what a fault is done to.
type Scope int

const (
	OnNodes   Scope = iota // the servers, see [Fault.Nodes]
	OnLinks                // the network between clients and nodes
	OnClients              // the clients' processes; Nodes is empty
	OnVoters               // the clients' lists of nodes. Who starts the clients does it, and not [Fault.Apply]
)

// Type is all there is to know of one kind of fault. A new kind is one file with one of these in it, and
// its place in [Types].
type Type struct {
	Kind  Kind
	Scope Scope
	// Backend is the only one that has the fault; "" is all.
	Backend cluster.Backend

	// Damages tells whether a node that is hit forgets what it granted, or errs about the time. Nil is never.
	// More than a minority of such nodes at a time is beyond any lock.
	Damages func(Fault) bool
	// Silences tells that what is hit doesn't answer: no other fault can be seen there meanwhile.
	Silences bool
	// Momentary tells that nothing lasts, and there's nothing to undo.
	Momentary bool
	// Slow tells that undoing it takes as long as it lasted. At the end of an experiment that isn't worth it.
	Slow bool
	// Within tells whether a fault that lasts for f.For keeps to what locks with such a TTL claim to survive.
	// Nil is always.
	Within func(f Fault, ttl time.Duration) bool

	// check validates the fields that the kind needs besides Nodes and Clients; nil is none.
	check func(Fault) error
	// One of these injects it, by the scope. What they return undoes it, unless it's nil.
	node   func(context.Context, Fault, cluster.Node) (effect.Proof, undo, error)
	link   *linkFault
	client func(context.Context, Fault, Process) (effect.Proof, undo, error)

	// Variants are how random plans use the kind.
	Variants []Variant
}

// undo ends a fault and returns what was seen of that.
type undo func(context.Context) (effect.Proof, error)

// Types are all kinds of faults.
func Types() []Type { return types }

// types is filled once, because the faults in it refer to others.
var types = []Type{
	pauseNode, pauseClient, crashNode, flushNode, evict, failover, shut, brokenDisk,
	clockJump, clockStrobe, clockRate, clockDrift,
	clientDrift, partition, asymmetricPartition, slowNode, resetLinks, duplicate, replay, reorder,
	replaceVoter, replaceDeadVoter,
}

// Type returns what there is to know of the fault's kind; false means that there is no such kind.
func (f Fault) Type() (Type, bool) {
	for _, t := range types {
		if t.Kind == f.Kind {
			return t, true
		}
	}
	return Type{}, false
}

// Hits tells whether the fault is of this scope.
func (f Fault) Hits(s Scope) bool {
	t, known := f.Type()
	return known && t.Scope == s
}

// Damages tells whether a node that is hit forgets what it granted, or errs about the time.
func (f Fault) Damages() bool {
	t, _ := f.Type()
	return t.Damages != nil && t.Damages(f)
}

// Silences tells whether what is hit doesn't answer.
func (f Fault) Silences() bool {
	t, _ := f.Type()
	return t.Silences
}

// On tells whether nodes of this backend can have the fault.
func (f Fault) On(backend cluster.Backend) bool {
	t, known := f.Type()
	return known && t.on(backend)
}

func (t Type) on(backend cluster.Backend) bool { return t.Backend == "" || t.Backend == backend }

// always is for kinds that do something whatever their parameters are.
func always(Fault) bool { return true }
