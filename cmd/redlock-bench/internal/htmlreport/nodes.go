package htmlreport

import (
	"fmt"
	"slices"

	"github.com/a5bbb083/redlock/cmd/internal/cluster"
)

// nodes are the lanes of the nodes.
func (d drawing) nodes() []lane {
	var lanes []lane
	for i := range d.Nodes {
		name := cluster.NodeName(i)
		l := lane{Name: "node " + name, Kind: "node", Rows: []string{"key"}, Items: []item{}}
		d.addKeys(&l, name)
		d.addStandstill(&l, func(c cluster.Change) bool { return c.Node == name })
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
		i.Label = fmt.Sprintf("%.8s", k.Value)
		who := "a client that was refused, or that shares this value with others,"
		if owner := d.owner(k.Value); owner > 0 {
			i.Client, i.Label = owner, d.Clients[owner-1]
			who = i.Label
		}
		i.Text = fmt.Sprintf("%s had the lock's key for %s with the value %.12q", l.Name, who, k.Value)
		l.Items = append(l.Items, i)
	}
}

// owner returns the number of the one client that was granted a lock under a value; 0 if there is
// none, or more than one.
func (d drawing) owner(value string) int {
	owner := 0
	for _, o := range d.Operations {
		if o.Token != value || o.Token == "" {
			continue
		}
		switch n := d.client(o.Client); owner {
		case 0, n:
			owner = n
		default:
			return 0
		}
	}
	return owner
}

// addLink adds a row for the link to one client, if anything befell it.
func (d drawing) addLink(l *lane, node string, client int) {
	states := d.states(func(c cluster.Change) bool { return c.Node == node && slices.Contains(c.Clients, client) })
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
		case s.State == cluster.Slow:
			i.Kind, i.Label = "slow", s.Detail
			i.Text = fmt.Sprintf("messages between %s and %s took %s longer", l.Name, d.Clients[client], s.Detail)
		case s.State == cluster.Tampered:
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
	states := d.states(func(c cluster.Change) bool { return c.Node == node && c.State == cluster.Bent })
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
