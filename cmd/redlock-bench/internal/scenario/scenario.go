// Package scenario has the experiments: each injects one fault at the moment at which it hurts
// most, and waits until the fault was seen to be in effect before it goes on.
//
// No scenario is built on a sleep that suits some machine. Where time matters, it waits for
// what it can observe (a reply in the proxy, a process in state T, the end of a belief), and
// gives up with lab.ErrSpoiled where the machine was too slow.
package scenario

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/a5bbb083/redlock/cmd/internal/cluster"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/lab"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/subject"
)

// Scenario is one kind of experiment.
type Scenario struct {
	// Name is what the command line calls it.
	Name string
	// About says in one line what it shows.
	About string
	// Cause says, after the word "because", why two clients come to believe at once that they hold the lock, under
	// those subjects that let them; empty where a page can only say what the scenario is about.
	Cause string
	// Source says who described it first, and where.
	Source string
	// Steps says what happens, in order.
	Steps []string
	// Clients is how many clients it needs, MinNodes how many nodes at least.
	Clients, MinNodes int
	// Lists, if not nil, returns the nodes that each client is told of; otherwise it's all of them.
	Lists func() [][]int
	// MinTTL is the shortest TTL that leaves room for what happens; 0 is any.
	MinTTL time.Duration
	// Patient makes clients wait for a node for as long as the experiment may take: a time-out
	// is a look at the clock, and this scenario is about clients that don't look.
	Patient bool
	// Persistence is what the nodes write to disk.
	Persistence cluster.Persistence
	// Backend is the only one whose nodes can have its fault; "" is all.
	Backend cluster.Backend
	// Guard names the guard of package redlock that it puts to the test, if any: it shows what that
	// costs.
	Guard string
	// BuiltIn tells that only built-in subjects can take part. There is nothing to judge under others.
	BuiltIn bool
	// BentClients gives clients clocks that can be bent.
	BentClients bool

	// Prepare, if not nil, is what happens before the clients start.
	Prepare func(context.Context, *lab.Lab) error
	// Perform performs the experiment in a lab with the right number of clients and nodes. It
	// leaves the judgement to the checkers. An error means that the experiment didn't come off.
	Perform func(context.Context, *lab.Lab) error
	// Breaks are the traits by which it violates a subject's exclusion, and Races those of subjects that may notice
	// before they lose an update by it.
	Breaks, Races subject.Traits
	// BreaksTokens are the traits by which it violates the fencing tokens of a subject that has any.
	BreaksTokens subject.Traits
	// Demands tells that it demands something of the lock, see lab.Lab.Demand, and Denies are
	// the traits by which a subject refuses it.
	Demands bool
	Denies  subject.Traits
	// StaleWrites tells that under every subject a write comes after one of a later holder,
	// because no lock can prevent that.
	StaleWrites bool
}

// All returns the scenarios in the order in which they are best read.
func All() []Scenario {
	return []Scenario{
		control, staleUnlock, partition, asymmetricPartition, slowNode, splitVote, handOff,
		pauseInFlight, clockJump, clockDrift, clockThereAndBack, slowClock, clientClock, farVoters, fartherVoters, suspend,
		crashAmnesia, flush, lateEnrolment, powerLoss, lyingDisk, fullDisk, stallingDisk, oldSnapshot, failover, ghostRequest,
		eviction, recordEviction, maxClients, fileLimit,
		duplicatedRequests, replayedRequests, reorderedRequests,
		pauseAfterCheck, delayedWrite, expiry,
		rollingChange, rollingGrowth,
		slowRenewal, revival, cancelledAcquire, orphan, bareMajority,
	}
}

// On returns the scenarios whose faults nodes of the backend can have.
func On(backend cluster.Backend) []Scenario {
	return slices.DeleteFunc(All(), func(s Scenario) bool { return !s.Suits(backend) })
}

// Suits tells whether nodes of the backend can have the scenario's fault.
func (s Scenario) Suits(backend cluster.Backend) bool { return s.Backend == "" || s.Backend == backend }

// Names returns the names of scenarios.
func Names(of []Scenario) []string {
	var names []string
	for _, s := range of {
		names = append(names, s.Name)
	}
	return names
}

// Find returns the scenario with the given name.
func Find(name string) (Scenario, error) {
	for _, s := range All() {
		if s.Name == name {
			return s, nil
		}
	}
	return Scenario{}, fmt.Errorf("scenario: no scenario is called %q; there are %s", name, strings.Join(Names(All()), ", "))
}

// NodeTimeout is how long clients wait for one node in this scenario.
func (s Scenario) NodeTimeout(ttl time.Duration) time.Duration {
	if s.Patient {
		return 20 * ttl
	}
	return ttl / 10
}
