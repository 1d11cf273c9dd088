package main

import (
	"fmt"
	"io"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/a5bbb083/redlock/cmd/internal/cli"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/experiment"
)

// progress shows what was done so far: a bar on a terminal, a line per experiment elsewhere.
type progress struct {
	w           io.Writer
	bar         *progressbar.ProgressBar // nil unless on a terminal
	done, total int
}

func newProgress(w io.Writer, total int) *progress {
	p := &progress{w: w, total: total}
	if cli.IsTerminal(w) {
		p.bar = newBar(w, total, "experiments")
	}
	return p
}

// newBar is how all progress bars that count look.
func newBar(w io.Writer, total int, description string) *progressbar.ProgressBar {
	return progressbar.NewOptions(total,
		progressbar.OptionSetWriter(w),
		progressbar.OptionSetDescription(description),
		progressbar.OptionShowCount(),
		progressbar.OptionSetWidth(30),
		progressbar.OptionClearOnFinish(),
		progressbar.OptionSetRenderBlankState(true),
	)
}

// add counts an experiment that is done. It's not for several goroutines.
func (p *progress) add(o *experiment.Outcome) {
	p.done++
	if p.bar != nil {
		p.bar.Describe(fmt.Sprintf("%-18s %-9s", o.Spec.Scenario.Name, o.Spec.Subject.Name))
		_ = p.bar.Add(1)
		return
	}
	note := ""
	if !o.AsExpected() {
		note = fmt.Sprintf(", expected %s", o.Expected.Exclusion)
	}
	_, _ = fmt.Fprintf(p.w, "[%*d/%d] %s, %s: %s%s (%v)\n", len(fmt.Sprint(p.total)), p.done, p.total,
		o.Spec.Scenario.Name, o.Spec.Subject.Name, o.Exclusion, note, o.Elapsed.Round(10*time.Millisecond))
}

// finish takes the bar away.
func (p *progress) finish() {
	if p.bar != nil {
		_ = p.bar.Clear()
	}
}
