package chaos

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/a5bbb083/redlock/cmd/internal/cluster"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/nemesis"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/protocol"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/spoken"
)

// The limits keep pauses of a few TTLs within what a client is waited for.
const (
	MinTTL      = 200 * time.Millisecond
	MaxTTL      = 5 * time.Second
	MaxDuration = 24 * time.Hour
	MaxClients  = 32
)

// Plan is a schedule of faults, and what it was made for.
type Plan struct {
	Seed     int64                 `json:"seed"`             // also of what clients do
	Nodes    int                   `json:"nodes"`            // that clients are told of at first
	Spares   int                   `json:"spares,omitempty"` // that they aren't, and that come after those
	Clients  int                   `json:"clients"`
	TTL      protocol.Milliseconds `json:"ttl_ms"`
	Duration protocol.Milliseconds `json:"duration_ms"`
	Claim    Claim                 `json:"claim,omitempty"` // that it puts to the test, if it was made for one
	Faults   []nemesis.Fault       `json:"faults"`          // in the order of time
}

// ReadPlan reads the JSON of a plan and validates it.
func ReadPlan(r io.Reader) (Plan, error) {
	decoder := json.NewDecoder(r)
	decoder.DisallowUnknownFields()
	var p Plan
	if err := decoder.Decode(&p); err != nil {
		return Plan{}, fmt.Errorf("chaos: plan: %w", err)
	}
	return p, p.Validate()
}

// WriteJSON writes what [ReadPlan] reads, with a line for each fault.
func (p Plan) WriteJSON(w io.Writer) error {
	head := p
	head.Faults = []nemesis.Fault{}
	start, err := json.Marshal(head)
	if err != nil {
		return err
	}
	text := append(start[:len(start)-len("]}")], '\n')
	for i, f := range p.Faults {
		line, err := json.Marshal(f)
		if err != nil {
			return err
		}
		if i < len(p.Faults)-1 {
			line = append(line, ',')
		}
		text = append(append(append(text, "  "...), line...), '\n')
	}
	_, err = w.Write(append(text, "]}\n"...))
	return err
}

// Fingerprint is a short name for exactly this plan.
func (p Plan) Fingerprint() string {
	hash := sha256.New()
	_ = p.WriteJSON(hash) // a hash takes everything, and all plans can be written
	return hex.EncodeToString(hash.Sum(nil))[:12]
}

// Validate tells whether the plan can be carried out at all. It may still leave the safety
// model, see [Plan.Outside].
func (p Plan) Validate() error {
	ttl, duration := p.TTL.Duration(), p.Duration.Duration()
	switch {
	case p.Nodes < 1:
		return fmt.Errorf("chaos: %d nodes: give at least 1, and better 5", p.Nodes)
	case p.Spares < 0 || p.Spares > 1:
		return fmt.Errorf("chaos: %d spare nodes: give 0 or 1", p.Spares)
	case p.Clients < 1 || p.Clients > MaxClients:
		return fmt.Errorf("chaos: %d clients: give from 1 to %d", p.Clients, MaxClients)
	case ttl < MinTTL || ttl > MaxTTL:
		return fmt.Errorf("chaos: TTL of %v: give from %v to %v", ttl, MinTTL, MaxTTL)
	case duration < 5*ttl || duration > MaxDuration:
		return fmt.Errorf("chaos: duration of %v: give from %v (5 TTLs) to %v", duration, 5*ttl, MaxDuration)
	case !slices.IsSortedFunc(p.Faults, func(a, b nemesis.Fault) int { return int(a.At - b.At) }):
		return fmt.Errorf("chaos: the faults of the plan aren't in the order of time; sort them by \"at\"")
	}
	for _, f := range p.Faults {
		if err := p.validate(f); err != nil {
			return err
		}
	}
	return nil
}

// Suits tells whether nodes of the backend can have all faults of the plan.
func (p Plan) Suits(backend cluster.Backend) error {
	for _, f := range p.Faults {
		if !f.On(backend) {
			return fmt.Errorf("chaos: nodes of the backend %s can't have the fault %q", backend, f)
		}
	}
	return nil
}

func (p Plan) validate(f nemesis.Fault) error {
	switch {
	case f.Hits(nemesis.OnClients) && (f.For <= 0 || f.For > 3*MaxTTL):
		return fmt.Errorf("chaos: fault %s for %v: give a span of at most %v", f.Kind, f.For, 3*MaxTTL)
	case f.Memory == cluster.PowerLoss:
		return fmt.Errorf("chaos: fault %s: memory %q needs a checkpoint just before, which chaos doesn't take; give %q or %q",
			f.Kind, f.Memory, cluster.Keep, cluster.Lose)
	case f.Hits(nemesis.OnNodes) && len(f.Nodes) > 1:
		return fmt.Errorf("chaos: fault %s: it has %d nodes; give each a fault of its own", f.Kind, len(f.Nodes))
	}
	if err := f.Validate(p.all(), p.Clients); err != nil {
		return err
	}
	if f.Hits(nemesis.OnVoters) && p.Spares == 0 {
		return fmt.Errorf("chaos: fault %s: there is no node to take the place; give \"spares\": 1", f.Kind)
	}
	if !slices.Contains(Kinds(), KindOf(f)) {
		return fmt.Errorf("chaos: fault %s: chaos has no %q; there are %s", f.Kind, KindOf(f), strings.Join(Kinds(), ", "))
	}
	return nil
}

// all is the number of nodes, the spare one included.
func (p Plan) all() int { return p.Nodes + p.Spares }

// NodesText says how many nodes there are.
func (p Plan) NodesText(backend string) string {
	text := spoken.Count(p.Nodes, backend+" node")
	if p.Spares > 0 {
		text += " and a spare one"
	}
	return text
}

// Outside returns the faults that leave the safety model.
func (p Plan) Outside() []nemesis.Fault {
	kept := p
	kept.Faults = nil
	var outside []nemesis.Fault
	for _, f := range p.Faults {
		if !kept.withinModel(f) {
			outside = append(outside, f)
		}
		kept.Faults = append(kept.Faults, f)
	}
	return outside
}
