package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/check"
)

// The elements of JUnit's XML that build servers agree on; see
// https://github.com/testmoapp/junitxml. An experiment is a test case: the scenario is its class, the subject
// its name.
type (
	junitSuites struct {
		XMLName xml.Name   `xml:"testsuites"`
		Suite   junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name       string          `xml:"name,attr"`
		Tests      int             `xml:"tests,attr"`
		Failures   int             `xml:"failures,attr"`
		Errors     int             `xml:"errors,attr"`
		Time       string          `xml:"time,attr"`
		Properties []junitProperty `xml:"properties>property"`
		Cases      []junitCase     `xml:"testcase"`
	}
	junitProperty struct {
		Name  string `xml:"name,attr"`
		Value string `xml:"value,attr"`
	}
	junitCase struct {
		Class   string        `xml:"classname,attr"`
		Name    string        `xml:"name,attr"`
		Time    string        `xml:"time,attr"`
		Failure *junitProblem `xml:"failure"`
		Error   *junitProblem `xml:"error"`
		Output  string        `xml:"system-out,omitempty"`
	}
	junitProblem struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr"`
		Text    string `xml:",chardata"`
	}
)

// WriteJUnit writes the report as JUnit's XML. An experiment that didn't end as expected is a failure, or an
// error where its verdict is unknown.
func (r *Report) WriteJUnit(w io.Writer) error {
	s := junitSuite{Name: "redlock-bench", Tests: len(r.Results), Properties: []junitProperty{
		{"backend", r.Backend}, {"nodes", fmt.Sprint(r.Nodes)}, {"seed", fmt.Sprint(r.Seed)},
	}}
	total := 0.0
	for _, result := range r.Results {
		seconds := result.elapsed.Seconds()
		total += seconds
		c := junitCase{Class: result.Scenario, Name: result.Subject, Time: fmt.Sprintf("%.3f", seconds)}
		evidence := strings.Join(result.Evidence, "\n")
		switch problem := result.problem(evidence); {
		case result.AsExpected:
			c.Output = evidence
		case result.Exclusion == check.Unknown:
			s.Errors++
			c.Error = problem
		default:
			s.Failures++
			c.Failure = problem
		}
		s.Cases = append(s.Cases, c)
	}
	s.Time = fmt.Sprintf("%.3f", total)
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	encoder := xml.NewEncoder(w)
	encoder.Indent("", "  ")
	if err := encoder.Encode(junitSuites{Suite: s}); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func (r *Result) problem(evidence string) *junitProblem {
	return &junitProblem{
		Message: fmt.Sprintf("exclusion %s, expected %s; availability %s, fencing %s", r.Exclusion, r.Expected, r.Availability, r.Fencing),
		Type:    string(r.Exclusion),
		Text:    evidence,
	}
}
