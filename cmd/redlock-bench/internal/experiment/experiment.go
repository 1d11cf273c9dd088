// Package experiment performs experiments and judges them: one with [Spec.Run], many with [Run].
package experiment

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/a5bbb083/redlock/cmd/internal/cluster"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/check"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/history"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/lab"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/scenario"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/subject"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/worker"
)

const (
	// attempts is how often an experiment is begun, each time with twice the TTL, before its
	// verdict is unknown because the machine is too slow for it.
	attempts = 3
	// firstTTL is that of the locks in the first attempt. It's short, since most scenarios
	// wait for it to pass, and long compared with what happens within it on an idle machine.
	firstTTL = time.Second
)

// Spec is one cell of the table: a scenario under a subject.
type Spec struct {
	Scenario scenario.Scenario
	Subject  subject.Subject
	Cluster  cluster.Config
	// Worker is the program, with its arguments, that runs a client of a built-in subject.
	Worker []string
	// Timeout bounds the experiment with all its attempts.
	Timeout time.Duration
	// Strict makes any violation of the lock or its tokens unexpected, whatever is known of the subject.
	Strict bool
	// Watch is how often to look who has the lock's key on each node; 0 is never.
	Watch time.Duration
}

// Outcome is what became of a [Spec].
type Outcome struct {
	Spec     Spec
	Expected scenario.Expectation
	// Judgement is what the checkers say. Where the experiment didn't come off, a verdict of
	// held becomes unknown, and Err says why.
	check.Judgement
	Err error
	// History is the record that was judged, and Evidence what was noted, a sentence each.
	History  *history.History
	Evidence []string
	// Elapsed is how long it took, with all attempts.
	Elapsed time.Duration
}

// AsExpected tells whether the verdicts are the expected ones. Of a stranger nothing is expected but a
// program that works, unless the spec is strict. Unknown verdicts are never expected.
func (o *Outcome) AsExpected() bool {
	switch {
	case o.Open() || o.Spec.Strict && o.Unsafe():
		return false
	case o.Spec.Subject.Stranger:
		return !errors.Is(o.Err, worker.ErrWorker)
	case o.Err != nil && !(o.Expected.Exclusion == check.None && errors.Is(o.Err, lab.ErrNotApplicable)):
		return false
	}
	return o.Expected.Met(o.Judgement)
}

// Run performs the experiment, again if it was spoiled, or if it doesn't show what it's there to
// show: on a slow machine the client that should be granted a lock too early may just not get that
// far. One witness proves that a lock breaks, however many attempts it took. A lock that should hold
// never gets another chance. The evidence tells of all attempts.
//
// The error is non-nil only if there was no experiment at all: the nodes couldn't be started, or
// ctx ended.
func (s Spec) Run(ctx context.Context) (*Outcome, error) {
	began := time.Now()
	bounded, cancel := context.WithTimeoutCause(ctx, s.Timeout, fmt.Errorf("the experiment took longer than %v; give it more with --timeout", s.Timeout))
	defer cancel()
	ttl := max(firstTTL, s.Scenario.MinTTL)
	var before []string
	for attempt := 1; ; attempt++ {
		o, err := s.attempt(bounded, ttl)
		switch {
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case err != nil:
			return nil, err
		case attempt < attempts && bounded.Err() == nil && o.repeatable():
			before = append(before, fmt.Sprintf("attempt %d, with a TTL of %v, %s", attempt, ttl, o.shortcoming()))
			ttl *= 2
			continue
		}
		o.Evidence = append(before, o.Evidence...)
		o.Elapsed = time.Since(began)
		return o, nil
	}
}

// repeatable tells whether another attempt may come off: not where a fault can't be injected, or
// a worker failed.
func (o *Outcome) repeatable() bool {
	if o.surprising() {
		return false
	}
	if o.Err != nil {
		return errors.Is(o.Err, lab.ErrSpoiled) || errors.Is(o.Err, cluster.ErrNotProven)
	}
	return o.Expected.Missed(o.Judgement) && !unexpected(o.Availability, o.Expected.Availability)
}

// shortcoming says why an experiment is repeated.
func (o *Outcome) shortcoming() string {
	if o.Err != nil {
		return "didn't come off: " + o.Err.Error()
	}
	return "didn't show what it should: " + strings.Join(o.Evidence, "; ")
}

// surprising tells whether something unsafe happened that nobody expected, which nothing excuses.
func (o *Outcome) surprising() bool {
	return unexpected(o.Exclusion, o.Expected.Exclusion) || unexpected(o.Fencing, o.Expected.Fencing)
}

func unexpected(got, expected check.Verdict) bool {
	return got == check.Violated && expected != check.Violated
}

func (s Spec) attempt(ctx context.Context, ttl time.Duration) (o *Outcome, err error) {
	command := s.Subject.Command
	if command == nil {
		command = s.Worker
	}
	nodes := s.Cluster
	nodes.Persistence = s.Scenario.Persistence
	var lists [][]int
	if s.Scenario.Lists != nil {
		lists = s.Scenario.Lists()
	}
	l, err := lab.Open(ctx, lab.Config{
		Scenario: s.Scenario.Name, Cluster: nodes, Subject: s.Subject, Worker: command,
		Clients: s.Scenario.Clients, Lists: lists, Prepare: s.Scenario.Prepare, BentClients: s.Scenario.BentClients, TTL: ttl, NodeTimeout: s.Scenario.NodeTimeout(ttl), Watch: s.Watch,
	})
	switch {
	case errors.Is(err, lab.ErrSpoiled) || errors.Is(err, worker.ErrWorker):
		// The nodes are fine; it's the client that couldn't lock or didn't even start.
		return s.Judge(nil, err), nil
	case err != nil:
		return nil, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	if err = s.Scenario.Perform(ctx, l); err == nil {
		err = l.Settle(ctx)
	}
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return s.Judge(l.History(), err), nil
}

// checkTimeout is how long to look for a linearization.
const checkTimeout = 30 * time.Second

// Judge judges the record of an experiment. The error is why it didn't come off; without a record, nothing
// did.
func (s Spec) Judge(h *history.History, err error) *Outcome {
	o := &Outcome{Spec: s, Expected: s.Scenario.Expect(s.Subject), History: h}
	o.Fencing, o.Availability = check.None, check.None // unless it came to an experiment
	if h != nil {
		o.Evidence, o.Judgement = h.Evidence(), check.Judge(h)
		if l := check.Linearizable(h, checkTimeout); l.Verdict == check.Violated {
			o.Fencing = check.Violated
			o.Findings = append(o.Findings, l.Faults...)
		}
	}
	if err != nil {
		o.fail(err)
	}
	return o
}

// fail withdraws the verdicts that depend on the experiment having come off.
func (o *Outcome) fail(err error) {
	o.Err = err
	if errors.Is(err, lab.ErrNotApplicable) {
		o.Judgement = check.Judgement{Exclusion: check.None, Fencing: check.None, Availability: check.None}
		o.Evidence = append(o.Evidence, "nothing to judge: "+err.Error())
		return
	}
	if o.Exclusion != check.Violated {
		o.Exclusion = check.Unknown
	}
	if o.Fencing != check.Violated && o.Expected.Fencing != check.None {
		o.Fencing = check.Unknown
	}
	if o.Availability != check.Violated && o.Spec.Scenario.Demands {
		o.Availability = check.Unknown
	}
	o.Evidence = append(o.Evidence, "the experiment didn't come off: "+err.Error())
}
