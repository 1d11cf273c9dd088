package htmlreport

import (
	"fmt"
	"slices"

	"github.com/a5bbb083/redlock/cmd/internal/effect"
)

// nodes are the lanes of the nodes.
func (d drawing) nodes() []lane {
	var lanes []lane
	for i := range d.Nodes {
		name := effect.NodeName(i)
		l := lane{Name: "node " + name, Kind: "node", Rows: []string{"key"}, Items: []item{}}
		d.addKeys(&l, name)
		d.addStandstill(&l, func(c effect.Change) bool { return c.Node == name })
		for client := range d.Clients {
			d.addLink(&l, name, client)
		}
		d.addClock(&l, name)
		lanes = append(lanes, l)
	}
	return lanes
}

// addKeys adds who was seen to have the lock's key.
func (d drawing) addKeys(l *lane, node string) {
	for _, k := range d.Keys {
		if k.Node != node {
			continue
		}
		i := d.span("key", 0, k.From, k.Until)
		var who string
		switch owners := d.owners(k.Value); len(owners) {
		case 0:
			i.Label, who = "not granted", "a client that wasn't granted the lock"
		case 1:
			i.Client, i.Label = owners[0], d.Clients[owners[0]-1]
			who = i.Label
		default:
			i.Label, who = fmt.Sprintf("%.8s", k.Value), "one of several clients that use the same value"
		}
		i.Text = fmt.Sprintf("%s had the lock's key for %s with the value %.12q", l.Name, who, k.Value)
		l.Items = append(l.Items, i)
	}
}

// owners returns the numbers of the clients that were granted a lock under a value.
func (d drawing) owners(value string) []int {
	var owners []int
	for _, o := range d.Operations {
		if n := d.client(o.Client); o.Token == value && value != "" && !slices.Contains(owners, n) {
			owners = append(owners, n)
		}
	}
	return owners
}

// addLink adds a row for the link to one client, if anything befell it.
func (d drawing) addLink(l *lane, node string, client int) {
	states := d.states(func(c effect.Change) bool { return c.Node == node && slices.Contains(c.Clients, client) })
	if len(states) == 0 {
		return
	}
	row := l.addRow(fmt.Sprintf("link %d", client+1))
	for _, s := range states {
		i := d.span("cut", row, s.from, s.until)
		i.Client = client + 1
		i.Label = "cut"
		i.Text = fmt.Sprintf("nothing passed between %s and %s", l.Name, d.Clients[client])
		switch {
		case s.State == effect.Slow:
			i.Kind, i.Label = "slow", s.Detail
			i.Text = fmt.Sprintf("messages between %s and %s took %s longer", l.Name, d.Clients[client], s.Detail)
		case s.State == effect.Tampered:
			i.Kind, i.Label = "slow", s.Detail
			i.Text = fmt.Sprintf("commands of %s to %s: %s", d.Clients[client], l.Name, s.Detail)
		case s.Detail != "":
			i.Label = "cut: " + s.Detail
			i.Text = fmt.Sprintf("no %s passed between %s and %s", s.Detail, l.Name, d.Clients[client])
		}
		l.Items = append(l.Items, i)
	}
}

// addClock adds a row for how the node's clock differs, if it does.
func (d drawing) addClock(l *lane, node string) {
	states := d.states(func(c effect.Change) bool { return c.Node == node && c.State == effect.Bent })
	if len(states) == 0 {
		return
	}
	row := l.addRow("clock")
	for _, s := range states {
		i := d.span("clock", row, s.from, s.until)
		i.Label, i.Text = s.Detail, fmt.Sprintf("%s's clock against the host's: %s", l.Name, s.Detail)
		l.Items = append(l.Items, i)
	}
}
