// Package htmlreport shows a run as one HTML page that opens from disk.
//
// What is guaranteed: the page is one file with nothing to fetch, so it shows the same anywhere
// and any time. It draws what the histories say and judges nothing itself: verdicts and overlaps
// are those of package check. Its tables and lists can be read without JavaScript; the
// timelines need it.
package htmlreport

import (
	"embed"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/experiment"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/report"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/subject"
)

//go:embed assets
var assets embed.FS

var pageTemplate = template.Must(template.ParseFS(assets, "assets/*.html"))

// scripts are parts of one script, in their order.
var scripts = []string{"time.js", "draw.js", "timeline.js", "page.js"}

// Run is a run to show.
type Run struct {
	Report *report.Report
	// Outcomes are those that the report was made of, in the same order.
	Outcomes []*experiment.Outcome
	// Date is when the run began.
	Date time.Time
	// Versions names the programs involved, each with its version.
	Versions []string
	// Command repeats the run.
	Command string
	// Repeat returns the command that repeats one experiment.
	Repeat func(scenario, subject string) string
	// Watch is how often the harness looked who has the lock's key.
	Watch time.Duration
}

// page is what the template shows.
type page struct {
	Run
	Style       template.CSS
	ChartStyle  template.CSS // all that a timeline needs outside of the page
	Script      template.JS
	Headline    string
	Surprises   string // empty if there are none
	Totals      string
	Known       string // empty if there's nothing to excuse
	Hero        *hero
	Subjects    []subjectLine
	Assumptions []string
	Grids       []grid
	Scenarios   []scenarioSection
}

// subjectLine says what a lock is.
type subjectLine struct {
	Name, About string
	Ours        bool
}

// subjectLines explains the locks of a run, in the order of the tables' columns.
func subjectLines(r Run) []subjectLine {
	var all []subjectLine
	for _, name := range report.Subjects(r.Report.Results) {
		i := slices.IndexFunc(r.Outcomes, func(o *experiment.Outcome) bool { return o.Spec.Subject.Name == name })
		all = append(all, subjectLine{name, capitalised(r.Outcomes[i].Spec.Subject.About), name == subject.Ours})
	}
	return all
}

// Write writes the page. The error is that of w.
func (r Run) Write(w io.Writer) error {
	p := page{
		Run:         r,
		Style:       template.CSS(asset("style.css")),
		ChartStyle:  template.CSS(asset("chart.css")),
		Headline:    headline(r.Report),
		Surprises:   surprises(r.Report),
		Totals:      totals(r.Report),
		Known:       known(r),
		Hero:        newHero(r),
		Subjects:    subjectLines(r),
		Assumptions: assumptions(r),
		Grids:       grids(r.Report),
		Scenarios:   scenarioSections(r),
		Script:      script(),
	}
	if err := pageTemplate.ExecuteTemplate(w, "page.html", p); err != nil {
		return fmt.Errorf("htmlreport: %w", err)
	}
	return nil
}

// script is what draws the timelines of a page.
func script() template.JS {
	var all template.JS
	for _, name := range scripts {
		all += template.JS(asset(name))
	}
	return all
}

// Style is what a page needs to look like the others: all colours, also those of lines (c0 to c6), and how
// texts, tables and pictures look.
func Style() template.CSS { return template.CSS(asset("chart.css") + asset("style.css")) }

// asset reads a file that was built in.
func asset(name string) string {
	data, err := assets.ReadFile("assets/" + name)
	if err != nil {
		panic(err) // the build is broken
	}
	return string(data)
}

// assumptions says what the verdicts rest on.
func assumptions(r Run) []string {
	all := []string{
		"All times are readings of the host's boot clock, which all processes of a run share. Zero is the start of the experiment.",
		"A client believes in its lock from the reply that granted it until the end of validity that it then reported, unless it reports something else or gives the lock back before.",
		"An operation that failed or never returned may have taken effect. Where that leaves a verdict open, it's \"unknown\".",
		"\"Held\" means that no violation was found in this history. It doesn't mean that there can be none.",
		"Every write goes to two registers: the plain one takes everything, the fenced one refuses a token below the highest that it has seen. A write is stale if a later holder has written before it.",
		"Clients are processes of their own, and the network is a proxy on the loopback interface for each client and node. All share one machine and its kernel.",
	}
	if r.Watch > 0 {
		all = append(all, fmt.Sprintf("Who has the key on a node was looked up every %v, and is no more exact than that.", r.Watch))
	}
	return all
}

// anchor is the id of an experiment in the page.
func anchor(scenario, subject string) string {
	return strings.Join([]string{scenario, subject}, ".")
}
