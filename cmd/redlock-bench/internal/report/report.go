// Package report shows outcomes: as JSON for programs, and as tables for people.
package report

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/a5bbb083/redlock/cmd/internal/results"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/check"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/experiment"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/history"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/spoken"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/subject"
)

// Report is the JSON form of a run, see package results.
type Report struct {
	results.Header
	Backend string   `json:"backend"`
	Nodes   int      `json:"nodes"`
	Seed    int64    `json:"seed"`
	Results []Result `json:"results"`
}

// Result is one experiment.
type Result struct {
	Scenario string `json:"scenario"`
	Subject  string `json:"subject"`
	// Exclusion is the verdict on the lock, Expected the one that this scenario is known to
	// give, or "any". AsExpected covers all verdicts, that on fencing and on stale writes included.
	Exclusion  check.Verdict `json:"exclusion"`
	Expected   check.Verdict `json:"expected"`
	AsExpected bool          `json:"as_expected"`
	// OverlapMS is for how long more than one client believed that it held the lock, in
	// milliseconds and fractions of them.
	OverlapMS float64 `json:"overlap_ms"`
	// Availability is the verdict on whether the lock was granted, or kept, where nothing stood
	// against it; "none" where the scenario doesn't ask.
	Availability check.Verdict `json:"availability"`
	// Acquired and Refused count attempts to take the lock.
	Acquired int `json:"acquired"`
	Refused  int `json:"refused"`
	// UnavailableMS is for how long the lock was wanted in vain although nobody believed that they
	// held it, in milliseconds.
	UnavailableMS float64 `json:"unavailable_ms"`
	// GhostKeys counts the keys that requests planted on nodes long after their clients had given up.
	GhostKeys int `json:"ghost_keys"`
	// Guard names the guard of package redlock that the scenario puts to the test, if any.
	Guard string `json:"guard,omitempty"`
	// Evidence says how the harness saw what happened, the effect of each fault above all.
	Evidence []string `json:"evidence"`
	// Fencing is the verdict on the fencing tokens, and on the register that checks them;
	// "none" where there are no tokens.
	Fencing check.Verdict `json:"fencing"`
	// StaleWritesAccepted counts the stale writes that the register without fencing took, and
	// StaleWritesRefused those that the fenced one refused. Every write goes to both.
	StaleWritesAccepted int `json:"stale_writes_accepted"`
	StaleWritesRefused  int `json:"stale_writes_refused"`
	// LostUpdates counts the updates that the register without fencing lost.
	LostUpdates int `json:"lost_updates"`
	// Failure is why the experiment didn't come off, if it didn't.
	Failure *experiment.Failure `json:"failure,omitempty"`
	// History is the record that was judged; none if it didn't come to an experiment.
	History *history.History `json:"history,omitempty"`

	elapsed time.Duration
}

// New makes a report of the outcomes, in their order.
func New(backend string, nodes int, seed int64, outcomes []*experiment.Outcome) *Report {
	r := &Report{Header: results.Of(results.Run), Backend: backend, Nodes: nodes, Seed: seed, Results: []Result{}}
	for _, o := range outcomes {
		r.Results = append(r.Results, Result{
			Scenario:            o.Spec.Scenario.Name,
			Subject:             o.Spec.Subject.Name,
			Exclusion:           o.Exclusion,
			Expected:            o.Expected.Exclusion,
			AsExpected:          o.AsExpected(),
			OverlapMS:           spoken.Milliseconds(o.Overlap),
			Availability:        o.Availability,
			Acquired:            o.Acquired,
			Refused:             o.Refused,
			UnavailableMS:       spoken.Milliseconds(o.Unavailable),
			GhostKeys:           o.Ghosts,
			Guard:               o.Spec.Scenario.Guard,
			Evidence:            append([]string{}, slices.Concat(o.Evidence, o.Findings, o.Doubts)...),
			Fencing:             o.Fencing,
			StaleWritesAccepted: o.StaleAccepted,
			StaleWritesRefused:  o.StaleRefused,
			LostUpdates:         o.Lost,
			Failure:             experiment.NewFailure(o.Err),
			History:             o.History,
			elapsed:             o.Elapsed,
		})
	}
	return r
}

// WriteJSON writes the report as indented JSON.
func (r *Report) WriteJSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(r); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

// Unexpected returns the results that aren't as expected.
func (r *Report) Unexpected() []Result {
	var unexpected []Result
	for _, result := range r.Results {
		if !result.AsExpected {
			unexpected = append(unexpected, result)
		}
	}
	return unexpected
}

// Subjects returns the subjects of the results: this module's own first, the others in the order in which they
// first come up.
func Subjects(results []Result) []string {
	var all []string
	for _, result := range results {
		all = appendNew(all, result.Subject)
	}
	if i := slices.Index(all, subject.Ours); i > 0 {
		all = slices.Insert(slices.Delete(all, i, i+1), 0, subject.Ours)
	}
	return all
}
