package main

import (
	"fmt"
	"io"

	"github.com/schollz/progressbar/v3"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/load"
)

// loadProgress shows what was measured so far: a bar on a terminal, a line for each measurement elsewhere.
type loadProgress struct {
	w   io.Writer
	bar *progressbar.ProgressBar // nil unless on a terminal
}

func newLoadProgress(w io.Writer, c load.Config) *loadProgress {
	p := &loadProgress{w: w}
	if isTerminal(w) {
		p.bar = newBar(w, c.Rounds*len(c.Subjects), "starting servers and clients")
	}
	return p
}

// add counts a measurement.
func (p *loadProgress) add(done load.Progress) {
	rate := load.Number(done.Round.Values["locks_per_second"]) + " locks/s"
	if p.bar != nil {
		p.bar.Describe(fmt.Sprintf("%-13s %15s", done.Subject, rate))
		_ = p.bar.Add(1)
		return
	}
	_, _ = fmt.Fprintf(p.w, "[%*d/%d] %s: %s\n", len(fmt.Sprint(done.Total)), done.Done, done.Total, done.Subject, rate)
}

// finish takes the bar away.
func (p *loadProgress) finish() {
	if p.bar != nil {
		_ = p.bar.Clear()
	}
}
