package htmlreport

import (
	"fmt"
	"strings"
	"time"

	"github.com/a5bbb083/redlock/cmd/internal/effect"
)

// addLists adds a row for the nodes of which a client's lock needed a majority, where clients were started anew with others.
func (d drawing) addLists(l *lane, client int) {
	if len(d.Restarts) == 0 {
		return
	}
	row := l.addRow("nodes")
	add := func(from, until time.Duration) {
		lists := d.Lists(client, from)
		i := d.span("list", row, from, until)
		i.Label = strings.Join(listNames(lists), " + ")
		i.Text = fmt.Sprintf("%s needed a majority of the nodes %s", l.Name, strings.Join(listNames(lists), ", and one of "))
		l.Items = append(l.Items, i)
	}
	from, running := d.Start, true
	for _, r := range d.Restarts {
		if r.Client != l.Name {
			continue
		}
		if running {
			add(from, r.Ended)
		}
		from, running = r.Began, r.Began > 0
	}
	if running {
		add(from, d.End)
	}
}

func listNames(lists [][]int) []string {
	names := make([]string, len(lists))
	for i, list := range lists {
		for _, node := range list {
			names[i] += effect.NodeName(node)
		}
	}
	return names
}
