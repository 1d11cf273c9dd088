package chaos

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/a5bbb083/redlock/cmd/internal/cluster"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/check"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/history"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/lab"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/nemesis"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/subject"
)

const (
	// checkTimeout is how long to look for a linearization.
	checkTimeout = 30 * time.Second
	// nodeTimeouts is how many node time-outs a TTL has.
	nodeTimeouts = 10
	// progressEvery is how often a run says how far it is.
	progressEvery = time.Second
)

// Run is one subject under one plan.
type Run struct {
	Plan    Plan
	Subject subject.Subject
	Backend cluster.Backend
	// LastMoments is the share of the locks that are held until their time is over.
	LastMoments float64
	// LongHolds is the share of the locks that are held for long, and extended.
	LongHolds float64
	// Strict makes any violation unexpected, whatever is known of the subject.
	Strict bool
	// Worker is the program, with its arguments, that runs a client of a built-in subject.
	Worker []string
	// Progress, unless nil, is told once a second how far the run is.
	Progress func(Progress)
}

// Progress says how far a run is: for how long it has lasted, how often the lock was acquired, and how many faults of
// the plan were due.
type Progress struct {
	Elapsed  time.Duration
	Acquired int64
	Faults   int
}

// Outcome is what became of a [Run].
type Outcome struct {
	Subject subject.Subject
	Strict  bool
	// Judgement is what the checkers say, Linearizable what the search for a linearization of
	// the fencing tokens and the fenced register adds.
	check.Judgement
	Linearizable check.LinearizableResult
	Measures     Measures
	// Outside says what happened that isn't in the safety model.
	Outside []string
	// Err is why the run ended early or its record is incomplete. No verdict is held then.
	Err     error
	History *history.History
}

// Perform carries out the plan. When ctx ends it stops at once, undoes all faults, and judges what
// it has. The error is non-nil only if there was nothing to judge.
func (r Run) Perform(ctx context.Context) (o *Outcome, err error) {
	command := r.Subject.Command
	if command == nil {
		command = r.Worker
	}
	ttl := r.Plan.TTL.Duration()
	l, err := lab.Open(ctx, lab.Config{
		Scenario: "chaos", Subject: r.Subject, Worker: command, Clients: r.Plan.Clients,
		Cluster: cluster.Config{Backend: r.Backend, Nodes: r.Plan.all(), Seed: r.Plan.Seed, Persistence: cluster.EverySecond},
		Spares:  r.Plan.Spares,
		TTL:     ttl, NodeTimeout: ttl / nodeTimeouts,
		BentClients: slices.ContainsFunc(r.Plan.Faults, func(f nemesis.Fault) bool { return f.Kind == nemesis.ClientDrift }),
	})
	if errors.Is(err, lab.ErrSpoiled) && ctx.Err() == nil {
		// A client that's starved, on a machine that is too busy, can't be judged.
		return r.judge(&history.History{
			Scenario: "chaos", Subject: r.Subject.Name, Backend: string(r.Backend), Nodes: r.Plan.all(), Seed: r.Plan.Seed, TTL: ttl,
		}, newHavoc(l, r.Plan), err), nil
	}
	if err != nil {
		if ctx.Err() != nil { // a worker that had to stop hasn't failed
			err = context.Cause(ctx)
		}
		return nil, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	havoc := newHavoc(l, r.Plan)
	began := time.Now()
	failed := r.perform(ctx, l, havoc)
	havoc.lasted = min(time.Since(began), r.Plan.Duration.Duration())
	if failed == nil {
		failed = l.Settle(context.WithoutCancel(ctx))
	}
	return r.judge(l.History(), havoc, havoc.failure(failed)), nil
}

// perform lets the clients and the faults loose until the plan or ctx ends.
func (r Run) perform(ctx context.Context, l *lab.Lab, h *havoc) error {
	ctx, cancel := context.WithTimeout(ctx, r.Plan.Duration.Duration())
	defer cancel()
	var acquired atomic.Int64
	var meeting arena
	// A worker that fails ends the run, because its lock may stay taken.
	running, ctx := errgroup.WithContext(ctx)
	for _, client := range l.Clients() {
		c := contender{
			Client: client, lab: l, ttl: r.Plan.TTL.Duration(), acquired: &acquired,
			arena: &meeting, lastMoments: r.LastMoments, longHolds: r.LongHolds, restarts: h.restarts[client.Index()],
			random: rand.New(rand.NewPCG(uint64(r.Plan.Seed), 1+uint64(client.Index()))),
		}
		running.Go(func() error { return c.contend(ctx) })
	}
	running.Go(func() error {
		h.wreak(ctx, l.Now())
		return nil
	})
	running.Go(func() error {
		r.tell(ctx, &acquired, h)
		return nil
	})
	return running.Wait()
}

// tell reports progress until ctx ends.
func (r Run) tell(ctx context.Context, acquired *atomic.Int64, h *havoc) {
	if r.Progress == nil {
		return
	}
	began := time.Now()
	ticker := time.NewTicker(progressEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			r.Progress(Progress{time.Since(began), acquired.Load(), h.due()})
		case <-ctx.Done():
			return
		}
	}
}

// judge judges what the run has recorded.
func (r Run) judge(h *history.History, havoc *havoc, err error) *Outcome {
	h.Chaos = &history.Chaos{
		Scheduled: len(r.Plan.Faults), Duration: r.Plan.Duration.Duration(), Lasted: havoc.lasted, Faults: havoc.tally(),
	}
	o := Judge(h, err)
	o.Subject, o.Strict, o.Outside = r.Subject, r.Strict, havoc.outside
	return o
}

// Judge runs all checkers on the record of a run. The error is why it's incomplete, if it is.
func Judge(h *history.History, err error) *Outcome {
	o := &Outcome{History: h, Err: err, Judgement: check.Judge(h), Linearizable: check.Linearizable(h, checkTimeout), Measures: Measure(h)}
	if err != nil || len(o.Doubts) > 0 {
		check.Withhold(&o.Exclusion, &o.Fencing, &o.Availability, &o.Linearizable.Verdict)
	}
	return o
}

// Violated tells whether a violation was found.
func (o *Outcome) Violated() bool { return o.Unsafe() || o.Linearizable.Verdict == check.Violated }

// AsExpected tells whether the subject did what it claims. One with fencing tokens claims that
// nothing is ever violated, and that it's available; of the others anything is expected but a client that
// fails, and a run that shows nothing. A strict run expects the same of all.
func (o *Outcome) AsExpected() bool {
	if o.Err != nil || o.Open() || o.Linearizable.Verdict == check.Unknown {
		return false
	}
	claims := o.Strict || o.Subject.Fencing && !o.Subject.Stranger
	return !claims || !o.Violated() && o.Availability != check.Violated
}

// FailedAt is when, counted from the start, the longest overlap began; a violation of another
// kind counts as being at the end.
func (o *Outcome) FailedAt() time.Duration {
	at, longest := o.History.End, time.Duration(0)
	for _, overlap := range check.Exclusion(o.History.Beliefs()).Overlaps {
		if d := overlap.Until - overlap.From; d > longest {
			at, longest = overlap.From, d
		}
	}
	return at - o.History.Start
}
