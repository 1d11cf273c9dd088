package htmlreport

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/check"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/experiment"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/report"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/spoken"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/subject"
)

// hero is what the page opens on: one violation, and another lock under the same fault.
type hero struct {
	Title    string
	Sides    []heroSide // the violation comes first
	Captions []string   // what the drawings show, a sentence or two each
}

// heroSide is one lock.
type heroSide struct {
	Subject  string
	Anchor   string // where there's more; empty for nowhere
	Class    string
	Sentence string
	Timeline *timeline
}

// The violation that says most to somebody who sees the first one: of a lock that's known, by a fault that's
// plain.
var (
	tellingSubjects  = []string{"classic", "redsync"}
	tellingScenarios = []string{"clock-jump", "crash-amnesia", "flushall"}
)

// newHero chooses a violation to show; nil if there is none.
func newHero(r Run) *hero {
	best, score := -1, 0
	for i, result := range r.Report.Results {
		if s := telling(r, result); s > score && r.Outcomes[i].History != nil {
			best, score = i, s
		}
	}
	if best < 0 {
		return nil
	}
	o, result := r.Outcomes[best], r.Report.Results[best]
	d := newDrawing(o.History)
	worst, _ := d.longest()
	fault := d.lastFault(worst.From)
	w := d.around(worst)
	if fault != nil {
		w.from = min(w.from, fault.Began)
	}
	h := &hero{Title: capitalised(o.Spec.Scenario.About)}
	violated := heroSide{
		Subject: result.Subject, Anchor: anchor(result.Scenario, result.Subject), Class: "violated",
		Sentence: sayOverlap(worst) + sayCause(o), Timeline: d.sketch(fault),
	}
	other := heldBeside(r, result)
	if other < 0 {
		d.cut(violated.Timeline, w.widened()).finish()
		h.Sides = []heroSide{violated}
		h.Captions = d.captions(fault, violated.Timeline)
		return h
	}
	held := newDrawing(r.Outcomes[other].History)
	same := held.sameFault(fault)
	beside := held.turns(same)
	// The same scale for both, so that they can be compared.
	length := max(w.length(), beside.length())
	w.until, beside.until = w.from+length, beside.from+length
	d.cut(violated.Timeline, w.widened()).finish()
	h.Sides = []heroSide{violated, {
		Subject: subject.Ours, Anchor: anchor(result.Scenario, subject.Ours), Class: "held",
		Sentence: sayHeld(r.Report.Results[other]), Timeline: held.cut(held.sketch(same), beside.widened()).finish(),
	}}
	h.Captions = d.captions(fault, h.Sides[0].Timeline, h.Sides[1].Timeline)
	return h
}

// telling says how much a result tells; 0 if it's no overlap.
func telling(r Run, result report.Result) int {
	if result.Exclusion != check.Violated || result.OverlapMS == 0 {
		return 0
	}
	score := 1
	if !result.AsExpected {
		score += 1000 // nothing is more worth a look
	}
	if heldBeside(r, result) >= 0 {
		score += 100
	}
	if i := slices.Index(tellingSubjects, result.Subject); i >= 0 {
		score += 10 * (len(tellingSubjects) - i)
	}
	if i := slices.Index(tellingScenarios, result.Scenario); i >= 0 {
		score += len(tellingScenarios) - i
	}
	return score
}

// heldBeside returns the place of the experiment in which this module's lock held under the same fault, or -1.
func heldBeside(r Run, violated report.Result) int {
	return slices.IndexFunc(r.Report.Results, func(other report.Result) bool {
		return other.Scenario == violated.Scenario && other.Subject == subject.Ours && other.Exclusion == check.Held && other.History != nil
	})
}

func sayOverlap(o check.Overlap) string {
	var who []string
	for _, h := range o.Holders {
		if !slices.Contains(who, h.Client) {
			who = append(who, h.Client)
		}
	}
	both := "both"
	if len(who) > 2 {
		both = "all"
	}
	return fmt.Sprintf("for %s %s %s believed that they held the lock", spoken.Duration(o.Until-o.From), strings.Join(who, " and "), both)
}

func sayCause(o *experiment.Outcome) string {
	if o.Spec.Scenario.Cause == "" {
		return "."
	}
	return ", because " + o.Spec.Scenario.Cause + "."
}

func sayHeld(r report.Result) string {
	said := "never did two clients believe at once that they held the lock."
	if r.Refused > 0 {
		said += fmt.Sprintf(" Whoever asked too early was refused (%s)", spoken.Count(r.Refused, "time"))
		if r.UnavailableMS > 0 {
			said += fmt.Sprintf(", which cost %s in which the lock was wanted and nobody held it", spoken.FromMilliseconds(r.UnavailableMS))
		}
		said += "."
	}
	return said
}

func capitalised(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// instant writes when something was, from the start.
func instant(at time.Duration) string {
	return fmt.Sprintf("+%.3f ms", float64(at)/float64(time.Millisecond))
}
