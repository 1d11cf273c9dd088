package nemesis

import (
	"context"
	"fmt"
	"time"

	"github.com/a5bbb083/redlock/cmd/internal/effect"
	"github.com/a5bbb083/redlock/cmd/internal/wait"
)

// Faults of single commands. They do what TCP alone can't, and what a client library that repeats requests, a
// second connection, or a proxy with a pool of connections does. Commands that set up a connection, wait,
// subscribe or belong to a transaction pass as they are.
const (
	// Duplicate has commands of Clients carried out twice; half of the time it's the second reply that the client
	// gets, and always with Each.
	Duplicate Kind = "duplicate"
	// Replay has commands of Clients carried out once more, after a time of up to By, or exactly By with Each.
	Replay Kind = "replay"
	// Reorder has commands of Clients overtaken by the next one on the same link, on whatever connection, if that
	// comes within By: half of those that could be, and all of them with Each.
	Reorder Kind = "reorder"
)

var duplicate = Type{
	Kind: Duplicate, Scope: OnLinks, link: tampers("carried out twice", askedOnce),
	Variants: []Variant{{
		Name: "duplicate", Claim: Pauses, About: "commands are carried out twice, and either reply reaches the client",
		draw: func(d Dice) []Fault {
			return []Fault{{Kind: Duplicate, Nodes: d.nodes(), Clients: d.clients(), For: d.ttls(0.2, 2)}}
		},
	}},
}

var replay = Type{
	Kind: Replay, Scope: OnLinks, check: checkSpan, link: tampers("carried out again", askedOnce),
	Variants: []Variant{{
		Name: "replay", Claim: Pauses, About: "commands are carried out again, up to 1.5 TTLs later",
		draw: func(d Dice) []Fault {
			return []Fault{{Kind: Replay, Nodes: d.nodes(), Clients: d.clients(), By: d.ttls(0.01, 1.5), For: d.ttls(1, 3)}}
		},
	}},
}

var reorder = Type{
	Kind: Reorder, Scope: OnLinks, check: checkSpan, link: tampers("overtaken", askedTwice),
	Variants: []Variant{{
		Name: "reorder", Claim: Pauses, About: "commands are overtaken by the next, on the same connection or another",
		draw: func(d Dice) []Fault {
			return []Fault{{Kind: Reorder, Nodes: d.nodes(), Clients: d.clients(), By: d.ttls(0.005, 0.15), For: d.ttls(0.2, 2)}}
		},
	}},
}

func checkSpan(f Fault) error {
	if f.By <= 0 {
		return fmt.Errorf("nemesis: fault %s by %v: give a duration above 0", f.Kind, f.By)
	}
	return nil
}

// tampers is a fault of commands. It shows on probes: what was done to them was done by the node, since it
// counts only once the node has answered, or on one connection in the other order.
func tampers(did string, ask func(context.Context, *Link)) *linkFault {
	return &linkFault{
		hit:  func(f Fault, l *Link) { l.tamper(f.Kind, f.By, f.Each) },
		heal: func(_ Fault, l *Link) int64 { return l.untamper() },
		shown: func(ctx context.Context, _ Fault, links []*Link) (string, bool) {
			ctx, cancel := context.WithTimeout(ctx, patience)
			defer cancel()
			seen := 0
			for _, l := range links {
				if l.showsTampering(ctx, ask) {
					seen++
				}
			}
			return fmt.Sprintf("probes on %d of %d were %s", seen, len(links), did), seen > 0
		},
		change: func(f Fault) effect.Change { return effect.Change{State: effect.Tampered, Detail: string(f.Kind)} },
	}
}

// showsTampering asks until something was done to a probe.
func (l *Link) showsTampering(ctx context.Context, ask func(context.Context, *Link)) bool {
	t := l.tampered.Load()
	for t != nil && t.probed.Load() == 0 {
		ask(ctx, l)
		if wait.For(ctx, time.Millisecond) != nil {
			return t.probed.Load() > 0
		}
	}
	return t != nil
}

func askedOnce(ctx context.Context, l *Link) { _, _ = l.Probe(ctx) }

// askedTwice sends two commands in one piece, and takes only the replies in the order of these.
func askedTwice(ctx context.Context, l *Link) {
	_, _ = l.ask(ctx, "*1\r\n$4\r\nPING\r\n*2\r\n$4\r\nECHO\r\n$3\r\ntwo\r\n", "+PONG\r\n$3\r\ntwo\r\n")
}
