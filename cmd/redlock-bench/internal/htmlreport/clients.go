package htmlreport

import (
	"fmt"
	"slices"
	"time"

	"github.com/a5bbb083/redlock/cmd/internal/effect"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/history"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/protocol"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/spoken"
)

// The rows of a client's lane.
const (
	requestsRow = iota
	beliefsRow
)

// clients are the lanes of the clients.
func (d drawing) clients() []lane {
	var lanes []lane
	for i, name := range d.Clients {
		l := lane{Name: name, Kind: "client", Rows: []string{"asks", "believes"}, Items: []item{}}
		for _, o := range d.Operations {
			if o.Client == name {
				l.Items = append(l.Items, d.operation(o))
			}
		}
		for _, b := range d.beliefs {
			if b.Holder.Client == name {
				l.Items = append(l.Items, d.belief(b))
			}
		}
		d.addStandstill(&l, func(c effect.Change) bool { return c.Node == "" && slices.Contains(c.Clients, i) })
		d.addLists(&l, i)
		lanes = append(lanes, l)
	}
	return lanes
}

// troubles are the states of a process that hinder it.
var troubles = []effect.State{effect.Stopped, effect.Down, effect.Shut, effect.Unsound}

// addStandstill adds a row for when a process was stopped or down, or lacked what it needs, if it did. The changes that
// concern it are wanted.
func (d drawing) addStandstill(l *lane, wanted func(effect.Change) bool) {
	states := d.states(func(c effect.Change) bool { return slices.Contains(troubles, c.State) && wanted(c) })
	if len(states) == 0 {
		return
	}
	row := l.addRow("process")
	for _, s := range states {
		i := d.span("still", row, s.from, s.until)
		i.Label, i.Text = string(s.State), fmt.Sprintf("%s was %s", l.Name, s.State)
		switch s.State {
		case effect.Shut:
			i.Label, i.Text = s.Detail, fmt.Sprintf("%s took no connections: it had %s", l.Name, s.Detail)
		case effect.Unsound:
			i.Label, i.Text = "disk: "+s.Detail, fmt.Sprintf("%s had a disk that was %s", l.Name, s.Detail)
		}
		l.Items = append(l.Items, i)
	}
}

// asked says what a client wanted.
var asked = map[protocol.Op]string{
	protocol.Acquire: "asked for the lock",
	protocol.Extend:  "asked to extend its lock",
	protocol.Release: "gave its lock back",
	protocol.Check:   "looked at its lock",
	protocol.Read:    "read the resource",
	protocol.Write:   "wrote to the resource",
}

func (d drawing) operation(o history.Operation) item {
	until := o.Returned
	if o.Open() {
		until = d.end
	}
	i := d.span("granted", requestsRow, o.Invoked, until)
	i.Client = d.client(o.Client)
	i.Text = fmt.Sprintf("%s %s: ", o.Client, asked[o.Op])
	switch {
	case o.Open():
		i.Kind = "open"
		i.Text += "no reply"
	case !o.OK:
		i.Kind = "refused"
		i.Text += "no: " + o.Error
	case o.Op == protocol.Acquire:
		i.Text += "granted"
	default:
		i.Text += "done"
	}
	if o.OK && o.Fence > 0 {
		i.Text += fmt.Sprintf(", token %d", o.Fence)
	}
	return i
}

func (d drawing) belief(b history.Belief) item {
	i := d.span("believes", beliefsRow, b.From, b.Until)
	i.Client, i.Text = d.client(b.Holder.Client), b.Holder.Client+" believed that it held the lock"
	if !b.Certain {
		i.Kind, i.Text = "maybe", b.Holder.Client+" may have believed that it held the lock: its operation never returned"
		return i
	}
	i.Label = spoken.Duration(b.Until - b.From)
	i.Text += d.beyond(b.Until)
	return i
}

// state is a span for which a fault lasted.
type state struct {
	effect.Change
	from, until time.Duration
}

// states pairs the beginnings and ends of the faults whose changes are wanted. Each span is the
// one for which the state is certain: from when it was first seen until its end began.
func (d drawing) states(wanted func(effect.Change) bool) []state {
	var all []state
	open := make(map[effect.State]int) // places in all
	end := func(s effect.State, at time.Duration) {
		if i, ok := open[s]; ok {
			all[i].until = max(all[i].from, at)
			delete(open, s)
		}
	}
	for _, p := range d.Faults {
		switch {
		case p.Change.State == "" || !wanted(p.Change):
			continue
		case p.Change.Over:
			end(p.Change.State, p.Began)
			continue
		case p.Change.State == effect.Down:
			end(effect.Stopped, p.Seen)
		}
		end(p.Change.State, p.Seen)
		open[p.Change.State] = len(all)
		all = append(all, state{p.Change, p.Seen, d.End})
	}
	return all
}
