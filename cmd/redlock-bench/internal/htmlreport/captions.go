package htmlreport

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/a5bbb083/redlock/cmd/internal/effect"
)

// captions explain what can be seen in sketches, and no more.
func (d drawing) captions(fault *effect.Proof, sketches ...*timeline) []string {
	var all []string
	if fault != nil {
		if reach := d.reach(fault.Began); reach != "" {
			all = append(all, reach)
		}
	}
	bars := "A client’s bar is a span in which it believed that it held the lock; the number is how long that is."
	if d.TTL > 0 {
		bars += fmt.Sprintf(" A lock lives for %v (its TTL), counted from the request for it, and again from each extension. A client stops believing a little earlier, since clocks may drift.", d.TTL)
	}
	all = append(all, bars)
	for _, c := range []struct {
		lane, row, caption string
	}{
		{"node", "key", "key: whose lock the node had in its memory, in the colour of that client. Grey is a client that wasn’t granted the lock."},
		{"node", "clock", "clock: by how much the node’s clock was wrong."},
		{"", "process", "process, hatched: it was stopped or down."},
	} {
		if slices.ContainsFunc(sketches, func(t *timeline) bool { return t.hasRow(c.lane, c.row) }) {
			all = append(all, c.caption)
		}
	}
	if slices.ContainsFunc(sketches, func(t *timeline) bool { return t.shows("no key seen") }) {
		all = append(all, "no key seen: whenever the harness looked, the node had nobody\u2019s key. One that\u2019s gone again within milliseconds isn\u2019t seen.")
	}
	if slices.ContainsFunc(sketches, func(t *timeline) bool { return t.Begin < t.Seen && t.Seen < t.End }) {
		all = append(all, "The recording ends, at the dotted line, when the clients have done what there was to do. Their beliefs go on until the time that they had been told with the lock, and so may an overlap.")
	}
	return all
}

// hasRow tells whether there's such a row; in any kind of lane if that's "".
func (t *timeline) hasRow(kind, row string) bool {
	return slices.ContainsFunc(t.Lanes, func(l lane) bool { return (kind == "" || l.Kind == kind) && slices.Contains(l.Rows, row) })
}

// shows tells whether an item has that label.
func (t *timeline) shows(label string) bool {
	return slices.ContainsFunc(t.Lanes, func(l lane) bool {
		return slices.ContainsFunc(l.Items, func(i item) bool { return i.Label == label })
	})
}

// reach says which nodes each client could reach at an instant, if not all; empty if all could reach all.
func (d drawing) reach(at time.Duration) string {
	cut := make(map[[2]int]bool)
	for client := range d.Clients {
		for node := range d.Nodes {
			states := d.states(func(c effect.Change) bool {
				return c.State == effect.CutOff && c.Node == effect.NodeName(node) && slices.Contains(c.Clients, client)
			})
			cut[[2]int{client, node}] = slices.ContainsFunc(states, func(s state) bool { return s.from <= at && at < s.until })
		}
	}
	var said, common []string
	for client, name := range d.Clients {
		if nodes := d.reached(client, cut); len(nodes) < d.Nodes {
			said = append(said, fmt.Sprintf("%s reaches %s", name, listed(nodes)))
		}
	}
	if said == nil {
		return ""
	}
	for node := range d.Nodes {
		if !slices.ContainsFunc(d.Clients, func(name string) bool { return cut[[2]int{d.client(name) - 1, node}] }) {
			common = append(common, effect.NodeName(node))
		}
	}
	text := capitalised(strings.Join(said, "; ")) + "."
	if len(common) > 0 && len(said) == 2 && len(d.Clients) == 2 {
		text += fmt.Sprintf(" They have %s in common.", listed(common))
	}
	return text
}

// reached are the nodes that a client isn't cut off from.
func (d drawing) reached(client int, cut map[[2]int]bool) []string {
	var nodes []string
	for node := range d.Nodes {
		if !cut[[2]int{client, node}] {
			nodes = append(nodes, effect.NodeName(node))
		}
	}
	return nodes
}

// listed names nodes: "only node C", "only nodes A, B and C".
func listed(nodes []string) string {
	switch last := len(nodes) - 1; last {
	case -1:
		return "no node"
	case 0:
		return "only node " + nodes[0]
	default:
		return "only nodes " + strings.Join(nodes[:last], ", ") + " and " + nodes[last]
	}
}
