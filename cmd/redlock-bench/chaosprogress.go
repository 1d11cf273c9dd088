package main

import (
	"fmt"
	"io"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/a5bbb083/redlock/cmd/internal/cli"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/chaos"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/spoken"
)

// chaosLine is how often a run says how far it is where that's not a terminal.
const chaosLine = 10 * time.Second

// chaosProgress shows how far a run under random faults is: a bar on a terminal, a line now and then elsewhere. It says
// what is about to begin at once, since nodes and clients take some time to start.
type chaosProgress struct {
	w    io.Writer
	run  chaos.Run
	bar  *progressbar.ProgressBar // nil unless on a terminal
	next time.Duration            // when to write the next line
}

func newChaosProgress(w io.Writer, r chaos.Run, number, of int) *chaosProgress {
	p := &chaosProgress{w: w, run: r, next: chaosLine}
	faults, duration := spoken.Count(len(r.Plan.Faults), "fault"), r.Plan.Duration.Duration()
	if cli.IsTerminal(w) {
		p.bar = newBar(w, int(duration/time.Second), fmt.Sprintf("%s (%d of %d): starting", r.Subject.Name, number, of))
		return p
	}
	_, _ = fmt.Fprintf(w, "%s (%d of %d): %s in %v, on %s, under %s; starting\n", r.Subject.Name, number, of, faults, duration,
		r.Plan.NodesText(string(r.Backend)), spoken.Count(r.Plan.Clients, "client"))
	return p
}

// tell is for [chaos.Run.Progress].
func (p *chaosProgress) tell(now chaos.Progress) {
	said := fmt.Sprintf("%s: %d of %s, acquired %s", p.run.Subject.Name, now.Faults, spoken.Count(len(p.run.Plan.Faults), "fault"), spoken.Count(int(now.Acquired), "time"))
	if p.bar != nil {
		p.bar.Describe(said)
		_ = p.bar.Set(min(int(now.Elapsed/time.Second), p.bar.GetMax()-1)) // a full one would be over
		return
	}
	if now.Elapsed < p.next {
		return
	}
	p.next += chaosLine
	_, _ = fmt.Fprintf(p.w, "%s, %v\n", said, now.Elapsed.Round(time.Second))
}

// finish takes the bar away.
func (p *chaosProgress) finish() {
	if p.bar != nil {
		_ = p.bar.Clear()
	}
}
