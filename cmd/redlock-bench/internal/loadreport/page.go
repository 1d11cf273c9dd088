package loadreport

import (
	"embed"
	"fmt"
	"html/template"
	"io"
	"time"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/htmlreport"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/load"
)

//go:embed assets
var assets embed.FS

var pageTemplate = template.Must(template.ParseFS(assets, "assets/*.html"))

// page is what the template shows.
type page struct {
	*load.Series
	Style    template.CSS
	Headline string
	Date     time.Time
	Legend   []line
	Charts   []chart
	Grids    []grid
	Failures []string
	Subjects []*load.SubjectReport
}

// WritePage writes a series that began at a date as an HTML page. The error is that of w.
func WritePage(w io.Writer, s *load.Series, began time.Time) error {
	p := page{
		Series: s, Style: htmlreport.Style(), Date: began, Headline: Describe(s.Runs[0].Config),
		Charts: charts(s), Grids: grids(s), Failures: failures(s), Subjects: s.Runs[0].Subjects,
	}
	if s.Sweep != "" {
		p.Headline = describeSeries(s)
	}
	for i, subject := range p.Subjects {
		p.Legend = append(p.Legend, line{Name: subject.Name, Class: lineClass(i)})
	}
	if err := pageTemplate.ExecuteTemplate(w, "page.html", p); err != nil {
		return fmt.Errorf("loadreport: %w", err)
	}
	return nil
}
