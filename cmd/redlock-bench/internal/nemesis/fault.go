package nemesis

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/a5bbb083/redlock/cmd/internal/cluster"
	"github.com/a5bbb083/redlock/cmd/internal/effect"
)

// Kind is the name of a kind of fault, see [Type].
type Kind string

// Fault is one fault of an experiment, as data.
type Fault struct {
	Kind    Kind  `json:"kind"`
	Nodes   []int `json:"nodes"`             // whom it hits, from 0
	Clients []int `json:"clients,omitempty"` // whose links it hits, from 0; none means all

	At  time.Duration `json:"-"` // when it begins, counted from the experiment's start
	For time.Duration `json:"-"` // how long it lasts; 0 is to the experiment's end
	By  time.Duration `json:"-"` // how far a clock jumps, how much later requests arrive

	Rate      float64           `json:"rate,omitempty"` // how fast a clock runs; the host's runs at 1
	Memory    cluster.Memory    `json:"memory,omitempty"`
	Policy    string            `json:"policy,omitempty"` // by which keys are evicted, see maxmemory-policy
	Lack      cluster.Lack      `json:"lack,omitempty"`
	Disk      cluster.DiskState `json:"disk,omitempty"`
	Direction Direction         `json:"direction,omitempty"` // the way on which nothing passes
	Series    string            `json:"series,omitempty"`    // the variant of a series that it's a step of
	Each      bool              `json:"each,omitempty"`      // commands are hit one and all, rather than by chance
}

// Validate tells whether the fault makes sense for so many nodes and clients.
func (f Fault) Validate(nodes, clients int) error {
	t, known := f.Type()
	if !known {
		return fmt.Errorf("nemesis: there is no fault %q", f.Kind)
	}
	if len(f.Nodes) == 0 && t.Scope != OnClients {
		return fmt.Errorf("nemesis: fault %s: give at least one node", f.Kind)
	}
	if err := checkIndexes("node", f.Nodes, nodes); err != nil {
		return fmt.Errorf("nemesis: fault %s: %w", f.Kind, err)
	}
	if err := checkIndexes("client", f.Clients, clients); err != nil {
		return fmt.Errorf("nemesis: fault %s: %w", f.Kind, err)
	}
	if f.At < 0 || f.For < 0 {
		return fmt.Errorf("nemesis: fault %s at %v for %v: neither can be negative", f.Kind, f.At, f.For)
	}
	if t.check == nil {
		return nil
	}
	return t.check(f)
}

func checkIndexes(what string, indexes []int, count int) error {
	for _, i := range indexes {
		if i < 0 || i >= count {
			return fmt.Errorf("%s %d: give from 0 to %d", what, i, count-1)
		}
	}
	return nil
}

// String is the fault in one line, such as "1.5s clock-jump of C by 40s for 10s".
func (f Fault) String() string {
	var s strings.Builder
	fmt.Fprintf(&s, "%v %s", f.At, f.Kind)
	if f.Direction != "" {
		fmt.Fprintf(&s, " of %s", f.Direction)
	}
	if len(f.Nodes) == 0 {
		fmt.Fprintf(&s, " %s", listed(f.Clients, func(i int) string { return fmt.Sprint(i + 1) }))
	} else if len(f.Clients) > 0 {
		fmt.Fprintf(&s, " between client %s and", listed(f.Clients, func(i int) string { return fmt.Sprint(i + 1) }))
	} else {
		s.WriteString(" of")
	}
	if len(f.Nodes) > 0 {
		fmt.Fprintf(&s, " %s", listed(f.Nodes, effect.NodeName))
	}
	if f.Memory != "" {
		fmt.Fprintf(&s, ", memory: %s", f.Memory)
	}
	for _, what := range []struct{ name, is string }{{"policy", f.Policy}, {"lack", string(f.Lack)}, {"disk", string(f.Disk)}} {
		if what.is != "" {
			fmt.Fprintf(&s, ", %s: %s", what.name, what.is)
		}
	}
	if f.By != 0 {
		fmt.Fprintf(&s, " by %v", f.By)
	}
	if f.Each {
		s.WriteString(", each command")
	}
	if f.Rate != 0 {
		fmt.Fprintf(&s, " at rate %v", f.Rate)
	}
	if f.For != 0 {
		fmt.Fprintf(&s, " for %v", f.For)
	}
	if f.Series != "" {
		fmt.Fprintf(&s, ", of a %s", f.Series)
	}
	return s.String()
}

func listed(indexes []int, name func(int) string) string {
	names := make([]string, len(indexes))
	for i, index := range indexes {
		names[i] = name(index)
	}
	return strings.Join(names, ",")
}

// plainFault has Fault's fields without its methods, so that encoding it doesn't recurse.
type plainFault Fault

// faultJSON writes durations as people do: "40s".
type faultJSON struct {
	plainFault
	At  string `json:"at"`
	For string `json:"for,omitempty"`
	By  string `json:"by,omitempty"`
}

// MarshalJSON writes durations as strings that [time.ParseDuration] reads.
func (f Fault) MarshalJSON() ([]byte, error) {
	out := faultJSON{plainFault: plainFault(f), At: f.At.String()}
	if f.For != 0 {
		out.For = f.For.String()
	}
	if f.By != 0 {
		out.By = f.By.String()
	}
	return json.Marshal(out)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (f *Fault) UnmarshalJSON(data []byte) error {
	var in faultJSON
	if err := json.Unmarshal(data, &in); err != nil {
		return fmt.Errorf("nemesis: fault: %w", err)
	}
	read := Fault(in.plainFault)
	for _, d := range []struct {
		name, text string
		to         *time.Duration
	}{{"at", in.At, &read.At}, {"for", in.For, &read.For}, {"by", in.By, &read.By}} {
		if d.text == "" {
			continue
		}
		parsed, err := time.ParseDuration(d.text)
		if err != nil {
			return fmt.Errorf("nemesis: fault: %s: %w", d.name, err)
		}
		*d.to = parsed
	}
	*f = read
	return nil
}
