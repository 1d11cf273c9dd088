package main

import (
	"fmt"
	"io"

	"github.com/schollz/progressbar/v3"

	"github.com/a5bbb083/redlock/cmd/internal/cli"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/load"
)

// loadProgress shows what was measured so far: a bar on a terminal, a line for each measurement elsewhere.
type loadProgress struct {
	w           io.Writer
	bar         *progressbar.ProgressBar // nil unless on a terminal
	done, total int
}

func newLoadProgress(w io.Writer, configs []load.Config) *loadProgress {
	p := &loadProgress{w: w}
	for _, c := range configs {
		p.total += c.Rounds * len(c.Subjects)
	}
	if cli.IsTerminal(w) {
		p.bar = newBar(w, p.total, "starting servers and clients")
	}
	return p
}

// add counts a measurement.
func (p *loadProgress) add(subject string, round *load.Round) {
	p.done++
	rate := load.Number(round.Values["locks_per_second"]) + " locks/s"
	if p.bar != nil {
		p.bar.Describe(fmt.Sprintf("%-13s %15s", subject, rate))
		_ = p.bar.Add(1)
		return
	}
	_, _ = fmt.Fprintf(p.w, "[%*d/%d] %s: %s\n", len(fmt.Sprint(p.total)), p.done, p.total, subject, rate)
}

// finish takes the bar away.
func (p *loadProgress) finish() {
	if p.bar != nil {
		_ = p.bar.Clear()
	}
}
