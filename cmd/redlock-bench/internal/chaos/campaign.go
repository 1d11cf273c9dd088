package chaos

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/a5bbb083/redlock/cmd/internal/cli"
	"github.com/a5bbb083/redlock/cmd/internal/results"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/check"
)

// Campaign is a report for each claim, with what it says of the claims.
type Campaign struct {
	results.Header
	// Kept is by subject and claim: "kept", "violated" or "unknown".
	Kept    map[string]map[Claim]string `json:"kept"`
	Reports []*Report                   `json:"reports"`
}

// NewCampaign sums up reports of plans that were made for claims.
func NewCampaign(reports []*Report) *Campaign {
	c := &Campaign{Header: results.Of(results.Claims), Kept: make(map[string]map[Claim]string), Reports: reports}
	for _, report := range reports {
		for _, result := range report.Results {
			if c.Kept[result.Subject] == nil {
				c.Kept[result.Subject] = make(map[Claim]string)
			}
			c.Kept[result.Subject][report.Plan.Claim] = result.kept()
		}
	}
	return c
}

// kept tells whether a claim was. A lock that's hardly ever granted keeps none.
func (r Result) kept() string {
	verdict := "kept"
	for _, v := range []check.Verdict{r.Exclusion, r.Fencing, r.Linearizable, r.Availability} {
		switch {
		case v == check.Violated:
			return string(v)
		case v == check.Unknown:
			verdict = string(v)
		}
	}
	if r.Error != "" {
		verdict = string(check.Unknown)
	}
	return verdict
}

// WriteText writes which claims each subject keeps, in a table of no more than width columns.
func (c *Campaign) WriteText(w io.Writer, width int) error {
	header := []string{"claim, with those above"}
	for _, result := range c.Reports[0].Results {
		header = append(header, result.Subject)
	}
	var rows [][]string
	for _, report := range c.Reports {
		row := []string{string(report.Plan.Claim)}
		for _, result := range report.Results {
			row = append(row, strings.Replace(result.kept(), "violated", "VIOLATED", 1))
		}
		rows = append(rows, append(row, make([]string, len(header)-len(row))...))
	}
	_, err := io.WriteString(w, "\n"+cli.Columns(width, header, rows))
	return err
}

// WriteJSON writes the campaign as indented JSON.
func (c *Campaign) WriteJSON(w io.Writer) error { return writeJSON(w, c) }

func writeJSON(w io.Writer, v any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return fmt.Errorf("chaos: report: %w", err)
	}
	return nil
}
