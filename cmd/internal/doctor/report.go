package doctor

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"time"

	"github.com/a5bbb083/redlock/cmd/internal/results"
)

// Report is the result of an examination. For its JSON form see package results.
type Report struct {
	results.Header
	// TTLMS is the TTL that everything was judged by, in milliseconds.
	TTLMS float64 `json:"ttl_ms"`
	// Prefix is what the locks' names begin with.
	Prefix string `json:"prefix"`
	// Interrupted says that the watch was cut short.
	Interrupted bool `json:"interrupted"`
	// Fit says that there is no finding of level "error".
	Fit   bool   `json:"fit"`
	Nodes []Node `json:"nodes"`
	// Findings are those of the worst level first.
	Findings        []Finding        `json:"findings"`
	Recommendations []Recommendation `json:"recommendations"`
	// ACL has the rights that locks with the prefix need at the nodes that answered.
	ACL []ACLRule `json:"acl"`
	// Unchecked lists what can't be seen from outside.
	Unchecked []string `json:"unchecked"`
}

// ACLRule is the smallest set of rights for some nodes.
type ACLRule struct {
	// Nodes are those that it's for, as in [Finding].
	Nodes []int `json:"nodes"`
	// Rule is a command for redis-cli. See redlock.ACLRule.
	Rule string `json:"rule"`
}

// Node is what was measured of one server.
type Node struct {
	// Node is its number, from 1.
	Node int `json:"node"`
	// URL is without user and password.
	URL string `json:"url"`
	// Reached says whether it answered. If not, the rest is empty.
	Reached bool   `json:"reached"`
	Version string `json:"version,omitempty"`
	Role    string `json:"role,omitempty"`
	RunID   string `json:"run_id,omitempty"`
	// Answers and Clock are nil without any sample.
	Answers *Answers `json:"answers,omitempty"`
	Clock   *Clock   `json:"clock,omitempty"`
}

// Answers are round trips of TIME, in milliseconds.
type Answers struct {
	Count int     `json:"count"`
	Lost  int     `json:"lost"` // questions without an answer
	P50MS float64 `json:"p50_ms"`
	P90MS float64 `json:"p90_ms"`
	P99MS float64 `json:"p99_ms"`
	MaxMS float64 `json:"max_ms"`
}

// Clock bounds a server's clock.
type Clock struct {
	// OffsetLowMS and OffsetHighMS bound how far it's ahead of where the most clocks agree.
	OffsetLowMS  float64 `json:"offset_low_ms"`
	OffsetHighMS float64 `json:"offset_high_ms"`
	// RateLow and RateHigh bound how much faster than ours it ran on average, as a fraction: 0.01
	// is one per cent. They are nil after a single sample.
	RateLow  *float64 `json:"rate_low"`
	RateHigh *float64 `json:"rate_high"`
	// Jumps counts the samples that contradict a steady clock.
	Jumps int `json:"jumps"`
}

// unchecked is the same for all servers.
var unchecked = []string{
	"whether machines share power, a hypervisor, a disk or a switch: look where they run",
	"whether disks keep what they acknowledge: without that, appendfsync always isn't durable",
	"whether something restarts, moves, snapshots or replaces a node (Sentinel, Kubernetes, VM migration), or flushes it",
	"how clocks and answer times behave at other times and from other machines: run this there, and under load",
	"whether all clients use the same nodes, and whether what they write checks fencing tokens",
}

func newReport(e *examination, interrupted bool) *Report {
	r := &Report{
		Header: results.Of(results.Doctor),
		TTLMS:  milliseconds(e.config.TTL), Prefix: e.config.Prefix, Interrupted: interrupted,
		Findings: e.findings(), Recommendations: e.recommend(), ACL: e.aclRules(), Unchecked: unchecked,
	}
	for i := range e.voters {
		r.Nodes = append(r.Nodes, nodeReport(&e.voters[i]))
	}
	r.Fit = r.Count(Error) == 0
	return r
}

// aclRules are the rules for all nodes that answered, those for several nodes once.
func (e *examination) aclRules() []ACLRule {
	rules := []ACLRule{}
	for _, v := range e.reached() {
		rule := e.aclRule(v)
		i := slices.IndexFunc(rules, func(r ACLRule) bool { return r.Rule == rule })
		if i < 0 {
			i = len(rules)
			rules = append(rules, ACLRule{Rule: rule})
		}
		rules[i].Nodes = append(rules[i].Nodes, v.number)
	}
	return rules
}

func nodeReport(v *voter) Node {
	n := Node{Node: v.number, URL: v.name, Reached: v.err == nil}
	if v.err != nil {
		return n
	}
	n.Version, n.Role, n.RunID = v.info["redis_version"], v.info["role"], v.info["run_id"]
	if times := v.answerTimes(); len(times) > 0 {
		n.Answers = &Answers{
			Count: len(times), Lost: v.lost,
			P50MS: milliseconds(percentile(times, 0.5)), P90MS: milliseconds(percentile(times, 0.9)),
			P99MS: milliseconds(percentile(times, 0.99)), MaxMS: milliseconds(percentile(times, 1)),
		}
	}
	if c := v.clock; c.known {
		n.Clock = &Clock{
			OffsetLowMS: milliseconds(c.offset.Low), OffsetHighMS: milliseconds(c.offset.High),
			RateLow: finite(c.rateLow), RateHigh: finite(c.rateHigh), Jumps: c.jumps,
		}
	}
	return n
}

// milliseconds keeps microseconds, which is what servers count their clocks in.
func milliseconds(d time.Duration) float64 { return float64(d.Round(time.Microsecond)) / 1e6 }

// finite is for JSON, which knows no infinity.
func finite(f float64) *float64 {
	if math.IsInf(f, 0) || math.IsNaN(f) {
		return nil
	}
	return &f
}

// Count returns the number of findings of a level.
func (r *Report) Count(level Level) int {
	n := 0
	for _, f := range r.Findings {
		if f.Level == level {
			n++
		}
	}
	return n
}

// Reached returns how many nodes answered.
func (r *Report) Reached() int {
	n := 0
	for _, node := range r.Nodes {
		if node.Reached {
			n++
		}
	}
	return n
}

// WriteJSON writes the report as indented JSON.
func (r *Report) WriteJSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(r); err != nil {
		return fmt.Errorf("doctor: %w", err)
	}
	return nil
}
